"""Who is who."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.mapping.identity import Create, Known, Match, Merge, Person, Review, decide, with_lent
from streamflow.mapping.names import Likeness, compose, is_full, likeness

MAIL = "thandi@example.co.za"
NAMES = [
    "",
    "Thandi",
    "Thandi Mokoena",
    "thandi mokoena",
    "Mokoena, Thandi",
    "T. Mokoena",
    "Sipho Mokoena",
    "Thandi Dube",
    "Thandiwe Mokoena",
    "Sipho",
]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Thandi Mokoena", "Mokoena, Thandi", Likeness.SAME),
        ("Thandi Mokoena", "THANDI  MOKOENA", Likeness.SAME),
        ("Mrs. Thandi Mokoena", "Thandi Mokoena", Likeness.SAME),
        ("Zoë Müller", "Zoe Muller", Likeness.SAME),
        ("D'Arcy Tau", "DArcy Tau", Likeness.SAME),
        ("Thandi", "Thandi Mokoena", Likeness.COMPATIBLE),
        ("", "Thandi", Likeness.COMPATIBLE),
        ("T. Mokoena", "Thandi Mokoena", Likeness.COMPATIBLE),
        ("Mike Nel", "Michael Nel", Likeness.COMPATIBLE),
        ("Thandi Mokoena", "Thandi Dube", Likeness.UNCLEAR),
        ("Thandi Mokoena", "Sipho Mokoena", Likeness.DIFFERENT),
        ("Sipho", "Thandi", Likeness.DIFFERENT),
        ("Johan Nel", "Johann Nel", Likeness.COMPATIBLE),
    ],
)
def test_names_are_compared_with_care(one: str, other: str, expected: Likeness) -> None:
    """Order, case, titles and accents do not part a name; another first name does; another surname is for a person."""
    assert likeness(one, other) is expected


@given(st.text(max_size=20), st.text(max_size=20))
def test_likeness_is_symmetric(one: str, other: str) -> None:
    """It does not matter who came first."""
    assert likeness(one, other) is likeness(other, one)


@pytest.mark.parametrize(
    ("name", "surname", "full"),
    [
        ("Thandi", "Mokoena", "Thandi Mokoena"),
        ("Thandi Mokoena", "Mokoena", "Thandi Mokoena"),
        ("thandi mokoena", "Mokoena", "thandi mokoena"),
        ("Mokoena, Thandi", "Mokoena", "Thandi Mokoena"),
        ("Mokoena, Thandi", "", "Mokoena, Thandi"),
        ("", "Mokoena", "Mokoena"),
        ("Mokoena", "Mokoena", "Mokoena"),
        (" Thandi  ", "", "Thandi"),
        ("Jan", "van der Merwe", "Jan van der Merwe"),
        ("Jan van der Merwe", "van der Merwe", "Jan van der Merwe"),
    ],
)
def test_names_are_composed_without_doubling(name: str, surname: str, full: str) -> None:
    """Name and surname make one full name in which nothing stands twice."""
    assert compose(name, surname).full == full


def test_nameless_leads_get_a_name() -> None:
    """A lead without name is called by its address, else by its key: people need something to click."""
    assert compose("", "", email="joe.s@example.org").full == "joe.s"
    assert compose("", "", key="48213").full == "Unnamed lead 48213"
    assert not is_full("T. Mokoena")


def src(id: str, name: str, *emails: str, phones: tuple[str, ...] = (), dest_id: str | None = None) -> Known:
    """Give a person made from another lead."""
    return Known(side="src", id=id, name=name, emails=emails, phones=phones, dest_id=dest_id)


def dest(id: str, name: str, *emails: str, phones: tuple[str, ...] = ()) -> Known:
    """Give a person the destination holds."""
    return Known(side="dest", id=id, name=name, emails=emails, phones=phones)


def test_same_address_and_compatible_name_is_one_person() -> None:
    """Two leads with one address in other case, or beside blanks, are one person."""
    found = decide(Person(name="Thandi", emails=(MAIL,)), [src("1", "Thandi Mokoena", MAIL.upper() + " ")])
    assert isinstance(found, Merge)
    assert found.head == "1"


def test_people_who_were_there_before_are_matched() -> None:
    """A person the destination has is matched, not doubled; one we made is seen once, though both sides show it."""
    assert decide(Person(name="Thandi", emails=(MAIL,)), [dest("51-contacts", "Thandi M", MAIL)]) == Match(
        dest_id="51-contacts", reason="the same e-mail address and a compatible name"
    )
    both = [dest("51-contacts", "Thandi M", MAIL), src("1", "Thandi", MAIL, dest_id="51-contacts")]
    assert isinstance(decide(Person(name="Thandi", emails=(MAIL,)), both), Merge)


def test_couples_stay_two_people() -> None:
    """One address with a clearly different first name is two people; the second keeps the address as a shared one, and it is told."""
    found = decide(Person(name="Sipho Mokoena", emails=(MAIL,)), [src("1", "Thandi Mokoena", MAIL)])
    assert isinstance(found, Create)
    assert found.lent is not None
    assert (found.lent.addresses, found.lent.cause, found.lent.others) == ((MAIL,), "shared_email", ("1",))


def test_an_address_brought_along_stays_with_whoever_has_it() -> None:
    """A lead that joins by its phone has lent only what the person it joins has not: the third person keeps their address."""
    phone = "+27825550142"
    one = [src("1", "Thandi Mokoena", "t@x.test", phones=(phone,)), src("3", "Sipho Dube", MAIL, "t@x.test")]
    found = decide(Person(name="Thandi Mokoena", emails=("t@x.test", MAIL), phones=(phone,)), one)
    assert isinstance(found, Merge)
    assert found.lent is not None
    assert (found.lent.addresses, found.lent.cause, found.lent.others) == ((MAIL,), "shared_email", ("3",))
    there = [dest("51-contacts", "Thandi Mokoena", phones=(phone,)), src("3", "Sipho Dube", MAIL)]
    matched = decide(Person(name="Thandi Mokoena", emails=(MAIL,), phones=(phone,)), there)
    assert isinstance(matched, Match)
    assert matched.lent is not None


def test_a_person_s_word_lends_as_well() -> None:
    """Somebody said that two people are two: the second has the address lent like any other; one who joins its owner has not."""
    other = [src("1", "Thandi Dube", MAIL, dest_id="51-contacts")]
    apart = with_lent(Create(reason="decided"), Person(name="Thandi Nel", emails=(MAIL,)), other)
    assert isinstance(apart, Create)
    assert apart.lent is not None
    assert apart.reason == "decided"
    joined = with_lent(Merge(head="1", reason="decided"), Person(name="Thandi Nel", emails=(MAIL,)), other)
    assert joined == Merge(head="1", reason="decided")


def test_a_bare_surname_joins_nobody_to_a_stranger() -> None:
    """Whoever contradicts one name that a person goes by is another, though another of the names would fit."""
    couple = [src("1", "Thandi Mokoena", MAIL, dest_id="51-contacts"), src("1", "Mokoena", MAIL, dest_id="51-contacts")]
    found = decide(Person(name="Sipho Mokoena", emails=(MAIL,)), couple)
    assert isinstance(found, Create)
    assert found.lent is not None
    assert found.lent.cause == "shared_email"
    assert isinstance(decide(Person(name="Thandi Mokoena", emails=(MAIL,)), couple), Merge)
    assert isinstance(decide(Person(name="Mokoena", emails=(MAIL,)), couple), Merge)
    unclear = decide(Person(name="Thandi Dube", emails=(MAIL,)), [*couple, src("1", "Thandi", MAIL, dest_id="51-contacts")])
    assert isinstance(unclear, Review)
    assert (unclear.cause, unclear.decisions) == ("unclear_name", ("separate", "merge:1"))


def test_the_name_on_the_record_counts_where_its_own_lead_is_not_seen() -> None:
    """A lead that joined somebody and brings an address more does not bring others to them by it."""
    joined = [replace(src("1", "Mokoena", MAIL, dest_id="51-contacts"), called="Thandi Mokoena")]
    assert isinstance(decide(Person(name="Sipho Mokoena", emails=(MAIL,)), joined), Create)
    assert isinstance(decide(Person(name="Thandi Mokoena", emails=(MAIL,)), joined), Merge)


def test_who_was_joined_by_a_person_s_word_keeps_both_names() -> None:
    """Somebody said that two names are one person: the next lead of either name joins them as well."""
    both = [src("1", "Thandi Mokoena", MAIL), src("1", "Thandi Dube", MAIL)]
    assert isinstance(decide(Person(name="Thandi Dube", emails=(MAIL,)), both), Merge)


def test_office_addresses_prove_nothing() -> None:
    """Different people behind info@ are never merged; only the very same full name is."""
    office = "info@example.org"
    assert isinstance(decide(Person(name="Thandi", emails=(office,)), [src("1", "Thandi Mokoena", office)]), Create)
    assert isinstance(decide(Person(name="", emails=(office,)), [src("1", "Thandi Mokoena", office)]), Create)
    assert isinstance(decide(Person(name="Thandi Mokoena", emails=(office,)), [src("1", "Thandi Mokoena", office)]), Merge)


def test_addresses_of_many_people_are_offices() -> None:
    """An address that three different people use proves nothing, whatever it is called."""
    users = [src("1", "Sipho Dube", MAIL), src("2", "Carmen Nel", MAIL)]
    assert isinstance(decide(Person(name="Thandi", emails=(MAIL,)), users), Create)


def test_phone_counts_only_with_the_full_name() -> None:
    """A shared number merges the same full name and nothing less."""
    number = ("+27825550142",)
    known = [src("1", "Thandi Mokoena", phones=number)]
    assert isinstance(decide(Person(name="Mokoena, Thandi", phones=number), known), Merge)
    assert isinstance(decide(Person(name="Thandi", phones=number), known), Create)
    assert isinstance(decide(Person(name="Sipho Mokoena", phones=number), known), Create)


def test_a_name_alone_proves_nothing() -> None:
    """The same name without shared address or number is another person."""
    assert isinstance(decide(Person(name="Thandi Mokoena"), [src("1", "Thandi Mokoena", MAIL)]), Create)


def test_clashes_go_to_review() -> None:
    """Two people who both fit, or a name only a person can judge, are not guessed."""
    two = [src("1", "Thandi", MAIL), dest("51-contacts", "Thandi Mokoena", MAIL)]
    found = decide(Person(name="Thandi Mokoena", emails=(MAIL,)), two)
    assert isinstance(found, Review)
    assert found.decisions == ("separate", "merge:1", "match:51-contacts")
    unclear = decide(Person(name="Thandi Dube", emails=(MAIL,)), [src("1", "Thandi Mokoena", MAIL)])
    assert isinstance(unclear, Review)
    assert unclear.cause == "unclear_name"


PEOPLE = st.builds(
    Known,
    side=st.sampled_from(["src", "dest"]),
    id=st.sampled_from("1234"),
    name=st.sampled_from(NAMES),
    emails=st.lists(st.sampled_from([MAIL, MAIL.upper(), "info@example.org", "s@example.org"]), max_size=2).map(tuple),
    phones=st.lists(st.sampled_from(["+27825550142", "+27215550100"]), max_size=1).map(tuple),
)


@given(st.lists(PEOPLE, max_size=5), st.randoms(use_true_random=False), PEOPLE)
def test_decisions_do_not_depend_on_order(people: list[Known], rng: Random, known: Known) -> None:
    """The same people in another order give the same decision."""
    person = Person(name=known.name, emails=known.emails, phones=known.phones)
    shuffled = list(people)
    rng.shuffle(shuffled)
    assert decide(person, people) == decide(person, shuffled)


@given(PEOPLE, PEOPLE)
def test_two_leads_agree_about_each_other(one: Known, other: Known) -> None:
    """Whether two leads are one person does not depend on which is read first."""

    def verdict(lead: Known, there: Known) -> str:
        found = decide(
            Person(name=lead.name, emails=lead.emails, phones=lead.phones),
            [Known(side="src", id="9", name=there.name, emails=there.emails, phones=there.phones)],
        )
        return type(found).__name__ + getattr(found, "cause", "")

    assert verdict(one, other) == verdict(other, one)
