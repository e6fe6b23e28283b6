"""
Writes that come to nothing again and again: how often one was sent in vain, and when that is the record's fault.

Rule 1: a try counts only where the destination took other records' writes meanwhile, so that an outage costs no record anything.
Rule 2: where nothing else is written, it counts once the record had failed beside others before; otherwise a bad hour is waited for.
Rule 3: a write that always finds its record another than the one it was decided from is tried on for minutes: people end their work on it.
It is answered, so it is a series of its own, and says nothing of writes that are not.
Rule 4: all of it is in the ledger's intents: a restart forgets nothing. A confirmed write, or a person's decision, begins it anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from streamflow.clock import from_iso
from streamflow.model import OPEN_INTENTS, Disposition, Ending, Intent, IntentState, Key, Kind, Op, QueueItem, Ref
from streamflow.stages.questions import next_question, repeated
from streamflow.store.base import Ledger, Others
from streamflow.store.change import Change, Enqueue, Finish

TRIES: Final = 5
"""So many tries in vain beside others that were taken, and a person is asked."""
BAD_HOUR_S: Final = 3600.0
PAUSE_S: Final = 60.0     # between two tries of one that may pass by itself and is refused at once: it is not tried in a second
FEW: Final = 5            # after a bad hour without any write taken so many other records may be in the same case
LOOKED: Final = 50        # more records without an answer than that are not one record's fault
CAUSE = "unanswered"
IN_VAIN: Final = (Ending.COUNTED, Ending.UNCOUNTED)
"""How those ended that were not answered, or in words that would concern everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The tries of one write in a row, all of them in vain."""

    tries: tuple[Intent, ...] = ()
    was_asked: bool = False      # a person was asked about the ones before

    @property
    def counted(self) -> int:
        return sum(each.ending is Ending.COUNTED for each in self.tries)

    @property
    def is_suspect(self) -> bool:
        """Say whether it came to nothing before while others were taken."""
        return self.was_asked or self.counted > 0


def series_of(intents: Sequence[Intent], ref: Ref, op: Op, *, endings: Collection[Ending] = IN_VAIN) -> Series:
    """Tell the tries of one write that ended so from all that was ever meant for its record, the oldest first."""
    tries: list[Intent] = []
    was_asked = False
    for each in intents:
        if each.ref != ref or each.op is not op or each.state in OPEN_INTENTS:
            continue
        if each.state is not IntentState.ABANDONED or each.ending is Ending.GIVEN_UP:
            tries, was_asked = [], each.state is IntentState.ABANDONED
        elif each.ending in endings:
            tries.append(each)
    return Series(tries=tuple(tries), was_asked=was_asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One more try in vain: what people are told of it, and whether it counts against the record or was the last one."""

    reason: str
    ending: Ending

    @property
    def counts(self) -> bool:
        return self.ending in (Ending.COUNTED, Ending.GIVEN_UP)

    @property
    def is_last(self) -> bool:
        return self.ending is Ending.GIVEN_UP


async def weigh(ledger: Ledger, intent: Intent, why: str, *, now: datetime, others: Others | None = None) -> Weighed:
    """
    Weigh a write that surely did not happen; *why* says what was answered, or found in its place, *now* is by the steady clock.

    *others* is what became of those sent beside it, where the ledger does not know that yet.
    """
    before = series_of(await ledger.intents_of(intent.ref.kind, intent.ref.key), intent.ref, intent.op)
    pause_s = PAUSE_S if others is not None else 0.0
    others = others if others is not None else await ledger.others_meanwhile(intent.id, limit=LOOKED)
    if not await _counts(ledger, intent, before, others, now, pause_s):
        return Weighed(reason=f"{why}; that counts for nothing, as no others were taken meanwhile", ending=Ending.UNCOUNTED)
    if before.counted + 1 < TRIES:
        return Weighed(reason=f"{why}; that counts against the record", ending=Ending.COUNTED)
    return Weighed(reason=_told(intent, len(before.tries) + 1, why), ending=Ending.GIVEN_UP)


async def weigh_overtaken(ledger: Ledger, intent: Intent, why: str, *, now: datetime) -> Weighed:
    """Weigh one that found its record another than the one it was decided from, whatever became of others; *now* as in `weigh`."""
    intents = await ledger.intents_of(intent.ref.kind, intent.ref.key)
    before = series_of(intents, intent.ref, intent.op, endings=(Ending.OVERTAKEN,)).tries
    if before and _is_soon(before[-1], now, PAUSE_S):
        return Weighed(reason=f"{why}; that counts for nothing, so soon after the last time", ending=Ending.PLAIN)
    if len(before) + 1 < TRIES:
        return Weighed(reason=f"{why}; that counts against the record", ending=Ending.OVERTAKEN)
    return Weighed(reason=f"found to be another than it was read, {TRIES} times over minutes ({why})", ending=Ending.GIVEN_UP)


async def _counts(ledger: Ledger, intent: Intent, before: Series, others: Others, now: datetime, pause_s: float) -> bool:
    if others.taken:
        return True
    first, last = (before.tries[0], before.tries[-1]) if before.tries else (intent, None)
    if len(others.unanswered) >= LOOKED or (last is not None and _is_soon(last, now, pause_s)):
        return False
    strangers = [name for name in others.unanswered if not await _is_suspect(ledger, name)]
    if before.is_suspect and not strangers:
        return True
    return now - from_iso(first.meant_at) >= timedelta(seconds=BAD_HOUR_S) and len(strangers) <= FEW


def _is_soon(last: Intent, now: datetime, pause_s: float) -> bool:
    return now - from_iso(last.meant_at) < timedelta(seconds=pause_s)


async def _is_suspect(ledger: Ledger, name: tuple[Kind, Key]) -> bool:
    intents = await ledger.intents_of(*name)
    return any(series_of(intents, ref, op).is_suspect for ref, op in dict.fromkeys((each.ref, each.op) for each in intents))


def _told(intent: Intent, times: int, why: str) -> str:
    """Say how often it was sent and how that ended; *intent* is the last one, still open."""
    last = f"last: {intent.reason}; " if intent.reason else ""
    return f"sent {times} times, never answered as done ({last}{why})"


async def left_to_a_person(ledger: Ledger, intent: Intent, reason: str) -> list[Change]:
    """
    Let a record rest whose write was given up, with one item of the queue.

    What does not serve the record as it is now (it has changed, or the write was one of a rollback) is asked about by nobody here.
    """
    ref = intent.ref
    staged = (await ledger.staged(ref.kind, [ref.key])).get(ref.key)
    if staged is None or staged.seq != intent.seq:
        return []
    question = await next_question(ledger, repeated(f"{CAUSE}:{ref.kind}:{ref.key}:{ref.part}"))
    item = QueueItem(
        id=question.name, cause=CAUSE, kind=ref.kind, key=ref.key, decisions=("retry", "waive"), suggested="retry",
        reason=f"{intent.dest_kind} {intent.op.value}: {reason}. `retry` tries it again; if that changes "
        "nothing, correct the record in the source, or make it by hand and `waive`",
        details={"marker": intent.marker, "intent": intent.id},
    )
    finish = Finish(kind=ref.kind, key=ref.key, seq=intent.seq, disposition=Disposition.FAILED, reason=f"given up: {reason}")
    return [Enqueue(item=item), finish]
