"""What an update that nothing confirmed may have left in a record: ours where it stands there, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamflow.model import Fields, Intent, IntentState, Link, Op, Ref
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.stages.in_part import sent_in_part, with_sent
from streamflow.stages.kept import expected, kept

PERSON = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", base={"name": "Nia", "kept:jobTitle": "Boss"}, ours=True)
UNANSWERED: dict[str, Any] = {"state": IntentState.ABANDONED, "unknown_since": "2026-06-01T10:00:00Z"}
REFUSED: dict[str, Any] = {"state": IntentState.REJECTED}


def update(fields: Fields, **more: Any) -> Intent:
    known: dict[str, Any] = {"id": "1-1", "ref": PERSON.ref, "op": Op.UPDATE, "dest_kind": "contacts", "dest_id": "5-contacts", "seq": 7}
    return Intent(fields=fields, **{**known, **more})


@pytest.mark.parametrize(("intent", "left"), [
    (update({"name": "Nia O"}, **UNANSWERED), {"name": ["Nia O"]}),
    (update({"name": "Nia O", "custom:A": "x"}, **REFUSED), {"name": ["Nia O"], "custom:A": ["x"]}),
    (update({"name": "Nia O"}, **REFUSED), {}),
    (update({"name": "Nia O", "custom:A": "x"}), {}),
    (update({"stageset": "1-stagesets", "stage": "2-stages"}), {"stageset": ["1-stagesets"], "stage": ["2-stages"]}),
    (update({"stage": "2-stages"}), {}),
    (update({"name": "Nia O"}, op=Op.CREATE, **UNANSWERED), {}),
    (update({"name": "Nia O"}, seq=0, **UNANSWERED), {}),
    (update({"name": "Nia O"}, ref=Ref("lead", "2"), **UNANSWERED), {}),
    (update({"name": "Nia O"}, dest_id="6-contacts", **UNANSWERED), {}),
    (update({"emails": [{"value": "a@x.test"}], "description": "text"}, **UNANSWERED), {"emails": [[{"value": "a@x.test"}]]}),
    (update({"name": "Nia"}, **UNANSWERED), {}),
], ids=["unanswered", "refused for one field", "refused whole", "not sent", "calls of a lead", "one call", "create", "rollback",
        "another's", "another record", "list and text", "known"])
def test_what_may_be_there_of_an_update_is_remembered(intent: Intent, left: dict[str, list[Any]]) -> None:
    """An update unanswered, refused for one of its fields, or of several calls may be there in part; one refused as a whole put nothing."""
    assert sent_in_part(PERSON, [intent]) == left


def test_a_list_that_was_sent_tells_nothing_of_whose_its_items_are() -> None:
    """What people had in it was sent along, so the line is as it was."""
    emails = [{"value": "a@x.test"}, {"value": "theirs@x.test"}]
    assert with_sent(PERSON, {"emails": [emails]}, {"emails": emails}, compare) == PERSON


def test_a_later_write_that_was_confirmed_ends_what_was_meant_before() -> None:
    """Of two that went unanswered either may be there; what a confirmed one said of the field is known, and what came after it is not."""
    first, second = update({"name": "A", "custom:A": "x"}, **UNANSWERED), update({"name": "B"}, **UNANSWERED)
    confirmed = update({"name": "C"}, state=IntentState.CONFIRMED)
    assert sent_in_part(PERSON, [first, second]) == {"name": ["A", "B"], "custom:A": ["x"]}
    assert sent_in_part(PERSON, [first, confirmed]) == {"custom:A": ["x"]}
    assert sent_in_part(PERSON, [first, confirmed, second]) == {"custom:A": ["x"], "name": ["B"]}


@pytest.mark.parametrize(("now", "ours", "theirs"), [
    ({"name": "A", "jobTitle": "Chief"}, {"name": "A", "jobTitle": "Chief"}, {}),
    ({"name": "B", "jobTitle": "Boss"}, {"name": "B"}, {"jobTitle": "Boss"}),
    ({"name": "Nia"}, {"name": "Nia"}, {"jobTitle": "Boss"}),
    ({"name": "Somebody's"}, {"name": "Nia"}, {"jobTitle": "Boss"}),
])
def test_what_stands_there_of_it_is_ours(now: Fields, ours: Fields, theirs: Fields) -> None:
    """A value that we meant and that is there is ours from then on, also in a field of which people's version stood; another is not."""
    line = with_sent(PERSON, {"name": ["A", "B"], "jobTitle": ["Chief"]}, now, compare)
    assert (expected(line.base), kept(line.base)) == (ours, theirs)


def test_a_line_of_which_nothing_is_there_stays_as_it_is() -> None:
    """It is not rebuilt for nothing; what was meant to be emptied and is empty is no value of ours."""
    line = replace(PERSON, base={"name": "", "custom:A": "x"})
    assert with_sent(line, {"name": ["A"]}, {"name": "B"}, compare) == line
    assert expected(with_sent(line, {"custom:A": [""]}, {"custom:A": ""}, compare).base) == {}
