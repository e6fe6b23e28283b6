"""Both accounts as the configuration describes them, in the words of their platforms; shared by all that opens or judges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.config import Config, Options, Secret
from streamflow.platforms.entry import DestinationSettings, Given, SourceSettings
from streamflow.wire.credentials import Masked


def source_settings(config: Config) -> SourceSettings:
    """Give what the file says of the account being left; `renew` changes its secrets in place."""
    source = config.source
    return SourceSettings(
        reader=source.reader, timezone=source.timezone, date_formats=source.date_formats, inbox=source.inbox, ca_file=source.ca_file,
        options=_given(source.options), streams=_overrides(config),
    )  # fmt: skip


def destination_settings(config: Config) -> DestinationSettings:
    """Give what the file says of the account being entered; `renew` changes its secrets in place."""
    destination = config.destination
    return DestinationSettings(ca_file=destination.ca_file, options=_given(destination.options), flags=dict(destination.flags))


def renew(settings: SourceSettings | DestinationSettings, secrets: Mapping[str, Secret]) -> None:
    """Take the secrets of a re-read file, from the next request on."""
    for name, secret in secrets.items():
        settings.secret(name).renew(secret.reveal())


def _given(options: Options) -> Given:
    return {name: Masked(value.reveal()) if isinstance(value, Secret) else value for name, value in options.values.items()}


def _overrides(config: Config) -> dict[str, dict[str, Any]]:
    """Give the per-stream tables of the file, in the words of the stream spec."""
    found: dict[str, dict[str, Any]] = {}
    for kind, section in config.source.streams.items():
        found[kind] = {**dict(section.spec), "enabled": section.enabled}
        if section.reader is not None:
            found[kind]["reader"] = section.reader
    return found
