"""The configuration: TOML into frozen values, all faults at once, secrets only by reference."""

from streamflow.config._live import LIVE_KEYS, LiveSettings, Reload, identity, live, reload, rotated, taken_over
from streamflow.config._load import load
from streamflow.config._options import Options
from streamflow.config._secret import Secret
from streamflow.config._starter import PAIRS, starter
from streamflow.config._table import is_loopback
from streamflow.config._values import (
    GATES,
    LOG_LEVELS,
    Config,
    ControlSection,
    CutoverSection,
    DeltaSection,
    DestinationSection,
    GateMode,
    GatesSection,
    LeadsSection,
    LimitsSection,
    Listen,
    LlmSection,
    LogSection,
    MapSection,
    MigrationSection,
    OwnersSection,
    PaceSection,
    SampleSection,
    SourceSection,
    StreamSection,
)

__all__ = [
    "GATES",
    "LIVE_KEYS",
    "LOG_LEVELS",
    "PAIRS",
    "Config",
    "ControlSection",
    "CutoverSection",
    "DeltaSection",
    "DestinationSection",
    "GateMode",
    "GatesSection",
    "LeadsSection",
    "LimitsSection",
    "Listen",
    "LiveSettings",
    "LlmSection",
    "LogSection",
    "MapSection",
    "MigrationSection",
    "Options",
    "OwnersSection",
    "PaceSection",
    "Reload",
    "SampleSection",
    "Secret",
    "SourceSection",
    "StreamSection",
    "identity",
    "is_loopback",
    "live",
    "load",
    "reload",
    "rotated",
    "starter",
    "taken_over",
]
