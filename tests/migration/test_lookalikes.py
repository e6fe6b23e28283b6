"""Companies that look alike and turn up while people keep working: asked about, waited for, joined or kept apart."""

from __future__ import annotations

from pathlib import Path

from streamflow.mapping.companies import cluster_key
from streamflow.migration.life import State
from streamflow.migration.precheck import precheck
from streamflow.model import QueueItem
from tests.migration.rig import Voyage, in_tail, voyage

ASK = {"map": "auto", "sample": "ask", "cutover": "ask"}
KNOWN, NEW = "Zebra Quarries", "Zebra Quarries Holdings North"
PAIRS = {
    "separate": (KNOWN, NEW),
    "waive": ("Mopane Freight", "Mopane Freight Trading East"),
    "same": ("Kestrel Dental", "Kestrel Dental Supplies West"),
}
"""A known firm and one that looks like it, for each decision."""


async def in_tail_with_pairs(trip: Voyage) -> None:
    """Go to the tail with the known firms; then leads name those that look like them."""
    for decision, (known, _) in PAIRS.items():
        trip.in_source("create", "leads", name=f"Old Hand {decision}", email=f"old.{decision}@example.com", company=known)
    await trip.until(State.SAMPLE)

    async def waive() -> None:
        for item in await trip.items("company_ambiguous"):
            await trip.resolve(item, "waive")

    async def accept() -> None:
        await trip.sample.decide("uid:7", "accept")

    await trip.answering({"companies": waive, "sample": accept})
    await trip.until(State.TAIL)
    await in_tail(trip)
    for decision, (_, new) in PAIRS.items():
        trip.in_source("create", "leads", name=f"New Hand {decision}", email=f"new.{decision}@example.com", company=new)
    await in_tail(trip)


async def the_pairs(trip: Voyage) -> dict[str, QueueItem]:
    """Open items by the decision that is to be taken on them."""
    items = {item.key: item for item in await trip.items("company_ambiguous")}
    found = {decision: items.pop(cluster_key(known)) for decision, (known, _) in PAIRS.items()}
    assert items == {}
    assert {item.blocking for item in found.values()} == {True}
    assert [item.details["other"] for item in found.values()] == [cluster_key(new) for _, new in PAIRS.values()]
    return found


def accounts(trip: Voyage) -> dict[str, str]:
    return {str(row["name"]): key for key, row in trip.live("accounts").items()}


def people(trip: Voyage) -> dict[str, list[str]]:
    return {str(row["name"]): list(row["links"].get("accounts") or ()) for row in trip.live("contacts").values()}


async def test_a_look_alike_of_the_tail_waits_for_a_person(tmp_path: Path) -> None:
    """Neither it nor its people are made before the decision, through a restart; then they are, on the right company."""
    async with voyage(tmp_path, records=30, gates=ASK) as trip:
        await in_tail_with_pairs(trip)
        items = await the_pairs(trip)
        assert not {new for _, new in PAIRS.values()} & accounts(trip).keys()
        assert not {f"New Hand {decision}" for decision in PAIRS} & people(trip).keys()
        assert not (await precheck(trip.m)).may_start
        await trip.restart()
        await in_tail(trip)
        assert not {new for _, new in PAIRS.values()} & accounts(trip).keys()
        for decision, item in (await the_pairs(trip)).items():
            await trip.resolve(item, decision)
        await in_tail(trip, lambda: None, lambda: None)
        for decision, (known, new) in PAIRS.items():
            home = accounts(trip)[known if decision == "same" else new]
            assert people(trip)[f"New Hand {decision}"] == [home]
            assert (new in accounts(trip)) == (decision != "same")
        assert await trip.ledger.setting("companies:held") is None
        resolved = {item.id: item.decision for item in await trip.items("company_ambiguous", state="resolved")}
        assert {decision: resolved[item.id] for decision, item in items.items()} == {decision: decision for decision in PAIRS}


async def test_a_gate_that_opens_by_itself_waives_look_alikes_of_the_tail_too(tmp_path: Path) -> None:
    """Nobody is there to decide: it is made, and the pair is in the queue, waived."""
    async with voyage(tmp_path, records=30, gates={"map": "auto", "cutover": "ask"} | {"sample": "auto"}) as trip:
        trip.in_source("create", "leads", name="Old Hand", email="old.hand@example.com", company=KNOWN)
        await trip.until(State.TAIL)
        trip.in_source("create", "leads", name="New Hand", email="new.hand@example.com", company=NEW)
        await in_tail(trip)
        assert people(trip)["New Hand"] == [accounts(trip)[NEW]]
        assert [item.decision for item in await trip.items("company_ambiguous", state="resolved")][-1] == "waive"
