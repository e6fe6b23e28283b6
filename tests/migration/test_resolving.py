"""What a decision sets going: the record it is about, and no other."""

from __future__ import annotations

from pathlib import Path

from streamflow.migration.life import State
from streamflow.model import Disposition, RecordState
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage
from tests.migration.test_targets import desk

STATUS = "Lead Status"


async def contact_of(trip: Voyage, key: str) -> str:
    [link] = [each for each in await trip.ledger.links_of("lead", [key]) if each.ref.part == ""]
    return str(link.dest_id)


async def test_a_decision_runs_its_record_again_and_no_other(tmp_path: Path) -> None:
    """Of two conflicts one is decided: all three values were shown, that record alone is written, the other one stays as people left it."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        made = {row["leadid"]: await contact_of(trip, row["leadid"]) for row in trip.source_rows("leads")}
        leads = [row for row in trip.source_rows("leads") if len(await trip.ledger.links_to([made[row["leadid"]]])) == 1][:2]
        statuses = {row["name"]: row["statusid"] for row in trip.source_rows("statuses")}
        contacts = [made[row["leadid"]] for row in leads]

        def both_work() -> None:
            for row, contact in zip(leads, contacts, strict=True):
                trip.in_destination("edit", kind="contacts", id=contact, values={"customFields": {STATUS: "Theirs"}})
                name = next(each for each in statuses if each != row["status"])
                trip.in_source("edit", "leads", row["leadid"], statusid=statuses[name])

        await in_tail(trip, both_work)
        items = {item.key: item for item in await trip.items("conflict")}
        assert items.keys() == {row["leadid"] for row in leads}
        item = items[leads[0]["leadid"]]
        wanted = next(each for each in statuses if each != leads[0]["status"])
        assert (item.details["base"], item.details["source"], item.details["destination"]) == (leads[0]["status"], wanted, "Theirs")
        before = {str(row["id"]): row["rev"] for row in trip.live("contacts").values()}
        await desk(trip).queue_resolve(actor="uid:7", id=item.id, decision="take")
        everything = [each for kind in trip.m.pair.order for each in (await trip.staged(kind)).values()]
        assert [each.record.key for each in everything if each.state is RecordState.PENDING] == [item.key]
        await in_tail(trip)
        live = trip.live("contacts")
        assert [live[each]["customFields"][STATUS] for each in contacts] == [wanted, "Theirs"]
        assert {rid for rid, row in live.items() if row["rev"] != before[rid]} == {contacts[0]}
        [told] = [row.entry async for page in trip.ledger.audit() for row in page if row.entry.action == "queue.resolved"]
        assert (told.actor, told.note) == ("uid:7", f"{item.id}: take")


async def test_who_is_the_same_person_as_one_that_is_left_out_can_still_be_moved(tmp_path: Path) -> None:
    """Two new leads are one person, and the first is refused: who leaves that one out is asked about the other, and can have it made."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER) as trip:
        def one_person_twice() -> None:
            trip.site.faults.merge({"poison": {"match": "POST /rest/contacts"}})
            for phone in ("0115550101", "0115550102"):
                trip.in_source("create", "leads", force=True, name="Thandi Mokoena", email="t@example.com", phone=phone)

        await in_tail(trip, one_person_twice)
        [item] = await trip.items("rejected")
        await desk(trip).queue_resolve(actor="uid:7", id=item.id, decision="waive")
        trip.site.faults.merge({"poison": None})
        await in_tail(trip)
        [asked] = await trip.items("unknown_head")
        assert item.key in asked.reason
        await desk(trip).queue_resolve(actor="uid:7", id=asked.id, decision="separate")
        await in_tail(trip)
        assert (await trip.staged("lead"))[asked.key].disposition is Disposition.CREATED
        assert [row["name"] for row in trip.live("contacts").values()].count("Thandi Mokoena") == 1
