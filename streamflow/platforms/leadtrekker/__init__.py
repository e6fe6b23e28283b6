"""
Leadtrekker as a source: `platform` describes it for the catalogue of platforms; `doors` has what it is opened by.

Files here: `streams.toml` says what there is, `dialect` and `codec` how it is asked. All else is done by the readers of every platform:
`api`, `files`, `rows`, and `spec_source` that joins them. `drafting` and `probing` find out what an account's functions are.
"""

from __future__ import annotations

from importlib.resources import files

from streamflow.options import Option
from streamflow.platforms.entry import Drafting, SourceDoors, SourcePlatform

NAME = "leadtrekker"
OPTIONS = (
    Option(name="base_url", form="url", required_for=("api",), ends="/api/", identifies=True),
    Option(name="api_key", form="secret", required_for=("api",)),
)


def platform() -> SourcePlatform:
    """Describe the platform; for the entry point."""
    pair = files("streamflow.mapping").joinpath("pairs", "leadtrekker-nutshell.toml")
    return SourcePlatform(
        name=NAME, title="Leadtrekker", options=OPTIONS, sign_in="Apikey header", pairs={"nutshell": pair}, doors=_doors,
        drafting=_drafting,
    )  # fmt: skip


def _doors() -> SourceDoors:
    from streamflow.platforms.leadtrekker.doors import DOORS  # loads the readers: only when an account is opened

    return DOORS


def _drafting() -> Drafting:
    from streamflow.platforms.leadtrekker.probing import FunctionProbe  # as above

    return FunctionProbe()
