"""
Records that are gone from the source: suspected after two complete passes, asked for directly, then put to a person.

Rule 1: nothing is ever removed in the destination because something vanished from the source.
Rule 2: one that came back and is gone again is a new question; the answer to the first stands for the first time alone.
Rule 3: a kind of which nothing at all shows up any more is a fault of the source, not a thousand deletions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from streamflow.errors import NotFound
from streamflow.migration.context import Migration
from streamflow.model import AuditEntry, DestId, Key, Kind, QueueItem, Staged
from streamflow.platforms.base import Stream
from streamflow.stages.kin import GONE_SCANS
from streamflow.stages.questions import next_question, repeated
from streamflow.store.base import Audit, Change, Enqueue, Ledger, ResolveItem

AT_ONCE = 500
_SEEN = "last_seen"
FEW = 3            # so few records of a kind may all be gone


async def queue_gone(migration: Migration, streams: Sequence[Stream], scans: Mapping[Kind, str]) -> int:
    """
    Queue what the complete passes named in *scans* (kind -> scan) and those before them did not show.

    Answers how many records only the last of them missed, which proves nothing yet.

    Only keys that the pass missed are looked at, so that a sweep over a large account costs one look-up a kind.
    """
    once = 0
    for stream in streams:
        if stream.sweepable and stream.kind in scans:
            keys = await migration.ledger.unseen(stream.kind, scan=scans[stream.kind])
            if await _is_empty(migration, stream.kind, len(keys)):
                continue
            for start in range(0, len(keys), AT_ONCE):
                once += await _look(migration, stream, keys[start : start + AT_ONCE])
    return once


async def _is_empty(migration: Migration, kind: Kind, missed: int) -> bool:
    """Say whether a kind as a whole has vanished, which is told once and believed of no single record."""
    total = sum(count.count for count in await migration.ledger.counts() if count.kind == kind)
    item = await migration.ledger.item(f"source_empty:{kind}")
    if missed < total or total <= FEW:
        if item is not None and item.state == "open":
            await migration.ledger.commit([ResolveItem(id=item.id, decision="shown again", by="streamflow")])
        return False
    await migration.ledger.commit([Enqueue(item=QueueItem(
        id=f"source_empty:{kind}", cause="source_empty", kind=kind, key="", decisions=("waive",), blocking=True,
        reason=f"a complete pass showed none of {total} {kind} records; an empty source never deletes: check the account and its key",
    ))])
    return True


async def _look(migration: Migration, stream: Stream, keys: Sequence[Key]) -> int:
    changes: list[Change] = []
    staged = await migration.ledger.staged(stream.kind, keys)
    absent = [each for each in staged.values() if each.missing_scans >= GONE_SCANS]
    beside: dict[Key, list[DestId]] = defaultdict(list)
    for link in await migration.ledger.links_of(stream.kind, [each.record.key for each in absent]) if absent else ():
        if link.ref.part and link.dest_kind == "leads":
            beside[link.ref.key].append(link.dest_id)
    for each in absent:
        last, name = await questions_about(migration.ledger, stream.kind, each.record.key)
        if not _is_asked(last, each) and not await _is_there(migration, stream, each.record.key):
            item = _item(name, stream, each, beside.get(each.record.key, []))
            entry = AuditEntry(actor="streamflow", action="source.gone", kind=stream.kind, key=each.record.key)
            changes += [Enqueue(item=item), Audit(entry=entry)]
    if changes:
        await migration.ledger.commit(changes)
    return sum(0 < each.missing_scans < GONE_SCANS for each in staged.values())


async def questions_about(ledger: Ledger, kind: Kind, key: Key) -> tuple[QueueItem | None, str]:
    """Give the last question about a record that vanished from the source, None for none yet, and the name of the next."""
    question = await next_question(ledger, repeated(f"deleted:{kind}:{key}"), is_over=lambda _item: True)
    return question.last, question.name


def _is_asked(last: QueueItem | None, staged: Staged) -> bool:
    """Say whether this absence was asked about: the record was not seen since, or the question is still open."""
    return last is not None and (last.state == "open" or last.details.get(_SEEN, staged.last_seen) == staged.last_seen)


def _item(name: str, stream: Stream, staged: Staged, beside: Sequence[DestId]) -> QueueItem:
    left = f"; open leads beside it: {', '.join(beside)}" if beside else ""
    return QueueItem(
        id=name, cause="deleted_at_source", kind=stream.kind, key=staged.record.key,
        reason="deleted or merged in the source since it was read; nothing was removed in the destination" + left,
        decisions=("keep", "note"), suggested="keep", details={_SEEN: staged.last_seen},
    )


async def _is_there(migration: Migration, stream: Stream, key: Key) -> bool:
    try:
        return await migration.source.one(stream.kind, key) is not None
    except NotFound:
        return False   # this kind cannot be asked for one by one: the complete passes have to do
