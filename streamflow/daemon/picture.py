"""Taking the picture of a running migration: ledger counts, pace, gate, into the one frozen `Snapshot`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

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
from streamflow.model import Disposition, IntentState, Kind, RecordState
from streamflow.store.base import KindCount
from streamflow.wire.limiter import Limiter
from streamflow.wire.message import Attempt


class CallCount:
    """Counts calls per platform; one of the session's hooks."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, attempt: Attempt) -> None:
        self.calls[attempt.platform] += 1


class Picture:
    """Builds snapshots; `take` reads the ledger, `latest` answers at once."""

    def __init__(self, migration: Migration, limiters: Mapping[str, Limiter], calls: CallCount) -> None:
        self._m = migration
        self._limiters = limiters
        self._calls = calls
        self.listen = ListenStatus()
        self.latest: Snapshot | None = None
        self._rates: dict[Kind, tuple[float, int]] = {}     # when a kind was looked at, and how many were done then
        self._etas: dict[Kind, float | None] = {}

    async def take(self) -> Snapshot:
        """Read the ledger's counters and build the picture."""
        m = self._m
        counts = await m.ledger.counts()
        links = await m.ledger.link_counts()
        queue = await m.ledger.queue()
        marks = await m.ledger.marks()
        now = m.clock.now()
        m.gauges.refresh()
        ages = {mark.name.removeprefix("read:"): (now - from_iso(mark.at)) / timedelta(seconds=1)
                for mark in marks if mark.name.startswith("read:") and mark.at}
        newest = min(((now - from_iso(mark.at)) / timedelta(seconds=1) for mark in marks if mark.at), default=None)
        intents = await m.ledger.intent_counts()
        checks = await m.ledger.check_counts()
        verdicts: Counter[tuple[str, str]] = Counter()
        for (kind, _, verdict), count in checks.items():
            verdicts[kind, verdict] += count
        verified: Counter[Kind] = Counter()
        for (kind, _, state), count in links.items():
            if state == "verified":
                verified[kind] += count
        paused = m.control.paused
        snapshot = Snapshot(
            state="paused" if paused is not None else m.phase.state.value,
            reason=paused if paused is not None else ("draining: " + m.phase.reason if m.control.draining else m.phase.reason),
            phase=m.phase.state.value, since=m.phase.since,
            gate=GateStatus(name=m.gate.name, since=m.gate.since, what=m.gate.what, how=m.gate.how) if m.gate else None,
            streams=self._streams(counts, verified), pace=self._pace(),
            queue=QueueStatus(open=len(queue), blocking=sum(1 for item in queue if item.blocking)),
            checkpoint=CheckpointStatus(age_s=newest, resumable=True), calls=dict(self._calls.calls), listen=self.listen,
            figures=Figures(
                in_doubt={"all": intents.get(IntentState.IN_DOUBT, 0)}, verification=dict(verdicts), mark_age_s=ages, stage_queues=dict(m.gauges.queues),
            ),
        )
        self.latest = snapshot
        return snapshot

    def _streams(self, counts: Sequence[KindCount], verified: Counter[Kind]) -> dict[str, StreamStatus]:
        by_kind: dict[Kind, Counter[str]] = {}
        for count in counts:
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
                read=tally["read"], staged=tally["staged"], backlog=tally["backlog"], verified=verified[kind],
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
