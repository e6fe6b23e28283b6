"""
Nutshell as a destination: `platform` describes it for the catalogue of platforms; `doors` has what it is opened by.

Files here: flags, a pure dialect, and thin shells behind the doors of `platforms.destination`.
"""

from __future__ import annotations

from streamflow.options import Option
from streamflow.platforms.entry import DestinationDoors, DestinationPlatform

NAME = "nutshell"
ALWAYS = ("api", "files")      # a destination is written, however the source is read

OPTIONS = (
    Option(name="base_url", form="url", required_for=ALWAYS, default="https://app.nutshell.com/rest", identifies=True),
    Option(name="rpc_url", form="url"),
    Option(name="username", form="email", required_for=ALWAYS),
    Option(name="api_key", form="secret", required_for=ALWAYS),
    Option(name="impersonate", form="flag"),
)


def platform() -> DestinationPlatform:
    """Describe the platform; for the entry point."""
    return DestinationPlatform(name=NAME, title="Nutshell", options=OPTIONS, sign_in="HTTP Basic, user and API key", doors=_doors)


def _doors() -> DestinationDoors:
    from streamflow.platforms.nutshell.doors import NutshellDoors  # loads the dialect: only when an account is opened

    return NutshellDoors()
