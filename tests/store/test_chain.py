"""The chain of the audit, harmed in every way and in every place: what was changed is found, and named by its number."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import orjson
import pytest

from streamflow.model import AuditEntry
from streamflow.store.audit import BARE, SEALED, START, Head, Line, Walk, bare_print, break_at_end, chain, first_break, row_of
from streamflow.store.codec import text_of

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


def walked(book: list[Line]) -> Walk:
    walk = Walk()
    walk.follow(sorted(book, key=lambda line: line.seq))
    walk.end(ENTRIES)
    return walk


@pytest.mark.parametrize("sort", ["changed", "changed, with a hash that fits", "removed"])
def test_another_break_is_another_print(sort: str) -> None:
    """A walk names the first break as well, and its print tells one harm from the next, whatever is added to the chain behind it."""
    assert (walked(list(lines())).first, walked(list(lines())).print) == (None, "")
    dice = random.Random(sort)
    for _ in range(HARMS):
        book = list(lines())
        at = dice.randrange(ENTRIES - 10)
        place = SORTS[sort](book, at, dice)
        once = walked(book)
        assert (once.first, bool(once.print)) == (place + 1, True), (sort, place)
        more, _ = chain(once.head, [AuditEntry(actor="streamflow", action="later")], at="now")
        assert walked([*book, *more]).print == once.print, "going on is no other break"
        SORTS[sort](book, len(book) - 5, dice)
        again = walked(book)
        assert (again.first, again.print != once.print) == (place + 1, True), "a second one behind it"


def test_a_cut_tail_is_one_break_before_and_after_more_is_added() -> None:
    """Entries cut off at the end are a break with one print, also when the chain went on behind the gap."""
    cut = walked(list(lines()[:30]))
    assert cut.first == 31
    more, _ = chain(Head(seq=ENTRIES, hash=lines()[29].hash), [AuditEntry(actor="streamflow", action="later")], at="now")
    assert walked([*lines()[:30], *more]).print == cut.print


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "{}", '{"seq":1,"at":1}'])
def test_an_entry_that_tells_nothing_any_more_keeps_no_other_from_being_told(text: str) -> None:
    """Whatever somebody made of an entry, it is read as one that cannot be read, and not as a fault of whoever reads."""
    row = row_of(replace(lines()[3], text=text), "before")
    assert (row.seq, row.entry.action, row.entry.actor) == (4, "unreadable", "")
    assert row_of(lines()[3], "before").entry == AuditEntry(actor="streamflow", action="read", key="k3")


# ------------------------------------------------------------------------------------------------ after a purge


BARED = range(9, 30, 4)
"""Numbers of entries that lose their values."""


def bare(line: Line) -> Line:
    return replace(line, text=text_of({**orjson.loads(line.text), "note": "", "after": None, BARE: True}, ordered=True))


def purged() -> list[Line]:
    """The chain as a purge leaves it: some entries bare with the hashes they had, and the seal of them at its end."""
    book = [bare(line) if line.seq in BARED else line for line in lines()]
    found = START
    for at, line in enumerate(book):
        found = bare_print(found, book[at - 1].hash, line) if line.seq in BARED else found
    seal, _ = chain(Head(seq=ENTRIES, hash=book[-1].hash), [AuditEntry(actor="uid:7", action=SEALED, after={"print": found})], at="now")
    return [*book, *seal]


def broken(book: list[Line]) -> int | None:
    at, head = first_break(Head(), book, is_purged=True)
    return at if at is not None else break_at_end(head, reached=ENTRIES + 1)


def test_a_purged_chain_holds_up_to_its_seal_and_beyond() -> None:
    """Entries without their values stand where a seal shows that they were left like that; what follows is chained as ever."""
    assert broken(purged()) is None
    more, _ = chain(Head(seq=ENTRIES + 1, hash=purged()[-1].hash), [AuditEntry(actor="streamflow", action="later")], at="now")
    assert broken([*purged(), *more]) is None


def test_entries_without_values_and_without_a_seal_are_a_break() -> None:
    """Values taken away without the seal of a purge, or behind it, are a break; for a daemon, which never works on such a ledger, any."""
    assert broken(purged()[:-1]) == BARED[0]
    later, _ = chain(Head(seq=ENTRIES + 1, hash=purged()[-1].hash), [AuditEntry(actor="streamflow", action="later", note="x")], at="now")
    assert broken([*purged(), bare(later[0])]) == ENTRIES + 2
    walk = Walk()
    walk.follow(purged())
    assert walk.first == BARED[0]


@pytest.mark.parametrize("sort", SORTS)
def test_whatever_is_done_to_a_purged_chain_is_found(sort: str) -> None:
    """A change of an entry with values names it, as ever; one of an entry without names the first of these at the latest."""
    dice = random.Random(sort)
    for _ in range(HARMS):
        book = purged()
        place = SORTS[sort](book, dice.randrange(ENTRIES - 4), dice)
        found = broken(book)
        assert found is not None, (sort, place)
        assert found in (place + 1, BARED[0]), (sort, place)
    book = purged()
    for at in BARED:
        held = orjson.loads(book[at - 1].text)
        other = replace(book[at - 1], text=text_of({**held, "actor": "uid:9"}, ordered=True))
        assert broken([*book[: at - 1], other, *book[at:]]) == BARED[0]
