"""Faults of the configuration that only the parts it speaks to can see; all of them at once, before anything is opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamflow.config import Config
from streamflow.daemon.accounts import destination_settings, source_settings
from streamflow.errors import ConfigError
from streamflow.mapping.document_json import from_json
from streamflow.migration.owners_file import read_file
from streamflow.migration.proposal import read_map_file
from streamflow.platforms.catalog import destination_of, pair_of, source_of
from streamflow.platforms.spec import PlatformSpec
from streamflow.spelling import near


def refuse_faults(config: Config) -> None:
    """Raise one ConfigError for everything that is wrong with platform, streams, flags and the files the configuration names."""
    faults: list[str] = []

    def see(prefix: str, look: Callable[[], Any]) -> None:
        try:
            look()
        except ConfigError as error:
            faults.extend(fault if fault.startswith(prefix) else f"{prefix}: {fault}" for fault in error.faults)

    source, destination = config.source.platform, config.destination.platform
    see("source", lambda: _spec(config))
    if not faults:
        see("source.expected_counts", lambda: refuse_uncounted(config))
    see("destination.flags", lambda: destination_of(destination).doors().check(destination_settings(config)))
    if (owners := config.owners.file) is not None:
        see("owners.file", lambda: read_file(owners))
    if (path := config.map.file) is not None:     # its names are compared with both schemas once these were read
        see("map.file", lambda: from_json(read_map_file(path), pair_of(source, destination)))
    if faults:
        raise ConfigError([f"{config.path.name}: {fault}" for fault in faults], hint=f"correct {config.path} and run `streamflow check`")


def refuse_uncounted(config: Config) -> None:
    """Raise ConfigError for expected counts of what is never counted: such a figure would be held against nothing."""
    known = [kind for kind, each in _spec(config).streams.items() if each.enabled and (each.reader == "api" or config.source.inbox)]
    faults = [
        f"source.expected_counts.{kind}: this is no kind that is read{near(kind, known)}; known: {', '.join(known)}"
        for kind in config.source.expected_counts if kind not in known
    ]
    if faults:
        raise ConfigError(faults)


def _spec(config: Config) -> PlatformSpec:
    return source_of(config.source.platform).doors().load_spec(source_settings(config))


def without_effect(config: Config) -> list[str]:
    """Name the settings of the file that this version takes and does nothing with, each with what happens instead."""
    found = []
    if config.map.llm is not None:
        found.append("map.llm: has no effect in this version; maps are proposed by the shipped rules alone")
    if config.console is not None:
        found.append("console.listen: has no effect in this version; there is no web console, use `streamflow top`")
    return found
