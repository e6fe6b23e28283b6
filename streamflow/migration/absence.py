"""
Records that are gone from the source: suspected after two complete passes, asked for directly, then put to a person.
Of the last snapshot of files one has to do.

Rule 1: nothing is ever removed in the destination because something vanished from the source.
Rule 2: one that came back and is gone again is a new question; the answer to the first stands for the first time alone.
Rule 3: a kind of which nothing at all shows up any more is a fault of the source, not a thousand deletions, unless a person says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from streamflow.errors import NotFound, ProtocolMismatch
from streamflow.migration.context import Migration
from streamflow.model import AuditEntry, DestId, Key, Kind, QueueItem, Staged
from streamflow.platforms.source import Stream
from streamflow.stages.extract import is_emptied
from streamflow.stages.kin import GONE_SCANS
from streamflow.stages.questions import closed, next_question, numbered, repeated
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, Enqueue

AT_ONCE = 500
_SEEN = "last_seen"
EMPTY = "source_empty"
DELETED, SHOWN = "deleted", "shown again"      # what a person, or the source, says to that


async def queue_gone(
    migration: Migration, streams: Sequence[Stream], scans: Mapping[Kind, str], *, once_is_enough: Collection[Kind] = ()
) -> int:
    """
    Queue what the complete passes named in *scans* (kind -> scan) and those before them did not show.

    Answers how many records only the last of them missed, which proves nothing yet.

    Only keys that the pass missed are looked at, so that a sweep over a large account costs one look-up a kind.
    """
    once = 0
    for stream in streams:
        if stream.sweepable and stream.kind in scans:
            keys = await migration.ledger.unseen(stream.kind, scan=scans[stream.kind])
            total = sum(count.count for count in await migration.ledger.counts() if count.kind == stream.kind)
            if not await is_believed(migration, stream.kind, len(keys), total):
                continue
            for start in range(0, len(keys), AT_ONCE):
                least = 1 if stream.kind in once_is_enough else GONE_SCANS
                once += await _look(migration, stream, keys[start : start + AT_ONCE], least)
    return once


async def is_believed(migration: Migration, kind: Kind, missed: int, total: int) -> bool:
    """
    Say whether what complete passes did not show may be taken for gone; a kind that vanished as a whole is not, unless a person says so.

    What a person said holds as long as nothing of the kind shows; from then on it goes on by itself, and the next time is asked anew.
    """
    question = await next_question(migration.ledger, numbered(f"{EMPTY}:{kind}"), is_over=_is_over)
    item = question.standing
    if not is_emptied(missed, total):
        if item is not None:
            await migration.ledger.commit(closed(item, SHOWN))
        return True
    if item is None:
        await migration.ledger.commit([Enqueue(item=QueueItem(
            id=question.name, cause=EMPTY, kind=kind, key="", decisions=(DELETED,), blocking=True, suggested="",
            reason=f"the source shows none of {total} {kind} records; nothing is taken for deleted. If it only does so for a while, leave "
                   f"this open: it closes when they show again (check the account and its key). If all were truly removed, \"{DELETED}\" "
                   "treats each as deleted in the source; nothing is removed in the destination",
        ))])  # fmt: skip
    return item is not None and item.decision == DELETED


def _is_over(item: QueueItem) -> bool:
    return item.state == "resolved" and item.decision != DELETED


async def told(migration: Migration) -> str:
    """Say which kinds the source shows nothing of, "" for none."""
    return "; ".join(f"the source shows no {item.kind} records any more" for item in await migration.ledger.queue(cause=EMPTY))


async def _look(migration: Migration, stream: Stream, keys: Sequence[Key], least: int) -> int:
    changes: list[Change] = []
    staged = await migration.ledger.staged(stream.kind, keys)
    absent = [each for each in staged.values() if each.missing_scans >= least]
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
    return sum(0 < each.missing_scans < least for each in staged.values())


async def questions_about(ledger: Ledger, kind: Kind, key: Key) -> tuple[QueueItem | None, str]:
    """Give the last question about a record that vanished from the source, None for none yet, and the name of the next."""
    question = await next_question(ledger, repeated(f"deleted:{kind}:{key}"), is_over=lambda _item: True)
    return question.last, question.name


def _is_asked(last: QueueItem | None, staged: Staged) -> bool:
    """Say whether this absence was asked about: the record was not seen since, or the question is still open."""
    return last is not None and (last.state == "open" or last.details.get(_SEEN, staged.last_seen) == staged.last_seen)


def _item(name: str, stream: Stream, staged: Staged, beside: Sequence[DestId]) -> QueueItem:
    once = "; the last export alone lacks it" if staged.missing_scans < GONE_SCANS else ""
    left = f"; open leads beside it: {', '.join(beside)}" if beside else ""
    return QueueItem(
        id=name, cause="deleted_at_source", kind=stream.kind, key=staged.record.key,
        reason="deleted or merged in the source since it was read; nothing was removed in the destination" + once + left,
        decisions=("keep", "note"), suggested="keep", details={_SEEN: staged.last_seen},
    )


async def _is_there(migration: Migration, stream: Stream, key: Key) -> bool:
    try:
        return await migration.source.one(stream.kind, key) is not None
    except NotFound:
        return False   # this kind cannot be asked for one by one: the complete passes have to do
    except ProtocolMismatch as error:
        migration.trouble(error)
        return True    # what a source says that does not keep to its contract proves nothing: asked again after the next pass
