"""
Reading a source into the ledger.

Rule 1: a page is staged and the stream's mark moved in one transaction; what is not staged is read again.
Rule 2: only a complete pass proves absence; what it did not show is *missed*, nothing more. A pass with gaps is not complete, unless a
person gave them up and it is known which records they may hide: these are never missed.
Rule 3: an empty answer where there were records before never counts as "all deleted", unless a person says that it does.
Rule 4: a page that tells something new is in the audit; one that tells nothing is not: months of polls would bury what was done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from types import MappingProxyType

from streamflow.ledger_names import read_mark
from streamflow.model import AuditEntry, Cursor, Key, Kind, Page, Record
from streamflow.platforms.source import Source, Stream
from streamflow.stages.accepted import kept_by_staging
from streamflow.stages.asking import GoneParents, ask_for
from streamflow.stages.moved import Moved
from streamflow.stages.permit import Permit
from streamflow.stages.rejected import told
from streamflow.stages.rekey import hand_over
from streamflow.stages.tally import CHANGED, Tally, cut_short
from streamflow.stages.uplinks import Uplinked
from streamflow.store.base import Ledger, StageResult
from streamflow.store.change import Audit, Change, Missed, MoveMark

PARENTS_AT_ONCE = 24

Closing = Callable[[], Awaitable[Sequence[Change]]]
"""Gives what is committed together with the last page of a read that has no gap, or behind it where a person gave up all there are."""
Settling = Callable[[Stream, Tally, str], Awaitable[None]]
"""Hears of a read of a list that came to its end, by its name: finds out about its gaps, tells them, and says what was given up."""
Emptied = Callable[[Kind, int, int], Awaitable[bool]]
"""Hears how many records of a kind complete passes did not show, and of how many; says whether that is to be believed."""
_FEW = 3       # so few records of a kind may all be gone without a question


class Intake:
    """Reads streams into the ledger; one instance for the whole run."""

    def __init__(
        self, *, ledger: Ledger, source: Source, permit: Permit, on_page: Callable[[Kind, int], None],
        streams: Callable[[], Sequence[Stream]] = tuple, settle: Settling | None = None, emptied: Emptied | None = None,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._streams = streams        # of the source, where its pages may bring records of several kinds
        self._source = source
        self._permit = permit
        self._on_page = on_page
        self._settle = settle
        self._emptied = emptied        # without it an empty kind is never believed
        self.uplinked = Uplinked(ledger)

    async def scan(self, stream: Stream, *, scan: str, closing: Closing | None = None, names_touched: bool = True) -> Tally:
        """
        Read a whole-list stream from its mark to the end; a pass that was interrupted goes on where it stopped.

        What *closing* gives once the last page has come is committed together with it.
        """
        tally = Tally(names_touched=names_touched)
        mark = await self._ledger.mark(read_mark(stream.kind))
        tally.recall(mark, scan)
        begun = cut_short(mark, scan)
        start = begun.cursor if begun is not None else None
        moved = Moved(ledger=self._ledger, source=self._source, stream=stream, permit=self._permit)
        async with aclosing(self._source.pages(stream.kind, start or None)) as pages:
            async for shown in pages:
                if not await self._permit() or (page := await moved.hand_over(shown)) is None:
                    break
                tally.look(page)
                tally.ended = page.next is None
                tally.disbelieved = tally.ended and not tally.shown and not await self._may_be_empty(stream)
                move = MoveMark(name=read_mark(stream.kind), cursor=page.next or "", note=tally.note(scan, ended=tally.ended))
                changes = [move, *(await closing() if closing is not None and tally.complete else ())]
                result = await self._stage_page(stream, page, scan, changes)
                tally.add(page, result)
                await self._end(stream, tally, scan, closing)
                if tally.complete:
                    for kind in self._shown_by(stream):
                        await self.miss(kind, scan, tally, spared=tally.spared)
                self._tell(page)                                 # last, since who hears it may end the round here
        return tally

    async def follow(self, stream: Stream, start: Cursor, *, scan: str, closing: Closing, part: str = CHANGED) -> Tally:
        """Read only what changed, from a cursor of `Source.changes_from`; it proves no absence. What *closing* raises ends it undrained."""
        tally = Tally(part=part)
        async with aclosing(self._source.pages(stream.kind, start)) as pages:
            async for page in pages:
                if not await self._permit():
                    break
                tally.look(page)
                tally.ended = page.next is None
                changes = await closing() if tally.complete else ()
                result = await self._stage_page(stream, page, scan, changes)
                tally.add(page, result)
                await self._end(stream, tally, scan, closing)
                self._tell(page)
        return tally

    async def _end(self, stream: Stream, tally: Tally, scan: str, closing: Closing | None) -> None:
        """Once the last page is staged, let the gaps be looked into; where all were given up, close the read in spite of them."""
        if not tally.ended or self._settle is None:
            return
        await self._settle(stream, tally, scan)
        if tally.gaps and tally.given_up and closing is not None:
            await self._ledger.commit(await closing())

    async def adopt(self, stream: Stream, known: Sequence[Record], given: Sequence[Record], *, scan: str) -> StageResult:
        """Join what was learned about records with what is known of them, and stage that."""
        records = [self._source.join(before, now, feed=stream.kind) for before, now in zip(known, given, strict=True)]
        return await self._stage(records, scan)

    def _tell(self, page: Page) -> None:
        """Tell how many records of each kind came, those of the page's own kind last."""
        kinds = Counter(record.kind for record in page.records)
        own = kinds.pop(page.kind, 0)
        for kind, count in kinds.items():
            self._on_page(kind, count)
        self._on_page(page.kind, own)

    def _shown_by(self, stream: Stream) -> list[Kind]:
        """Give the kinds whose absence a complete pass over this stream alone proves."""
        own = [stream.kind] if stream.sweepable and not stream.fed_by else []
        return own + [each.kind for each in self._streams() if each.via == stream.kind and each.sweepable and not each.fed_by]

    async def _renamed(self, page: Page) -> Page:
        """
        Let records whose made key has changed go on under the new one, before anything is joined with what is known of them.

        One that the page shows without its key is what is known by that key, with what the page tells of it.
        """
        renamed = await hand_over(self._ledger, self._streams(), page)
        records = list(renamed.records)
        for place, (shown, record) in enumerate(zip(page.records, records, strict=True)):
            if shown.key != record.key:
                known = (await self._ledger.staged(record.kind, [record.key])).get(record.key)
                records[place] = self._source.join(known.record if known else None, record, feed=page.kind)
        return replace(renamed, records=tuple(records))

    async def _joined(self, stream: Stream, page: Page) -> Sequence[Record]:
        """Give the records of a page, those of kinds that several streams bring joined with what is known of them."""
        kinds = {each.kind for each in self._streams() if each.fed_by}
        wanted: dict[Kind, dict[Key, None]] = {}
        for record in page.records:
            if record.kind in kinds:
                wanted.setdefault(record.kind, {})[record.key] = None
        if not wanted:
            return page.records
        known: dict[tuple[Kind, Key], Record] = {}
        for kind, keys in wanted.items():
            known |= {(kind, key): each.record for key, each in (await self._ledger.staged(kind, list(keys))).items()}
        records: list[Record] = []
        for record in page.records:
            if record.kind in kinds:
                name = (record.kind, record.key)
                record = known[name] = self._source.join(known.get(name), record, feed=stream.kind)
            records.append(record)
        return records

    async def scan_children(
        self, stream: Stream, parents: AsyncIterator[Sequence[Key]], *, scan: str, name: str, vanished: GoneParents | None = None
    ) -> Tally:
        """
        Ask for the rows of each parent, several parents at once; the mark *name* moves over finished groups of parents.

        A parent that the source cannot be asked by, or never answers for, is a gap and named in `unread`, unless *vanished* knows that it
        is gone itself.
        Where not one of a whole group is answered the function is missing: the pass is given up there (`halted_after`).
        """
        tally = Tally(names_touched=False)
        tally.recall(await self._ledger.mark(name), scan)
        async for group in parents:
            for start in range(0, len(group), PARENTS_AT_ONCE):
                if not await self._permit():
                    return tally
                chunk = group[start : start + PARENTS_AT_ONCE]
                pages = await ask_for(self._source, self._ledger, stream, chunk, vanished=vanished)
                for parent, page in pages:
                    tally.look(page)
                    tally.unread += [parent] if page.gaps else []
                if len(chunk) == PARENTS_AT_ONCE and all(page.gaps for _, page in pages):
                    tally.halted_after = chunk[-1]
                    return tally
                move = MoveMark(name=name, cursor=chunk[-1], note=tally.note(scan, ended=False))
                await self._stage_children(stream, pages, scan, move, tally)
        await self._ledger.commit([MoveMark(name=name, cursor="", note=tally.note(scan, ended=True))])
        tally.ended = True
        return tally

    async def _stage_children(
        self, stream: Stream, pages: Sequence[tuple[Key, Page]], scan: str, move: Change, tally: Tally
    ) -> None:
        kind = stream.kind
        records = tuple(record for _, page in pages for record in page.records)
        joined = Page(kind=kind, records=records, next=None)     # the rest of what they tell is taken in already
        rejects = told(kind, (each for _, page in pages for each in page.rejects))
        result = await self._stage(records, scan, [move, *rejects], _read_entry(joined, scan))
        tally.add(joined, result)
        asked = [parent for parent, page in pages if not page.gaps]
        missed = await self._ledger.unseen(kind, scan=scan, parents=asked) if stream.sweepable else ()
        if missed:
            tally.missed += len(missed)
            await self._ledger.commit([Missed(kind=kind, keys=tuple(missed)), *await self.uplinked.by_missing(kind, missed)])
        self._on_page(kind, len(records))

    async def _stage_page(self, stream: Stream, page: Page, scan: str, changes: Sequence[Change]) -> StageResult:
        """Stage what a page of a list shows."""
        records = await self._joined(stream, await self._renamed(page))
        return await self._stage(records, scan, [*changes, *told(page.kind, page.rejects)], _read_entry(page, scan))

    async def _stage(self, records: Sequence[Record], scan: str, changes: Sequence[Change] = (), *news: Change) -> StageResult:
        """Stage records, and open again who looks at those that are new or changed."""
        along = [*await self.uplinked.by_staging(records), *await kept_by_staging(self._ledger, records)]
        return await self._ledger.stage(records, scan=scan, changes=[*changes, *along], news=news)

    async def _may_be_empty(self, stream: Stream) -> bool:
        """Say whether a whole list that ended without a row may be closed as it is: nothing of it is known, or a person says so."""
        if stream.kind not in self._shown_by(stream):
            return True     # others bring its records as well
        total = await self._known(stream.kind)
        return not is_emptied(total, total) or (self._emptied is not None and await self._emptied(stream.kind, total, total))

    async def _known(self, kind: Kind) -> int:
        return sum(count.count for count in await self._ledger.counts() if count.kind == kind)

    async def miss(
        self, kind: Kind, scan: str, tally: Tally, *, spared: Mapping[Kind, Collection[Key]] = MappingProxyType({})
    ) -> None:
        """
        Count as missed what complete passes since the named one began did not show, and add that to the *tally* of the last of them.

        Nothing is said of what is *spared*, nor of what belongs to it. A kind that is empty all at once is a fault of the source, and the
        pass no proof of anything, unless a person says that it is so.
        """
        unseen = await self._ledger.unseen(kind, scan=scan)
        total = await self._known(kind) if unseen else 0
        if self._emptied is not None:
            believed = await self._emptied(kind, len(unseen), total)
        else:
            believed = not is_emptied(len(unseen), total)
        if not believed:
            tally.disbelieved = True
            return
        gone = await self._but_for(kind, unseen, spared) if unseen else []
        if gone:
            await self._ledger.commit([Missed(kind=kind, keys=tuple(gone)), *await self.uplinked.by_missing(kind, gone)])
        tally.missed += len(gone)

    async def _but_for(self, kind: Kind, keys: Sequence[Key], spared: Mapping[Kind, Collection[Key]]) -> list[Key]:
        """Leave out of the keys of a kind what is spared, and what belongs to a record that is."""
        own = set(spared.get(kind, ()))
        stream = next((each for each in self._streams() if each.kind == kind), None)
        owners = set(spared.get(stream.parent or stream.refers_to or "", ())) if stream is not None else set()
        if not owners:
            return [key for key in keys if key not in own]
        staged = await self._ledger.staged(kind, keys)
        return [key for key in keys if key not in own and (key not in staged or staged[key].record.parent not in owners)]


def is_emptied(missed: int, total: int) -> bool:
    """Say whether a kind vanished as a whole, which is a fault of the source unless a person says otherwise."""
    return missed >= total > _FEW


def _read_entry(page: Page, scan: str) -> Change:
    return Audit(entry=AuditEntry(actor="streamflow", action="read", kind=page.kind, note=f"{len(page.records)} records, pass {scan}"))
