"""The ledger on its file in virtual time: SQLite is called where it is asked, since a world has no threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiosqlite

from streamflow.clock import Clock, iso
from streamflow.model import Kind
from streamflow.store import files
from streamflow.store.audit import Line
from streamflow.store.connection import Connection
from streamflow.store.memory import MemoryLedger
from streamflow.store.memory_reading import Held
from streamflow.store.sqlite import SqliteLedger, _next_epoch


class Direct:
    """What the store uses of aiosqlite's connection, without its thread."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._conn = raw

    async def _execute(self, work: Callable[..., Any], *args: Any) -> Any:
        return work(*args)

    async def execute_fetchall(self, sql: str, args: Any = ()) -> list[Any]:
        return self._conn.execute(sql, args).fetchall()

    async def executescript(self, sql: str) -> None:
        self._conn.executescript(sql)

    async def rollback(self) -> None:
        self._conn.rollback()

    async def interrupt(self) -> None:
        """Nothing of it can be under way."""

    async def close(self) -> None:
        self._conn.close()


class Disk:
    """A state directory; whoever opens the ledger in it anew is a new start of the daemon."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.path = folder / files.LEDGER_FILE
        self._clock = clock
        self._raw: Direct | None = None

    async def open(self) -> SqliteLedger:
        """Open the ledger as a start of the daemon does, but for the lock of the directory."""
        with _called_directly():
            if not self.path.exists():
                await files.make(self.path, at=iso(self._clock.now()))
            raw = await files.open_sound(self.path)
        assert isinstance(raw, Direct)
        self._raw = raw
        connection = Connection(raw, self.path)     # type: ignore[arg-type]
        return SqliteLedger(connection, clock=self._clock, epoch=await _next_epoch(connection), writable=True)

    def drop(self) -> None:
        """Let go of the file, as the end of a process does."""
        if self._raw is not None:
            self._raw._conn.close()

    @property
    def wal_bytes(self) -> int:
        wal = self.path.with_name(self.path.name + "-wal")
        return wal.stat().st_size if wal.exists() else 0

    def pages_bytes(self) -> int:
        """Give what the tables take, whether it was moved from the WAL into the file yet or not."""
        if self._raw is None:
            return 0
        [(pages,)] = self._raw._conn.execute("PRAGMA page_count").fetchall()
        [(size,)] = self._raw._conn.execute("PRAGMA page_size").fetchall()
        return int(pages) * int(size)

    def rows(self) -> dict[str, int]:
        """Count the rows of each table."""
        if self._raw is None:
            return {}
        conn = self._raw._conn
        names = [name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        return {name: conn.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in sorted(names)}


@contextmanager
def _called_directly() -> Iterator[None]:
    async def connect(path: str, **given: Any) -> Direct:
        return Direct(sqlite3.connect(path, **given))

    with patch.object(aiosqlite, "connect", connect):
        yield


async def in_memory(ledger: SqliteLedger, kinds: tuple[Kind, ...], clock: Clock) -> MemoryLedger:
    """Give all that a judge asks about as a book in memory."""
    copy = MemoryLedger(clock=clock)
    book = copy._book
    for kind in kinds:
        async for page in ledger.every(kind):
            for staged in page:
                book.records[kind, staged.record.key] = Held(id=0, touched=0, staged=staged)
                for intent in await ledger.intents_of(kind, staged.record.key):
                    book.intents[intent.id] = intent
    async for links in ledger.crosswalk():
        book.links.update({link.ref: link for link in links})
    book.items.update({item.id: item for item in await ledger.queue(state=None)})
    book.settings.update(await ledger.settings(""))
    rows = await ledger._connection._raw.execute_fetchall("SELECT seq, entry, hash FROM audit ORDER BY seq")
    book.audit.update({seq: Line(seq=seq, text=text, hash=mark) for seq, text, mark in rows})
    return copy
