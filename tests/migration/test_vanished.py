"""What people delete and merge in the destination while a migration runs: followed by the feed, told, and spared by a rollback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import PlatformUnavailable
from streamflow.migration.life import State
from streamflow.migration.rollback import Rollback
from streamflow.model import Disposition, RecordState
from streamflow.reports import inventories
from streamflow.sandbox.nutshell.admin import dump
from streamflow.stages.gone import waits_for
from streamflow.stages.planning import finish_of
from streamflow.store.change import PutSetting
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage


async def test_merges_and_deletions_are_followed_and_survivors_spared(tmp_path: Path) -> None:
    """Merged people, companies and leads are followed, children of a deleted person wait and come; a rollback spares and tells."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        people = {name: _made(trip, name) for name in ("Anna Alpha", "Ana Alfa", "Bea Beta")}
        await in_tail(trip)
        lost, survivor, deleted = [await _dest(trip, key) for key in people.values()]
        companies = [await _company(trip, people[name]) for name in ("Anna Alpha", "Bea Beta")]
        trip.in_destination("merge", kind="contacts", id=lost, values={"into": survivor})
        trip.in_destination("merge", kind="accounts", id=companies[0], values={"into": companies[1]})
        trip.in_destination("delete", kind="contacts", id=deleted)
        late = {name: trip.in_source("create", "notes", leadid=people[name], note=f"late of {name}") for name in ("Anna Alpha", "Bea Beta")}
        _made(trip, "Cia Gamma", company="Firm of Anna Alpha")
        await in_tail(trip)
        assert _parents(trip, "late of Anna Alpha") == [survivor]
        assert {row["name"]: row["links"].get("accounts") for row in trip.live("contacts").values()}["Cia Gamma"] == [companies[1]]
        waiting = (await trip.staged("note"))[late["Bea Beta"]]
        assert (waiting.state, waiting.disposition) == (RecordState.PARKED, Disposition.FLAGGED)
        unmatched = await inventories.unmatched(trip.ledger, trip.m.pair)
        assert [row["key"] for row in unmatched["rows"] if row["kind"] == "note"] == [late["Bea Beta"]]
        assert [item.key for item in await trip.items("deleted_at_destination")] == [people["Bea Beta"]]

        trip.in_destination("undelete", kind="contacts", id=deleted)
        await in_tail(trip)
        assert _parents(trip, "late of Bea Beta") == [deleted]
        assert not [row for row in (await inventories.unmatched(trip.ledger, trip.m.pair))["rows"] if row["key"] == late["Bea Beta"]]
        assert not await trip.items("read_back_differs")

        tally = await Rollback(trip.m).undo()
        assert {survivor, companies[1]} <= {*trip.live("contacts"), *trip.live("accounts")}
        told = {(each["id"], each["reason"]) for each in tally.to_json()["spared"]}
        assert (survivor, f"people merged others into it: {lost}") in told
        assert (survivor, f"people merged {lost} into it") in told
        assert _parents(trip, "late of Anna Alpha") == []


async def test_a_merge_nobody_followed_is_told_by_the_rollback(tmp_path: Path) -> None:
    """Merged just before the rollback: it is listed with where it went, and not taken for deleted."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        key = _made(trip, "Anna Alpha")
        await in_tail(trip)
        mine, theirs = await _dest(trip, key), trip.in_destination("create", kind="contacts", values={"name": "Own Person"})["id"]
        trip.in_destination("merge", kind="contacts", id=mine, values={"into": theirs})
        tally = await Rollback(trip.m).undo()
        assert (mine, f"people merged it into {theirs}") in {(each["id"], each["reason"]) for each in tally.to_json()["spared"]}
        assert theirs in trip.live("contacts")


async def test_what_a_failed_round_wrote_over_is_told_by_the_next(tmp_path: Path) -> None:
    """Edited in the moment of the write, and the feed fails at the look afterwards: the next round tells it, with nothing left to write."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        key = _made(trip, "Anna Alpha", number="0825551111")
        await in_tail(trip)
        person = await _dest(trip, key)
        writer, feed = trip.destination.writer, trip.destination.feed
        update, changed, written = writer.update, feed.changed, list[str]()

        async def overtaken(kind: str, dest_id: str, *args: Any, **named: Any) -> str:
            if dest_id == person and not written:
                written.append("contacts")
                trip.in_destination("edit", kind="contacts", id=person, values={"name": "Anna of Theirs"})
            return str(await update(kind, dest_id, *args, **named))

        async def failing(*args: Any, **named: Any) -> AsyncIterator[Any]:
            if written.count("contacts") == len(written) == 1:
                written.append("failed")
                raise PlatformUnavailable("away for a moment", platform="nutshell")
            async for each in changed(*args, **named):
                yield each

        writer.update, feed.changed = overtaken, failing
        trip.in_source("edit", "leads", key, name="Anna Omega")
        await trip.work.reader.poll(1)
        with pytest.raises(PlatformUnavailable):
            await trip.work.deliver_all()
        while await trip.work.has_pending():
            await trip.work.deliver_all()
        await trip.work.deliver_all()
        assert written == ["contacts", "failed"]
        lost = [item for item in await trip.items("conflict") if item.id.startswith("overwritten:")]
        assert "Anna of Theirs" in [item.details["destination"] for item in lost]


def _made(trip: Voyage, name: str, **values: str) -> str:
    address = f"{name.lower().replace(' ', '.')}@example.com"
    return trip.in_source("create", "leads", name=name, email=address, **{"company": f"Firm of {name}", **values})


async def _dest(trip: Voyage, key: str) -> str:
    return next(link.dest_id for link in await trip.ledger.links_of("lead", [key]) if link.ref.part == "")


async def _company(trip: Voyage, key: str) -> str:
    [company] = trip.live("contacts")[await _dest(trip, key)]["links"]["accounts"]
    return str(company)


def _parents(trip: Voyage, text: str) -> list[str]:
    return [row["links"]["parent"] for row in trip.live("notes").values() if text in row["body"]]


async def test_a_probe_record_that_stays_is_told_until_it_is_gone(tmp_path: Path) -> None:
    """
    Where activities cannot be deleted, the probe's one is in the queue and in the rollback's list; deleted by hand it is in neither.

    So are in that list all custom fields that are there and were not before, whichever part of us made them.
    """
    async with voyage(tmp_path, at=State.SAMPLE, records=20, probed=False, destination={"activity_delete": False}) as trip:
        [item] = await trip.items("probe_left")
        [left] = [row for row in trip.live("activities").values() if "Streamflow probe" in row["name"]]
        assert item.details["dest_id"] == left["id"]
        assert left["name"] in item.reason
        assert not item.blocking
        await Rollback(trip.m).run({"by": "uid:7"})
        told = {"kind": "activities", "id": left["id"], "name": left["name"]}
        stays = trip.reports["rollback"]["cannot_be_removed_by_api"]
        assert stays["probe_records"] == [told]
        defined = {(entity, row["title"]) for entity, rows in dump(trip.site)["customFields"].items() for row in rows}
        before = {(entity, label) for entity, label in await trip.ledger.setting("fields:before")}
        assert {(each["entity"], each["label"]) for each in stays["custom_fields"]} == defined - before
        trip.in_destination("delete", kind="activities", id=left["id"])
        await Rollback(trip.m).run({"by": "uid:7"})
        assert trip.reports["rollback"]["cannot_be_removed_by_api"]["probe_records"] == []


async def test_nobody_waits_for_a_removed_record_to_which_nothing_leads(tmp_path: Path) -> None:
    """What waited for it runs again once a rollback has taken its line, or once it is there again; till then the wait goes on."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        lines = [each for each in await trip.ledger.links_of("lead", sorted(await trip.staged("lead"))) if each.ref.part == ""]
        removed, there = [each.dest_id for each in lines[:2]]
        staged = await trip.staged("note")
        waiting = [each for each in staged.values() if each.state is RecordState.DONE][:3]
        await trip.ledger.commit([
            PutSetting(name=waits_for(removed), value={"kind": "contacts"}),
            *(
                finish_of(each, state=RecordState.PARKED, disposition=Disposition.FLAGGED, waiting_on=waits_for(dest_id))
                for each, dest_id in zip(waiting, ("999999-contacts", removed, there), strict=True)
            ),
        ])
        await trip.work.wake_parked()
        staged = await trip.staged("note")
        states = [staged[each.record.key].state for each in waiting]
        assert states == [RecordState.PENDING, RecordState.PARKED, RecordState.PENDING]
