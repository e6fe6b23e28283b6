"""
The ledger on SQLite: one file, one connection, one transaction a commit.

What to write is decided in `staging` and `plan`, which are pure; this file carries it out. The numbers it keeps in memory (last
change number, end of the audit chain, last record id) are those of the last transaction that ended well; after any other end they are
read again from the file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from streamflow.clock import Clock, iso
from streamflow.errors import InvariantBroken, StoreError
from streamflow.model import Record
from streamflow.store import files, purging
from streamflow.store.audit import Head
from streamflow.store.base import StageResult
from streamflow.store.change import Change
from streamflow.store.codec import text_of
from streamflow.store.connection import Connection, Transaction, connect, portions
from streamflow.store.lock import locked
from streamflow.store.plan import Moment, Step, plan
from streamflow.store.purging import Share
from streamflow.store.sqlite_reading import SqliteReading
from streamflow.store.staging import Known, Staging, reader_of, stage_page

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class _Standing:
    """Where the book stands at the end of its last transaction."""

    number: int
    written: int      # the number as the file has it
    last_id: int
    head: Head


class SqliteLedger(SqliteReading):
    """The `Ledger` in a state directory; get one from `open` or `open_readonly`."""

    def __init__(self, connection: Connection, *, clock: Clock, epoch: int, writable: bool) -> None:
        super().__init__(connection)
        self._clock = clock
        self._epoch = epoch
        self._writable = writable
        self._standing: _Standing | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, directory: Path | str, *, clock: Clock, create: bool = True, limit_s: float = 60.0) -> AsyncIterator[SqliteLedger]:
        """
        Hold the state directory and its ledger for writing; *limit_s* bounds each transaction.

        Raises:
            DirectoryInUse: another daemon holds the directory (a StoreError with code "usage").
            StoreError: there is no ledger and none may be made, or it is foreign, damaged, newer, or cannot be reached.
        """
        home = Path(directory)
        path = home / files.LEDGER_FILE
        files.own_directory(home, create=create)
        with locked(home):
            if not path.exists():
                if not create:
                    raise StoreError(f"there is no ledger in {home}", hint="check the path, or start a migration first")
                await files.make(path, at=iso(clock.now()))
            connection = Connection(await files.open_sound(path), path, limit_s=limit_s)
            try:
                yield cls(connection, clock=clock, epoch=await _next_epoch(connection), writable=True)
            finally:
                await connection.close()

    @classmethod
    @asynccontextmanager
    async def open_readonly(cls, directory: Path | str, *, clock: Clock, whole: bool = True) -> AsyncIterator[SqliteLedger]:
        """
        Look into a ledger without holding it, whether a daemon works on it or not; writing raises StoreError.

        Unless *whole* is off every page is examined first, which takes a while in a large one.
        """
        path = Path(directory) / files.LEDGER_FILE
        if not path.exists():
            raise StoreError(f"there is no ledger in {directory}", hint="check the path, or start a migration first")
        version = await files.examine(path, whole=whole)
        if version < files.VERSION:
            raise StoreError(f"{path} is of an older version", hint="start the daemon once, which brings it to the present version")
        connection = Connection(await connect(path, writable=False), path)
        try:
            [(epoch, _)] = await connection.rows("book")
            yield cls(connection, clock=clock, epoch=epoch, writable=False)
        finally:
            await connection.close()

    async def close(self) -> None:
        """Close the file before its time; leaving the `open` block does so as well."""
        await self._connection.close()

    def check(self) -> None:
        """Raise the StoreError since which this ledger takes no write; nothing while it does."""
        self._connection.check()

    @property
    def epoch(self) -> int:
        return self._epoch

    # ------------------------------------------------------------------------------------------ writing

    async def stage(
        self, records: Sequence[Record], *, scan: str, changes: Sequence[Change] = (), news: Sequence[Change] = ()
    ) -> StageResult:
        """See `Ledger.stage`; all records of one call are judged against the book with three statements, however many they are."""
        wanted = text_of([[record.kind, record.key] for record in records])

        def work(book: Transaction, standing: _Standing) -> StageResult:
            known = {(row[0], row[1]): Known(id=row[2], seq=row[3], digest=row[4], missing=row[5])
                     for row in book.fetch("known_records", wanted)}
            standing.number += 1  # of this staging, below those of its records
            touched_at = standing.number
            staging = stage_page(records, known, number=standing.number, last_id=standing.last_id)
            standing.number = staging.number
            standing.last_id += staging.result.new
            self._put(book, staging, scan=scan, touched_at=touched_at)
            self._apply(book, [*changes, *(news if staging.result.is_news else ())], standing)
            return staging.result

        return await self._write(work)

    async def commit(self, changes: Iterable[Change]) -> None:
        """See `Ledger.commit`; InvariantBroken means that the changes contradict the book, and nothing of them was written."""
        held = tuple(changes)

        def work(book: Transaction, standing: _Standing) -> None:
            self._apply(book, held, standing)

        await self._write(work)

    async def shares(self) -> dict[str, Share]:
        """Count what a purge would leave and take, by table."""
        return await purging.shares(self._connection, await self.settings(""), self.audit_lines())

    async def purge(self, changes: Callable[[str], Iterable[Change]]) -> None:
        """
        Take out for good what `keeping` does not name, with *changes*, given the print of the bared audit, in the same transaction.

        What went is in free pages and in the log beside the file until `shrink`.
        """
        await self._connection.rows("overwrite_what_goes")
        await self._connection.rows("no_cascades")     # all goes in any case, and a table at once

        def work(book: Transaction, standing: _Standing) -> None:
            self._apply(book, tuple(changes(purging.strip(book))), standing)

        await self._write(work)

    async def shrink(self) -> None:
        """Build the file anew from what is left, and empty its log. Raises LedgerHeld where somebody looks into the file meanwhile."""
        await self._connection.rows("overwrite_what_goes")
        await purging.shrink(self._connection)

    async def _write(self, work: Callable[[Transaction, _Standing], T]) -> T:
        if not self._writable:
            raise StoreError("this look into the ledger cannot write", hint="ask the daemon through its socket")

        def whole(book: Transaction) -> tuple[T, _Standing]:
            # Taken away first: unless the transaction comes to its end, the file is asked again next time.
            standing, self._standing = self._standing or _read_standing(book), None
            result = work(book, standing)
            if standing.number != standing.written:
                book.change("write_number", standing.number)
                standing.written = standing.number
            return result, standing

        result, self._standing = await self._connection.transact(whole)
        return result

    def _put(self, book: Transaction, staging: Staging, *, scan: str, touched_at: int) -> None:
        at = iso(self._clock.now())
        if book.change("start_scan", scan, touched_at):
            book.change("forget_scans", reader_of(scan), scan)
        if staging.put:
            rows = [[held.id, record.kind, record.key, held.seq, record.digest, record.parent, record.changed_at]
                    for record, held in staging.put]
            payloads = [[held.id, text_of(record.data)] for record, held in staging.put]
            for part in portions(rows):
                book.change_many("put_records", part, touched_at, at)
            for part in portions(payloads):
                book.change_many("put_payloads", part)
        for part in portions([[id_] for id_ in staging.touch]):
            book.change_many("touch_records", part, touched_at, at)

    def _apply(self, book: Transaction, changes: Sequence[Change], standing: _Standing) -> None:
        steps = plan(changes, Moment(at=iso(self._clock.now()), epoch=self._epoch, head=standing.head))
        for step in steps.steps:
            standing.number += self._carry_out(book, step, standing.number)
        standing.head = steps.head

    def _carry_out(self, book: Transaction, step: Step, number: int) -> int:
        """Run one statement; answer how many change numbers it used up."""
        if not step.rows:
            changed = book.change(step.name, *step.args, *(() if step.numbers == "none" else (number,)))
            return changed if step.numbers == "rows" else 0
        changed = used = 0
        for part in portions(step.rows):
            found = book.change_many(step.name, part, *step.args, *(() if step.numbers == "none" else (number + used,)))
            changed += found
            used += {"none": 0, "one": 1, "rows": found}[step.numbers]
        if step.expect is not None and changed != step.expect:
            raise InvariantBroken(
                f"{step.name.replace('_', ' ')}: {step.expect - changed} of {step.expect} are unknown or already have another answer",
                hint="a bug, or a decision on something that is not there; nothing was written",
            )
        return used


def _read_standing(book: Transaction) -> _Standing:
    [(_, number)] = book.fetch("book")
    [(last_id,)] = book.fetch("last_record")
    [(reached, last)] = book.fetch("audit_head")
    head = Head(seq=reached, hash=(last or b"").decode(errors="replace"))
    return _Standing(number=number, written=number, last_id=last_id, head=head)


async def _next_epoch(connection: Connection) -> int:
    def work(book: Transaction) -> int:
        book.change("open_epoch")
        [(epoch, _)] = book.fetch("book")
        return int(epoch)

    return await connection.transact(work)
