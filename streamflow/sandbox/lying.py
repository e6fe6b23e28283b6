"""What lies the request being answered is to be told; lists look here, however deep they lie in a platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Lies:
    """What a request is to be told, by name, and what of it made a difference to the answer."""

    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)


_OF_PAGES = ("same_page", "no_paging", "moved_rows")
_LIES: ContextVar[Lies | None] = ContextVar("lies", default=None)
_MOVED_ROWS = 3


@contextmanager
def telling(rules: Mapping[str, Mapping[str, Any]]) -> Iterator[set[str]]:
    """Let these rules, by name, hold for what is answered within the block; gives the names of those that were told, as they are."""
    lies = Lies(rules=rules)
    token = _LIES.set(lies)
    try:
        yield lies.told
    finally:
        _LIES.reset(token)


def lies(name: str) -> bool:
    """Say whether this request is to be told that lie: whoever asks tells it then, so that only who has something to lie about asks."""
    current = _LIES.get()
    if current is None or name not in current.rules:
        return False
    current.told.add(name)
    return True


def cut(start: int, size: int, count: Callable[[], int]) -> tuple[int, int]:
    """Give where the page that should start at row *start* starts, and how many rows it has; *count* gives how many there are in all."""
    current, now = _LIES.get(), (start, size)
    names = [name for name in _OF_PAGES if current is not None and name in current.rules]
    if current is None or not names:
        return now
    total = count()
    for name in names:
        lied = _lied(name, current.rules[name], *now, total)
        if _rows(*lied, total) != _rows(*now, total):     # of a list that is one page none of them changes anything
            current.told.add(name)
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
