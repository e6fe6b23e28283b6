"""What lies the request being answered is to be told; lists look here, however deep they lie in a platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_NONE: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
_LIES: ContextVar[Mapping[str, Mapping[str, Any]]] = ContextVar("lies", default=_NONE)
_MOVED_ROWS = 3


@contextmanager
def telling(lies: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Let these rules, by name, hold for what is answered within the block."""
    token = _LIES.set(lies)
    try:
        yield
    finally:
        _LIES.reset(token)


def lies(name: str) -> bool:
    """Say whether this request is to be told that lie."""
    return name in _LIES.get()


def offset_of(start: int, size: int) -> int:
    """Give where the page that should start at row *start* starts."""
    if lies("no_paging"):
        return 0
    if lies("same_page"):
        start = max(0, start - size)
    rule = _LIES.get().get("moved_rows")
    return max(0, start + int(rule.get("rows", _MOVED_ROWS))) if rule is not None and start else start


def size_of(size: int, total: int) -> int:
    """Give how many rows a page of *size* has; *total* is all there are."""
    return max(size, total) if lies("no_paging") else size
