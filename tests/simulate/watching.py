"""What must hold at every moment, not only at the end: looked at from outside while a world runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from streamflow.model import OPEN_INTENTS, DestId, Fields, IntentState, Kind, Op, RecordState
from streamflow.store.change import Change, Enqueue, MoveMark, PutIntent, PutSetting, SettleIntent
from streamflow.store.memory import MemoryLedger
from tests.simulate.destination import PERSON, PROGRAM, Account, Held
from tests.simulate.source import CHILDREN, Books, content


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


def doubled(account: Account, what: str, fields: Fields, *, heard: int) -> Iterator[str]:
    """
    Nothing is made while there is one of it that the program made: a run that stops over that has doubled it all the same.

    What people brought back is seen once the feed has told of it; *heard*: how far the feed was followed when the write was meant.
    """
    if what == "create" and (marker := _marker(fields)):
        ours = [held for held in account.records.values() if held.maker == PROGRAM and not held.is_gone]
        known = [held for held in ours if not held.is_brought_back or account.told_at(held.id) <= heard]
        ids = [held.id for held in known if _marker(held.fields) == marker]
        if ids:
            yield f"doubled: {marker} is {', '.join(ids)}, and is made again"


def heard(ledger: MemoryLedger) -> int:
    """Give the position up to which the feed was followed; 0 before that began."""
    mark = ledger._book.marks.get("feed")
    return int(mark.cursor.partition("-")[0] or 0) if mark is not None else 0


def strangers(ledger: MemoryLedger, account: Account, changes: Sequence[Change]) -> Iterator[str]:
    """Nobody is made whom people entered by hand, once the feed has told of that, unless somebody said that these are two."""
    for intent in (change.intent for change in changes if isinstance(change, PutIntent)):
        if intent.op is not Op.CREATE or intent.dest_kind != "contacts":
            continue
        question = f"identity:{intent.ref.kind}:{intent.ref.key}"
        if any(item.id.startswith(question) and item.decision == "separate" for item in ledger._book.items.values()):
            continue
        addresses = _addresses(intent.fields)
        for dest_id, held in account.live("contacts").items():
            is_same = held.fields.get("name") == intent.fields.get("name") and bool(addresses & _addresses(held.fields))
            if held.maker == PERSON and is_same and account.told_at(dest_id) <= heard(ledger):
                yield f"doubled: {intent.ref.kind} {intent.ref.key} is made, and people had entered them as {dest_id}"


def _addresses(fields: Fields) -> set[str]:
    return {str(each.get("value")).lower() for each in fields.get("emails") or []}


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


def questions(books: Books, account: Account, changes: Sequence[Change]) -> Iterator[str]:
    """Nobody is asked about a deleted record that is there, nor which of several is meant where there are not several."""
    for item in (change.item for change in changes if isinstance(change, Enqueue)):
        if item.cause == "deleted_at_source" and books.now(item.kind, item.key) is not None:
            yield f"unexplained: {item.kind} {item.key} is called deleted in the source, and is there"
        if item.cause == "in_doubt" and "carry the marker" in item.reason:
            marker = item.details["marker"]
            if sum(_marker(held.deeds[0].fields) == marker for held in account.records.values()) < 2:
                yield f"unexplained: {item.kind} {item.key} is called doubled, and is not"


def confirmed(ledger: MemoryLedger, account: Account, changes: Sequence[Change]) -> Iterator[str]:
    """What counts as made by a write was made by that write, or by another one of the same part of the same record."""
    for change in changes:
        if not isinstance(change, SettleIntent) or change.state is not IntentState.CONFIRMED:
            continue
        intent, held = ledger._book.intents[change.id], account.records.get(change.dest_id or "")
        is_named = intent.op is Op.CREATE or (intent.op is Op.UPDATE and change.dest_id != intent.dest_id)
        if intent.marker and is_named and (held is None or _marker(held.deeds[0].fields) != intent.marker):
            yield f"wrong: {intent.ref.kind} {intent.ref.key} is to be {change.dest_id}, which was not made of it"


def switched(ledger: MemoryLedger, books: Books) -> Iterator[str]:
    """What was written before people stopped was read and carried over before the switch: nothing of it is left for later."""
    for (kind, key), versions in books.rows.items():
        agreed = books.at(kind, key, books.frozen_at)
        if kind not in ("client", *CHILDREN) or agreed is None or content(versions[-1].row) != content(agreed):
            continue      # not there, or written by somebody who has not stopped
        held = ledger._book.records.get((kind, key))
        if held is None or content(held.staged.record.data) != content(agreed):
            yield f"lost: {kind} {key} was written before people stopped, and was not read before the switch"
        elif held.staged.state is RecordState.PENDING:
            yield f"lost: {kind} {key} was written before people stopped, and was not carried over before the switch"


def _marker(fields: Fields) -> str:
    text = str(fields.get("body") or fields.get("description") or "").rstrip().rsplit("\n", 1)[-1].strip()
    return str(fields.get("custom:Streamflow ID") or text)
