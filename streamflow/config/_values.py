"""
The configuration as frozen values, one class a section of the file.

Rule: only the daemon and the CLI know these; everything below is handed plain values. Each field says its effect where the
name does not; defaults live here and nowhere else.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from streamflow.config._options import Options, every_secret
from streamflow.config._secret import Secret

GateMode = Literal["ask", "auto"]
LOG_LEVELS = ("debug", "info", "warning", "error")
GATES = ("map", "owners", "sample", "cutover")


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationSection:
    """`[migration]`: which migration this is and where its state lives."""

    name: str
    state_dir: Path
    volume_override: bool = False   # more records than are routine are meant to be moved; nobody is asked at the gate `volume`


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSection:
    """`[source.streams.<kind>]`: what differs from the shipped spec of this stream."""

    reader: str | None = None
    enabled: bool = True
    poll_s: float | None = None
    settle_s: float | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)  # all other keys, merged over the shipped spec, which judges them


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSection:
    """`[source]`: the platform being left."""

    platform: str
    reader: str
    timezone: str
    options: Options = field(default_factory=Options)   # what the platform asks for besides: its address, its keys
    inbox: Path | None = None
    ca_file: Path | None = None
    date_formats: tuple[str, ...] = ()  # strptime forms tried for dates in snapshots, in this order
    streams: Mapping[str, StreamSection] = field(default_factory=dict)
    expected_counts: Mapping[str, int] = field(default_factory=dict)   # kind -> what the source's own screens show after the freeze


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSection:
    """`[destination.limits]`: plan caps known to the operator; None means unknown."""

    open_leads: int | None = None
    contacts: int | None = None
    custom_fields: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSection:
    """`[destination]`: the platform being entered."""

    platform: str
    options: Options = field(default_factory=Options)
    ca_file: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    limits: LimitsSection = field(default_factory=LimitsSection)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceSection:
    """`[pace.source]`, `[pace.destination]`: the cap no adaptive step goes above."""

    rate_per_s: float
    max_in_flight: int
    adaptive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersSection:
    """`[owners]`: who takes records whose owner has no account on the destination."""

    file: Path | None = None
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadsSection:
    """`[leads]`: what unqualified leads become, and by which rule (a name or a table the mapping understands)."""

    unqualified: str = "person"
    rule: str | Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmSection:
    """`[map.llm]`: an optional language model that may comment on the proposed map."""

    base_url: str
    model: str
    api_key: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSection:
    """`[map]`: a prepared map document, and the optional model."""

    file: Path | None = None
    llm: LlmSection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatesSection:
    """`[gates]`: where the daemon waits for a person."""

    map: GateMode = "ask"
    owners: GateMode = "ask"
    sample: GateMode = "ask"
    cutover: GateMode = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSection:
    """`[sample]`: how many records prove the map."""

    size: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoverSection:
    """`[cutover]`: how the switch is made."""

    mode: str = "freeze"
    deadline_s: float = 4 * 3600.0
    watch_days: float = 3.0
    future_activities: str = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaSection:
    """`[delta]`: how often changes are asked for, how late the source may show one, how often everything is compared."""

    poll_s: float = 60.0
    settle_s: float = 300.0
    sweep_every_s: float = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSection:
    """`[control]`: the unix socket and the users who may speak on it besides the daemon's own."""

    socket: Path
    allow_uids: tuple[int, ...] = ()
    look_uids: tuple[int, ...] = ()      # of those who may ask and give no orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """An address to listen on; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSection:
    """`[log]`: "json" to stdout, "text" for people to stderr, "auto" picks by the terminal."""

    format: str = "auto"
    level: str = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration; made by `load` only."""

    path: Path
    migration: MigrationSection
    source: SourceSection
    destination: DestinationSection
    pace_source: PaceSection
    pace_destination: PaceSection
    owners: OwnersSection
    leads: LeadsSection
    map: MapSection
    gates: GatesSection
    sample: SampleSection
    cutover: CutoverSection
    delta: DeltaSection
    control: ControlSection
    metrics: Listen | None
    console: Listen | None
    log: LogSection

    def secrets(self) -> Iterator[Secret]:
        """Yield every secret of the file."""
        yield from (secret for _, secret in every_secret(self.source.options, self.destination.options))
        if self.map.llm is not None and self.map.llm.api_key is not None:
            yield self.map.llm.api_key

    def secret_texts(self) -> Iterator[str]:
        """Yield every text that must never appear in a log: the secrets that were read and their HTTP Basic forms."""
        for secret in self.secrets():
            if secret.is_read:
                yield secret.reveal()
                yield base64.b64encode(secret.reveal().encode()).decode()
        for user, secret in every_secret(self.source.options, self.destination.options):
            if user and secret.is_read:
                yield base64.b64encode(f"{user}:{secret.reveal()}".encode()).decode()
