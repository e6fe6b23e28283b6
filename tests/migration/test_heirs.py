"""Records merged at the source: what hung on the vanished person goes to the one who stayed, and the queue says so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamflow.clock import SystemClock
from streamflow.migration.heirs import follow_merges
from streamflow.migration.life import State
from streamflow.model import QueueItem, Record
from streamflow.stages.heirs import HEIR, SURVIVOR
from streamflow.store.change import Enqueue, PutSetting
from streamflow.store.memory import MemoryLedger
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


@pytest.mark.parametrize("heirs", [["2"], ["2", "3"]])
async def test_children_that_went_to_two_people_show_nobody_who_stayed(heirs: list[str]) -> None:
    """What hangs on a vanished person follows the children only where all went to the same one; else it stays and is asked about."""
    ledger = MemoryLedger(clock=SystemClock())
    await ledger.stage([Record(kind="lead", key=key, data={}, digest=key) for key in ("1", "2", "3")], scan="one")
    item = QueueItem(id="deleted:lead:1", cause="deleted_at_source", kind="lead", key="1", reason="gone", decisions=("keep", "note"))
    later = "9999-01-01T00:00:00Z"
    await ledger.commit([Enqueue(item=item), *(
        PutSetting(name=f"{HEIR}lead:1:{heir}", value={"kind": "lead", "from": "1", "to": heir, "at": later}) for heir in heirs
    )])
    found = await follow_merges(cast(Any, SimpleNamespace(ledger=ledger)))
    assert found == (len(heirs) == 1)
    assert [each["to"] for each in (await ledger.settings(SURVIVOR)).values()] == (["2"] if len(heirs) == 1 else [])
