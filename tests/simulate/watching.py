"""What must hold at every moment, not only at the end: looked at from outside while a world runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from streamflow.model import OPEN_INTENTS, DestId, Fields, IntentState, Kind, Op
from streamflow.store.base import Change, MoveMark, PutSetting
from streamflow.store.memory import MemoryLedger
from tests.simulate.destination import Held
from tests.simulate.source import Books


def effect(ledger: MemoryLedger, what: str, kind: Kind, dest_id: DestId | None, fields: Fields) -> Iterator[str]:
    """No write takes effect of which the ledger does not know beforehand."""
    for intent in ledger._book.intents.values():
        if intent.dest_kind != kind or intent.state not in (*OPEN_INTENTS, IntentState.PARKED):
            continue
        if what == "create" and (intent.op is Op.CREATE or intent.dest_id) and intent.marker == _marker(fields):
            return
        if what != "create" and intent.dest_id == dest_id:
            return
    yield f"unmeant: {what} of {dest_id or _marker(fields) or kind} took effect without an open intent"


def removal(change: Change) -> dict[DestId, set[str]]:
    """Give the record of which a change notes that a rollback is going to remove it, with the names of its relations."""
    noted = change.value if isinstance(change, PutSetting) and change.name.startswith("undoing:") else None
    if not noted or noted["action"] != "delete":
        return {}
    return {noted["link"]["dest_id"]: {name for name in noted["fields"] if name.startswith("link:")}}


def brings_back(removals: Mapping[DestId, Collection[str]], what: str, held: Held, fields: Fields) -> bool:
    """Say whether a write brings back what a rollback removed a moment too soon: itself, then its relations and nothing else of it."""
    if what == "restore":
        return held.id in removals
    latest = next(deed.action for deed in reversed(held.deeds) if deed.action in ("create", "delete", "restore"))
    return what == "update" and latest == "restore" and fields.keys() <= set(removals.get(held.id, ()))


def marks(ledger: MemoryLedger, books: Books, changes: Sequence[Change]) -> Iterator[str]:
    """No mark of a read stands before the records that were handed out below it."""
    for change in changes:
        if isinstance(change, MoveMark) and change.name.startswith("read:"):
            kind = change.name.removeprefix("read:")
            for key in books.served.get((kind, change.cursor), {}):
                if (kind, key) not in ledger._book.records:
                    yield f"mark ahead: {change.name} moved past {kind} {key}, which is not in the ledger"


def _marker(fields: Fields) -> str:
    text = str(fields.get("body") or fields.get("description") or "").rstrip().rsplit("\n", 1)[-1].strip()
    return str(fields.get("custom:Streamflow ID") or text)
