"""Records deleted by people after the switch that somebody has made again, where the source said something late that was let pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamflow.migration.late_questions import BROUGHT_BACK
from streamflow.migration.life import State
from streamflow.migration.made_again import CAME_ALONG
from streamflow.model import Key, Link, QueueItem, RecordState
from streamflow.stages.kin import hanging_on
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage
from tests.migration.test_ends import desk_of, look_once


async def answered(trip: Voyage, item: QueueItem, decision: str) -> None:
    """Answer a question as an operator does."""
    await desk_of(trip).queue_resolve(actor="uid:7", id=item.id, decision=decision)


async def asked(trip: Voyage, cause: str, key: Key) -> QueueItem:
    """Give the open question about a record."""
    [item] = [each for each in await trip.items(cause) if each.key == key]
    return item


async def parent(trip: Voyage) -> tuple[Link, Key]:
    """Give a person of ours and a note that hangs on them."""
    people = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours]
    for link in people:
        if notes := (await hanging_on(trip.ledger, "lead", [link.ref.key])).get("note"):
            return link, sorted(notes)[0]
    raise AssertionError("nobody of ours has a note")


async def made_again(trip: Voyage, line: Link) -> None:
    """Let people delete the person of a line, and somebody have it made again."""
    trip.in_destination("delete", kind="contacts", id=line.dest_id)
    await look_once(trip)
    await answered(trip, await asked(trip, "deleted_at_destination", line.ref.key), "recreate")
    await look_once(trip)
    await look_once(trip)


@pytest.mark.parametrize(("first", "last"), [("ignore", "take"), ("ignore", "ignore"), ("", "take"), ("", "ignore")])
async def test_a_child_with_a_late_version_is_asked_about_when_its_parent_is_made_again(tmp_path: Path, first: str, last: str) -> None:
    """It went with its parent, and what the source says of it by now nobody took: whether it comes along is asked, and nothing is moved."""
    async with voyage(tmp_path, at=State.WATCH, records=30, watch_days=1.0) as trip:
        await look_once(trip)
        line, note = await parent(trip)
        trip.in_source("edit", "notes", note, force=True, note="written late")
        await trip.work.reader.everything("watch")
        await look_once(trip)
        question = await asked(trip, "after_freeze", note)
        if first:
            await answered(trip, question, first)
        await made_again(trip, line)
        now = (await trip.ledger.links([line.ref]))[line.ref]
        assert now.dest_id != line.dest_id
        assert not any("written late" in str(row) for row in trip.live("notes").values()), "nobody took that"
        question = await asked(trip, "after_freeze", note)
        assert "made again" in question.reason
        await answered(trip, question, last)
        await look_once(trip)
        assert await trip.items("after_freeze") == []
        theirs = [row for row in trip.live("notes").values() if now.dest_id in str(row["links"]) and "written late" in str(row)]
        assert len(theirs) == (last == "take")


@pytest.mark.parametrize("last", ["take", "ignore"])
@pytest.mark.parametrize("order", ["asked before", "written after"])
async def test_what_is_to_be_made_again_is_not_let_pass_unsaid(tmp_path: Path, order: str, last: str) -> None:
    """A late version is open, or comes, when somebody has a deleted person made again: what `ignore` means then stands in the question."""
    async with voyage(tmp_path, at=State.WATCH, records=30, watch_days=1.0) as trip:
        await look_once(trip)
        line, _ = await parent(trip)
        if order == "asked before":
            trip.in_source("edit", "leads", line.ref.key, force=True, name="Written Late")
        trip.in_destination("delete", kind="contacts", id=line.dest_id)
        await look_once(trip)
        await answered(trip, await asked(trip, "deleted_at_destination", line.ref.key), "recreate")
        if order == "written after":
            trip.in_source("edit", "leads", line.ref.key, force=True, name="Written Late")
        await look_once(trip)
        question = await asked(trip, "after_freeze", line.ref.key)
        assert "made again" in question.reason
        await answered(trip, question, last)
        await look_once(trip)
        await look_once(trip)
        assert await trip.items("after_freeze") == []
        now = (await trip.ledger.links([line.ref]))[line.ref]
        assert (now.dest_id in trip.live("contacts")) is (last == "take")


@pytest.mark.parametrize(("first", "last"), [("", "take"), ("ignore", "ignore"), ("ignore", "take")])
async def test_a_child_that_people_brought_back_is_asked_about_when_its_parent_is_made_again(tmp_path: Path, first: str, last: str) -> None:
    """What is to become of it was asked and nobody wanted it moved: it does not go with its parent in silence."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, watch_days=1.0) as trip:
        await in_tail(trip)
        line, note = await parent(trip)
        trip.in_destination("delete", kind="contacts", id=line.dest_id)
        trip.in_source("edit", "notes", note, note="waits for its lead")
        trip.lt.faults.switches["clock_skew_s"] += 1
        trip.in_source("edit", "leads", line.ref.key, address="1 Before Road")
        await in_tail(trip)
        assert (await trip.ledger.staged("note", [note]))[note].state is RecordState.PARKED
        trip.terms.gates["cutover"] = "auto"
        await trip.until(State.WATCH)
        await look_once(trip)
        trip.in_destination("undelete", kind="contacts", id=line.dest_id)
        await look_once(trip)
        question = await asked(trip, "after_freeze", note)
        assert question.reason == BROUGHT_BACK
        if first:
            await answered(trip, question, first)
        await made_again(trip, line)
        assert not any("waits for its lead" in str(row) for row in trip.live("notes").values()), "nobody wanted that"
        question = await asked(trip, "after_freeze", note)
        assert question.reason == CAME_ALONG
        assert [each.key for each in await trip.items("after_freeze")] == [note], "what was asked of its lead is over"
        await answered(trip, question, last)
        await look_once(trip)
        assert await trip.items("after_freeze") == []
        moved = [row for row in trip.live("notes").values() if "waits for its lead" in str(row)]
        assert len(moved) == (last == "take")
