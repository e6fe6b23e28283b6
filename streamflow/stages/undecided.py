"""
Records with a write whose outcome is not known yet: nothing else is written for them until it is.

What a person decided about a write that could not be resolved is carried out here: "recreate", "adopt:<id>" or "waive".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamflow.model import OPEN_INTENTS, DestId, Disposition, Intent, IntentState, Key, Kind, Link, Op, RecordState, Ref, Staged
from streamflow.stages.batch import Plan
from streamflow.stages.directory import Directory
from streamflow.stages.planning import finish_of
from streamflow.store.base import Change, DropLink, Ledger, PutLink, SettleIntent

MOST_OPEN: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Open and parked writes by record, and the destination records they are about."""

    by_record: Mapping[tuple[Kind, Key], Sequence[Intent]] = field(default_factory=dict)
    dest_ids: frozenset[DestId] = frozenset()


async def undecided(ledger: Ledger, kind: Kind, keys: Iterable[Key], *, any_parked: bool) -> Undecided:
    """Collect the writes that stand in the way of these records; parked ones are looked for only when there are any."""
    found: dict[tuple[Kind, Key], list[Intent]] = {}
    open_ones = await ledger.open_intents(limit=MOST_OPEN)
    for intent in open_ones:
        found.setdefault((intent.ref.kind, intent.ref.key), []).append(intent)
    if any_parked:
        for key in keys:
            parked = [intent for intent in await ledger.intents_of(kind, key) if intent.state is IntentState.PARKED]
            if parked:
                found.setdefault((kind, key), []).extend(parked)
    return Undecided(by_record=found, dest_ids=frozenset(intent.dest_id for intent in open_ones if intent.dest_id is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What the writes of one record mean for it: a plan that ends the matter for now, or changes and lines to go on with."""

    plan: Plan | None = None
    changes: tuple[Change, ...] = ()
    adopted: tuple[Link, ...] = ()
    dropped: tuple[Ref, ...] = ()


def clear(staged: Staged, intents: Sequence[Intent], directory: Directory, *, epoch: int) -> Cleared:
    """Say how a record goes on whose writes *intents* have no definite outcome."""
    changes: list[Change] = []
    adopted: list[Link] = []
    dropped: list[Ref] = []
    for intent in intents:
        if intent.state in OPEN_INTENTS:
            return Cleared(plan=outcome_awaited(staged, intent, epoch))
        word, _ = directory.last_word(f"doubt:{intent.id}")
        verb, _, named = word.partition(":")
        if verb == "waive":
            reason = "a person left the outcome of a write as it is"
            finish = finish_of(staged, disposition=staged.disposition or Disposition.FLAGGED, reason=reason)
            return Cleared(plan=Plan(staged=staged, finish=finish, disposition=Disposition.FLAGGED))
        if verb == "recreate":
            changes.append(SettleIntent(id=intent.id, state=IntentState.ABANDONED, reason="made again by a person's decision"))
            if intent.op is not Op.CREATE:
                changes.append(DropLink(ref=intent.ref))
                dropped.append(intent.ref)
        elif verb == "adopt" and named:
            link = Link(ref=intent.ref, dest_kind=intent.dest_kind, dest_id=named, base=dict(intent.fields), ours=True, phase="decision")
            changes.append(SettleIntent(id=intent.id, state=IntentState.CONFIRMED, dest_id=named, reason="named by a person"))
            changes.append(PutLink(link=link))
            adopted.append(link)
        else:
            return Cleared(plan=_parked(staged, intent))
    return Cleared(changes=tuple(changes), adopted=tuple(adopted), dropped=tuple(dropped))


def outcome_awaited(staged: Staged, intent: Intent, epoch: int) -> Plan:
    """Let a record wait for a write: one that is being sent right now comes again, one in doubt wakes it when it is resolved."""
    if intent.state is IntentState.MEANT and intent.epoch == epoch:
        return Plan(staged=staged)
    return _parked(staged, intent)


def _parked(staged: Staged, intent: Intent) -> Plan:
    disposition = (staged.disposition or Disposition.FLAGGED) if intent.state is IntentState.PARKED else None
    finish = finish_of(
        staged, state=RecordState.PARKED, disposition=disposition, reason="outcome of a write unknown", waiting_on=f"doubt:{intent.id}"
    )
    return Plan(staged=staged, finish=finish, disposition=Disposition.FLAGGED)
