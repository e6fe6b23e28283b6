"""Taking the picture of a running migration: ledger counts, pace, gate, into the one frozen `Snapshot`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio

from streamflow.clock import from_iso
from streamflow.daemon.status import (
    CheckpointStatus,
    Figures,
    GateStatus,
    ListenStatus,
    PaceStatus,
    QueueStatus,
    Snapshot,
    StreamStatus,
)
from streamflow.migration.context import Migration
from streamflow.migration.life import State
from streamflow.model import Disposition, IntentState, Kind, RecordState
from streamflow.store.base import KindCount
from streamflow.wire.limiter import Limiter
from streamflow.wire.message import Attempt

FRESH_S = 0.2        # how old the ledger's counters may be
PATIENCE_S = 0.07    # of the 100 ms in which a status is answered


class CallCount:
    """Counts calls per platform; one of the session's hooks."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, attempt: Attempt) -> None:
        self.calls[attempt.platform] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """What the ledger said at one moment."""

    read_at: float                                # monotonic
    counts: Sequence[KindCount] = ()
    verified: Mapping[Kind, int] = field(default_factory=dict)
    verdicts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    queue: QueueStatus = field(default_factory=QueueStatus)
    marks_at: Mapping[str, datetime] = field(default_factory=dict)
    in_doubt: int = 0
    signed_in: bool = False


class Picture:
    """
    Builds snapshots: what lives in this process as it is now, over what the ledger said at most a moment ago.

    `take` waits for the ledger; `glance` answers in time whatever the ledger is doing.
    """

    def __init__(self, migration: Migration, limiters: Mapping[str, Limiter], calls: CallCount) -> None:
        self._m = migration
        self._limiters = limiters
        self._calls = calls
        self._lock = anyio.Lock()
        self._book: _Book | None = None
        self._book_streams: dict[Kind, StreamStatus] = {}
        self._rates: dict[Kind, tuple[float, int]] = {}     # when a kind was looked at, and how many were done then
        self._etas: dict[Kind, float | None] = {}
        self.listen = ListenStatus()
        self.latest: Snapshot | None = None

    async def take(self) -> Snapshot:
        """Read the ledger's counters, unless that was done a moment ago, and build the picture."""
        async with self._lock:
            if self._book is None or self._m.clock.monotonic() - self._book.read_at > FRESH_S:
                self._book = await self._read()
                self._book_streams = self._streams(self._book)
        return self._build(self._book)

    async def glance(self) -> Snapshot:
        """Build the picture from what the ledger says within `PATIENCE_S`, else from what it said last."""
        with anyio.move_on_after(PATIENCE_S):
            return await self.take()
        return await self.take() if self._book is None else self._build(self._book)

    async def _read(self) -> _Book:
        ledger = self._m.ledger
        counts = await ledger.counts()
        verified: Counter[Kind] = Counter()
        for (kind, _, state), count in (await ledger.link_counts()).items():
            if state == "verified":
                verified[kind] += count
        verdicts: Counter[tuple[str, str]] = Counter()
        for (kind, _, verdict), count in (await ledger.check_counts()).items():
            verdicts[kind, verdict] += count
        queue = {name: count for name, count in (await ledger.queue_counts()).items() if name[0] == "open"}
        return _Book(
            read_at=self._m.clock.monotonic(), counts=counts, verified=verified, verdicts=verdicts,
            queue=QueueStatus(open=sum(queue.values()), blocking=sum(count for name, count in queue.items() if name[2])),
            marks_at={mark.name: from_iso(mark.at) for mark in await ledger.marks() if mark.at},
            in_doubt=(await ledger.intent_counts()).get(IntentState.IN_DOUBT, 0),
            signed_in=await ledger.setting("delta_opened_at") is not None,
        )

    def _build(self, book: _Book) -> Snapshot:
        m = self._m
        now = m.clock.now()
        m.gauges.refresh()
        ages = {name: (now - at) / timedelta(seconds=1) for name, at in book.marks_at.items()}
        paused, phase = m.control.paused, m.phase
        reason = paused if paused is not None else phase.reason
        self.latest = Snapshot(
            state=State.PAUSED.value if paused is not None else phase.state.value,
            reason=f"draining: {reason}" if m.control.draining else reason,
            phase=phase.state.value, since=phase.since,
            gate=GateStatus(name=m.gate.name, since=m.gate.since, what=m.gate.what, how=m.gate.how) if m.gate else None,
            streams=self._book_streams, pace=self._pace(), queue=book.queue,
            checkpoint=CheckpointStatus(age_s=min(ages.values(), default=None), resumable=True), calls=dict(self._calls.calls),
            listen=self.listen,
            figures=Figures(
                in_doubt={"all": book.in_doubt}, verification=book.verdicts, stage_queues=dict(m.gauges.queues), signed_in=book.signed_in,
                mark_age_s={name.removeprefix("read:"): age for name, age in ages.items() if name.startswith("read:")},
            ),
        )
        return self.latest

    def _streams(self, book: _Book) -> dict[Kind, StreamStatus]:
        by_kind: dict[Kind, Counter[str]] = {}
        for count in book.counts:
            tally = by_kind.setdefault(count.kind, Counter())
            tally["read"] += count.count
            if count.disposition is not None and count.state is not RecordState.PENDING:
                tally[count.disposition.value] += count.count
            if count.state in (RecordState.PENDING, RecordState.PARKED):
                tally["backlog"] += count.count
            if count.state is RecordState.PENDING:
                tally["staged"] += count.count
        return {
            kind: StreamStatus(
                read=tally["read"], staged=tally["staged"], backlog=tally["backlog"], verified=book.verified.get(kind, 0),
                lag_s=0.0 if not tally["staged"] else None, eta_s=self._eta(kind, tally),
                **{each.value: tally[each.value] for each in Disposition},
            )
            for kind, tally in by_kind.items()
        }

    def _eta(self, kind: Kind, tally: Counter[str]) -> float | None:
        """Seconds left for a kind at the pace of the last look; None while nothing moves."""
        done, now = tally["read"] - tally["staged"], self._m.clock.monotonic()
        before = self._rates.get(kind)
        if before is None or now - before[0] >= 2.0:
            self._rates[kind] = (now, done)
            if before is not None and done > before[1]:
                self._etas[kind] = tally["staged"] * (now - before[0]) / (done - before[1])
            elif not tally["staged"]:
                self._etas[kind] = 0.0
        return self._etas.get(kind)

    def _pace(self) -> dict[str, PaceStatus]:
        found = {}
        for name, limiter in self._limiters.items():
            stats = limiter.stats()
            found[name] = PaceStatus(
                rate_per_s=round(stats.rate_per_s, 3), in_flight=stats.in_flight, used_share=round(stats.used_share, 3),
                closed_until=stats.closed_until.strftime("%Y-%m-%dT%H:%M:%SZ") if stats.closed_until else None, reason=stats.reason,
            )
        return found
