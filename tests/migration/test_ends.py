"""Tail, cutover, watch and rollback: what follows, what switches once, what waits for a person, and what is undone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from streamflow.daemon.desk import Desk
from streamflow.errors import DoesNotFit, PlatformUnavailable, ProtocolMismatch, RecordRejected, Uncertain
from streamflow.migration import aftermath, cutover, holding
from streamflow.migration.context import Migration
from streamflow.migration.late_questions import BROUGHT_BACK
from streamflow.migration.life import State
from streamflow.migration.made_again import GOES_ON
from streamflow.migration.owners import UNOWNED, OwnersGate
from streamflow.migration.precheck import precheck
from streamflow.migration.returning import undone, undone_item
from streamflow.migration.rollback import Rollback
from streamflow.migration.undoing import plan_step
from streamflow.model import Link, QueueItem, RecordState, Ref, Verdict
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.stages.kin import GONE_SCANS
from streamflow.stages.planning import finish_of
from streamflow.store.change import Enqueue, PutLink, Reopen, ResolveItem
from streamflow.wire.message import BACKFILL, DELTA
from tests.hanging import HUNG_S
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, lead_without_owner, voyage, with_terms

FILTERED: dict[str, Any] = {
    "source": {"date_filter": "honoured"}, "streams": {"lead": {"window": {"from_param": "datefrom", "overlap_s": 86_400}}},
}  # fmt: skip
"""A source that can be asked for what changed, and is."""


async def in_cutover(trip: Voyage) -> None:
    """Come to the cutover of a tail that has caught up, the freeze confirmed; nothing of it is done yet."""
    await trip.until(State.TAIL)
    await in_tail(trip)
    await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
    await trip.until(State.CUTOVER)


def on_children(trip: Voyage, hear: Callable[[str, str], Awaitable[Any]]) -> Callable[[], None]:
    """Let *hear* know of each kind and parent before the source is asked for their rows; what is answered ends that."""
    original = trip.doors.children

    async def children(kind: str, parent: str) -> Any:
        await hear(kind, parent)
        return await original(kind, parent)

    trip.doors.children = children
    return lambda: setattr(trip.doors, "children", original)


async def test_a_failed_poll_is_shown_and_tried_again(tmp_path: Path) -> None:
    """While the source is away the reason says so, what was read is still delivered, and the tail goes on afterwards."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        original, reasons = trip.doors.refresh, []

        async def away() -> str | None:
            reasons.append(trip.m.phase.reason)
            if len(reasons) < 4:
                raise PlatformUnavailable("nobody answers", platform="leadtrekker")
            return None if original is None else await original()

        trip.doors.refresh = away
        await trip.stopping(trip.phase, lambda: trip.m.gate is not None)
        assert sum("nobody answers" in reason for reason in reasons) >= 2, "the reason stays until a round succeeds"
        rows = [row async for page in trip.ledger.audit() for row in page if row.entry.action == "phase"]
        assert len(rows) < 9, "renewing a reason is no move"


async def test_a_damaged_snapshot_does_not_stop_the_tail(tmp_path: Path) -> None:
    """It is told in the reason and once in the queue; the rest of the source is followed as before."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:

        async def damaged() -> str | None:
            raise ProtocolMismatch("lead.csv is not what the manifest says", platform="files", hint="copy it again")

        trip.doors.refresh = damaged
        key = trip.in_source("create", "leads", name="New Person", email="new.person@example.com")
        await trip.stopping(trip.phase, lambda: trip.m.gate is not None)
        assert [link.dest_kind for link in await trip.ledger.links_of("lead", [key])] == ["contacts"]
        assert len(await trip.items("snapshot_damaged")) == 1
        assert "lead.csv" in trip.m.phase.reason


async def test_polls_of_different_starts_see_what_is_missing(tmp_path: Path) -> None:
    """A record deleted between two starts is missed by the poll of the second, whose number repeats the first's."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        lead = trip.source_rows("leads")[0]["leadid"]
        trip.in_source("delete", "leads", lead)
        await in_tail(trip)
        assert (await trip.staged("lead"))[lead].missing_scans >= 1


async def test_a_kind_may_have_a_pause_of_its_own(tmp_path: Path) -> None:
    """Kinds with a longer pause are left out of the rounds between, the others are in each; who waits for children is not called quiet."""
    async with voyage(tmp_path, records=30, gates=ASK_CUTOVER, stream_poll_s={"user": 3600.0}, stream_settle_s={"lead": 9.0}) as trip:
        await trip.until(State.TAIL)
        reader = trip.work.reader
        trip.wire("leadtrekker")
        first, second = await reader.poll(1), await reader.poll(2)
        assert ("user" in first.tallies, "user" in second.tallies, "lead" in second.tallies) == (True, False, True)
        assert sum(call.endswith("getusers") for call in trip.wire("leadtrekker")) == 1
        with_terms(trip, stream_poll_s={"note": 3600.0})
        trip.in_source("edit", "leads", trip.source_rows("leads")[0]["leadid"], name="Renamed Person")
        moved = await reader.poll(3)
        assert ("note" in moved.tallies, moved.is_quiet) == (False, False)
        assert (trip.terms.round_s, trip.m.terms.horizon_s, trip.m.terms.settle_of("lead"), trip.m.terms.settle_of("note")) == (
            0.02, 9.0, 9.0, 0.0,
        )  # fmt: skip


async def test_what_is_gone_from_the_source_is_queued_once_and_never_removed(tmp_path: Path) -> None:
    """Absent twice and gone when asked directly: one item, and the destination keeps the person."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        await in_tail(trip)
        people = set(trip.live("contacts"))
        lead = trip.source_rows("leads")[0]["leadid"]
        trip.in_source("delete", "leads", lead)
        for _ in range(3):
            await in_tail(trip)
        items = [item.key for item in await trip.items("deleted_at_source") if item.kind == "lead"]
        assert items == [lead]
        assert set(trip.live("contacts")) == people


async def test_what_lists_leave_out_and_is_there_when_asked_for_is_not_called_gone(tmp_path: Path) -> None:
    """Complete pass after complete pass misses somebody whom the source still gives by name: nobody is asked about a deletion."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        await in_tail(trip)
        lead, pages = trip.source_rows("leads")[0]["leadid"], trip.doors.pages

        async def without(kind: str, start: Any) -> AsyncGenerator[Any, None]:
            async with aclosing(pages(kind, start)) as found:
                async for page in found:
                    yield replace(page, records=tuple(each for each in page.records if (each.kind, each.key) != ("lead", lead)))

        trip.doors.pages = without
        for _ in range(3):
            await in_tail(trip)
        assert (await trip.staged("lead"))[lead].missing_scans >= GONE_SCANS
        assert not await trip.items("deleted_at_source")


async def test_what_is_gone_a_second_time_is_asked_about_again(tmp_path: Path) -> None:
    """Answered, come back and gone again: a second question; as long as it just stays away the first answer stands."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        row = dict(trip.source_rows("leads")[0])
        lead = row.pop("leadid")

        async def asked(*rounds: Callable[[], Any]) -> list[str]:
            trip.clock.skipped_s += 60.0
            await in_tail(trip, *rounds)
            return [item.id for item in await trip.items("deleted_at_source") if item.key == lead]

        nothing = (lambda: None,) * 2
        [first] = await asked(lambda: trip.in_source("delete", "leads", lead), *nothing)
        await trip.resolve(await trip.ledger.item(first), "keep")
        assert await asked(*nothing) == []
        assert await asked(lambda: trip.in_source("create", "leads", lead, name=row["name"], email=row["email"])) == []
        [second] = await asked(lambda: trip.in_source("delete", "leads", lead), *nothing)
        assert second != first


async def test_a_silent_edit_is_found_by_the_sweep(tmp_path: Path) -> None:
    """A change that moves no time stamp arrives all the same."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        note = trip.source_rows("notes")[0]
        trip.in_source("edit", "notes", note["noteid"], silent=True, note="Changed without a trace")
        await in_tail(trip)
        assert any("Changed without a trace" in str(row["body"]) for row in trip.live("notes").values())


@pytest.mark.parametrize(("first_s", "then_s"), [
    (-600.0, -600.0), (600.0, 600.0), (-600.0, 600.0), (0.0, -600.0), (600.0, -600.0), (0.0, -200_000.0),
])  # fmt: skip
@pytest.mark.parametrize("is_filtered", [False, True])
async def test_a_clock_of_the_source_that_is_wrong_or_jumps_loses_no_change(
    tmp_path: Path, first_s: float, then_s: float, is_filtered: bool
) -> None:
    """
    Minutes behind ours or ahead, set forth in the tail, or back by minutes or days: each change, and note, is there before the switch.

    Also where what changed is asked for by its date, and what changed after a jump back bears an earlier one than what was read before.
    """
    given = FILTERED if is_filtered else {}
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER, **given) as trip:
        links = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page]
        joined = {link.dest_id for link in links if link.is_merged}
        alone = [link.ref.key for link in links if link.ours and link.dest_id not in joined]
        for skew_s, lead, name in ((first_s, alone[0], "Changed Before"), (then_s, alone[1], "Changed Behind")):
            trip.lt.faults.switches["clock_skew_s"] = skew_s
            await in_tail(
                trip, partial(trip.in_source, "edit", "leads", lead, name=name),
                partial(trip.in_source, "create", "notes", leadid=alone[2], note=f"Note of {name}"),
            )  # fmt: skip
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.WATCH)
        names = sorted(str(row["name"]) for row in trip.live("contacts").values() if str(row["name"]).startswith("Changed B"))
        assert [name[:14] for name in names] == ["Changed Before", "Changed Behind"]
        bodies = [str(row["body"]) for row in trip.live("notes").values()]
        assert [sum(f"Note of {name}" in body for body in bodies) for name in ("Changed Before", "Changed Behind")] == [1, 1]


async def test_writes_wait_in_line_by_who_waits_for_them(tmp_path: Path) -> None:
    """Backfill writes go behind others, the changes of the tail go first."""
    async with voyage(tmp_path, at=State.BACKFILL, records=30, gates=ASK_CUTOVER) as trip:
        trip.asked.clear()
        await trip.phase()
        assert {priority for name, line, priority in trip.asked if name == "nutshell" and line.startswith("POST contacts")} <= {BACKFILL}
        trip.asked.clear()
        trip.in_source("create", "leads", name="New Person", email="new.person@example.com")
        await in_tail(trip)
        assert {priority for name, line, priority in trip.asked if name == "nutshell" and line.startswith("POST contacts")} == {DELTA}


# ------------------------------------------------------------------------------------------------ cutover


async def test_a_cutover_switches_once_wherever_it_is_killed(tmp_path: Path) -> None:
    """Killed at many commits on its way, the attempt goes on and ends with one receipt and one entry in the audit."""
    async with voyage(tmp_path, at=State.CUTOVER, records=20) as trip:
        commit = 1
        while await trip.killed_at(commit, trip.phase, late=commit % 2 == 0):
            commit += 4
        assert trip.m.phase.state is State.WATCH
        switched = [row async for page in trip.ledger.audit() for row in page if row.entry.action == "cutover.switched"]
        assert len(switched) == 1
        assert (await trip.ledger.setting("switched"))["id"]
        assert await cutover.request(trip.m, "uid:7", freeze_confirmed=True) == "already_switched"


async def test_a_cancel_during_a_pass_is_not_forgotten(tmp_path: Path) -> None:
    """What the operator says while a step runs goes before what the step has in hand."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_cutover(trip)
        answers: list[str] = []

        async def hear(kind: str, parent: str) -> None:
            if not answers:
                answers.append("asked")
                answers.append(await cutover.cancel(trip.m, "uid:7"))

        on_children(trip, hear)
        await trip.phase()
        assert answers == ["asked", "cancelled"]
        assert trip.m.phase.state is State.TAIL
        assert await trip.ledger.setting("switched") is None
        assert (await trip.ledger.setting("cutover:last"))["reason"] == "cancelled by the operator"


async def test_an_attempt_given_up_before_a_kill_leads_back_to_the_tail(tmp_path: Path) -> None:
    """Killed between giving up and tailing, the next start finds no attempt and tails."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.CUTOVER)
        await trip.set("cutover", None)
        await trip.restart()
        assert await trip.phase() is State.TAIL


async def test_the_deadline_leads_back_and_says_where_it_was(tmp_path: Path) -> None:
    """An attempt that waits too long for the freeze is given up with its reason; nothing is switched."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, cutover_deadline_s=30.0) as trip:
        await cutover.request(trip.m, "uid:7", freeze_confirmed=False)
        await trip.until(State.CUTOVER)

        async def too_long() -> None:
            trip.clock.skipped_s += 60.0
            trip.m.control.notify()

        await trip.answering({"freeze": too_long})
        assert trip.m.phase.state is State.TAIL
        assert "not done within 30 s" in (await trip.ledger.setting("cutover:last"))["reason"]
        assert "freeze" in (await trip.ledger.setting("cutover:last"))["reason"]


async def test_a_pass_of_an_earlier_attempt_does_not_count(tmp_path: Path) -> None:
    """Children read before the freeze are read again after it: a late note on an early lead arrives."""
    async with voyage(tmp_path, at=State.TAIL, records=120, gates=ASK_CUTOVER) as trip:
        await in_cutover(trip)
        asked: list[tuple[str, str]] = []

        async def hear(kind: str, parent: str) -> None:
            asked.append((kind, parent))
            if len(asked) == 30:
                await cutover.cancel(trip.m, "uid:7")

        unheard = on_children(trip, hear)
        await trip.phase()
        unheard()
        kind, parent = asked[0]
        assert kind == "note"
        trip.in_source("create", "notes", silent=True, leadid=parent, note="written just before the freeze")
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.WATCH)
        assert any("just before the freeze" in str(row["body"]) for row in trip.live("notes").values())


async def test_a_quiet_account_is_read_completely_once_after_the_freeze(tmp_path: Path) -> None:
    """Between freeze and switch every lead's children are asked once; what changed is read again before, and both must be quiet."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_cutover(trip)
        asked: list[tuple[str, str]] = []

        async def hear(kind: str, parent: str) -> None:
            asked.append((kind, parent))

        on_children(trip, hear)
        await trip.phase()
        assert trip.m.phase.state is State.WATCH
        leads = {row["leadid"] for row in trip.source_rows("leads")}
        assert sorted(asked) == sorted((kind, lead) for lead in leads for kind in ("note", "call", "email"))


async def test_a_drain_that_finds_something_reads_everything_again(tmp_path: Path) -> None:
    """A silent edit from before the freeze arrives, and the switch waits until a complete pass after it was quiet."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        note = trip.source_rows("notes")[0]
        trip.in_source("edit", "notes", note["noteid"], silent=True, note="Changed without a trace")
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.WATCH)
        assert any("Changed without a trace" in str(row["body"]) for row in trip.live("notes").values())
        assert await trip.ledger.setting("round:drain") == 4, "given up at the freeze, then two complete passes"


@pytest.mark.parametrize("finds", ["what changed", "everything"])
async def test_behind_a_find_both_passes_are_read_again(tmp_path: Path, finds: str) -> None:
    """Whichever pass of the drain finds something, two quiet ones must follow: what is written behind the first of them still arrives."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_cutover(trip)
        early, late = sorted(row["leadid"] for row in trip.source_rows("leads"))[:2]
        if finds == "what changed":
            trip.in_source("edit", "leads", early, address="1 Before Lane")
        else:
            note = next(row for row in trip.source_rows("notes") if row["leadid"] == early)
            trip.in_source("edit", "notes", note["noteid"], silent=True, note="1 Before Lane")
        original, passes, behind = trip.doors.pages, list[str](), list[str]()

        async def pages(kind: str, start: Any) -> AsyncGenerator[Any, None]:
            async with aclosing(original(kind, start)) as shown:
                async for page in shown:
                    yield page
            if kind == "lead":
                passes.append(trip.m.phase.reason)
                if len(passes) > 1 and finds in passes[-2] and not behind:
                    behind.append(trip.in_source("edit", "leads", late, force=True, address="2 Behind Lane"))

        trip.doors.pages = pages
        await trip.until(State.WATCH)
        written = [str(row) for kind in ("contacts", "notes") for row in trip.live(kind).values()]
        assert any("1 Before Lane" in row for row in written)
        assert any("2 Behind Lane" in row for row in written), passes


@pytest.mark.parametrize("times", [1, 2])
async def test_an_unknown_outcome_is_waited_for_before_the_switch(tmp_path: Path, times: int) -> None:
    """Writes of the drain are never answered and did not happen: the attempt is not given up for them, they are made, and it switches."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_cutover(trip)
        trip.in_source("create", "leads", name="Just Before", email="just.before@example.com")
        trip.site.faults.merge({"reset_before": {"match": "POST /rest/contacts", "times": times}})
        assert await trip.phase() is State.WATCH
        assert [row["name"] for row in trip.live("contacts").values()].count("Just Before") == 1
        assert await trip.ledger.open_intents() == []


async def test_what_comes_up_during_the_drain_stands_against_the_switch(tmp_path: Path) -> None:
    """All is looked at once more right before: a question that blocks, put after the attempt began, leads back with its reason."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_cutover(trip)

        async def hear(kind: str, parent: str) -> None:
            await trip.ledger.commit([Enqueue(item=QueueItem(
                id="late", cause="plan_limit", kind="lead", key="", reason="no room", blocking=True, decisions=("retry",),
            ))])

        on_children(trip, hear)
        assert await trip.phase() is State.TAIL
        assert "1 queue items block the cutover" in (await trip.ledger.setting("cutover:last"))["reason"]
        assert await trip.ledger.setting("switched") is None


async def test_a_cancel_at_the_last_moment_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told "cancelled" while the switch waits for the feed, the operator finds nothing switched; behind the switch it is told so."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_cutover(trip)
        answers: list[str] = []

        async def outlasted(*_: Any) -> bool:
            answers.append(await cutover.cancel(trip.m, "uid:7"))
            return True

        monkeypatch.setattr(aftermath, "outlasted", outlasted)
        assert await trip.phase() is State.TAIL
        assert answers == ["cancelled"]
        assert await trip.ledger.setting("switched") is None
        monkeypatch.undo()
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.WATCH)
        assert await cutover.cancel(trip.m, "uid:7") == "not_running"


async def test_only_who_says_so_confirms_the_freeze(tmp_path: Path) -> None:
    """An order given twice without the confirmation is one order, and people may go on writing until somebody confirms."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        said = [await cutover.request(trip.m, "uid:7", freeze_confirmed=confirmed) for confirmed in (False, False)]
        assert said == ["started", "already_running"]
        assert not (await trip.ledger.setting("cutover"))["freeze_confirmed"]
        said = [await cutover.request(trip.m, "uid:7", freeze_confirmed=confirmed) for confirmed in (True, True)]
        assert said == ["freeze_confirmed", "already_running"]
        assert (await trip.ledger.setting("cutover"))["freeze_confirmed"]


async def test_a_live_cutover_takes_the_last_changes_along(tmp_path: Path) -> None:
    """What somebody writes behind the last complete pass is in the destination when it switches, and is no late write."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER, cutover_mode="live") as trip:
        await in_cutover(trip)
        lead, written = trip.source_rows("leads")[0]["leadid"], list[str]()

        async def hear(kind: str, parent: str) -> None:
            if not written:
                written.append(trip.in_source("edit", "leads", lead, address="2 Behind Lane"))

        on_children(trip, hear)
        await trip.until(State.WATCH)
        assert any("2 Behind Lane" in str(row) for row in trip.live("contacts").values())


async def test_what_went_just_before_the_freeze_is_told(tmp_path: Path) -> None:
    """A note deleted shortly before is missed by two complete passes of the drain itself, also where nothing is watched after it."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        leads = {row["leadid"] for row in trip.source_rows("leads")}
        note = next(row for row in trip.source_rows("notes") if row["leadid"] in leads)
        trip.in_source("delete", "notes", note["noteid"], silent=True)
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.WATCH)
        assert note["noteid"] in [item.key for item in await trip.items("deleted_at_source")]


async def test_a_live_cutover_converges_while_people_write(tmp_path: Path) -> None:
    """With a little going on in the source the switch comes, and what came before it has arrived."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, cutover_mode="live") as trip:
        lead, made = trip.source_rows("leads")[0]["leadid"], []

        async def hear(kind: str, parent: str) -> None:
            if len(made) <= 20:
                made.append(trip.in_source("create", "notes", leadid=lead, note=f"work goes on {len(made)}"))

        await in_tail(trip)
        on_children(trip, hear)
        await cutover.request(trip.m, "uid:7", freeze_confirmed=False)
        with anyio.fail_after(HUNG_S):
            await trip.until(State.WATCH)
        assert "freeze" not in trip.gates
        assert any("work goes on 0" in str(row["body"]) for row in trip.live("notes").values())


async def test_a_cutover_asked_for_while_paused_is_refused_with_the_reason(tmp_path: Path) -> None:
    """The precheck names the pause, and with no window that silent edits of the switch are not found, which stands against nothing."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        trip.m.control.pause("lunch")
        found = await precheck(trip.m)
        assert not found.may_start
        assert any("lunch" in reason and "resume" in reason for reason in found.reasons)
        [note] = found.to_json()["notes"]
        assert "watch_days" in note
        assert "silent edit" in note
        assert note not in found.reasons
        with_terms(trip, watch_days=1.0)
        assert (await precheck(trip.m)).notes == ()


async def test_what_is_answered_just_before_the_switch_is_carried_out_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that an answer lets run again behind the drain is delivered first: nobody hears that it was written after the switch."""
    async with voyage(tmp_path, at=State.CUTOVER, records=20, watch_days=1.0) as trip:
        original, key = aftermath.outlasted, trip.source_rows("leads")[0]["leadid"]

        async def outlasted(migration: Migration, what: str) -> bool:
            if await trip.ledger.item(f"rejected:lead:{key}") is None:
                await trip.ledger.commit([Enqueue(item=QueueItem(
                    id=f"rejected:lead:{key}", cause="rejected", kind="lead", key=key, reason="?", decisions=("retry", "waive"),
                ))])
                await desk_of(trip).queue_resolve(actor="uid:7", id=f"rejected:lead:{key}", decision="retry")
            return await original(migration, what)

        monkeypatch.setattr(aftermath, "outlasted", outlasted)
        assert await trip.phase() is State.WATCH
        assert await trip.ledger.item(f"rejected:lead:{key}") is not None
        assert (await trip.staged("lead"))[key].state is RecordState.DONE
        assert await trip.items("after_freeze") == []


# ------------------------------------------------------------------------------------------------ watch


async def test_late_writes_wait_for_a_person_and_can_be_taken(tmp_path: Path) -> None:
    """Each record written after the freeze is asked about at once; the one that is taken arrives, no later version of it does unasked."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0, stream_poll_s={"lead": 900.0}) as trip:
        await trip.work.reader.poll(900)     # as the drain did a moment ago: the pause of the kind is not over
        taken = trip.in_source("create", "leads", force=True, name="Taken Later", email="taken.later@example.com", company="Takers Ltd")
        left = trip.in_source("create", "leads", force=True, name="Left Behind", email="left.behind@example.com", company="Leavers Ltd")
        await trip.stopping(trip.phase, lambda: "watching" in trip.m.phase.reason)
        items = {item.key: item for item in await trip.items("after_freeze") if item.kind == "lead"}
        assert set(items) == {taken, left}
        assert await trip.ledger.links_of("lead", [taken, left]) == []
        await trip.resolve(items[taken], "take")
        await trip.stopping(trip.phase, lambda: any(row["name"] == "Taken Later" for row in trip.live("contacts").values()))
        names = {row["name"] for row in trip.live("contacts").values()}
        assert "Left Behind" not in names
        companies = {row["name"] for row in trip.live("accounts").values()}
        assert "Takers Ltd" in companies, "with all that comes with it"
        assert "Leavers Ltd" not in companies, "nor is anything made for it"
        trip.in_source("edit", "leads", taken, force=True, name="Written Afterwards")
        trip.clock.skipped_s += 2 * 86_400
        assert await trip.phase() is State.DONE
        [later] = [item for item in await trip.items("after_freeze") if item.key == taken and item.kind == "lead"]
        assert later.id != items[taken].id
        assert "Written Afterwards" not in {row["name"] for row in trip.live("contacts").values()}


async def test_the_last_look_at_the_source_reads_everything_behind_the_window(tmp_path: Path) -> None:
    """What a reading had seen before it was cut off in the window is read again behind it: an edit that shows in no list is asked about."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        began: list[str] = []

        async def hear(kind: str, parent: str) -> None:
            began.append(kind)

        still = on_children(trip, hear)
        trip.clock.skipped_s += 43_200
        await trip.stopping(trip.phase, lambda: bool(began))     # people were read, what belongs to them was not
        still()
        people = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours and not link.is_merged]
        trip.in_source("edit", "leads", people[0].ref.key, force=True, silent=True, name="Written Late")
        trip.clock.skipped_s += 86_400
        assert await trip.phase() is State.DONE
        assert [(each.kind, each.key) for each in await trip.items("after_freeze")] == [("lead", people[0].ref.key)]


@pytest.mark.parametrize("first", ["take", "ignore"])
async def test_a_version_that_comes_back_after_another_one_is_asked_about_again(tmp_path: Path, first: str) -> None:
    """What was said of it was about that time: it neither moves unasked nor is held in silence, whatever became of it before."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        people = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours and not link.is_merged]
        key, dest_id = people[0].ref.key, people[0].dest_id

        async def written(name: str, decision: str) -> str:
            trip.in_source("edit", "leads", key, force=True, name=f"{name} Version")
            await trip.work.reader.everything("watch")
            await look_once(trip)
            [item] = [each for each in await trip.items("after_freeze") if each.kind == "lead"]
            if decision:
                await desk_of(trip).queue_resolve(actor="uid:7", id=item.id, decision=decision)
                await look_once(trip)
            return item.id

        asked = [await written("First", first), await written("Second", "take"), await written("First", "")]
        assert trip.live("contacts")[dest_id]["name"].startswith("Second Version")
        assert len(set(asked)) == 3
        await desk_of(trip).queue_resolve(actor="uid:7", id=asked[2], decision="take")
        await look_once(trip)
        assert trip.live("contacts")[dest_id]["name"].startswith("First Version")


async def written_late_twice(trip: Voyage) -> QueueItem:
    """Let somebody write a lead after the switch, and once more, which is read and not asked about yet; gives the first question."""
    key = trip.in_source("create", "leads", force=True, name="First Version", email="twice@example.com")
    await look_once(trip)
    [first] = [each for each in await trip.items("after_freeze") if each.kind == "lead"]
    trip.in_source("edit", "leads", key, force=True, name="Second Version")
    await trip.work.reader.everything("watch")
    return first


async def test_of_a_record_that_is_written_late_twice_the_last_version_alone_is_asked_about(tmp_path: Path) -> None:
    """The question before closes by itself, which the audit tells; to take what is there no more is refused, and says what to answer."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        first = await written_late_twice(trip)
        await look_once(trip)
        [second] = [each for each in await trip.items("after_freeze") if each.kind == "lead"]
        assert second.id != first.id
        assert f"{first.id}: asked_instead" in [each.entry.note async for page in trip.ledger.audit() for each in page]
        with pytest.raises(DoesNotFit) as refused:
            await desk_of(trip).queue_resolve(actor="uid:7", id=first.id, decision="take")
        assert second.id in str(refused.value.hint)
        await desk_of(trip).queue_resolve(actor="uid:7", id=second.id, decision="take")
        await look_once(trip)
        assert [row["name"] for row in trip.live("contacts").values() if "Version" in str(row["name"])] == ["Second Version"]


async def test_an_answer_that_comes_as_a_later_version_is_asked_about_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either it was given before, or whoever gives it is told that it is not heard: none is taken and then closed by the engine."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        first = await written_late_twice(trip)
        given, real, told = anyio.Event(), holding.read_known, list[str]()

        async def answer() -> None:
            try:
                await desk_of(trip).queue_resolve(actor="uid:7", id=first.id, decision="take")
                told.append("resolved")
            except DoesNotFit:
                told.append("refused")
            given.set()

        async with anyio.create_task_group() as group:

            async def read(ledger: Any, since: str, kind: str, page: Any) -> Any:
                found = await real(ledger, since, kind, page)
                if kind == "lead" and not given.is_set():
                    group.start_soon(answer)
                    with anyio.move_on_after(0.2):
                        await given.wait()
                return found

            monkeypatch.setattr(holding, "read_known", read)
            await look_once(trip)
        item = await trip.ledger.item(first.id)
        assert [(each, item.decision) for each in told[:1]] in ([("refused", "asked_instead")], [("resolved", "take")])


def desk_of(trip: Voyage) -> Desk:
    supervisor: Any = SimpleNamespace(m=trip.m, work=trip.work, chain=None)
    unused: Any = None
    return Desk(supervisor, picture=unused, reports=unused, limiters={}, stop=lambda: None, set_cap=lambda *_: None)


async def look_once(trip: Voyage) -> None:
    """Let the watch look, and carry out what was decided."""
    await trip.m.explain("to be looked at")
    await trip.stopping(trip.phase, lambda: "watching" in trip.m.phase.reason)


async def test_a_decision_on_another_question_takes_no_later_version(tmp_path: Path) -> None:
    """A record that was sent again by a decision after the switch goes as it was then; what is written in it later is asked about."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        await look_once(trip)
        people = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours and not link.is_merged]
        by_person, by_engine = (link.ref.key for link in people[:2])
        for key in (by_person, by_engine):
            await trip.ledger.commit([Enqueue(item=QueueItem(
                id=f"rejected:lead:{key}", cause="rejected", kind="lead", key=key, reason="?", decisions=("retry", "waive"),
            ))])
        await desk_of(trip).queue_resolve(actor="uid:7", id=f"rejected:lead:{by_person}", decision="retry")
        await trip.ledger.commit([
            ResolveItem(id=f"rejected:lead:{by_engine}", decision="came", by="streamflow"), Reopen(kind="lead", keys=(by_engine,)),
        ])
        await look_once(trip)
        assert {(await trip.staged("lead"))[key].state for key in (by_person, by_engine)} == {RecordState.DONE}, "they were sent again"
        assert await trip.items("after_freeze") == []
        await trip.restart()
        for key in (by_person, by_engine):
            trip.in_source("edit", "leads", key, force=True, name=f"Written Later {key}")
        await look_once(trip)
        assert {item.key for item in await trip.items("after_freeze") if item.kind == "lead"} == {by_person, by_engine}
        assert not [row for row in trip.live("contacts").values() if "Written Later" in str(row["name"])]


async def test_a_version_that_was_read_and_is_not_asked_about_yet_goes_by_no_other_answer(tmp_path: Path) -> None:
    """While everything is read once more nobody can know of it: another question about the record is answered, and it is asked about."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        await look_once(trip)
        people = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours and not link.is_merged]
        key, dest_id = people[0].ref.key, people[0].dest_id
        other = QueueItem(id=f"rejected:lead:{key}", cause="rejected", kind="lead", key=key, reason="?", decisions=("retry", "waive"))
        await trip.ledger.commit([Enqueue(item=other)])
        trip.in_source("edit", "leads", key, force=True, silent=True, name="Written Late")
        await trip.work.reader.everything("watch")
        await desk_of(trip).queue_resolve(actor="uid:7", id=other.id, decision="retry")
        await look_once(trip)
        assert not str(trip.live("contacts")[dest_id]["name"]).startswith("Written Late")
        [asked] = await trip.items("after_freeze")
        assert (asked.kind, asked.key, asked.reason) == ("lead", key, GOES_ON)
        await desk_of(trip).queue_resolve(actor="uid:7", id=asked.id, decision="take")
        await look_once(trip)
        assert str(trip.live("contacts")[dest_id]["name"]).startswith("Written Late")


async def answered_ahead(trip: Voyage, item: QueueItem) -> None:
    """Let a question be answered before the switch, by a clock that is set back two hours before that."""
    await trip.ledger.commit([Enqueue(item=item)])
    trip.clock.skipped_s += 7200.0
    await desk_of(trip).queue_resolve(actor="uid:7", id=item.id, decision="retry")
    trip.clock.skipped_s -= 7200.0
    assert await trip.phase() is State.WATCH


async def asked_about_late(trip: Voyage, key: str) -> None:
    """Write a lead after the switch: it is asked about, and nothing of it arrives."""
    trip.in_source("edit", "leads", key, force=True, name="Written Late")
    await look_once(trip)
    assert key in [each.key for each in await trip.items("after_freeze")]
    assert not [row for row in trip.live("contacts").values() if "Written Late" in str(row["name"])]


async def test_an_answer_from_before_the_switch_lets_nothing_go_whatever_the_clock_says(tmp_path: Path) -> None:
    """Answered and carried out, then the wall clock is set back over the switch: a late write of it is asked about all the same."""
    async with voyage(tmp_path, at=State.CUTOVER, records=20, watch_days=1.0) as trip:
        key = next(str(row["leadid"]) for row in trip.source_rows("leads"))
        item = QueueItem(id=f"rejected:lead:{key}", cause="rejected", kind="lead", key=key, reason="?", decisions=("retry", "waive"))
        await answered_ahead(trip, item)
        await asked_about_late(trip, key)


async def test_what_was_brought_back_before_the_switch_lets_nothing_go_whatever_the_clock_says(tmp_path: Path) -> None:
    """A part of the run was to come back, then the clock is set back over the switch: a late write of it is asked about all the same."""
    async with voyage(tmp_path, at=State.CUTOVER, records=20, watch_days=1.0) as trip:
        key = next(str(row["leadid"]) for row in trip.source_rows("leads"))
        item = undone_item({"scope": "kind:lead", "at": "earlier"})
        await answered_ahead(trip, item)
        staged = (await trip.staged("lead"))[key]
        # as one that a rollback removed a moment too soon and gave back: nothing was left to be done with it when it came back
        await trip.ledger.commit([finish_of(staged, disposition=staged.disposition, reason=staged.reason, ground=undone("kind:lead"))])
        await asked_about_late(trip, key)


async def test_what_is_brought_back_after_the_switch_comes_without_more_questions(tmp_path: Path) -> None:
    """Notes that were undone in the watch and brought back by one decision are there again; only what is written later is asked about."""
    async with voyage(tmp_path, at=State.WATCH, records=30, watch_days=1.0) as trip:
        await look_once(trip)
        before = {row["id"] for row in trip.live("notes").values()}
        await trip.set("rollback", {"scope": "kind:note", "by": "uid:7", "at": "now", "asked_in": "watch", "paused": None})
        await trip.m.enter(State.ROLLBACK, "asked for")
        assert await trip.phase() is State.WATCH
        undone = len(before) - len(trip.live("notes"))
        assert undone > 0
        [item] = await trip.items("rolled_back")
        await look_once(trip)
        assert len(before) - len(trip.live("notes")) == undone, "they stay away until somebody says so"
        await desk_of(trip).queue_resolve(actor="uid:7", id=item.id, decision="retry")
        await look_once(trip)
        assert (len(trip.live("notes")), await trip.items("after_freeze")) == (len(before), [])
        note = next(each for each in (await trip.staged("note")).values() if each.record.parent)
        trip.in_source("edit", "notes", note.record.key, force=True, note="written later")
        await trip.work.reader.everything("watch")
        await look_once(trip)
        assert [each.key for each in await trip.items("after_freeze")] == [note.record.key]


async def test_what_is_brought_back_after_the_switch_comes_whatever_the_clock_says(tmp_path: Path) -> None:
    """The clock is set back over the switch, then notes are let come back: they do, and nobody hears that they were written late."""
    async with voyage(tmp_path, at=State.CUTOVER, records=20, watch_days=1.0) as trip:
        item = undone_item({"scope": "kind:note", "at": "earlier"})
        assert await trip.phase() is State.WATCH
        note = next(each for each in (await trip.staged("note")).values() if each.record.parent)
        away = finish_of(note, state=RecordState.HELD, disposition=note.disposition, reason="undone", ground=undone("kind:note"))
        await trip.ledger.commit([Enqueue(item=item), away])
        trip.clock.skipped_s -= 7200.0
        await desk_of(trip).queue_resolve(actor="uid:7", id=item.id, decision="retry")
        await look_once(trip)
        assert (await trip.staged("note"))[note.record.key].state is RecordState.DONE
        assert await trip.items("after_freeze", None) == []


async def test_who_gets_an_owner_after_the_switch_goes_on_whatever_the_clock_says(tmp_path: Path) -> None:
    """The clock is set back over the switch, then a recheck finds the owner of a record: it is sent, and not called written late."""
    async with voyage(tmp_path, at=State.CUTOVER, records=20, watch_days=1.0) as trip:
        assert await trip.phase() is State.WATCH
        key = await lead_without_owner(trip)
        trip.clock.skipped_s -= 7200.0
        await OwnersGate(trip.m).recheck("uid:7")
        await look_once(trip)
        assert (await trip.staged("lead"))[key].state is RecordState.DONE
        assert [each.state for each in await trip.items(UNOWNED, None)] == ["resolved"]
        assert await trip.items("after_freeze", None) == []


@pytest.mark.parametrize("answer", ["ignore", ""])
async def test_one_late_version_that_is_taken_takes_no_other_of_the_same_person(tmp_path: Path, answer: str) -> None:
    """Two leads are one person, both are written late: one is taken and adds its address; the other's, passed or still open, does not."""
    async with voyage(tmp_path, at=State.TAIL, records=20, watch_days=1.0) as trip:
        first, second = (trip.in_source("create", "leads", name="Thandi Mokoena", email="t@own.test") for _ in range(2))
        await trip.until(State.WATCH)
        await look_once(trip)

        async def written(key: str, email: str, answer: str) -> None:
            trip.in_source("edit", "leads", key, force=True, email=email)
            await look_once(trip)
            [*_, item] = [each for each in await trip.items("after_freeze") if each.key == key]
            if answer:
                await desk_of(trip).queue_resolve(actor="uid:7", id=item.id, decision=answer)
                await look_once(trip)

        async def addresses() -> set[str]:
            [line] = (await trip.ledger.links([Ref("lead", first)])).values()
            return {str(each["value"]) for each in trip.live("contacts")[line.dest_id]["emails"]}

        assert (await trip.ledger.links([Ref("lead", second)]))[Ref("lead", second)].is_merged
        await written(first, "passed@own.test", answer)
        await written(second, "taken@own.test", "take")
        assert await addresses() == {"t@own.test", "taken@own.test"}
        await written(first, "later@own.test", "take")
        assert await addresses() == {"later@own.test", "taken@own.test"}


@pytest.mark.parametrize("late", [{"name": "Written Late"}, {"company": "Elsewhere Ltd"}])
async def test_a_start_in_the_watch_counts_companies_as_they_were_agreed(tmp_path: Path, late: dict[str, str]) -> None:
    """Who waits with a late version still says what their company is called; the first count of a start changes no company by that."""
    async with voyage(tmp_path, at=State.TAIL, records=20, watch_days=1.0) as trip:
        first, _ = (
            trip.in_source("create", "leads", name=name, email=f"{at}@vaal.test", company=company)
            for name, at, company in (("Thandi Nel", "thandi", "Vaal Pumps (Pty) Ltd"), ("Sipho Nel", "sipho", "VAAL PUMPS"))
        )
        await trip.until(State.WATCH)
        await look_once(trip)
        before = await trip.staged("company")
        assert "Vaal Pumps (Pty) Ltd" in str([each.record.data for each in before.values()])
        trip.in_source("edit", "leads", first, force=True, **late)
        await trip.work.reader.everything("watch")
        await look_once(trip)
        assert [each.key for each in await trip.items("after_freeze") if each.kind == "lead"] == [first]
        await trip.restart()
        assert await trip.work.refresh_companies() == 0
        after = await trip.staged("company")
        assert {key: (each.record.data, each.state) for key, each in after.items()} == {
            key: (each.record.data, RecordState.DONE) for key, each in before.items()
        }


async def test_what_came_back_by_one_decision_after_the_switch_takes_no_later_version(tmp_path: Path) -> None:
    """Undone in the watch, restored by people and let come back: it is as it was then, and what is written in it later is asked about."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        await look_once(trip)
        people = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours]
        shared = {link.dest_id for link in people if link.is_merged}
        line = next(link for link in people if link.dest_id not in shared)
        scope = f"record:lead:{line.ref.key}"
        await trip.set("rollback", {"scope": scope, "by": "uid:7", "at": "now", "asked_in": "watch", "paused": None})
        await trip.m.enter(State.ROLLBACK, "asked for")
        assert await trip.phase() is State.WATCH
        assert line.dest_id not in trip.live("contacts")
        trip.in_destination("undelete", kind="contacts", id=line.dest_id)
        await look_once(trip)
        [item] = await trip.items("rolled_back")
        await desk_of(trip).queue_resolve(actor="uid:7", id=item.id, decision="retry")
        await look_once(trip)
        staged = (await trip.staged("lead"))[line.ref.key]
        assert (staged.state, "undone" in staged.reason) == (RecordState.DONE, False)
        trip.in_source("edit", "leads", line.ref.key, force=True, name="Written Later")
        await look_once(trip)
        assert line.ref.key in [each.key for each in await trip.items("after_freeze") if each.kind == "lead"]
        assert not [row for row in trip.live("contacts").values() if "Written Later" in str(row["name"])]


async def test_a_late_write_taken_while_others_are_held_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision comes between two looks into the ledger: it is not taken for one more late write, and held for good."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        trip.in_source("create", "leads", force=True, name="Taken Just Now", email="just.now@example.com")
        await trip.stopping(trip.phase, lambda: "watching" in trip.m.phase.reason)
        waiting = [item for item in await trip.items("after_freeze") if item.kind == "lead"]
        original = trip.ledger.pending

        async def pending(kind: str, *, limit: int, after_seq: int = 0) -> Any:
            while kind == "lead" and waiting:
                await trip.resolve(waiting.pop(), "take")
            return await original(kind, limit=limit, after_seq=after_seq)

        monkeypatch.setattr(trip.ledger, "pending", pending)
        await trip.stopping(trip.phase, lambda: any(row["name"] == "Taken Just Now" for row in trip.live("contacts").values()))


async def test_a_late_write_that_a_crash_left_unasked_is_not_delivered(tmp_path: Path) -> None:
    """Read, then killed before it could be held: a decision on another record, carried out meanwhile, does not let it slip through."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        trip.in_source("create", "leads", force=True, name="Taken First", email="taken.first@example.com")
        await trip.stopping(trip.phase, lambda: "watching" in trip.m.phase.reason)
        await trip.resolve((await trip.items("after_freeze"))[0], "take")
        key = trip.in_source("create", "leads", force=True, name="Slips Through", email="slips@example.com")
        await trip.work.reader.poll(900)
        await trip.restart()
        await trip.stopping(trip.phase, lambda: any(row["name"] == "Taken First" for row in trip.live("contacts").values()))
        assert [item.key for item in await trip.items("after_freeze")] == [key]
        assert "Slips Through" not in {row["name"] for row in trip.live("contacts").values()}


async def test_the_window_ends_and_the_source_is_not_read_any_more(tmp_path: Path) -> None:
    """At its end everything is read once more, then the run is done; a source that is switched off by then ends nothing early."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:

        async def away() -> str | None:
            raise PlatformUnavailable("switched off", platform="leadtrekker")

        trip.doors.refresh = away
        await trip.stopping(trip.phase, lambda: "switched off" in trip.m.phase.reason)
        trip.clock.skipped_s += 2 * 86_400
        assert await trip.phase() is State.DONE
        assert await trip.ledger.setting("closed_at")
        [item] = await trip.items("last_read_failed")
        assert "switched off" in item.reason


async def test_the_last_reading_is_tried_again(tmp_path: Path) -> None:
    """A bad minute at the end of the window does not close it half blind: the silent late write is found when the source answers."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0, poll_s=0.01) as trip:
        original, asked = trip.doors.refresh, []

        async def away() -> str | None:
            asked.append(trip.m.phase.reason)
            if len(asked) < 4:
                raise PlatformUnavailable("nobody answers", platform="leadtrekker")
            return None if original is None else await original()

        trip.doors.refresh = away
        key = trip.in_source("create", "leads", force=True, name="Last Minute", email="last.minute@example.com")
        trip.clock.skipped_s += 86_400
        with anyio.fail_after(HUNG_S):
            assert await trip.phase() is State.DONE
        assert "for the last time; it cannot be read just now: leadtrekker: nobody answers" in asked[-1]
        assert [item.key for item in await trip.items("after_freeze") if item.kind == "lead"] == [key]
        assert await trip.items("last_read_failed") == []


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
async def test_a_late_write_whose_answer_was_lost_is_looked_for_by_the_next_start(tmp_path: Path, fault: str) -> None:
    """Taken, sent, and the process ends before it is known what became of it: it is there once and read back when the window ends."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        key = trip.in_source("create", "leads", force=True, name="Taken Later", email="taken.later@example.com")
        await look_once(trip)
        [item] = [item for item in await trip.items("after_freeze") if item.kind == "lead"]
        await trip.resolve(item, "take")
        trip.site.faults.merge({fault: {"match": "POST /rest/contacts", "times": 1}, "events_lag_s": 3_600.0})
        await trip.stopping(trip.phase, lambda: "waiting for the outcome" in trip.m.phase.reason)
        assert await trip.ledger.open_intents()
        trip.site.faults.merge({"events_lag_s": 0.0})
        trip.clock.skipped_s += 86_400
        assert await trip.phase() is State.DONE
        assert await trip.ledger.open_intents() == []
        assert [row["name"] for row in trip.live("contacts").values()].count("Taken Later") == 1
        [link] = await trip.ledger.links_of("lead", [key])
        assert link.verified == "verified"


async def test_what_was_written_just_before_a_kill_is_read_back_by_the_next_start(tmp_path: Path) -> None:
    """Nothing else is to be delivered by then: the write of the last process does not stay unverified for good."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        key = trip.in_source("create", "leads", force=True, name="Taken Later", email="taken.later@example.com")
        await look_once(trip)
        [item] = [item for item in await trip.items("after_freeze") if item.kind == "lead"]
        await trip.resolve(item, "take")
        await trip.stopping(trip.phase, lambda: any(row["name"] == "Taken Later" for row in trip.live("contacts").values()))
        await trip.ledger.commit([PutLink(link=replace(each, verified="pending")) for each in await trip.ledger.links_of("lead", [key])])
        await look_once(trip)
        [link] = await trip.ledger.links_of("lead", [key])
        assert link.verified == "verified"


async def test_a_silent_late_write_is_found_however_seldom_all_is_read(tmp_path: Path) -> None:
    """The last reading is a complete one whether a sweep is due or not: what moves no time of change is asked about, too."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0, sweep_every_s=30 * 86_400.0) as trip:
        await look_once(trip)
        note = next(each for each in (await trip.staged("note")).values() if each.record.parent)
        trip.in_source("edit", "notes", note.record.key, force=True, silent=True, note="written silently")
        await look_once(trip)
        assert await trip.items("after_freeze") == []
        trip.clock.skipped_s += 86_400
        assert await trip.phase() is State.DONE
        assert [item.key for item in await trip.items("after_freeze")] == [note.record.key]


async def test_a_user_who_turns_up_after_the_switch_ends_with_a_disposition(tmp_path: Path) -> None:
    """Nobody writes users, so nobody is asked about one; it does not stay pending for good either."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        user = trip.in_source("create", "users", force=True, name="New Colleague", email="new.colleague@example.com")
        await look_once(trip)
        await look_once(trip)
        staged = (await trip.staged("user"))[user]
        assert (staged.state, staged.disposition is None) == (RecordState.DONE, False)
        assert await trip.items("after_freeze") == []


# ------------------------------------------------------------------------------------------------ rollback

KINDS = ("accounts", "contacts", "leads", "notes", "activities", "tasks")


def pictured(trip: Voyage) -> dict[str, dict[str, Any]]:
    """What people see of the destination, without times and revisions."""
    hidden = ("modifiedTime", "rev", "createdTime", "lastContactedDate", "contactedCount")
    return {
        kind: {rid: {name: value for name, value in row.items() if name not in hidden and value not in ("", None, [], {})}
               for rid, row in trip.live(kind).items()}
        for kind in KINDS
    }  # fmt: skip


async def begin_rollback(trip: Voyage) -> None:
    await trip.m.decide("uid:7", "rollback.requested", note="run")
    await trip.set("rollback", {"scope": "run", "by": "uid:7"})
    await trip.m.enter(State.ROLLBACK, "asked for")


def refused_in_part(trip: Voyage, there: dict[str, Any]) -> list[str]:
    """Let the destination take one field of each change to people who were there, and refuse the rest; answers whose it was."""
    original, spoilt = trip.destination.writer.update, []

    async def update(kind: str, dest_id: str, changes: dict[str, Any], **rest: Any) -> str:
        if dest_id not in there or trip.m.phase.state is State.ROLLBACK:
            return str(await original(kind, dest_id, changes, **rest))
        spoilt.append(dest_id)
        await original(kind, dest_id, {name: value for name, value in changes.items() if name == "custom:Streamflow ID"}, **rest)
        raise RecordRejected("not the rest")

    trip.destination.writer.update = update
    return spoilt


async def test_a_lead_source_is_removed_when_the_bad_minute_is_over(tmp_path: Path) -> None:
    """Unanswered is not refused: the rollback is tried again as a whole, and what it made is gone."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        made = [await trip.destination.schema.source("Made by us")]
        await trip.set("sources:created", made)
        await begin_rollback(trip)
        trip.site.faults.merge({"fail_5xx": {"path": "DELETE /rest/sources/*", "probability": 1.0}})
        with pytest.raises((PlatformUnavailable, Uncertain)):
            await trip.phase()
        trip.site.faults.merge({"fail_5xx": None})
        assert await trip.phase() is State.ROLLED_BACK
        assert not set(made) & set(trip.live("sources"))
        assert trip.reports["rollback"]["cannot_be_removed_by_api"]["sources"] == []


@pytest.mark.parametrize("kills", [0, 6])
async def test_a_rollback_of_an_untouched_run_is_exact(tmp_path: Path, kills: int) -> None:
    """Everything made is gone, all that was changed, if only in part, is as it was; killed on the way as well; and read back."""
    async with voyage(tmp_path, records=40, gates=ASK_CUTOVER) as trip:
        before = pictured(trip)
        spoilt = refused_in_part(trip, before["contacts"])
        await trip.until(State.TAIL)
        assert spoilt
        moved = pictured(trip)
        assert moved != before
        await begin_rollback(trip)
        planned = await Rollback(trip.m).undo(dry_run=True)
        for number in range(kills):
            assert await trip.killed_at(2 + number, trip.phase, late=number % 2 == 0)
        await trip.phase()
        after = pictured(trip)
        for kind in KINDS:
            assert after[kind].keys() == before[kind].keys(), kind
            for rid, row in before[kind].items():
                assert {name: after[kind][rid].get(name) for name in ("name", "emails", "phones", "customFields", "description")} == {
                    name: row.get(name) for name in ("name", "emails", "phones", "customFields", "description")
                }
        report = trip.reports["rollback"]
        assert report["still_there"] == []
        # An owner may be given and not taken away where the platform knows no blank one; then it is listed, never passed over.
        assert {each["fields"] for each in report["not_restored"]} <= {"link:owner"}
        assert report["read_back"] == ("differs" if report["not_restored"] else "as before")
        assert (report["deleted"], report["restored"]) == (planned.deleted, planned.restored), "counted over all starts"
        named = {action: {each["id"] for each in planned.named if each["action"] == action} for action in ("delete", "restore")}
        assert named["delete"] == {rid for kind in KINDS for rid in moved[kind].keys() - after[kind].keys()}, "the plan told which"
        assert named["restore"] <= {rid for kind in KINDS for rid, row in before[kind].items() if moved[kind][rid] != row}
        assert len(named["restore"]) == planned.restored
        assert report["spared"] == []
        assert "Streamflow ID" in {each["label"] for each in report["cannot_be_removed_by_api"]["custom_fields"]}


async def test_what_people_touched_or_hung_on_ours_is_spared(tmp_path: Path) -> None:
    """A note somebody edited keeps its person, a person somebody joined to our company keeps the company; each is listed."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        links = [link async for page in trip.ledger.crosswalk() for link in page]
        ours = {link.dest_id for link in links if link.ours}
        note = next(
            link for link in links
            if link.dest_kind == "notes" and link.ref.kind == "note" and trip.live("notes")[link.dest_id]["links"]["parent"] in ours
        )
        person = trip.live("notes")[note.dest_id]["links"]["parent"]
        trip.in_destination("edit", kind="notes", id=note.dest_id, values={"body": "My own words now"})
        company = next(link.dest_id for link in links if link.dest_kind == "accounts" and link.ours)
        friend = trip.in_destination("create", kind="contacts", values={"name": "Own Friend", "links": {"accounts": [company]}})
        await begin_rollback(trip)
        planned = await Rollback(trip.m).undo(dry_run=True)
        await trip.phase()
        spared = {each["id"] for each in trip.reports["rollback"]["spared"]}
        assert {note.dest_id, person, company} <= spared
        assert spared == {each["id"] for each in planned.spared}
        assert trip.live("notes")[note.dest_id]["body"] == "My own words now"
        assert person in trip.live("contacts")
        assert company in trip.live("accounts")
        assert friend["id"] in trip.live("contacts")


def test_what_people_add_to_ours_counts_as_touched() -> None:
    """A value where we left a blank, one more address, a custom value of their own: each spares the record."""
    mail = {"name": "email", "value": "a@example.com", "isPrimary": True}
    link = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="1-contacts", base={"name": "Ann", "emails": [mail]}, ours=True)
    now, filled = {"name": "Ann", "firstName": "Ann", "emails": [mail], "link:owner": "1-users"}, {"firstName", "link:owner"}
    assert plan_step(link, now, same, foreign=(), filled=filled).action == "delete"
    for more in ({"jobTitle": "Boss"}, {"emails": [mail, {**mail, "value": "b@example.com"}]}, {"custom:Birthday": "1990-01-01"}):
        step = plan_step(link, {**now, **more}, loosely_same, foreign=(), filled=filled)
        assert (step.action, *more) == ("spare", *more)
        assert next(iter(more)) in step.reason


def loosely_same(_kind: str, _name: str, one: Any, other: Any) -> Verdict:
    """As a destination compares lists that may have grown."""
    return Verdict.NORMALISED


def same(_kind: str, _name: str, one: Any, other: Any) -> Verdict:
    return Verdict.EQUAL if one == other else Verdict.DIFFERS


def matched(base: dict[str, Any], before: dict[str, Any]) -> Link:
    return Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="1-contacts", base=base, before=before, ours=False)


def test_restoring_takes_away_what_we_brought_and_nothing_else() -> None:
    """Our address goes and the one a person added stays; our part of a text goes; a value that was blank is blank again."""
    mail = {"name": "email", "value": "a@example.com", "isPrimary": True}
    ours = {**mail, "value": "b@example.com", "isPrimary": False}
    theirs = {**mail, "value": "c@example.com", "isPrimary": False}
    link = matched(
        {"emails": [mail, ours], "description": "from us", "custom:Status": "New", "jobTitle": "Boss"},
        {"emails": [mail], "description": "theirs", "custom:Status": None, "jobTitle": ""},
    )
    now = {"emails": [mail, ours, theirs], "description": "theirs\n\nfrom us", "custom:Status": "New", "jobTitle": "Chief"}
    step = plan_step(link, now, same, foreign=())
    assert step.action == "restore"
    assert step.fields == {"emails": [mail, theirs], "description": "theirs", "custom:Status": None}
    assert "jobTitle" in step.reason, "what a person changed is kept and listed"


def test_restoring_leaves_what_people_decided_on() -> None:
    """What stands as people's is not given its former value, be it blank by now; a list loses ours, and what people took out stays out."""
    mail = {"name": "email", "value": "a@example.com", "isPrimary": True}
    ours, also_ours = {**mail, "value": "b@example.com"}, {**mail, "value": "c@example.com", "isPrimary": False}
    link = matched(
        {"kept:emails": [mail, ours, also_ours], "kept:jobTitle": "Chief", "kept:description": "from us"},
        {"emails": [mail], "jobTitle": "Boss", "description": "theirs"},
    )
    step = plan_step(link, {"emails": [also_ours, ours], "description": "theirs\n\nfrom them"}, compare, foreign=())
    assert step.fields == {"emails": []}
    assert step.reason == "kept as people have it now: description, emails, jobTitle"
    assert plan_step(link, {"emails": [mail, also_ours], "jobTitle": "Boss"}, compare, foreign=()).fields == {"emails": [mail]}


async def test_the_tail_s_terms_may_change_live(tmp_path: Path) -> None:
    """A shorter window takes effect in the run under way."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=9.0) as trip:
        with_terms(trip, watch_days=0.0)
        assert await trip.phase() is State.DONE


async def test_what_people_bring_back_after_the_switch_is_no_late_write(tmp_path: Path) -> None:
    """Whoever restores a migrated person is not told that somebody wrote in the source; nothing is written over them unasked."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        await look_once(trip)
        person = next(link for link in [
            link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours and not link.is_merged
        ])
        for verb in ("delete", "undelete"):
            trip.in_destination(verb, kind="contacts", id=person.dest_id)
            await look_once(trip)
        there = trip.live("contacts")[person.dest_id]
        [item] = await trip.items("after_freeze")
        assert (item.key, item.reason) == (person.ref.key, BROUGHT_BACK)
        staged = (await trip.ledger.staged("lead", [person.ref.key]))[person.ref.key]
        assert (staged.state, staged.reason) == (RecordState.HELD, BROUGHT_BACK)
        await trip.resolve(item, "take")
        await look_once(trip)
        assert trip.live("contacts")[person.dest_id] == there, "the source says nothing new of them"
        assert not await trip.items("after_freeze")
