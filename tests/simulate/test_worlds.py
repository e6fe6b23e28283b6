"""A few seeded worlds of the simulation, and what it must be worth: the same seed tells the same, and planted bugs are found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

import anyio
import pytest

from streamflow.migration.reversal import Reversal
from streamflow.model import AuditEntry, Disposition, Intent, IntentState, Link, Op, QueueItem, RecordState, Ref
from streamflow.stages.load import Loader
from streamflow.stages.planning import finish_of
from streamflow.store.change import Audit, Enqueue, MoveMark, PutIntent, PutLink, ResolveItem, SettleIntent
from tests.simulate import planted, watching
from tests.simulate.conditions import Conditions
from tests.simulate.destination import PERSON, PROGRAM, Held
from tests.simulate.judge import DEST_KINDS, Evidence, judge
from tests.simulate.planted import PLANTED, Bug, found_by
from tests.simulate.source import CHILDREN, record_of
from tests.simulate.world import Verdict, World, lived, simulate

SEEDS = range(1001, 1004)
ASKED_ABOUT = 1000
"""A world with questions about records that are there."""
HARD = (503, 506, 508, 510, 521)
"""Worlds of people who make it hard."""
TAKEN = 540
"""A world in which somebody took the source's value over one of theirs."""
QUICKLY_FOUND = {
    "a create whose answer was lost is sent again": 0, "intents are committed after the send": 0,
    "an update does not look what people changed": 0, "a mark moves before its records are in the ledger": 0,
    "an empty answer counts as the end of the list, and as all deleted": 0,
}
"""Bugs that a world shows, and which; `python -m tests.simulate --bugs` looks for them all in two hundred worlds from seed 0."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_ends_with_every_promise_kept(seed: int) -> None:
    """Crashes, lost answers, late effects, lies and people at work on both sides: nothing lost, doubled, overwritten, unexplained."""
    assert simulate(seed).faults == []


def test_people_do_what_nobody_reckons_with() -> None:
    """Each answer that is offered is given, early and late, and each deed that meets the program's at its seams is done in these worlds."""
    done: Counter[str] = Counter()
    for seed in HARD:
        verdict = simulate(seed)
        assert verdict.faults == [], seed
        done += verdict.deeds
    assert set(done) >= {
        "take", "keep", "ignore", "recreate", "match", "separate", "retry", "later", "deleted early", "merged early",
        "brought back what they removed", "brought back what we removed", "entered before the sample", "entered in tail", "toggled",
    }


def test_who_was_entered_by_hand_is_not_made_once_the_feed_has_told_of_them() -> None:
    """The same name and address as somebody people entered is a double, but before the feed told, or where a person said they are two."""
    world = World(1)
    fields = {"name": "Wilma Walkin", "emails": [{"value": "wilma@walk.test"}]}
    world.account.create("contacts", fields, PERSON)
    meant = PutIntent(intent=replace(_intent(0, "c1"), fields=fields))
    assert list(watching.strangers(world.ledger, world.account, [meant])) == []
    anyio.run(world.ledger.commit, [MoveMark(name="feed", cursor="1-events")])
    assert len(list(watching.strangers(world.ledger, world.account, [meant]))) == 1
    asked = replace(_question("several_candidates", "client", "c1"), id="identity:client:c1")
    anyio.run(world.ledger.commit, [Enqueue(item=asked), ResolveItem(id=asked.id, decision="separate", by="uid:1")])
    assert list(watching.strangers(world.ledger, world.account, [meant])) == []


def test_what_people_brought_back_is_no_double_of_ours_if_somebody_was_told() -> None:
    """Two with one mark, one of them restored by people: told is explained, untold is not, and two that we made are a double."""
    world = World(1)
    fields = {"name": "x", "custom:Streamflow ID": "sim:client:c1"}
    first = world.account.create("contacts", fields, PROGRAM)
    world.account.delete(first, PERSON)
    world.account.create("contacts", fields, PROGRAM)
    world.account.restore(first, PERSON)

    def found() -> list[str]:
        seen = Evidence.of(world.books, world.account, world.ledger, world.conditions)
        return [fault.partition(":")[0] for fault in judge(seen) if fault.startswith(("doubled: sim:", "unexplained: sim:"))]

    assert found() == [], "the feed has not told of it"
    anyio.run(world.ledger.commit, [MoveMark(name="feed", cursor="9-events")])
    assert found() == ["unexplained"]
    anyio.run(world.ledger.commit, [Enqueue(item=_question("doubled_marker", "client", "c1", dest_id=first))])
    assert found() == []
    again = world.account.create("contacts", fields, PROGRAM)
    assert found() == ["doubled"]
    world.account.delete(again, PERSON)
    world.account.restore(again, PERSON)
    assert found() == ["unexplained"], "of one of them nobody was told"


@pytest.mark.parametrize(("decision", "broken"), [("take", ["wrong"]), ("keep", ["overwritten"])])
def test_what_a_person_decided_is_held_against_the_world(decision: str, broken: list[str]) -> None:
    """Taken, and theirs stands all the same; kept, and ours is there: either is seen."""
    world = lived(TAKEN)
    seen = Evidence.of(world.books, world.account, world.ledger, world.conditions, world.answers.times)
    assert [*world.faults, *judge(seen)] == []
    item, held = _disputed(world, seen)
    seen.items[item.id] = replace(item, decision=decision)
    held.fields[str(item.details["field"])] = item.details["destination" if decision == "take" else "source"]
    assert [fault.partition(":")[0] for fault in judge(seen)] == broken


def _disputed(world: World, seen: Evidence) -> tuple[QueueItem, Held]:
    """Give a question about two values whose answer was to take ours, and the record."""
    taken = (item for item in seen.items.values() if item.cause == "conflict" and item.decision == "take" and "field" in item.details)
    item = next(item for item in taken if isinstance(item.details["source"], str))
    return item, world.account.records[str(item.details["dest_id"])]


def test_a_seed_tells_one_world() -> None:
    """The same seed gives the same run, to the last write, whatever ran before it."""
    first = simulate(1003).trace
    simulate(1004)
    assert simulate(1003).trace == first


def test_a_question_does_not_cover_a_loss() -> None:
    """Each record that the program made, taken away by nobody, is missed by the judge, whatever was asked about it."""
    world = lived(ASKED_ABOUT)
    seen = Evidence.of(world.books, world.account, world.ledger, world.conditions)
    assert [*world.faults, *judge(seen)] == []
    silent, tried = [], 0
    for ref, link in seen.links.items():
        held = world.account.records.get(seen.stands(link.dest_id) or "")
        is_ours = held is not None and held.maker == PROGRAM and all(deed.actor != PERSON for deed in held.deeds)
        if held is None or not is_ours or ref.kind not in DEST_KINDS or ref.key not in world.books.true(ref.kind):
            continue
        tried += 1
        del world.account.records[held.id]
        if not any(fault.startswith(f"lost: {ref.kind} {ref.key} ") for fault in judge(seen)):
            silent.append(f"{ref.kind} {ref.key}: {[item.cause for item in seen.asked_about(ref.kind, ref.key)]}")
        world.account.records[held.id] = held
    assert tried > 5
    assert silent == []


def test_bringing_back_covers_no_other_write() -> None:
    """What a rollback noted and removed may be restored with its relations; any other write to it needs an intent, as does a restore."""
    world = World(1)
    noted, other = (world.account.create("contacts", {"link:tags": ["1-tags"]}, PROGRAM) for _ in range(2))
    link = Link(ref=Ref("client", "c1"), dest_kind="contacts", dest_id=noted, base={}, ours=True)
    reversal = Reversal(id="1", link=link, action="delete", fields={"link:tags": ["1-tags"], "custom:Town": "Tampa"}, scope="run")
    world._on_commit([reversal.noted], True)
    world.account.delete(noted, PROGRAM)
    world._on_effect("restore", "contacts", noted, {})
    world.account.restore(noted, PROGRAM)
    world._on_effect("update", "contacts", noted, {"link:tags": ["1-tags"]})
    assert world.faults == []
    town, tags = {"custom:Town": "Tampa"}, {"link:tags": ["1-tags"]}
    for what, dest_id, fields in (("update", noted, town), ("restore", other, {}), ("update", other, tags)):
        world._on_effect(what, "contacts", dest_id, fields)
    assert [fault.partition(":")[0] for fault in world.faults] == ["unmeant"] * 3


def test_a_question_about_what_is_not_so_is_a_fault() -> None:
    """A record that is there and called deleted, and one that is there once and called doubled, are seen when they are asked about."""
    world = World(1)
    world._workers.begin()
    there, gone = [Enqueue(item=_question("deleted_at_source", "client", key)) for key in sorted(world.books.true("client"))[:2]]
    world.books.put("client", gone.item.key, None)
    doubled = Enqueue(item=_question("in_doubt", "remark", "r1", reason="2 records carry the marker", marker="[sf:sim:remark:r1]"))
    world.account.create("notes", {"body": "said\n[sf:sim:remark:r1]"}, PROGRAM)
    world._on_commit([there, gone, doubled], True)
    assert [fault.partition(" is ")[0] for fault in world.faults] == [f"unexplained: client {there.item.key}", "unexplained: remark r1"]
    world.faults.clear()
    world.account.create("notes", {"body": "said\n[sf:sim:remark:r1]"}, PROGRAM)
    world._on_commit([gone, doubled], True)
    assert world.faults == []


def _question(cause: str, kind: str, key: str, *, reason: str = "not shown", **details: str) -> QueueItem:
    return QueueItem(id=f"{cause}:{key}", cause=cause, kind=kind, key=key, reason=reason, decisions=("keep",), details=details)


def test_a_write_is_not_confirmed_by_what_it_did_not_make() -> None:
    """Of two records made at the same time each is its own; one that has another marker, or is nobody's, does not count as made."""
    world = World(1)
    meant = [_intent(number, f"c{number}") for number in range(2)]
    made = [world.account.create("contacts", {"custom:Streamflow ID": each.marker}, PROGRAM) for each in meant]
    anyio.run(world.ledger.commit, [PutIntent(intent=each) for each in meant])
    for dest_ids, wrong in ((made, []), (made[::-1], ["c0", "c1"]), ([made[0], "999-contacts"], ["c1"])):
        pairs = zip(meant, dest_ids, strict=True)
        settled = [SettleIntent(id=each.id, state=IntentState.CONFIRMED, dest_id=dest_id) for each, dest_id in pairs]
        found = list(watching.confirmed(world.ledger, world.account, settled))
        assert [fault.split()[2] for fault in found] == wrong


def test_what_is_made_twice_is_seen_when_it_is_made() -> None:
    """A second record of ours with a marker is a double at once; one that takes the place of a removed one is none."""
    world = World(1)
    fields = {"body": "said\n[sf:sim:remark:r1]"}
    first = world.account.create("notes", fields, PROGRAM)
    found = list(watching.doubled(world.account, "create", fields, heard=0))
    assert found == [f"doubled: [sf:sim:remark:r1] is {first}, and is made again"]
    world.account.delete(first, PROGRAM)
    assert list(watching.doubled(world.account, "create", fields, heard=0)) == []
    assert list(watching.doubled(world.account, "create", {"body": "of theirs"}, heard=0)) == []


def _intent(number: int, key: str) -> Intent:
    return Intent(id=f"1-{number}", ref=Ref("client", key), op=Op.CREATE, dest_kind="contacts", fields={}, marker=f"sim:client:{key}")


def test_what_is_left_for_after_the_switch_is_a_loss() -> None:
    """What was written before people stopped is in the ledger and carried over at the switch; what was written later is another matter."""
    world = World(1)
    world._workers.begin()
    world.books.frozen_at = world.agenda.now
    rows = [(kind, key, row) for kind in ("client", *CHILDREN) for key, row in world.books.true(kind).items()]
    assert len(list(watching.switched(world.ledger, world.books))) == len(rows)
    anyio.run(partial(world.ledger.stage, [record_of(*each) for each in rows], scan="first"))
    found = list(watching.switched(world.ledger, world.books))
    assert len(found) == len(rows)
    assert all(fault.startswith("lost: ") and "carried over" in fault for fault in found)
    world.agenda.until(1.0)
    kind, key, row = rows[0]
    world.books.put(kind, key, {**row, "town": "Elsewhere"})
    assert len(list(watching.switched(world.ledger, world.books))) == len(rows) - 1


def test_a_planted_bug_is_not_found_by_what_it_is_not() -> None:
    """A world that only stops, or ends by an error, shows no bug, nor does one that shows the same without it."""
    with patch.dict(PLANTED, {"ends by an error": Bug(plant=lambda: patch.object(Loader, "_mean", None), shows=("doubled",))}):
        assert simulate(1000, planted=PLANTED["ends by an error"].plant).faults
        assert found_by("ends by an error", [1000]) == (None, "")
    with patch.object(planted, "simulate", lambda seed, **_: Verdict(seed=seed, faults=["doubled: with the bug and without it"])):
        assert found_by(next(iter(QUICKLY_FOUND)), [1]) == (None, "")


@pytest.mark.parametrize("bug", QUICKLY_FOUND)
def test_a_planted_bug_is_found(bug: str) -> None:
    """With a rule of the engine taken away, a promise is seen to be broken in a world that keeps it otherwise."""
    seed, fault = found_by(bug, [QUICKLY_FOUND[bug]])
    assert seed is not None
    assert fault


def test_there_are_enough_bugs_to_find() -> None:
    """Each is one rule, and each name says which."""
    assert len(PLANTED) >= 12
    assert set(QUICKLY_FOUND) <= PLANTED.keys()


@pytest.mark.parametrize(
    ("name", "state", "broken"), [("Ada Petrov", "open", False), ("Ada Smith", "open", True), ("Ada Petrov", "resolved", True)],
)
def test_who_waits_for_a_refused_one_and_is_written_late_is_no_loss(name: str, state: str, broken: bool) -> None:
    """Who is the same person as one whom the destination refuses waits for the answer about them; anybody else is lost."""
    world = switching()
    client(world, "c1", name="Ada Petrov")
    client(world, "c2", name=name)
    frozen(world)
    world.books.put("client", "c2", {**world.books.true("client")["c2"], "town": "Late"})
    world.account.refused.add("sim:client:c1")
    held_late(world, "client", "c2")
    anyio.run(world.ledger.commit, [PutIntent(intent=_intent(0, "c1")), Enqueue(item=_question("rejected", "client", "c1"))])
    if state == "resolved":
        anyio.run(world.ledger.commit, [ResolveItem(id="rejected:c1", decision="waive", by="uid:1")])
    assert any(fault.startswith("lost: client c2") for fault in judged(world)) == broken


@pytest.mark.parametrize(("is_refused", "late", "broken"), [(True, "ignore", False), (False, "ignore", True), (True, "", True)])
def test_who_waits_for_a_refused_one_of_whom_a_late_version_was_let_pass_is_no_loss(is_refused: bool, late: str, broken: bool) -> None:
    """A refused one was to be tried again, and what was written in it meanwhile was let pass: who waits for it waits on."""
    world = switching()
    client(world, "c1", name="Ada Petrov")
    client(world, "c2", name="Ada Petrov")
    rows = [record_of("client", key, row) for key, row in world.books.true("client").items()]
    anyio.run(partial(world.ledger.stage, rows, scan="first"))
    frozen(world)
    world.account.refused.update({"sim:client:c1"} if is_refused else ())
    question = _question("rejected", "client", "c1")
    anyio.run(world.ledger.commit, [PutIntent(intent=_intent(0, "c1")), Enqueue(item=question)])
    if late:
        world.books.put("client", "c1", {**world.books.true("client")["c1"], "town": "Late"})
        held_late(world, "client", "c1")
        asked = next(id for id, item in world.ledger._book.items.items() if item.cause == "after_freeze")
        anyio.run(world.ledger.commit, [ResolveItem(id=asked, decision=late, by="uid:1")])
    staged = world.ledger._book.records["client", "c2"].staged
    waits = finish_of(staged, state=RecordState.PARKED, disposition=Disposition.FLAGGED, reason="waits", waiting_on="client:c1")
    anyio.run(world.ledger.commit, [waits, ResolveItem(id=question.id, decision="retry", by="uid:1")])
    assert any(fault.startswith("lost: client c2") for fault in judged(world)) == broken


@pytest.mark.parametrize(
    ("name", "deleted_by", "is_asked", "broken"),
    [("Ada Petrov", PERSON, True, False), ("Ada Smith", PERSON, True, True), ("Ada Petrov", PROGRAM, True, True),
     ("Ada Petrov", PERSON, False, True)],
)
def test_who_waits_for_one_whom_people_deleted_is_no_loss(name: str, deleted_by: str, is_asked: bool, broken: bool) -> None:
    """Who is the same person as one whose record people deleted waits for the answer about them; anybody else is lost."""
    world = switching()
    client(world, "c1", name="Ada Petrov")
    client(world, "c2", name=name)
    made = world.account.create("contacts", {"name": "Ada Petrov"}, PERSON)
    world.account.delete(made, deleted_by)
    rows = [record_of("client", key, row) for key, row in world.books.true("client").items()]
    anyio.run(partial(world.ledger.stage, rows, scan="first"))
    staged = world.ledger._book.records["client", "c2"].staged
    waits = finish_of(staged, state=RecordState.PARKED, disposition=Disposition.FLAGGED, reason="waits", waiting_on=f"gone:{made}")
    link = Link(ref=Ref("client", "c1"), dest_kind="contacts", dest_id=made, base={}, ours=False, before={})
    asked = [Enqueue(item=_question("deleted_at_destination", "client", "c1", dest_id=made))] if is_asked else []
    anyio.run(world.ledger.commit, [waits, PutLink(link=link), *asked])
    frozen(world)
    assert any(fault.startswith("lost: client c2") for fault in judged(world)) == broken


@pytest.mark.parametrize(
    ("written", "again", "broken"), [(("one",), "", True), (("one", "two", "one"), "ignore", False), (("one", "two", "one"), "take", True)],
)
def test_the_last_word_on_a_version_that_comes_back_holds(written: Sequence[str], again: str, broken: bool) -> None:
    """A late version that somebody took is carried over, but not if it came back and was let pass then; one that stayed was wanted."""
    world = switching()
    client(world, "c1", name="Ada Petrov")
    made = world.account.create("contacts", {"name": "Ada Petrov", "custom:Town": "Oviedo", "emails": [{"value": "ada@x.test"}]}, PROGRAM)
    link = Link(ref=Ref("client", "c1"), dest_kind="contacts", dest_id=made, base={}, ours=True)
    anyio.run(world.ledger.commit, [PutLink(link=link)])
    frozen(world)
    for town in written:
        world.books.put("client", "c1", {**world.books.true("client")["c1"], "town": town})
        held_late(world, "client", "c1")
    staged = world.ledger._book.records["client", "c1"].staged
    first = world.ledger._book.items[f"after_freeze:client:c1:{staged.record.digest[:8]}"]
    answers = {first.id: "take", **({f"{first.id}:again": again} if again else {})}
    if again:
        anyio.run(world.ledger.commit, [Enqueue(item=replace(first, id=f"{first.id}:again"))])
    held = finish_of(staged, state=RecordState.HELD, disposition=Disposition.CREATED)
    anyio.run(world.ledger.commit, [held, *(ResolveItem(id=id, decision=said, by="uid:1") for id, said in answers.items())])
    seen = Evidence.of(world.books, world.account, world.ledger, world.conditions, dict.fromkeys(answers, world.agenda.now))
    assert any(fault.startswith("wrong: client c1") for fault in judge(seen)) == broken


@pytest.mark.parametrize(
    ("comes", "broken"), [("made before", True), ("made after", False), ("back unheard", False), ("back heard", True)],
)
def test_what_belongs_to_one_that_comes_after_the_switch_is_asked_about(comes: str, broken: bool) -> None:
    """A client made after the switch, or told of only then, has its own held with a question; one that was there before has not."""
    world = switching()
    client(world, "c1", name="Ada Petrov")
    world.books.put("quote", "q1", {"quoteid": "q1", "clientid": "c1", "amount": "5.00", "phase": "A", "state": "Offered"})
    made = world.account.create("contacts", {"custom:Streamflow ID": "sim:client:c1"}, PROGRAM) if comes != "made after" else ""
    frozen(world)
    if not made:
        made = world.account.create("contacts", {"custom:Streamflow ID": "sim:client:c1"}, PROGRAM)
    if "back" in comes:
        world.account.delete(made, PROGRAM)
        world.account.restore(made, PERSON)
        world.books.switched_at, world.books.heard_at_switch = world.agenda.now, len(world.account.events) if comes == "back heard" else 0
    held_late(world, "quote", "q1")
    link = Link(ref=Ref("client", "c1"), dest_kind="contacts", dest_id=made, base={}, ours=True)
    anyio.run(world.ledger.commit, [PutLink(link=link)])
    assert any(fault.startswith("lost: quote q1") for fault in judged(world)) == broken


@pytest.mark.parametrize(
    ("set_by_s", "begun_at", "broken"), [(86_400.0, 15.0, False), (86_400.0, 10.0, True), (-60.0, 15.0, True), (5.0, 15.0, True)],
)
def test_a_window_that_a_clock_ended_early_sees_no_later_write(set_by_s: float, begun_at: float, broken: bool) -> None:
    """A process that begins under a clock set forward past its end may end it, nothing else may; a write before that is asked about."""
    world = switching(steps=((12.0, set_by_s),), watch_s=60.0)
    client(world, "c1", name="Ada Petrov")
    frozen(world)
    world.books.begun_at, world.books.closed_at = begun_at, 16.0
    anyio.run(partial(world.ledger.stage, [record_of("client", "c1", world.books.true("client")["c1"])], scan="first"))
    world.agenda.until(20.0)
    world.books.put("client", "c1", {**world.books.true("client")["c1"], "town": "Late"})
    wrong = "unexplained: client c1 was written after the switch, and nobody was asked"
    assert (wrong in judged(world)) == broken
    late = world.books.rows["client", "c1"][-1]
    late.at = late.shown_at = 15.5
    assert wrong in judged(world), "it was written before the window ended"
    for listed_at, is_behind in ((15.3, True), (15.7, False), (9.0, False)):
        world.books.listed_at["client"] = listed_at
        assert (wrong in judged(world)) == (broken or not is_behind), "behind the last complete reading, which that process made"


@pytest.mark.parametrize(
    ("asked", "answered", "broken"), [
        (("one", "other", "one"), 0, False), (("one", "other"), 0, True), (("one", "one"), 0, True), (("one", "other", "one"), 2, True),
    ], ids=["asked about anew", "not asked about anew", "never seen otherwise", "taken anew"],
)  # fmt: skip
def test_an_answer_is_about_the_version_as_it_was_asked_about_last(asked: Sequence[str], answered: int, broken: bool) -> None:
    """Taken is what the last question about it says: an earlier one, answered when another version had been asked about, is over."""
    world = switching()
    client(world, "c1", name="Ada Petrov")
    row = world.books.true("client")["c1"]
    fields = {"name": row["fullname"], "emails": [{"value": row["email"]}], "custom:Town": row["town"]}
    made = world.account.create("contacts", fields, PROGRAM)
    frozen(world)
    for town in ("one", "other", "one"):
        world.books.put("client", "c1", {**row, "town": town})
    anyio.run(world.ledger.commit, [PutLink(link=Link(ref=Ref("client", "c1"), dest_kind="contacts", dest_id=made, base={}, ours=True))])
    names = []
    for town in asked:
        first = f"after_freeze:client:c1:{record_of('client', 'c1', {**row, 'town': town}).digest[:8]}"
        names.append(f"{first}:again" if first in names else first)
        held_late(world, "client", "c1", names[-1], disposition=Disposition.CREATED)
    world.agenda.until(12.0)
    anyio.run(world.ledger.commit, [ResolveItem(id=names[answered], decision="take", by="uid:1")])
    found = judged(world, {names[answered]: world.agenda.now})
    assert any(fault.startswith("wrong: client c1") for fault in found) == broken


def switching(**more: Any) -> World:
    """Give an empty world that ends in the watch, with other conditions where named."""
    return World(1, conditions=replace(Conditions.of(1), ending="cutover", **more))


def client(world: World, key: str, *, name: str) -> None:
    """Enter somebody in the source; all of them have one address."""
    row = {"clientid": key, "fullname": name, "email": "ada@x.test", "phone": f"407555{key}", "town": "Oviedo"}
    world.books.put("client", key, row)


def frozen(world: World) -> None:
    """Let people stop, and the switch be at 10 s."""
    world.books.frozen_at = world.agenda.now
    world.agenda.until(10.0)
    world.books.switched_at = world.agenda.now
    world.agenda.until(11.0)


def held_late(world: World, kind: str, key: str, name: str = "", *, disposition: Disposition = Disposition.FLAGGED) -> None:
    """Let a record be held as written late, with a question, of that name where there is one."""
    record = record_of(kind, key, world.books.true(kind)[key])
    anyio.run(partial(world.ledger.stage, [record], scan="first"))
    staged = world.ledger._book.records[kind, key].staged
    held = finish_of(staged, state=RecordState.HELD, disposition=disposition, reason="written late")
    item = replace(_question("after_freeze", kind, key), id=name or f"after_freeze:{kind}:{key}:{record.digest[:8]}")
    anyio.run(world.ledger.commit, [held, Enqueue(item=item)])


def judged(world: World, answered: Mapping[str, float] | None = None) -> list[str]:
    """Judge a world as it is, with when somebody *answered* which question."""
    return judge(Evidence.of(world.books, world.account, world.ledger, world.conditions, answered))


@pytest.mark.parametrize(("decision", "broken"), [("ignore", False), ("take", True)])
def test_a_refusal_that_nobody_is_asked_about_is_a_loss_once_the_late_version_was_taken(decision: str, broken: bool) -> None:
    """A late version that was ignored need not be tried; one that was taken last, and refused, is asked about."""
    world = switching()
    client(world, "c1", name="Ada Petrov")
    frozen(world)
    first = world.books.true("client")["c1"]
    world.books.put("client", "c1", {**first, "town": "Late"})
    held_late(world, "client", "c1")
    [late] = world.ledger._book.items.values()
    again = replace(late, id=f"{late.id}:again")
    world.account.refused.add("sim:client:c1")
    anyio.run(world.ledger.commit, [
        PutIntent(intent=_intent(0, "c1")), ResolveItem(id=late.id, decision="ignore", by="uid:1"), Enqueue(item=again),
        ResolveItem(id=again.id, decision=decision, by="uid:1"),
    ])  # fmt: skip
    seen = Evidence.of(world.books, world.account, world.ledger, world.conditions, {late.id: 12.0, again.id: 13.0})
    assert any(fault.startswith("lost: client c1") for fault in judge(seen)) == broken


@pytest.mark.parametrize(("last", "broken"), [("take", True), ("ignore", False), ("", False)])
def test_of_several_questions_about_one_version_the_last_counts(last: str, broken: bool) -> None:
    """Taken, asked about anew when it came back behind another version: it is missed where it was taken then as well, and only there."""
    world = switching()
    quoted(world, hangs_on="theirs")
    row = world.books.true("quote")["q1"]
    for phase in ("late", "other", "late"):
        world.books.put("quote", "q1", {**row, "phase": phase})
    held_late(world, "quote", "q1", disposition=Disposition.CREATED)
    [first] = world.ledger._book.items.values()
    other, again = replace(first, id="after_freeze:quote:q1:other"), replace(first, id=f"{first.id}:again")
    answers = {first.id: "take", **({again.id: last} if last else {})}
    anyio.run(world.ledger.commit, [
        Enqueue(item=other), Enqueue(item=again), *(ResolveItem(id=id, decision=decision, by="uid:1") for id, decision in answers.items()),
    ])  # fmt: skip
    times = {id: 12.0 + number for number, id in enumerate(answers)}
    found = judge(Evidence.of(world.books, world.account, world.ledger, world.conditions, times))
    assert any(fault.startswith("wrong: quote q1") for fault in found) == broken


def quoted(world: World, *, hangs_on: str) -> str:
    """Enter a client with a quote, both moved before the switch, and give the quote's place; it hangs on one contact of two."""
    client(world, "c1", name="Ada Petrov")
    row = {"quoteid": "q1", "clientid": "c1", "amount": "5.00", "phase": "A", "state": "Offered"}
    world.books.put("quote", "q1", row)
    theirs, other = (world.account.create("contacts", {"custom:Streamflow ID": f"sim:client:{key}"}, PROGRAM) for key in ("c1", "c2"))
    home = {"theirs": theirs, "other": other}[hangs_on]
    fields = {"manualValue": "5.00", "custom:Phase": "A", "custom:Streamflow ID": "sim:quote:q1", "link:contacts": [home]}
    deal = world.account.create("leads", fields, PROGRAM)
    frozen(world)
    lines = [("client", "c1", "contacts", theirs), ("quote", "q1", "leads", deal)]
    anyio.run(world.ledger.commit, [
        PutLink(link=Link(ref=Ref(kind, key), dest_kind=at, dest_id=rid, base={}, ours=True)) for kind, key, at, rid in lines
    ])
    return deal


@pytest.mark.parametrize(("hangs_on", "broken"), [("theirs", False), ("other", True)])
def test_what_is_not_to_move_hangs_where_it_hung(hangs_on: str, broken: bool) -> None:
    """Asked after the switch whether it moves with its client, it may stay with a contact of that client, and with nobody else's."""
    world = switching()
    quoted(world, hangs_on=hangs_on)
    made = world.account.create("contacts", {"custom:Streamflow ID": "sim:client:c1"}, PROGRAM)
    held_late(world, "quote", "q1")
    was = world.ledger._book.links[Ref("client", "c1")].dest_id
    anyio.run(world.ledger.commit, [
        PutIntent(intent=replace(_intent(0, "c1"), dest_id=was)), PutLink(link=Link(
            ref=Ref("client", "c1"), dest_kind="contacts", dest_id=made, base={}, ours=True)),
    ])  # fmt: skip
    assert any(fault.startswith("orphaned: quote q1") for fault in judged(world)) == broken


@pytest.mark.parametrize(("hangs_on", "restored", "decision", "broken"), [
    ("theirs", True, "", False), ("other", True, "", True), ("theirs", False, "", True), ("theirs", True, "retry", True),
])  # fmt: skip
def test_what_people_bring_back_of_an_undone_part_hangs_where_it_hung(hangs_on: str, restored: bool, decision: str, broken: bool) -> None:
    """It is theirs until somebody has the part come back: it may stay with a contact that its client was, and with nobody else's."""
    world = switching(part="phase:backfill")
    deal = quoted(world, hangs_on=hangs_on)
    made = world.account.create("contacts", {"custom:Streamflow ID": "sim:client:c1"}, PROGRAM)
    if restored:
        world.account.delete(deal, PROGRAM)
        world.account.restore(deal, PERSON)
    record, was = record_of("quote", "q1", world.books.true("quote")["q1"]), world.ledger._book.links[Ref("client", "c1")].dest_id
    anyio.run(partial(world.ledger.stage, [record], scan="first"))
    staged = world.ledger._book.records["quote", "q1"].staged
    anyio.run(world.ledger.commit, [
        PutIntent(intent=replace(_intent(0, "c1"), dest_id=was)),
        PutLink(link=Link(ref=Ref("client", "c1"), dest_kind="contacts", dest_id=made, base={}, ours=True)),
        finish_of(staged, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason="undone with phase:backfill"),
        Audit(entry=AuditEntry(actor="streamflow", action="rollback.removed", kind="quote", key="q1")),
        Enqueue(item=_question("rolled_back", "", "", scope="phase:backfill")),
        *([ResolveItem(id="rolled_back:", decision=decision, by="uid:1")] if decision else []),
    ])  # fmt: skip
    assert any(fault.startswith("orphaned: quote q1") for fault in judged(world)) == broken


@pytest.mark.parametrize(("field", "broken"), [("manualValue", False), ("custom:Phase", True)])
def test_what_was_brought_back_late_is_otherwise_only_where_the_source_said_something_since(field: str, broken: bool) -> None:
    """What the source said meanwhile is asked about; what it never said otherwise is wrong."""
    world = switching()
    row = {"quoteid": "q1", "clientid": "c1", "amount": "4.00", "phase": "A", "state": "Offered"}
    world.books.put("quote", "q1", row)
    deal = quoted(world, hangs_on="theirs")
    world.account.records[deal].fields[field] = "4.00"
    world.account.delete(deal, PERSON)
    world.account.restore(deal, PERSON)
    held_late(world, "quote", "q1", disposition=Disposition.CREATED)
    assert any(fault.startswith("wrong: quote q1") for fault in judged(world)) == broken


@pytest.mark.parametrize("back", ["c1", "c2"])
def test_what_people_brought_back_is_never_called_a_late_write(back: str) -> None:
    """Whoever begins behind a restore knows it for one: in the words for a late write nobody is asked about what was not written."""
    world = switching()
    quoted(world, hangs_on="theirs")
    [rid] = [rid for rid, held in world.account.records.items() if held.fields["custom:Streamflow ID"] == f"sim:client:{back}"]
    world.account.delete(rid, PERSON)
    world.account.restore(rid, PERSON)
    world.books.begun_at = world.agenda.now + 1.0
    item = _question("after_freeze", "quote", "q1", reason="written in the source after the switch")
    anyio.run(world.ledger.commit, [Enqueue(item=replace(item, id="after_freeze:quote:q1:0"))])
    assert any("is called written after the switch" in fault for fault in judged(world))


@pytest.mark.parametrize("ending", ["cutover", "rollback in tail"])
def test_what_people_made_is_not_removed_though_they_bring_it_back(ending: str) -> None:
    """Taking it out of the trash mends nothing: it was theirs."""
    world = World(1, conditions=replace(Conditions.of(1), ending=ending))
    rid = world.account.create("contacts", {"name": "Paula Prior"}, PERSON)
    world.account.delete(rid, PROGRAM)
    world.account.restore(rid, PERSON)
    assert f"overwritten: {rid} is of people's own making, and was removed" in judged(world)
