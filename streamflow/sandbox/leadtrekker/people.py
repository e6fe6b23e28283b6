"""Invented people: who stands behind a lead, and how name, e-mail and phone are written on it.

Nobody here exists: surnames are coined from landscape words, addresses are on example domains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from streamflow.sandbox.dice import Deck, Dice

FIRST_NAMES: Final = (
    "Thandi", "Sipho", "Pieter", "Naledi", "Johan", "Lerato", "Anika", "Bongani", "Carmen", "Dumisani", "Elsa",
    "Fatima", "Gideon", "Hanlie", "Imraan", "Jabu", "Kagiso", "Liezl", "Mandla", "Nomsa", "Olivia", "Palesa",
    "Quinton", "Riaan", "Sindi", "Tumelo", "Ursula", "Vusi", "Willem", "Xolani", "Yusuf", "Zanele", "Amahle",
    "Barend", "Chantal", "Dineo", "Ettienne", "Farah", "Gcina", "Hendrik", "Itumeleng", "Jolene", "Karabo", "Lwazi",
    "Marius", "Nandi", "Oupa", "Precious",
)  # fmt: skip
_SURNAME_HEADS: Final = (
    "Klip", "Wind", "Sand", "Maan", "Ster", "Vlei", "Doring", "Berg", "Duiker", "Kameel", "Blou", "Rooi", "Goud",
    "Silwer", "Kraai", "Valk", "Wolk", "Nag", "Son", "Wilger",
)  # fmt: skip
_SURNAME_TAILS: Final = (
    "fontein", "rivier", "stroom", "hoek", "kloof", "veld", "sig", "krans", "duin", "pan", "laagte", "poort", "water",
    "bos", "drif", "rug",
)  # fmt: skip
_DOMAINS: Final = ("example.co.za", "example.com", "mail.example", "example.org", "post.example")
_STREETS: Final = ("Loop St", "Protea Rd", "Third Ave", "Kerk Straat", "Long Quay", "Vlei Lane", "Nelson Close")
_TOWNS: Final = (
    "Cape Town, 8001", "Sandton, 2196", "Gqeberha, 6001", "Durban, 4001", "Polokwane, 0699", "Bloemfontein, 9301",
)  # fmt: skip
_MOBILE: Final = ("082", "083", "084", "072", "073", "076", "079")
_LANDLINE: Final = ("021", "011", "031", "012")

IDENTITIES: Final = Deck("identity", {
    "plain": 12, "case": 1, "same_person": 3, "same_phone": 1, "couple": 2, "missing": 2, "several": 1, "office": 1,
    "invalid": 1, "literal": 1,
})  # fmt: skip
"""How a lead's e-mail relates to other leads; `same_person`, `same_phone` and `couple` lean on an earlier lead."""

NAMES: Final = Deck("names", {
    "plain": 38, "apostrophe": 3, "accents": 3, "non_latin": 2, "spam": 2, "script": 1, "formula": 1,
})  # fmt: skip
NAME_FORMS: Final = Deck("name-forms", {"split": 10, "full": 10, "both": 2, "lower": 1, "comma": 1, "spaces": 1})
PHONES: Final = Deck("phones", {
    "local": 7, "spaced": 5, "intl_spaced": 3, "intl": 2, "brackets": 2, "zero_inside": 1, "extension": 1, "missing": 2,
    "unparsable": 1, "literal": 1,
})  # fmt: skip
ADDRESSES: Final = Deck("addresses", {"full": 14, "blank": 8, "lines": 2, "literal": 1})

LITERALS: Final = ("null", "undefined", "N/A", "-")
"""Words that mean "nothing" where a value is expected (leadtrekker.md 5, row 2)."""

_SPECIAL: Final = {
    "apostrophe": (("D'Arcy", "O'Klipvlei"), ("Tau", "N'Doringveld"), ("Aoife", "O’Sterkloof")),
    "accents": (("Zoë", "Müllerveld-Sand"), ("René", "D'Étoilepan"), ("Søren", "Ågotdrif")),
    "non_latin": (("Мила", "Туманова"), ("美月", "雲山"), ("نور", "الوادي")),
    "spam": (("SEO Expert", "Rank First"), ("Crypto", "Winner")),
    "script": (("<script>alert(1)</script>", "Bobbypan"),),
    "formula": (("=cmd|'/C calc'!A0", "Formulaveld"),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One human being, numbered by the index of one of their leads, nearly always the first."""

    number: int
    first: str
    last: str
    email: str
    second_email: str
    phone: str  # local digits, "0825550142"
    address: str


def person(seed: int, number: int) -> Person:
    """Give the person numbered *number*; e-mails and phones are never shared by two numbers."""
    dice = Dice(seed, "person", number)
    kind = NAMES.deal(seed, number)
    first, last = dice.pick(FIRST_NAMES), dice.pick(_SURNAME_HEADS) + dice.pick(_SURNAME_TAILS)
    mailbox = f"{first}.{last}{number}".lower()
    if kind != "plain":
        first, last = dice.pick(_SPECIAL[kind])
    return Person(
        number=number, first=first, last=last,
        email=f"{mailbox}@{dice.pick(_DOMAINS)}", second_email=f"{mailbox}.home@{dice.pick(_DOMAINS)}",
        # 7919 is prime to 10 ** 7, so the last seven digits repeat after ten million people at the earliest
        phone=dice.pick(_LANDLINE if dice.one_in(6) else _MOBILE) + f"{2_000_000 + number * 7919 % 7_900_000:07d}",
        address=f"{dice.between(1, 240)} {dice.pick(_STREETS)}, {dice.pick(_TOWNS)}",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is behind one lead: a person, and whether an earlier lead showed them or their spouse already."""

    person: Person
    leans: bool


def first_lead_of(seed: int, index: int, lead_count: int) -> int:
    """Give the number of the person behind a lead: the lead's own index, or that of the lead it repeats."""
    repeats = IDENTITIES.deal(seed, index) in ("same_person", "same_phone")
    anchor = _anchor(seed, index, lead_count) if repeats else None
    return index if anchor is None else anchor


def behind(seed: int, index: int, lead_count: int) -> Identity:
    """Give who is behind a lead; the second half of a couple has the first half's surname, e-mail and address."""
    card = IDENTITIES.deal(seed, index)
    anchor = _anchor(seed, index, lead_count) if card in ("same_person", "same_phone", "couple") else None
    if anchor is None:
        return Identity(person=person(seed, index), leans=False)
    other = person(seed, anchor)
    if card != "couple":
        return Identity(person=other, leans=True)
    own = person(seed, index)
    place = Dice(seed, "spouse", index).below(len(FIRST_NAMES))
    first = next(name for name in (FIRST_NAMES[place], FIRST_NAMES[place - 1]) if name != other.first)
    spouse = replace(other, number=index, first=first, second_email=own.second_email, phone=own.phone)
    return Identity(person=spouse, leans=True)


def _anchor(seed: int, index: int, lead_count: int) -> int | None:
    """Find the lead that the one at *index* leans on: a plain one, up to forty before it, else one soon after it."""
    start = max(index - Dice(seed, "anchor", index).between(1, 40), 0)
    near = (*range(start, max(start - 60, -1), -1), *range(start + 1, min(lead_count, start + 60)))
    return next((candidate for candidate in near if IDENTITIES.deal(seed, candidate) == "plain"), None)


def written_email(seed: int, index: int, identity: Identity) -> str:
    """Write the e-mail cell of a lead; a repeat of a person varies case and spaces only."""
    someone, leans = identity.person, identity.leans
    dice = Dice(seed, "email", index)
    card = IDENTITIES.deal(seed, index)
    if leans and card == "same_person":
        return dice.pick((someone.email, someone.email.upper(), someone.email + " ", " " + someone.email.capitalize()))
    match card:
        case "missing":
            return ""
        case "same_phone":
            return "" if leans else someone.email
        case "case":
            return someone.email.upper() + " "
        case "several":
            return someone.email + dice.pick(("; ", ", ", " / ", "\n")) + someone.second_email
        case "office":
            return f"info@office{IDENTITIES.run_of(index) // 4}.example"
        case "invalid":
            return dice.pick(("joe@", "joe at x", "@example.co.za", "thandi.example.co.za", "joe@@example.com"))
        case "literal":
            return dice.pick(LITERALS)
    return someone.email


def written_name(seed: int, index: int, identity: Identity) -> tuple[str, str | None]:
    """Write (name, Surname custom field or None) of a lead; repeats of a person vary the form freely."""
    someone = identity.person
    dice = Dice(seed, "name-form", index)
    form = dice.pick(("split", "full", "lower", "initial", "comma")) if identity.leans else NAME_FORMS.deal(seed, index)
    first, last = someone.first, someone.last
    match form:
        case "split":
            return first, last
        case "both":
            return f"{first} {last}", last
        case "lower":
            return f"{first} {last}".lower(), None
        case "comma":
            return f"{last}, {first}", None
        case "initial":
            return f"{first[0]}. {last}", None
        case "spaces":
            return f" {first}  {last} ", None
    return f"{first} {last}", None


def written_phone(seed: int, index: int, identity: Identity) -> str:
    """Write the number cell of a lead; a repeat of a person always carries the number, in one form or another."""
    someone = identity.person
    dice = Dice(seed, "phone", index)
    card = PHONES.deal(seed, index)
    if identity.leans and card in ("missing", "unparsable", "literal"):
        card = "intl_spaced"
    area, middle, tail = someone.phone[:3], someone.phone[3:6], someone.phone[6:]
    match card:
        case "missing":
            return ""
        case "literal":
            return dice.pick(LITERALS)
        case "unparsable":
            return dice.pick(("call after 5", "12345", "same as husband", "082 555", "0825550142 / 0215550100"))
        case "spaced":
            return f"{area} {middle} {tail}"
        case "intl_spaced":
            return f"+27 {area[1:]} {middle} {tail}"
        case "intl":
            return f"+27{someone.phone[1:]}"
        case "brackets":
            return f"({area}) {middle}-{tail}"
        case "zero_inside":
            return f"+27 (0){area[1:]} {middle} {tail}"
        case "extension":
            return f"{area} {middle} {tail} {dice.pick(('ext', 'x', 'ext.'))} {dice.between(10, 99)}"
    return someone.phone


def written_address(seed: int, index: int, someone: Person) -> str:
    """Write the address cell of a lead: one line, several lines, nothing, or a word for nothing."""
    match ADDRESSES.deal(seed, index):
        case "blank":
            return ""
        case "literal":
            return Dice(seed, "address", index).pick(LITERALS)
        case "lines":
            return someone.address.replace(", ", ",\n")
    return someone.address
