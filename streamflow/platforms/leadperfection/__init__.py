"""Lead Perfection as a source: `platform` describes it for the catalogue of platforms."""

from __future__ import annotations

from importlib.resources import files

from streamflow.errors import ConfigError
from streamflow.platforms.entry import SourceDoors, SourcePlatform
from streamflow.platforms.leadperfection.options import OPTIONS

NAME = "lead_perfection"


def platform() -> SourcePlatform:
    """Describe the platform; for the entry point."""
    pair = files("streamflow.mapping").joinpath("pairs", "lead-perfection-nutshell.toml")
    return SourcePlatform(
        name=NAME, title="Lead Perfection", options=OPTIONS, sign_in="bearer token", pairs={"nutshell": pair}, doors=_doors,
        rate_per_s=4.0, max_in_flight=2,
    )  # fmt: skip


def _doors() -> SourceDoors:
    raise ConfigError([f"source.platform: this version cannot read {NAME} yet"])
