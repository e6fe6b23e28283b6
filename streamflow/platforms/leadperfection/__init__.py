"""
Lead Perfection as a source: `platform` describes it for the catalogue of platforms; `doors` has what it is opened by.

Files here: `streams.toml` says what there is, `dialect` how it is asked, `diary` joins what two calls tell of one appointment, `mends` what
values need. All else is done by the readers of every platform: `api`, `files`, `rows`, and `spec_source` that joins them.
"""

from __future__ import annotations

from importlib.resources import files

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
    from streamflow.platforms.leadperfection.doors import DOORS  # loads the readers: only when an account is opened

    return DOORS
