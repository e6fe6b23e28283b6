"""How far long work has come: whoever does it says so, whoever started it hears it, and nobody in between carries it along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Hearer: TypeAlias = Callable[[int, int], None]

_hearer: ContextVar[Hearer | None] = ContextVar("progress_hearer", default=None)


@contextmanager
def heard_by(hearer: Hearer) -> Iterator[None]:
    """Let *hearer* hear (done, of) of all work inside the block; of 0: how much there is is not known."""
    token = _hearer.set(hearer)
    try:
        yield
    finally:
        _hearer.reset(token)


def progress(done: int, of: int = 0) -> None:
    """Say how much is done; costs nothing where nobody listens."""
    hearer = _hearer.get()
    if hearer is not None:
        hearer(done, of)
