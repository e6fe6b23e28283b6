"""A rollback of a part of the run: what it names goes, what stays keeps all it hangs on, and the migration goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from streamflow.daemon.desk import Desk
from streamflow.errors import DoesNotFit, UsageError
from streamflow.migration.life import State
from streamflow.migration.proposal import MapGate
from streamflow.migration.returning import let_back
from streamflow.migration.rollback import Rollback, Tally
from streamflow.migration.scopes import checked
from streamflow.model import DestId, Fields, Kind, Link, RecordState, Ref
from tests.mapping.builders import PAIR
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage


async def links_of(trip: Voyage) -> list[Link]:
    return [link async for page in trip.ledger.crosswalk() for link in page]


async def undo(trip: Voyage, scope: str, *, kills: int = 0, paused: Mapping[str, Any] | None = None) -> Tally:
    """Ask for a part in the tail and carry it out; answers what the dry run had said, which is what was done, cut short or not."""
    planned = await Rollback(trip.m).undo(scope, dry_run=True)
    await trip.m.decide("uid:7", "rollback.requested", note=scope)
    await trip.set("rollback", {"scope": scope, "by": "uid:7", "asked_in": "tail", "paused": paused})
    await trip.m.enter(State.ROLLBACK, "asked for")
    for number in range(kills):
        await trip.killed_at(2 + number, trip.phase, late=number % 2 == 0)
        if trip.m.phase.state is not State.ROLLBACK:
            break
    if trip.m.phase.state is State.ROLLBACK:
        left = await Rollback(trip.m).undo(scope, dry_run=True)
        assert left.deleted + left.gone + await deleted(trip) == planned.deleted, "what is left of the plan, and no more"
        await trip.phase()
    assert trip.m.phase.state is State.TAIL
    assert await trip.ledger.setting("rollback") is None
    said, done = planned.to_json(), trip.reports["rollback"]
    named = [each["id"] for each in planned.named if each["action"] == "delete"]
    assert sorted(named) == sorted(await removed(trip)), "the plan names each record that goes, and no other"
    assert {name: by_record(done[name]) for name in said} == {name: by_record(value) for name, value in said.items()}
    return planned


async def deleted(trip: Voyage) -> int:
    """Give how many records the latest rollback has told of as removed so far."""
    return len(await removed(trip))


async def removed(trip: Voyage) -> list[DestId]:
    """Give the records that the latest rollback has told of as removed so far."""
    told = [row.entry async for page in trip.ledger.audit() for row in page]
    asked = max(place for place, entry in enumerate(told) if entry.action == "rollback.requested")
    return [entry.dest_id for entry in told[asked:] if entry.action == "rollback.delete"]


def by_record(told: Any) -> Any:
    """Put what a rollback tells into an order of its own."""
    return sorted(told, key=str) if isinstance(told, list) else told


async def only_the_first(kind: Kind, *, custom: bool) -> AsyncIterator[Mapping[DestId, Fields]]:
    """Be a list that does not show what was written a moment ago: one record, that none of ours hangs on."""
    yield {f"1-{kind}": {}}


def lone(links: list[Link]) -> list[str]:
    """Leads of which a person of their own was made, which nobody shares."""
    people = [link for link in links if link.ref.kind == "lead" and link.dest_kind == "contacts" and link.ref.part == ""]
    shared = Counter(link.dest_id for link in people)
    return [link.ref.key for link in people if link.ours and shared[link.dest_id] == 1]


@pytest.mark.parametrize("kills", [0, 5])
async def test_one_record_goes_with_all_that_belongs_to_it(tmp_path: Path, kills: int) -> None:
    """The lead's person and timeline are gone, everything else is as it was, and it comes back when the source or a person wants it."""
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        await in_tail(trip)
        before = await links_of(trip)
        noted = {each.record.parent for each in (await trip.staged("note")).values()}
        lead = next(key for key in lone(before) if key in noted)
        planned = await undo(trip, f"record:lead:{lead}", kills=kills)
        after = await links_of(trip)
        gone = {link.dest_id for link in before} - {link.dest_id for link in after}
        assert len(gone) == planned.deleted > 1
        assert trip.reports["rollback"]["deleted"] == planned.deleted
        assert all(link in after for link in before if link.dest_id not in gone)
        live = {key for kind in ("accounts", "contacts", "leads", "notes", "activities", "tasks") for key in trip.live(kind)}
        assert not gone & live
        await in_tail(trip, lambda: None, lambda: None)
        assert not await trip.ledger.links_of("lead", [lead]), "a sweep does not bring it back"
        trip.in_source("edit", "leads", lead, name="Changed At Last")
        await in_tail(trip, lambda: None, lambda: None)
        assert await trip.ledger.links_of("lead", [lead])
        [item] = await trip.items("rolled_back")
        await trip.m.decide("uid:7", "queue.resolved", *await let_back(trip.ledger, trip.m.pair, str(item.details["scope"])))
        await in_tail(trip, lambda: None, lambda: None)
        assert Counter(link.ref for link in await links_of(trip)) == Counter(link.ref for link in before)


@pytest.mark.parametrize("lists_lag", [False, True])
async def test_a_person_stays_while_something_hangs_on_it(tmp_path: Path, lists_lag: bool) -> None:
    """Undoing people alone removes those nothing of ours hangs on, and lists the others with what does, also where lists lag behind."""
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        if lists_lag:
            trip.m.destination.reader.everything = only_the_first
        people = {link.dest_id for link in await links_of(trip) if link.dest_kind == "contacts" and link.ours}
        children = {kind: set(trip.live(kind)) for kind in ("notes", "activities", "tasks", "leads", "accounts")}
        planned = await undo(trip, "kind:contacts", kills=0 if lists_lag else 4)
        assert {kind: set(trip.live(kind)) for kind in children} == children
        spared = {each["id"]: each["reason"] for each in planned.spared}
        assert planned.deleted == len(people - spared.keys()) == len(people - trip.live("contacts").keys())
        assert any("records outside this rollback hang on it" in reason for reason in spared.values())
        hung = {parent for kind in ("notes", "tasks") for row in trip.live(kind).values() if (parent := row["links"].get("parent"))}
        assert hung & people <= spared.keys()


async def test_a_person_stays_while_another_record_shares_it(tmp_path: Path) -> None:
    """The head of a merged pair cannot be undone alone; the merged one can, and takes nothing of the person along."""
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        links = [link for link in await links_of(trip) if link.ref.kind == "lead" and link.dest_kind == "contacts" and not link.ref.part]
        shared = Counter(link.dest_id for link in links)
        head = next(link for link in links if link.ours and shared[link.dest_id] > 1)
        planned = await undo(trip, f"record:lead:{head.ref.key}")
        assert "share it" in {each["id"]: each["reason"] for each in planned.spared}[head.dest_id]
        assert head.dest_id in trip.live("contacts")
        merged = next(link for link in links if link.dest_id == head.dest_id and link.is_merged)
        await undo(trip, f"record:lead:{merged.ref.key}", paused={"reason": "by the operator: lunch", "by": "uid:7"})
        assert head.dest_id in trip.live("contacts")
        assert (await trip.staged("lead"))[merged.ref.key].state is RecordState.HELD
        assert trip.m.control.paused == "by the operator: lunch", "a pause is only put off"
        assert (await trip.ledger.setting("operator:paused"))["by"] == "uid:7"


async def test_what_stays_keeps_the_line_of_what_it_belongs_to(tmp_path: Path) -> None:
    """
    Leads are undone and their timelines stay: people who were there before, joined leads and deleted people keep their lines.

    Whoever of them changes in the source is found again where the timeline hangs, and is not made a second time beside it.
    """
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        await in_tail(trip)
        heads = {ref: line for ref, line in (await lines_of(trip)).items() if ref.kind == "lead" and not ref.part}
        joined = next(line for line in heads.values() if line.is_merged)
        alone = iter(lone(list(heads.values())))
        deleted = heads[Ref("lead", next(alone))]
        friend = trip.in_destination("create", kind="contacts", values={
            "name": "Ann Friend", "emails": [{"name": "work", "value": "ann.friend@example.com", "isPrimary": True}],
        })
        known = trip.in_source("create", "leads", name="Ann Friend", email="ann.friend@example.com", number="0825550777")
        keys = [joined.ref.key, deleted.ref.key, known]
        await in_tail(trip, lambda: [trip.in_source("create", "notes", leadid=key, note=f"of {key}") for key in keys])
        lines = await lines_of(trip)
        assert lines[Ref("lead", known)].dest_id == friend["id"]
        trip.in_destination("delete", kind="contacts", id=deleted.dest_id)
        await undo(trip, "kind:lead")
        after = await lines_of(trip)
        assert {key: after[Ref("lead", key)].dest_id for key in keys} == {key: lines[Ref("lead", key)].dest_id for key in keys}
        for key in keys:
            trip.in_source("edit", "leads", key, email=f"other.{key}@example.com")
        people = set(trip.live("contacts"))
        await in_tail(trip, lambda: None, lambda: None)
        assert set(trip.live("contacts")) == people
        after = await lines_of(trip)
        assert {key: after[Ref("lead", key)].dest_id for key in keys} == {key: lines[Ref("lead", key)].dest_id for key in keys}


async def lines_of(trip: Voyage) -> dict[Ref, Link]:
    return {link.ref: link for link in await links_of(trip)}


async def test_a_phase_is_what_came_to_be_in_it(tmp_path: Path) -> None:
    """What the tail made goes; what it only changed was there before and stays."""
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        old = lone(await links_of(trip))[0]
        trip.in_source("edit", "leads", old, address="1 New Street")
        new = trip.in_source("create", "leads", name="Came Late", email="came.late@example.com")
        await in_tail(trip)
        [made] = [link for link in await trip.ledger.links_of("lead", [new]) if link.dest_kind == "contacts"]
        before = set(trip.live("contacts"))
        await undo(trip, "phase:tail", kills=3)
        assert before - set(trip.live("contacts")) == {made.dest_id}


def test_a_scope_is_checked_before_anything_is_done() -> None:
    """Each form is taken, anything else is refused with what there is: a scope that was left blank is not the whole run."""
    for scope in ("run", "phase:tail", "kind:note", "kind:tasks", "record:lead:48213", "record:note:a:b"):
        assert checked(scope, PAIR) == scope
    for scope in ("", " ", "all", "phase:lunch", "kind:people", "record:lead", "record:", "batch:7"):
        with pytest.raises(UsageError):
            checked(scope, PAIR)


async def test_a_second_rollback_waits_for_the_first_to_be_over(tmp_path: Path) -> None:
    """The same order once more is under way already; another scope is refused with the one that runs, and is not taken for it."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        supervisor: Any = SimpleNamespace(m=trip.m, work=trip.work, chain=None, interrupt=lambda: None)
        desk = Desk(supervisor, picture=None, reports=None, limiters={}, stop=lambda: None, set_cap=lambda *_: None)  # type: ignore[arg-type]
        for result in ("started", "already_running"):
            assert (await desk.rollback(actor="uid:7", scope="kind:notes", dry_run=False, confirm=trip.m.terms.name))["result"] == result
        with pytest.raises(DoesNotFit, match="kind:notes is under way"):
            await desk.rollback(actor="uid:7", scope="run", dry_run=False, confirm=trip.m.terms.name)
        assert (await trip.ledger.setting("rollback"))["scope"] == "kind:notes"


async def test_a_new_version_of_the_map_brings_nothing_back_that_was_undone(tmp_path: Path) -> None:
    """All else is derived anew; what a rollback of a part took back stays away until the source changes it or somebody says so."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        await undo(trip, "kind:notes")
        gate = MapGate(trip.m)
        document = orjson.loads(orjson.dumps((await trip.ledger.setting("map:confirmed"))["document"]))
        document["settings"] = {**document.get("settings", {}), "unqualified": "lead"}
        assert await gate.confirm("uid:7", await gate.edit("uid:7", document)) == "confirmed"
        assert await trip.phase() is State.MAP
        await trip.until(State.TAIL)
        await in_tail(trip)
        assert not [row for row in trip.live("notes").values() if "[sf:" in str(row["body"])]
        [item] = await trip.items("rolled_back")
        await trip.resolve(item, "retry", *await let_back(trip.ledger, trip.m.pair, "kind:notes"))
        await in_tail(trip)
        assert [row for row in trip.live("notes").values() if "[sf:" in str(row["body"])]


async def test_who_was_undone_and_then_merged_away_in_the_source_is_not_made_again(tmp_path: Path) -> None:
    """They are no more there, and nobody said that they should come back; what they had stays with the one who has it now."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER, sweep_every_s=0.0) as trip:
        await in_tail(trip)
        stays, goes = [
            trip.in_source("create", "leads", name=name, email=f"{name[:4]}@example.com") for name in ("Lena Lead", "Olga Leed")
        ]
        trip.in_source("create", "notes", leadid=goes, note="note of the one who goes")
        await in_tail(trip)
        [home] = [link.dest_id for link in await trip.ledger.links_of("lead", [stays]) if not link.ref.part]
        trip.in_source("merge", "leads", goes, into=stays)
        trip.clock.skipped_s += 1.0      # the ledger notes by the second when a record was seen
        await in_tail(trip)
        assert not await trip.items("deleted_at_source"), "missing once proves nothing yet"
        await undo(trip, f"record:lead:{goes}")
        assert "Olga Leed" not in _names(trip)
        for _ in range(3):
            trip.clock.skipped_s += 1.0
            await in_tail(trip)
        told = [row.entry.key async for page in trip.ledger.audit() for row in page if row.entry.action == "source.merged"]
        assert told == [goes], "the merge was seen"
        assert "Olga Leed" not in _names(trip)
        [moved] = [row for row in trip.live("notes").values() if "note of the one who goes" in row["body"]]
        assert moved["links"]["parent"] == home


def _names(trip: Voyage) -> set[str]:
    return {str(row.get("name")) for row in trip.live("contacts").values()}


@pytest.mark.parametrize("of", ["accounts", "contacts"])
async def test_what_people_do_to_what_was_spared_brings_nothing_back(tmp_path: Path, of: str) -> None:
    """Deals were undone alone; people delete the company, and it is made again, or the person, and bring them back: no deal comes along."""
    async with voyage(tmp_path, at=State.MAP, records=20, gates={**ASK_CUTOVER, "map": "ask"}, sweep_every_s=0.0) as trip:
        await trip.answering({"map": lambda: _confirm_with(trip, {"unqualified": "lead", "rule": "status is Interested"})})
        await trip.until(State.TAIL)
        key = trip.in_source("create", "leads", name="Anna Alpha", email="anna@karoo.test", company="Karoo Kites", status="Interested")
        await in_tail(trip)
        lines = {line.dest_kind: line for line in await trip.ledger.links_of("lead", [key])}
        assert lines["leads"].dest_id in trip.live("leads")
        await undo(trip, "kind:leads")
        deals = set(trip.live("leads"))
        [gone] = lines["contacts"].base["link:accounts"] if of == "accounts" else [lines["contacts"].dest_id]
        trip.in_destination("delete", kind=of, id=gone)
        await in_tail(trip)
        if of == "accounts":
            trip.in_source("create", "leads", name="Berta Beta", email="berta@karoo.test", company="Karoo Kites")
            await in_tail(trip)
        [item] = await trip.items("deleted_at_destination")
        assert item.details["dest_id"] == gone
        if of == "accounts":
            await trip.resolve(item, "recreate")
        else:
            trip.in_destination("undelete", kind=of, id=gone)
        await in_tail(trip, lambda: None, lambda: None)
        assert (item.key in {line.ref.key for line in await links_of(trip) if line.dest_id == gone}) == (of == "contacts")
        assert set(trip.live("leads")) == deals
        assert (await trip.staged("lead"))[key].state is RecordState.HELD


async def _confirm_with(trip: Voyage, settings: Mapping[str, str]) -> None:
    gate = MapGate(trip.m)
    document = orjson.loads(orjson.dumps((await trip.ledger.setting("map:proposed"))["document"]))
    document["settings"] = {**document.get("settings", {}), **settings}
    await gate.confirm("uid:7", await gate.edit("uid:7", document))
