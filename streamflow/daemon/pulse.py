"""
Whether the daemon is alive and ready: what `/healthz`, `/readyz` and the watchdog of the service manager are told.

Rule: a stalled platform, a gate or a pause are no reason to be restarted; a loop that comes late or stages that hold batches and do not
move, with nothing that keeps them, are.
"""

from __future__ import annotations

from collections.abc import Hashable

from streamflow.daemon.status import Snapshot

LOOP_LATE_S = 15.0        # how late the event loop may wake up
PICTURE_OLD_S = 120.0     # above the time a transaction of the ledger may take
STUCK_S = 300.0           # how long a running pass may show no progress at all
CALLS_TO_EXPECT = 5       # in a slow pace, that many calls must be due before silence counts


class Pulse:
    """Judges by the pictures it is shown. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._picture_at = now
        self._moved_at = now
        self._mark: Hashable = None
        self._late_s = 0.0
        self._patience_s = STUCK_S
        self._signed_in = False

    def beat(self, snapshot: Snapshot, now: float, *, late_s: float = 0.0) -> None:
        """Take a new picture and how late the loop was for it."""
        self._picture_at, self._late_s = now, late_s
        self._signed_in = snapshot.figures.signed_in
        if late_s > LOOP_LATE_S:
            self._moved_at = min(now, self._moved_at + late_s)     # the whole process stood still (suspended, stopped)
        mark = _mark(snapshot)
        if mark != self._mark or _is_kept(snapshot):
            self._mark, self._moved_at = mark, now
        slowest = min((each.rate_per_s for each in snapshot.pace.values()), default=1.0)
        self._patience_s = max(STUCK_S, CALLS_TO_EXPECT / max(slowest, 0.001))

    def unhealthy(self, now: float) -> list[str]:
        """Say why a restart would help; empty while it would not."""
        reasons = []
        if self._late_s > LOOP_LATE_S:
            reasons.append(f"the event loop was {self._late_s:.0f} s late")
        if now - self._picture_at > PICTURE_OLD_S:
            reasons.append(f"the ledger has not been read for {now - self._picture_at:.0f} s")
        if now - self._moved_at > self._patience_s:
            reasons.append(f"no stage has moved for {now - self._moved_at:.0f} s")
        return reasons

    def unready(self, *, draining: bool) -> list[str]:
        """Say why nobody should count on it yet, or any more."""
        if draining:
            return ["draining"]
        return [] if self._signed_in else ["not signed in on both sides yet"]


def _mark(snapshot: Snapshot) -> Hashable:
    """Whatever moves when work is done."""
    streams = tuple((kind, each.read, each.backlog, each.verified) for kind, each in sorted(snapshot.streams.items()))
    calls, queues = tuple(sorted(snapshot.calls.items())), tuple(sorted(snapshot.figures.stage_queues.items()))
    return snapshot.phase, snapshot.reason, calls, streams, queues


def _is_kept(snapshot: Snapshot) -> bool:
    """Say whether there is a reason to stand still: a person, a platform that asked for silence, or simply no batches under way."""
    closed = any(each.closed_until for each in snapshot.pace.values())
    return snapshot.state == "paused" or snapshot.gate is not None or closed or not snapshot.figures.stage_queues
