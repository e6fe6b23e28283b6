"""What a wrong name in a map or a pair was perhaps meant to be."""

from __future__ import annotations

from collections.abc import Iterable

from streamflow.spelling import nearest


def near(name: str, known: Iterable[str]) -> str:
    """Give "; did you mean 'x'?" for a near miss, else nothing."""
    close = nearest(name, known)
    return f"; did you mean {close!r}?" if close else ""
