"""
What the daemon had said to others before the power went must be in the ledger when it is back; looked at past the product.

Three things were said: a write that reached the destination says that its intent was committed; an order that was answered, that it
stands in the audit; and what the ledger held after the cut before was made sure of then.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.judge.chain import unchained
from tests.judge.states import Identity

LEDGER = "ledger.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """
    What a ledger holds.

    Args:
        audit: The hash of each entry, in order.
        orders: How many of them are orders that were given.
        meant: The records of which it knows that something was to be written, or is there.
        placed: The destination's records that it knows of: one may have got another name in the source since it left its mark.
        faults: What is wrong with the file itself, or with its chain.
    """

    audit: tuple[str, ...] = ()
    orders: int = 0
    meant: frozenset[Identity] = frozenset()
    placed: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


def read_book(state: Path) -> Book:
    """Read a ledger as SQLite recovers it; an empty book where there is none yet."""
    if not (state / LEDGER).exists():
        return Book()
    with closing(sqlite3.connect(state / LEDGER)) as ledger:
        try:
            faults = [str(word) for (word,) in ledger.execute("PRAGMA integrity_check") if word != "ok"]
            faults += [f"a reference to nothing in {row[0]}" for row in ledger.execute("PRAGMA foreign_key_check")]
            if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit'").fetchone():
                return Book(faults=tuple(faults))     # cut as it was made: nothing was said yet
            lines = list(ledger.execute("SELECT seq, entry, hash FROM audit ORDER BY seq"))
            known = list(ledger.execute("SELECT kind, key, dest_id FROM intent UNION SELECT kind, key, dest_id FROM link"))
            return Book(
                audit=tuple(hashed for _, _, hashed in lines), meant=frozenset((str(kind), str(key)) for kind, key, _ in known),
                placed=frozenset(str(dest_id) for _, _, dest_id in known if dest_id),
                orders=sum(json.loads(text)["action"] == "order.given" for _, text, _ in lines),
                faults=(*faults, *(each.why for each in unchained(lines))),
            )  # fmt: skip
        except sqlite3.DatabaseError as error:
            return Book(faults=(f"the ledger does not open: {error}",))


def missing(book: Book, *, before: Book, orders: int, written: Collection[tuple[Identity, str]]) -> Iterator[str]:
    """
    Tell what was said and is not there.

    Args:
        book: After the cut.
        before: After the cut before.
        orders: How many were answered so far.
        written: The records of the destination that bear a mark: the source record that it names, and the id.
    """
    yield from book.faults
    if book.audit[: len(before.audit)] != before.audit:
        yield f"of {len(before.audit)} entries of the audit that outlived the last cut some are gone, {len(book.audit)} are there"
    if book.orders < orders:
        yield f"{orders} orders were answered, {book.orders} are in the audit"
    if gone := sorted(identity for identity, dest_id in written if identity not in book.meant and dest_id not in book.placed):
        yield f"{len(gone)} of {len(written)} records were written and the ledger knows nothing of it, such as {' '.join(gone[0])}"
