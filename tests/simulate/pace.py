"""
A month of calls in virtual time: the real limiter and the search that steers it, against a server that counts for itself.

The server takes `TAKEN_AT_ONCE` calls at once and then so many a second as was agreed, by a bucket of its own. Callers come in stretches
of demand with rest in between; answers are slow, calls are held up on the way and arrive together, the server closes for a while and says
until when, the agreed pace changes, the process stands still, or ends and begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import anyio

from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt
from streamflow.wire.pace import AdaptivePace, PacePolicy
from streamflow.wire.verdict import CallVerdict
from tests.simulate.agenda import Agenda
from tests.simulate.loop import clear_graves, process, run
from tests.simulate.process import DAY_S, WorldClock

TAKEN_AT_ONCE = 20.0
RATES = (0.5, 1.0, 2.0, 4.0)
CALLERS = 14
STRETCHES_A_DAY = 6
TURNS = 2**62


@dataclass(slots=True, kw_only=True)
class Told:
    """What the server saw."""

    seed: int
    days: float
    calls: int = 0
    violations: int = 0          # calls above the agreed pace
    storms: int = 0              # times at which it closed
    asked: int = 0               # answers that asked for silence
    disobeyed: int = 0           # calls sent while one of them forbade it
    restarts: int = 0
    still: int = 0               # times at which the process stood still
    changes: int = 0             # of the agreed pace
    budget: float = 0.0          # calls that demand could have made
    used: int = 0                # and did
    took_s: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.used / self.budget if self.budget else 1.0

    def facts(self) -> Iterator[str]:
        """Give the figures in words."""
        yield f"seed {self.seed}: {self.days:g} days, {self.calls:,} calls in {self.took_s:.0f} s of real time"
        use = f"{self.share:.1%} of it used while there was demand ({self.used:,} of {self.budget:,.0f})"
        yield f"  {self.violations} above the agreed pace; {use}"
        yield f"  {self.storms} times closed, {self.asked:,} answers that asked for silence, {self.disobeyed} calls sent in spite of one"
        yield f"  {self.changes} changes of the pace, {self.still} times the process stood still, {self.restarts} new starts"


class Server:
    """Counts by a bucket of its own, and closes now and then."""

    def __init__(self, agenda: Agenda, told: Told) -> None:
        self._agenda, self._told = agenda, told
        self.rate_per_s = RATES[1]
        self._tokens, self._at = TAKEN_AT_ONCE, agenda.now
        self.closed_until = 0.0
        self.silence_until = 0.0     # as the client has heard it

    def agree(self, rate_per_s: float) -> None:
        """Let another pace hold from now on."""
        self._refill()
        self.rate_per_s = rate_per_s

    def sent(self) -> None:
        """Hear that a call was sent, before it arrives."""
        self._told.disobeyed += self._agenda.now < self.silence_until - 1e-6

    def arrive(self) -> float | None:
        """Take a call; answers for how long it asks for silence, None when it was taken."""
        self._told.calls += 1
        now = self._agenda.now
        if now < self.closed_until:
            return self.closed_until - now
        self._refill()
        if self._tokens < 1.0 - 1e-6:
            self._told.violations += 1
            return 1.0
        self._tokens -= 1.0
        return None

    def _refill(self) -> None:
        now = self._agenda.now
        self._tokens = min(TAKEN_AT_ONCE, self._tokens + (now - self._at) * self.rate_per_s)
        self._at = now


class Month:
    """The days, and who calls when."""

    def __init__(self, seed: int, days: float) -> None:
        self._agenda = Agenda()
        self._dice = Random(f"pace {seed}")
        self._seed = seed
        self.told = Told(seed=seed, days=days)
        self._ends_at = days * DAY_S
        self._server = Server(self._agenda, self.told)
        self._stretches: list[tuple[float, float]] = []
        self._search: AdaptivePace | None = None
        self._counted_at = 0.0

    def live(self) -> None:
        """Let the days pass, one process after the other."""
        dice = self._dice
        self._plan()
        while self._agenda.now < self._ends_at:
            with process(self._agenda, Random(f"process {self._seed} {self.told.restarts}"), TURNS) as loop:
                ends_at = min(self._ends_at, self._agenda.now + (0.5 + 3.0 * dice.random()) * DAY_S)
                self._agenda.at(ends_at, loop.end_now)
                run(loop, self._client())
            self._search = None
            if self._agenda.now < self._ends_at:
                self.told.restarts += 1
                self._pass(self._agenda.now + 0.3 + 3.0 * dice.random())
        clear_graves()
        self._count()
        if self.told.violations or self.told.disobeyed:
            self.told.faults.append(f"pace: {self.told.violations} calls above it, {self.told.disobeyed} sent when silence was asked for")
        if self.told.share < 0.95:
            self.told.faults.append(f"pace: only {self.told.share:.1%} of it was used while there was demand")

    def _plan(self) -> None:
        dice = self._dice
        for place in range(max(1, round(self._ends_at / DAY_S * STRETCHES_A_DAY))):
            begins = (place + 0.8 * dice.random()) * DAY_S / STRETCHES_A_DAY
            self._stretches.append((begins, begins + 600.0 + 2400.0 * dice.random()))
        for begins, ends in self._stretches:
            if dice.random() < 0.3:
                self._agenda.at(begins + dice.random() * (ends - begins), self._close)
            if dice.random() < 0.1:
                self._agenda.at(begins + dice.random() * (ends - begins), self._stand_still)
            if dice.random() < 0.2:
                self._agenda.at(begins + dice.random() * (ends - begins), self._change)

    def _change(self) -> None:
        """Agree on another pace; a lower one holds on our side first, a higher one on theirs, as careful people do."""
        rate = self._dice.choice(RATES)
        self._count()
        self.told.changes += 1
        if rate >= self._server.rate_per_s:
            self._server.agree(rate)
        else:
            self._agenda.at(self._agenda.now + 30.0, lambda: self._agree_late(rate))
        if self._search is not None:
            self._search.set_cap(rate)

    def _agree_late(self, rate: float) -> None:
        self._count()
        self._server.agree(rate)

    def _close(self) -> None:
        self.told.storms += 1
        self._count()
        self._server.closed_until = self._agenda.now + 2.0 + 20.0 * self._dice.random()

    def _stand_still(self) -> None:
        """Nothing of the process runs for minutes; what is on its way arrives."""
        self.told.still += 1
        self._pass(self._agenda.now + 30.0 + 200.0 * self._dice.random())

    def _pass(self, until: float) -> None:
        """Let time pass in which nobody could have called."""
        self._count()
        self._agenda.until(until)
        self._counted_at = self._agenda.now

    def _count(self) -> None:
        """Add to the budget what demand could have used since it was last counted."""
        begin, self._counted_at = self._counted_at, self._agenda.now
        for start, end in self._stretches:
            if end > begin and start < self._counted_at:
                open_from = max(begin, start, min(self._server.closed_until, self._counted_at))
                self.told.budget += max(0.0, min(self._counted_at, end) - open_from) * self._server.rate_per_s

    async def _client(self) -> None:
        clock = WorldClock(self._agenda)
        limiter = PacedLimiter(clock, rate_per_s=self._server.rate_per_s, max_in_flight=12)
        search = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=self._server.rate_per_s, cap_in_flight=12))
        self._search = search
        async with anyio.create_task_group() as group:
            for number in range(CALLERS):
                group.start_soon(self._caller, limiter, search, Random(f"caller {self._seed} {self.told.restarts} {number}"))

    async def _caller(self, limiter: PacedLimiter, search: AdaptivePace, dice: Random) -> None:
        for begins, ends in self._stretches:
            if ends <= self._agenda.now:
                continue
            await anyio.sleep(max(0.0, begins - self._agenda.now))
            while self._agenda.now < ends:
                await self._call(limiter, search, dice)
        await anyio.sleep(self._ends_at)

    async def _call(self, limiter: PacedLimiter, search: AdaptivePace, dice: Random) -> None:
        async with limiter.slot():
            begun = self._agenda.now
            self._server.sent()
            held_up = 1.5 - begun % 300.0 if begun % 300.0 < 1.5 else 0.0      # each five minutes the way is blocked for a moment
            await anyio.sleep(held_up + 0.02 + 0.3 * dice.random())
            asked_s = self._server.arrive()
            await anyio.sleep(0.02 + 0.1 * dice.random())
        if asked_s is None:
            self.told.used += 1
        else:
            self.told.asked += 1
            limiter.close_for(asked_s, "429 answered")
            self._server.silence_until = max(self._server.silence_until, self._agenda.now + asked_s)
        verdict = CallVerdict.OK if asked_s is None else CallVerdict.THROTTLED
        search(Attempt(
            platform="sim", method="GET", endpoint="x", status=200 if asked_s is None else 429, verdict=verdict.value,
            seconds=self._agenda.now - begun,
        ))  # fmt: skip


def live(seed: int, *, days: float) -> Told:
    """Let the days pass, and tell what the server saw."""
    begun = time.monotonic()
    month = Month(seed, days)
    month.live()
    month.told.took_s = time.monotonic() - begun
    return month.told
