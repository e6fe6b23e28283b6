"""What people bring back of records that we made or wrote to, whoever removed them: a rollback knows it as what it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamflow.migration.life import State
from streamflow.model import Link
from streamflow.store.change import PutLink
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage
from tests.migration.test_brought_back import first_made, undone
from tests.migration.test_restored import custom, undo


@pytest.mark.parametrize("by", ["people", "the rollback"])
async def test_what_people_brought_back_of_ours_stays_and_is_listed(tmp_path: Path, by: str) -> None:
    """Whoever had removed it when a part was undone: undoing everything leaves what people brought back, and says so."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line = await first_made(trip, "contacts")
        if by == "people":
            trip.in_destination("delete", kind="contacts", id=line.dest_id)
        await undone(trip, f"record:{line.ref.kind}:{line.ref.key}")
        assert line.dest_id not in trip.live("contacts")
        await in_tail(trip, lambda: trip.in_destination("undelete", kind="contacts", id=line.dest_id))
        await undo(trip)
        assert await trip.phase() is State.ROLLED_BACK
        assert line.dest_id in trip.live("contacts")
        [told] = [each for each in trip.reports["rollback"]["spared"] if each["id"] == line.dest_id]
        assert (told["source"], told["reason"]) == (f"{line.ref.kind}:{line.ref.key}", "people brought it back after it had been removed")


async def test_what_hangs_there_again_keeps_what_it_hangs_on(tmp_path: Path) -> None:
    """People bring a note back that was undone: undoing everything leaves the person on whom it stands, too, and says so of both."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        people = {link.dest_id async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.ours}
        notes = [link async for page in trip.ledger.crosswalk(dest_kind="notes") for link in page if link.ours]
        line, named = next((link, str(link.base["link:parent"])) for link in notes if link.base["link:parent"] in people)
        await undone(trip, f"record:{line.ref.kind}:{line.ref.key}")
        assert line.dest_id not in trip.live("notes")
        await in_tail(trip, lambda: trip.in_destination("undelete", kind="notes", id=line.dest_id))
        await undo(trip)
        assert await trip.phase() is State.ROLLED_BACK
        assert named in trip.live("contacts")
        assert {line.dest_id, named} <= {each["id"] for each in trip.reports["rollback"]["spared"]}


async def test_what_was_there_before_us_gets_its_values_back_though_people_had_deleted_it_meanwhile(tmp_path: Path) -> None:
    """A person of theirs is deleted when a part is undone, and brought back with our values: undoing everything takes these away."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line = await theirs(trip)
        trip.in_destination("delete", kind="contacts", id=line.dest_id)
        await undone(trip, f"record:{line.ref.kind}:{line.ref.key}")
        await in_tail(trip, lambda: trip.in_destination("undelete", kind="contacts", id=line.dest_id))
        assert custom(trip, line.dest_id, "Streamflow ID") is not None
        await undo(trip)
        assert await trip.phase() is State.ROLLED_BACK
        await as_before(trip, line)


@pytest.mark.parametrize("heard", [False, True])
async def test_what_is_back_when_a_rollback_begins_gets_its_values_back_heard_of_or_not(tmp_path: Path, heard: bool) -> None:
    """Reading back had let go of a person whom people deleted; they are back before the events are followed: all of ours goes."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        line = await theirs(trip)
        trip.in_destination("delete", kind="contacts", id=line.dest_id)
        await in_tail(trip)
        await let_go(trip, line)
        trip.in_destination("undelete", kind="contacts", id=line.dest_id)
        if heard:
            await in_tail(trip)
        await undone(trip, f"record:{line.ref.kind}:{line.ref.key}")
        await as_before(trip, line)
        assert [name for name in await trip.ledger.settings("written:") if line.dest_id in name] == [], "what it held then is over"


async def theirs(trip: Voyage) -> Link:
    """Give the line of a person who was there before us, got values from us, and is nobody else's."""
    lines = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page]
    shared = {link.dest_id for link in lines if link.is_merged}
    return next(
        link for link in lines if link.is_matched and link.dest_id not in shared and "custom:Streamflow ID" in (link.before or {})
    )


async def let_go(trip: Voyage, line: Link) -> None:
    """Let reading back find that a record is gone which people deleted, and let go of what was ours of it."""
    now = replace((await trip.ledger.links([line.ref]))[line.ref], verified="pending")
    await trip.ledger.commit([PutLink(link=now)])
    await in_tail(trip)
    assert not [name for name in (await trip.ledger.links([line.ref]))[line.ref].base if name == "custom:Streamflow ID"]


async def as_before(trip: Voyage, line: Link) -> None:
    """See that a record of theirs holds nothing of ours any more, and what it held before."""
    compare, reader = trip.destination.reader.compare, trip.destination.reader
    now = (await reader.read("contacts", [line.dest_id], custom=True))[line.dest_id]
    assert custom(trip, line.dest_id, "Streamflow ID") is None
    wrong = [name for name, value in (line.before or {}).items() if compare("contacts", name, value, now.get(name)).value == "differs"]
    assert wrong == []
