"""Clock times that summer time doubles or leaves out, for accounts whose naive times run over them."""

from __future__ import annotations

from datetime import datetime, timedelta


def odd_hours(first_year: int, last_year: int) -> list[datetime]:
    """List the clock times that Europe and North America have twice or not at all, oldest first."""
    moments = []
    for year in range(first_year, last_year + 1):
        moments += [
            _sunday(year, 3, 8) + timedelta(hours=2, minutes=30),  # missing in New York
            _sunday(year, 3, 25) + timedelta(hours=2, minutes=30),  # missing in Berlin
            _sunday(year, 10, 25) + timedelta(hours=2, minutes=30),  # twice in Berlin
            _sunday(year, 11, 1) + timedelta(hours=1, minutes=30),  # twice in New York
        ]
    return moments


def american_odd_hours(first_year: int, last_year: int) -> list[datetime]:
    """List those of North America alone, oldest first: each missing one in March, each doubled one in November."""
    return [moment for moment in odd_hours(first_year, last_year) if moment.month == 11 or (moment.month == 3 and moment.day < 15)]


def _sunday(year: int, month: int, earliest_day: int) -> datetime:
    day = datetime(year, month, earliest_day)
    return day + timedelta(days=6 - day.weekday())
