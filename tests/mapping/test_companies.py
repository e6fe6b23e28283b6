"""Companies out of free text."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.mapping.companies import Companies, cluster_key, normal_form, why_none

SPELLINGS = [
    "Karoo Solar (Pty) Ltd",
    "KAROO SOLAR PTY LTD",
    "Karoo Solar",
    " karoo  solar ",
    "Karoo Solar CC",
    "Karoo Solar C.C.",
    "Karoo Solar (Pty) Ltd t/a Karoo Online",
    "Karoo Solar, Ltd.",
]


def test_spellings_of_one_firm_form_one_cluster() -> None:
    """Legal forms, case, punctuation and trading names do not part a firm, and the reason is given."""
    companies = Companies()
    assert len({companies.add(text) for text in SPELLINGS}) == 1
    (cluster,) = companies.clusters()
    assert {text for text, _ in cluster.spellings} == {" ".join(text.split()) for text in SPELLINGS}
    assert "karoo solar" in cluster.reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme", "Acme Properties"),
        ("Blue Crane", "Blue Crane Trust"),
        ("Delta Twenty", "Delta Twenty One"),
        ("KarooSolar", "Karoo Solar"),
        ("Marula Roofing", "Marula Rooting"),
    ],
)
def test_lookalikes_are_listed_and_not_joined(one: str, other: str) -> None:
    """Similar names of different firms stay apart and are listed for a person."""
    companies = Companies()
    keys = {companies.add(one), companies.add(other)}
    assert len(keys) == 2
    (pair,) = companies.ambiguous()
    assert {pair.one, pair.other} == keys
    assert pair.reason


@pytest.mark.parametrize(
    "text", ["", "none", "Private", "N/A", "-", "null", "n.a.", "home", "self employed", "Self-Employed", "123", "(Pty) Ltd"]
)
def test_words_for_no_company_make_none(text: str) -> None:
    """Junk in a company cell makes no company, and says why."""
    companies = Companies()
    assert companies.add(text) is None
    (row,) = companies.table()
    assert row.cluster is None
    assert row.reason


def test_the_persons_own_name_is_no_company() -> None:
    """A person who typed their own name has no company of that name; somebody else may."""
    assert why_none("Mokoena, Thandi", "Thandi Mokoena") == "the person's own name"
    assert why_none("Thandi Mokoena Attorneys", "Thandi Mokoena") == ""
    assert Companies().cluster_of("Thandi Mokoena", "Sipho Dube") == cluster_key("Thandi Mokoena")


def test_decisions_of_people_go_before_rules() -> None:
    """A person can part, join and refuse, by any spelling of case and blanks."""
    decisions = {"Karoo Solar CC": "separate", "Acme Properties": "Acme", "Blue Crane": "none", "Private": "separate"}
    companies = Companies(decisions)
    assert companies.add(" karoo solar  cc") != companies.add("Karoo Solar")
    assert companies.add("ACME PROPERTIES") == companies.add("Acme")
    assert companies.add("Blue Crane") is None
    assert companies.add("Private") is not None
    assert companies.cluster_of("Acme Properties") == companies.cluster_of("Acme")


def test_display_name_is_the_commonest_spelling() -> None:
    """The company bears the spelling most leads use, the first of equals."""
    companies = Companies()
    for text in ("KAROO SOLAR", "Karoo Solar", "Karoo Solar"):
        companies.add(text)
    assert next(companies.clusters()).name == "Karoo Solar"


@given(st.lists(st.sampled_from([*SPELLINGS, "Acme", "none", "Zebra Tiling"]), max_size=20), st.randoms(use_true_random=False))
def test_clusters_do_not_depend_on_order(texts: list[str], rng: Random) -> None:
    """A spelling that arrives later joins the same cluster with the same key: read order decides nothing."""
    shuffled = list(texts)
    rng.shuffle(shuffled)
    one, other = Companies(), Companies()
    assert {text: one.add(text) for text in texts} == {text: other.add(text) for text in shuffled}


@given(st.text(max_size=40))
def test_normal_form_is_stable(text: str) -> None:
    """Reading a normal form again gives the same form, so that clusters cannot chain."""
    form = normal_form(text)
    assert normal_form(form) == form
