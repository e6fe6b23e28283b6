"""
The one frozen picture of a running migration; socket, metrics, notify and the CLI all read it, so they cannot disagree.

`to_json` gives exactly the public status document; `figures` holds what only the metrics show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStatus:
    """A gate where the daemon waits for a person: what for, and how to answer."""

    name: str    # "map" | "owners" | "sample" | "cutover"
    since: str   # RFC 3339 UTC
    what: str
    how: str     # the command that opens it


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """Where one kind of source record stands. The seven dispositions sum to `read` once nothing of it waits."""

    read: int = 0
    staged: int = 0
    created: int = 0
    updated: int = 0
    merged: int = 0
    matched: int = 0
    filtered: int = 0
    flagged: int = 0
    failed: int = 0
    verified: int = 0              # of those with a destination record: all their fields were read back as they should be
    lag_s: float | None = None     # age of the oldest change seen and not applied; 0 when caught up
    backlog: int = 0               # records without a disposition, or changed since: the seven and these sum to `read`, always
    eta_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceStatus:
    """How fast one platform is asked, and why not faster."""

    rate_per_s: float
    in_flight: int = 0
    used_share: float = 0.0
    closed_until: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """The review queue in numbers."""

    open: int = 0
    blocking: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointStatus:
    """How old the last durable progress is, and whether a restart would go on from it."""

    age_s: float | None = None
    resumable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenStatus:
    """The real addresses, also when port 0 was asked for; `console` is always None, since there is no web console."""

    metrics: str | None = None
    console: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Numbers for the metrics alone. All keys are names from our own vocabulary: never ids, never personal data."""

    in_doubt: Mapping[str, int] = field(default_factory=dict)                    # destination kind -> open intents
    in_doubt_asked: int = 0                                                      # open items about outcomes that nobody can tell
    verification: Mapping[tuple[str, str], int] = field(default_factory=dict)    # (destination kind, verdict) -> fields
    mark_age_s: Mapping[str, float] = field(default_factory=dict)                # kind -> age of its mark
    stage_queues: Mapping[str, tuple[int, int]] = field(default_factory=dict)    # stage -> (batches waiting, capacity)
    throttled_s: Mapping[tuple[str, str], float] = field(default_factory=dict)   # (platform, reason) -> seconds so far
    audit_entries: int = 0
    audit_chain_ok: bool = True
    duplicates_detected: int = 0
    ledger_bytes: int = 0
    wal_bytes: int = 0
    disk_free_bytes: int | None = None
    search_lag_s: float | None = None
    shown_late_s: Mapping[str, float] = field(default_factory=dict)              # kind -> how late the source was seen to show a change
    stopped: frozenset[str] = frozenset()                                        # kinds whose endpoint does not keep to its contract
    cutover_overdue: bool = False
    held_up_until: str = ""    # what ends a pause that nobody asked for: "retry" or "person"
    signed_in: bool = False    # both sides have taken the credentials, in this start or an earlier one


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One moment of the daemon."""

    state: str                 # a state of the life table ("probe" … "done", "rollback", "rolled_back"), or "paused" laid over it
    reason: str                # always says why it is in that state
    phase: str                 # the state of the life table; beneath a pause, the one that goes on after it
    since: str                 # RFC 3339 UTC, start of this state
    gate: GateStatus | None = None
    streams: Mapping[str, StreamStatus] = field(default_factory=dict)
    pace: Mapping[str, PaceStatus] = field(default_factory=dict)
    queue: QueueStatus = field(default_factory=QueueStatus)
    checkpoint: CheckpointStatus = field(default_factory=CheckpointStatus)
    calls: Mapping[str, int] = field(default_factory=dict)
    listen: ListenStatus = field(default_factory=ListenStatus)
    figures: Figures = field(default_factory=Figures)

    def to_json(self) -> dict[str, Any]:
        """Give the public status document."""
        return {
            "state": self.state,
            "reason": self.reason,
            "phase": self.phase,
            "since": self.since,
            "gate": asdict(self.gate) if self.gate else None,
            "streams": {kind: asdict(each) for kind, each in self.streams.items()},
            "pace": {platform: asdict(each) for platform, each in self.pace.items()},
            "queue": asdict(self.queue),
            "checkpoint": asdict(self.checkpoint),
            "calls": dict(self.calls),
            "listen": asdict(self.listen),
        }

    def line(self) -> str:
        """Give one short line for the service manager and the log: phase, state with its reason, backlog."""
        backlog = sum(each.backlog for each in self.streams.values())
        why = f" ({self.reason})" if self.reason else ""
        state = self.phase if self.state == self.phase else f"{self.phase}: {self.state}"
        return f"{state}{why}, backlog {backlog}, queue {self.queue.open}"
