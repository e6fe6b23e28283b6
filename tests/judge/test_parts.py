"""The comparison of a part of a run that was taken back: what is right passes, each planted error is found."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from typing import Any

import pytest

from tests.judge.guarding import Edit
from tests.judge.parts import Part, part_taken_back
from tests.judge.small_pair import after, before
from tests.judge.states import Fault, destination_of

MADE = frozenset({"9-contacts", "10-notes", "11-notes"})
GONE = 3
IDENTITIES = frozenset({("lead", "3"), ("lead", "4"), ("reminder", "42"), ("attachment", "51")})
Dump = dict[str, Any]
Change = Callable[[Dump], object]


def _was() -> Dump:
    """Right before: the whole run is there, and a person of theirs was found to be in the source as well."""
    dump = after()
    _row(dump, "1-contacts")["customFields"] = {"Streamflow ID": "lt:lead:4"}
    return dump


def _now(was: Dump) -> Dump:
    """Right after: of one lead, and of the person of theirs, nothing is left."""
    dump = copy.deepcopy(was)
    for rid in MADE:
        _drop(dump, rid)
    _row(dump, "1-contacts")["customFields"] = {}
    return dump


def _row(dump: Dump, rid: str) -> Dump:
    return next(row for row in dump[rid.partition("-")[2]] if row["id"] == rid)


def _drop(dump: Dump, rid: str) -> None:
    dump[rid.partition("-")[2]].remove(_row(dump, rid))


def _found(
    now: Dump, was: Dump, *, listed: Collection[str] = (), deleted: int | None = GONE, edits: Collection[Edit] = ()
) -> list[tuple[Fault, str]]:
    part = Part(
        before=destination_of(before()), was=destination_of(was), now=destination_of(now), made=MADE, filled=frozenset({"1-contacts"}),
        identities=IDENTITIES, edits=tuple(edits),
    )  # fmt: skip
    return [(each.fault, each.what) for each in part_taken_back(part, listed=listed, deleted=deleted)]


def test_what_is_right_passes() -> None:
    """The part is gone, theirs is as it was before the run, the rest of the run as it was right before."""
    assert _found(_now(_was()), _was()) == []


@pytest.mark.parametrize(("change", "found"), [
    (lambda dump: dump["notes"].append(_row(after(), "10-notes")), ("stray", "10-notes")),
    (lambda dump: dump["contacts"].append(_row(after(), "9-contacts")), ("stray", "9-contacts")),
    (lambda dump: _drop(dump, "5-contacts"), ("foreign touched", "5-contacts")),
    (lambda dump: _row(dump, "5-contacts").update(name="Else"), ("foreign touched", "5-contacts")),
    (lambda dump: _row(dump, "6-notes")["links"].clear(), ("foreign touched", "6-notes")),
    (lambda dump: _drop(dump, "1-notes"), ("foreign touched", "1-notes")),
    (lambda dump: _drop(dump, "1-contacts"), ("foreign touched", "1-contacts")),
    (lambda dump: _row(dump, "1-contacts")["customFields"].update({"Streamflow ID": "lt:lead:4"}), ("foreign touched", "1-contacts")),
    (lambda dump: _row(dump, "1-contacts").update(name="Else"), ("foreign touched", "1-contacts")),
    (lambda dump: dump["notes"].append({**_row(after(), "10-notes"), "id": "90-notes"}), ("stray", "90-notes")),
], ids=[
    "a note left", "a person left", "another person gone", "another person changed", "another note loose", "their note gone",
    "their person gone", "our mark left", "their person changed", "made anew",
])  # fmt: skip
def test_each_planted_error_is_found(change: Change, found: tuple[Fault, str]) -> None:
    """Whatever of the part is left, and whatever else is not as it was, is named."""
    now = _now(_was())
    change(now)
    assert found in _found(now, _was())


def test_another_number_than_is_gone_is_found() -> None:
    """What the report counts is what is gone."""
    assert _found(_now(_was()), _was(), deleted=GONE - 1) == [("unexplained", "rollback")]


def test_what_stays_keeps_what_it_hangs_on() -> None:
    """A person on whom a note of another lead is stays and is listed; without her the note hangs nowhere."""
    was = _was()
    _row(was, "6-notes")["links"] = {"parent": "9-contacts"}
    now = _now(was)
    assert ("orphaned", "6-notes") in _found(now, was)
    now["contacts"].append(_row(after(), "9-contacts"))
    assert _found(now, was, deleted=GONE - 1) == [("unexplained", "9-contacts")]
    assert _found(now, was, listed={"9-contacts"}, deleted=GONE - 1) == []


def test_what_is_shared_stays() -> None:
    """A person who is another lead as well is not removed."""
    was = _was()
    _row(was, "9-contacts")["customFields"]["Streamflow ID"] = "lt:lead:3 lt:lead:8"
    now = _now(was)
    assert _found(now, was) == [("lost", "9-contacts")]
    now["contacts"].append(_row(was, "9-contacts"))
    assert _found(now, was, listed={"9-contacts"}, deleted=GONE - 1) == []


def test_what_goes_by_another_name_is_not_shared() -> None:
    """A note that was known by a made-up key when the part came to be is of the part under its own."""
    was = _was()
    _row(was, "10-notes")["body"] = "Completed reminder\n[sf:lt:reminder:420]"
    assert _found(_now(was), was) == []


def test_what_people_did_meanwhile_is_theirs() -> None:
    """A person whom they edited stays as they left it; removed or undone, their edit is gone."""
    edit = Edit(rid="9-contacts", field="jobTitle", value="Said by people")
    now = _now(_was())
    assert ("overwritten", "9-contacts") in _found(now, _was(), deleted=None, edits=[edit])
    now["contacts"].append({**_row(_was(), "9-contacts"), "jobTitle": "Said by people"})
    assert _found(now, _was(), listed={"9-contacts"}, deleted=None, edits=[edit]) == []


def test_what_people_had_stays_filled_up_only_as_it_was() -> None:
    """A person of theirs on whom a note hangs may keep what we put there, if that is listed; changed in any other way it is found."""
    now = _now(_was())
    _row(now, "1-contacts")["customFields"] = {"Streamflow ID": "lt:lead:4"}
    assert _found(now, _was(), listed={"1-contacts"}) == []
    _row(now, "1-contacts")["name"] = "Else"
    assert _found(now, _was(), listed={"1-contacts"}) == [("foreign touched", "1-contacts")]
