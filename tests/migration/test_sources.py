"""Lead sources: which are ours, and what a rollback does about those that people use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamflow.migration.life import State
from streamflow.migration.rollback import Rollback
from streamflow.migration.sources import lead_sources
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage
from tests.migration.test_restored import undo

HERS = "Fair in May"


async def made(trip: Voyage, *names: str) -> dict[str, str]:
    """Make lead sources as the labels of records ask for them; answers their ids by name."""
    found = await lead_sources(trip.m, await trip.destination.schema.reference(), {name: name for name in names}, {})
    return {name: found[name] for name in names}


def with_lead(trip: Voyage, source: str) -> str:
    """Let somebody make a lead of their own that names a source."""
    person = trip.in_destination("create", kind="contacts", values={"name": "Somebody"})["id"]
    values = {"description": "Theirs", "links": {"sources": [source], "contacts": [person]}}
    return str(trip.in_destination("create", kind="leads", values=values)["id"])


async def audited(trip: Voyage, dest_id: str) -> list[str]:
    """What the audit tells of a source, by the last word of each entry."""
    entries = [row.entry async for page in trip.ledger.audit() for row in page]
    return [each.action.rpartition(".")[2] for each in entries if each.kind == "sources" and each.dest_id == dest_id]


def by_hand(trip: Voyage, name: str) -> str:
    """Let somebody add a source in the web app."""
    return str(trip.site.state.insert("sources", {"name": name, "channel": {"value": 0, "display": "None"}}, None)["id"])


def at_the_last_moment(trip: Voyage, source: str) -> list[str]:
    """Let somebody give a source to a lead of their own right before it is removed; answers that lead, once it is there."""
    delete, leads = trip.destination.writer.delete, []

    async def overtaken(kind: str, dest_id: str) -> None:
        if dest_id == source and not leads:
            leads.append(with_lead(trip, source))
        await delete(kind, dest_id)

    trip.destination.writer.delete = overtaken
    return leads


def told(report: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What a plan or a report says of each source."""
    return {each["id"]: (each["action"], each["reason"]) for each in report["sources"]}


async def test_a_rollback_takes_back_the_sources_that_are_ours_and_nobody_s(tmp_path: Path) -> None:
    """
    Found is not made, what was perhaps made is not taken for ours, and what a lead that stays names or people renamed is kept.

    The plan says so beforehand, the report afterwards, and each removal is in the audit. What somebody gives to a lead right before it is
    removed, which the events tell afterwards, is there again.
    """
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        await made(trip)
        hers = by_hand(trip, HERS)
        ours = await made(trip, HERS.upper(), "Idle", "Used", "Renamed", "Deleted", "Taken")
        assert ours.pop(HERS.upper()) == hers
        assert set(await trip.ledger.setting("sources:created")) == set(ours.values())
        assert await trip.killed_at(2, lambda: made(trip, "Unheard"))
        unheard = (await made(trip, "Unheard"))["Unheard"]
        lead = with_lead(trip, ours["Used"])
        trip.site.state.save({**trip.site.state.edit("sources", ours["Renamed"]), "name": "A better name"}, None)
        trip.site.state.save({**trip.site.state.edit("sources", ours["Deleted"]), "deletedTime": trip.site.state.now()}, None)
        planned = (await Rollback(trip.m).undo(dry_run=True)).to_json()
        assert ours["Idle"] in trip.live("sources")
        late = at_the_last_moment(trip, ours["Taken"])
        await undo(trip)
        await trip.phase()
        report = trip.reports["rollback"]
        assert trip.live("leads")[late[0]]["links"]["sources"] == [ours.pop("Taken")]
        [taken] = told(report).items() - told(planned).items()
        assert not told(planned).items() - told(report).items() - {(taken[0], ("removed", ""))}, "what was shown is what was done"
        assert (taken[1][0], taken[0] in trip.live("sources"), late[0] in taken[1][1]) == ("kept", True, True)
        assert planned["cannot_be_removed_by_api"] == report["cannot_be_removed_by_api"]
        assert set(trip.live("sources")) >= {hers, unheard, ours["Used"], ours["Renamed"]}
        assert not {ours["Idle"], ours["Deleted"]} & set(trip.live("sources"))
        assert trip.live("leads")[lead]["links"]["sources"] == [ours["Used"]]
        assert hers not in told(report)
        actions = {dest_id: action for dest_id, (action, _) in told(report).items() if dest_id != taken[0]}
        assert actions == {
            ours["Idle"]: "removed", ours["Deleted"]: "gone already", ours["Used"]: "kept", ours["Renamed"]: "kept", unheard: "kept",
        }
        assert lead in told(report)[ours["Used"]][1]
        assert (await audited(trip, ours["Idle"]), await audited(trip, hers)) == (["created", *["meant", "removed"] * 2], [])
        assert await audited(trip, ours["Used"]) == ["created", "kept"]
