"""What a Leadtrekker account is opened by: its spec, its dialect, and one key in a header (leadtrekker.md 1)."""

from __future__ import annotations

from importlib.resources import files

from streamflow.clock import Clock
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.leadtrekker import OPTIONS
from streamflow.platforms.leadtrekker.codec import decode_leaves
from streamflow.platforms.leadtrekker.dialect import LeadtrekkerDialect
from streamflow.platforms.spec import PlatformSpec
from streamflow.platforms.spec_doors import SpecDoors
from streamflow.wire.credentials import HeaderCredentials


def _credentials(spec: PlatformSpec, settings: SourceSettings, clock: Clock) -> HeaderCredentials:
    return HeaderCredentials(spec.key_header, settings.secret("api_key"), also=spec.legacy_header)


DOORS = SpecDoors(
    shipped=files(__package__).joinpath("streams.toml"), options=OPTIONS, dialect=LeadtrekkerDialect, credentials=_credentials,
    decoders={"base64": decode_leaves},
)  # fmt: skip
