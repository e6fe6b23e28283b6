"""What the configuration means to the phases, as plain values: nothing below the daemon reads config files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The agreed terms of one migration."""

    name: str
    state_dir: Path
    timezone: str
    gates: Mapping[str, str] = field(default_factory=dict)     # map | owners | sample | cutover -> ask | auto
    fallback_owner: str | None = None
    owners_file: Path | None = None
    unqualified: str = "person"
    unqualified_rule: Mapping[str, Any] = field(default_factory=dict)
    map_file: Path | None = None
    sample_size: int = 300
    batch_size: int = 40
    cutover_mode: str = "freeze"
    cutover_deadline_s: float = 3600.0
    watch_days: float = 3.0
    future_activities: str = "skip"
    poll_s: float = 60.0
    settle_s: float = 60.0
    sweep_every_s: float = 3600.0
    rescan_every_s: float = 86_400.0           # the latest part of lists whose edits may move no time of change
    stream_poll_s: Mapping[str, float] = field(default_factory=dict)     # kind -> its own, where it has one
    stream_settle_s: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)     # operator's overrides of capability flags
    pace_caps: Mapping[str, float] = field(default_factory=dict)   # platform -> calls a second at most, as configured
    sign_in: Mapping[str, str] = field(default_factory=dict)       # platform -> how it is signed in to, in words
    volume_override: bool = False                              # go on above what is routine without asking (G-17)
    expected_counts: Mapping[str, int] = field(default_factory=dict)   # kind -> what the source's own screens show after the freeze
    seed: int = 7

    def settle_of(self, kind: str) -> float:
        """Give how late the source may show a change of one kind, in seconds."""
        return self.stream_settle_s.get(kind, self.settle_s)

    @property
    def round_s(self) -> float:
        """Give the pause between two rounds: as long as the most impatient kind allows."""
        return min((self.poll_s, *self.stream_poll_s.values()))

    @property
    def horizon_s(self) -> float:
        """Give after how many seconds every kind has shown its changes."""
        return max((self.settle_s, *self.stream_settle_s.values()))
