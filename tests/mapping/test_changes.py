"""The three-way merge."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.mapping.changes import APPENDED, BLOCKS, Conflict, Merged, merge
from streamflow.model import Fields


def same(field: str, one: Any, other: Any) -> bool:
    """Compare without case, as a destination might."""
    return str(one).lower() == str(other).lower()


def one_field(base: Any, wanted: Any, now: Any, policy: Any = "keep", field: str = "name") -> Merged:
    """Merge a record of one field; None stands for a missing one."""
    sides = [{} if value is None else {field: value} for value in (base, wanted, now)]
    return merge(*sides, same=same, policies={field: policy})


@pytest.mark.parametrize(
    ("base", "wanted", "now", "policy", "sent", "base_after", "is_conflict"),
    [
        ("a", "b", "a", "keep", {"name": "b"}, "b", False),  # only the source changed
        ("a", "a", "c", "keep", {}, "a", False),  # only a person changed it
        ("a", "b", "b", "keep", {}, "b", False),  # both came to the same
        ("a", "b", "B", "keep", {}, "b", False),  # the same after normalisation
        ("a", "b", "c", "keep", {}, "a", True),
        ("a", "b", "c", "ask", {}, "a", True),
        ("a", "b", "c", "take", {"name": "b"}, "b", True),
        (None, "b", None, "keep", {"name": "b"}, "b", False),  # fills an empty field
        (None, "b", "c", "keep", {}, None, True),  # it was there before us
        ("a", None, "a", "keep", {"name": None}, None, False),  # the source cleared what we wrote
        ("a", "", "c", "take", {}, "a", True),  # a blank never overwrites
        (None, "", "c", "take", {}, None, False),
        ("a", "", None, "keep", {}, None, False),
    ],
)
def test_each_case_of_a_field(base: Any, wanted: Any, now: Any, policy: Any, sent: Fields, base_after: Any, is_conflict: bool) -> None:
    """Source, destination and base decide each field; a person's value is never overwritten silently."""
    found = one_field(base, wanted, now, policy)
    assert found.changes == sent
    assert found.base.get("name") == base_after
    assert bool(found.conflicts) == is_conflict
    if is_conflict:
        assert found.conflicts == (Conflict(field="name", policy=policy, base=base, wanted=wanted, now=now),)


def emails(*values: str, primary: int = 0) -> list[dict[str, Any]]:
    """Give addresses in flat form."""
    return [{"name": "work", "value": value, "isPrimary": place == primary} for place, value in enumerate(values)]


def test_what_people_added_to_a_list_survives() -> None:
    """New addresses of the source join those people added; those the source dropped go, and only ours."""
    found = merge({"emails": emails("a@x", "b@x")}, {"emails": emails("a@x", "c@x")}, {"emails": emails("a@x", "b@x", "p@x")}, same=same)
    assert [item["value"] for item in found.changes["emails"]] == ["a@x", "p@x", "c@x"]
    assert found.conflicts == ()


def test_removed_by_a_person_stays_removed() -> None:
    """An address of ours that a person took away does not come back."""
    found = merge({"emails": emails("a@x", "b@x")}, {"emails": emails("a@x", "b@x")}, {"emails": emails("a@x")}, same=same)
    assert found.changes == {}


def test_a_matched_person_keeps_their_primary_address() -> None:
    """Filling in beside what was there leaves one primary: theirs."""
    found = merge({}, {"emails": emails("new@x")}, {"emails": emails("old@x")}, same=same)
    assert [(item["value"], item["isPrimary"]) for item in found.changes["emails"]] == [("old@x", True), ("new@x", False)]


def test_what_comes_first_is_remembered_as_it_stands() -> None:
    """Where a person's address is the primary one, ours is remembered as not being it, and never becomes it again by itself."""
    base, theirs = emails("a@x.test"), emails("new@x.test")
    found = one_field(base, emails("b@x.test"), theirs, field="emails")
    assert found.changes == {"emails": [theirs[0], *emails("b@x.test", primary=-1)]}
    assert found.base == {"emails": emails("b@x.test", primary=-1)}
    swapped = [*emails("b@x.test", primary=-1), *theirs]
    again = merge(found.base, {"emails": emails("b@x.test")}, {"emails": swapped}, same=same)
    assert (again.changes, again.base) == ({}, found.base)
    former, other = emails("a@x.test", "b@x.test"), emails("a@x.test", "b@x.test", primary=1)
    assert one_field(former, other, former, field="emails").changes == {"emails": other}, "the source's own choice follows"


def test_links_are_added_as_sets() -> None:
    """Companies people linked stay linked."""
    found = merge({"link:accounts": ["1"]}, {"link:accounts": ["2"]}, {"link:accounts": ["9", "1"]}, same=same)
    assert found.changes == {"link:accounts": ["9", "2"]}
    assert merge({"link:accounts": ["1"]}, {"link:accounts": ["1"]}, {"link:accounts": ["9", "1"]}, same=same).changes == {}


def test_descriptions_keep_what_people_wrote() -> None:
    """Our block is put below theirs, replaced in place later, and never touches their words."""
    assert one_field(None, "Budget: 5", "Call him late", field="description").changes == {"description": "Call him late\n\nBudget: 5"}
    moved = one_field("Budget: 5", "Budget: 7", "Call him late\n\nBudget: 5\n- noted", field="description")
    assert moved.changes == {"description": "Call him late\n\nBudget: 7\n- noted"}
    assert one_field("Budget: 5", "Budget: 7", "Budget: 6 says he", field="description").conflicts


def test_unread_fields_are_left_alone() -> None:
    """A field whose present value was not read is neither written nor judged."""
    found = merge({"custom:X": "a", "name": "n"}, {"custom:X": "b", "name": "m"}, {"name": "n"}, same=same, complete=False)
    assert found.changes == {"name": "m"}
    assert found.unread == ("custom:X",)
    assert found.base["custom:X"] == "a"


VALUES = st.dictionaries(st.sampled_from(["name", "custom:X", "description"]), st.sampled_from(["", "a", "b", "c"]), max_size=3)


@given(VALUES, VALUES, VALUES)
def test_nothing_of_a_person_is_lost(base: Fields, wanted: Fields, now: Fields) -> None:
    """By default a value that is not the one we wrote is never changed nor blanked, in any combination."""
    found = merge(base, wanted, now, same=same)
    for field, value in now.items():
        if value and value != base.get(field) and field not in APPENDED | BLOCKS:
            assert field not in found.changes


@given(VALUES, VALUES, VALUES)
def test_merging_again_changes_nothing(base: Fields, wanted: Fields, now: Fields) -> None:
    """Once the changes are applied, the same merge sends nothing more: repeats are harmless."""
    found = merge(base, wanted, now, same=same)
    applied = {**now, **found.changes}
    assert merge(found.base, wanted, applied, same=same).changes == {}
