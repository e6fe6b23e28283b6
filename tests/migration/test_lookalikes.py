"""Companies that look alike and turn up while people keep working: asked about, waited for, joined or kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamflow.mapping.companies import cluster_key
from streamflow.migration.life import State
from streamflow.migration.precheck import precheck
from streamflow.model import QueueItem
from tests.migration.rig import Voyage, in_tail, voyage

ASK = {"map": "auto", "sample": "ask", "cutover": "ask"}
KNOWN, NEW = "Zebra Quarries", "Zebra Quarries Holdings North"


async def in_tail_with(trip: Voyage) -> str:
    """Go to the tail with one known firm; then a lead names one that looks like it. Answers the lead's key."""
    trip.in_source("create", "leads", name="Old Hand", email="old.hand@example.com", company=KNOWN)
    await trip.until(State.SAMPLE)

    async def waive() -> None:
        for item in await trip.items("company_ambiguous"):
            await trip.resolve(item, "waive")

    async def accept() -> None:
        await trip.sample.decide("uid:7", "accept")

    await trip.answering({"companies": waive, "sample": accept})
    await trip.until(State.TAIL)
    await in_tail(trip)
    key = trip.in_source("create", "leads", name="New Hand", email="new.hand@example.com", company=NEW)
    await in_tail(trip)
    return key


async def the_pair(trip: Voyage) -> QueueItem:
    [item] = await trip.items("company_ambiguous")
    assert (item.blocking, item.key, item.details["other"]) == (True, cluster_key(KNOWN), cluster_key(NEW))
    return item


def accounts(trip: Voyage) -> dict[str, str]:
    return {str(row["name"]): key for key, row in trip.live("accounts").items()}


def people(trip: Voyage) -> dict[str, list[str]]:
    return {str(row["name"]): list(row["links"].get("accounts") or ()) for row in trip.live("contacts").values()}


@pytest.mark.parametrize("decision", ["separate", "waive", "same"])
async def test_a_look_alike_of_the_tail_waits_for_a_person(tmp_path: Path, decision: str) -> None:
    """Neither it nor its people are made before the decision, through a restart; then they are, on the right company."""
    async with voyage(tmp_path, records=30, gates=ASK) as trip:
        await in_tail_with(trip)
        item = await the_pair(trip)
        assert NEW not in accounts(trip)
        assert "New Hand" not in people(trip)
        assert not (await precheck(trip.m)).may_start
        await trip.restart()
        await in_tail(trip)
        assert NEW not in accounts(trip)
        await trip.resolve(await the_pair(trip), decision)
        await in_tail(trip, lambda: None, lambda: None)
        home = accounts(trip)[KNOWN if decision == "same" else NEW]
        assert people(trip)["New Hand"] == [home]
        assert (NEW in accounts(trip)) == (decision != "same")
        assert await trip.ledger.setting("companies:held") is None
        assert item.id == (await trip.items("company_ambiguous", state="resolved"))[-1].id


async def test_a_gate_that_opens_by_itself_waives_look_alikes_of_the_tail_too(tmp_path: Path) -> None:
    """Nobody is there to decide: it is made, and the pair is in the queue, waived."""
    async with voyage(tmp_path, records=30, gates={"map": "auto", "cutover": "ask"} | {"sample": "auto"}) as trip:
        trip.in_source("create", "leads", name="Old Hand", email="old.hand@example.com", company=KNOWN)
        await trip.until(State.TAIL)
        trip.in_source("create", "leads", name="New Hand", email="new.hand@example.com", company=NEW)
        await in_tail(trip)
        assert people(trip)["New Hand"] == [accounts(trip)[NEW]]
        assert [item.decision for item in await trip.items("company_ambiguous", state="resolved")][-1] == "waive"
