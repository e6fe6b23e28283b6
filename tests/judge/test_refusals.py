"""Poison is no excuse for anything but what it struck, and only where the product has told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.judge.refusals import Excuse, read_refusals, standing
from tests.judge.states import Finding, Identity, Question

ROWS = {
    ("lead", "6"): {}, ("note", "10"): {"leadid": "6"}, ("lead", "7"): {}, ("note", "11"): {"leadid": "7"},
    ("note", "12"): {"leadid": "8"}, ("call", "13"): {"leadid": "8"},
    ("note", "14"): {"leadid": "9"}, ("call", "15"): {"leadid": "9"},
    ("note", "16"): {"cst_id": "3", "note": "Wants the <b>quote</b>\nitemized"},
    ("note", "17"): {"cst_id": "3", "note": "Wants white frames"},
    ("note", "21"): {"leadid": "77", "lives_at": "9"}, ("note", "22"): {"leadid": "77", "lives_at": "8"},
    ("attachment", "18"): {"leadid": "8", "name": "plan.txt", "sha256": "c1f0"},
    ("attachment", "19"): {"leadid": "8", "name": "other.txt", "sha256": "c1f0"},
    ("attachment", "20"): {"leadid": "9", "name": "plan.txt", "sha256": "c1f0"},
    ("attachment", "23"): {"leadid": "9", "name": "plan.txt", "sha256": "c1f0", "moved_from": ["8"]},
}  # fmt: skip
ASKED_FOR = Question(cause="unknown_parent", kind="attachment", key="7cc7", others=frozenset({"8"}))
CALL = ("call", "of 2026-11-22T13:53:23 with prospect 3")
REFUSED = [
    ("lead", "6"), ("lead", "7"), ("note", "11"), ("note", "12"), ("note", "14"), ("note", "16"), ("attachment", "18"),
    ("attachment", "23"), CALL,
]  # fmt: skip
SOURCE = {"poisoned": [{"line": "POST /api/getnotes", "body": "leadid=OQ%3D%3D"}]}      # of lead 9
DESTINATION = {"poisoned": [
    {"line": "POST /rest/notes", "body": (
        '{"data":{"body":"Another lead\\nName: B\\n[sf:lt:lead:6:merged]","links":{"parent":"41-contacts"}}}'
    )},
    {"line": "POST /rest/contacts", "body": (
        '{"contacts":[{"name":"A","emails":[{"value":"a@x.test"}],"customFields":{"Streamflow ID":"lt:lead:7"}}]}'
    )},
    {"line": "POST /rest/notes", "body": '{"data":{"body":"some text\\n[sf:lt:note:12:2/2]"}}'},
    {"line": "POST /rest/activities", "body": '{"data":{"description":"[2026-11-22 13:53:23 -05:00]\\nOutbound\\n[sf:lp:call:~b774]"}}'},
    {"line": "POST /rest/notes", "body": '{"data":{"body":"Wants the quote\\nitemized\\n[sf:lp:note:~cbdc]"}}'},
    {"line": "POST /rest/notes", "body": '{"data":{"body":"File: plan.txt\\nSHA-256: c1f0\\nfiles/8/7cc6\\n[sf:lt:attachment:7cc6]"}}'},
]}  # fmt: skip
UNREAD = Question(cause="source_unread", kind="note", key="", name="unread:note:9")
TOLD = (
    UNREAD, Question(cause="rejected", kind="lead", key="6"), Question(cause="rejected", kind="lead", key="7"),
    Question(cause="unanswered", kind="note", key="12"),
    *(Question(cause="rejected", kind=kind, key=key) for kind, key in (("call", "~b774"), ("note", "~cbdc"), ("attachment", "7cc6"))),
)


def _left(kind: str, key: str, told: Sequence[Question], fault: str = "lost", there: tuple[Identity, ...] = ()) -> bool:
    finding = Finding(fault=fault, what=f"{kind} {key}" + (" (5-notes)" if key.isdigit() else ""), why="is not there")     # type: ignore[arg-type]
    refusals = read_refusals(SOURCE, DESTINATION, ["7", "8", "9"])
    return list(standing([finding], ROWS, Excuse(refusals=refusals, asked=told, there=there))) == [finding]


@pytest.mark.parametrize(("kind", "key"), REFUSED)
def test_what_was_refused_and_told_of_may_be_missing(kind: str, key: str) -> None:
    """The record, what hangs on it, a part of a text, and what a refused list would have shown."""
    assert not _left(kind, key, TOLD)
    assert not _left(kind, key, TOLD, "wrong")


@pytest.mark.parametrize(("kind", "key"), REFUSED)
def test_what_nobody_was_told_of_is_missing_all_the_same(kind: str, key: str) -> None:
    """A refusal in silence is a loss."""
    assert _left(kind, key, ())


@pytest.mark.parametrize(("kind", "key"), REFUSED)
@pytest.mark.parametrize("cause", ["bad_phone", "conflict", "after_freeze", "in_doubt", "unknown_parent", "deleted_at_source"])
def test_another_question_about_it_excuses_nothing(kind: str, key: str, cause: str) -> None:
    """Whoever is asked about a telephone number has not been told that the record is missing."""
    assert _left(kind, key, [replace(each, cause=cause) for each in TOLD])


@pytest.mark.parametrize(("kind", "key"), REFUSED)
def test_what_was_overcome_excuses_nothing(kind: str, key: str) -> None:
    """A question that was answered by a later try, which was taken, or a list that was read after all."""
    assert _left(kind, key, [replace(each, is_over=True) for each in TOLD])


def test_what_only_a_refused_list_would_have_shown_cannot_be_told_by_name() -> None:
    """A note of nobody in the list of a lead that was refused, and told of; one in another list, or none told, stays a finding."""
    assert not _left("note", "21", TOLD, "unexplained")
    assert _left("note", "21", (), "unexplained")
    assert _left("note", "22", TOLD, "unexplained")
    assert _left("note", "11", TOLD, "unexplained")


def test_what_only_a_refused_list_would_have_shown_may_hang_where_it_was() -> None:
    """Nobody can know that a note went to a lead whose list was refused; of one whose list was read, or none told, it hangs wrong."""
    assert not _left("note", "21", TOLD, "orphaned")
    assert _left("note", "21", (), "orphaned")
    assert _left("note", "22", TOLD, "orphaned")
    assert _left("note", "11", TOLD, "orphaned")


def test_whose_note_was_refused_may_show_on_whom_they_share_a_person_with() -> None:
    """What the other one has stands on the person, and nothing there names them; on any other person it is wrong, and untold as well."""
    def is_left(rid: str, told: Sequence[Question]) -> bool:
        finding = Finding(fault="wrong", what=f"lead 8 on {rid}", why="Telephone 2 holds '0821112222', which is nobody's")
        excuse = Excuse(refusals=read_refusals(SOURCE, DESTINATION, ["7", "8", "9"]), asked=told)
        return list(standing([finding], ROWS, excuse)) == [finding]

    assert not is_left("41-contacts", TOLD)
    assert is_left("4-contacts", TOLD)
    assert is_left("41-contacts", ())


@pytest.mark.parametrize(("home", "told", "is_left"), [
    ("41-contacts", TOLD, False), ("4-contacts", TOLD, True), ("41-contacts", (), True), ("3-contacts, 41-contacts", TOLD, True),
])  # fmt: skip
def test_what_was_refused_on_its_way_to_another_person_stays_where_it_was(home: str, told: Sequence[Question], is_left: bool) -> None:
    """The refusal names where it belongs, and a question tells of it; refused on its way to anybody else, it hangs on the wrong one."""
    finding = Finding(fault="orphaned", what="lead 6 (5-notes)", why=f"hangs on 9-contacts, not on {home}")
    excuse = Excuse(refusals=read_refusals(SOURCE, DESTINATION, []), asked=told)
    assert (list(standing([finding], ROWS, excuse)) == [finding]) is is_left


def test_what_hangs_on_the_head_of_a_merge_has_no_excuse() -> None:
    """Of one who shares a person with another a note was refused: what else they have hangs on that person, who is there."""
    assert not _left("lead", "6", TOLD)
    assert _left("note", "10", TOLD)


WAITS = "belongs to lead 7, which was not moved (failed: refused)"


@pytest.mark.parametrize(("email", "said", "there", "is_left"), [
    ("A@x.test", WAITS, (), False), ("b@x.test", WAITS, (), True), ("", WAITS, (), True), ("a@x.test", WAITS, (("lead", "7"),), True),
    ("a@x.test", "", (), True), ("a@x.test", "belongs to lead 6, which was not moved", (), True),
])  # fmt: skip
def test_who_is_one_with_a_refused_person_waits_for_them(email: str, said: str, there: tuple[Identity, ...], is_left: bool) -> None:
    """
    A second lead of a person who was refused cannot be there, and is told to wait for that one.

    Of another address, once that one is there, or where nobody says that it waits, it is lost.
    """
    finding = Finding(fault="lost", what="lead 30", why="no live person carries it")
    excuse = Excuse(
        refusals=read_refusals(SOURCE, DESTINATION, []), asked=TOLD, explained={("lead", "30"): said} if said else {}, there=there,
    )  # fmt: skip
    assert (list(standing([finding], {("lead", "30"): {"email": email}}, excuse)) == [finding]) is is_left


def test_who_shares_an_address_with_a_refused_person_and_is_there_is_judged() -> None:
    """Whom the platform took is as the source says, whoever else was refused."""
    finding = Finding(fault="wrong", what="lead 30 on 5-contacts", why="number +27825550142 is not there")
    excuse = Excuse(
        refusals=read_refusals(SOURCE, DESTINATION, []), asked=TOLD, explained={("lead", "30"): WAITS}, there=(("lead", "30"),),
    )  # fmt: skip
    assert list(standing([finding], {("lead", "30"): {"email": "a@x.test"}}, excuse)) == [finding]


def test_what_hangs_on_a_person_who_is_there_has_no_excuse() -> None:
    """A person who was refused, and taken when somebody had corrected them, has their notes."""
    assert not _left("note", "11", TOLD)
    assert _left("note", "11", TOLD, there=(("lead", "7"),))


@pytest.mark.parametrize(("name", "is_left"), [
    ("unread:note:9", False), ("unread:note:9:2", False), ("unread:note", False), ("unread:note:48213", True), ("unread:call:9", True),
    ("unread:note:at:1f2e3d4c", True),
])  # fmt: skip
def test_a_list_that_was_refused_is_told_by_the_name_of_whose_it_is(name: str, is_left: bool) -> None:
    """That another lead's notes could not be read explains nothing about this one's; that none of the kind could, does."""
    assert _left("note", "14", [replace(UNREAD, name=name)]) is is_left


@pytest.mark.parametrize(("kind", "key", "fault"), [
    ("call", "13", "lost"), ("call", "15", "lost"), ("note", "12", "doubled"), ("lead", "7", "overwritten"), ("note", "99", "lost"),
    ("note", "17", "lost"), ("call", "of 2026-11-22T13:53:24 with prospect 3", "lost"),
    ("attachment", "19", "lost"), ("attachment", "20", "lost"),
])  # fmt: skip
def test_nothing_else_is_excused(kind: str, key: str, fault: str) -> None:
    """Neither other records, nor other faults."""
    assert _left(kind, key, (*TOLD, Question(cause="rejected", kind=kind, key=key)), fault)


@pytest.mark.parametrize(("key", "told", "there", "is_found"), [
    ("23", (ASKED_FOR,), (), False), ("23", (), (), True), ("23", (replace(ASKED_FOR, is_over=True),), (), True),
    ("23", (replace(ASKED_FOR, others=frozenset({"5"})),), (), True), ("23", (ASKED_FOR,), (("lead", "8"),), True),
    ("20", (ASKED_FOR,), (), True),
])  # fmt: skip
def test_a_file_of_somebody_merged_away_before_they_were_read_is_asked_about(
    key: str, told: tuple[Question, ...], there: tuple[Identity, ...], is_found: bool
) -> None:
    """It lies in the folder of a lead that nobody was ever shown: asked about by that lead it is not lost, and by any other it is."""
    assert _left("attachment", key, told, there=there) is is_found


def test_each_file_of_somebody_merged_away_is_asked_about() -> None:
    """Two files of one folder are not there, and one is asked about: the other is lost; and one that is there is as it has to be."""
    rows = {("attachment", key): {"leadid": "9", "name": f"{key}.txt", "sha256": key, "moved_from": ["8"]} for key in ("31", "32")}
    found = [Finding(fault="lost", what=f"attachment {key}", why="of lead 9 is not there") for key in ("31", "32")]
    wrong = Finding(fault="wrong", what="attachment 31 (5-notes)", why="its size is not told")
    refusals = read_refusals(SOURCE, DESTINATION, [])
    assert list(standing([*found, wrong], rows, Excuse(refusals=refusals, asked=(ASKED_FOR,)))) == [found[1], wrong]
    assert list(standing(found, rows, Excuse(refusals=refusals, asked=(ASKED_FOR, replace(ASKED_FOR, key="7cc8"))))) == []
