"""Moments of a live account: the tenant's wall clock as text and as a number that sorts (lead-perfection.md 1.7)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from streamflow.sandbox.leadperfection.plan import text_of

_ZERO = datetime(1970, 1, 1)


def local_now(at: float, zone: ZoneInfo) -> datetime:
    """Give Unix seconds as the tenant's naive wall clock."""
    return datetime.fromtimestamp(at, zone).replace(tzinfo=None)


def local_text(at: float, zone: ZoneInfo) -> str:
    """Write Unix seconds as the platform does; the hour that autumn doubles is written alike both times."""
    return text_of(local_now(at, zone))


def number_of(moment: datetime) -> float:
    """Give a naive moment as seconds of the wall clock, for sorting and comparing only."""
    return (moment - _ZERO).total_seconds()


def number_of_text(text: str) -> float | None:
    """Give a stored time as such a number; None for a blank or for what is no time."""
    try:
        return number_of(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None
