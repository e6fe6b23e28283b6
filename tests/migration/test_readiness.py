"""When a switch may start: by how closely the destination follows, never by waiting for an account that does not rest."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from streamflow.migration import cutover, tail
from streamflow.migration.life import State
from streamflow.migration.precheck import Precheck, precheck
from streamflow.migration.readiness import Following, Readiness, lag_limit_s
from tests.hanging import HUNG_S
from tests.migration.rig import Voyage, voyage

ASK_CUTOVER = {"map": "auto", "sample": "auto", "cutover": "ask"}
NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


def keep_writing(trip: Voyage) -> list[str]:
    """Let somebody enter a lead each time the list of leads is read; answers the growing list of their keys."""
    original, made = trip.doors.pages, []

    async def pages(kind: str, start: str | None) -> AsyncGenerator[Any, None]:
        if kind == "lead" and start is None:
            number = len(made)
            made.append(trip.in_source("create", "leads", name=f"Busy {number}", email=f"busy{number}@example.com"))
        async with aclosing(original(kind, start)) as found:
            async for page in found:
                yield page

    trip.doors.pages = pages
    return made


async def test_a_busy_account_becomes_ready(tmp_path: Path) -> None:
    """No round finds nothing new, yet the gate shows, stays through the rounds, and the dry run says ready with the lag."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        made = keep_writing(trip)
        seen: list[bool] = []
        checked: list[Precheck] = []

        async def look() -> None:
            while len(made) < 4 or trip.m.gate is None:
                with anyio.move_on_after(0.02):
                    await trip.m.control._changed.wait()
            checked.append(await precheck(trip.m))
            until = len(made) + 3
            while len(made) < until:
                seen.append(trip.m.gate is not None)
                with anyio.move_on_after(0.005):
                    await trip.m.control._changed.wait()
            trip.m.control.drain()

        await alongside(trip, look)
        assert checked[0].may_start, checked[0].reasons
        assert checked[0].facts["lag_s"] is not None
        assert all(seen)


async def test_a_live_switch_opens_by_itself_on_a_busy_account(tmp_path: Path) -> None:
    """With the gate on auto and people working on, the switch begins and ends."""
    async with voyage(tmp_path, at=State.TAIL, records=30, cutover_mode="live") as trip:
        keep_writing(trip)
        with anyio.fail_after(HUNG_S):
            await trip.until(State.WATCH)
        assert await trip.ledger.setting("switched")


async def alongside(trip: Voyage, look: Any) -> None:
    """Run the present phase until *look* has drained it."""
    with anyio.fail_after(HUNG_S):
        async with anyio.create_task_group() as group:
            group.start_soon(look)
            with pytest.raises(BaseException):  # noqa: B017, PT011 - the drain ends the phase by its own signal
                await trip.phase()


async def test_a_long_sweep_holds_up_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on a slice a round, through a restart too; in between polls deliver, and in the end it has seen everything once."""
    monkeypatch.setattr(tail, "LEAST_SLICE_S", 0.0)
    async with voyage(tmp_path, at=State.TAIL, records=160, gates=ASK_CUTOVER, poll_s=0.0, sweep_every_s=3600.0) as trip:
        trip.clock.skipped_s += 7200.0
        original, asked, arrived = trip.doors.children, [], []

        async def children(kind: str, parent: str) -> Any:
            asked.append((kind, parent))
            return await original(kind, parent)

        trip.doors.children = children
        key = trip.in_source("create", "leads", name="In Between", email="in.between@example.com")
        silent = trip.source_rows("notes")[-1]
        trip.in_source("edit", "notes", silent["noteid"], silent=True, note="Changed without a trace")

        def is_there() -> bool:
            if any(row["name"] == "In Between" for row in trip.live("contacts").values()):
                arrived.append(trip.m.following.swept_at)
            return bool(arrived)

        before = await trip.ledger.setting("sweep:at")
        await trip.stopping(trip.phase, is_there)
        assert await trip.ledger.setting("sweep:at") == before, "it arrived while the sweep was under way"
        assert await trip.ledger.setting("sweep:begun") is not None
        first = len(asked)
        await trip.stopping(trip.phase, lambda: trip.m.following.swept_at is not None and first < len(asked) and _through(trip))
        assert await trip.ledger.setting("sweep:begun") is None
        leads = {row["leadid"] for row in trip.source_rows("leads")} - {key}
        per_lead = [parent for kind, parent in asked if kind == "note" and parent in leads]
        assert set(per_lead) == leads
        assert len(per_lead) <= len(leads) + 24, "what was swept before the restart is not swept again"
        assert any("Changed without a trace" in str(row["body"]) for row in trip.live("notes").values())


def _through(trip: Voyage) -> bool:
    swept = trip.m.following.swept_at
    return swept is not None and swept > NOW_OF_START and trip.m.gate is not None


NOW_OF_START = datetime.now(tz=UTC) + timedelta(seconds=3600)


def judged(following: Following, *, now: datetime = NOW) -> Readiness:
    return following.judge(now=now, lag_limit_s=60.0, sweep_every_s=3600.0, batch_size=40)


def test_readiness_is_about_lag_backlog_and_sweep() -> None:
    """Each of the three stands against a switch by itself, with words; a busy account that keeps up has none."""
    following = Following(swept_at=NOW)
    assert "wait for the first" in judged(following).reasons[0]
    following.round_ended(begun=NOW - timedelta(seconds=5), pending=0, trouble="")
    assert judged(following) == Readiness(lag_s=5.0, sweep_age_s=0.0)
    following.round_ended(begun=NOW, pending=3, trouble="")
    assert judged(following).lag_s == 5.0, "what is not carried over yet does not count"
    assert "65 s behind" in judged(following, now=NOW + timedelta(seconds=60)).reasons[0]
    following.round_ended(begun=NOW, pending=0, trouble="the source is away")
    assert judged(following).reasons == ("the source is away",)
    assert judged(following).lag_s == 5.0, "what a round in trouble did not find is not carried over"
    following = Following(as_of=NOW, swept_at=NOW - timedelta(hours=5))
    assert "read completely" in judged(following).reasons[0]
    following = Following(as_of=NOW, swept_at=NOW)
    for pending in (10, 50, 90):
        following.round_ended(begun=NOW, pending=pending, trouble="")
        assert judged(following).is_ready
    following.round_ended(begun=NOW, pending=130, trouble="")
    assert "backlog grows" in judged(following).reasons[0]
    following.round_ended(begun=NOW, pending=120, trouble="")
    assert judged(following).is_ready, "it went down again"


@pytest.mark.parametrize(("backlogs", "is_growing"), [
    ((10, 20, 30), False), ((10, 20, 30, 40), False), ((10, 20, 30, 100), False), ((10, 20, 30, 101), True), ((98, 99, 100, 101), True),
    ((200, 300, 300, 400), False), ((400, 300, 200, 101), False), ((500, 10, 20, 30, 101), True),
])  # fmt: skip
def test_a_backlog_grows_when_it_has_risen_round_for_round(backlogs: tuple[int, ...], is_growing: bool) -> None:
    """By three rounds in a row, to more than a batch; what was before them does not count."""
    following = Following(as_of=NOW, swept_at=NOW)
    for pending in backlogs:
        following.round_ended(begun=NOW, pending=pending, trouble="")
    found = following.judge(now=NOW, lag_limit_s=60.0, sweep_every_s=3600.0, batch_size=100)
    assert any("backlog grows" in each for each in found.reasons) is is_growing


@pytest.mark.parametrize(("lag_s", "swept_s", "reasons"), [(60.0, 8_000.0, 0), (60.1, 8_000.0, 1), (60.0, 8_000.1, 1), (60.1, 8_000.1, 2)])
def test_what_is_just_in_time_is_in_time(lag_s: float, swept_s: float, reasons: int) -> None:
    """At the limit is not above it: of the lag as told, of the sweep twice what it takes to come round and some minutes."""
    following = Following(as_of=NOW - timedelta(seconds=lag_s), swept_at=NOW - timedelta(seconds=swept_s), sweep_took_s=100.0)
    found = following.judge(now=NOW, lag_limit_s=60.0, sweep_every_s=3600.0, batch_size=100)
    assert len(found.reasons) == reasons
    assert (found.lag_s, found.sweep_age_s) == (lag_s, swept_s)
    assert found.is_ready is (reasons == 0)


def test_the_figures_are_told_as_far_as_they_are_known() -> None:
    """To a tenth of a second; what is not known yet is none, and not nought."""
    assert Readiness(lag_s=5.04, sweep_age_s=0.0).facts() == {"lag_s": 5.0, "sweep_age_s": 0.0}
    assert Readiness().facts() == {"lag_s": None, "sweep_age_s": None}


def test_a_sweep_that_never_was_stands_against_nothing() -> None:
    """Until one is due there is none to be late."""
    assert judged(Following(as_of=NOW)) == Readiness(lag_s=0.0)


def test_the_lag_limit_leaves_room_in_the_deadline() -> None:
    """A quarter of the deadline, never less than a few rounds."""
    assert lag_limit_s(cutover_deadline_s=3600.0, poll_s=60.0) == 900.0
    assert lag_limit_s(cutover_deadline_s=60.0, poll_s=60.0) == 180.0


async def test_attempts_given_up_at_once_do_not_starve_the_tail(tmp_path: Path) -> None:
    """A cutover is ordered right after each that was given up: between two of them a round is run, and what came meanwhile arrives."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        for number in range(3):
            key = trip.in_source("create", "leads", name=f"Mina Meanwhile {number}", email=f"mina{number}@example.com")
            await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
            assert await trip.phase() is State.CUTOVER
            assert await trip.ledger.links_of("lead", [key])
            await cutover.cancel(trip.m, "uid:7")
            assert await trip.phase() is State.TAIL
