"""
The pace of one platform: calls per second, calls in flight, and "closed until".

Why not aiolimiter behind this door: it reads the running loop's time instead of the clock it is given, its rate is fixed at birth
(replacing it forgets what was already spent, so a changed rate may exceed both), and it wakes waiters by itself, so that who waits
cannot be ordered. The cell-rate algorithm (GCRA) below keeps one number, `_due`: the moment at which everything granted so far is
paid for. A call may go when `_due` is at most `(burst - 1) / rate` ahead of now. In any span of t seconds that grants at most
`rate * t + burst` calls, and it loses nothing to late timers, because what was not used is caught up within the burst.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import anyio

from streamflow.clock import Clock
from streamflow.wire.message import BACKFILL

REASONS = ("rate", "in_flight", "closed")
"""Why the first in line has to wait: for the rate, for a place among the calls in flight, or since the platform asked for silence."""
FAIR_EVERY = 8        # grants in a row to more urgent callers before the others get one
SHARE_WINDOW_S = 10
TAKEN_AT_ONCE = 20    # calls a server is assumed to take at once, when nothing better is known
LEAST_BURST, MOST_BURST = 4.0, 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterStats:
    """The pace as the status shows it."""

    rate_per_s: float
    in_flight: int
    used_share: float                # of what the rate allowed in the last ten whole seconds, 0 to about 1
    closed_until: datetime | None    # aware UTC; None when open
    reason: str                      # why it is closed or slowed down; "" when neither
    waiting: int = 0
    waited_s: Mapping[str, float] = field(default_factory=dict)   # reason -> seconds the first in line has waited, all told


def fitting_burst(rate_per_s: float, max_in_flight: int) -> float:
    """
    Give how many calls may go at once, so that a server that takes `TAKEN_AT_ONCE` never sees more.

    Calls in flight may be held up on the way and arrive together, just before those that catch up: both must fit. A burst below
    `LEAST_BURST` would lose rate to late timers; one above a second's calls is none.
    """
    return max(1.0, min(rate_per_s, MOST_BURST, max(LEAST_BURST, float(TAKEN_AT_ONCE - max_in_flight))))


class Limiter(Protocol):
    """The door to the pace of one platform, shared by all its callers."""

    def slot(self, priority: int = BACKFILL) -> AbstractAsyncContextManager[None]:
        """Wait for a place among the calls in flight and for the rate, then hold the place; lower *priority* goes first."""
        ...

    def set_rate(self, rate_per_s: float, *, max_in_flight: int | None = None, reason: str = "") -> None:
        """Change the pace from now on; what was spent stays spent."""
        ...

    def close_for(self, seconds: float, reason: str) -> None:
        """Let nobody pass for this long (a longer closing stands); afterwards the pace resumes without a burst."""
        ...

    def stats(self) -> LimiterStats: ...


class _Ticket:
    """A place in line."""

    __slots__ = ("arrival", "nod", "priority")

    def __init__(self, priority: int, arrival: int) -> None:
        self.priority = priority
        self.arrival = arrival
        self.nod: anyio.Event | None = None      # made by who waits for it


class _Slot:
    """Holds one place among the calls in flight."""

    __slots__ = ("_limiter", "_priority")

    def __init__(self, limiter: PacedLimiter, priority: int) -> None:
        self._limiter = limiter
        self._priority = priority

    async def __aenter__(self) -> None:
        await self._limiter.enter(self._priority)

    async def __aexit__(self, *_: object) -> None:
        self._limiter.leave()


class PacedLimiter:
    """The limiter of one process. Callers of one priority go in the order they came; one grant in nine goes past the urgent ones."""

    def __init__(self, clock: Clock, *, rate_per_s: float, burst: float | None = None, max_in_flight: int = 8) -> None:
        self._clock = clock
        self._fixed_burst = burst
        self._max_in_flight = max(1, max_in_flight)
        self._in_flight = 0
        self._lines: dict[int, deque[_Ticket]] = {}
        self._arrivals = 0
        self._streak = 0
        self._sleep: anyio.CancelScope | None = None
        self._closed_until = 0.0       # monotonic
        self._closed_reason = ""
        self._slow_reason = ""
        self._waited_s = dict.fromkeys(REASONS, 0.0)
        self._grants: deque[list[int]] = deque()   # [whole second, grants in it]
        self._born = clock.monotonic()
        self._due = self._born
        self._rate = rate_per_s
        self.set_rate(rate_per_s)

    # --- the door

    def slot(self, priority: int = BACKFILL) -> AbstractAsyncContextManager[None]:
        """Give a context that waits for a place and the rate on entry; lower *priority* goes first."""
        return _Slot(self, priority)

    def set_rate(self, rate_per_s: float, *, max_in_flight: int | None = None, reason: str = "") -> None:
        """Change the pace from now on; what was spent stays spent. Raises ValueError for a rate that is not above zero."""
        if not rate_per_s > 0:
            raise ValueError("a rate must be above zero")
        base = max(self._clock.monotonic(), self._closed_until)
        debt_calls = max(0.0, self._due - base) * self._rate
        self._due = base + debt_calls / rate_per_s
        self._rate = rate_per_s
        self._slow_reason = reason
        if max_in_flight is not None:
            self._max_in_flight = max(1, max_in_flight)
        self._burst = self._fixed_burst if self._fixed_burst is not None else fitting_burst(rate_per_s, self._max_in_flight)
        self._poke()

    def close_for(self, seconds: float, reason: str) -> None:
        """Let nobody pass for this long; a longer closing that stands already is kept. Afterwards there is no burst."""
        until = self._clock.monotonic() + max(0.0, seconds)
        if until <= self._closed_until:
            return
        self._closed_until = until
        self._closed_reason = reason
        self._due = max(self._due, until + self._tolerance())
        self._poke()

    def stats(self) -> LimiterStats:
        """Give the pace as it is now."""
        left_s = self._closed_until - self._clock.monotonic()
        closed = self._clock.now() + timedelta(seconds=left_s) if left_s > 0 else None
        return LimiterStats(
            rate_per_s=self._rate, in_flight=self._in_flight, used_share=self._share(), closed_until=closed,
            reason=self._closed_reason if closed else self._slow_reason, waiting=sum(len(line) for line in self._lines.values()),
            waited_s=dict(self._waited_s),
        )  # fmt: skip

    # --- for the slot

    async def enter(self, priority: int) -> None:
        """Wait for a place; returns holding it."""
        if self._head() is None and self._has_room() and self._delay_s() <= 0:
            self._grant()
            return
        self._arrivals += 1
        ticket = _Ticket(priority, self._arrivals)
        line = self._lines.setdefault(priority, deque())
        line.append(ticket)
        try:
            await self._until_my_turn(ticket)
        except BaseException:     # cancelled in line: whoever leaves must not stay its head, or nobody behind moves on
            line.remove(ticket)
            self._poke()
            raise
        self._count_streak(ticket)
        line.remove(ticket)
        self._grant()
        self._wake_head()

    def leave(self) -> None:
        """Give the place back."""
        self._in_flight -= 1
        self._wake_head()

    # --- waiting

    async def _until_my_turn(self, ticket: _Ticket) -> None:
        """Only the head of all lines sleeps for the rate; everybody else waits for a nod and looks again."""
        while True:
            begun, is_first = self._clock.monotonic(), self._head() is ticket
            if not is_first or not self._has_room():
                ticket.nod = anyio.Event()
                await ticket.nod.wait()
                if is_first:
                    self._count_wait("in_flight", begun)
                continue
            delay_s = self._delay_s()
            if delay_s <= 0:
                return
            with anyio.CancelScope() as scope:
                self._sleep = scope
                await self._clock.sleep(delay_s)
            if self._sleep is scope:
                self._sleep = None
            self._count_wait("rate", begun)

    def _count_wait(self, reason: str, begun: float) -> None:
        """Add what the first in line has waited since *begun*; as far as the platform was closed that is the reason."""
        now = self._clock.monotonic()
        closed_s = max(0.0, min(now, self._closed_until) - begun)
        self._waited_s["closed"] += closed_s
        self._waited_s[reason] += max(0.0, now - begun - closed_s)

    def _head(self) -> _Ticket | None:
        firsts = [line[0] for line in self._lines.values() if line]
        if len(firsts) < 2:
            return firsts[0] if firsts else None
        urgent = min(firsts, key=lambda ticket: ticket.priority)
        others = [ticket for ticket in firsts if ticket is not urgent]
        if others and self._streak >= FAIR_EVERY:
            return min(others, key=lambda ticket: ticket.arrival)
        return urgent

    def _count_streak(self, ticket: _Ticket) -> None:
        passed = any(line and priority > ticket.priority for priority, line in self._lines.items())
        self._streak = self._streak + 1 if passed else 0

    def _wake_head(self) -> None:
        head = self._head()
        if head is not None and head.nod is not None:
            head.nod.set()

    def _poke(self) -> None:
        """Let the sleeper look at the clock anew: the pace or the line has changed."""
        if self._sleep is not None:
            self._sleep.cancel()
        self._wake_head()

    # --- arithmetic

    def _tolerance(self) -> float:
        return (self._burst - 1.0) / self._rate

    def _has_room(self) -> bool:
        return self._in_flight < self._max_in_flight

    def _delay_s(self) -> float:
        return max(self._due - self._tolerance(), self._closed_until) - self._clock.monotonic()

    def _grant(self) -> None:
        now = self._clock.monotonic()
        self._due = max(self._due, now) + 1.0 / self._rate
        self._in_flight += 1
        second = int(now)
        if self._grants and self._grants[-1][0] == second:
            self._grants[-1][1] += 1
        else:
            self._grants.append([second, 1])
        while self._grants[0][0] < second - SHARE_WINDOW_S:
            self._grants.popleft()

    def _share(self) -> float:
        now = self._clock.monotonic()
        window_s = min(float(SHARE_WINDOW_S), float(int(now) - int(self._born)))
        if window_s < 1.0:
            return 0.0
        granted = sum(count for second, count in self._grants if int(now) - window_s <= second < int(now))
        return granted / (self._rate * window_s)
