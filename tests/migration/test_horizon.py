"""How late the source shows a change is measured by the reads themselves, and waited for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamflow.clock import Clock
from streamflow.migration.context import Migration
from streamflow.migration.horizon import BELIEVED_S, Lateness, allowance_s, horizon_of, settle_of, shown_late, told
from streamflow.migration.life import State
from streamflow.migration.precheck import precheck
from streamflow.migration.terms import Terms
from streamflow.model import Record
from streamflow.platforms.source import Stream
from streamflow.stages.tally import Tally
from streamflow.store.change import PutSetting
from streamflow.store.memory import MemoryLedger
from tests.migration.rig import ASK_CUTOVER, NOW, Voyage, voyage

BEGUN = datetime(2026, 6, 1, 10, 0, 0, tzinfo=UTC)
FORM = "%Y-%m-%d %H:%M:%S"
LEADS = Stream(kind="lead", reader="api")


@dataclass(slots=True)
class Reading:
    """Reads of one stream by a clock that stands where a test puts it; the source's is *ahead_s* of it."""

    ahead_s: float = 0.0
    stream: Stream = LEADS
    at_s: float = 0.0
    set_s: float = 0.0      # by which somebody sets the wall clock
    said: list[Any] = field(default_factory=list)
    ledger: MemoryLedger = field(init=False)
    m: Migration = field(init=False)
    lateness: Lateness = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(clock=cast(Clock, self))
        self.m = cast(Migration, SimpleNamespace(
            clock=self, ledger=self.ledger, log=lambda event, **data: self.said.append((event, data)),
            terms=Terms(name="x", state_dir=Path(), timezone="UTC", settle_s=20.0),
        ))  # fmt: skip
        self.lateness = Lateness(self.m)

    def now(self) -> datetime:
        return self.steady() + timedelta(seconds=self.set_s)

    def steady(self) -> datetime:
        return BEGUN + timedelta(seconds=self.at_s)

    async def read(
        self, at_s: float, shown: Mapping[str, float], *, is_whole: bool = True, took_s: float = 0.0, is_resumed: bool = False,
        ended: bool = True,
    ) -> float:  # fmt: skip
        """Read rows that changed so many seconds after the beginning; answers what was measured by then."""
        self.at_s = at_s
        self.lateness.begin(self.stream)
        self.at_s += took_s
        records = [
            Record(kind="lead", key=key, data={}, digest="as before", changed_at=f"{BEGUN + timedelta(seconds=at + self.ahead_s):{FORM}}")
            for key, at in shown.items()
        ]
        self.lateness.look("lead", records)
        await self.ledger.stage(records, scan=f"{at_s}", changes=())
        await self.lateness.end(Tally(ended=ended), is_whole=is_whole, is_resumed=is_resumed)
        return dict(await shown_late(self.m)).get("lead", 0.0)


@pytest.mark.parametrize("ahead_s", [0.0, -180.0, 180.0])
async def test_what_reads_did_not_show_is_late(ahead_s: float) -> None:
    """Two changes that complete reads after them left out were late by that, whatever the clocks differ by; prompt ones are not."""
    reads = Reading(ahead_s)
    assert await reads.read(0.0, {"1": -5000.0, "2": -1.0}) == 0.0, "a first pass proves nothing"
    assert await reads.read(100.0, {"3": 99.0}) == 0.0
    assert await reads.read(200.0, {"1": -5000.0, "4": 160.0}) == 0.0, "shown by the first read after it"
    assert await reads.read(230.0, {"5": 170.0}) == 0.0, "one alone may be a row that moved"
    assert await reads.read(300.0, {"6": 180.0, "5": 170.0}) == pytest.approx(29.0), "200 - 170, less what the clocks may differ by"
    assert await settle_of(reads.m, "lead") == allowance_s(29.0) > 29.0
    assert await settle_of(reads.m, "note") == 20.0, "each stream has its own"
    assert await horizon_of(reads.m) == allowance_s(29.0)
    assert "lead records 29 s late" in await told(reads.m)
    assert reads.said == [("read.shown_late", {"kind": "lead", "horizon_s": 29.0})]


@pytest.mark.parametrize("set_s", [60.0, -60.0])
async def test_a_wall_clock_that_is_set_makes_nothing_late(set_s: float) -> None:
    """What every read shows at once is as prompt as before when somebody sets our clock in between."""
    reads = Reading()
    for number in range(1, 9):
        reads.set_s = set_s if number > 4 else 0.0
        at_s = 30.0 * number
        assert await reads.read(at_s, {f"{number}": at_s - 1.0, f"{number}b": at_s - 20.0}) == 0.0


def test_more_is_allowed_than_was_measured() -> None:
    """A quarter and a second more, since the latest change was hardly among those that were seen; nothing measured asks for nothing."""
    assert (allowance_s(0.0), allowance_s(29.0)) == (0.0, 37.25)


@pytest.mark.parametrize(("day", "late_s"), [(24, 29.0), (25, 0.0)])
async def test_an_hour_that_comes_twice_tells_nothing(day: int, late_s: float) -> None:
    """When clocks are set back nobody can say which of both hours a time is of: it is not measured; the day before it is."""
    reads = Reading(ahead_s=7200.0)      # the source writes the time of Berlin, in summer
    reads.m.terms = Terms(name="x", state_dir=Path(), timezone="Europe/Berlin", settle_s=20.0)  # type: ignore[misc]
    begun_s = (datetime(2026, 10, day, 0, 10, tzinfo=UTC) - BEGUN).total_seconds()
    for at_s, shown in ((0, [-1]), (100, [99]), (200, [160]), (230, [170]), (300, [180, 170])):
        found_s = await reads.read(begun_s + at_s, {f"{changed}": begun_s + changed for changed in shown})
    assert found_s == pytest.approx(late_s)


async def test_what_is_measured_never_shortens_what_is_configured() -> None:
    """A little lateness below the configured one changes nothing, and is not spoken of."""
    reads = Reading()
    await reads.read(0.0, {"1": -0.5})
    await reads.read(10.0, {})
    assert await reads.read(20.0, {"2": 3.0, "3": 4.0}) == pytest.approx(5.5, abs=0.6)
    assert (await settle_of(reads.m, "lead"), await horizon_of(reads.m), await told(reads.m)) == (20.0, 20.0, "")


async def test_what_tells_nothing_is_not_measured() -> None:
    """Old times of imports, silent edits, a row that was seen, changes during a slow read, days without a time: none of it is lateness."""
    reads = Reading()
    await reads.read(0.0, {"1": -1.0, "2": -2.0})
    await reads.read(1000.0, {"3": 999.0})
    assert await reads.read(1100.0, {"import": -BELIEVED_S, "other": -2 * BELIEVED_S, "1": -1.0, "2": -2.0}) == 0.0
    assert await reads.read(2000.0, {"4": 2050.0, "5": 2055.0}, took_s=60.0) == 0.0, "changed after the read had begun"
    midnight = (24 * 3600 - 10 * 3600) * 1.0
    await reads.read(midnight + 100.0, {})
    assert await reads.read(midnight + 200.0, {"6": midnight, "7": midnight}) == 0.0


@pytest.mark.parametrize("how", [{"is_resumed": True}, {"ended": False}])
async def test_a_read_of_a_part_proves_nothing(how: dict[str, bool]) -> None:
    """One that goes on where an earlier one stopped, or stops itself, did not look everywhere: what it left out is not late."""
    reads = Reading()
    await reads.read(0.0, {"1": -1.0})
    await reads.read(100.0, {"2": 99.0})
    await reads.read(200.0, {}, **how)
    assert await reads.read(300.0, {"3": 150.0, "4": 160.0}) == 0.0


async def test_a_time_far_ahead_of_all_clocks_hides_no_lateness() -> None:
    """A row that bears the date of tomorrow says nothing of how much the clocks differ: prompt ones are prompt, and late ones late."""
    reads = Reading()
    await reads.read(0.0, {"1": -1.0})
    await reads.read(50.0, {"tomorrow": 86_400.0})
    assert await reads.read(100.0, {"2": 99.0}) == 0.0
    await reads.read(200.0, {})
    assert await reads.read(300.0, {"3": 150.0, "4": 160.0}) == pytest.approx(39.0)


async def test_what_was_measured_once_stands_over_starts() -> None:
    """A start that sees prompt changes alone, or less late ones, takes nothing back: the most that was proved counts."""
    reads = Reading()
    await reads.read(0.0, {"1": -1.0})
    await reads.read(100.0, {"2": 99.0})
    assert await reads.read(110.0, {"3": 50.0, "4": 55.0}) == pytest.approx(44.0)
    reads.lateness = Lateness(reads.m)
    await reads.read(200.0, {"5": 199.0})
    assert await reads.read(210.0, {"6": 209.0}) == pytest.approx(44.0)
    assert await reads.read(220.0, {"7": 190.0, "8": 191.0}) == pytest.approx(44.0)


async def test_a_time_that_stays_is_looked_at_once() -> None:
    """A time that moved while the record did not is as late as when it first showed, however often it is read."""
    reads = Reading()
    await reads.read(0.0, {"1": -1.0, "2": -2.0})
    for at_s in (100.0, 200.0, 300.0, 400.0):
        assert await reads.read(at_s, {"1": 99.0, "2": 98.0}) == 0.0


async def test_a_window_proves_only_what_it_reaches_back_to() -> None:
    """What lies before the window of the last read was not asked for by it."""
    reads = Reading(stream=Stream(kind="lead", reader="api", overlap_s=30.0))
    await reads.read(0.0, {"1": -1.0})
    await reads.read(100.0, {"2": 99.0}, is_whole=False)
    assert await reads.read(110.0, {"3": 20.0, "4": 25.0}, is_whole=False) == 0.0
    assert await reads.read(120.0, {"5": 90.0, "6": 92.0}, is_whole=False) == pytest.approx(17.0)


@pytest.mark.parametrize("stream", [
    Stream(kind="lead", reader="files"), Stream(kind="lead", reader="api", by_clock=True), Stream(kind="lead", reader="api", parent="x"),
])  # fmt: skip
async def test_streams_without_such_times_keep_what_is_configured(stream: Stream) -> None:
    """Snapshots, rows asked by parent and streams whose records bear another time are not measured."""
    reads = Reading(stream=stream)
    await reads.read(0.0, {"1": -1.0})
    await reads.read(100.0, {"2": 99.0})
    assert await reads.read(110.0, {"3": 50.0, "4": 55.0}) == 0.0


def edit(trip: Voyage, place: int, at_s: float) -> None:
    """Let a lead change at that second of the source's own clock, which begins with the account."""
    leads = [row["leadid"] for row in trip.source_rows("leads")]
    at = (NOW + timedelta(seconds=at_s)).strftime(FORM)
    trip.in_source("edit", "leads", leads[place], silent=True, address=f"{place} Late Lane", updated=at)


async def test_the_tail_measures_and_the_switch_waits(tmp_path: Path) -> None:
    """What polls show minutes late lengthens the wait after the freeze, in later starts too; with too short a deadline none begins."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, cutover_deadline_s=100.0) as trip:
        began = trip.clock.skipped_s
        for number, at_s in enumerate((0.0, 1000.0, 2000.0)):
            trip.clock.skipped_s = began + at_s
            edit(trip, number, at_s)
            await trip.work.reader.poll(number + 1)
        trip.clock.skipped_s = began + 2100.0
        edit(trip, 5, 1700.0)
        edit(trip, 6, 1690.0)
        await trip.work.reader.poll(9)
        late_s = (await shown_late(trip.m))["lead"]
        assert late_s == pytest.approx(300.0, abs=20.0)
        await trip.restart()
        assert await horizon_of(trip.m) == allowance_s(late_s), "a restart forgets nothing"
        assert any("raise `cutover.deadline_s`" in reason for reason in (await precheck(trip.m)).reasons)
        await trip.ledger.commit([PutSetting(name="source:shown_late_s", value={"lead": 40.0})])
        assert not any("deadline_s" in reason for reason in (await precheck(trip.m)).reasons)
