"""Waits on a wall clock that somebody sets: the freeze, the deadline, the window after the switch, and the mark of a read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio.lowlevel
import pytest

from streamflow.clock import SystemClock, iso
from streamflow.migration import aftermath
from streamflow.migration.clocked import ClockedFeed
from streamflow.migration.context import Migration
from streamflow.migration.cutover import Cutover, TimedOut
from streamflow.migration.horizon import SHOWN_LATE, allowance_s
from streamflow.migration.life import State
from streamflow.migration.terms import Terms
from streamflow.migration.waits import Waits
from streamflow.migration.watch import Watch
from streamflow.platforms.catalog import pair_of
from streamflow.platforms.source import Stream
from streamflow.stages.extract import Intake
from streamflow.stages.tally import Tally
from streamflow.store.change import MoveMark, PutSetting
from streamflow.store.memory import MemoryLedger

BEGUN = datetime(2026, 6, 1, 10, 0, 0, tzinfo=UTC)
HOUR_S, DAY_S = 3_600.0, 86_400.0
STEPS = [DAY_S, HOUR_S, -HOUR_S, -DAY_S]


class SteppingClock:
    """Time passes when a test or a sleeper says so; the wall clock is set besides."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return self.steady() + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return self.at_s

    def steady(self) -> datetime:
        return BEGUN + timedelta(seconds=self.at_s)

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.at_s += seconds


@dataclass(slots=True)
class Rig:
    """As much of a migration as its waits ask for."""

    clock: SteppingClock = field(default_factory=SteppingClock)
    looks: list[tuple[float, str]] = field(default_factory=list)     # when a pass or a reading was made, and which

    def migration(self, **terms: Any) -> Any:
        async def explain(reason: str) -> None:
            assert reason

        return SimpleNamespace(
            clock=self.clock, waits=Waits(self.clock), ledger=MemoryLedger(clock=self.clock), explain=explain,
            control=SimpleNamespace(wait=self.clock.sleep, check=lambda: None), cutover_cancelled=False,
            closing=anyio.Lock(), decisions={},
            pair=pair_of("leadtrekker", "nutshell"), source=SimpleNamespace(streams=lambda: (), changes_from=self._changes_from),
            terms=Terms(name="x", state_dir=Path(), timezone="UTC", **terms),
        )

    def _changes_from(self, kind: str, since: datetime) -> str:
        self.looks.append((self.clock.at_s, f"{since:%Y-%m-%d %H:%M}"))
        return "cursor"


def test_the_steady_clock_of_a_process_begins_with_the_wall_clock() -> None:
    """Where nobody sets it both say the same, and the steady one goes with the monotonic one."""
    clock = SystemClock()
    assert abs(clock.steady() - clock.now()) < timedelta(seconds=5)
    assert SystemClock().steady() - clock.steady() < timedelta(seconds=5), "one for the whole process"


@pytest.mark.parametrize("step_s", STEPS)
def test_what_passed_is_asked_of_the_wall_clock_once(step_s: float) -> None:
    """A moment of an earlier process is so long ago as the wall clock says at first; setting it afterwards changes nothing."""
    clock = SteppingClock()
    waits, at = Waits(clock), iso(BEGUN - timedelta(seconds=100))
    assert waits.passed_s("sweep", at) == 100.0
    clock.ahead_s = step_s
    clock.at_s += 5.0
    assert waits.passed_s("sweep", at) == 105.0
    assert Waits(clock).passed_s("sweep", at) == max(0.0, 105.0 + step_s), "nothing lies ahead of us"


def test_another_moment_is_waited_for_anew() -> None:
    """What is waited upon counts from the first question about it, whatever time it bears."""
    clock = SteppingClock()
    waits = Waits(clock)
    assert waits.waited_s("freeze", iso(BEGUN - timedelta(days=1))) == 0.0
    clock.at_s += 7.0
    assert waits.waited_s("freeze", iso(BEGUN - timedelta(days=1))) == 7.0
    assert waits.waited_s("freeze", iso(BEGUN)) == 0.0


class Drain(Cutover):
    """A cutover whose passes are only noted."""

    looks: list[tuple[float, str]]

    async def _pass(self, plan: Any, what: str) -> None:
        self.looks.append((self._m.clock.monotonic(), what))


@pytest.mark.parametrize("step_s", STEPS)
async def test_the_drain_waits_one_horizon_whoever_sets_the_clock(step_s: float) -> None:
    """No pass counts before late changes can have shown, and none is held up by more than that."""
    rig = Rig()
    migration = rig.migration(settle_s=60.0)
    drain = Drain(migration, cast(Any, None))
    drain.looks = rig.looks
    plan = {"frozen_at": iso(rig.clock.now()), "quiet": 0, "step": "drain"}
    await drain._drain(plan)
    rig.clock.ahead_s = step_s
    while not rig.looks:
        await drain._drain(plan)
    assert rig.looks == [(60.0, "what changed")]


async def test_a_start_that_comes_upon_a_drain_waits_itself() -> None:
    """How long the machine was away is told by no clock that can be relied on: one horizon is waited through in one process."""
    rig = Rig()
    drain = Drain(rig.migration(settle_s=60.0), cast(Any, None))
    drain.looks = rig.looks
    while not rig.looks:
        await drain._drain({"frozen_at": iso(BEGUN - timedelta(days=1)), "quiet": 0, "step": "drain"})
    assert rig.looks == [(60.0, "what changed")]


@pytest.mark.parametrize("step_s", STEPS)
def test_the_deadline_is_so_far_off_as_it_was(step_s: float) -> None:
    """An attempt is given up when its time is over, not when somebody sets the clock."""
    rig = Rig()
    one = Cutover(rig.migration(cutover_deadline_s=600.0), cast(Any, None))
    plan = {"started_at": iso(BEGUN)}
    one._look_up(plan)
    rig.clock.ahead_s = step_s
    rig.clock.at_s = 599.0
    one._look_up(plan)
    rig.clock.at_s = 601.0
    with pytest.raises(TimedOut):
        one._look_up(plan)


class Window(Watch):
    """A watch whose readings are only noted."""

    rig: Rig
    step_s: float

    async def _look(self, number: int, *, behind: str, since: str) -> None:
        self.rig.looks.append((self.rig.clock.at_s, "last" if behind else ""))
        self.rig.clock.ahead_s = self.step_s


@pytest.mark.parametrize("step_s", STEPS)
async def test_the_window_is_as_long_as_agreed(step_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is watched for a day after the switch, whatever the wall clock is set to meanwhile."""
    async def outlasted(*_: Any) -> bool:
        return True

    monkeypatch.setattr(aftermath, "outlasted", outlasted)
    rig = Rig()
    migration = rig.migration(watch_days=1.0, poll_s=3_600.0)
    await migration.ledger.commit([PutSetting(name="switched", value={"switched_at": iso(BEGUN)})])
    window = Window(migration, cast(Any, SimpleNamespace(uplinks=None, reader=SimpleNamespace(look_at_all=lambda: None))))
    window.rig, window.step_s = rig, step_s
    assert await window.run() is State.DONE
    assert [at_s for at_s, which in rig.looks if which == "last"] == [DAY_S]


async def test_without_a_window_a_source_that_is_away_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A last reading that fails is tried again for no longer than the window was: with none the run ends with its one look."""
    async def outlasted(*_: Any) -> bool:
        return True

    class Away(Window):
        async def _look(self, number: int, *, behind: str, since: str) -> None:
            await super()._look(number, behind=behind, since=since)
            self._trouble = "; it cannot be read just now"

    monkeypatch.setattr(aftermath, "outlasted", outlasted)
    rig = Rig()
    migration = rig.migration(watch_days=0.0, poll_s=60.0)
    await migration.ledger.commit([PutSetting(name="switched", value={"switched_at": iso(BEGUN)})])
    window = Away(migration, cast(Any, SimpleNamespace(uplinks=None, reader=SimpleNamespace(look_at_all=lambda: None))))
    window.rig, window.step_s = rig, 0.0
    assert await window.run() is State.DONE
    assert rig.looks == [(rig.clock.at_s, "last")]


@dataclass(slots=True)
class Drained:
    """An intake that drains what it is given at once; answers the marks."""

    migration: Migration
    marks: list[str] = field(default_factory=list)

    async def follow(self, stream: Stream, cursor: str, *, closing: Any, **_: Any) -> Tally:
        moves = [each for each in await closing() if isinstance(each, MoveMark)]
        self.marks += [each.cursor for each in moves]
        await self.migration.ledger.commit(moves)
        return Tally(ended=True)


@pytest.mark.parametrize("step_s", STEPS)
async def test_a_mark_by_our_clock_goes_past_nothing(step_s: float) -> None:
    """Where our clock names the mark each read begins before the last one did, by true time, however it was set in between."""
    rig = Rig()
    migration = rig.migration()
    drained = Drained(migration)
    feed = ClockedFeed(migration, cast(Intake, drained))
    stream = Stream(kind="lead", reader="api", by_clock=True, overlap_s=600.0)
    await migration.ledger.commit([MoveMark(name="delta:lead", cursor="2026-06-01 10:00:00")])
    for _ in range(4):
        rig.clock.at_s += 300.0
        await feed.read(stream, scan="poll")
        rig.clock.ahead_s = step_s - rig.clock.ahead_s
    began = [BEGUN + timedelta(seconds=at_s - 300.0) for at_s, _ in rig.looks]
    late = [each for each, (_, since) in zip(began, rig.looks, strict=True) if since > f"{each - timedelta(seconds=600):%Y-%m-%d %H:%M}"]
    assert (len(rig.looks), late) == (4, [])


@pytest.mark.parametrize("proved_s", [0.0, 400.0])
async def test_a_read_by_our_clock_goes_back_by_what_may_show_late(proved_s: float) -> None:
    """What the source shows days late is asked for: each read begins an overlap and the settle time of its kind before the last one."""
    rig = Rig()
    migration = rig.migration(settle_s=300.0, stream_settle_s={} if proved_s else {"lead": 3 * DAY_S})
    feed = ClockedFeed(migration, cast(Intake, Drained(migration)))
    await migration.ledger.commit([
        MoveMark(name="delta:lead", cursor="2026-06-01 10:00:00"), PutSetting(name=SHOWN_LATE, value={"lead": proved_s}),
    ])
    await feed.read(Stream(kind="lead", reader="api", by_clock=True, overlap_s=600.0), scan="poll")
    back_s = 600.0 + (allowance_s(proved_s) if proved_s else 3 * DAY_S)
    assert rig.looks == [(0.0, f"{BEGUN - timedelta(seconds=back_s):%Y-%m-%d %H:%M}")]
