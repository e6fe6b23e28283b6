"""A clock whose time passes only when everybody sleeps, and a server bucket that lives on it."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import anyio
from anyio.lowlevel import checkpoint

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """Sleepers wake in order of time, at the first moment nothing else can run."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.at = 0.0
        self.late_s = late_s     # how much later than asked every sleeper wakes, like a coarse timer
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._order = 0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    def steady(self) -> datetime:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await checkpoint()
            return
        self._order += 1
        wake = anyio.Event()
        heapq.heappush(self._sleepers, (self.at + seconds + self.late_s, self._order, wake))
        await wake.wait()

    async def drive(self) -> None:
        """Let time pass for as long as somebody sleeps; runs until cancelled."""
        while True:
            for _ in range(12):
                await checkpoint()
            if self._sleepers:
                due, _, wake = heapq.heappop(self._sleepers)
                self.at = max(self.at, due)     # who moved the clock by hand let all of them sleep too long
                wake.set()

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[VirtualClock]:
        """Let time pass within the block."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.drive)
            yield self
            tasks.cancel_scope.cancel()


class Bucket:
    """The token bucket of a server: what it does not hold is a 429."""

    def __init__(self, clock: VirtualClock, rate_per_s: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at = clock.at
        self.accepted: list[float] = []
        self.refused = 0

    def take(self) -> bool:
        now = self._clock.at
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            self.refused += 1
            return False
        self._tokens -= 1
        self.accepted.append(now)
        return True
