"""What a misspelt name was perhaps meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the known name that this one is a near miss of, whatever its case; "" when it is far from all."""
    by_lower = {each.lower(): each for each in known}
    return by_lower[close[0]] if (close := get_close_matches(name.lower(), list(by_lower), n=1)) else ""


def near(name: str, known: Iterable[str]) -> str:
    """Give ' (did you mean "x"?)' for a near miss, else nothing."""
    close = nearest(name, known)
    return f' (did you mean "{close}"?)' if close else ""
