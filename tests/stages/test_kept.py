"""What a link remembers of values of which a person's version stands."""

from __future__ import annotations

import pytest

from streamflow.model import Fields
from streamflow.stages.kept import expected, kept, known, rebuilt, released, unlisted, unnamed, with_deleted


def test_a_value_that_was_kept_stays_kept_when_another_one_is() -> None:
    """Theirs stands value by value: to let one more stand gives up none of those before, and nothing of it is expected as ours."""
    base = rebuilt({"name": "Nia", "city": "Cape Town"}, {"phone": "082"})
    after = released(base, ["name"])
    assert kept(after) == {"phone": "082", "name": "Nia"}
    assert expected(after) == {"city": "Cape Town"}
    assert known(after) == known(base), "the source is compared with the same as before"


CALL = {"link:participants": ["1-contacts", "2-contacts"], "kept:link:others": ["9-contacts"], "link:owner": "3-users", "name": "A call"}


@pytest.mark.parametrize(("shown", "gone", "back"), [
    ({"link:participants": ["2-contacts"]}, ["1-contacts"], {"link:participants": ["2-contacts", "1-contacts"]}),
    ({"link:participants": ["2-contacts"]}, [], {"link:participants": ["2-contacts"]}),
    ({"link:participants": ["7-contacts"]}, ["1-contacts", "9-contacts"], {"link:participants": ["7-contacts", "1-contacts"]}),
    ({"link:participants": None}, ["2-contacts", "1-contacts"], {"link:participants": ["1-contacts", "2-contacts"]}),
    ({}, [], {}),
])
def test_who_is_only_deleted_is_still_named(shown: Fields, gone: list[str], back: Fields) -> None:
    """Nobody shows the deleted: those whom we named and who are gone count as named; whom people took out, and theirs, do not."""
    assert with_deleted(CALL, shown, gone) == back


def test_whom_we_named_and_nobody_shows_is_known() -> None:
    """Of lists of relations of ours alone: not of one person's place, not of texts, not of what stands as theirs."""
    assert unlisted(CALL, {"link:participants": ["2-contacts"]}) == {"link:participants": {"1-contacts"}}
    assert unlisted(CALL, {"link:participants": ["2-contacts", "1-contacts"]}) == {}
    assert unlisted(CALL, {}) == {"link:participants": {"1-contacts", "2-contacts"}}


BOTH = ["1-contacts", "2-contacts"]


@pytest.mark.parametrize(("shown", "who"), [
    ({"link:owner": "4-users", "name": "Theirs", "link:participants": BOTH}, {"3-users"}),
    ({"link:owner": "3-users", "link:participants": BOTH}, set()),
    ({"link:owner": "", "link:participants": BOTH}, set()),
    ({"link:owner": "3-users", "link:participants": ["7-contacts", "2-contacts"]}, {"1-contacts"}),
    ({"link:participants": None}, {"1-contacts", "2-contacts"}),
])
def test_who_is_named_no_more_may_have_been_merged_away(shown: Fields, who: set[str]) -> None:
    """One person's place counts only where another is there now; out of a list people are taken, whoever is put there or not."""
    assert unnamed(CALL, shown) == who
