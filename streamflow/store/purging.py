"""
Takes the personal data out of the ledger's file, as `keeping` decides: one transaction, and then not a byte of it is left in the file.

SQLite leaves what was deleted in free pages and in the log beside the file. So what goes is overwritten as it goes, the file is built
anew, and its log is emptied.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from streamflow.store.audit import START, Line, bare_print, line_of
from streamflow.store.codec import text_of
from streamflow.store.connection import HELD_HINT, Connection, LedgerHeld, Transaction
from streamflow.store.keeping import COLUMNS, STAND_IN, WHOLE, kept_entry, kept_setting, stand_in

_PAGE = 1000
_PORTION = 2000      # rows, with before-images of some kilobytes
_NOTHING = "'{}'"     # in a column that must hold something: an index may look into one that is JSON, and "" is none


@dataclass(slots=True, kw_only=True)
class Share:
    """How many rows of a table stay as they are, lose values, and go."""

    stay: int = 0
    bared: int = 0
    go: int = 0

    def count(self, before: Any, after: Any) -> None:
        """Count one row, by its value and what stays of it."""
        if after is None:
            self.go += 1
        elif after == before:
            self.stay += 1
        else:
            self.bared += 1


async def shares(
    connection: Connection, settings: Mapping[str, Any], audit: AsyncIterator[Sequence[tuple[str, Line]]]
) -> dict[str, Share]:
    """Count what a purge would leave and take, by table."""
    found: dict[str, Share] = {}
    for (table,) in await connection.rows("tables"):
        [(count,)] = await connection.rows("count_of", table=table)
        found[table] = Share(stay=count) if table in WHOLE else Share(bared=count) if table in COLUMNS else Share(go=count)
    found["setting"], found["audit"] = Share(), Share()
    for name, value in settings.items():
        found["setting"].count(value, kept_setting(name, value))
    key = stand_in(b"")
    async for page in audit:
        for _, line in page:
            found["audit"].count(line.text, kept_entry(line.text, key))
    return found


def strip(book: Transaction) -> str:
    """Take out what goes; answers the print of the entries of the audit that lost their values, for their seal."""
    key = stand_in(secrets.token_bytes())
    book.define(STAND_IN, key)
    for (table,) in book.fetch("tables"):
        if table in COLUMNS:
            stays = {name: COLUMNS[table].get(name, _NOTHING if filled else "NULL") for name, filled in book.fetch("columns", table)}
            columns = ", ".join(f"{name} = {left}" for name, left in stays.items() if left != name)
            [(last,)] = book.made("last_row", table=table)
            for after in range(0, last, _PORTION):
                book.made("bare_columns", table=table, columns=columns, after=str(after), portion=str(_PORTION))
        elif table not in (*WHOLE, "setting", "audit"):
            book.made("empty", table=table)
    for name, value in list(_settings(book)):
        left = kept_setting(name, value)
        if left is None:
            book.change_many("drop_settings", [[name]])
        elif left != value:
            book.change_many("put_settings", [[name, text_of(left)]])
    return _bare(book, key)


async def shrink(connection: Connection) -> None:
    """Build the file anew from what is left, and empty its log. Raises LedgerHeld where somebody looks into the file meanwhile."""
    await connection.rows("build_on_disk")      # nothing of people is in it any more, and a large one fits in no memory
    await connection.rows("rebuild")
    [(is_busy, *_)] = await connection.rows("empty_wal")
    if is_busy:
        raise LedgerHeld("the log of the ledger cannot be emptied: another program looks into the file", hint=HELD_HINT)


def _bare(book: Transaction, key: Callable[[str | None], str | None]) -> str:
    """Bare the entries of the audit; what guards them against any change is set aside for this transaction alone."""
    found = START
    guards = book.fetch("guards", "audit")
    for name, _ in guards:
        book.made("drop_guard", guard=name)
    for previous, line in _audit(book):
        if (left := kept_entry(line.text, key)) != line.text:
            found = bare_print(found, previous, Line(seq=line.seq, text=left, hash=line.hash))
            book.change("bare_audit", line.seq, left)
    for _, sql in guards:
        book.made("make_guard", sql=sql)
    return found


def _settings(book: Transaction) -> Iterator[tuple[str, Any]]:
    for name, text in book.fetch("settings", ""):
        yield name, orjson.loads(text)


def _audit(book: Transaction) -> Iterator[tuple[str, Line]]:
    after = 0
    while rows := book.fetch("audit", after, _PAGE):
        yield from (line_of(*row) for row in rows)
        after = rows[-1][0]
