"""Where a simulated server reads the time of day."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where a simulated server reads the time of day, in Unix seconds."""

    def now(self) -> float:
        """Return Unix seconds; must not go backwards."""
        ...


class SystemClock:
    """The real time of day."""

    def now(self) -> float:
        """Return Unix seconds."""
        return time.time()


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return Unix seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._now += seconds
