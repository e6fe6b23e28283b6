"""
Between values and the ledger's rows. Pure.

Writing: a value becomes a row of cells that SQLite takes as they are. Reading: one row becomes one value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from streamflow.errors import InvariantBroken
from streamflow.model import (
    Disposition,
    Ending,
    FieldCheck,
    Intent,
    IntentState,
    Link,
    Op,
    QueueItem,
    Record,
    RecordState,
    Ref,
    Staged,
    Verdict,
)
from streamflow.store.base import Candidate, Mark

Row: TypeAlias = Sequence[Any]

# ------------------------------------------------------------------------------------------------ JSON


def text_of(value: Any, *, ordered: bool = False) -> str:
    """Write JSON text; what JSON cannot hold raises InvariantBroken without showing the value."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS if ordered else None).decode()
    except (orjson.JSONEncodeError, TypeError) as error:
        raise InvariantBroken(f"a value cannot be kept as JSON: {error}", hint="a bug: only plain values are kept") from error


def copy_of(value: Any) -> Any:
    """Give what would come back if *value* were written and read again."""
    return orjson.loads(text_of(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


# ------------------------------------------------------------------------------------------------ writing


def ref_cells(ref: Ref) -> list[Any]:
    """Give the three cells that name a crosswalk line."""
    return [ref.kind, ref.key, ref.part]


def intent_row(intent: Intent, *, at: str, epoch: int) -> Row:
    """Give an intent's row; the time and the epoch are filled in where the intent leaves them open."""
    return [
        intent.id, *ref_cells(intent.ref), intent.op.value, intent.dest_kind, text_of(intent.fields), intent.marker, intent.dest_id,
        intent.author, intent.seq, intent.feed_cursor, intent.state.value, intent.meant_at or at, intent.settled_at, intent.reason,
        intent.epoch or epoch, intent.ending.value, intent.unknown_since,
    ]


def link_row(link: Link, *, at: str) -> Row:
    """Give a crosswalk line's row; the time is filled in where the link leaves it open."""
    return [
        *ref_cells(link.ref), link.dest_kind, link.dest_id, text_of(link.base), int(link.ours),
        None if link.before is None else text_of(link.before), link.verified, link.phase, link.written_at or at,
    ]


def item_row(item: QueueItem, *, at: str) -> Row:
    """Give a queue item's row; the time is filled in where the item leaves it open."""
    return [
        item.id, item.cause, item.kind, item.key, item.reason, text_of(item.decisions), item.suggested, int(item.blocking), item.state,
        item.decision, text_of(item.details), item.opened_at or at, item.resolved_at, item.resolved_by,
    ]


def verdicts_of(checks: Iterable[FieldCheck]) -> str:
    """Write which verdict each field got, the same text for the same verdicts; empty when there are none."""
    found = {check.field: check.verdict for check in checks}
    return text_of(found, ordered=True) if found else ""


# ------------------------------------------------------------------------------------------------ reading


def staged_of(row: Row) -> Staged:
    """Read a staged record."""
    kind, key, data, digest, parent, changed_at, seq, state, disposition, reason, ground, waiting_on, missing, *seen = row
    first_seen, last_seen = seen
    return Staged(
        record=Record(kind=kind, key=key, data=orjson.loads(data), digest=digest, parent=parent, changed_at=changed_at),
        seq=seq, state=RecordState(state), disposition=Disposition(disposition) if disposition else None, reason=reason,
        ground=ground, waiting_on=waiting_on, missing_scans=missing, first_seen=first_seen, last_seen=last_seen,
    )


def link_of(row: Row) -> Link:
    """Read a line of the crosswalk."""
    kind, key, part, dest_kind, dest_id, base, ours, before, verified, phase, written_at = row
    return Link(
        ref=Ref(kind, key, part), dest_kind=dest_kind, dest_id=dest_id, base=orjson.loads(base), ours=bool(ours),
        before=None if before is None else orjson.loads(before), verified=verified, phase=phase, written_at=written_at,
    )


def intent_of(row: Row) -> Intent:
    """Read an intent."""
    id_, kind, key, part, op, dest_kind, fields, marker, dest_id, author, seq, feed_cursor, state, *rest = row
    meant_at, settled_at, reason, epoch, ending, unknown_since = rest
    return Intent(
        id=id_, ref=Ref(kind, key, part), op=Op(op), dest_kind=dest_kind, fields=orjson.loads(fields), marker=marker, dest_id=dest_id,
        author=author, seq=seq, feed_cursor=feed_cursor, state=IntentState(state), meant_at=meant_at, settled_at=settled_at, reason=reason,
        epoch=epoch, ending=Ending(ending), unknown_since=unknown_since,
    )


def item_of(row: Row) -> QueueItem:
    """Read a queue item."""
    id_, cause, kind, key, reason, decisions, suggested, blocking, state, decision, details, *rest = row
    opened_at, resolved_at, resolved_by = rest
    return QueueItem(
        id=id_, cause=cause, kind=kind, key=key, reason=reason, decisions=tuple(orjson.loads(decisions)), suggested=suggested,
        blocking=bool(blocking), state=state, decision=decision, details=orjson.loads(details), opened_at=opened_at,
        resolved_at=resolved_at, resolved_by=resolved_by,
    )


def check_of(row: Row) -> FieldCheck:
    """Read the verdict on one field, with both values where they are kept."""
    kind, key, part, dest_kind, dest_id, field, verdict, expected, actual = row
    return FieldCheck(
        ref=Ref(kind, key, part), dest_kind=dest_kind, dest_id=dest_id, field=field, verdict=Verdict(verdict),
        expected=None if expected is None else orjson.loads(expected), actual=None if actual is None else orjson.loads(actual),
    )


def mark_of(row: Row) -> Mark:
    """Read a mark."""
    name, cursor, note, at = row
    return Mark(name=name, cursor=cursor, note=orjson.loads(note), at=at)


def candidate_of(row: Row) -> Candidate:
    """Read a record found by what identifies it."""
    side, kind, id_, by, value, info = row
    return Candidate(side=side, kind=kind, id=id_, by=by, value=value, info=orjson.loads(info))
