"""Writes between the confirmed freeze and the switch: carried over, or asked about; anything else is found."""

from __future__ import annotations

from typing import Any

import pytest

from tests.judge.comparison import compare
from tests.judge.corrupting import Dump, drop, put, reword
from tests.judge.late import judged, unasked, written_late
from tests.judge.small_pair import after, before, tables
from tests.judge.states import Finding, Question, Source, destination_of, source_of

SAID = {("note", "13"): "its lead does not exist"}


def _agreed() -> Source:
    """The source as it was agreed: e-mail 31 was not there yet, and Sipho had another status."""
    rows: dict[str, list[dict[str, Any]]] = tables()
    rows["emails"] = []
    rows["leads"][2]["status"] = "Told before"
    return source_of(rows)


def _judged(dump: Dump, *asked: Question) -> list[Finding]:
    there = destination_of(before())

    def compared(source: Source) -> list[Finding]:
        return compare(source, destination_of(dump), before=there, fallback="office@example.co.za", explained=SAID, asked=asked)

    return judged(compared, _agreed(), source_of(tables()), asked)


def _as_agreed() -> Dump:
    dump = after()
    drop("9-notes")(dump)
    put("9-contacts", "customFields/Lead Status", "Told before")(dump)
    return dump


ASKED = (Question(cause="after_freeze", kind="email", key="31"), Question(cause="after_freeze", kind="lead", key="3"))


def test_what_was_written_late_is_known() -> None:
    """What was made and what was changed since the freeze, and nothing else."""
    assert written_late(_agreed(), source_of(tables())) == {("email", "31"), ("lead", "3")}


def test_carried_over_is_right_whether_asked_or_not() -> None:
    """All of it is there."""
    assert _judged(after()) == []
    assert _judged(after(), *ASKED) == []


def test_left_behind_is_right_when_each_is_asked_about() -> None:
    """As it was agreed, and a question for each late write; with one question missing that one is found."""
    assert _judged(_as_agreed(), *ASKED) == []
    assert {each.fault for each in _judged(_as_agreed(), ASKED[0])} == {"wrong"}
    assert {each.fault for each in _judged(_as_agreed(), ASKED[1])} == {"lost"}
    assert {each.fault for each in _judged(_as_agreed())} == {"lost", "wrong"}


@pytest.mark.parametrize("cause", ["bad_phone", "conflict", "deleted_at_source"])
def test_another_question_excuses_nothing(cause: str) -> None:
    """Asked about something else the late write is lost all the same."""
    asked = [Question(cause=cause, kind=each.kind, key=each.key) for each in ASKED]
    assert {each.fault for each in _judged(_as_agreed(), *asked)} == {"lost", "wrong"}


def test_one_carried_and_one_asked_about_is_right() -> None:
    """Each late write goes its own way."""
    dump = after()
    drop("9-notes")(dump)
    assert _judged(dump, *ASKED) == []


def test_neither_as_it_was_nor_as_it_is_is_found() -> None:
    """A question does not cover a value that nobody ever wrote; nor what is wrong with records nobody wrote late."""
    dump = _as_agreed()
    put("9-contacts", "customFields/Lead Status", "Invented")(dump)
    assert {each.fault for each in _judged(dump, *ASKED)} == {"wrong"}
    dump = _as_agreed()
    reword("6-notes", "body", "Friday", "Fri")(dump)
    assert {each.what for each in _judged(dump, *ASKED)} == {"note 11 (6-notes)"}


def test_what_has_no_id_is_asked_about_under_a_made_up_key() -> None:
    """A question about a record of that kind, under a key that the product made up, may be about this one."""
    asked = (Question(cause="after_freeze", kind="email", key="~ab12"), ASKED[1])
    assert _judged(_as_agreed(), *asked) == []


def _unasked(*asked: Question) -> list[str]:
    return [each.what for each in unasked(_agreed(), source_of(tables()), asked)]


def test_each_write_after_the_switch_is_asked_about() -> None:
    """Each by a question of its own about a late write: neither another cause nor the other's question stands for it."""
    assert _unasked(*ASKED) == []
    assert _unasked(ASKED[0]) == ["lead 3"]
    assert _unasked(ASKED[1], Question(cause="bad_email", kind="email", key="31")) == ["email 31"]
    assert _unasked() == ["email 31", "lead 3"]


def test_a_time_of_change_alone_is_no_write() -> None:
    """A note moves that of its lead, and it is the note that is asked about."""
    rows = tables()
    rows["leads"][0]["updated"] = "2026-11-23 06:18:13"
    rows["leads"][1] |= {"updated": "2026-11-23 06:18:13", "name": "Another"}
    assert [each.what for each in unasked(source_of(tables()), source_of(rows), ())] == ["lead 2"]


def test_what_may_stand_for_a_question_about_a_late_write() -> None:
    """A question under a made-up key for one record each, and that the last look failed."""
    assert _unasked(ASKED[1], Question(cause="after_freeze", kind="email", key="~ab12")) == []
    assert _unasked(ASKED[0], Question(cause="after_freeze", kind="email", key="~ab12")) == ["lead 3"]
    assert _unasked(Question(cause="last_read_failed", kind="", key="")) == []
