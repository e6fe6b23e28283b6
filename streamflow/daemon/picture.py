"""Taking the picture of a running migration: ledger counts, pace, gate, into the one frozen `Snapshot`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import anyio

from streamflow.clock import from_iso
from streamflow.daemon.ages import Ages, Etas
from streamflow.daemon.book import Book, read_book, room
from streamflow.daemon.chain import Chain
from streamflow.daemon.status import (
    CheckpointStatus,
    Figures,
    GateStatus,
    ListenStatus,
    PaceStatus,
    Snapshot,
    StreamStatus,
)
from streamflow.migration.context import Migration
from streamflow.migration.life import State
from streamflow.model import Disposition, Kind, RecordState
from streamflow.reports.dispositions import HAS_LINE, bucket
from streamflow.wire.limiter import Limiter
from streamflow.wire.message import Attempt
from streamflow.wire.verdict import CallVerdict

FRESH_S = 0.2        # how old the ledger's counters may be
PATIENCE_S = 0.07    # of the 100 ms in which a status is answered


class CallCount:
    """Counts calls per platform, and knows which have let us in since the start; one of the session's hooks."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.let_in: set[str] = set()

    def __call__(self, attempt: Attempt) -> None:
        self.calls[attempt.platform] += 1
        if attempt.verdict == CallVerdict.OK:
            self.let_in.add(attempt.platform)


def _place(kind: Kind, moved: Sequence[Kind]) -> tuple[int, Kind]:
    """Give the place of a kind among the streams: what is moved in the order of delivery, then what is looked up."""
    return (moved.index(kind) if kind in moved else len(moved), kind)


class Picture:
    """
    Builds snapshots: what lives in this process as it is now, over what the ledger said at most a moment ago.

    `take` waits for the ledger; `glance` answers in time whatever the ledger is doing.
    """

    def __init__(
        self, migration: Migration, limiters: Mapping[str, Limiter], calls: CallCount, chain: Chain | None = None
    ) -> None:  # fmt: skip
        self._m = migration
        self._chain = chain
        self._limiters = limiters
        self._calls = calls
        self._lock = anyio.Lock()
        self._book: Book | None = None
        self._streams_now: dict[Kind, StreamStatus] = {}
        self._ages = Ages()
        self._etas = Etas()
        self.listen = ListenStatus()
        self.latest: Snapshot | None = None

    async def take(self) -> Snapshot:
        """Read the ledger's counters, unless that was done a moment ago, and build the picture."""
        async with self._lock:
            if self._book is None or self._m.clock.monotonic() - self._book.read_at > FRESH_S:
                now = self._m.clock.monotonic()
                self._book = await read_book(self._m.ledger, now=now, before=self._book)
                self._ages.look(self._book.number, now)
                self._streams_now = self._streams(self._book, now)
        return self._build(self._book)

    async def glance(self) -> Snapshot:
        """Build the picture from what the ledger says within `PATIENCE_S`, else from what it said last."""
        with anyio.move_on_after(PATIENCE_S):
            return await self.take()
        return await self.take() if self._book is None else self._build(self._book)

    def _build(self, book: Book) -> Snapshot:
        m = self._m
        now = m.clock.now()
        m.gauges.refresh()
        age_s = max(0.0, (now - book.moved_at) / timedelta(seconds=1)) if book.moved_at is not None else None
        paused, phase = m.control.paused, m.phase
        reason = paused if paused is not None else self._reason(phase.reason)
        self.latest = Snapshot(
            state=State.PAUSED.value if paused is not None else phase.state.value,
            reason=f"draining: {reason}" if m.control.draining else reason,
            phase=phase.state.value, since=phase.since,
            gate=GateStatus(name=m.gate.name, since=m.gate.since, what=m.gate.what, how=m.gate.how) if m.gate else None,
            streams=self._streams_now, pace=self._pace(), queue=book.queue,
            checkpoint=CheckpointStatus(age_s=age_s, resumable=True), calls=dict(self._calls.calls),
            listen=self.listen,
            figures=self._figures(book, now),
        )
        return self.latest

    def _reason(self, reason: str) -> str:
        """Give the reason of the phase, and what failed last where that does not say it."""
        failing = self._m.failing.told(self._m.clock.monotonic())
        return f"{reason}; {failing}" if failing else reason

    def _streams(self, book: Book, now: float) -> dict[Kind, StreamStatus]:
        tallies: dict[Kind, Counter[str]] = {}
        for count in book.counts:
            tally = tallies.setdefault(count.kind, Counter())
            tally["read"] += count.count
            tally[bucket(count.state, count.disposition)] += count.count
            if count.state is RecordState.PENDING:
                tally["staged"] += count.count
        ordered = sorted(tallies, key=lambda kind: _place(kind, self._m.pair.written))
        return {kind: self._stream(kind, tallies[kind], book, now) for kind in ordered}

    def _stream(self, kind: Kind, tally: Counter[str], book: Book, now: float) -> StreamStatus:
        lines = sum(tally[each.value] for each in HAS_LINE)
        oldest = book.oldest.get(kind)
        return StreamStatus(
            read=tally["read"], staged=tally["staged"], backlog=tally["pending"], verified=max(0, lines - book.unverified.get(kind, 0)),
            lag_s=round(self._ages.age_s(oldest, now), 1) if oldest is not None else 0.0,
            eta_s=self._etas.look(kind, done=tally["read"] - tally["staged"], left=tally["staged"], now=now),
            **{each.value: tally[each.value] for each in Disposition},
        )

    def _figures(self, book: Book, now: datetime) -> Figures:
        m, disk = self._m, room(self._m.terms.state_dir)
        looked = {kind: max(0.0, (now - at) / timedelta(seconds=1)) for kind, at in book.looked_at.items()}
        lags = {kind: stream.lag_s or 0.0 for kind, stream in self._streams_now.items()}
        limit_s = m.terms.cutover_deadline_s
        return Figures(
            in_doubt=book.doubts, in_doubt_asked=book.left_in_doubt, verification=book.verdicts,
            stage_queues=dict(m.gauges.queues), signed_in=book.signed_in,
            mark_age_s={kind: max(age_s, lags.get(kind, 0.0)) for kind, age_s in looked.items()},
            throttled_s={
                (name, reason): seconds for name, limiter in self._limiters.items() for reason, seconds in limiter.stats().waited_s.items()
            },
            audit_entries=book.audit_entries, audit_chain_ok=self._chain is None or self._chain.is_whole, duplicates_detected=book.doubled,
            ledger_bytes=disk.ledger_bytes, wal_bytes=disk.wal_bytes, disk_free_bytes=disk.free_bytes, search_lag_s=book.search_lag_s,
            shown_late_s=book.shown_late_s, stopped=m.stopped.kinds, held_up_until=m.control.held_up_until,
            cutover_overdue=m.phase.state is State.CUTOVER and now - from_iso(m.phase.since) > timedelta(seconds=limit_s),
        )

    def _pace(self) -> dict[str, PaceStatus]:
        found = {}
        for name, limiter in self._limiters.items():
            stats = limiter.stats()
            found[name] = PaceStatus(
                rate_per_s=round(stats.rate_per_s, 3), in_flight=stats.in_flight, used_share=round(stats.used_share, 3),
                closed_until=stats.closed_until.strftime("%Y-%m-%dT%H:%M:%SZ") if stats.closed_until else None, reason=stats.reason,
            )
        return found
