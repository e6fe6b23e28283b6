"""A small model checker, and the bounds that the models of the write protocol share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache
from typing import TypeVar

from streamflow.stages.doubt import QuietTime

TIMEOUT, LATE, LAG = 1, 2, 2
"""Steps of time: until a client gives up, until what was taken on takes effect, until it is seen."""
QUIET = QuietTime(timeout_s=TIMEOUT, late_commit_s=LATE, search_lag_s=LAG)
WEAK_QUIETS: Mapping[str, QuietTime] = {
    "no quiet time": QuietTime(timeout_s=0, late_commit_s=0, search_lag_s=0),
    "without the lag": QuietTime(timeout_s=TIMEOUT, late_commit_s=LATE, search_lag_s=0),
    "without late commits": QuietTime(timeout_s=TIMEOUT, late_commit_s=0, search_lag_s=LAG),
}
"""Waits that leave out one of the bounds: with each of them a model of making something has to find two."""

P = TypeVar("P", bound=Hashable)
W = TypeVar("W", bound=Hashable)


def explore(start: W, steps: Callable[[W], Iterable[W]], is_broken: Callable[[W], bool]) -> tuple[set[W], W | None]:
    """Give all worlds that can be reached, nearest first, up to the first one in which a promise is broken; None where none is."""
    seen, todo = {start}, deque([start])
    while todo:
        world = todo.popleft()
        if is_broken(world):
            return seen, world
        for following in steps(world):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return seen, None


def explorer(
    start: W, steps: Callable[[W, P], Iterable[W]], is_broken: Callable[[W], bool]
) -> Callable[[P], tuple[set[W], W | None]]:
    """Give what explores the worlds that a protocol leads to, each protocol once; answers as `explore`."""

    @cache
    def explored(protocol: P) -> tuple[set[W], W | None]:
        return explore(start, lambda world: steps(world, protocol), is_broken)

    return explored
