"""Records of ours that were removed, and that people bring back: taken again where nothing took their place, told where something did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from streamflow.migration.decided import decided_on
from streamflow.migration.late_questions import BROUGHT_BACK
from streamflow.migration.life import State
from streamflow.migration.returning import let_back
from streamflow.model import Disposition, Kind, Link, QueueItem, RecordState
from streamflow.stages.gone import waits_for
from streamflow.stages.kin import hanging_on
from streamflow.stages.planning import finish_of
from streamflow.store.change import Change, DropLink, Enqueue, PutSetting, Reopen, Wake
from tests.migration.rig import ASK_CUTOVER, NO_PROBES, Fragile, Voyage, in_tail, voyage, with_terms


async def first_made(trip: Voyage, kind: Kind) -> Link:
    """Give the line of a record that we made and that no other lead shares."""
    lines = [link async for page in trip.ledger.crosswalk(dest_kind=kind) for link in page]
    shared = {link.dest_id for link in lines if link.is_merged}
    return next(link for link in lines if link.ours and link.dest_id not in shared and link.ref.kind in ("lead", "note"))


async def undone(trip: Voyage, scope: str) -> None:
    """Undo a part of the run."""
    await trip.set("rollback", {"scope": scope, "by": "uid:7", "at": "now", "asked_in": "tail", "paused": None})
    await trip.m.enter(State.ROLLBACK, "asked for")
    assert await trip.phase() is State.TAIL


async def comes_back_beside(trip: Voyage, line: Link) -> None:
    """See that a lead was made again, let people take the first record out of the trash, and see that somebody is told of both."""
    [now] = [link for link in await trip.ledger.links_of("lead", [line.ref.key]) if link.ref.part == ""]
    assert now.dest_id != line.dest_id
    trip.in_destination("undelete", kind="contacts", id=line.dest_id)
    await in_tail(trip)
    [told] = await trip.items("doubled_marker")
    assert (told.key, told.details) == (line.ref.key, {"dest_id": line.dest_id, "first": now.dest_id})


async def ends_behind(trip: Voyage, monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Look on after the switch, let the process end behind the transaction that holds this change, and let the next one look."""
    commit = Fragile.commit

    async def ends(ledger: Fragile, changes: Sequence[Change]) -> None:
        if change in changes:
            ledger.commits_left, ledger.late = 1, True
        await commit(ledger, changes)

    with monkeypatch.context() as patch:
        patch.setattr(Fragile, "commit", ends)
        assert await trip.killed_at(0, lambda: watched(trip))
    await watched(trip)


async def made_again(trip: Voyage, line: Link, comes: Callable[[], None] = lambda: None) -> Link:
    """Let people delete a record, the source say something of it, and somebody have it made again, as *comes*; answers its line then."""
    trip.in_destination("delete", kind=line.dest_kind, id=line.dest_id)
    where, what = {"contacts": ("leads", "name"), "notes": ("notes", "note")}[line.dest_kind]
    trip.lt.faults.switches["clock_skew_s"] += 1       # its dates have whole seconds: a second change within one shows in no poll
    trip.in_source("edit", where, line.ref.key, **{what: f"Written Since {line.dest_id}"})
    await in_tail(trip)
    [item] = [each for each in await trip.items("deleted_at_destination") if each.details["dest_id"] == line.dest_id]
    await trip.resolve(item, "recreate")
    comes()
    await in_tail(trip)
    return (await trip.ledger.links([line.ref]))[line.ref]


@pytest.mark.parametrize("comes", ["first", "later"])
async def test_what_a_rollback_removed_and_people_brought_back_is_not_made_beside_itself(tmp_path: Path, comes: str) -> None:
    """A change of the source goes to the record that is there again; where it came first, somebody is told that two carry one mark."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line = await first_made(trip, "contacts")
        await undone(trip, f"record:lead:{line.ref.key}")
        assert line.dest_id not in trip.live("contacts")
        deeds = [
            lambda: trip.in_destination("undelete", kind="contacts", id=line.dest_id),
            lambda: trip.in_source("edit", "leads", line.ref.key, name="Written Since"),
        ]
        await in_tail(trip, *(deeds if comes == "first" else deeds[::-1]), lambda: None)
        [now] = [link for link in await trip.ledger.links_of("lead", [line.ref.key]) if link.ref.part == ""]
        told = [item.details["dest_id"] for item in await trip.items("doubled_marker")]
        assert (now.dest_id == line.dest_id, told) == ((True, []) if comes == "first" else (False, [line.dest_id]))
        marked = [rid for rid, row in trip.live("contacts").items() if f"lead:{line.ref.key}'" in str(row)]
        assert set(marked) == {now.dest_id, line.dest_id}


@pytest.mark.parametrize("comes", ["first", "later"])
async def test_a_note_that_people_brought_back_after_a_rollback_is_not_made_beside_itself(tmp_path: Path, comes: str) -> None:
    """Let back by the operator, it is the one that is there again; where it was made first, somebody is told that two carry one mark."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line, before = await first_made(trip, "notes"), len(trip.live("notes"))
        scope = f"record:{line.ref.kind}:{line.ref.key}"
        await undone(trip, scope)
        assert line.dest_id not in trip.live("notes")
        if comes == "first":
            trip.in_destination("undelete", kind="notes", id=line.dest_id)
            await in_tail(trip)
        await trip.m.decide("uid:7", "queue.resolved", *await let_back(trip.ledger, trip.m.pair, scope))
        await in_tail(trip)
        if comes == "later":
            trip.in_destination("undelete", kind="notes", id=line.dest_id)
            await in_tail(trip)
        now = (await trip.ledger.links([line.ref]))[line.ref]
        told = [each.details["dest_id"] for each in await trip.items("doubled_marker")]
        found = (now.dest_id == line.dest_id, told, len(trip.live("notes")) - before)
        assert found == ((True, [], 0) if comes == "first" else (False, [line.dest_id], 1))


async def test_what_was_made_again_and_comes_back_all_the_same_is_told(tmp_path: Path) -> None:
    """Somebody had a deleted person made again, somebody else takes the old one out of the trash: both are there, and it is said."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line = await first_made(trip, "contacts")
        trip.in_destination("delete", kind="contacts", id=line.dest_id)
        trip.in_source("edit", "leads", line.ref.key, name="Written Since")
        await in_tail(trip)
        [item] = [each for each in await trip.items("deleted_at_destination") if each.key == line.ref.key]
        await trip.resolve(item, "recreate")
        await in_tail(trip)
        await comes_back_beside(trip, line)


@pytest.mark.parametrize("kind", ["contacts", "notes"])
async def test_what_was_made_again_is_not_made_a_third_time_beside_the_first(tmp_path: Path, kind: Kind) -> None:
    """A record is made again, people bring the old one back and delete the new one: `recreate` follows the old one, and makes none."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line = await first_made(trip, kind)
        now = await made_again(trip, line)
        assert now.dest_id != line.dest_id
        trip.in_destination("undelete", kind=kind, id=line.dest_id)
        await in_tail(trip)
        [told] = await trip.items("doubled_marker")
        assert told.details == {"dest_id": line.dest_id, "first": now.dest_id}
        held = trip.live(kind).keys()
        last = await made_again(trip, now)
        assert (last.dest_id, trip.live(kind).keys()) == (line.dest_id, held - {now.dest_id})
        trip.in_destination("undelete", kind=kind, id=now.dest_id)
        await in_tail(trip)
        told = next(item for item in await trip.items("doubled_marker") if item.details["dest_id"] == now.dest_id)
        assert told.details["first"] == line.dest_id


@pytest.mark.parametrize("kind", ["contacts", "notes"])
async def test_what_comes_back_in_the_moment_it_is_made_again_is_told(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could have seen it before the new one was sent: both are there, and somebody is told that two carry one mark."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line, writer = await first_made(trip, kind), trip.destination.writer
        create = writer.create

        async def comes_back(*given: Any, **named: Any) -> Any:
            trip.in_destination("undelete", kind=kind, id=line.dest_id)
            return await create(*given, **named)

        now = await made_again(trip, line, lambda: monkeypatch.setattr(writer, "create", comes_back))
        assert now.dest_id != line.dest_id
        assert {line.dest_id, now.dest_id} <= trip.live(kind).keys()
        await in_tail(trip)
        [told] = await trip.items("doubled_marker")
        assert told.details == {"dest_id": line.dest_id, "first": now.dest_id}


async def test_a_note_that_was_made_anew_since_is_told_when_it_comes_back(tmp_path: Path) -> None:
    """Its text could only be changed by another note in its place: people take the first one out of the trash, and both are told."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        with_terms(trip, flags={**NO_PROBES, "note_edit": "none"})
        await in_tail(trip)
        line = await first_made(trip, "notes")
        trip.lt.faults.switches["clock_skew_s"] += 1       # its dates have whole seconds
        await in_tail(trip, lambda: trip.in_source("edit", "notes", line.ref.key, note="Written Since"))
        now = (await trip.ledger.links([line.ref]))[line.ref]
        assert now.dest_id != line.dest_id
        await in_tail(trip, lambda: trip.in_destination("undelete", kind="notes", id=line.dest_id))
        [told] = await trip.items("doubled_marker")
        assert told.details == {"dest_id": line.dest_id, "first": now.dest_id}


async def test_what_people_had_deleted_before_a_rollback_and_bring_back_is_told(tmp_path: Path) -> None:
    """A rollback finds a record gone, the source has it made again, people take the old one out of the trash: both are there, and told."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line = await first_made(trip, "contacts")
        trip.in_destination("delete", kind="contacts", id=line.dest_id)
        await undone(trip, f"record:lead:{line.ref.key}")
        trip.in_source("edit", "leads", line.ref.key, name="Written Since")
        await in_tail(trip)
        await comes_back_beside(trip, line)


async def test_what_runs_again_with_what_it_belongs_to_is_no_late_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the switch somebody has a person made again, and the process ends just then: nobody hears that theirs was written late."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        await watched(trip)
        people = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours]
        [line, *_] = [link for link in people if await hanging_on(trip.ledger, "lead", [link.ref.key])]
        trip.in_destination("delete", kind="contacts", id=line.dest_id)
        await watched(trip)
        [item] = [each for each in await trip.items("deleted_at_destination") if each.key == line.ref.key]
        await trip.m.decide("uid:7", "queue.resolved", *await decided_on(trip.ledger, item))
        await trip.resolve(item, "recreate")
        await ends_behind(trip, monkeypatch, DropLink(ref=line.ref))
        assert await trip.items("after_freeze", None) == []
        now = (await trip.ledger.links([line.ref]))[line.ref]
        assert now.dest_id != line.dest_id
        children = [str(row["links"]) for kind in ("notes", "activities", "tasks", "leads") for row in trip.live(kind).values()]
        assert any(now.dest_id in each for each in children)


async def watched(trip: Voyage) -> None:
    """Let the watch look, and carry out what was decided."""
    await trip.m.explain("to be looked at")
    await trip.stopping(trip.phase, lambda: "watching" in trip.m.phase.reason)


async def test_what_waited_for_a_person_who_was_decided_on_is_no_late_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the switch somebody decides about a person, and the process ends as theirs is woken: it is moved, and called late by nobody."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        await watched(trip)
        note = next(each.record for each in (await trip.staged("note")).values() if each.record.parent)
        person, key = f"lead:{note.parent}", str(note.parent)
        await trip.ledger.commit([Reopen(kind="note", keys=(note.key,))])       # behind all that was called out until now
        staged = (await trip.staged("note"))[note.key]
        parked = finish_of(staged, state=RecordState.PARKED, disposition=Disposition.FLAGGED, reason="waits", waiting_on=person)
        item = QueueItem(id=f"rejected:{person}", cause="rejected", kind="lead", key=key, reason="?", decisions=("retry",))
        await trip.ledger.commit([Enqueue(item=item), parked])
        await trip.m.decide("uid:7", "queue.resolved", *await decided_on(trip.ledger, item))
        await trip.resolve(item, "retry")
        await ends_behind(trip, monkeypatch, Wake(on=(person,)))
        now = (await trip.staged("note"))[note.key]
        assert (now.state, await trip.items("after_freeze", None)) == (RecordState.DONE, [])


async def test_what_people_bring_back_after_the_switch_is_not_called_written_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """People restore a person after the switch, and the process ends as that is noted: the next one asks in words that are true."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        await watched(trip)
        line = await first_made(trip, "contacts")
        trip.in_destination("delete", kind="contacts", id=line.dest_id)
        await watched(trip)
        trip.in_destination("undelete", kind="contacts", id=line.dest_id)
        await ends_behind(trip, monkeypatch, PutSetting(name=waits_for(line.dest_id), value=None))
        asked = await trip.items("after_freeze", None)
        assert {each.reason for each in asked} == {BROUGHT_BACK}
        assert line.ref.key in {each.key for each in asked}
