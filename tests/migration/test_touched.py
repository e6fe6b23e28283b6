"""Rollback and people: whatever they did to a record of ours, in whatever way and however late, it stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamflow.clock import from_iso
from streamflow.errors import Uncertain
from streamflow.migration.life import State
from streamflow.migration.rollback import Rollback
from streamflow.migration.touched import Touches, Trace
from streamflow.migration.undoing import plan_step
from streamflow.model import Kind, Link, Ref
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.platforms.nutshell.dialect.filled import filled
from streamflow.platforms.nutshell.flags import Flags
from tests.migration.rig import ASK_CUTOVER, NO_PROBES, Voyage, in_tail, voyage

PHONE = {"name": "work", "value": "+27825551111", "isPrimary": True}


async def ours(trip: Voyage, kind: Kind) -> dict[str, Link]:
    """Records of ours of a kind that live, by id."""
    live = trip.live(kind)
    links = [link async for page in trip.ledger.crosswalk(dest_kind=kind) for link in page]
    return {link.dest_id: link for link in links if link.ours and link.dest_id in live}


async def deeds(trip: Voyage) -> dict[str, tuple[Kind, str]]:
    """Let people work on records of ours, each on one of its own; answers what was done to which."""
    people, leads = await ours(trip, "contacts"), list(await ours(trip, "leads"))
    tasks, notes, calls = list(await ours(trip, "tasks")), list(await ours(trip, "notes")), list(await ours(trip, "activities"))
    unowned = next(rid for rid, link in people.items() if "link:owner" not in link.base)
    phoned = [rid for rid, link in people.items() if link.base.get("phones") and rid != unowned]
    held = trip.live("leads")[leads[2]]["links"]
    stages = [row["id"] for row in trip.live("stages").values() if row["links"]["stageset"] == held["stageset"]]
    stage = next(each for each in stages if each != held["stage"])

    def edit(kind: Kind, rid: str, **values: Any) -> tuple[Kind, str]:
        trip.in_destination("edit", kind=kind, id=rid, values=values)
        return kind, rid

    def hang(do: str, kind: Kind, rid: str) -> tuple[Kind, str]:
        trip.in_destination(do, kind=kind, id=rid, values={})
        return kind, rid

    trip.in_destination("close", id=leads[0], values={"outcomeId": next(iter(trip.live("outcomes")))})
    return {
        "clear": edit("contacts", phoned[0], phones=[]), "close": ("leads", leads[0]),
        "value": edit("leads", leads[1], manualValue="5000.00"),
        "stage": edit("leads", leads[2], links={"stage": stage}),
        "owner": edit("contacts", unowned, links={"owner": next(iter(trip.live("users")))}),
        "complete": edit("tasks", tasks[0], completedTime=1_780_000_000),
        "repeat": edit("tasks", tasks[1], recurrenceRule={"rule": "FREQ=WEEKLY"}),
        "transcribe": edit("activities", calls[0], transcription="Speaker 1: hello"), "flag": edit("activities", calls[1], isFlagged=True),
        "comment": hang("comment", "notes", notes[0]), "comment on a call": hang("comment", "activities", calls[2]),
        "file": hang("attach", "contacts", phoned[1]), "file on a deal": hang("attach", "leads", leads[3]),
    }


@pytest.mark.parametrize("is_feed_late", [False, True], ids=["told", "not yet told"])
async def test_whatever_people_did_spares_the_record(tmp_path: Path, is_feed_late: bool) -> None:
    """Cleared, closed, moved, assigned, completed, commented on, with a file: listed by the dry run, left by the run, all else gone."""
    async with voyage(tmp_path, at=State.TAIL, records=120, gates=ASK_CUTOVER, unqualified="lead") as trip:
        await in_tail(trip)
        if is_feed_late:
            trip.site.faults.merge({"events_lag_s": 3600.0})
        done = await deeds(trip)
        if is_feed_late:   # of these the record itself says nothing: a new one may look the same
            done = {what: where for what, where in done.items() if what not in ("owner", "stage")}
        planned = {each["id"]: each["reason"] for each in (await Rollback(trip.m).undo(dry_run=True)).spared}
        assert {what: rid for what, (_, rid) in done.items() if rid not in planned} == {}
        assert len(planned) <= len(done) + 4, "what nobody touched is not spared, but for what the touched hangs on"
        await Rollback(trip.m).undo()
        assert {what: rid for what, (kind, rid) in done.items() if rid not in trip.live(kind)} == {}
        assert sum([len(await ours(trip, kind)) for kind in ("notes", "tasks", "activities")]) <= len(done) + 1


@pytest.mark.parametrize("is_heard", [True, False])
async def test_what_was_removed_a_moment_too_soon_comes_back(tmp_path: Path, is_heard: bool) -> None:
    """Somebody edits between our last look and the removal, heard of or not: the person is restored with both companies, and spared."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        rid, link = next((rid, link) for rid, link in (await ours(trip, "contacts")).items() if link.base.get("link:accounts"))
        company = trip.live("contacts")[rid]["links"]["accounts"]
        theirs = trip.in_destination("create", kind="accounts", values={"name": "Their Own"})["id"]
        delete, edited = trip.destination.writer.delete, []

        async def late(kind: Kind, dest_id: str, **more: Any) -> None:
            if dest_id == rid and not edited:
                edited.append(trip.in_destination("edit", kind="contacts", id=rid, values={
                    "jobTitle": "CEO", "links": {"accounts": [*company, theirs]},
                }))
                await delete(kind, dest_id, **more)
                if not is_heard:
                    raise Uncertain("no answer")
                return
            await delete(kind, dest_id, **more)

        trip.destination.writer.delete = late
        await trip.set("rollback", {"scope": "run", "by": "uid:7"})
        await trip.m.enter(State.ROLLBACK, "asked for")
        if not is_heard:
            with pytest.raises(Uncertain):
                await trip.phase()
            assert rid not in trip.live("contacts")
        await trip.phase()
        assert edited
        assert trip.live("contacts")[rid]["jobTitle"] == "CEO"
        held = trip.live("contacts")[rid]["links"]["accounts"]
        assert held == [*company, theirs], "what it hangs on was spared as well, and joined to it again; so is what they joined it to"
        assert (await trip.ledger.links([link.ref]))[link.ref].dest_id == rid
        report = trip.reports["rollback"]
        assert rid in {each["id"] for each in report["spared"]}
        assert report["still_there"] == []


async def test_an_open_deal_nobody_touched_may_be_removed(tmp_path: Path) -> None:
    """When the source turns an open deal into a person alone, nobody's work is claimed: it may stay or go; a touched one names the work."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER, unqualified="lead") as trip:
        await in_tail(trip)
        keys = [trip.in_source("create", "leads", name=f"Lena Lead{n}", email=f"lena{n}.lead@example.com", company="") for n in "ab"]
        await in_tail(trip)
        first, second = [(await trip.ledger.links([Ref("lead", key, "lead")]))[Ref("lead", key, "lead")].dest_id for key in keys]
        trip.in_destination("edit", kind="leads", id=second, values={"priority": 1})
        for key, name in zip(keys, ("First", "Second"), strict=True):
            trip.in_source("edit", "leads", key, company=f"{name} Lena Holdings (Pty) Ltd")
        await in_tail(trip, lambda: None)
        items = {item.details["dest_id"]: item for item in await trip.items("conflict")}
        assert "no work of people" in items[first].reason
        assert items[first].decisions == ("keep", "remove")
        assert "priority" in items[second].reason
        assert items[second].suggested == "keep"
        await trip.resolve(items[first], "remove")
        await in_tail(trip, lambda: None)
        assert {first, second} & trip.live("leads").keys() == {second}


@pytest.mark.parametrize("is_filled", [False, True])
async def test_a_task_that_people_gave_to_somebody_is_spared(tmp_path: Path, is_filled: bool) -> None:
    """Made for nobody and given to somebody by a person, it stays and is listed; an assignee that the account gives spares no task."""
    known = {"task_assignee_filled": is_filled}
    async with voyage(
        tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER, destination=known, flags={**NO_PROBES, **known}
    ) as trip:
        leads = [row["leadid"] for row in trip.source_rows("leads")[:2]]
        await in_tail(trip, lambda: [
            trip.in_source("create", "reminders", leadid=each, note="Call back", due="2026-12-01 10:00:00") for each in leads
        ])
        for_nobody = [rid for rid, link in (await ours(trip, "tasks")).items() if "link:assignee" not in link.base]
        given, _ = for_nobody
        held = trip.live("tasks")[given]["links"]
        assert bool(held.get("assignee")) is is_filled
        if not is_filled:
            trip.in_destination("edit", kind="tasks", id=given, values={"links": {**held, "assignee": next(iter(trip.live("users")))}})
        trip.site.faults.merge({"events_lag_s": 3600.0})      # of tasks no feed need tell: the record itself does
        for told in ((await Rollback(trip.m).undo(dry_run=True)).spared, (await Rollback(trip.m).undo()).spared):
            reasons = {each["id"]: each["reason"] for each in told}
            assert ["link:assignee" in reasons.get(rid, "") for rid in for_nobody] == [not is_filled, False]
        assert [rid in trip.live("tasks") for rid in for_nobody] == [not is_filled, False]


@pytest.mark.parametrize("is_filled", [False, True])
async def test_a_person_whom_people_gave_an_owner_is_spared(tmp_path: Path, is_filled: bool) -> None:
    """Made for nobody and given to somebody by a person, they stay though no event tells; an owner that the account gives spares nobody."""
    known = {"owner_filled": ["contacts"] if is_filled else []}
    async with voyage(
        tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER, destination=known, flags={**NO_PROBES, **known}
    ) as trip:
        await in_tail(trip)
        given = next(rid for rid, link in (await ours(trip, "contacts")).items() if "link:owner" not in link.base)
        held = trip.live("contacts")[given]["links"]
        assert bool(held.get("owner")) is is_filled
        trip.site.faults.merge({"events_lag_s": 3600.0})
        if not is_filled:
            trip.in_destination("edit", kind="contacts", id=given, values={"links": {**held, "owner": next(iter(trip.live("users")))}})
        reasons = {each["id"]: each["reason"] for each in (await Rollback(trip.m).undo()).spared}
        assert ("owner" in reasons.get(given, "")) is not is_filled
        assert (given in trip.live("contacts")) is not is_filled


CASES: list[tuple[Kind, dict[str, Any], dict[str, Any], str]] = [
    ("contacts", {"name": "Ann", "phones": [PHONE]}, {"phones": None}, "phones"),
    ("contacts", {"name": "Ann"}, {"files": ["1-files"]}, "files"),
    ("contacts", {"name": "Ann"}, {"emAudiences": ["4-emAudiences"]}, "emAudiences"),
    ("accounts", {"name": "A Ltd"}, {"territory": ["2-territories"]}, "territory"),
    ("leads", {"description": "A deal"}, {"status": "won", "outcome": "1-outcomes"}, "outcome"),
    ("leads", {"description": "A deal"}, {"manualValue": "5.00"}, "manualValue"),
    ("leads", {"description": "A deal"}, {"priority": 1}, "priority"),
    ("leads", {"description": "A deal", "outcome": "1-outcomes"}, {"status": "open", "outcome": None}, "outcome"),
    ("notes", {"body": "A note"}, {"comments": ["1-comments"]}, "comments"),
    ("activities", {"name": "A call", "isLogged": True}, {"transcription": "hello"}, "transcription"),
    ("activities", {"name": "A call", "isLogged": True}, {"isFlagged": True}, "isFlagged"),
    ("tasks", {"title": "A task", "dueTime": 5}, {"isCompleted": True}, "isCompleted"),
    ("tasks", {"title": "A task", "dueTime": 5}, {"dueTime": None}, "dueTime"),
    ("tasks", {"title": "A task"}, {"recurrenceRule": "FREQ=WEEKLY"}, "recurrenceRule"),
    ("tasks", {"title": "A task"}, {"link:assignee": "1-users"}, "link:assignee"),
]
FRESH: dict[str, dict[str, Any]] = {
    "contacts": {"firstName": "Ann", "link:owner": "1-users"}, "accounts": {"link:owner": "1-users"},
    "leads": {"status": "open", "stage": "1-stages", "stageset": "1-stagesets", "confidence": 42, "dueTime": 7, "link:owner": "1-users"},
    "notes": {}, "activities": {"isAllDay": False, "isFlagged": False}, "tasks": {"isCompleted": False},
}


@pytest.mark.parametrize(("kind", "base", "change", "field"), CASES, ids=[f"{case[0]}-{case[3]}-{n}" for n, case in enumerate(CASES)])
def test_the_record_itself_shows_people(kind: Kind, base: dict[str, Any], change: dict[str, Any], field: str) -> None:
    """Without any event the fields tell: what was cleared, what was put there; what a new record has by itself tells nothing."""
    link = Link(ref=Ref("lead", "1"), dest_kind=kind, dest_id=f"1-{kind}", base=base, ours=True, verified="verified")
    now, own = {**base, **({} if "outcome" in base else FRESH[kind])}, filled(kind, Flags(task_assignee_filled=False))
    assert plan_step(link, now, compare, foreign=(), filled=own).action == "delete"
    changed = {name: value for name, value in {**now, **change}.items() if value is not None}
    step = plan_step(link, changed, compare, foreign=(), filled=own)
    assert step.action == "spare"
    assert field in step.reason


@pytest.mark.parametrize(("makers", "kind", "actor", "after_s", "is_touched"), [
    ({"9-origins"}, "contacts", "9-origins", 900, False),
    ({"9-origins"}, "contacts", "1-users", 0, True),
    ({"9-origins", "1-users"}, "contacts", "1-users", 0, True),
    ({"9-origins", "1-users"}, "notes", "1-users", 5, False),
    ({"9-origins", "1-users"}, "notes", "1-users", 900, True),
    ({"1-users"}, "contacts", "1-users", 5, False),
    ({"1-users"}, "contacts", "1-users", 900, True),
    ({"1-users"}, "contacts", "7-origins", 5, True),
])
def test_who_is_somebody_else(makers: set[str], kind: Kind, actor: str, after_s: int, is_touched: bool) -> None:
    """Our own changes are not people's; under a name shared with a person, what came well after our last write is the person's."""
    link = Link(ref=Ref("lead", "1"), dest_kind=kind, dest_id=f"1-{kind}", base={}, ours=True, written_at="2026-06-01T10:00:00Z")
    at = int(from_iso(link.written_at).timestamp()) + after_s
    trace = Trace(kind=kind, actor=actor, at=at, fields=("name",))
    touches = Touches(None, _makers=makers, _traces={link.dest_id: {actor: trace}})  # type: ignore[arg-type]
    assert bool(touches.by_others(link)) is is_touched


async def call_without_person(trip: Voyage) -> tuple[str, str]:
    """Let people delete a person of ours who takes part in a call of ours; gives (call, person)."""
    people, calls = await ours(trip, "contacts"), trip.live("activities")
    call, rid = next(
        (call, rid) for call in await ours(trip, "activities") for rid in calls[call]["links"]["participants"] if rid in people
    )
    trip.in_destination("delete", kind="contacts", id=rid)
    return call, rid


async def test_what_people_deleted_is_nobody_s_work_on_what_named_it(tmp_path: Path) -> None:
    """A call is with a person whom somebody has deleted since: the call lost its participant by that, was not touched, and goes."""
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        call, _ = await call_without_person(trip)
        planned = await Rollback(trip.m).undo(dry_run=True)
        assert call not in {each["id"]: each["reason"] for each in planned.spared}
        await Rollback(trip.m).undo()
        assert call not in trip.live("activities")


async def test_what_people_bring_back_while_it_is_looked_at_is_nobody_s_work_either(tmp_path: Path) -> None:
    """The call is read while its person is in the trash, and judged when they are out of it again: nobody was at the call."""
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        call, rid = await call_without_person(trip)
        read, brought_back = trip.destination.reader.read, []

        async def then_back(kind: Kind, ids: Any, **more: Any) -> Any:
            found = await read(kind, ids, **more)
            if kind == "activities" and call in found and not brought_back:
                brought_back.append(trip.in_destination("undelete", kind="contacts", id=rid))
            return found

        trip.destination.reader.read = then_back
        await Rollback(trip.m).undo()
        assert brought_back
        assert call not in trip.live("activities")
