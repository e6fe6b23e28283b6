"""The asking half of the ledger on SQLite: every question is one statement, and pages go by key, so that no read stays open in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from streamflow.ledger_names import PURGE
from streamflow.model import (
    DestId,
    Disposition,
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
    asked_as,
)
from streamflow.store.audit import Head, Line, Walk, break_at_end, first_break, line_of, row_of
from streamflow.store.base import NO_REF, AuditRow, Candidate, KindCount, Mark, Others
from streamflow.store.codec import (
    Row,
    candidate_of,
    check_of,
    intent_of,
    item_of,
    link_of,
    mark_of,
    ref_cells,
    staged_of,
    text_of,
)
from streamflow.store.connection import Connection

_AUDIT_PAGE = 2000


class SqliteReading:
    """What can be asked of an open ledger; see `Ledger` for what each question means."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- staged records
    async def pending(self, kind: Kind, *, limit: int, after_seq: int = 0) -> Sequence[Staged]:
        return [staged_of(row) for row in await self._connection.rows("pending", kind, after_seq, limit)]

    async def staged(self, kind: Kind, keys: Sequence[Key]) -> Mapping[Key, Staged]:
        return {row[1]: staged_of(row) for row in await self._connection.rows("staged", kind, text_of(list(keys)))}

    async def every(self, kind: Kind, *, page: int = 500) -> AsyncIterator[Sequence[Staged]]:
        after = ""
        while found := [staged_of(row) for row in await self._connection.rows("every", kind, after, page)]:
            yield found
            after = found[-1].record.key

    async def keys(self, kind: Kind, *, after: Key = "", limit: int = 1000) -> Sequence[Key]:
        return [row[0] for row in await self._connection.rows("keys", kind, after, limit)]

    async def unseen(self, kind: Kind, *, scan: str, parents: Sequence[Key] | None = None) -> Sequence[Key]:
        if parents is None:
            rows = await self._connection.rows("unseen", kind, scan)
        else:
            rows = await self._connection.rows("unseen_of", kind, scan, text_of(list(dict.fromkeys(parents))))
        return [row[0] for row in rows]

    async def counts(self) -> Sequence[KindCount]:
        return [
            KindCount(kind=kind, state=RecordState(state), disposition=Disposition(disposition) if disposition else None, count=count)
            for kind, state, disposition, count in await self._connection.rows("tally", "record")
        ]

    async def held(self, kind: Kind) -> tuple[int, int]:
        [(held, gone)] = await self._connection.rows("held", kind)
        return int(held), int(gone)

    async def oldest_unsettled(self) -> tuple[int, Mapping[Kind, int]]:
        [(_, number)] = await self._connection.rows("book")
        return number, {str(kind): int(count) for kind, count in await self._connection.rows("oldest_unsettled")}

    async def children(self, kind: Kind, parent: Key) -> Sequence[Staged]:
        return [staged_of(row) for row in await self._connection.rows("children", kind, parent)]

    async def children_of(self, kind: Kind, parents: Sequence[Key]) -> Mapping[Key, Sequence[Staged]]:
        found: dict[Key, list[Staged]] = {}
        for row in await self._connection.rows("children_of", kind, text_of(list(dict.fromkeys(parents)))):
            staged = staged_of(row)
            found.setdefault(staged.record.parent or "", []).append(staged)
        return found

    # --- crosswalk
    async def links(self, refs: Iterable[Ref]) -> Mapping[Ref, Link]:
        wanted = text_of([ref_cells(ref) for ref in refs])
        return {link.ref: link for link in map(link_of, await self._connection.rows("links", wanted))}

    async def links_of(self, kind: Kind, keys: Sequence[Key]) -> Sequence[Link]:
        return [link_of(row) for row in await self._connection.rows("links_of", kind, text_of(list(dict.fromkeys(keys))))]

    async def links_to(self, dest_ids: Sequence[DestId]) -> Sequence[Link]:
        return [link_of(row) for row in await self._connection.rows("links_to", text_of(list(dict.fromkeys(dest_ids))))]

    async def crosswalk(self, *, dest_kind: Kind | None = None, page: int = 500) -> AsyncIterator[Sequence[Link]]:
        after = NO_REF
        while True:
            start = (*ref_cells(after), page)
            rows = await (self._connection.rows("crosswalk", *start) if dest_kind is None
                          else self._connection.rows("crosswalk_to", *start, dest_kind))
            if not rows:
                return
            found = [link_of(row) for row in rows]
            yield found
            after = found[-1].ref

    async def unverified(self, dest_kind: Kind, *, limit: int, after: DestId = "") -> Sequence[Link]:
        return [link_of(row) for row in await self._connection.rows("unverified", dest_kind, after, limit)]

    async def differing(self, dest_kind: Kind, *, limit: int, after: Ref = NO_REF) -> Sequence[Link]:
        return [link_of(row) for row in await self._connection.rows("differing", dest_kind, *ref_cells(after), limit)]

    async def link_counts(self) -> Mapping[tuple[Kind, Kind, str], int]:
        return {(kind, dest_kind, verified): n for kind, dest_kind, verified, n in await self._connection.rows("tally", "link")}

    async def unverified_records(self) -> Mapping[Kind, int]:
        return {str(kind): int(count) for kind, count in await self._connection.rows("unverified_records")}

    # --- intents
    async def doubts(self) -> Mapping[Kind, int]:
        return {str(kind): int(count) for kind, count in await self._connection.rows("doubts")}

    async def open_intents(self, *, limit: int = 1000) -> Sequence[Intent]:
        return [intent_of(row) for row in await self._connection.rows("open_intents", limit)]

    async def intents_of(self, kind: Kind, key: Key) -> Sequence[Intent]:
        return (await self.intents_by_key(kind, [key])).get(key, [])

    async def intents_by_key(self, kind: Kind, keys: Sequence[Key]) -> Mapping[Key, Sequence[Intent]]:
        found: dict[Key, list[Intent]] = {}
        for row in await self._connection.rows("intents_by_key", kind, text_of(list(dict.fromkeys(keys)))):
            intent = intent_of(row)
            found.setdefault(intent.ref.key, []).append(intent)
        return found

    async def others_meanwhile(self, id: str, *, limit: int) -> Others:
        taken = await self._connection.rows("others_taken", id)
        unanswered = await self._connection.rows("others_unanswered", id, limit)
        return Others(taken=bool(taken), unanswered=tuple((kind, key) for kind, key in unanswered))

    async def intent_counts(self) -> Mapping[IntentState, int]:
        return {IntentState(state): n for state, _, _, n in await self._connection.rows("tally", "intent")}

    # --- lookups, queue, marks, settings
    async def candidates(self, kind: Kind, values: Mapping[str, Sequence[str]], *, side: str | None = None) -> Sequence[Candidate]:
        wanted = [[by, value] for by, held in values.items() for value in dict.fromkeys(held)]
        return [candidate_of(row) for row in await self._connection.rows("candidates", kind, text_of(wanted), side)]

    async def queue(self, *, state: str | None = "open", cause: str | None = None) -> Sequence[QueueItem]:
        return [item_of(row) for row in await self._connection.rows("queue", state, cause)]

    async def items(
        self, *, state: str | None = "open", cause: str | None = None, page: int = 500
    ) -> AsyncIterator[Sequence[QueueItem]]:
        after = 0
        while rows := await self._connection.rows("items", after, state, cause, page):
            after = rows[-1][0]
            yield [item_of(row[1:]) for row in rows]

    async def items_about(self, kind: Kind, keys: Sequence[Key]) -> Sequence[QueueItem]:
        return [item_of(row) for row in await self._connection.rows("items_about", kind, text_of(list(keys)))]

    async def decisions(self) -> Mapping[str, str]:
        rows = [tuple(map(str, row)) for row in await self._connection.rows("decisions")]
        under_present = {asked_as(name, kind, key, now): decision for name, decision, kind, key, now in rows}
        return {**under_present, **{name: decision for name, decision, *_ in rows}}

    async def queue_counts(self) -> Mapping[tuple[str, str, bool], int]:
        return {(state, cause, blocking == "1"): n for state, cause, blocking, n in await self._connection.rows("tally", "item")}

    async def item(self, id: str) -> QueueItem | None:
        return next((item_of(row) for row in await self._connection.rows("item", id)), None)

    async def mark(self, name: str) -> Mark | None:
        return next((mark_of(row) for row in await self._connection.rows("mark", name)), None)

    async def marks(self) -> Sequence[Mark]:
        return [mark_of(row) for row in await self._connection.rows("marks")]

    async def setting(self, name: str) -> Any:
        return next((orjson.loads(row[0]) for row in await self._connection.rows("setting", name)), None)

    async def settings(self, prefix: str) -> Mapping[str, Any]:
        return {name: orjson.loads(value) for name, value in await self._connection.rows("settings", prefix)}

    async def settings_named(self, names: Iterable[str]) -> Mapping[str, Any]:
        wanted = text_of(list(dict.fromkeys(names)))
        return {name: orjson.loads(value) for name, value in await self._connection.rows("settings_named", wanted)}

    # --- verification and audit
    async def waiting(self) -> Sequence[str]:
        return [thing for (thing,) in await self._connection.rows("waiting")]

    async def parked_on(self, things: Sequence[str]) -> Sequence[Staged]:
        return [staged_of(row) for row in await self._connection.rows("parked_on", text_of(list(dict.fromkeys(things))))]

    async def check_counts(self) -> Mapping[tuple[Kind, str, str], int]:
        return {(dest_kind, field, verdict): n for dest_kind, field, verdict, n in await self._connection.rows("tally", "check")}

    async def checks(self, *, verdicts: Sequence[str], limit: int = 1000) -> Sequence[FieldCheck]:
        return [check_of(row) for row in await self._connection.rows("checks", text_of(list(verdicts)), limit)]

    async def checks_of(self, kind: Kind, key: Key) -> Sequence[FieldCheck]:
        return [check_of(row) for row in await self._connection.rows("checks_of", kind, key)]

    async def audit(self, *, after: int = 0, page: int = 1000) -> AsyncIterator[Sequence[AuditRow]]:
        while rows := await self._connection.rows("audit", after, page):
            yield [_audit_row(row) for row in rows]
            after = rows[-1][0]

    async def audit_lines(self, *, after: int = 0, page: int = _AUDIT_PAGE) -> AsyncIterator[Sequence[tuple[str, Line]]]:
        """The entries as the very text that is kept, each with the hash before it: what somebody else can follow the chain by."""
        while rows := await self._connection.rows("audit", after, page):
            yield [line_of(*row) for row in rows]
            after = rows[-1][0]

    async def audit_of(self, kind: Kind, key: Key, *, limit: int = 200) -> Sequence[AuditRow]:
        """The newest *limit* entries about a record, oldest first."""
        return [_audit_row(row) for row in reversed(await self._connection.rows("audit_of", kind, key, limit))]

    async def audit_length(self) -> int:
        [(reached, _)] = await self._connection.rows("audit_head")
        return int(reached)

    async def audit_purged(self) -> tuple[int, int]:
        """Count the entries whose values were purged; answer that, and the number of the entry that seals them, 0 for none."""
        [(count, sealed)] = await self._connection.rows("audit_purged")
        return int(count), int(sealed)

    async def audit_hash(self, seq: int) -> str | None:
        """Give the hash that an entry is kept with, None where there is no such entry."""
        rows = await self._connection.rows("audit", seq - 1, 1)
        return line_of(*rows[0])[1].hash if rows and rows[0][0] == seq else None

    async def verify_audit(self) -> tuple[int, int | None]:
        """Walk the chain to its first break; what is cut off at its end is noticed as well, since the book remembers how far it went."""
        # Asked for first: what is added during the walk is not missed at its end.
        [(held, reached)] = await self._connection.rows("audit_extent")
        is_purged = await self.setting(PURGE) is not None
        head, broken = Head(), None
        while broken is None and (rows := await self._connection.rows("audit", head.seq, _AUDIT_PAGE)):
            broken, head = first_break(head, [line_of(*row)[1] for row in rows], is_purged=is_purged)
        return held, broken if broken is not None else break_at_end(head, reached=reached)

    async def walk_audit(self, *, is_over: Callable[[], bool]) -> Walk | None:
        """Walk the whole chain, whatever breaks it has; None when *is_over* says so between two pages."""
        [(_, reached)] = await self._connection.rows("audit_extent")
        walk = Walk()
        while rows := await self._connection.rows("audit", walk.head.seq, _AUDIT_PAGE):
            walk.follow(line_of(*row)[1] for row in rows)
            if is_over():
                return None
        walk.end(reached)
        return walk


def _audit_row(row: Row) -> AuditRow:
    previous, line = line_of(*row)
    return row_of(line, previous)
