"""How much of the pace was used while there was something to do with it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.soak.calls import Call
from tests.soak.samples import Sample

DEMAND = 0.9
"""Of the time between two looks, for how much somebody must have waited for the rate, the silence aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Of the time in which somebody always waited: how long it was, what pace and cap allowed in it, and the calls that came."""

    seconds: float
    allowed: float
    capped: float
    calls: int

    @property
    def share(self) -> float:
        """Give how much of the pace in force was used; 1 where there was never need."""
        return self.calls / self.allowed if self.allowed else 1.0

    @property
    def of_cap(self) -> float:
        """The same of the cap, which the pace finds again by steps after each time that it was told to slow down."""
        return self.calls / self.capped if self.capped else 1.0


def use(samples: Sequence[Sample], calls: Sequence[Call], platform: str, *, cap_per_s: float) -> Use:
    """Take each span between two looks in which somebody waited for the rate and the pace stayed the same; silence is left out."""
    times = sorted(call.came for call in calls)
    seconds = allowed = capped = 0.0
    count = 0
    for before, after in pairwise(each for each in samples if each.taken_at):
        span_s = after.taken_at - before.taken_at
        silent_s, waited_s = (
            after.figure("throttled_seconds_total", platform, why) - before.figure("throttled_seconds_total", platform, why)
            for why in ("closed", "rate")
        )
        rates = {each.figure("pace_rate_per_second", platform) for each in (before, after)}
        open_s = span_s - silent_s
        if open_s <= 0 or len(rates) > 1 or waited_s < DEMAND * open_s:
            continue
        seconds, allowed, capped = seconds + open_s, allowed + open_s * rates.pop(), capped + open_s * cap_per_s
        count += bisect_left(times, after.taken_at) - bisect_left(times, before.taken_at)
    return Use(seconds=seconds, allowed=allowed, capped=capped, calls=count)
