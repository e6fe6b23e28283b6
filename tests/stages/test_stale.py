"""Parts of ours that the source no longer asks for: which of them go, and what is asked about the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from streamflow.model import AuditEntry, Draft, Fields, Link, Op, QueueItem, Record, RecordState, Ref, Staged
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.stages.batch import Write
from streamflow.stages.directory import Directory
from streamflow.stages.planning import Facts
from streamflow.stages.roles import roles_of
from streamflow.stages.stale import TEXT_KINDS, beside, remove_stale, stale_answers, stale_parts, surviving, without_moving
from streamflow.stages.updating import Update
from streamflow.store.change import Audit, DropLink, Enqueue, PutLink
from tests.mapping.builders import PAIR

WRITTEN = "2026-06-01T10:00:00Z"
PART = Link(ref=Ref("note", "1", "2/2"), dest_kind="notes", dest_id="6-notes", base={"body": "A text"}, ours=True, written_at=WRITTEN)
AS_LEFT: Fields = {"body": "A text"}
ASKED = "conflict:note:1:2/2:part"
STAGED = Staged(record=Record(kind="note", key="1", data={}, digest="d"), seq=1, state=RecordState.PENDING)


def facts_of(link: Link, now: Fields | None, *, answers: dict[str, tuple[str, str]] | None = None, **facts: Any) -> Facts:
    """Give what is known of a part that reads *now* (None: gone); *answers* are question -> (word, the record it was about)."""
    given = answers or {}
    directory = Directory(roles=roles_of(PAIR), decisions={name: word for name, (word, _) in given.items()})
    told = {name: {"dest_id": dest_id} for name, (_, dest_id) in given.items()}
    there = {} if now is None else {link.dest_id: now}
    return Facts(links={link.ref: link}, now=there, directory=directory, compare=compare, told=told, **facts)


def removed(link: Link, now: Fields | None, **facts: Any) -> Update:
    return remove_stale([link], STAGED, facts_of(link, now, **facts))


def asked(update: Update) -> list[QueueItem]:
    assert not update.writes
    return [each.item for each in update.changes if isinstance(each, Enqueue)]


def test_what_is_not_asked_for_any_more_is_ours_to_look_at() -> None:
    """Parts by their names; what people merged into another record's belongs to that one."""
    links = [replace(PART, ref=Ref("note", "1", part)) for part in ("", "2/2", "3/3")]
    merged = replace(links[2], ours=False)
    assert stale_parts([*links[:2], merged], [Draft(kind="notes")]) == [links[1]]
    assert stale_parts([*links, merged], []) == links


def test_a_text_that_is_to_stand_elsewhere_goes_only_once_it_does() -> None:
    """It may be that people wrote in that field: then the part stays the only place of the text."""
    moving, other = replace(PART, ref=Ref("lead", "1", "address:2/2")), PART
    instead = {"address": "description"}
    assert without_moving([moving, other], instead, {"description": "All of it"}) == [moving, other]
    assert without_moving([moving, other], instead, {"kept:description": "All of it"}) == [other]
    assert without_moving([moving, other], {}, {}) == [moving, other]


@pytest.mark.parametrize("kind", sorted(TEXT_KINDS))
def test_a_text_of_ours_that_nobody_touched_goes(kind: str) -> None:
    """What the destination cannot give back is removed only if nobody was at it since we wrote it last."""
    link = replace(PART, dest_kind=kind)
    facts = facts_of(link, AS_LEFT)
    since = "" if kind == "notes" else WRITTEN
    assert remove_stale([link], STAGED, facts) == Update(writes=(
        Write(op=Op.DELETE, ref=link.ref, dest_kind=kind, fields={}, dest_id="6-notes", now=AS_LEFT, since=since),
    ))
    assert facts.is_busy("6-notes"), "no other plan writes to it meanwhile"


@pytest.mark.parametrize(("now", "theirs"), [
    ({"body": "Rewritten"}, ["body"]), ({"body": "A text", "pinned": "yes"}, ["pinned"]), ({}, ["body"]),
    ({"body": "Rewritten", "pinned": "yes"}, ["body", "pinned"]),
])  # fmt: skip
def test_what_people_worked_on_is_asked_about(now: Fields, theirs: list[str]) -> None:
    """With the fields that are theirs; what they do to it later is another question, the same work the same."""
    [item] = asked(removed(PART, now))
    assert (item.cause, item.kind, item.key, item.decisions, item.suggested) == ("conflict", "note", "1", ("keep", "remove"), "keep")
    assert item.details == {"dest_id": "6-notes", "fields": theirs}
    assert f"people worked on it ({', '.join(theirs)})" in item.reason
    assert item.id.startswith(f"{ASKED}:")
    [turned] = asked(removed(PART, dict(reversed(now.items()))))
    assert turned.id == item.id
    [later] = asked(removed(PART, {**now, "body": "Rewritten once more"}))
    assert later.id != item.id


def test_what_stands_as_theirs_is_asked_about() -> None:
    """A field that was left to people is theirs, though it may read as the source has it."""
    [item] = asked(removed(replace(PART, base={"kept:body": "A text"}), {"body": "A text"}))
    assert item.details["fields"] == ["body"]


def test_what_the_destination_fills_by_itself_is_no_work_of_people() -> None:
    """Of the fields of its kind that every new record has."""
    fills = {"notes": ("pinned",), "tasks": ()}
    assert removed(PART, {**AS_LEFT, "pinned": "no"}, fills=fills.__getitem__).writes
    assert not removed(PART, {**AS_LEFT, "pinned": "no"}, fills=lambda kind: ()).writes


def test_a_date_in_the_form_of_the_destination_is_as_we_left_it() -> None:
    """Values are compared as the fields that they are in."""
    assert removed(replace(PART, base={"custom:On": "2024-01-31"}), {"custom:On": "2024-01-31T00:00:00Z"}).writes


@pytest.mark.parametrize(("link", "worked_on", "name", "decisions", "suggested", "why"), [
    (PART, ("6-notes",), f"{ASKED}:told", ("keep", "remove"), "keep", "the destination tells that somebody changed it"),
    (replace(PART, dest_kind="contacts"), (), ASKED, ("keep", "remove"), "remove", "what people hung on it would go with it"),
    (replace(PART, ours=False, before={}), (), ASKED, ("keep",), "keep", "it was there before us and stays"),
], ids=["somebody was there", "it may carry others", "there before us"])  # fmt: skip
def test_what_may_be_somebody_s_is_asked_about(
    link: Link, worked_on: Iterable[str], name: str, decisions: tuple[str, ...], suggested: str, why: str
) -> None:
    """Though it reads as we left it."""
    [item] = asked(removed(link, AS_LEFT, worked_on=worked_on))
    assert (item.id, item.decisions, item.suggested) == (name, decisions, suggested)
    assert item.details == {"dest_id": "6-notes", "fields": []}
    assert item.reason.startswith("the source no longer asks for 6-notes: ")
    assert why in item.reason


PERSON = replace(PART, dest_kind="contacts")


@pytest.mark.parametrize(("word", "about", "is_removed", "name"), [
    ("remove", "6-notes", True, ""), ("keep", "6-notes", False, ASKED), ("remove", "5-notes", False, f"{ASKED}:again"),
    ("keep", "5-notes", False, f"{ASKED}:again"),
])  # fmt: skip
def test_an_answer_is_about_the_record_that_was_shown(word: str, about: str, is_removed: bool, name: str) -> None:
    """What was said of one that stood there before serves none that was made later: it is asked again."""
    update = removed(PERSON, AS_LEFT, answers={ASKED: (word, about)})
    if is_removed:
        assert [(write.op, write.dest_id, write.since) for write in update.writes] == [(Op.DELETE, "6-notes", "")]
        assert not update.changes
    else:
        assert [each.id for each in asked(update)] == [name]


def test_nobody_s_word_removes_what_was_there_before_us() -> None:
    """An answer that was given while it counted as ours takes nothing of people's away."""
    theirs = replace(PERSON, ours=False, before={})
    assert not removed(theirs, AS_LEFT, answers={ASKED: ("remove", "6-notes")}).writes


def test_a_part_under_way_comes_again() -> None:
    """While another plan writes to one of them nothing is decided on any."""
    assert removed(PART, AS_LEFT, busy={"6-notes"}) == Update(busy=True)


def test_a_part_that_people_removed_is_forgotten() -> None:
    """But for one set aside, which tells of a part that is not made again unasked; with somebody's word for that it is forgotten too."""
    aside = replace(PART, ref=Ref("note", "1", "~notes"))
    assert removed(PART, None) == Update(changes=(DropLink(ref=PART.ref),))
    assert removed(aside, None) == Update()
    assert removed(aside, None, answers={"gone:note:1::6-notes": ("recreate", "")}) == Update(changes=(DropLink(ref=aside.ref),))


def test_who_answered_is_known_as_long_as_the_part_is_there() -> None:
    """By the question about just this work of people."""
    facts = facts_of(PERSON, AS_LEFT, answers={ASKED: ("keep", "6-notes")})
    assert list(stale_answers([PERSON, replace(PERSON, dest_id="9-notes")], facts)) == [ASKED]
    assert list(stale_answers([PERSON], facts_of(PERSON, {"body": "Rewritten"}, answers={ASKED: ("keep", "6-notes")}))) == []
    told = facts_of(PART, AS_LEFT, answers={f"{ASKED}:told": ("keep", "6-notes")}, worked_on=["6-notes"])
    assert list(stale_answers([PART], told)) == [f"{ASKED}:told"]


MAIN = replace(PART, ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", verified="verified")
DOUBLE = replace(MAIN, ref=Ref("lead", "1", "~8-contacts"), dest_id="8-contacts")


def test_a_double_is_known_by_the_one_it_stands_beside() -> None:
    """By its name and its kind; what was set aside as another kind is no double, and one whose first is not known stands by itself."""
    other = replace(DOUBLE, ref=Ref("lead", "1", "~notes"), dest_kind="notes", dest_id="6-notes")
    assert beside({"": MAIN, "~8-contacts": DOUBLE, "~notes": other}) == [(DOUBLE, MAIN)]
    assert beside({"~8-contacts": DOUBLE}) == []
    assert beside({"": replace(MAIN, dest_kind="accounts"), "~8-contacts": DOUBLE}) == []


def test_of_two_that_are_the_same_one_stays() -> None:
    """The double takes the place of the first where people removed that, and is read back anew; the audit tells."""
    own = {"": MAIN, "~8-contacts": DOUBLE}
    assert surviving(own, {"8-contacts": {}}) == [
        DropLink(ref=DOUBLE.ref), PutLink(link=replace(DOUBLE, ref=MAIN.ref, verified="pending")),
        Audit(entry=AuditEntry(
            actor="streamflow", action="link.moved", kind="lead", key="1", dest_id="8-contacts", before="5-contacts",
            note="made twice, and the other one was removed by people",
        )),
    ]  # fmt: skip
    assert [surviving(own, now) for now in ({}, {"5-contacts": {}}, {"5-contacts": {}, "8-contacts": {}})] == [[], [], []]
