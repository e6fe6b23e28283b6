"""The chain of the audit, harmed in every way and in every place: what was changed is found, and named by its number."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import pytest

from streamflow.model import AuditEntry
from streamflow.store.audit import Head, Line, chain, first_break

ENTRIES = 40
HARMS = 200
"""Seeded, of each sort."""


@cache
def lines() -> tuple[Line, ...]:
    written, _ = chain(Head(), (AuditEntry(actor="streamflow", action="read", key=f"k{number}") for number in range(ENTRIES)), at="now")
    return tuple(written)


def changed(book: list[Line], at: int, dice: random.Random) -> int:
    text = book[at].text
    place = dice.randrange(len(text))
    book[at] = replace(book[at], text=text[:place] + dice.choice([each for each in "x0}" if each != text[place]]) + text[place + 1 :])
    return at


def rehashed(book: list[Line], at: int, dice: random.Random) -> int:
    """Change an entry and give it the hash that fits, so that it is the next one that does not."""
    seq = book[at].seq
    forged, _ = chain(
        Head(seq=seq - 1, hash=book[at - 1].hash if at else ""), [AuditEntry(actor="somebody", action=str(dice.random()))], at="then"
    )
    book[at] = forged[0]
    return at + 1


def removed(book: list[Line], at: int, dice: random.Random) -> int:
    del book[at : at + dice.randint(1, 3)]
    return at


def repeated(book: list[Line], at: int, dice: random.Random) -> int:
    book.insert(at + 1, book[dice.randint(0, at)])
    return at + 1


def swapped(book: list[Line], at: int, dice: random.Random) -> int:
    other = dice.randint(at + 1, len(book) - 1)
    book[at], book[other] = book[other], book[at]
    return at


SORTS: Mapping[str, Callable[[list[Line], int, random.Random], int]] = {
    "changed": changed, "changed, with a hash that fits": rehashed, "removed": removed, "repeated": repeated, "swapped": swapped,
}  # fmt: skip


def test_the_whole_chain_holds() -> None:
    """What nobody touched has no break, and ends in the head that was told."""
    assert first_break(Head(), lines()) == (None, Head(seq=ENTRIES, hash=lines()[-1].hash))


@pytest.mark.parametrize("sort", SORTS)
def test_whatever_is_done_to_an_entry_is_found_and_named(sort: str) -> None:
    """Entries changed, forged, removed, repeated or moved, a thousand times in all: the first that does not fit is named each time."""
    dice = random.Random(sort)
    for _ in range(HARMS):
        book = list(lines())
        place = SORTS[sort](book, dice.randrange(ENTRIES - 4), dice)
        assert first_break(Head(), book)[0] == place + 1, (sort, place)
