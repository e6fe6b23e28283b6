"""What is looked for after each power cut: whatever the daemon had said to others and does not know any more is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from streamflow.model import AuditEntry
from streamflow.store.change import Audit, PutLink
from streamflow.store.sqlite import SqliteLedger
from tests.power.acked import LEDGER, Book, missing, read_book
from tests.store.values import StillClock, audit, link

WRITTEN = [(("lead", "1"), "1-contacts"), (("lead", "2"), "2-contacts")]


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """Make a ledger that knows of two written records and an order."""
    async with SqliteLedger.open(tmp_path / "state", clock=StillClock()) as ledger:
        await ledger.commit([PutLink(link=link("1")), audit("a")])
        await ledger.commit([Audit(entry=AuditEntry(actor="uid:0", action="order.given", note="/v1/resume")), PutLink(link=link("2"))])
    return tmp_path / "state"


def told(book: Book, *, before: Book | None = None, orders: int = 1) -> list[str]:
    return list(missing(book, before=before or book, orders=orders, written=WRITTEN))


def test_a_book_that_holds_all_of_it_is_told_nothing_of(state: Path) -> None:
    """A ledger as the product leaves it holds what was said, by a reading past the product; so does one that is yet to be made."""
    assert told(read_book(state)) == []
    assert not list(missing(read_book(state / "none"), before=Book(), orders=0, written=[]))


def test_each_thing_that_was_said_and_is_gone_is_told(state: Path) -> None:
    """An entry of the audit, an order, and the intent of a record are told by what they are."""
    book = read_book(state)
    assert told(replace(book, audit=book.audit[:-1]), before=book) == [
        f"of {len(book.audit)} entries of the audit that outlived the last cut some are gone, {len(book.audit) - 1} are there"
    ]
    assert told(book, orders=2) == ["2 orders were answered, 1 are in the audit"]
    assert told(replace(book, meant=frozenset())) == []      # another name in the source is no loss
    assert told(replace(book, meant=frozenset({("lead", "1")}), placed=frozenset())) == [
        "1 of 2 records were written and the ledger knows nothing of it, such as lead 2"
    ]


@pytest.mark.parametrize("harm", [
    "UPDATE audit SET entry = replace(entry, 'resume', 'pause') WHERE seq = 2", "DELETE FROM audit WHERE seq = 1",
])  # fmt: skip
def test_a_broken_chain_is_told(state: Path, harm: str) -> None:
    """An entry that is another than it was, or is not there, breaks the chain."""
    with closing(sqlite3.connect(state / LEDGER)) as ledger:
        for (name,) in list(ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")):
            ledger.execute(f"DROP TRIGGER {name}")
        ledger.execute(harm)
        ledger.commit()
    assert any("chain" in words for words in read_book(state).faults)


def test_a_file_that_is_no_ledger_any_more_is_told(state: Path) -> None:
    """Pages that are not the ledger's own are found."""
    path = state / LEDGER
    path.write_bytes(path.read_bytes()[:4096] + bytes(8192) + path.read_bytes()[12288:])
    assert read_book(state).faults
