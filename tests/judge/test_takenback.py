"""The comparison of a run that was taken back while people worked: what is right passes, each planted error is found."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest

from tests.judge.guarding import Edit
from tests.judge.small_pair import after, before
from tests.judge.states import Fault, destination_of
from tests.judge.takenback import taken_back

TITLE = "Said by people"
EDITS = (
    Edit(rid="5-contacts", field="jobTitle", value=TITLE), Edit(rid="1-contacts", field="jobTitle", value=TITLE),
    Edit(rid="1-notes", field="deleted"), Edit(rid="2-notes", field="body", value="Call her back"),
)  # fmt: skip
LISTED = frozenset({"5-contacts", "5-accounts", "9-contacts"})
"""A person of the run they edited, that person's company, and the one they put a note on."""
Dump = dict[str, Any]


def theirs() -> Dump:
    """What was there before, with the note they added."""
    dump = before()
    dump["notes"].append({"id": "2-notes", "body": "Call her back", "links": {"parent": "9-contacts"}})
    return dump


def right() -> Dump:
    """What is left: theirs as they left it, and of the run what they touched."""
    dump, made = theirs(), after()
    dump["notes"] = dump["notes"][1:]
    dump["contacts"][0]["jobTitle"] = TITLE
    for kind in ("accounts", "contacts"):
        dump[kind] += [row for row in made[kind] if row["id"] in LISTED]
    _row(dump, "5-contacts")["jobTitle"] = TITLE
    return dump


def _row(dump: Dump, rid: str) -> Dump:
    return next(row for row in dump[rid.partition("-")[2]] if row["id"] == rid)


def _drop(dump: Dump, rid: str) -> None:
    dump[rid.partition("-")[2]].remove(_row(dump, rid))


def _found(dump: Dump, listed: Collection[str] = LISTED) -> list[tuple[Fault, str]]:
    return [(each.fault, each.what) for each in taken_back(destination_of(theirs()), destination_of(dump), EDITS, listed=listed)]


def test_what_is_right_passes() -> None:
    """Touched and listed records stay with what they hang on, theirs are as they left them, all else is gone."""
    assert _found(right()) == []


@pytest.mark.parametrize(("change", "found"), [
    (lambda dump: _drop(dump, "5-contacts"), ("overwritten", "5-contacts")),
    (lambda dump: _row(dump, "5-contacts").update(jobTitle="CEO"), ("overwritten", "5-contacts")),
    (lambda dump: dump["notes"].append(before()["notes"][0]), ("overwritten", "1-notes")),
    (lambda dump: _drop(dump, "2-notes"), ("foreign touched", "2-notes")),
    (lambda dump: _row(dump, "2-notes")["links"].clear(), ("foreign touched", "2-notes")),
    (lambda dump: _drop(dump, "1-accounts"), ("foreign touched", "1-accounts")),
    (lambda dump: _row(dump, "1-contacts").update(name="Else"), ("foreign touched", "1-contacts")),
    (lambda dump: _row(dump, "1-contacts")["customFields"].update({"Streamflow ID": "lt:lead:1"}), ("foreign touched", "1-contacts")),
    (lambda dump: dump["notes"].append(after()["notes"][1]), ("stray", "5-notes")),
    (lambda dump: dump["tasks"].extend(after()["tasks"]), ("stray", "5-tasks")),
], ids=[
    "theirs removed", "theirs undone", "deleted one is back", "their note gone", "their note loose", "foreign gone", "foreign changed",
    "our mark left", "a note left", "a task left",
])  # fmt: skip
def test_each_planted_error_is_found(change: Callable[[Dump], None], found: tuple[Fault, str]) -> None:
    """Whatever of people's is not as they left it, and whatever of the run nobody touched, is named."""
    dump = right()
    change(dump)
    assert found in _found(dump)


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize(("gone", "loose"), [("9-contacts", "2-notes"), ("5-accounts", "5-contacts")])
def test_what_people_have_hangs_on_nothing_that_is_gone(gone: str, loose: str, is_listed: bool) -> None:
    """Whom their note is about, and the company of a person they edited: gone, that is an error, whatever the list says."""
    dump = right()
    _drop(dump, gone)
    assert _found(dump, LISTED if is_listed else LISTED - {gone}) == [("orphaned", loose)]


def test_what_people_deleted_themselves_may_leave_their_records_loose() -> None:
    """Who deletes a person leaves the notes on it where they are: nobody else did that."""
    dump = right()
    _drop(dump, "9-contacts")
    edits = (*EDITS, Edit(rid="9-contacts", field="deleted"))
    found = taken_back(destination_of(theirs()), destination_of(dump), edits, listed=LISTED - {"9-contacts"})
    assert [(each.fault, each.what) for each in found] == []


@pytest.mark.parametrize("rid", sorted(LISTED))
def test_what_stays_and_is_not_listed_is_found(rid: str) -> None:
    """Leaving a record for people's sake without saying so is no promise kept."""
    assert _found(right(), LISTED - {rid}) == [("unexplained", rid)]


@pytest.mark.parametrize(("rid", "is_listed", "found"), [
    ("2-notes", True, []), ("2-notes", False, [("unexplained", "9-contacts")]), ("6-notes", True, [("stray", "9-contacts")]),
])  # fmt: skip
def test_what_people_worked_on_and_cleared_away_again_may_stay_if_it_is_listed(rid: str, is_listed: bool, found: list[Any]) -> None:
    """They took a note of their own off a person of the run while that went back: either is right. A note of the run explains nothing."""
    dump = right()
    _drop(dump, "2-notes")
    edits = (*EDITS[:-1], Edit(rid=rid, field="deleted", was={"links": {"parent": "9-contacts"}}))
    before_it = theirs() if rid == "2-notes" else {**theirs(), "notes": [row for row in theirs()["notes"] if row["id"] != "2-notes"]}
    listed = LISTED if is_listed else LISTED - {"9-contacts"}
    left = taken_back(destination_of(before_it), destination_of(dump), edits, listed=listed)
    assert [(each.fault, each.what) for each in left] == found
