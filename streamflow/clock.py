"""The door to time: wall clock, monotonic clock and sleep enter the program here and nowhere else."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

import anyio


class Clock(Protocol):
    """What the program may know of time; tests replace it."""

    def now(self) -> datetime:
        """Give the wall clock as aware UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never step, from an arbitrary start."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; returns at once for zero or less, after a checkpoint."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(0.0, seconds))


def iso(moment: datetime) -> str:
    """Write an aware moment as RFC 3339 in UTC with seconds, the form used in the ledger and in reports."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> datetime:
    """Read what `iso` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
