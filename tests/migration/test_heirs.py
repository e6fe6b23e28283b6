"""Records merged at the source: what hung on the vanished person goes to the one who stayed, and the queue says so."""

from __future__ import annotations

from pathlib import Path

from streamflow.migration.life import State
from streamflow.stages.heirs import HEIR
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage


async def test_deals_follow_a_merge_at_the_source(tmp_path: Path) -> None:
    """Note and open lead move to the survivor, once; the vanished person stays and is asked about. Without children nothing is guessed."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER, unqualified="lead", sweep_every_s=0.0) as trip:
        await in_tail(trip)
        stays, goes, alone, split = [_made(trip, name) for name in ("Lena Lead", "Lena Leed", "Lena Lonely", "Lena Split")]
        trip.in_source("create", "notes", leadid=goes, note="note of the one who goes")
        lent = _made(trip, "Lena Living")
        lively = trip.in_source("create", "notes", leadid=lent, note="note that only moves")
        kept, _ = [trip.in_source("create", "notes", leadid=split, note=f"split {n}") for n in (1, 2)]
        await in_tail(trip)
        people = {key: await _links(trip, key) for key in (stays, goes, alone, split)}
        trip.in_source("merge", "leads", goes, into=stays)
        trip.in_source("delete", "leads", alone)
        trip.in_source("edit", "notes", kept, leadid=stays)
        trip.in_source("edit", "notes", lively, leadid=stays)
        trip.in_source("delete", "leads", split)
        for _ in range(4):
            trip.clock.skipped_s += 1.0      # the ledger notes by the second when a record was seen
            await in_tail(trip)
        home = people[stays][""]
        [moved] = [row for row in trip.live("notes").values() if "note of the one who goes" in row["body"]]
        assert moved["links"]["parent"] == home
        assert trip.live("leads")[people[goes]["lead"]]["links"]["contacts"] == [home]
        items = {item.key: item for item in await trip.items("deleted_at_source") if item.kind == "lead"}
        assert items[goes].details["merged_into"] == stays
        assert people[goes]["lead"] in items[goes].reason
        for key in (alone, split):
            assert trip.live("leads")[people[key]["lead"]]["links"]["contacts"] == [people[key][""]]
            assert people[key]["lead"] in items[key].reason
            assert "merged_into" not in items[key].details
        assert {people[key][""] for key in people} <= set(trip.live("contacts"))
        assert not await trip.items("read_back_differs")
        told = [row async for page in trip.ledger.audit() for row in page if row.entry.action == "source.merged"]
        assert [row.entry.key for row in told] == [goes]
        assert {sign["from"] for sign in (await trip.ledger.settings(HEIR)).values()} == {split}, "the others are no signs any more"


def _made(trip: Voyage, name: str) -> str:
    return trip.in_source("create", "leads", name=name, email=f"{name.lower().replace(' ', '.')}@example.com")


async def _links(trip: Voyage, key: str) -> dict[str, str]:
    return {link.ref.part: link.dest_id for link in await trip.ledger.links_of("lead", [key])}
