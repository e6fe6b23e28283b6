"""Small values for the ledger's tests, and a clock that stands still until told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio.lowlevel

from streamflow.model import (
    AuditEntry,
    Disposition,
    FieldCheck,
    Intent,
    IntentState,
    Link,
    Op,
    QueueItem,
    Record,
    RecordState,
    Ref,
    Verdict,
)
from streamflow.store.change import Audit, Finish

TO_FOURTH = "DROP INDEX item_about; PRAGMA user_version = 4;"
TO_THIRD = f"""
{TO_FOURTH}
UPDATE intent SET reason = 'unknown since ' || unknown_since || iif(reason = '', '', ': ' || reason)
WHERE unknown_since <> '';
UPDATE intent SET reason = 'given up: ' || reason WHERE ending = 'given_up';
UPDATE item SET details = json_remove(details, '$.doubled');
ALTER TABLE record DROP COLUMN ground; ALTER TABLE intent DROP COLUMN ending; ALTER TABLE intent DROP COLUMN unknown_since;
PRAGMA user_version = 3;
"""
TO_SECOND = f"""
{TO_THIRD}
DROP TRIGGER item_asked; DROP TRIGGER item_moved; DELETE FROM tally WHERE scope = 'item'; PRAGMA user_version = 2;
"""
TO_FIRST = f"""
{TO_SECOND}
DROP TRIGGER shape_counted; DROP TRIGGER record_dropped; DELETE FROM tally WHERE scope = 'check'; PRAGMA user_version = 1;
"""
"""What makes of a ledger of the present version one of an earlier version."""


class StillClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def steady(self) -> datetime:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.at += timedelta(seconds=seconds)


def record(key: str, *, kind: str = "lead", digest: str = "d1", parent: str | None = None, **data: Any) -> Record:
    """Make a record; its data carry the digest, so that a changed one is visible."""
    return Record(kind=kind, key=key, data={"name": f"Ann {key}", "digest": digest, **data}, digest=digest, parent=parent)


def finish(key: str, seq: int, *, kind: str = "lead", disposition: Disposition | None = Disposition.CREATED, **values: Any) -> Finish:
    return Finish(kind=kind, key=key, seq=seq, disposition=disposition, **values)


def parked(key: str, seq: int, on: str, *, kind: str = "lead") -> Finish:
    return Finish(kind=kind, key=key, seq=seq, state=RecordState.PARKED, waiting_on=on)


def link(key: str, *, kind: str = "lead", part: str = "", dest_id: str = "", dest_kind: str = "contacts", **values: Any) -> Link:
    return Link(ref=Ref(kind, key, part), dest_kind=dest_kind, dest_id=dest_id or f"{key}-{dest_kind}", base={"name": f"Ann {key}"},
                ours=values.pop("ours", True), **values)


def intent(id: str, key: str = "1", *, op: Op = Op.CREATE, state: IntentState = IntentState.MEANT, **values: Any) -> Intent:
    return Intent(id=id, ref=Ref("lead", key, values.pop("part", "")), op=op, dest_kind="contacts",
                  fields={"name": "Ann", "phones": [{"value": "+1"}]}, state=state, **values)


def item(id: str, **values: Any) -> QueueItem:
    reason = values.pop("reason", "two edits")
    cause = values.pop("cause", "conflict")
    return QueueItem(id=id, cause=cause, kind="lead", key="1", reason=reason, decisions=("keep", "replace"), **values)


def checks(key: str, verdicts: Sequence[tuple[str, Verdict]], *, dest_kind: str = "contacts") -> tuple[FieldCheck, ...]:
    return tuple(
        FieldCheck(ref=Ref("lead", key), dest_kind=dest_kind, dest_id=f"{key}-{dest_kind}", field=name, verdict=verdict,
                   expected=f"want {name}", actual=f"got {name}")
        for name, verdict in verdicts
    )


def audit(action: str, key: str = "1", **values: Any) -> Audit:
    return Audit(entry=AuditEntry(actor="streamflow", action=action, kind="lead", key=key, **values))
