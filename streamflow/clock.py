"""The door to time: wall clock, monotonic clock and sleep enter the program here and nowhere else."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import anyio


class Clock(Protocol):
    """What the program may know of time; tests replace it."""

    def now(self) -> datetime:
        """Give the wall clock as aware UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never step, from an arbitrary start."""
        ...

    def steady(self) -> datetime:
        """
        Give the wall clock as it would be had nobody set it since this process began, as aware UTC.

        Where the time between two moments decides, both of this process, and one of them is kept as a text. Whoever shows a moment to
        people, or compares it with what another machine noted, asks `now`.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; returns at once for zero or less, after a checkpoint."""
        ...


_BEGAN: Final = datetime.now(UTC) - timedelta(seconds=time.monotonic())
"""What the wall clock said when the monotonic one began, by what both say as the process begins."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def steady(self) -> datetime:
        return _BEGAN + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(0.0, seconds))


def iso(moment: datetime) -> str:
    """Write an aware moment as RFC 3339 in UTC with seconds, the form used in the ledger and in reports."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> datetime:
    """Read what `iso` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
