"""People's deeds on moved records: what they explain is silent, and whatever else is wrong beside them is found."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from tests.judge import meanwhile
from tests.judge.comparison import compare
from tests.judge.corrupting import Change, Dump, double, drop, each_of, put, reword, row_of
from tests.judge.guarding import Edit
from tests.judge.marks import FIELD
from tests.judge.meanwhile import Excuses
from tests.judge.small_pair import after, before, tables
from tests.judge.states import Fault, Finding, Identity, Question, destination_of, source_of

SAID: dict[Identity, str] = {("note", "13"): "its lead does not exist"}


def _deleted(rid: str) -> Edit:
    return Edit(rid=rid, field="deleted", was=copy.deepcopy(row_of(after(), rid)))


def _set(rid: str, field: str, value: Any) -> Edit:
    return Edit(rid=rid, field=field, value=value, was=copy.deepcopy(row_of(after(), rid)))


def _merged(dump: Dump) -> None:
    """Merge Sipho into Thandi, as the destination does it: what hung on the one hangs on the other."""
    put("9-contacts", "deletedTime", 1)(dump)
    for rid in ("10-notes", "11-notes"):
        put(rid, "links/parent", "5-contacts")(dump)


MERGE = (Edit(rid="9-contacts", field="merged", value="5-contacts", was=copy.deepcopy(row_of(after(), "9-contacts"))),)
GONE_NOTE, GONE_TASK, GONE_PERSON = (_deleted(rid) for rid in ("6-notes", "5-tasks", "9-contacts"))
REWRITTEN = _set("6-notes", "body", "Said by people")
RENAMED = _set("5-accounts", "name", "Said by people")


def _found(
    dump: Dump, edits: tuple[Edit, ...], asked: tuple[Question, ...] = (), said: dict[Identity, str] | None = None,
    rows: dict[str, list[dict[str, Any]]] | None = None,
) -> list[Finding]:  # fmt: skip
    return compare(
        source_of(rows or tables()), destination_of(dump), before=destination_of(before()), fallback="office@example.co.za",
        explained={**SAID, **(said or {})}, asked=asked, edits=edits,
    )  # fmt: skip


DEEDS: dict[str, tuple[Change, tuple[Edit, ...]]] = {
    "a note deleted": (put("6-notes", "deletedTime", 1), (GONE_NOTE,)),
    "a task deleted": (put("5-tasks", "deletedTime", 1), (GONE_TASK,)),
    "a person deleted": (put("9-contacts", "deletedTime", 1), (GONE_PERSON,)),
    "a note rewritten, mark and all": (put("6-notes", "body", "Said by people"), (REWRITTEN,)),
    "a company renamed": (put("5-accounts", "name", "Said by people"), (RENAMED,)),
    "a task given to another": (put("5-tasks", "links/assignee", "2-users"), (_set("5-tasks", "assignee", "2-users"),)),
    "a field that no map knows": (put("5-tasks", "priority", 7), (_set("5-tasks", "priority", 7),)),
    "two people merged": (_merged, MERGE),
    "a note deleted, and then its person merged": (each_of(_merged, put("10-notes", "deletedTime", 1)), (_deleted("10-notes"), *MERGE)),
    "merged, and the one who stayed deleted": (each_of(_merged, put("5-contacts", "deletedTime", 2)), (*MERGE, _deleted("5-contacts"))),
}  # fmt: skip


@pytest.mark.parametrize("name", DEEDS)
def test_what_people_did_is_no_fault(name: str) -> None:
    """Deleted, edited or merged by people and left so: nothing is found; the same without their word is."""
    change, edits = DEEDS[name]
    dump = after()
    change(dump)
    assert [str(each) for each in _found(dump, edits)] == []
    if name != "a field that no map knows":
        assert _found(dump, ()) != []


WRONG: dict[str, tuple[Fault, Change, tuple[Edit, ...]]] = {
    "a deleted note made again": ("doubled", each_of(double("6-notes"), put("6-notes", "deletedTime", 1)), (GONE_NOTE,)),
    "a deleted note brought back": ("overwritten", lambda dump: None, (GONE_NOTE,)),
    "a deleted person made again": ("doubled", each_of(double("9-contacts"), put("9-contacts", "deletedTime", 1)), (GONE_PERSON,)),
    "another note gone beside it": ("lost", each_of(put("6-notes", "deletedTime", 1), drop("9-notes")), (GONE_NOTE,)),
    "a deleted person's note gone": ("lost", each_of(put("9-contacts", "deletedTime", 1), drop("10-notes")), (GONE_PERSON,)),
    "an edited text overwritten": ("overwritten", lambda dump: None, (REWRITTEN,)),
    "an edited text made anew": ("doubled", each_of(double("6-notes"), put("6-notes", "body", "Said by people")), (REWRITTEN,)),
    "an edited note on another person": ("orphaned", each_of(
        put("6-notes", "body", "Said by people"), put("6-notes", "links/parent", "9-contacts")), (REWRITTEN,)),
    "another field of an edited task": ("wrong", each_of(
        put("5-tasks", "title", "Said by people"), put("5-tasks", "dueTime", "1")), (_set("5-tasks", "title", "Said by people"),)),
    "a company renamed back": ("overwritten", lambda dump: None, (RENAMED,)),
    "a merged person made again": ("doubled", each_of(double("9-contacts"), _merged), MERGE),
    "a merged person brought back": ("overwritten", each_of(_merged, put("9-contacts", "deletedTime", None)), MERGE),
    "a note that did not follow the merge": ("orphaned", each_of(_merged, put("10-notes", "links/parent", "9-contacts")), MERGE),
    "a value of the one who stayed": ("wrong", each_of(_merged, put("5-contacts", "customFields/Budget", "1.00")), MERGE),
    "both gone": ("lost", each_of(_merged, put("5-contacts", "deletedTime", 1)), MERGE),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_beside_it_is_found(name: str) -> None:
    """A person's deed excuses what they did and nothing else."""
    fault, change, edits = WRONG[name]
    dump = after()
    change(dump)
    assert fault in {each.fault for each in _found(dump, edits)}


SINCE = {
    "a deleted note": (DEEDS["a note deleted"], "notes", {"note": "Said otherwise since"}, ("deleted_at_destination", "note", "11")),
    "a rewritten note": (DEEDS["a note rewritten, mark and all"], "notes", {"note": "Said otherwise since"}, ("conflict", "note", "11")),
    "a deleted person": (DEEDS["a person deleted"], "leads", {"number": "0825559999"}, ("deleted_at_destination", "lead", "3")),
    "a merged person": (DEEDS["two people merged"], "leads", {"number": "0825559999"}, ("conflict", "lead", "3")),
}  # fmt: skip


@pytest.mark.parametrize("name", SINCE)
def test_what_the_source_said_since_is_asked_about(name: str) -> None:
    """A change of the source that meets a person's deed must be told; a word about something else, or of another kind, is none."""
    (change, edits), plural, values, (cause, kind, key) = SINCE[name]
    dump, rows = after(), tables()
    change(dump)
    next(row for row in rows[plural] if str(row[f"{kind}id"]) == key).update(values)
    for question in (None, Question(cause=cause, kind=kind, key="1"), Question(cause="bad_phone", kind=kind, key=key)):
        assert "wrong" in {each.fault for each in _found(dump, edits, (question,) if question else (), rows=rows)}
    assert _found(dump, edits, (Question(cause=cause, kind=kind, key=key),), rows=rows) == []


@pytest.mark.parametrize(("word", "faults"), [
    ("belongs to 9-contacts, which people deleted in the destination", []), ("belongs to 5-contacts, which people deleted", ["lost"]),
    ("did not feel like it", ["lost"]), ("", ["lost"]),
])  # fmt: skip
def test_what_would_hang_on_a_deleted_person_waits_and_says_so(word: str, faults: list[str]) -> None:
    """New in the source for somebody whom people deleted: it may wait when it names whom it waits for; else it is lost."""
    dump = after()
    each_of(put("9-contacts", "deletedTime", 1), drop("10-notes"))(dump)
    said = {("reminder", "42"): word} if word else {}
    assert [each.fault for each in _found(dump, (GONE_PERSON,), said=said)] == faults


@pytest.mark.parametrize("fault", ["lost", "wrong"])
@pytest.mark.parametrize(("stayed", "is_found"), [("5-contacts", False), ("8-contacts", True)])
def test_it_may_wait_for_somebody_who_was_merged_into_a_deleted_one(stayed: str, is_found: bool, fault: Fault) -> None:
    """New or changed in the source, it waits for a person whom people merged into one they deleted; into one who is there is no reason."""
    merge = Edit(rid="9-contacts", field="merged", value=stayed, was={"id": "9-contacts"})
    gone = Edit(rid="5-contacts", field="deleted", was={"id": "5-contacts"})
    found = [Finding(fault=fault, what="reminder 42 (7-tasks)", why="of lead 3 is not as it should be")]
    said = {("reminder", "42"): "belongs to 9-contacts, which people deleted in the destination"}
    excuses = Excuses(edits=(merge, gone), prefix="lt", asked=(), explained=said)
    assert (list(excuses.left(found)) == found) is is_found


@pytest.mark.parametrize(("mark", "asked", "excused"), [
    ("lt:lead:3:merged", True, True), ("lt:lead:3:merged", False, False), ("lt:lead:4:merged", True, False),
])  # fmt: skip
def test_a_deleted_note_of_what_two_shared_is_asked_about(mark: str, asked: bool, excused: bool) -> None:
    """What the source says since of the second of two who are one stood in a note that people deleted: asked about, else it is wrong."""
    note = Edit(rid="6-notes", field="deleted", was={"id": "6-notes", "body": f"Another lead of the same person\n[sf:{mark}]"})
    found = [Finding(fault="wrong", what="lead 3 on 9-contacts", why="Message: 'so' is not there")]
    questions = (Question(cause="deleted_at_destination", kind="lead", key="3"),) if asked else ()
    excuses = Excuses(edits=(note,), prefix="lt", asked=questions, explained={})
    assert (list(excuses.left(found)) == []) is excused


SHARED = _set("5-notes", "body", "Said by people")
"""The note that tells of the second of two leads who are one person."""


@pytest.mark.parametrize(("question", "excused"), [
    (("conflict", "2", "5-notes"), True), (None, False), (("conflict", "2", "9-notes"), False), (("conflict", "1", "5-notes"), False),
    (("deleted_at_destination", "2", "5-notes"), False),
])  # fmt: skip
def test_a_rewritten_note_of_what_two_shared_is_asked_about(question: tuple[str, str, str] | None, excused: bool) -> None:
    """What the source says since of the second of two who are one stood in a note that people rewrote: asked about by its id, or wrong."""
    dump, rows = after(), tables()
    put("5-notes", "body", "Said by people")(dump)
    assert _found(dump, (SHARED,), rows=rows) == []
    rows["leads"][1]["custom_fields"]["Message"] = "Said otherwise since"
    asked = () if question is None else (Question(cause=question[0], kind="lead", key=question[1], others=frozenset({question[2]})),)
    told = ["lead 2 on 5-contacts: Message: 'Said otherwise since' is not there"]
    assert [f"{each.what}: {each.why}" for each in _found(dump, (SHARED,), asked, rows=rows)] == ([] if excused else told)


@pytest.mark.parametrize(("deed", "cause"), [("body", "conflict"), ("deleted", "deleted_at_destination")])
def test_what_no_note_can_tell_is_not_explained_by_one(deed: str, cause: str) -> None:
    """People worked on the note about the second lead of a person: an address of that lead is on the person all the same."""
    dump, rows = after(), tables()
    put("5-notes", "deletedTime" if deed == "deleted" else "body", "Said by people")(dump)
    rows["leads"][1]["email"] = "other@example.co.za"
    asked = (Question(cause=cause, kind="lead", key="2", others=frozenset({"5-notes"})),)
    assert ["wrong"] == [each.fault for each in _found(dump, (_set("5-notes", deed, "Said by people"),), asked, rows=rows)]


@pytest.mark.parametrize(("home", "asked", "excused"), [
    ("5-contacts", ("conflict", "note", "13"), True), ("5-contacts", ("conflict", "note", "14"), False),
    ("5-contacts", ("bad_phone", "note", "13"), False), ("8-contacts", ("conflict", "note", "13"), False),
])  # fmt: skip
def test_what_moved_in_the_source_stays_with_the_merged_where_that_is_asked(home: str, asked: tuple[str, str, str], excused: bool) -> None:
    """Hung onto another by people's merge, and moved to a third one in the source: it stays and is asked about; else it is wrong."""
    merge = Edit(rid="9-contacts", field="merged", value="5-contacts", was={"id": "9-contacts"})
    found = [Finding(fault="orphaned", what="note 13 (11-notes)", why=f"hangs on {home}, not on 7-contacts")]
    cause, kind, key = asked
    excuses = Excuses(edits=(merge,), prefix="lt", asked=(Question(cause=cause, kind=kind, key=key),), explained={})
    assert (list(excuses.left(found)) == []) is excused


HANGS = "hangs on 5-contacts, not on 7-contacts"
MOVED: dict[Identity, tuple[str, str]] = {
    **{(kind, "13"): (f"{kind} 13 (11-{at})", HANGS) for kind, at in (
        ("note", "notes"), ("lead", "notes"), ("appointment", "activities"), ("call", "activities"), ("email", "activities"),
        ("reminder", "tasks"), ("attachment", "notes"),
    )},
    ("job", "13"): ("job 13 (11-leads)", "is a deal of 5-contacts, not of 7-contacts"),
    ("call", "~ab"): ("call of 2026-05-05T10:00:00 with prospect 9", "is on 5-contacts, not on 7-contacts"),
}  # fmt: skip
"""By what it is told of as: how the comparison names what the source moved, and where it says that it is."""


@pytest.mark.parametrize(("said", "excused"), [
    ("belongs to 7-contacts, which people deleted in the destination", True), ("belongs to 8-contacts, which is gone", False),
    ("belongs to 9-contacts, which people deleted in the destination", False), ("", False),
])  # fmt: skip
@pytest.mark.parametrize("identity", MOVED, ids=":".join)
def test_what_is_to_move_to_somebody_deleted_stays_where_that_is_told(identity: Identity, said: str, excused: bool) -> None:
    """The source moves what hangs on a person to one whom people deleted: it stays, and it is told whom it waits for, not for another."""
    gone = tuple(Edit(rid=rid, field="deleted", was={"id": rid}) for rid in ("7-contacts", "9-contacts"))
    what, why = MOVED[identity]
    found = [Finding(fault="orphaned", what=what, why=why)]
    for told in (identity, (identity[0], "14"), ("prospect", identity[1])):
        excuses = Excuses(edits=gone, prefix="lp", asked=(), explained={told: said} if said else {})
        assert (list(excuses.left(found)) == []) is (excused and told == identity)


@pytest.mark.parametrize(("what", "why"), [
    ("note 13 (11-notes)", "hangs on nothing, not on 7-contacts"), ("job 13 (11-leads)", "is a deal of nobody, not of 7-contacts"),
    ("job 13 (11-notes)", "its note hangs on nothing"), ("call of 2026-05-05T10:00:00 with prospect 9", "is on nobody, not on 7-contacts"),
])  # fmt: skip
def test_what_waits_to_move_hangs_on_somebody_meanwhile(what: str, why: str) -> None:
    """It stays where it was before the source moved it: what hangs on nobody is an orphan, whomever it waits for."""
    gone = Edit(rid="7-contacts", field="deleted", was={"id": "7-contacts"})
    word = "belongs to 7-contacts, which people deleted in the destination"
    said = {(what.partition(" ")[0], key): word for key in ("13", "~ab")}
    found = [Finding(fault="orphaned", what=what, why=why)]
    assert list(Excuses(edits=(gone,), prefix="lp", asked=(), explained=said).left(found)) == found


@pytest.mark.parametrize(("plural", "kind", "key"), [
    ("notes", "note", "11"), ("calls", "call", "21"), ("emails", "email", "31"), ("reminders", "reminder", "41"),
])  # fmt: skip
@pytest.mark.parametrize(("word", "is_excused"), [
    ("belongs to 9-contacts, which people deleted in the destination", True), ("belongs to 5-contacts, which people deleted", False),
    ("", False),
])  # fmt: skip
def test_whatever_is_moved_to_somebody_deleted_may_wait(plural: str, kind: str, key: str, word: str, is_excused: bool) -> None:
    """A note, a call, an e-mail or a reminder is Sipho's now, whom people deleted: it may stay where that is told of it."""
    dump, rows = after(), tables()
    put("9-contacts", "deletedTime", 1)(dump)
    next(row for row in rows[plural] if row[f"{kind}id"] == key)["leadid"] = "3"
    found = _found(dump, (GONE_PERSON,), said={(kind, key): word} if word else {}, rows=rows)
    assert [(each.fault, each.what.split()[:2]) for each in found] == ([] if is_excused else [("orphaned", [kind, key])])


@pytest.mark.parametrize(("stayed", "excused"), [("7-contacts", True), ("8-contacts", False)])
def test_it_may_wait_for_the_one_who_was_merged_into_whom_people_deleted(stayed: str, excused: bool) -> None:
    """Told by the name of somebody whom people merged into the deleted one that it is to hang on: that is the same one."""
    merge = Edit(rid="9-contacts", field="merged", value=stayed, was={"id": "9-contacts"})
    gone = tuple(Edit(rid=rid, field="deleted", was={"id": rid}) for rid in ("7-contacts", "8-contacts"))
    said = {("lead", "13"): "belongs to 9-contacts, which people deleted in the destination"}
    found = [Finding(fault="orphaned", what="lead 13 (11-notes)", why=HANGS)]
    assert (list(Excuses(edits=(merge, *gone), prefix="lp", asked=(), explained=said).left(found)) == []) is excused


@pytest.mark.parametrize(("made_up", "excused"), [("11-notes", 1), ("12-notes", 0)])
def test_what_has_no_id_waits_under_another_key_for_one_of_its_kind(made_up: str, excused: int) -> None:
    """Two notes without an id are to move to somebody deleted, and one is told to wait: the other hangs wrong, as does one with an id."""
    gone = Edit(rid="7-contacts", field="deleted", was={"id": "7-contacts"})
    found = [Finding(fault="orphaned", what=f"note {number} (11-notes)", why=HANGS) for number in (13, 14)]
    said = {("note", "~cd"): "belongs to 7-contacts, which people deleted in the destination"}
    excuses = Excuses(edits=(gone,), prefix="lp", asked=(), explained=said, is_made_up=made_up.__eq__)
    assert list(excuses.left(found)) == found[excused:]


@pytest.mark.parametrize(("field", "question", "excused"), [
    ("deleted", ("deleted_at_destination", "13", "11-notes"), True), ("deleted", ("deleted_at_destination", "14", "12-notes"), False),
    ("deleted", ("conflict", "13", "11-notes"), False), ("body", ("conflict", "13", "11-notes"), True),
    ("body", ("conflict", "14", "11-notes"), False), ("body", ("conflict", "13", "12-notes"), False),
    ("body", ("deleted_at_destination", "13", "11-notes"), False),
])  # fmt: skip
def test_what_people_worked_on_need_not_move_where_that_is_asked(field: str, question: tuple[str, str, str], excused: bool) -> None:
    """What people deleted or rewrote may stay where it hung when the source moves it, if it is asked about by its id."""
    cause, key, rid = question
    edit = Edit(rid="11-notes", field=field, was={"id": "11-notes"})
    found = [Finding(fault="orphaned", what="note 13 (11-notes)", why="hangs on 5-contacts, not on 7-contacts")]
    asked = (Question(cause=cause, kind="note", key=key, others=frozenset({rid})),)
    assert (list(Excuses(edits=(edit,), prefix="lt", asked=asked, explained={}).left(found)) == []) is excused


@pytest.mark.parametrize(("deed", "cause", "named", "key", "excused"), [
    ("body", "conflict", "6-notes", "~ab", 1), ("body", "conflict", "7-notes", "~ab", 0), ("body", "conflict", "6-notes", "13", 0),
    ("body", "bad_phone", "6-notes", "~ab", 0), ("deleted", "conflict", "6-notes", "~ab", 0),
    ("deleted", "deleted_at_destination", "6-notes", "~ab", 1), ("body", "deleted_at_destination", "6-notes", "~ab", 0),
    ("merged", "conflict", "6-notes", "~ab", 0),
])  # fmt: skip
def test_a_record_without_id_that_people_worked_on_explains_one_record(deed: str, cause: str, named: str, key: str, excused: int) -> None:
    """
    Two notes are not there, and one of their person's that people worked on is asked about: the other is lost, as is anybody else's.

    So are all where the source says what it always said.
    """
    note = Edit(rid="6-notes", field=deed, value="Said by people", was={"id": "6-notes", "links": {"parent": "9-contacts"}})
    found = [Finding(fault="lost", what=f"note {number}", why=f"of prospect {owner} is not there") for number, owner in enumerate("778")]
    asked = (Question(cause=cause, kind="note", key=key, others=frozenset({named})),)
    excuses = Excuses(
        edits=(note,), prefix="lp", asked=asked, explained=None, whose={"9-contacts": ("7",)}.__getitem__, was_changed=lambda _: True,
    )  # fmt: skip
    assert list(excuses.left(found)) == found[excused:]
    assert list(replace(excuses, was_changed=lambda _: False).left(found)) == found


@pytest.mark.parametrize(("home", "rev", "named", "excused"), [
    ("5-contacts", 2, "48-tasks", True), ("7-contacts", 2, "48-tasks", False), ("5-contacts", 1, "48-tasks", False),
    ("5-contacts", 2, "49-tasks", False), ("5-contacts", 2, "", False),
])  # fmt: skip
def test_what_a_merge_hung_elsewhere_may_stay_beside_what_took_its_place(home: str, rev: int, named: str, excused: bool) -> None:
    """A merge changes what hung on the one who went: it is left and asked about by its id; what nobody changed is removed."""
    dump = {**after(), "tasks": [{"id": "48-tasks", "rev": rev, "links": {"relatedEntity": home}}]}
    asked = (Question(cause="conflict", kind="reminder", key="8", others=frozenset({named})),) if named else ()
    found = [Finding(fault="doubled", what="reminder 8", why="carried by 74-notes, 48-tasks")]
    left = meanwhile.excused(lambda _: found, destination_of(dump), edits=MERGE, prefix="lt", asked=asked, explained={})
    assert (left == []) is excused


NEVER_ANSWERED = Edit(rid="74-notes", field="body", value="Said by people", was={"id": "74-notes", "body": "Said\n[sf:lt:note:8]"})


@pytest.mark.parametrize(("edit", "question", "excused"), [
    (NEVER_ANSWERED, ("in_doubt", "8", "74-notes"), True), (NEVER_ANSWERED, None, False),
    (NEVER_ANSWERED, ("in_doubt", "8", "75-notes"), False), (NEVER_ANSWERED, ("in_doubt", "9", "74-notes"), False),
    (NEVER_ANSWERED, ("bad_phone", "8", "74-notes"), False),
    (replace(NEVER_ANSWERED, value="Said by people\n[sf:lt:note:8]"), ("in_doubt", "8", "74-notes"), False),
    (replace(NEVER_ANSWERED, was={"id": "74-notes", "body": "Of another\n[sf:lt:note:9]"}), ("in_doubt", "8", "74-notes"), False),
    (replace(NEVER_ANSWERED, field="links"), ("in_doubt", "8", "74-notes"), False),
])  # fmt: skip
@pytest.mark.parametrize(("fault", "what", "why"), [
    ("doubled", "note 8", "carried by 74-notes, 75-notes"), ("doubled", "attachment 1768", "told of by 74-notes, 75-notes"),
    ("wrong", "note 8 on 74-notes", "text: 'so' is not there"),
    ("orphaned", "note 8 (74-notes)", "hangs on 5-contacts, not on 7-contacts"),
])  # fmt: skip
def test_a_text_that_people_wrote_over_before_it_was_answered_is_asked_about(
    edit: Edit, question: tuple[str, str, str] | None, excused: bool, fault: Fault, what: str, why: str,
) -> None:  # fmt: skip
    """Without its mark nobody can tell that it is the one: it may stand beside what was made again where it is asked about by its id."""
    asked = () if question is None else (Question(cause=question[0], kind="note", key=question[1], others=frozenset({question[2]})),)
    found = [Finding(fault=fault, what=what, why=why)]
    assert list(Excuses(edits=(edit,), prefix="lt", asked=asked, explained={}).left(found)) == ([] if excused else found)


@pytest.mark.parametrize(("carriers", "deleted", "excused"), [
    ("74-notes, 48-tasks", "48-tasks", True), ("74-notes, 48-tasks", "50-tasks", False), ("74-notes, 48-notes", "48-notes", False),
    ("74-notes, 75-notes, 48-tasks", "48-tasks", False),
])  # fmt: skip
def test_what_people_deleted_stands_beside_nothing_that_took_its_place(carriers: str, deleted: str, excused: bool) -> None:
    """A reminder that is done is a note, and its task goes: people may have removed it first. What is made again of its kind is twice."""
    found = [Finding(fault="doubled", what="reminder 8", why=f"carried by {carriers}")]
    deed = Edit(rid=deleted, field="deleted", value=None, was={"id": deleted})
    excuses = Excuses(edits=(deed,), prefix="lt", asked=(), explained=None)
    assert list(excuses.left(found)) == ([] if excused else found)


@pytest.mark.parametrize(("home", "rev", "is_deleted", "cause", "excused"), [
    ("5-contacts", 2, True, "conflict", True), ("5-contacts", 2, False, "conflict", False), ("9-contacts", 2, True, "conflict", False),
    ("5-contacts", 1, True, "conflict", False), ("5-contacts", 2, True, "bad_email", False),
])  # fmt: skip
def test_what_a_merge_hung_on_somebody_deleted_may_stay_as_it_was(home: str, rev: int, is_deleted: bool, cause: str, excused: bool) -> None:
    """The source changes its text after that: whether to make it anew is asked. Where the one who stayed is there, it is just changed."""
    dump = {**after(), "notes": [{"id": "48-notes", "rev": rev, "links": {"parent": home}}]}
    asked = (Question(cause=cause, kind="note", key="8", others=frozenset({"48-notes"})),)
    found = [Finding(fault="wrong", what="note 8 (48-notes)", why="the text is not whole: 'new' became 'old'")]
    edits = (*MERGE, _deleted("5-contacts")) if is_deleted else MERGE
    left = meanwhile.excused(lambda _: found, destination_of(dump), edits=edits, prefix="lt", asked=asked, explained={})
    assert (left == []) is excused


PROBED = {"id": "22-tasks", "title": "Streamflow probe 6e-8", "description": "Streamflow probe 6e-8"}


@pytest.mark.parametrize(("rid", "question", "excused"), [
    ("22-tasks", Question(cause="probe_left", kind="", key="", name="probe_left:tasks:Streamflow probe 6e-8"), True),
    ("22-tasks", Question(cause="probe_left", kind="", key="", name="probe_left:tasks:Streamflow probe 6e-8", is_over=True), False),
    ("22-tasks", Question(cause="probe_left", kind="", key="", name="probe_left:tasks:Streamflow probe 6e"), False),
    ("22-tasks", Question(cause="conflict", kind="", key="", name="probe_left:tasks:Streamflow probe 6e-8"), False),
    ("23-tasks", Question(cause="probe_left", kind="", key="", name="probe_left:tasks:Streamflow probe 6e-8"), False),
    ("22-tasks", None, False),
])  # fmt: skip
def test_what_a_probe_left_and_people_worked_on_stays_where_that_is_asked(rid: str, question: Question | None, excused: bool) -> None:
    """It is theirs by now: somebody is asked about it by the name that it had; whatever else is new and without a mark is a stray."""
    edit = Edit(rid="22-tasks", field="title", value="Said by people", was=PROBED)
    found = [Finding(fault="stray", what=rid, why="is new and carries no mark")]
    excuses = Excuses(edits=(edit,), prefix="lp", asked=() if question is None else (question,), explained={})
    assert (list(excuses.left(found)) == []) is excused


def test_a_record_without_id_that_waits_explains_one_record() -> None:
    """Two calls of somebody deleted are not there, and one waits under a made-up key: the other is lost, as is anybody else's."""
    person = Edit(rid="9-contacts", field="deleted", was={"id": "9-contacts", "customFields": {FIELD: "lp:prospect:7"}})
    found = [Finding(fault="lost", what=f"call of 10:0{number} with prospect {key}", why="is not there")
             for number, key in enumerate(("7", "7", "8"))]
    said = "belongs to 9-contacts, which people deleted in the destination"
    explained = {("call", "~ab"): said, ("note", "~cd"): said}
    excuses = Excuses(edits=(person,), prefix="lp", asked=(), explained=explained)
    assert list(excuses.left(found)) == found[1:]


@pytest.mark.parametrize(("home", "part", "excused"), [
    ("9-contacts", "merged", True), ("9-contacts", "merged:1/2", True), ("5-contacts", "merged", False), ("9-contacts", "", False),
])  # fmt: skip
def test_a_record_without_id_waits_for_the_one_who_two_are(home: str, part: str, excused: bool) -> None:
    """Two of the source are one person, whom people deleted: what waits there is of either; the second is known by the note about them."""
    mark = f"lp:prospect:8:{part}".rstrip(":")
    person = Edit(rid="9-contacts", field="deleted", was={"id": "9-contacts", "customFields": {FIELD: "lp:prospect:7"}})
    note = {"id": "3-notes", "body": f"Another of the same person\n[sf:{mark}]", "links": {"parent": home}}
    found = [Finding(fault="lost", what="note 13", why="of prospect 8 is not there")]
    said = {("note", "~cd"): "belongs to 9-contacts, which people deleted in the destination"}
    account = destination_of({"notes": [note]})
    left = meanwhile.excused(lambda _: found, account, edits=(person,), prefix="lp", asked=(), explained=said)
    assert left == ([] if excused else found)


@pytest.mark.parametrize("key", ["7", "8"])
def test_what_only_the_merge_made_wrong_is_nobodys_fault(key: str) -> None:
    """Numbers of the one who went are asked of the one who stayed: excused; what is wrong with either as they were before is found."""
    merge = Edit(rid="9-contacts", field="merged", value="5-contacts", was={"id": "9-contacts", "customFields": {FIELD: "lp:prospect:7"}})
    found = [Finding(fault="wrong", what=f"prospect {key} on 5-contacts", why=f"further number {number} is missing") for number in (1, 2)]
    already = [Finding(fault="wrong", what=f"prospect {key} on 9-contacts", why=found[1].why)]
    assert list(Excuses(edits=(merge,), prefix="lp", asked=(), explained=None, already=already).left(found)) == found[1:]


@pytest.mark.parametrize(("edits", "named", "faults"), [
    ((REWRITTEN,), "6-notes", []), ((REWRITTEN,), "9-notes", ["doubled"]), ((), "6-notes", ["doubled", "wrong"]),
])  # fmt: skip
def test_an_edited_record_may_stay_beside_what_the_source_asks_for_now(edits: tuple[Edit, ...], named: str, faults: list[str]) -> None:
    """Only one on which people worked, and only when a question names it; else the two are doubled."""
    dump = after()
    double("6-notes")(dump)
    if edits:
        put("6-notes", "body", "Said by people")(dump)
    asked = (Question(cause="conflict", kind="note", key="11", others=frozenset({named})),)
    assert [each.fault for each in _found(dump, edits, asked)] == faults


def test_a_mark_that_the_run_moves_to_the_one_who_stayed_is_one_mark() -> None:
    """It may write the mark of the one who is gone beside the other's."""
    dump = after()
    each_of(_merged, reword("5-contacts", "customFields/Streamflow ID", "lt:lead:1", "lt:lead:1 lt:lead:3"))(dump)
    assert _found(dump, MERGE) == []
