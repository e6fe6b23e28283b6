"""
What stands against a cutover right now, and how closely the destination follows.

Nothing here writes to either side, so that it may be asked at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamflow.errors import OURS, StreamflowError
from streamflow.migration import drift, unread
from streamflow.migration.context import Migration
from streamflow.migration.horizon import allowance_s, shown_late
from streamflow.migration.life import State
from streamflow.migration.readiness import Readiness, lag_limit_s
from streamflow.model import OPEN_INTENTS, RecordState

UNWATCHED = (
    "`cutover.watch_days` is 0: after the switch the source is looked at once, if it answers, by what shows as changed; a silent edit "
    "behind the last reading of the drain, and whatever shows later than that look, is not found"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Precheck:
    """Whether a cutover may start, with every reason against it; *notes* are told and stand against nothing."""

    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def may_start(self) -> bool:
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.may_start, "reasons": list(self.reasons), "notes": list(self.notes), **self.facts}


async def precheck(migration: Migration, *, asks_both: bool = False) -> Precheck:
    """
    Collect every reason against a cutover; writes nothing to either side.

    With *asks_both* both sides are looked at again: a stream that could be read at the probe and cannot now, and a field of the map that
    is not there any more, are told by name.
    """
    ledger, state = migration.ledger, migration.phase.state
    reasons: list[str] = []
    if state not in (State.TAIL, State.CUTOVER):
        reasons.append(f"the migration is in {state}: a cutover starts from tail")
    if state is State.TAIL and migration.control.paused is not None:
        reasons.append(f"the migration is paused ({migration.control.paused}): `resume` first")
    close = readiness(migration) if state is State.TAIL else Readiness()
    reasons += close.reasons
    stopped = migration.stopped.told()
    reasons += [stopped] if stopped and not any(stopped in reason for reason in reasons) else []
    if asks_both:
        reasons += await unread.look_again(migration)
        reasons += await _drifted(migration)
    late_s = max(map(allowance_s, (await shown_late(migration)).values()), default=0.0)
    if late_s >= migration.terms.cutover_deadline_s:
        reasons.append(f"the source shows changes so late that {late_s:.0f} s must be waited for them: raise `cutover.deadline_s`")
    blocking = sum(count for (is_open, _, blocks), count in (await ledger.queue_counts()).items() if is_open == "open" and blocks)
    if blocking:
        reasons.append(f"{blocking} queue items block the cutover: resolve them (`queue list`)")
    counts = await ledger.intent_counts()
    doubts = sum(counts.get(each, 0) for each in OPEN_INTENTS)
    if doubts:
        reasons.append(f"the outcome of {doubts} writes is not known yet")
    pending = await pending_records(migration)
    links = await ledger.link_counts()
    differs = sum(count for (_, _, verified), count in links.items() if verified == "differs")
    if differs:
        words = "read back differently from what was written, or are gone since"
        reasons.append(f"{differs} records {words}: decide each in the queue (`queue list`; the fields are in `report`)")
    backlog_limit = 10 * migration.terms.batch_size
    if pending > backlog_limit:
        reasons.append(f"{pending} records are not delivered yet; wait until fewer than {backlog_limit} are")
    facts = {"pending": pending, "in_doubt": doubts, "blocking": blocking, "differs": differs, **close.facts()}
    return Precheck(reasons=tuple(reasons), notes=() if migration.terms.watch_days else (UNWATCHED,), facts=facts)


async def _drifted(migration: Migration) -> list[str]:
    try:
        found = await drift.find(migration)
    except OURS:
        raise     # trouble of our own, which says nothing of the destination
    except StreamflowError as error:
        return [f"the destination cannot be asked: {error.message}"]
    return [f"the confirmed map does not hold any more: {found.told()}"] if found else []


def readiness(migration: Migration) -> Readiness:
    """Say how closely the destination follows the source right now."""
    terms = migration.terms
    return migration.following.judge(
        now=migration.clock.steady(), lag_limit_s=lag_limit_s(cutover_deadline_s=terms.cutover_deadline_s, poll_s=terms.poll_s),
        sweep_every_s=terms.sweep_every_s, batch_size=terms.batch_size,
    )


async def pending_records(migration: Migration) -> int:
    """Count what was read and is not delivered yet."""
    return sum(count.count for count in await migration.ledger.counts() if count.state is RecordState.PENDING)
