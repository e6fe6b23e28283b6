"""Faults of the configuration that only the parts it speaks to can see; all of them at once, before anything is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamflow.config import Config, near
from streamflow.errors import ConfigError
from streamflow.mapping.document_json import from_json
from streamflow.mapping.shipped import shipped_pair
from streamflow.migration.owners import read_file
from streamflow.migration.proposal import read_map_file
from streamflow.platforms import leadtrekker, nutshell
from streamflow.platforms.spec import PlatformSpec

SUPPORTED = ("leadtrekker",)


def refuse_faults(config: Config) -> None:
    """Raise one ConfigError for everything that is wrong with platform, streams, flags and the files the configuration names."""
    faults: list[str] = []

    def see(prefix: str, look: Callable[[], Any]) -> None:
        try:
            look()
        except ConfigError as error:
            faults.extend(fault if fault.startswith(prefix) else f"{prefix}: {fault}" for fault in error.faults)

    source = config.source
    if source.platform not in SUPPORTED:
        faults.append(f"source.platform: this version cannot read {source.platform} yet, only {', '.join(SUPPORTED)}")
    else:
        see("source.streams", lambda: _spec(config))
        if not faults:
            see("source.expected_counts", lambda: refuse_uncounted(config))
    see("destination.flags", lambda: nutshell.Flags().with_(config.destination.flags))
    if (owners := config.owners.file) is not None:
        see("owners.file", lambda: read_file(owners))
    if (path := config.map.file) is not None:
        see("map.file", lambda: _map_shape(path, f"{source.platform.replace('_', '-')}-{config.destination.platform}"))
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
    source = config.source
    return leadtrekker.load_spec(
        overrides(config), reader=source.reader, timezone=source.timezone, date_formats=source.date_formats,
    )


def overrides(config: Config) -> dict[str, dict[str, Any]]:
    """Give the per-stream tables of the file, in the words of the stream spec."""
    found: dict[str, dict[str, Any]] = {}
    for kind, section in config.source.streams.items():
        found[kind] = {**dict(section.spec), "enabled": section.enabled}
        if section.reader is not None:
            found[kind]["reader"] = section.reader
    return found


def _map_shape(path: Path, pair: str) -> None:
    """Look at what can be seen without the accounts: its names are compared with both schemas once these were read."""
    from_json(read_map_file(path), shipped_pair(pair))


def without_effect(config: Config) -> list[str]:
    """Name the settings of the file that this version takes and does nothing with, each with what happens instead."""
    found = []
    if config.map.llm is not None:
        found.append("map.llm: has no effect in this version; maps are proposed by the shipped rules alone")
    if config.console is not None:
        found.append("console.listen: has no effect in this version; there is no web console, use `streamflow top`")
    return found
