"""Roll-ups through a whole migration: people follow what hangs on them, in the backfill and in the tail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from streamflow.migration.life import State
from streamflow.migration.proposal import MapGate
from streamflow.model import QueueItem, RecordState
from streamflow.store.change import Enqueue

from .rig import ASK_CUTOVER, Voyage, in_tail, voyage
from .test_ends import desk_of, look_once
from .test_scopes import undo

ROLLUP = {"source": "note.key", "target": "custom:Notes there", "transform": "rollup", "family": "text", "params": {"pick": "count"}}


async def test_people_follow_what_hangs_on_them(tmp_path: Path) -> None:
    """A person shows how many notes there are after the backfill, after a new note, and once the source shows one no more."""
    async with voyage(tmp_path, at=State.MAP, records=20, gates={**ASK_CUTOVER, "map": "ask"}, sweep_every_s=0.0) as trip:
        await trip.answering({"map": lambda: _confirm_with(trip, ROLLUP)})
        await trip.until(State.TAIL)
        key = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        first = trip.in_source("create", "notes", leadid=key, note="one")
        await in_tail(trip)
        assert await _shown(trip, key) == "1"
        await in_tail(
            trip,
            lambda: trip.in_source("create", "notes", leadid=key, note="two"),
            lambda: trip.in_source("edit", "leads", key, number="082 555 9998"),
        )
        assert await _shown(trip, key) == "2"
        for lead, each in (await trip.staged("lead")).items():
            notes = [note for note in (await trip.staged("note")).values() if note.record.parent == lead]
            if each.disposition == "created" and notes:
                assert await _shown(trip, lead) == str(len(notes))
        trip.in_source("delete", "notes", first)
        await in_tail(trip, lambda: None, lambda: None)
        assert await _shown(trip, key) == "1"


async def test_what_hangs_on_somebody_does_not_bring_them_back(tmp_path: Path) -> None:
    """A person who was undone stays away when a note of theirs comes, which what they show is made of, until they change themselves."""
    async with voyage(tmp_path, at=State.MAP, records=20, gates={**ASK_CUTOVER, "map": "ask"}, sweep_every_s=0.0) as trip:
        await trip.answering({"map": lambda: _confirm_with(trip, ROLLUP)})
        await trip.until(State.TAIL)
        key = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        await in_tail(trip)
        await undo(trip, f"record:lead:{key}")
        await in_tail(trip, lambda: trip.in_source("create", "notes", leadid=key, note="one"), lambda: None)
        assert "Anna Alpha" not in {row["name"] for row in trip.live("contacts").values()}
        await in_tail(trip, lambda: trip.in_source("edit", "leads", key, number="082 555 9998"), lambda: None)
        assert "Anna Alpha" in {row["name"] for row in trip.live("contacts").values()}


@pytest.mark.parametrize("then", ["", "sent again", "back"])
async def test_a_child_deleted_after_the_switch_changes_nobody_it_hung_on(tmp_path: Path, then: str) -> None:
    """It is asked about by itself, and nobody said that it is to count no more: its person is not asked about, nor sent without it."""
    gates = {**ASK_CUTOVER, "map": "ask"}
    async with voyage(tmp_path, at=State.MAP, records=20, gates=gates, sweep_every_s=0.0, watch_days=1.0) as trip:
        await trip.answering({"map": lambda: _confirm_with(trip, ROLLUP)})
        await trip.until(State.TAIL)
        key = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        notes = [trip.in_source("create", "notes", leadid=key, note=text) for text in ("one", "two")]
        await in_tail(trip)
        assert await _shown(trip, key) == "2"
        trip.terms.gates["cutover"] = "auto"
        await trip.until(State.WATCH)
        trip.in_source("delete", "notes", notes[0], force=True)
        for _ in range(3):
            trip.clock.skipped_s += 1.0      # the ledger notes by the second when a record was seen
            await look_once(trip)
        assert [item.key for item in await trip.items("deleted_at_source")] == [notes[0]]
        assert await trip.items("after_freeze") == []
        if then == "back":
            trip.in_source("create", "notes", notes[0], leadid=key, note="one", force=True)
            await look_once(trip)
            assert {item.kind for item in await trip.items("after_freeze")} <= {"note"}, "it had never ceased to count"
        if then == "sent again":
            again = QueueItem(id=f"rejected:note:{notes[0]}", cause="rejected", kind="note", key=notes[0], reason="?", decisions=("retry",))
            await trip.ledger.commit([Enqueue(item=again)])
            await desk_of(trip).queue_resolve(actor="uid:7", id=again.id, decision="retry")
            await look_once(trip)
        trip.in_source("edit", "leads", key, force=True, number="082 555 9998")
        await look_once(trip)
        [asked] = [item for item in await trip.items("after_freeze") if item.kind == "lead"]
        await trip.resolve(asked, "take")
        await look_once(trip)
        [person] = [row for row in trip.live("contacts").values() if row["name"] == "Anna Alpha"]
        assert "9998" in str(person["phones"])
        assert await _shown(trip, key) == "2"


async def _confirm_with(trip: Voyage, row: dict[str, Any]) -> None:
    gate = MapGate(trip.m)
    document = orjson.loads(orjson.dumps((await trip.ledger.setting("map:proposed"))["document"]))
    next(one for one in document["objects"] if one["destination"] == "contacts")["rows"].append(row)
    assert await gate.confirm("uid:7", await gate.edit("uid:7", document)) == "confirmed"


async def _shown(trip: Voyage, key: str) -> Any:
    [link] = [link for link in await trip.ledger.links_of("lead", [key]) if link.ref.part == ""]
    fields = (await trip.m.destination.reader.read("contacts", [link.dest_id], custom=True))[link.dest_id]
    return fields.get("custom:Notes there")


async def test_what_nobody_took_after_the_switch_is_not_counted_at_its_parent(tmp_path: Path) -> None:
    """A note written late waits: its lead, sent again meanwhile, shows what was there at the switch, and the note once that is taken."""
    async with voyage(tmp_path, at=State.MAP, records=20, gates={**ASK_CUTOVER, "map": "ask"}, watch_days=1.0) as trip:
        key = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        trip.in_source("create", "notes", leadid=key, note="one")
        await trip.answering({"map": lambda: _confirm_with(trip, ROLLUP)})
        await trip.until(State.TAIL)
        trip.terms.gates["cutover"] = "auto"
        await trip.until(State.WATCH)
        await look_once(trip)
        assert await _shown(trip, key) == "1"
        late = trip.in_source("create", "notes", leadid=key, note="two", force=True)
        await trip.work.reader.everything("watch")
        await look_once(trip)
        [waiting] = await trip.items("after_freeze")
        assert (waiting.kind, waiting.key) == ("note", late), "nobody wrote in the lead itself"
        again = QueueItem(id=f"rejected:lead:{key}", cause="rejected", kind="lead", key=key, reason="?", decisions=("retry",))
        await trip.ledger.commit([Enqueue(item=again)])
        await desk_of(trip).queue_resolve(actor="uid:7", id=again.id, decision="retry")
        await look_once(trip)
        assert (await _shown(trip, key), (await trip.staged("lead"))[key].state) == ("1", RecordState.DONE)
        await trip.restart()
        await desk_of(trip).queue_resolve(actor="uid:7", id=waiting.id, decision="take")
        await look_once(trip)
        assert await trip.items("after_freeze") == []
        assert await _shown(trip, key) == "2"
