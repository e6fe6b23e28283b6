"""
The ledger without a file: the same contract on plain dicts, for simulation and for tests of what stands above.

Changes are applied one by one, in the plainest way that the contract allows, which makes it the yardstick of the one on SQLite as well.
A commit that fails half-way is taken back step by step. Nothing handed in or out is shared with the inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from anyio.lowlevel import checkpoint

from streamflow.clock import Clock, iso
from streamflow.errors import InvariantBroken
from streamflow.model import (
    OPEN_INTENTS,
    UNSETTLED_INTENTS,
    Intent,
    Op,
    QueueItem,
    Record,
    RecordState,
    Staged,
)
from streamflow.store.audit import Head, chain
from streamflow.store.base import Mark, StageResult
from streamflow.store.change import (
    Audit,
    Change,
    DropLink,
    DropLookup,
    Enqueue,
    Finish,
    Fold,
    MarkVerified,
    Missed,
    MoveLink,
    MoveMark,
    PutIntent,
    PutLink,
    PutLookup,
    PutSetting,
    Rekey,
    Reopen,
    ResolveItem,
    SettleIntent,
    Wake,
)
from streamflow.store.codec import copy_of
from streamflow.store.memory_names import rename
from streamflow.store.memory_reading import Book, Held, MemoryReading
from streamflow.store.plan import KEPT_VALUES, in_effect_order, refuse_resettling
from streamflow.store.staging import Known, Name, reader_of, stage_page

T = TypeVar("T")


class MemoryLedger(MemoryReading):
    """A `Ledger` that ends with the process; `reopened` stands for a restart."""

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(Book())
        self._clock = clock

    def reopened(self) -> MemoryLedger:
        """Give the ledger that a restarted daemon would find: all that was committed, one epoch later."""
        later = MemoryLedger(clock=self._clock)
        later.epoch, later._book = self.epoch + 1, self._book
        return later

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    # ------------------------------------------------------------------------------------------ writing

    async def stage(
        self, records: Sequence[Record], *, scan: str, changes: Sequence[Change] = (), news: Sequence[Change] = ()
    ) -> StageResult:
        await checkpoint()
        return self._whole(lambda: self._stage(records, scan, changes, news))

    async def commit(self, changes: Iterable[Change]) -> None:
        held = tuple(changes)
        await checkpoint()
        self._whole(lambda: self._apply(held))

    def _whole(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except BaseException:     # whatever ended it: all of it or nothing, as a transaction
            for step in reversed(self._book.undo):
                step()
            raise
        finally:
            self._book.undo.clear()

    def _stage(self, records: Sequence[Record], scan: str, changes: Sequence[Change], news: Sequence[Change]) -> StageResult:
        book, at = self._book, iso(self._clock.now())
        held = ((name, book.records[name]) for name in ((r.kind, r.key) for r in records) if name in book.records)
        known = {name: Known(id=h.id, seq=h.staged.seq, digest=h.staged.record.digest, missing=h.staged.missing_scans) for name, h in held}
        touched = book.next()
        staging = stage_page(records, known, number=touched, last_id=book.numbers["record"])
        book.put(book.numbers, "change", staging.number)
        book.put(book.numbers, "record", max([book.numbers["record"], *(now.id for _, now in staging.put)]))
        if scan not in book.scans:
            for earlier in [each for each in book.scans if reader_of(each) == reader_of(scan) != each]:
                book.drop(book.scans, earlier)
            book.put(book.scans, scan, touched)
        for record, now in staging.put:
            before = book.records.get((record.kind, record.key))
            fresh = replace(record, data=copy_of(record.data))
            staged = before.staged if before else Staged(record=fresh, seq=now.seq, state=RecordState.PENDING, first_seen=at)
            staged = replace(staged, record=fresh, seq=now.seq, state=RecordState.PENDING, waiting_on="", missing_scans=0, last_seen=at)
            book.put(book.records, (record.kind, record.key), Held(id=now.id, touched=touched, staged=staged))
        same = dict.fromkeys(staging.touch)
        for name in known:
            if (h := book.records[name]).id in same:
                book.put(book.records, name, replace(h, touched=touched, staged=replace(h.staged, missing_scans=0, last_seen=at)))
        self._apply([*changes, *(news if staging.result.is_news else ())])
        return staging.result

    def _apply(self, changes: Iterable[Change]) -> None:
        at = iso(self._clock.now())
        for change in in_effect_order(changes):
            self._apply_one(change, at)

    def _apply_one(self, change: Change, at: str) -> None:
        book = self._book
        match change:
            case Rekey() | Fold() | MoveLink():
                rename(book, change)
            case Finish():
                self._finish(change)
            case Reopen(kind=kind, keys=keys, but=but):
                named = {name: h.staged for name, h in book.records.items() if name[0] == kind and (not keys or name[1] in keys)}
                self._pend([n for n, s in named.items() if not (but and s.state is RecordState.HELD and s.ground.startswith(but))])
            case Wake(on=things):
                number = book.next()
                for thing in things:
                    book.put(book.wakes, thing, number)
                self._pend([n for n, h in book.records.items() if h.staged.state is RecordState.PARKED and h.staged.waiting_on in things])
            case Missed(kind=kind, keys=keys):
                for key in keys:
                    if held := book.records.get((kind, key)):
                        self._set(held, missing_scans=held.staged.missing_scans + 1)
            case PutIntent(intent=intent):
                self._mean(intent, at)
            case SettleIntent():
                self._settle(change, at)
            case PutLink(link=link):
                phase = (book.links[link.ref].phase if link.ref in book.links else "") or link.phase
                fresh = replace(
                    link, base=copy_of(link.base), before=copy_of(link.before), written_at=link.written_at or at, phase=phase,
                )
                book.put(book.links, link.ref, fresh)
                if link.verified == "pending":
                    book.drop(book.checks, link.ref)
            case DropLink(ref=ref):
                book.drop(book.links, ref)
                book.drop(book.checks, ref)
            case MarkVerified():
                self._verified(change)
            case Enqueue(item=item):
                self._enqueue(item, at)
            case ResolveItem(id=id_, decision=decision, by=by):
                if id_ not in book.items:
                    raise InvariantBroken("resolve items: unknown", hint="nothing was written")
                resolved = replace(book.items[id_], state="resolved", decision=decision, resolved_by=by, resolved_at=at)
                book.put(book.items, id_, resolved)
            case MoveMark(name=name, cursor=cursor, note=note):
                book.put(book.marks, name, Mark(name=name, cursor=cursor, note=copy_of(note), at=at))
            case PutSetting(name=name, value=None):
                book.drop(book.settings, name)
            case PutSetting(name=name, value=value):
                book.put(book.settings, name, copy_of(value))
            case PutLookup(side=side, kind=kind, id=id_):
                book.drop(book.lookups, (side, kind, id_))
                book.put(book.lookups, (side, kind, id_), replace(change, values=copy_of(change.values), info=copy_of(change.info)))
            case DropLookup(side=side, kind=kind, id=id_):
                book.drop(book.lookups, (side, kind, id_))
            case Audit(entry=entry):
                last = book.audit.get(len(book.audit))
                [line], _ = chain(Head(seq=last.seq, hash=last.hash) if last else Head(), [entry], at=at)
                book.put(book.audit, line.seq, line)

    def _finish(self, change: Finish) -> None:
        held = self._book.records.get((change.kind, change.key))
        if held is None or held.staged.seq != change.seq:
            return
        self._set(held, state=change.state, disposition=change.disposition or held.staged.disposition, reason=change.reason,
                  ground=change.ground, waiting_on=change.waiting_on)
        if change.state is RecordState.PARKED and self._book.wakes.get(change.waiting_on, 0) >= change.seq:
            self._pend([(change.kind, change.key)])

    def _pend(self, names: Iterable[Name]) -> None:
        for held in sorted((self._book.records[name] for name in names), key=lambda held: held.staged.seq):
            self._set(held, state=RecordState.PENDING, waiting_on="", seq=self._book.next())

    def _set(self, held: Held, **values: Any) -> None:
        record = held.staged.record
        self._book.put(self._book.records, (record.kind, record.key), replace(held, staged=replace(held.staged, **values)))

    def _mean(self, intent: Intent, at: str) -> None:
        others = [i for i in self._book.intents.values() if i.ref == intent.ref and i.op is Op.CREATE and i.state in UNSETTLED_INTENTS]
        if intent.id in self._book.intents or (others and intent.op is Op.CREATE and intent.state in UNSETTLED_INTENTS):
            raise InvariantBroken("the ledger refuses a change: an intent is there already", hint="a bug: the same thing was noted twice")
        fresh = replace(intent, fields=copy_of(intent.fields), meant_at=intent.meant_at or at, epoch=intent.epoch or self.epoch)
        self._book.put(self._book.intents, intent.id, fresh)

    def _settle(self, change: SettleIntent, at: str) -> None:
        intent = self._book.intents.get(change.id)
        if intent is None:
            raise InvariantBroken("settle intents: unknown", hint="nothing was written")
        refuse_resettling(intent.state, change)
        if intent.state in UNSETTLED_INTENTS:
            settled_at = "" if change.state in OPEN_INTENTS else at
            dest_id = change.dest_id or intent.dest_id
            settled = replace(
                intent, state=change.state, dest_id=dest_id, reason=change.reason, settled_at=settled_at, ending=change.ending,
                unknown_since=change.unknown_since,
            )
            self._book.put(self._book.intents, change.id, settled)

    def _verified(self, change: MarkVerified) -> None:
        link = self._book.links.get(change.ref)
        if link is None:
            return
        self._book.put(self._book.links, change.ref, replace(link, verified=change.verified))
        self._book.drop(self._book.checks, change.ref)
        kept = {c.field: c if c.verdict in KEPT_VALUES else replace(c, expected=None, actual=None) for c in change.checks}
        fresh = (replace(c, dest_id="", expected=copy_of(c.expected), actual=copy_of(c.actual)) for c in kept.values())
        if kept:
            self._book.put(self._book.checks, change.ref, tuple(sorted(fresh, key=lambda c: c.field)))

    def _enqueue(self, item: QueueItem, at: str) -> None:
        fresh = replace(item, details=copy_of(item.details), opened_at=item.opened_at or at)
        if before := self._book.items.get(item.id):
            fresh = replace(before, reason=fresh.reason, decisions=fresh.decisions, suggested=fresh.suggested, blocking=fresh.blocking,
                            details=fresh.details)
        self._book.put(self._book.items, item.id, fresh)
