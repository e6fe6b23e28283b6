"""Invented people: who stands behind a prospect, and how name, e-mail, phones and address are written on it.

Nobody here exists: surnames are coined, phone numbers are computed, addresses are on example domains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from streamflow.sandbox.dice import Deck, Dice

FIRST_NAMES: Final = (
    "Dana", "Luis", "Karen", "Omar", "Grace", "Peter", "Nina", "Walt", "Ivy", "Carlos", "Beth", "Ray", "Tess", "Hugo",
    "June", "Ian", "Rosa", "Cody", "Lena", "Abel", "Faye", "Gene", "Opal", "Reid", "Vera", "Earl", "Dora", "Kurt",
)  # fmt: skip
_HEADS: Final = (
    "Whit", "Palm", "Cedar", "Stone", "Lake", "Sand", "Marsh", "Fern", "Hawk", "Reed", "Oak", "Coral", "Bay", "Sun", "Gull",
    "Pine", "Heron", "Moss",
)  # fmt: skip
_TAILS: Final = ("lock", "ford", "wick", "brook", "dale", "mere", "ton", "field", "worth", "shaw", "low", "hurst")
_STREETS: Final = ("Palmetto Ct", "Gator Run", "Magnolia Ave", "Lakeview Dr", "Old Mill Rd", "Citrus Way", "Heron Loop")
_TOWNS: Final = (
    ("Sanford", "32771", "407"), ("Orlando", "32801", "407"), ("Tampa", "33602", "813"), ("Jacksonville", "32099", "904"),
    ("Deland", "32720", "386"), ("St. Augustine", "32084", "904"),
)  # fmt: skip
_DOMAINS: Final = ("mail.example", "example.com", "example.org", "post.example")

IDENTITIES: Final = Deck("lp-identity", {
    "plain": 13, "household": 3, "twin": 2, "shared_email": 1, "blank_first": 1, "blank_last": 1, "one_field": 1,
    "business": 1, "literal": 1, "padded": 1,
})  # fmt: skip
NAMES: Final = Deck("lp-names", {"plain": 42, "apostrophe": 3, "accents": 2, "non_latin": 1, "script": 1, "formula": 1})
EMAILS: Final = Deck("lp-emails", {"own": 10, "missing": 6, "literal": 1, "upper": 1, "invalid": 1, "placeholder": 1})
PHONES: Final = Deck("lp-phones", {"digits": 14, "formatted": 2, "dashed": 1, "missing": 1, "short": 1, "eleven": 1})
ALT_PHONES: Final = Deck("lp-alt-phones", {"none": 8, "one": 5, "two": 3, "three": 2, "repeated": 1, "numeric_type": 1})
ADDRESSES: Final = Deck("lp-addresses", {
    "full": 12, "line2": 3, "inline2": 1, "blank": 1, "state_cut": 1, "state_case": 1, "zip4": 1,
})  # fmt: skip
_SPECIAL: Final = {
    "apostrophe": (("D'Arcy", "O'Fernlow"), ("Mae", "N'Oakshaw"), ("Aoife", "O’Sandmere")),
    "accents": (("Zoë", "Núñezfield"), ("René", "Étoilebrook")),
    "non_latin": (("Мила", "Туманова"), ("美月", "雲山")),
    "script": (("<script>alert(1)</script>", "Bobbyton"),),
    "formula": (("=cmd|'/C calc'!A0", "Formulaford"),),
}
_UNITS: Final = ("Apt 4", "Suite 210", "Unit B", "Floor 3")
_TYPES: Final = ("Cell", "Work", "Home", "Other", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One human being, numbered by the index of the prospect that shows them first."""

    number: int
    first: str
    last: str
    email: str
    email2: str
    phone: str  # ten digits
    street: str
    unit: str
    city: str
    zip: str


def person(seed: int, number: int) -> Person:
    """Give the person numbered *number*; e-mails and phones are never shared by two numbers."""
    dice = Dice(seed, "lp-person", number)
    kind = NAMES.deal(seed, number)
    first, last = dice.pick(FIRST_NAMES), dice.pick(_HEADS) + dice.pick(_TAILS)
    mailbox = f"{first}.{last}{number}".lower()
    if kind != "plain":
        first, last = dice.pick(_SPECIAL[kind])
    city, code, area = dice.pick(_TOWNS)
    return Person(
        number=number, first=first, last=last, email=f"{mailbox}@{dice.pick(_DOMAINS)}",
        email2=f"{mailbox}.work@{dice.pick(_DOMAINS)}" if dice.one_in(6) else "",
        phone=f"{area}{_line(number)}", street=f"{dice.between(1, 2400)} {dice.pick(_STREETS)}", unit=dice.pick(_UNITS),
        city=city, zip=code,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is behind one prospect, by which card, and the index of the prospect it leans on."""

    person: Person
    card: str
    leans_on: int | None


def behind(seed: int, index: int) -> Identity:
    """
    Give who is behind a prospect.

    `household` has surname, phone and address of an earlier prospect and an own first name; `twin` is the same person
    entered again; `shared_email` is a relative with the same address of mail. The first prospects lean on nobody.
    """
    card = IDENTITIES.deal(seed, index)
    own = person(seed, index)
    anchor = _anchor(seed, index) if card in ("household", "twin", "shared_email") else None
    if anchor is None:
        return Identity(person=own, card=card if card not in ("household", "twin", "shared_email") else "plain", leans_on=None)
    other = person(seed, anchor)
    if card == "twin":
        return Identity(person=other, card=card, leans_on=anchor)
    place = Dice(seed, "lp-kin", index).below(len(FIRST_NAMES))
    first = next(name for name in FIRST_NAMES[place:] + FIRST_NAMES[:place] if name != other.first)
    kin = replace(own, first=first, last=other.last, street=other.street, unit=other.unit, city=other.city, zip=other.zip)
    if card == "household":
        return Identity(person=replace(kin, phone=other.phone), card=card, leans_on=anchor)
    return Identity(person=replace(kin, email=other.email), card=card, leans_on=anchor)


def written(seed: int, index: int, identity: Identity) -> tuple[dict[str, Any], list[str]]:
    """Write the contact fields of a prospect, and name the problems that were put in."""
    email, email_card = _email(seed, index, identity)
    address, address_card = _address(seed, index, identity.person)
    phone, phone_card = _phone(seed, index, identity)
    phones, phones_card = _alt_phones(seed, index, identity.person)
    fields: dict[str, Any] = {
        **_name(identity), "email": email, "email2": identity.person.email2 if email else "", "phone1": phone,
        "altphones": phones, **address,
    }  # fmt: skip
    name_card = NAMES.deal(seed, identity.person.number)
    cards = {
        "identity": identity.card, "name": name_card, "email": email_card, "phone": phone_card, "altphones": phones_card,
        "address": address_card, "email2": "kept" if fields["email2"] else "none",
    }  # fmt: skip
    ordinary = {"plain", "own", "digits", "none", "one", "two", "full"}
    return fields, [f"{what}.{card}" for what, card in cards.items() if card not in ordinary]


def _name(identity: Identity) -> dict[str, str]:
    someone = identity.person
    match identity.card:
        case "blank_first":
            return {"firstname": "", "lastname": someone.last}
        case "blank_last":
            return {"firstname": someone.first, "lastname": ""}
        case "one_field":
            return {"firstname": "", "lastname": f"{someone.first} {someone.last}"}
        case "business":
            return {"firstname": "", "lastname": f"{someone.last} Condo Association"}
        case "literal":
            return {"firstname": someone.first, "lastname": "null"}
        case "padded":
            return {"firstname": f" {someone.first}  ", "lastname": f"{someone.last} "}
    return {"firstname": someone.first, "lastname": someone.last}


def _email(seed: int, index: int, identity: Identity) -> tuple[str, str]:
    card = EMAILS.deal(seed, index)
    if identity.card == "shared_email":
        card = "own"
    elif identity.card == "twin" and card == "own":
        card = "missing"  # the repeat of a person is known by phone and name only
    someone = identity.person
    match card:
        case "missing":
            return "", card
        case "literal":
            return "null", card
        case "upper":
            return f" {someone.email.upper()} ", card
        case "invalid":
            return someone.email.replace("@", " at "), card
        case "placeholder":
            return "noemail@noemail.example", card
    return someone.email, card


def _phone(seed: int, index: int, identity: Identity) -> tuple[str, str]:
    card = PHONES.deal(seed, index)
    if identity.leans_on is not None and card in ("missing", "short"):
        card = "digits"
    digits = identity.person.phone
    match card:
        case "missing":
            return "", card
        case "formatted":
            return f"({digits[:3]}){digits[3:6]}-{digits[6:]}", card
        case "dashed":
            return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", card
        case "short":
            return digits[3:], card
        case "eleven":
            return f"1{digits}", card
    return digits, card


def _alt_phones(seed: int, index: int, someone: Person) -> tuple[list[dict[str, Any]], str]:
    card = ALT_PHONES.deal(seed, index)
    dice = Dice(seed, "lp-alt", index)
    count = {"none": 0, "one": 1, "two": 2, "three": 3, "repeated": 1, "numeric_type": 2}[card]
    numbers = [f"{someone.phone[:3]}{_line(someone.number + 1_000_003 * (place + 1))}" for place in range(count)]
    if card == "repeated":
        numbers = [someone.phone]
    types: list[Any] = [dice.pick(_TYPES) for _ in numbers]
    if card == "numeric_type":
        types = [2, "4"]
    return [{"phone": number, "type": kind} for number, kind in zip(numbers, types, strict=True)], card


def _address(seed: int, index: int, someone: Person) -> tuple[dict[str, str], str]:
    card = ADDRESSES.deal(seed, index)
    fields = {"address1": someone.street, "address2": "", "city": someone.city, "state": "FL", "zip": someone.zip}
    changes: Mapping[str, Mapping[str, str]] = {
        "line2": {"address2": someone.unit},
        "inline2": {"address1": f"{someone.street} {someone.unit}"},
        "blank": dict.fromkeys(fields, ""),
        "state_cut": {"state": "nu"},  # "null" cut to two letters (lead-perfection.md 4.1, row 5)
        "state_case": {"state": "Fl"},
        "zip4": {"zip": f"{someone.zip}-1234"},
    }
    return fields | dict(changes.get(card, {})), card


def _line(number: int) -> str:
    # 555 and four digits would soon repeat: the exchange varies too; 7919 is prime to the number of lines
    return f"{200 + number * 7919 // 10_000 % 800:03d}{number * 7919 % 10_000:04d}"


def _anchor(seed: int, index: int) -> int | None:
    """Give an earlier prospect who is nobody's kin and shows name, phone and e-mail whole; None near the beginning."""
    start = Dice(seed, "lp-anchor", index).between(1, 12)
    for other in range(index - start, max(-1, index - start - 40), -1):
        shows_phone, shows_email = PHONES.deal(seed, other) not in ("missing", "short"), EMAILS.deal(seed, other) == "own"
        if shows_phone and shows_email and IDENTITIES.deal(seed, other) == "plain":
            return other
    return None
