"""Sums of the audit log, and what is told of set-up and cutover."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Final

from streamflow.ledger_names import (
    CAPABILITIES,
    CLOSED,
    CUTOVER,
    CUTOVER_GIVEN_UP,
    FIELDS_DEFINED,
    SOURCES_CREATED,
    SOURCES_UNSURE,
    SWITCHED,
)
from streamflow.store.base import AuditRow, Ledger

SYSTEM: Final = "streamflow"
MAX_DECISIONS: Final = 2000
_DECISIVE: Final = (
    "gate.",
    "map.",
    "owners.",
    "sample.",
    "queue.",
    "cutover.",
    "phase",
    "rollback.done",
    "operator.",
    "capabilities.",
    "delta.",
    "watch.",
)
_ASKED: Final = "order."     # a flood of these must not drive out what was decided


async def audit_summary(ledger: Ledger) -> dict[str, Any]:
    """Give the state of the hash chain, counts by action and actor, and the latest decisions."""
    entries, broken = await ledger.verify_audit()
    actions: Counter[str] = Counter()
    actors: Counter[str] = Counter()
    decisions: deque[dict[str, Any]] = deque(maxlen=MAX_DECISIONS)
    first = last = ""
    async for page in ledger.audit():
        first = first or page[0].at
        last = page[-1].at
        for row in page:
            actions[row.entry.action] += 1
            actors[row.entry.actor] += 1
            if is_decision(row):
                decisions.append(
                    {
                        "seq": row.seq,
                        "at": row.at,
                        "actor": row.entry.actor,
                        "action": row.entry.action,
                        "kind": row.entry.kind,
                        "key": row.entry.key,
                        "note": row.entry.note,
                    }
                )
    return {
        "entries": entries,
        "chain_intact": broken is None,
        "first_broken_entry": broken,
        "from": first,
        "to": last,
        "actions": [{"action": name, "entries": count} for name, count in sorted(actions.items())],
        "actors": [{"actor": name, "entries": count} for name, count in sorted(actors.items())],
        "decisions": list(decisions),
    }


def is_decision(row: AuditRow) -> bool:
    """Say whether an entry is a person's doing or moved the migration on; that something was asked for is neither."""
    return not row.entry.action.startswith(_ASKED) and (row.entry.actor != SYSTEM or row.entry.action.startswith(_DECISIVE))


async def schema(ledger: Ledger) -> dict[str, Any]:
    """Give the custom fields and sources that were set up, the capabilities learned, and what only people can make."""
    todo = await ledger.queue(state=None, cause="to_do")
    return {
        "fields": await ledger.setting(FIELDS_DEFINED) or [],
        "sources_created": await ledger.setting(SOURCES_CREATED) or [],
        "sources_unsure": [{"id": each, "name": name} for each, name in (await ledger.setting(SOURCES_UNSURE) or {}).items()],
        "to_do": [{"what": item.key, "reason": item.reason, "state": item.state, "decision": item.decision} for item in todo],
        "capabilities": await ledger.setting(CAPABILITIES) or {},
    }


async def cutover(ledger: Ledger) -> dict[str, Any]:
    """Give the steps of the switch with their times, the receipt, writes found after the freeze, and the last attempt given up."""
    plan = await ledger.setting(CUTOVER) or {}
    late = await ledger.queue(state=None, cause="after_freeze")
    return {
        "step": plan.get("step", "not begun"),
        "steps": [{"step": step, "at": at} for step, at in (plan.get("times") or {}).items()],
        "receipt": await ledger.setting(SWITCHED) or {},
        "last_given_up": await ledger.setting(CUTOVER_GIVEN_UP) or {},
        "closed_at": await ledger.setting(CLOSED),
        "writes_after_freeze": [
            {"kind": item.kind, "key": item.key, "state": item.state, "decision": item.decision, "found_at": item.opened_at}
            for item in late
        ],
    }
