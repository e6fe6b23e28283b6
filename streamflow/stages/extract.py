"""
Reading a source into the ledger, and handing staged records on.

Rule 1: a page is staged and the stream's mark moved in one transaction; what is not staged is read again.
Rule 2: only a complete pass proves absence; what it did not show is *missed*, nothing more.
Rule 3: an empty answer where there were records before never counts as "all deleted".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio

from streamflow.errors import NotFound, ProtocolMismatch
from streamflow.model import AuditEntry, Cursor, Key, Kind, Page, Staged
from streamflow.platforms.base import Source, Stream
from streamflow.stages.batch import Batch
from streamflow.store.base import Audit, Change, Ledger, Missed, MoveMark, StageResult

PARENTS_AT_ONCE = 24


@dataclass(slots=True)
class Tally:
    """What one pass over a stream found."""

    read: int = 0
    new: int = 0
    changed: int = 0
    missed: int = 0
    rejects: list[str] = field(default_factory=list)
    touched: list[Key] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    complete: bool = False
    names_touched: bool = True      # False: what was touched is counted alone

    def add(self, page: Page, result: StageResult) -> None:
        self.read += len(page.records)
        self.new += result.new
        self.changed += result.changed
        if self.names_touched:
            self.touched += [key for key, _ in result.touched]
        self.unknown.update(page.unknown)
        self.rejects += page.rejects

    @property
    def is_quiet(self) -> bool:
        """Say whether the pass found nothing new."""
        return self.new == 0 and self.changed == 0


Closing = Callable[[], Awaitable[Sequence[Change]]]
"""Gives what is committed together with the last page of a read."""
Permit = Callable[[], Awaitable[bool]]
"""Waits while the operator has paused; False when the daemon drains: take nothing new."""


class Intake:
    """Reads streams into the ledger; one instance for the whole run."""

    def __init__(self, *, ledger: Ledger, source: Source, permit: Permit, on_page: Callable[[Kind, int], None]) -> None:
        self._ledger = ledger
        self._source = source
        self._permit = permit
        self._on_page = on_page

    async def scan(self, stream: Stream, *, scan: str, closing: Closing | None = None, names_touched: bool = True) -> Tally:
        """
        Read a whole-list stream from its mark to the end; a pass that was interrupted goes on where it stopped.

        What *closing* gives once the last page has come is committed together with it.
        """
        tally = Tally(names_touched=names_touched)
        mark = await self._ledger.mark(f"read:{stream.kind}")
        start = mark.cursor if mark is not None and mark.note.get("scan") == scan and not mark.note.get("complete") else None
        async with aclosing(self._source.pages(stream.kind, start or None)) as pages:
            async for page in pages:
                if not await self._permit():
                    break
                note = {"scan": scan, "complete": page.next is None}
                move = MoveMark(name=f"read:{stream.kind}", cursor=page.next or "", note=note)
                changes = [move, _read_entry(page, scan), *(await closing() if closing is not None and page.next is None else ())]
                result = await self._ledger.stage(page.records, scan=scan, changes=changes)
                tally.add(page, result)
                if page.next is None:
                    tally.missed = await self._miss(stream.kind, scan) if stream.sweepable else 0
                    tally.complete = True
                self._on_page(stream.kind, len(page.records))    # last, since who hears it may end the round here
        return tally

    async def follow(self, stream: Stream, start: Cursor, *, scan: str, closing: Closing) -> Tally:
        """Read only what changed, from a cursor of `Source.changes_from`; it proves no absence. What *closing* raises ends it undrained."""
        tally = Tally()
        async with aclosing(self._source.pages(stream.kind, start)) as pages:
            async for page in pages:
                if not await self._permit():
                    break
                changes = [_read_entry(page, scan), *(await closing() if page.next is None else ())]
                result = await self._ledger.stage(page.records, scan=scan, changes=changes)
                tally.add(page, result)
                tally.complete = page.next is None
                self._on_page(stream.kind, len(page.records))
        return tally

    async def scan_children(self, stream: Stream, parents: AsyncIterator[Sequence[Key]], *, scan: str, name: str) -> Tally:
        """Ask for the rows of each parent, several parents at once; the mark *name* moves over finished groups of parents."""
        tally = Tally(names_touched=False)
        async for group in parents:
            for start in range(0, len(group), PARENTS_AT_ONCE):
                if not await self._permit():
                    return tally
                chunk = group[start : start + PARENTS_AT_ONCE]
                pages = await self._ask(stream.kind, chunk)
                move = MoveMark(name=name, cursor=chunk[-1], note={"scan": scan, "complete": False})
                await self._stage_children(stream, pages, scan, move, tally)
        await self._ledger.commit([MoveMark(name=name, cursor="", note={"scan": scan, "complete": True})])
        tally.complete = True
        return tally

    async def _ask(self, kind: Kind, parents: Sequence[Key]) -> list[tuple[Key, Page]]:
        pages: dict[Key, Page] = {}

        async def one(parent: Key) -> None:
            try:
                pages[parent] = await self._source.children(kind, parent)
            except NotFound:
                pages[parent] = Page(kind=kind, records=(), next=None)   # the parent went away meanwhile; its own scan will tell

        async with anyio.create_task_group() as group:
            for parent in parents:
                group.start_soon(one, parent)
        return [(parent, pages[parent]) for parent in parents]

    async def _stage_children(
        self, stream: Stream, pages: Sequence[tuple[Key, Page]], scan: str, move: Change, tally: Tally
    ) -> None:
        kind = stream.kind
        records = tuple(record for _, page in pages for record in page.records)
        unknown: Counter[str] = Counter()
        rejects: list[str] = []
        for _, page in pages:
            unknown.update(page.unknown)
            rejects += page.rejects
        joined = Page(kind=kind, records=records, next=None, unknown=unknown, rejects=tuple(rejects))
        result = await self._ledger.stage(records, scan=scan, changes=[move, _read_entry(joined, scan)])
        tally.add(joined, result)
        missed = await self._ledger.unseen(kind, scan=scan, parents=[parent for parent, _ in pages]) if stream.sweepable else ()
        if missed:
            tally.missed += len(missed)
            await self._ledger.commit([Missed(kind=kind, keys=tuple(missed))])
        self._on_page(kind, len(records))

    async def _miss(self, kind: Kind, scan: str) -> int:
        unseen = await self._ledger.unseen(kind, scan=scan)
        if not unseen:
            return 0
        total = sum(count.count for count in await self._ledger.counts() if count.kind == kind)
        if len(unseen) == total and total > 3:
            raise ProtocolMismatch(
                f"a complete pass over {total} records showed none of them", stream=kind,
                hint="an empty source never deletes: check the account, the key and the filters, then resume",
            )
        await self._ledger.commit([Missed(kind=kind, keys=tuple(unseen))])
        return len(unseen)


def _read_entry(page: Page, scan: str) -> Change:
    return Audit(entry=AuditEntry(actor="streamflow", action="read", kind=page.kind, note=f"{len(page.records)} records, pass {scan}"))


# ------------------------------------------------------------------------------------------------ from the ledger


class StagedBatches:
    """Hands on pending records of a kind, oldest change first, each once a pass."""

    def __init__(self, *, ledger: Ledger, kind: Kind, size: int, permit: Permit) -> None:
        self._ledger = ledger
        self._kind = kind
        self._size = size
        self._permit = permit

    async def __call__(self) -> AsyncIterator[Batch]:
        after, number = 0, 0
        while True:
            if not await self._permit():
                return
            staged = await self._ledger.pending(self._kind, limit=self._size, after_seq=after)
            if not staged:
                return
            after = staged[-1].seq
            yield Batch(number=number, kind=self._kind, staged=tuple(staged))
            number += 1


class ChosenBatches:
    """Hands on the chosen records of a kind that are still pending: the sample."""

    def __init__(self, *, ledger: Ledger, kind: Kind, keys: Sequence[Key], size: int, permit: Permit) -> None:
        self._ledger = ledger
        self._kind = kind
        self._keys = keys
        self._size = size
        self._permit = permit

    async def __call__(self) -> AsyncIterator[Batch]:
        for number, start in enumerate(range(0, len(self._keys), self._size)):
            if not await self._permit():
                return
            found: Mapping[Key, Staged] = await self._ledger.staged(self._kind, self._keys[start : start + self._size])
            staged = tuple(each for each in found.values() if each.state.value == "pending")
            if staged:
                yield Batch(number=number, kind=self._kind, staged=staged)
