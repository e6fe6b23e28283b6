"""A state directory that was lost, or a fresh one: what an earlier run made is recognised, never made twice, and never taken away."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamflow.migration.life import State
from streamflow.migration.rollback import Rollback
from streamflow.model import Disposition
from tests.migration.rig import NO_PROBES, Voyage, voyage

ASK = {"map": "auto", "owners": "auto", "sample": "auto", "cutover": "ask"}
KINDS = ("accounts", "contacts", "leads", "notes", "activities", "tasks")
BOOKKEEPING = ("rev", "modifiedTime")
PERSON = "office@example.co.za"


async def lose_state(trip: Voyage) -> None:
    """Throw the state directory away and begin a new migration between the same accounts."""
    await trip.stack.aclose()
    shutil.rmtree(trip.folder / "state")
    trip.asked.clear()
    await trip.start()
    await trip.set("capabilities", dict(NO_PROBES))


def held(trip: Voyage) -> dict[str, dict[str, Any]]:
    """Give everything that is live in the destination, without what changes by being looked at."""
    return {kind: {rid: bare(row) for rid, row in trip.live(kind).items()} for kind in KINDS}


def bare(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in BOOKKEEPING and value not in (None, "", [], {})}


async def settled(trip: Voyage) -> None:
    """Move and read back everything, up to the tail at rest."""
    await trip.until(State.TAIL)
    trip.m.gate = trip.m._last_gate = None
    await trip.stopping(trip.phase, lambda: trip.m.gate is not None)


async def test_a_run_without_the_state_of_the_last_one_doubles_nothing(tmp_path: Path) -> None:
    """
    Migrate, lose the state, migrate again: not one record of any kind is made twice, nothing that people changed is written over,
    what the source has brought since arrives, and a rollback leaves the destination as it was before the second run.
    """
    async with voyage(tmp_path, records=40, gates=ASK, unqualified="lead", destination={"email_activity_type": True}) as trip:
        first = {kind: set(rows) for kind, rows in held(trip).items()}
        await settled(trip)
        moved = {kind: len(rows) for kind, rows in held(trip).items()}
        edits = people_at_work(trip)
        before = held(trip)
        await lose_state(trip)
        await trip.until(State.MAP)
        looks = [line for line in trip.wire("nutshell") if not line.startswith("GET events")]
        assert len(looks) <= 40, looks   # whatever the account holds, it is read many at a time
        new = trip.in_source("create", "leads", name="Late Comer", email="late.comer@example.com")
        trip.in_source("create", "notes", leadid=new, note="A first word")
        await settled(trip)
        after = held(trip)
        made = {kind: sorted(after[kind].keys() - before[kind].keys()) for kind in KINDS}
        assert [len(made[kind]) for kind in KINDS] == [0, 1, len(made["leads"]), 1, 0, 0]
        assert len(made["leads"]) <= 1
        assert all(len(after[kind]) == len(before[kind]) + len(made[kind]) for kind in KINDS)
        assert min(moved[kind] for kind in KINDS) > 0
        for kind, rid, name, value in edits:
            assert after[kind][rid].get("customFields", {}).get(name, after[kind][rid].get(name)) == value, (kind, rid, name)
        assert {rid: row for kind in KINDS for rid, row in after[kind].items() if rid in before[kind] and row != before[kind][rid]} == {}
        counts = {(count.kind, count.disposition): count.count for count in await trip.ledger.counts()}
        assert counts["lead", Disposition.CREATED] == counts["note", Disposition.CREATED] == 1
        assert counts["note", Disposition.MATCHED] > 1
        [told] = await trip.items("made_before")
        assert told.details["contacts"] > 1
        asked = {(item.details["dest_id"], item.details["field"].removeprefix("custom:")) for item in await trip.items("conflict")}
        assert {(rid, name) for _, rid, name, _ in edits} <= asked
        # What the customer had before the first run kept its own names; and a long text that the first map put into a field of its
        # own (Message) is wanted in the description by a map that finds the field there, as a short one by the account's own list.
        strange = {name for rid, name in asked if rid not in first["contacts"] | first["accounts"]}
        assert strange <= {"Lead Status", "title", "description", "Message"}
        assert not [name for name in await trip.ledger.link_counts() if name[2] not in ("verified", "pending")]
        await follow_changes(trip)
        await Rollback(trip.m).undo()
        assert held(trip) == before
        await Rollback(trip.m).undo()
        assert held(trip) == before, "a second look finds nothing more to undo"


async def follow_changes(trip: Voyage) -> None:
    """What the source changes once a record was compared arrives on it as on any other."""
    note = next(row for row in trip.source_rows("notes") if is_marked(trip, f"lt:note:{row['noteid']}]"))
    trip.in_source("edit", "notes", note["noteid"], note="Rewritten in the source")
    trip.m.gate = trip.m._last_gate = None
    await trip.stopping(trip.phase, lambda: trip.m.gate is not None)
    [text] = [row["body"] for row in trip.live("notes").values() if f"lt:note:{note['noteid']}]" in row["body"]]
    assert "Rewritten in the source" in text


def is_marked(trip: Voyage, marker: str) -> bool:
    return any(marker in str(row["body"]) for row in trip.live("notes").values())


def people_at_work(trip: Voyage) -> list[tuple[str, str, str, Any]]:
    """Let a person change one record of several kinds; answers what they set."""
    person = next(row for row in trip.live("contacts").values() if (row.get("customFields") or {}).get("Lead Status"))
    cleared = next(
        row for row in trip.live("contacts").values() if (row.get("customFields") or {}).get("Lead Status") and row["id"] != person["id"]
    )
    task = next(iter(trip.live("tasks").values()))
    rows = [
        ("contacts", person["id"], "Lead Status", "Talked to"), ("contacts", cleared["id"], "Lead Status", None),
        ("tasks", task["id"], "title", "Ring them on Monday"),
    ]  # fmt: skip
    for kind, rid, name, value in rows:
        values = {"customFields": {name: value or ""}} if kind == "contacts" else {name: value}
        trip.in_destination("edit", kind=kind, id=rid, values=values, **{"as": PERSON})
    return rows
