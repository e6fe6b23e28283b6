"""
Records with a write whose outcome is not known yet: nothing else is written for them until it is.

What a person decided about a write that could not be resolved is carried out here: "recreate", "adopt:<id>" or "waive".

Rule: only what is not there is made again. A change whose record is there after all is given up, and the record compared anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamflow.mapping.identity import Review
from streamflow.model import OPEN_INTENTS, DestId, Disposition, Ending, Intent, IntentState, Key, Kind, Op, RecordState, Staged
from streamflow.platforms.destination import Reader
from streamflow.stages.batch import Plan
from streamflow.stages.confirmation import brought, forgotten, learnt_late, line_of, meaning_of
from streamflow.stages.directory import Directory
from streamflow.stages.formerly import dropped, taken_away
from streamflow.stages.job import Job
from streamflow.stages.planning import finish_of
from streamflow.stages.unknown import ALONE, Meaning, outcome_name
from streamflow.store.base import Ledger
from streamflow.store.change import Change, SettleIntent

MOST_OPEN: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Open and parked writes by record, and the destination records they are about."""

    by_record: Mapping[tuple[Kind, Key], Sequence[Intent]] = field(default_factory=dict)
    dest_ids: frozenset[DestId] = frozenset()
    meanings: Mapping[str, Meaning] = field(default_factory=dict)     # of the parked ones, by intent
    lost: Mapping[str, Sequence[Change]] = field(default_factory=dict)     # by intent that is to be made again: its record goes (`lost_of`)


async def undecided(ledger: Ledger, kind: Kind, keys: Iterable[Key], *, any_parked: bool) -> Undecided:
    """Collect the writes that stand in the way of these records; parked ones are looked for only when there are any."""
    found: dict[tuple[Kind, Key], list[Intent]] = {}
    meanings: dict[str, Meaning] = {}
    open_ones = await ledger.open_intents(limit=MOST_OPEN)
    for intent in open_ones:
        found.setdefault((intent.ref.kind, intent.ref.key), []).append(intent)
    if any_parked:
        for key, intents in (await ledger.intents_by_key(kind, list(keys))).items():
            parked = [intent for intent in intents if intent.state is IntentState.PARKED]
            if parked:
                found.setdefault((kind, key), []).extend(parked)
                meanings |= {intent.id: await meaning_of(ledger, intent) for intent in parked}
    dest_ids = frozenset(intent.dest_id for intent in open_ones if intent.dest_id is not None)
    return Undecided(by_record=found, dest_ids=dest_ids, meanings=meanings)


async def lost_of(ledger: Ledger, reader: Reader, doubts: Undecided, directory: Directory) -> Mapping[str, Sequence[Change]]:
    """Say, by intent, what takes a record out of the crosswalk whose change is to be made again: for those that are not there."""
    asked = [
        intent for intents in doubts.by_record.values() for intent in intents
        if intent.op is not Op.CREATE and intent.state is IntentState.PARKED and _answer(intent, directory)[0] == "recreate"
    ]
    lines = await ledger.links([intent.ref for intent in asked]) if asked else {}
    there: set[DestId] = set()
    for kind in sorted({line.dest_kind for line in lines.values()}):
        ids = {line.dest_id for line in lines.values() if line.dest_kind == kind}
        there |= (await reader.read(kind, sorted(ids), custom=False)).keys()
    gone = {intent.id: lines[intent.ref] for intent in asked if intent.ref in lines and lines[intent.ref].dest_id not in there}
    return {name: await dropped(ledger, line) for name, line in gone.items()}


def clear(staged: Staged, doubts: Undecided, directory: Directory, *, epoch: int) -> Plan | None:
    """Say what becomes of a record whose writes have no definite outcome; None: it has none of these."""
    intents = doubts.by_record.get((staged.record.kind, staged.record.key), ())
    changes: list[Change] = []
    for intent in intents:
        if intent.state in OPEN_INTENTS:
            return outcome_awaited(staged, intent, epoch)
        verb, _, named = _answer(intent, directory)
        if verb == "waive":
            reason = "a person left the outcome of a write as it is"
            finish = finish_of(staged, disposition=staged.disposition or Disposition.FLAGGED, reason=reason)
            return Plan(staged=staged, finish=finish, disposition=Disposition.FLAGGED)
        if verb == "recreate":
            reason = "made again by a person's decision"
            changes += [SettleIntent(id=intent.id, state=IntentState.ABANDONED, reason=reason), forgotten(intent)]
            changes += doubts.lost.get(intent.id, ())
        elif verb == "adopt" and named:
            meaning = doubts.meanings[intent.id]
            found, reason = IntentState.CONFIRMED, "named by a person"
            changes.append(SettleIntent(id=intent.id, state=found, dest_id=named, reason=reason, ending=Ending.FOUND))
            line = line_of(intent, meaning, named, phase="decision", at="")
            changes += [*brought(line, meaning.joiners), *taken_away(intent, line)]
            changes += learnt_late(intent, meaning, at=0.0)     # a person was asked behind the quiet time, and found it
        else:
            return _parked(staged, intent)
    return Plan(staged=staged, changes=tuple(changes)) if intents else None     # it comes again, with what is known then


def _answer(intent: Intent, directory: Directory) -> tuple[str, str, str]:
    """Give what a person said of a write, as (verb, ":", what is named)."""
    return directory.last_word(outcome_name(intent.id))[0].partition(":")


def outcome_awaited(staged: Staged, intent: Intent, epoch: int) -> Plan:
    """Let a record wait for a write: one that is being sent right now comes again, one in doubt wakes it when it is resolved."""
    if intent.state is IntentState.MEANT and intent.epoch == epoch:
        return Plan(staged=staged)
    return _parked(staged, intent)


def outcomes_awaited(jobs: Iterable[Job], doubts: Undecided, *, epoch: int) -> dict[Key, Plan]:
    """
    Let those wait who seem to be several people, one of whom is being made with an outcome that nobody knows yet.

    The other one may be the very record that was made: people's own and ours are told apart only by our book.
    """
    found: dict[Key, Plan] = {}
    for job in jobs:
        named = [word.partition(":") for word in job.decision.decisions] if isinstance(job.decision, Review) else []
        heads = [key for verb, _, key in named if verb == "merge"] if any(verb == "match" for verb, _, _ in named) else []
        makings = [
            intent for key in heads for intent in doubts.by_record.get((job.staged.record.kind, key), ())
            if intent.op is Op.CREATE and intent.state in OPEN_INTENTS
        ]
        if makings:
            found[job.staged.record.key] = outcome_awaited(job.staged, makings[0], epoch)
    return found


def _parked(staged: Staged, intent: Intent) -> Plan:
    disposition = (staged.disposition or Disposition.FLAGGED) if intent.state is IntentState.PARKED else None
    finish = finish_of(
        staged, state=RecordState.PARKED, disposition=disposition, reason="outcome of a write unknown", ground=ALONE,
        waiting_on=outcome_name(intent.id),
    )
    return Plan(staged=staged, finish=finish, disposition=Disposition.FLAGGED)
