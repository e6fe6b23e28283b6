"""What lies the request being answered is to be told; lists look here, however deep they lie in a platform."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Lies:
    """
    What a request is to be told.

    Args:
        rules: By name.
        tempted: Names of lies that other requests are told, so that it is counted where they would make a difference.
        told: Those that made a difference to this answer.
        possible: Those that could have.
    """

    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tempted: Collection[str] = ()
    told: set[str] = field(default_factory=set)
    possible: set[str] = field(default_factory=set)


_OF_PAGES = ("same_page", "no_paging", "moved_rows")
_LIES: ContextVar[Lies | None] = ContextVar("lies", default=None)
_MOVED_ROWS = 3


@contextmanager
def telling(rules: Mapping[str, Mapping[str, Any]], tempted: Collection[str]) -> Iterator[Lies]:
    """Let these rules, by name, hold for what is answered within the block; gives what comes of them."""
    lies = Lies(rules=rules, tempted=tempted)
    token = _LIES.set(lies)
    try:
        yield lies
    finally:
        _LIES.reset(token)


def lies(name: str) -> bool:
    """Say whether this request is to be told that lie: whoever asks tells it then, so that only who has something to lie about asks."""
    current = _LIES.get()
    if current is None or name not in current.tempted:
        return False
    current.possible.add(name)
    if name in current.rules:
        current.told.add(name)
    return name in current.rules


def cut(start: int, size: int, count: Callable[[], int]) -> tuple[int, int]:
    """Give where the page that should start at row *start* starts, and how many rows it has; *count* gives how many there are in all."""
    current, now = _LIES.get(), (start, size)
    names = [name for name in _OF_PAGES if current is not None and name in current.tempted]
    if current is None or not names:
        return now
    total = count()
    for name in names:
        lied = _lied(name, current.rules.get(name, {}), *now, total)
        is_other = _rows(*lied, total) != _rows(*now, total)     # of a list that is one page none of them changes anything
        current.possible.update([name] if is_other else ())
        if name in current.rules:
            current.told.update([name] if is_other else ())
            now = lied
    return now


def _lied(name: str, rule: Mapping[str, Any], start: int, size: int, total: int) -> tuple[int, int]:
    if name == "no_paging":
        return 0, max(size, total)
    if name == "same_page":
        return max(0, start - size), size
    return (max(0, start + int(rule.get("rows", _MOVED_ROWS))) if start else start), size


def _rows(start: int, size: int, total: int) -> range:
    return range(total)[start : start + size]
