"""Porch, a made-up platform: all that has to be written in Python for a platform to be left."""

from __future__ import annotations

from importlib.resources import files

from streamflow.clock import Clock
from streamflow.options import Option
from streamflow.platforms.entry import SourceDoors, SourcePlatform, SourceSettings
from streamflow.platforms.spec import PlatformSpec
from streamflow.wire.credentials import HeaderCredentials

OPTIONS = (
    Option(name="base_url", form="url", required_for=("api",), ends="", identifies=True),
    Option(name="town", required_for=("api",), identifies=True, says="the town of the account"),
    Option(name="token", form="secret", required_for=("api",)),
)


def platform() -> SourcePlatform:
    return SourcePlatform(
        name="porch", title="Porch & Sons", options=OPTIONS, sign_in="token in a header",
        pairs={"nutshell": files("porch").joinpath("porch-nutshell.toml")}, doors=_doors,
    )  # fmt: skip


def _doors() -> SourceDoors:
    from streamflow.platforms.api.plain import PlainDialect
    from streamflow.platforms.spec_doors import SpecDoors

    return SpecDoors(
        shipped=files("porch").joinpath("streams.toml"), options=OPTIONS, dialect=PlainDialect, credentials=_credentials, api_path="/v2/"
    )


def _credentials(spec: PlatformSpec, settings: SourceSettings, clock: Clock) -> HeaderCredentials:
    return HeaderCredentials(spec.key_header, settings.secret("token"))
