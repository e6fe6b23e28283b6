"""Names of people: composed from what a lead holds, and compared without guessing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz

from streamflow.mapping.text import fold, squeeze

_TITLES: Final = frozenset("mr mrs ms miss dr prof adv rev sir mnr mev me ds".split())
_NICKNAMES: Final = tuple(
    frozenset(group.split())
    for group in (
        "michael mike mick",
        "robert rob bob bobby",
        "william will bill billy",
        "richard rick dick",
        "elizabeth liz beth lizzie eliza",
        "james jim jimmy",
        "john jack johnny",
        "margaret maggie peggy",
        "catherine katherine kathryn cathy kathy kate",
        "anthony antony tony",
        "andrew andy drew",
        "edward ed eddie ted",
        "charles charlie chuck",
        "henry harry",
        "susan sue susie",
        "johannes johan hannes",
        "petrus piet pieter",
        "jacobus koos kobus",
        "hendrik hennie",
        "gerhardus gert",
        "nicolaas nico klaas",
        "francois frans",
        "christiaan christo",
        "magdalena lena magda",
        "wilhelmina mina",
        "sibongile bongi",
        "nomvula vula",
        "thembinkosi themba",
        "mohammed muhammad mohamed mohammad",
        "abigail gail abby",
        "rebecca becky",
        "patricia pat trish",
    )
)
_SHORTEST_PREFIX: Final = 3
_TYPO_LENGTH: Final = 5
_TYPO_RATIO: Final = 88.0


class Likeness(StrEnum):
    """How two names stand to each other."""

    SAME = "same"  # the same full name, order and spelling details aside
    COMPATIBLE = "compatible"  # nothing speaks against one person: a name is missing, shorter, a nickname, an initial
    UNCLEAR = "unclear"  # the same first name with another surname: only a person can tell
    DIFFERENT = "different"  # clearly two people


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """A name as it is written to the destination."""

    full: str
    first: str = ""  # set only when the source keeps the surname apart
    last: str = ""
    made_of: str = "name"  # name | email | key


def compose(name: str, surname: str, *, email: str = "", key: str = "", noun: str = "lead") -> PersonName:
    """
    Make the full name of a person from a name and a surname field without doubling the surname.

    Letters stay as typed. "Nel, Pieter" is turned round only when the Surname field proves the order. Without any name the local
    part of the e-mail serves, then "Unnamed <noun> <key>".
    """
    name, surname = squeeze(name), squeeze(surname)
    if surname and name:
        return _joined(name, surname)
    if name or surname:
        return PersonName(full=name or surname, last="" if name else surname)
    local = email.split("@", 1)[0].strip()
    if local:
        return PersonName(full=local, made_of="email")
    return PersonName(full=f"Unnamed {noun} {key}".strip(), made_of="key")


def _joined(name: str, surname: str) -> PersonName:
    words, tail = fold(name).split(), fold(surname).split()
    if words == tail:
        return PersonName(full=name, last=surname)
    before, comma, after = name.partition(",")
    if comma and fold(before).split() == tail and after.strip():
        return PersonName(full=f"{after.strip()} {surname}", first=after.strip(), last=surname)
    if tail and words[-len(tail) :] == tail:
        first = " ".join(name.split()[: -len(surname.split())])
        return PersonName(full=name, first=first, last=surname)
    return PersonName(full=f"{name} {surname}", first=name, last=surname)


@lru_cache(maxsize=4_096)
def tokens(name: str) -> tuple[str, ...]:
    """Give the words of a name for comparing: folded, without titles, "Nel, Pieter" turned round."""
    before, comma, after = name.partition(",")
    if comma and after.strip() and "," not in after:
        name = f"{after} {before}"
    # An apostrophe parts no name: "D'Arcy" and "DArcy" are one spelling apart
    words = fold(name.replace("'", "").replace("’", "")).split()
    return tuple(word for word in words if word not in _TITLES) or tuple(words)


def is_full(name: str) -> bool:
    """Say whether the name has a first name and a surname, both more than an initial."""
    words = tokens(name)
    return len(words) > 1 and len(words[0]) > 1 and len(words[-1]) > 1


def likeness(one: str, other: str) -> Likeness:
    """Compare two names; symmetric. Generous with what is missing, strict with what contradicts."""
    left, right = sorted((tokens(one), tokens(other)), key=lambda words: (len(words), words))
    if not left or not right:
        return Likeness.COMPATIBLE
    if left == right or sorted(left) == sorted(right):
        return Likeness.SAME if len(left) > 1 else Likeness.COMPATIBLE
    if len(left) == 1:
        return Likeness.COMPATIBLE if any(_alike(left[0], word) for word in right) else Likeness.DIFFERENT
    if not _alike(left[0], right[0]):
        return Likeness.DIFFERENT
    if left[-1] == right[-1] or _is_typo(left[-1], right[-1]) or _is_initial(left[-1], right[-1]):
        return Likeness.SAME if left[0] == right[0] and left[-1] == right[-1] and len(left) == len(right) == 2 else Likeness.COMPATIBLE
    return Likeness.UNCLEAR


def _alike(one: str, other: str) -> bool:
    """Say whether two given names can be the same person's: equal, initial, short form, nickname, typing error."""
    short, long = sorted((one, other), key=lambda word: (len(word), word))
    if short == long or _is_initial(short, long):
        return True
    if len(short) >= _SHORTEST_PREFIX and long.startswith(short):
        return True
    return any(short in group and long in group for group in _NICKNAMES) or _is_typo(short, long)


def _is_initial(one: str, other: str) -> bool:
    return (len(one) == 1 or len(other) == 1) and one[0] == other[0]


def _is_typo(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= _TYPO_LENGTH and fuzz.ratio(one, other) >= _TYPO_RATIO
