"""Reading by parent goes on in parallel: as fast as calls in flight allow, and never above the pace (G-22)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from streamflow.model import Key, Kind, Page, Record
from streamflow.platforms.source import Stream
from streamflow.stages.extract import PARENTS_AT_ONCE, Intake
from streamflow.store.memory import MemoryLedger
from streamflow.wire.limiter import PacedLimiter
from tests.wire.virtual import VirtualClock

PARENTS = 10 * PARENTS_AT_ONCE
LATENCY_S = 1.0
NOTES = Stream(kind="note", reader="api", parent="lead")


class Slow:
    """A source that takes a second to answer, behind the limiter every session has."""

    def __init__(self, clock: VirtualClock, limiter: PacedLimiter) -> None:
        self._clock = clock
        self._limiter = limiter
        self.in_flight = self.most = 0

    async def children(self, kind: Kind, parent: Key) -> Page:
        async with self._limiter.slot():
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            await self._clock.sleep(LATENCY_S)
            self.in_flight -= 1
        return Page(kind=kind, records=(Record(kind=kind, key=f"n{parent}", data={}, digest="x", parent=parent),), next=None)


async def read(max_in_flight: int, rate_per_s: float) -> tuple[float, int]:
    """Read the notes of all parents; give calls a second and the most in flight at once."""
    clock = VirtualClock()
    source = Slow(clock, PacedLimiter(clock, rate_per_s=rate_per_s, burst=1, max_in_flight=max_in_flight))
    ledger = MemoryLedger(clock=clock)

    async def permit() -> bool:
        return True

    async def parents() -> AsyncIterator[Sequence[Key]]:
        yield [f"p{number:04}" for number in range(PARENTS)]

    intake = Intake(ledger=ledger, source=source, permit=permit, on_page=lambda *_: None)  # type: ignore[arg-type]
    async with clock.passing():
        tally = await intake.scan_children(NOTES, parents(), scan="one", name="sweep:note")
    assert (tally.complete, tally.read, sum(count.count for count in await ledger.counts())) == (True, PARENTS, PARENTS)
    return PARENTS / clock.at, source.most


@pytest.mark.parametrize("max_in_flight", [2, 4, 8, 12])
async def test_twice_the_calls_in_flight_read_twice_as_fast(max_in_flight: int) -> None:
    """With room in the pace the calls read per second are those in flight over the latency, one by one being the measure."""
    alone, _ = await read(1, 1000.0)
    together, most = await read(max_in_flight, 1000.0)
    assert alone == pytest.approx(1 / LATENCY_S, rel=0.05)
    assert together == pytest.approx(max_in_flight * alone, rel=0.1)
    assert most == max_in_flight


async def test_more_in_flight_read_no_faster_than_the_pace() -> None:
    """Speed rises with the calls in flight until the pace is used up, and stays there however many more are allowed."""
    speeds = [(await read(in_flight, 6.0))[0] for in_flight in (1, 2, 4, 8, 16)]
    assert speeds == sorted(speeds)
    assert speeds[1] >= 1.9 * speeds[0], "doubles below the pace"
    assert speeds[2] >= 1.8 * speeds[1], "doubles below the pace"
    assert max(speeds) <= 6.0 * (1 + 1 / PARENTS)
    assert speeds[-1] >= 0.8 * 6.0, "but for the pause at the end of each group of parents"
    assert speeds[-1] == pytest.approx(speeds[-2], rel=0.05)
