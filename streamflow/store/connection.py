"""
One connection, one lock, one fate: the thin shell around aiosqlite.

Rule 1: a transaction runs whole in the thread of the connection, from BEGIN to COMMIT in one errand (each costs more than most
statements), inside a shielded scope with a time limit: a cancelled caller never leaves half of one open for the next writer to commit.
Rule 2: reads wait for the transaction that runs, since on one connection they would see its half.
Rule 3: after an I/O error or an unknown end of a transaction nothing is written through this handle any more: what the disk holds is
known again only after reopening.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from string import Template
from typing import Any, TypeVar
from urllib.parse import quote

import aiosqlite
import anyio

from streamflow.errors import DiskRefused, InvariantBroken, StoreError, is_of_the_disk
from streamflow.store.codec import Row
from streamflow.store.queries import SQL

# aiosqlite logs every statement with its parameters at DEBUG: personal data, which never enters a log.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)

T = TypeVar("T")
PORTION = 64               # rows a statement, a power of two: see `portions`
STATEMENTS = 256           # remembered by SQLite's module: all there are, nearly
BUSY_TIMEOUT_S = 5.0
ROLLBACK_LIMIT_S = 10.0
_PIECE_BYTES = 1 << 20
DAMAGE_HINT = (
    "keep the file as it is and check the disk; go on from a backup only if nothing ran since it was made, "
    "else with an empty state directory"
)
HELD_HINT = "close whatever else has ledger.sqlite open for writing (a shell, a backup tool), then start again"
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16000",            # 16 MB
)
_WRITER_PRAGMAS = (
    "PRAGMA synchronous = FULL",             # an intent that is acknowledged survives a power cut
    "PRAGMA secure_delete = OFF",
    "PRAGMA journal_size_limit = 67108864",  # gives a grown WAL file back to the disk
)


class LedgerHeld(StoreError):
    """Another program holds the file for longer than is waited for; nothing is wrong with the book, and the next start may do."""

    code = "ledger_held"


async def connect(path: Path, *, writable: bool) -> aiosqlite.Connection:
    """
    Open an existing SQLite file with the project's settings; never makes one.

    Raises:
        StoreError: it cannot be opened.
    """
    mode = "rw" if writable else "ro"
    try:
        raw = await aiosqlite.connect(
            f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S, cached_statements=STATEMENTS,
        )
    except sqlite3.Error as error:
        raise refusal(error, "cannot be opened", path) from error
    try:
        for pragma in _PRAGMAS + (_WRITER_PRAGMAS if writable else ()):
            await raw.execute_fetchall(pragma)
    except BaseException as error:     # cancelled as well: the thread of the connection must not be left running
        with anyio.CancelScope(shield=True):
            await raw.close()
        if isinstance(error, sqlite3.Error):
            raise refusal(error, "cannot be opened", path) from error
        raise
    return raw


def refusal(error: sqlite3.Error, what: str, path: Path) -> StoreError:
    """Translate SQLite's error about the ledger at *path*; its text names tables and columns, never values."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or is_malformed(error):
        return damaged(path, f"the ledger is damaged: {error} ({name})")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerHeld(f"the ledger {what}: another program holds it ({name})", hint=HELD_HINT)
    remedy = "free some space on the disk" if name == "SQLITE_FULL" else "check disk, owner and rights"
    family = DiskRefused if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")) else StoreError
    return family(f"the ledger {what}: {error} ({name})", hint=f"{remedy} of the state directory")


def damaged(path: Path, told: str) -> StoreError:
    """
    Give the error for a ledger in which SQLite finds faults, as *told*; of the disk, where that does not give all of it.

    To SQLite a page that cannot be read is one that is malformed. So all of the file is read, which takes a while, at the end of a run.
    """
    try:
        for side in (path, path.with_name(path.name + "-wal")):
            if side.exists():
                _read_through(side)
    except OSError as error:
        family = DiskRefused if is_of_the_disk(error) else StoreError
        return family(f"the ledger cannot be read: {error.strerror}", hint="check disk, owner and rights of the state directory")
    return StoreError(told, hint=DAMAGE_HINT)


def _read_through(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(_PIECE_BYTES):
            pass


def is_malformed(error: sqlite3.Error) -> bool:
    """Say whether a text that must be JSON is none."""
    return str(error) == "malformed JSON"


def portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """
    Cut rows into portions of 64, 32, 16 and so on.

    For each number of rows there is a statement of its own, which takes a millisecond to make and which SQLite's module keeps, with what
    was bound to it last: hundreds of them for all numbers up to a batch are slow and take tens of megabytes.
    """
    at = 0
    while left := len(rows) - at:
        size = min(PORTION, 1 << (left.bit_length() - 1))
        yield rows[at : at + size]
        at += size


@lru_cache(maxsize=STATEMENTS)
def _with_rows(sql: str, rows: int, cells: int) -> str:
    # Plain question marks number themselves after the ?1, ?2 that stand before them; thousands of numbered ones are slow to bind.
    row = "(" + ",".join("?" * cells) + ")"
    return sql.replace("(:rows)", f"(VALUES {','.join([row] * rows)})")


def _with_parts(name: str, parts: Mapping[str, str]) -> str:
    return Template(SQL[name]).substitute(parts) if parts else SQL[name]


class Transaction:
    """The statements of one transaction; lives and dies in the thread of the connection."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self._is_given_up = False

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Do *work* between BEGIN and COMMIT; who calls this undoes what an error leaves open."""
        self._execute("BEGIN IMMEDIATE")
        result = work(self)
        self._execute("COMMIT")
        return result

    def give_up(self) -> None:
        """Let no further statement run; may be called from another thread."""
        self._is_given_up = True

    def fetch(self, name: str, *args: Any) -> list[Row]:
        """Run the named read."""
        return self._execute(SQL[name], args).fetchall()

    def change(self, name: str, *args: Any) -> int:
        """Run the named write and answer how many rows it changed."""
        return self._execute(SQL[name], args).rowcount

    def change_many(self, name: str, rows: Sequence[Row], *args: Any) -> int:
        """Run the named write for all *rows* at once, at most `PORTION` of them."""
        return self._execute(_with_rows(SQL[name], len(rows), len(rows[0])), [*args, *chain.from_iterable(rows)]).rowcount

    def made(self, name: str, **parts: str) -> list[Row]:
        """Run the named statement with its $parts put in: names and texts of the schema itself, as SQLite told them."""
        return self._execute(_with_parts(name, parts)).fetchall()

    def define(self, name: str, function: Callable[[Any], Any]) -> None:
        """Give the statements of this connection a function of one value."""
        self._raw.create_function(name, 1, function, deterministic=True)

    def _execute(self, sql: str, args: Sequence[Any] = ()) -> sqlite3.Cursor:
        if self._is_given_up:
            raise sqlite3.OperationalError("the transaction was given up")
        return self._raw.execute(sql, args)


class Connection:
    """The ledger's single connection, to the file at *path*."""

    def __init__(self, raw: aiosqlite.Connection, path: Path, *, limit_s: float = 60.0) -> None:
        self._raw = raw
        self._path = path
        self._limit_s = limit_s
        self._lock = anyio.Lock(fast_acquire=True)
        self._failure: StoreError | None = None     # since which nothing may be written any more
        self._is_unreadable = False                 # nor read

    def check(self) -> None:
        """Raise the failure since which no write is taken, whoever met it and whatever it was; nothing otherwise."""
        if self._failure is not None:
            raise self._failure

    async def rows(self, name: str, *args: Any, **parts: str) -> list[Row]:
        """Run the named read outside any transaction; *parts* as of `made`."""
        async with self._lock:
            if self._is_unreadable:
                self._refuse()
            try:
                return list(await self._raw.execute_fetchall(_with_parts(name, parts), args))
            except sqlite3.Error as error:
                raise refusal(error, "cannot be read", self._path) from error

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """
        Run *work*, which is called in another thread, in one durable transaction: all of it or nothing, and never half-cancelled.

        Raises:
            StoreError: the book cannot be written; after this it takes no more writes.
            InvariantBroken: a constraint of the book was hit; nothing was written, the book is sound.
        """
        async with self._lock:
            self._refuse()
            with anyio.move_on_after(self._limit_s, shield=True):
                return await self._transact(work)
            self._failure = self._failure or _hangs(f"a transaction took longer than {self._limit_s:g} s")
            raise self._failure

    def _refuse(self) -> None:
        if self._failure is not None:
            raise type(self._failure)(self._failure.message, hint=self._failure.hint)

    async def _transact(self, work: Callable[[Transaction], T]) -> T:
        transaction: Transaction | None = None
        try:
            transaction = Transaction(self._raw._conn)
            # The way of aiosqlite's own methods into its thread; it has no public one for a whole function.
            result: T = await self._raw._execute(transaction.run, work)  # type: ignore[no-untyped-call]
        except sqlite3.IntegrityError as error:
            await self._undo()
            raise InvariantBroken(f"the ledger refuses a change: {error}", hint="a bug: the same thing was noted twice") from error
        except sqlite3.Error as error:
            failure = refusal(error, "cannot be written", self._path)
            await self._undo(None if _was_only_busy(error) else failure)
            raise failure from error
        except BaseException as error:
            # Cancelled from outside or by the time limit: whatever statement still runs must end before it can be undone.
            if transaction is not None:
                transaction.give_up()
            await self._undo(interrupt=not isinstance(error, Exception))
            raise
        return result

    async def _undo(self, failure: StoreError | None = None, *, interrupt: bool = False) -> None:
        """Undo a transaction; after a *failure*, or where that cannot be done, nothing is written any more."""
        self._failure = self._failure or failure
        done = False
        try:
            with anyio.move_on_after(ROLLBACK_LIMIT_S, shield=True):
                if interrupt:
                    await self._raw.interrupt()
                await self._raw.rollback()
                done = True
        except sqlite3.Error as error:
            self._failure = self._failure or refusal(error, "cannot undo a transaction", self._path)
        if not done:
            self._failure, self._is_unreadable = self._failure or _hangs("a transaction could not be undone"), True

    async def close(self) -> None:
        """Close the file; cannot be cancelled, is quick, and may be called twice."""
        with anyio.CancelScope(shield=True):
            self._failure, self._is_unreadable = self._failure or StoreError("the ledger is closed"), True
            async with self._lock:
                await self._raw.close()


def _hangs(told: str) -> StoreError:
    return DiskRefused(told, hint="check the disk of the state directory")


def _was_only_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
