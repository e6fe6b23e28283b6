"""How far the writes of a plan have come, and what each outcome means for the ledger: plain functions, no waiting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from streamflow.errors import (
    MadeLocked,
    NotFound,
    NotPermitted,
    PlatformUnavailable,
    RecordRejected,
    Stale,
    StreamflowError,
    Uncertain,
    sure,
)
from streamflow.model import (
    AuditEntry,
    Cursor,
    DestId,
    Disposition,
    Ending,
    Fields,
    Intent,
    IntentState,
    Link,
    Op,
    QueueItem,
    RecordState,
    Ref,
    name_of,
)
from streamflow.stages.batch import Plan, Resolved, Write
from streamflow.stages.confirmation import brought, forgotten, line_of
from streamflow.stages.formerly import taken_away
from streamflow.stages.unanswered import Weighed
from streamflow.stages.unknown import ALONE, Joiner, Meaning, outcome_name
from streamflow.store.base import Others
from streamflow.store.change import Audit, Change, DropLink, Enqueue, Finish, PutLink, SettleIntent, Wake

SINGLING = (NotPermitted, PlatformUnavailable, NotFound, RecordRejected, Stale)
"""Errors of writes that are planned anew: everybody's affair unless others were taken at the same time, the last two one record's own."""


@dataclass(slots=True)
class Progress:
    """How far the writes of one plan have come."""

    plan: Plan
    step: int = 0
    intent: Intent | None = None
    stopped: bool = False
    has_moved: bool = False       # something came of it: a disposition, a place to wait, or changes that let it go on
    question: str = ""            # id of the queue item, when it was refused
    ids: dict[Ref, DestId] = field(default_factory=dict)
    seen: Cursor = ""             # where the feed stood before the plan's facts were read

    def __post_init__(self) -> None:
        self.has_moved = not self.plan.writes and (self.plan.finish is not None or bool(self.plan.changes))

    @property
    def next(self) -> Write | None:
        if self.stopped or self.step >= len(self.plan.writes):
            return None
        return self.plan.writes[self.step]

    @property
    def meaning(self) -> Meaning:
        """What the crosswalk is to say once the next write is confirmed."""
        write = sure(self.next, "write")
        is_made = write.op is Op.CREATE and write.ref.part == ""
        joined = self.plan.joined if is_made else ()
        return Meaning(
            base=fill_refs(write.base, self.ids), before=write.before, ours=write.ours, seen=self.seen if write.dest_id else "",
            now={name: write.now.get(name) for name in write.fields}, phase=write.phase,
            joiners=tuple(Joiner(key=each.staged.record.key, seq=each.staged.seq, reason=each.reason) for each in joined),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one write."""

    state: IntentState
    dest_id: DestId | None = None
    error: StreamflowError | None = None
    weighed: Weighed | None = None       # it came to nothing, which may be this record's own affair
    unsent: str = ""                     # why it was given up before it was sent

    @property
    def stops(self) -> bool:
        """Say whether the error concerns more than this record."""
        is_its_own = self.weighed is not None and self.weighed.counts
        return self.error is not None and not is_its_own and not isinstance(self.error, Uncertain | RecordRejected | NotFound | Stale)


def names_under_way(batch: Resolved) -> set[str]:
    """Give the destination records and source records that the plans of a batch write to, as the set of busy ones names them."""
    names = {write.dest_id for plan in batch.plans for write in plan.writes if write.dest_id is not None}
    return names | {name_of(plan.staged.record.kind, plan.staged.record.key) for plan in batch.plans if plan.writes}


def opening(plan: Plan) -> list[Change]:
    """What a plan changes before, or without, any write of its own."""
    changes: list[Change] = list(plan.changes)
    for link in plan.links:
        changes.append(PutLink(link=link))
        changes.append(Audit(entry=AuditEntry(
            actor="streamflow", action="link", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id,
            note="merged" if link.is_merged else "matched" if link.is_matched else "unchanged",
        )))
    if not plan.writes and plan.finish is not None:
        changes += finishing(plan, plan.finish)
    return changes


def finishing(plan: Plan, finish: Finish) -> list[Change]:
    """Give the record its disposition and wake whoever waited for it."""
    changes: list[Change] = [finish]
    if finish.state is RecordState.DONE:
        changes.append(Wake(on=(name_of(finish.kind, finish.key),)))
    if not plan.writes:
        changes.append(Audit(entry=AuditEntry(
            actor="streamflow", action=f"record.{finish.state.value}", kind=finish.kind, key=finish.key,
            note=f"{finish.disposition or ''} {finish.reason}".strip(),
        )))
    return changes


def settle(track: Progress, outcome: Outcome, *, phase: str, at: str, since: str, written: dict[Ref, Link]) -> list[Change]:
    """Turn the outcome of one write into changes, and move the plan on or stop it; *at* by the wall clock, *since* by the steady one."""
    write, intent, staged = sure(track.next, "write"), sure(track.intent, "intent"), track.plan.staged
    meaning, reason = track.meaning, outcome.error.message if outcome.error else outcome.unsent
    reason = outcome.weighed.reason if outcome.weighed is not None else reason
    changes: list[Change] = [SettleIntent(
        id=intent.id, state=outcome.state, dest_id=outcome.dest_id, reason=reason,
        ending=outcome.weighed.ending if outcome.weighed is not None else Ending.PLAIN,
        unknown_since=since if outcome.state is IntentState.IN_DOUBT else "",
    )]
    if meaning.is_kept_for(intent) and outcome.state is not IntentState.IN_DOUBT:
        changes.append(forgotten(intent))
    changes.append(Audit(entry=AuditEntry(
        actor="streamflow", action=f"write.{write.op.value}.{outcome.state.value}", kind=staged.record.kind, key=staged.record.key,
        dest_id=outcome.dest_id or "", before=write.before if write.before is not None else changed_from(write), after=intent.fields,
        note=write.dest_kind,
    )))
    if outcome.state is IntentState.CONFIRMED:
        changes += confirmed(track, intent, sure(outcome.dest_id, "record that was confirmed"), phase=phase, at=at, written=written)
        if isinstance(outcome.error, MadeLocked):
            changes.append(Enqueue(item=locked(track, write, outcome.error)))
        return changes
    track.stopped = True
    finish = Finish(kind=staged.record.kind, key=staged.record.key, seq=staged.seq)
    track.has_moved = outcome.state is not IntentState.ABANDONED
    if outcome.state is IntentState.IN_DOUBT:
        changes.append(replace(
            finish, state=RecordState.PARKED, waiting_on=outcome_name(intent.id), reason="outcome of a write unknown", ground=ALONE,
        ))
    elif outcome.state is IntentState.REJECTED and meaning.joiners:
        # Whose value it was is not known: made anew by itself, and each of the others answers for its own.
        changes.append(replace(finish, state=RecordState.PENDING, reason="refused together with those it is one person with", ground=ALONE))
    elif outcome.state is IntentState.REJECTED:
        changes.append(replace(finish, disposition=Disposition.FAILED, reason=outcome.error.message if outcome.error else "refused"))
        changes.append(Enqueue(item=rejection(track, write, outcome)))
    return changes


def perhaps_their_own(wave: Sequence[Progress], outcomes: Sequence[Outcome | None]) -> Iterator[tuple[int, Progress, Others]]:
    """
    Give, by their places in a wave, the writes that came to nothing and yet may be the only ones of their kind to meet that.

    A right that is missing, a pace that is asked for and an address that is not there are everybody's affair, but not where others were
    taken at the same time: then something stands in the way of this one record, such as a filter that dislikes its words. Who is refused
    for naming somebody who is gone, or since somebody was at the record meanwhile, was answered, and is planned anew: should that come out
    the same, it must not go on for good.
    """
    for place, (track, outcome) in enumerate(zip(wave, outcomes, strict=True)):
        if outcome is None or outcome.state is not IntentState.ABANDONED or not isinstance(outcome.error, SINGLING):
            continue
        intent = sure(track.intent, "intent")
        if isinstance(outcome.error, NotFound) and intent.op is not Op.CREATE:
            continue     # the record is not there any more
        like = [
            (other.intent.ref.kind, other.intent.ref.key, each.state) for other, each in zip(wave, outcomes, strict=True)
            if each is not None and other is not track and other.intent is not None and other.intent.dest_kind == intent.dest_kind
        ]
        yield place, track, Others(
            taken=isinstance(outcome.error, RecordRejected) or any(state is IntentState.CONFIRMED for _, _, state in like),
            unanswered=tuple((kind, key) for kind, key, state in like if state in (IntentState.ABANDONED, IntentState.IN_DOUBT)),
        )


def confirmed(
    track: Progress, intent: Intent, dest_id: DestId, *, phase: str, at: str, written: dict[Ref, Link]
) -> list[Change]:
    """Record a confirmed write in the crosswalk; the last one of a plan finishes the record."""
    changes: list[Change] = []
    track.ids[intent.ref] = dest_id
    if intent.op is Op.DELETE:
        changes += [DropLink(ref=intent.ref), *taken_away(intent, None)]
    else:
        meaning = track.meaning
        line = written[intent.ref] = line_of(intent, meaning, dest_id, phase=phase, at=at)
        changes += [*brought(line, meaning.joiners), *taken_away(intent, line)]
    track.step += 1
    if track.next is None and track.plan.finish is not None:
        track.has_moved = True
        changes += finishing(track.plan, track.plan.finish)
    return changes


def changed_from(write: Write) -> Fields | None:
    """Give the values a write replaces, by field."""
    if write.op is Op.CREATE:
        return None
    return {name: write.now.get(name) for name in write.fields} if write.fields else write.now


def rejection(track: Progress, write: Write, outcome: Outcome) -> QueueItem:
    """Build the queue item for a record the destination refuses."""
    record = track.plan.staged.record
    reason = outcome.error.message if outcome.error else "the destination refused the record"
    return QueueItem(
        id=track.question or f"rejected:{record.kind}:{record.key}:{write.ref.part}", cause="rejected", kind=record.kind, key=record.key,
        reason=f"{write.dest_kind} {write.op.value}: {reason}", decisions=("retry", "waive"), suggested="retry",
    )


def locked(track: Progress, write: Write, error: MadeLocked) -> QueueItem:
    """Build the queue item for a record that is there and that nobody can work with."""
    record = track.plan.staged.record
    return QueueItem(
        id=f"locked:{record.kind}:{record.key}:{write.ref.part}", cause="locked", kind=record.kind, key=record.key,
        reason=f"{error.dest_id}: {error.message}; {error.hint}", decisions=("accept",), suggested="accept",
        details={"dest_id": error.dest_id},
    )


def fill_refs(fields: Fields, ids: dict[Ref, DestId]) -> Fields:
    """Replace references to parts of the same record by the ids they have got by now."""
    if not ids:
        return fields

    def fill(value: object) -> object:
        if isinstance(value, Ref):
            return ids.get(value, value)
        if isinstance(value, list):
            return [fill(each) for each in value]
        return value

    return {name: fill(value) if name.startswith("link:") else value for name, value in fields.items()}
