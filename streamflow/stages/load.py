"""
Writing, by the protocol for a destination without idempotency keys.

Rule 1: an intent is durable before its first byte is sent; a batch shares the commit.
Rule 2: a definite answer confirms or rejects; anything else is in doubt and is never repeated blindly.
Rule 3: outcome, crosswalk, disposition and audit of a batch are one transaction.
Rule 4: the second write of a record starts only after the first is confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import anyio

from streamflow.clock import Clock, iso
from streamflow.errors import (
    AccessRefused,
    PlanLimit,
    PlatformUnavailable,
    RecordRejected,
    StreamflowError,
    Throttled,
    TransientError,
    Uncertain,
)
from streamflow.model import (
    AuditEntry,
    DestId,
    Disposition,
    Fields,
    Intent,
    IntentState,
    Link,
    Op,
    QueueItem,
    RecordState,
    Ref,
)
from streamflow.platforms.base import Feed, Writer
from streamflow.stages.batch import Loaded, Plan, Resolved, Write
from streamflow.store.base import (
    Audit,
    Change,
    DropLink,
    Enqueue,
    Finish,
    Ledger,
    PutIntent,
    PutLink,
    SettleIntent,
    Wake,
)

PATIENCE = 12  # times a write that was surely not applied is offered again before the platform counts as away


@dataclass(slots=True)
class Progress:
    """How far the writes of one plan have come."""

    plan: Plan
    step: int = 0
    intent: Intent | None = None
    stopped: bool = False
    ids: dict[Ref, DestId] = field(default_factory=dict)

    @property
    def next(self) -> Write | None:
        if self.stopped or self.step >= len(self.plan.writes):
            return None
        return self.plan.writes[self.step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one write."""

    state: IntentState
    dest_id: DestId | None = None
    error: StreamflowError | None = None


class Loader:
    """Carries out the plans of batches; several batches may be under way at once."""

    def __init__(
        self, *, ledger: Ledger, writer: Writer, feed: Feed, clock: Clock, phase: Callable[[], str], numbers: Iterator[int],
        busy: set[DestId] | None = None,
    ) -> None:  # fmt: skip
        self._busy: set[DestId] = busy if busy is not None else set()
        self._ledger = ledger
        self._writer = writer
        self._feed = feed
        self._clock = clock
        self._phase = phase
        self._numbers = numbers       # one run of numbers a start of the daemon: intent ids never repeat

    async def load(self, batch: Resolved) -> Loaded:
        """Write a batch in waves and answer what waits for verification."""
        tracks = [Progress(plan) for plan in batch.plans]
        changes: list[Change] = []
        for track in tracks:
            changes += opening(track.plan)
        written: list[Link] = []
        failure: StreamflowError | None = None
        while failure is None:
            wave = [track for track in tracks if track.next is not None]
            if not wave:
                break
            cursor = await self._feed.cursor()
            for track in wave:
                track.intent = self._intent(track, cursor)
                changes.append(PutIntent(intent=track.intent))
            await self._ledger.commit(changes)
            outcomes = await self._send(wave)
            changes = []
            for track, outcome in zip(wave, outcomes, strict=True):
                changes += settle(track, outcome, phase=self._phase(), at=iso(self._clock.now()), written=written)
                if isinstance(outcome.error, AccessRefused | PlatformUnavailable | PlanLimit) and failure is None:
                    failure = outcome.error
        await self._ledger.commit(changes)
        self._busy.difference_update({write.dest_id for plan in batch.plans for write in plan.writes if write.dest_id is not None})
        if failure is not None:
            raise failure
        return Loaded(
            number=batch.number,
            kind=batch.kind,
            last_seq=max((plan.staged.seq for plan in batch.plans), default=0),
            finished=sum(1 for track in tracks if track.plan.finish is not None),
            written=tuple(written),
        )

    def _intent(self, track: Progress, cursor: str) -> Intent:
        write = track.next
        assert write is not None
        dest_id = write.dest_id or (track.ids.get(write.ref) if write.op is not Op.CREATE else None)
        return Intent(
            id=f"{self._ledger.epoch}-{next(self._numbers):07d}",
            ref=write.ref,
            op=write.op,
            dest_kind=write.dest_kind,
            fields=fill_refs(write.fields, track.ids),
            marker=write.marker,
            dest_id=dest_id,
            author=write.author,
            seq=track.plan.staged.seq,
            feed_cursor=cursor,
            meant_at=iso(self._clock.now()),
            epoch=self._ledger.epoch,
        )

    async def _send(self, wave: Sequence[Progress]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(wave)

        async def one(index: int, track: Progress) -> None:
            outcomes[index] = await self._attempt(track)

        async with anyio.create_task_group() as group:
            for index, track in enumerate(wave):
                group.start_soon(one, index, track)
        return [outcome if outcome is not None else Outcome(state=IntentState.IN_DOUBT) for outcome in outcomes]

    async def _attempt(self, track: Progress) -> Outcome:
        """Send one write; only one that was surely not applied is offered again."""
        write, intent = track.next, track.intent
        assert write is not None
        assert intent is not None
        refused: StreamflowError | None = None
        for attempt in range(PATIENCE):
            try:
                return Outcome(state=IntentState.CONFIRMED, dest_id=await self._call(write, intent))
            except Throttled as error:
                refused = error
                await self._clock.sleep(min(error.retry_after_s or 0.0, 1.0))   # the limiter holds back the rest
            except TransientError as error:
                refused = error
                await self._clock.sleep(min(30.0, 0.25 * 2**attempt))
            except Uncertain as error:
                return Outcome(state=IntentState.IN_DOUBT, dest_id=intent.dest_id, error=error)
            except RecordRejected as error:
                return Outcome(state=IntentState.REJECTED, dest_id=intent.dest_id, error=error)
            except StreamflowError as error:
                return Outcome(state=IntentState.ABANDONED, dest_id=intent.dest_id, error=error)
        away = PlatformUnavailable(
            f"the destination refused to take a write {PATIENCE} times ({refused})", hint="it goes on by itself when the platform recovers"
        )
        return Outcome(state=IntentState.ABANDONED, dest_id=intent.dest_id, error=away)

    async def _call(self, write: Write, intent: Intent) -> DestId:
        if write.op is Op.CREATE:
            return await self._writer.create(write.dest_kind, intent.fields, author=write.author)
        assert intent.dest_id is not None
        if write.op is Op.UPDATE:
            return await self._writer.update(write.dest_kind, intent.dest_id, intent.fields, now=write.now, author=write.author)
        await self._writer.delete(write.dest_kind, intent.dest_id)
        return intent.dest_id


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
        changes.append(Wake(on=(f"{finish.kind}:{finish.key}",)))
    if not plan.writes:
        changes.append(Audit(entry=AuditEntry(
            actor="streamflow", action=f"record.{finish.state.value}", kind=finish.kind, key=finish.key,
            note=f"{finish.disposition or ''} {finish.reason}".strip(),
        )))
    return changes


def settle(track: Progress, outcome: Outcome, *, phase: str, at: str, written: list[Link]) -> list[Change]:
    """Turn the outcome of one write into changes, and move the plan on or stop it."""
    write, intent, staged = track.next, track.intent, track.plan.staged
    assert write is not None
    assert intent is not None
    changes: list[Change] = [
        SettleIntent(id=intent.id, state=outcome.state, dest_id=outcome.dest_id, reason=outcome.error.message if outcome.error else "")
    ]
    changes.append(Audit(entry=AuditEntry(
        actor="streamflow", action=f"write.{write.op.value}.{outcome.state.value}", kind=staged.record.kind, key=staged.record.key,
        dest_id=outcome.dest_id or "", before=write.before if write.before is not None else changed_from(write), after=intent.fields,
        note=write.dest_kind,
    )))
    if outcome.state is IntentState.CONFIRMED:
        assert outcome.dest_id is not None
        changes += confirmed(track, write, outcome.dest_id, phase=phase, at=at, written=written)
        return changes
    track.stopped = True
    finish = Finish(kind=staged.record.kind, key=staged.record.key, seq=staged.seq)
    if outcome.state is IntentState.IN_DOUBT:
        changes.append(replace(finish, state=RecordState.PARKED, waiting_on=f"doubt:{intent.id}", reason="outcome of a write unknown"))
    elif outcome.state is IntentState.REJECTED:
        changes.append(replace(finish, disposition=Disposition.FAILED, reason=outcome.error.message if outcome.error else "refused"))
        changes.append(Enqueue(item=rejection(track.plan, write, outcome)))
    return changes


def confirmed(
    track: Progress, write: Write, dest_id: DestId, *, phase: str, at: str, written: list[Link]
) -> list[Change]:
    """Record a confirmed write in the crosswalk; the last one of a plan finishes the record."""
    changes: list[Change] = []
    track.ids[write.ref] = dest_id
    if write.op is Op.DELETE:
        changes.append(DropLink(ref=write.ref))
    else:
        link = Link(
            ref=write.ref, dest_kind=write.dest_kind, dest_id=dest_id, base=fill_refs(write.base, track.ids), ours=write.ours,
            before=write.before, verified="pending", phase=phase, written_at=at,
        )
        changes.append(PutLink(link=link))
        written[:] = [kept for kept in written if kept.ref != link.ref]
        written.append(link)
    track.step += 1
    if track.next is None and track.plan.finish is not None:
        changes += finishing(track.plan, track.plan.finish)
    return changes


def changed_from(write: Write) -> Fields | None:
    """Give the values a write replaces, by field."""
    if write.op is Op.CREATE:
        return None
    return {name: write.now.get(name) for name in write.fields} if write.fields else write.now


def rejection(plan: Plan, write: Write, outcome: Outcome) -> QueueItem:
    """Build the queue item for a record the destination refuses."""
    record = plan.staged.record
    reason = outcome.error.message if outcome.error else "the destination refused the record"
    return QueueItem(
        id=f"rejected:{record.kind}:{record.key}:{write.ref.part}", cause="rejected", kind=record.kind, key=record.key,
        reason=f"{write.dest_kind} {write.op.value}: {reason}", decisions=("retry", "waive"), suggested="retry",
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
