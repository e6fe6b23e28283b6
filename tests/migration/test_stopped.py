"""Endpoints that lie: each stops its own stream, named, and goes on by itself when it keeps to the contract again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from streamflow.daemon import perseverance
from streamflow.daemon.supervisor import Supervisor
from streamflow.errors import NotFound, PlatformUnavailable, ProtocolMismatch, Unreachable
from streamflow.migration import cutover, stopped
from streamflow.migration.context import Migration
from streamflow.migration.control import Drained
from streamflow.migration.life import State
from streamflow.migration.precheck import precheck
from streamflow.migration.round import Reading
from streamflow.migration.stopped import POLL, WAITS_S, WHOLE, Apart, Stopped
from streamflow.stages.tally import Tally
from tests.hanging import HUNG_S
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage

LIE = ProtocolMismatch("two parents have the same rows", platform="leadtrekker", stream="note", hint="correct key_param")
DOWN = PlatformUnavailable("no answer", platform="leadtrekker")


# ------------------------------------------------------------------------------------------------ one round


class Round:
    """Reads streams apart at a time of its own."""

    def __init__(self, held: Stopped, sort: str = POLL, *, now: float = 0.0, strict: bool = False) -> None:
        self.reading, self.said, self.anew = Reading(), [], 0
        self.apart = Apart(held, self.reading, sort, now=lambda: now, log=lambda event, **_: self.said.append(event), strict=strict)

    async def read(self, kind: str, error: BaseException | None = None, *, asked: int = 1) -> bool:
        """Read one stream, which fails or not; says whether it was asked."""
        was_asked = False

        async def part() -> Tally:
            nonlocal was_asked
            was_asked = True
            if error is not None:
                raise error
            return Tally(ended=True, asked=asked)

        async def anew() -> None:
            self.anew += 1

        await self.apart.read(kind, part, anew=anew)
        return was_asked


@pytest.mark.parametrize("error", [LIE, NotFound("no such address"), DOWN, ExceptionGroup("side by side", [LIE, LIE])])
async def test_one_endpoint_stops_its_own_stream(error: Exception) -> None:
    """It is named with what it did and what helps; the round goes on, and is neither quiet nor complete."""
    held = Stopped()
    one = Round(held)
    assert [await one.read("user"), await one.read("note", error), await one.read("call")] == [True] * 3
    assert (held.kinds, one.reading.stopped) == ({"note"}, {"note"})
    assert not one.reading.is_quiet
    assert not one.reading.is_complete
    assert "note records are not read" in held.told()
    if error is LIE:
        assert str(LIE) in held.told()
        assert LIE.hint in held.told()


async def test_a_stopped_stream_is_tried_again_ever_more_seldom() -> None:
    """Not at once, at least once a minute, told once; the stop ends with a pass of its sort that asked something."""
    held, now, told = Stopped(), 0.0, []
    for wait_s in (*WAITS_S, WAITS_S[-1], WAITS_S[-1]):
        one = Round(held, now=now)
        assert await one.read("note", LIE)
        told += one.said
        early = Round(held, now=now + wait_s - 0.1)
        assert not await early.read("note")
        assert early.reading.stopped == {"note"}
        now += wait_s
    assert told == ["stream.stopped"]
    await Round(held, now=now).read("note", asked=0)     # no parent was owed: that proves nothing
    assert held.kinds
    last = Round(held, now=now)
    await last.read("note")
    assert (held.told(), last.said, last.reading.stopped) == ("", ["stream.goes_on"], set())


def test_waits_begin_anew_where_the_pass_got_on() -> None:
    """A platform that slips now and then holds up no long pass."""
    held = Stopped()
    assert [held.failed("note", WHOLE, LIE, 0.0, place=place) for place in ("1", "1", "1", "2", "3", "3")] == [1, 2, 3, 1, 1, 2]
    assert held.may_try("note", WHOLE, WAITS_S[1])


async def test_what_a_read_of_everything_met_is_over_with_such_a_read_alone() -> None:
    """One parent that is answered says nothing of a read of them all; that read covers what changed as well."""
    held = Stopped()
    await Round(held, WHOLE).read("note", LIE)
    await Round(held, POLL).read("note")
    assert held.holds(WHOLE)
    await Round(held, POLL).read("note", LIE)
    await Round(held, WHOLE, now=9.0).read("note")
    assert not held.kinds


async def test_a_platform_that_is_away_ends_the_round() -> None:
    """One endpoint without an answer may be its own matter; the second in a row is not, nor a host that cannot be reached."""
    one = Round(Stopped())
    await one.read("lead", DOWN)
    await one.read("note")
    await one.read("call", DOWN)
    with pytest.raises(PlatformUnavailable):
        await one.read("email", DOWN)
    with pytest.raises(Unreachable):
        await Round(Stopped()).read("lead", Unreachable("no route"))


async def test_a_pass_that_was_lied_to_twice_begins_anew() -> None:
    """One slip of a busy platform costs no long list; a lasting lie does. Where everything is needed the lie is raised besides."""
    held = Stopped()
    seen = []
    for turn in range(3):
        one = Round(held, WHOLE, now=100.0 * turn)
        await one.read("lead", LIE)
        seen.append(one.anew)
    assert seen == [0, 1, 1]
    strict = Round(held, WHOLE, strict=True)
    with pytest.raises(ProtocolMismatch):
        await strict.read("lead", LIE)
    assert strict.anew == 1


# ------------------------------------------------------------------------------------------------ whole phases


def lying(trip: Voyage, *, times: float = float("inf")) -> Callable[[], None]:
    """Let the source lie about notes so many times, or until what is answered is called."""
    original, left = trip.doors.children, times

    async def children(asked: str, parent: str) -> Any:
        nonlocal left
        if asked == "note" and left > 0:
            left -= 1
            raise LIE
        return await original(asked, parent)

    def honest() -> None:
        nonlocal left
        left = 0

    trip.doors.children = children
    return honest


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that a test can sit out."""
    monkeypatch.setattr(stopped, "WAITS_S", (0.05,))
    monkeypatch.setattr(perseverance, "WAITS_S", (0.01,))
    monkeypatch.setattr(perseverance, "REFUSED_WAITS_S", (0.01,))


@pytest.mark.usefixtures("hasty")
async def test_the_tail_goes_on_beside_a_lying_endpoint(tmp_path: Path) -> None:
    """Others are followed and delivered, the switch is refused with the reason, nothing moves the mark; honest again, all of it comes."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        honest = lying(trip)
        lead = trip.source_rows("leads")[0]["leadid"]
        notes = len(trip.live("notes"))
        trip.in_source("create", "notes", leadid=lead, note="said meanwhile")
        key = trip.in_source("create", "leads", name="New Person", email="new.person@example.com")

        def has_come() -> bool:
            return "note" in trip.m.stopped.kinds and any("new.person@example.com" in str(row) for row in trip.live("contacts").values())

        against: list[str] = []
        state = ""

        async def watch() -> None:
            nonlocal state
            while not has_come() or str(LIE) not in trip.m.phase.reason:
                await trip.m.control.wait(0.05)
            against.extend((await precheck(trip.m)).reasons)
            state = trip.m.phase.state.value
            assert trip.m.gate is None
            assert trip.m.control.paused is None
            assert lead in (await trip.ledger.setting("owed"))["note"]
            honest()

        with anyio.fail_after(HUNG_S):
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                await trip.stopping(trip.phase, lambda: bool(against) and trip.m.gate is not None)
        assert state == "tail"
        assert any(LIE.hint in reason for reason in against)
        assert len(trip.live("notes")) == notes + 1
        assert await trip.ledger.links_of("lead", [key])
        assert [event for event, _ in trip.said if event.startswith("stream.")] == ["stream.stopped", "stream.goes_on"]


@pytest.mark.usefixtures("hasty")
async def test_the_drain_waits_for_a_lying_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cutover says what it waits for and switches when everything was read after all."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.CUTOVER)
        lying(trip, times=200)
        reasons: set[str] = set()
        explain = Migration.explain

        async def hear(migration: Migration, reason: str) -> None:
            reasons.add(reason)
            await explain(migration, reason)

        monkeypatch.setattr(Migration, "explain", hear)
        await trip.phase()
        assert trip.m.phase.state is State.WATCH
        assert any("draining" in reason and str(LIE) in reason for reason in reasons)
        assert not trip.m.stopped.kinds


@pytest.mark.usefixtures("hasty")
async def test_a_lie_in_what_is_needed_pauses_and_goes_on_by_itself(tmp_path: Path) -> None:
    """In the first complete pass the run waits with the reason, tries again without anybody, and goes on; what failed stays told."""
    async with voyage(tmp_path, records=30, gates=ASK_CUTOVER) as trip:
        lying(trip, times=600)
        supervisor = Supervisor(trip.m, trip.m.report, let_in=("leadtrekker", "nutshell"), look_at_keys=lambda: None)
        pauses: set[str] = set()
        told: set[str] = set()

        async def watch() -> None:
            while trip.m.phase.state is State.PROBE:
                assert trip.m.control.paused is None or trip.m.control.ends_itself
                pauses.add(trip.m.control.paused or "")
                told.add(trip.m.failing.told(trip.m.clock.monotonic()))
                await trip.m.control.wait(0.002)
            trip.m.control.drain()

        with anyio.fail_after(HUNG_S):
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                with pytest.raises(Drained):
                    await supervisor.run()
        assert any(str(LIE) in each and "tried again in" in each for each in pauses)
        assert any(str(LIE) in each for each in told)
        assert trip.m.failing.told(trip.m.clock.monotonic()) == ""
