"""The tables of the ledger without a file, and the asking half of it: plain loops over plain dicts, sorted as the contract says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anyio.lowlevel import checkpoint

from streamflow.ledger_names import PURGE
from streamflow.model import (
    OPEN_INTENTS,
    DestId,
    Disposition,
    Ending,
    FieldCheck,
    Intent,
    IntentState,
    Key,
    Kind,
    Link,
    QueueItem,
    RecordState,
    Ref,
    Staged,
    Verdict,
)
from streamflow.store.audit import START, Head, Line, break_at_end, first_break, row_of
from streamflow.store.base import NO_REF, AuditRow, Candidate, KindCount, Mark, Others
from streamflow.store.change import PutLookup
from streamflow.store.codec import copy_of
from streamflow.store.staging import Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A staged record with what only the store knows of it."""

    id: int
    touched: int
    staged: Staged


@dataclass(slots=True)
class Book:
    """All tables, and how to take back what the present transaction did."""

    records: dict[Name, Held] = field(default_factory=dict)
    scans: dict[str, int] = field(default_factory=dict)
    wakes: dict[str, int] = field(default_factory=dict)
    links: dict[Ref, Link] = field(default_factory=dict)
    checks: dict[Ref, tuple[FieldCheck, ...]] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    lookups: dict[tuple[str, Kind, str], PutLookup] = field(default_factory=dict)
    items: dict[str, QueueItem] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    audit: dict[int, Line] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=lambda: {"change": 0, "record": 0})
    undo: list[Callable[[], None]] = field(default_factory=list)

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        if key in table:
            before = table[key]
            self.undo.append(lambda: table.__setitem__(key, before))
        else:
            self.undo.append(lambda: table.__delitem__(key))
        table[key] = value

    def drop(self, table: dict[Any, Any], key: Any) -> None:
        if key in table:
            whole = dict(table)  # with its order

            def back() -> None:
                table.clear()
                table.update(whole)

            self.undo.append(back)
            del table[key]

    def next(self) -> int:
        self.put(self.numbers, "change", self.numbers["change"] + 1)
        return self.numbers["change"]


class MemoryReading:
    """What can be asked; see `Ledger` for what each question means."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.epoch = 1

    def _of(self, kind: Kind) -> list[Held]:
        return sorted((held for name, held in self._book.records.items() if name[0] == kind), key=lambda held: held.id)

    def _links(self) -> list[Link]:
        return [link for _, link in sorted(self._book.links.items())]

    def _checks(self) -> list[FieldCheck]:
        held = sorted(self._book.checks.items())
        return [replace(check, dest_id=self._book.links[ref].dest_id, expected=copy_of(check.expected), actual=copy_of(check.actual))
                for ref, checks in held for check in checks]

    async def pending(self, kind: Kind, *, limit: int, after_seq: int = 0) -> Sequence[Staged]:
        await checkpoint()
        found = [h.staged for h in self._of(kind) if h.staged.state is RecordState.PENDING and h.staged.seq > after_seq]
        return [_out(staged) for staged in sorted(found, key=lambda staged: staged.seq)[:limit]]

    async def staged(self, kind: Kind, keys: Sequence[Key]) -> Mapping[Key, Staged]:
        await checkpoint()
        return {key: _out(held.staged) for key in keys if (held := self._book.records.get((kind, key)))}

    async def every(self, kind: Kind, *, page: int = 500) -> AsyncIterator[Sequence[Staged]]:
        after = ""
        while found := sorted((h.staged for h in self._of(kind) if h.staged.record.key > after), key=lambda s: s.record.key)[:page]:
            await checkpoint()
            yield [_out(staged) for staged in found]
            after = found[-1].record.key

    async def keys(self, kind: Kind, *, after: Key = "", limit: int = 1000) -> Sequence[Key]:
        await checkpoint()
        held = self._book.records.get((kind, after))
        return [h.staged.record.key for h in self._of(kind) if h.id > (held.id if held else 0)][:limit]

    async def unseen(self, kind: Kind, *, scan: str, parents: Sequence[Key] | None = None) -> Sequence[Key]:
        await checkpoint()
        started = self._book.scans.get(scan)
        held = (h for h in self._of(kind) if parents is None or h.staged.record.parent in parents)
        return [h.staged.record.key for h in held if started is None or h.touched < started]

    async def counts(self) -> Sequence[KindCount]:
        await checkpoint()
        found: dict[tuple[Any, ...], int] = {}
        for (kind, _), held in self._book.records.items():
            name = (kind, held.staged.state, held.staged.disposition)
            found[name] = found.get(name, 0) + 1
        ordered = sorted(found.items(), key=lambda entry: (entry[0][0], entry[0][1], entry[0][2] or ""))
        return [KindCount(kind=kind, state=state, disposition=disposition, count=n) for (kind, state, disposition), n in ordered]

    async def held(self, kind: Kind) -> tuple[int, int]:
        await checkpoint()
        missing = [held.staged.missing_scans > 0 for (each, _), held in self._book.records.items() if each == kind]
        return len(missing), sum(missing)

    async def oldest_unsettled(self) -> tuple[int, Mapping[Kind, int]]:
        await checkpoint()
        found: dict[Kind, int] = {}
        doubted = {(each.ref.kind, each.ref.key) for each in self._book.intents.values() if each.state in OPEN_INTENTS}
        for (kind, key), held in self._book.records.items():
            is_doubted = held.staged.state is RecordState.PARKED and (kind, key) in doubted
            if held.staged.state is RecordState.PENDING or is_doubted:
                found[kind] = min(held.staged.seq, found.get(kind, held.staged.seq))
        return self._book.numbers["change"], found

    async def children(self, kind: Kind, parent: Key) -> Sequence[Staged]:
        await checkpoint()
        return [_out(held.staged) for held in self._of(kind) if held.staged.record.parent == parent]

    async def children_of(self, kind: Kind, parents: Sequence[Key]) -> Mapping[Key, Sequence[Staged]]:
        await checkpoint()
        found: dict[Key, list[Staged]] = {}
        for held in self._of(kind):
            parent = held.staged.record.parent
            if parent is not None and parent in parents:
                found.setdefault(parent, []).append(_out(held.staged))
        return found

    async def links(self, refs: Iterable[Ref]) -> Mapping[Ref, Link]:
        await checkpoint()
        return {ref: _link_out(self._book.links[ref]) for ref in refs if ref in self._book.links}

    async def links_of(self, kind: Kind, keys: Sequence[Key]) -> Sequence[Link]:
        await checkpoint()
        return [_link_out(link) for link in self._links() if link.ref.kind == kind and link.ref.key in keys]

    async def links_to(self, dest_ids: Sequence[DestId]) -> Sequence[Link]:
        await checkpoint()
        return [_link_out(link) for link in self._links() if link.dest_id in dest_ids]

    async def crosswalk(self, *, dest_kind: Kind | None = None, page: int = 500) -> AsyncIterator[Sequence[Link]]:
        after = NO_REF
        while found := [link for link in self._links() if link.ref > after and dest_kind in (None, link.dest_kind)][:page]:
            await checkpoint()
            yield [_link_out(link) for link in found]
            after = found[-1].ref

    async def unverified(self, dest_kind: Kind, *, limit: int, after: DestId = "") -> Sequence[Link]:
        await checkpoint()
        held = (link for link in self._links() if link.dest_kind == dest_kind and link.verified == "pending" and link.dest_id > after)
        ordered = sorted(held, key=lambda link: (link.dest_id, link.ref))
        last = ordered[limit - 1].dest_id if len(ordered) >= limit > 0 else ""
        return [_link_out(link) for link in ordered if not last or link.dest_id <= last]

    async def differing(self, dest_kind: Kind, *, limit: int, after: Ref = NO_REF) -> Sequence[Link]:
        await checkpoint()
        told = {ref for ref, checks in self._book.checks.items() if any(check.verdict is Verdict.DIFFERS for check in checks)}
        held = (link for link in self._links() if link.ref in told and link.verified == "differs" and link.ref > after)
        return [_link_out(link) for link in held if link.dest_kind == dest_kind][:limit]

    async def link_counts(self) -> Mapping[tuple[Kind, Kind, str], int]:
        await checkpoint()
        return _counted((ref.kind, link.dest_kind, link.verified) for ref, link in self._book.links.items())

    async def unverified_records(self) -> Mapping[Kind, int]:
        await checkpoint()
        ill = {(ref.kind, ref.key) for ref, link in self._book.links.items() if link.verified != "verified"}
        held = [self._book.records[name].staged for name in sorted(ill) if name in self._book.records]
        lines = (Disposition.CREATED, Disposition.UPDATED, Disposition.MERGED, Disposition.MATCHED)
        return _counted(each.record.kind for each in held if each.state is not RecordState.PENDING and each.disposition in lines)

    async def doubts(self) -> Mapping[Kind, int]:
        await checkpoint()
        left = [each for each in self._book.intents.values() if each.state in OPEN_INTENTS]
        return _counted(each.dest_kind for each in left if each.state is IntentState.IN_DOUBT or each.epoch != self.epoch)

    async def open_intents(self, *, limit: int = 1000) -> Sequence[Intent]:
        await checkpoint()
        return [_intent_out(intent) for intent in self._book.intents.values() if intent.state in OPEN_INTENTS][:limit]

    async def intents_of(self, kind: Kind, key: Key) -> Sequence[Intent]:
        await checkpoint()
        return [_intent_out(i) for i in self._book.intents.values() if (i.ref.kind, i.ref.key) == (kind, key)]

    async def intents_by_key(self, kind: Kind, keys: Sequence[Key]) -> Mapping[Key, Sequence[Intent]]:
        await checkpoint()
        found: dict[Key, list[Intent]] = {}
        for intent in self._book.intents.values():
            if intent.ref.kind == kind and intent.ref.key in keys:
                found.setdefault(intent.ref.key, []).append(_intent_out(intent))
        return found

    async def others_meanwhile(self, id: str, *, limit: int) -> Others:
        await checkpoint()
        me, so_far = self._book.intents[id], list(self._book.intents.values())
        others = [
            each for each in so_far[max(0, so_far.index(me) - 999) :]
            if each.meant_at >= me.meant_at and (each.ref.kind, each.ref.key) != (me.ref.kind, me.ref.key)
        ]
        left = [(each.ref.kind, each.ref.key) for each in others if each.state in (IntentState.IN_DOUBT, IntentState.ABANDONED)]
        taken = any(each.state is IntentState.CONFIRMED and each.ending is not Ending.FOUND for each in others)
        return Others(taken=taken, unanswered=tuple(dict.fromkeys(left))[:limit])

    async def intent_counts(self) -> Mapping[IntentState, int]:
        await checkpoint()
        return _counted(intent.state for intent in self._book.intents.values())

    async def candidates(self, kind: Kind, values: Mapping[str, Sequence[str]], *, side: str | None = None) -> Sequence[Candidate]:
        await checkpoint()
        wanted = [(by, value) for by, held in values.items() for value in dict.fromkeys(held)]
        known = sorted((name, put) for name, put in self._book.lookups.items() if name[1] == kind and side in (None, name[0]))
        return [
            Candidate(side=name[0], kind=kind, id=name[2], by=by, value=value, info=copy_of(put.info))
            for by, value in wanted for name, put in known if value in put.values.get(by, ())
        ]

    async def queue(self, *, state: str | None = "open", cause: str | None = None) -> Sequence[QueueItem]:
        await checkpoint()
        return [
            replace(item, details=copy_of(item.details)) for item in self._book.items.values()
            if state in (None, item.state) and cause in (None, item.cause)
        ]

    async def items(
        self, *, state: str | None = "open", cause: str | None = None, page: int = 500
    ) -> AsyncIterator[Sequence[QueueItem]]:
        after = 0
        while True:
            await checkpoint()
            fits = [state in (None, item.state) and cause in (None, item.cause) for item in self._book.items.values()]
            chosen = [place for place, fit in enumerate(fits) if fit and place >= after][:page]
            if not chosen:
                return
            items = list(self._book.items.values())
            yield [replace(items[place], details=copy_of(items[place].details)) for place in chosen]
            after = chosen[-1] + 1

    async def items_about(self, kind: Kind, keys: Sequence[Key]) -> Sequence[QueueItem]:
        return [item for item in await self.queue(state=None) if item.kind == kind and item.present_key in keys]

    async def decisions(self) -> Mapping[str, str]:
        items = await self.queue(state="resolved")
        return {**{item.present_id: item.decision for item in items}, **{item.id: item.decision for item in items}}

    async def queue_counts(self) -> Mapping[tuple[str, str, bool], int]:
        await checkpoint()
        return _counted((item.state, item.cause, item.blocking) for item in self._book.items.values())

    async def item(self, id: str) -> QueueItem | None:
        return next((item for item in await self.queue(state=None) if item.id == id), None)

    async def mark(self, name: str) -> Mark | None:
        return next((mark for mark in await self.marks() if mark.name == name), None)

    async def marks(self) -> Sequence[Mark]:
        await checkpoint()
        return [replace(mark, note=copy_of(mark.note)) for _, mark in sorted(self._book.marks.items())]

    async def setting(self, name: str) -> Any:
        await checkpoint()
        return copy_of(self._book.settings.get(name))

    async def settings(self, prefix: str) -> Mapping[str, Any]:
        await checkpoint()
        return {name: copy_of(value) for name, value in sorted(self._book.settings.items()) if name.startswith(prefix)}

    async def settings_named(self, names: Iterable[str]) -> Mapping[str, Any]:
        await checkpoint()
        return {name: copy_of(self._book.settings[name]) for name in sorted(set(names)) if name in self._book.settings}

    async def waiting(self) -> Sequence[str]:
        await checkpoint()
        return sorted({held.staged.waiting_on for held in self._book.records.values() if held.staged.state is RecordState.PARKED})

    async def parked_on(self, things: Sequence[str]) -> Sequence[Staged]:
        await checkpoint()
        parked = (held.staged for held in self._book.records.values() if held.staged.state is RecordState.PARKED)
        return [_out(each) for each in sorted(parked, key=lambda each: each.seq) if each.waiting_on in things]

    async def check_counts(self) -> Mapping[tuple[Kind, str, str], int]:
        await checkpoint()
        return _counted((check.dest_kind, check.field, check.verdict.value) for check in self._checks())

    async def checks(self, *, verdicts: Sequence[str], limit: int = 1000) -> Sequence[FieldCheck]:
        await checkpoint()
        return [check for check in self._checks() if check.verdict in verdicts][:limit]

    async def checks_of(self, kind: Kind, key: Key) -> Sequence[FieldCheck]:
        await checkpoint()
        return [check for check in self._checks() if (check.ref.kind, check.ref.key) == (kind, key)]

    async def audit(self, *, after: int = 0, page: int = 1000) -> AsyncIterator[Sequence[AuditRow]]:
        while found := [self._audit_row(seq) for seq in range(after + 1, min(after + page, len(self._book.audit)) + 1)]:
            await checkpoint()
            yield found
            after = found[-1].seq

    async def audit_of(self, kind: Kind, key: Key, *, limit: int = 200) -> Sequence[AuditRow]:
        await checkpoint()
        rows = (self._audit_row(seq) for seq in self._book.audit)
        return [row for row in rows if key and (row.entry.kind, row.entry.key) == (kind, key)][-limit:]

    async def audit_length(self) -> int:
        await checkpoint()
        return len(self._book.audit)

    async def verify_audit(self) -> tuple[int, int | None]:
        await checkpoint()
        broken, head = first_break(Head(), list(self._book.audit.values()), is_purged=PURGE in self._book.settings)
        return len(self._book.audit), broken if broken is not None else break_at_end(head, reached=len(self._book.audit))

    def _audit_row(self, seq: int) -> AuditRow:
        return row_of(self._book.audit[seq], self._book.audit[seq - 1].hash if seq > 1 else START)


def _out(staged: Staged) -> Staged:
    return replace(staged, record=replace(staged.record, data=copy_of(staged.record.data)))


def _link_out(link: Link) -> Link:
    return replace(link, base=copy_of(link.base), before=copy_of(link.before))


def _intent_out(intent: Intent) -> Intent:
    return replace(intent, fields=copy_of(intent.fields))


def _counted(names: Iterable[Any]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found
