"""
What the source holds and did not show: told by name, blocking the cutover until it was read or a person gives it up.

Rule 1: what could not be read is never taken for empty; only the platform's own word "there is none" is.
Rule 2: a person gives up one failure; once it was read again, the next failure is asked about anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.errors import StreamflowError
from streamflow.migration.context import Migration
from streamflow.model import Kind, QueueItem
from streamflow.platforms.base import Stream
from streamflow.stages.extract import Tally
from streamflow.stages.questions import next_question, numbered
from streamflow.store.base import Change, Enqueue, PutSetting, ResolveItem

UNREAD = "unread"              # setting: kind -> {"why", "items"} of what could not be read
CAUSE = "source_unread"
EACH_BY_NAME = 20              # so many parents have an item each; of more the whole kind is told

Known = dict[Kind, dict[str, Any]]


async def tell(migration: Migration, stream: Stream, tally: Tally) -> None:
    """Keep what a pass could not read, or that it read all of it, in the queue and for the reason that is shown."""
    known: Known = await migration.ledger.setting(UNREAD) or {}
    if not tally.gaps:
        if stream.kind in known and tally.ended and tally.asked:
            await _close(migration, stream.kind, known)
        return
    why = "; ".join(sorted(tally.gaps))
    if stream.parent is None or tally.halted_after is not None or len(tally.unread) > EACH_BY_NAME:
        names = {stream.kind: f"{stream.kind} records could not be read: {why}"}
        told = f"{stream.kind} records cannot be read ({why})"
    else:
        parents = sorted(set(tally.unread))
        names = {f"{stream.kind}:{key}": f"the {stream.kind} records of {stream.parent} {key} could not be read: {why}" for key in parents}
        told = f"{stream.kind} records of {len(parents)} {stream.parent} records cannot be read ({why})"
    await _open(migration, stream.kind, known, names, told)


async def is_given_up(migration: Migration, kind: Kind) -> bool:
    """Say whether a person has given up everything of this kind that cannot be read now."""
    known: Known = await migration.ledger.setting(UNREAD) or {}
    items = [await migration.ledger.item(name) for name in known.get(kind, {}).get("items", ())]
    return bool(items) and all(item is not None and item.decision == "waive" for item in items)


async def told(migration: Migration) -> str:
    """Say what cannot be read and was not given up, "" when everything can."""
    known: Known = await migration.ledger.setting(UNREAD) or {}
    return "; ".join([known[kind]["why"] for kind in sorted(known) if not await is_given_up(migration, kind)])


async def look_again(migration: Migration) -> list[str]:
    """
    Ask the source for each stream once more, and say which of those that are moved cannot be read now and were not given up.

    Writes nothing to either side; what it finds is put into the queue, so that a person can give it up.
    """
    try:
        now = await migration.source.check()
    except StreamflowError as error:
        return [f"the source cannot be asked: {error.message}"]
    before: Mapping[Kind, str] = await migration.ledger.setting("coverage") or {}
    for stream in migration.source.streams():
        state = now.get(stream.kind, "ok")
        if state != "ok" and before.get(stream.kind, "ok") == "ok":
            known: Known = await migration.ledger.setting(UNREAD) or {}
            why = f"{stream.kind} records could be read at the probe and cannot now ({state})"
            await _open(migration, stream.kind, known, {stream.kind: why}, why)
    said = await told(migration)
    return [said] if said else []


async def _open(migration: Migration, kind: Kind, known: Known, names: Mapping[str, str], told: str) -> None:
    changes: list[Change] = []
    items: list[str] = []
    for name, reason in names.items():
        question = await next_question(migration.ledger, numbered(f"{UNREAD}:{name}"))
        items.append(question.name)
        if question.standing is None:
            changes.append(Enqueue(item=QueueItem(
                id=question.name, cause=CAUSE, kind=kind, key="", reason=reason, blocking=True, decisions=("waive",), suggested="",
            )))
    dropped = [each for each in known.get(kind, {}).get("items", ()) if each not in items]
    changes += [ResolveItem(id=each, decision="read", by="streamflow") for each in dropped]
    entry = {"why": told, "items": items}
    if changes or known.get(kind) != entry:
        await migration.ledger.commit([*changes, PutSetting(name=UNREAD, value={**known, kind: entry})])
        migration.log("read.gap", kind=kind, reason=told)


async def _close(migration: Migration, kind: Kind, known: Known) -> None:
    items = known[kind]["items"]
    left = {each: entry for each, entry in known.items() if each != kind}
    await migration.ledger.commit([
        *(ResolveItem(id=each, decision="read", by="streamflow") for each in items), PutSetting(name=UNREAD, value=left or None),
    ])
    migration.log("read.gap_closed", kind=kind)
