"""What may change while the daemon runs, and what a changed file asks for beyond that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from streamflow.config._secret import Secret
from streamflow.config._values import Config, PaceSection

LIVE_KEYS = (
    "source.api_key_env",
    "source.api_key_file",
    "source.expected_counts",
    "destination.api_key_env",
    "destination.api_key_file",
    "pace.source.rate_per_s",
    "pace.source.max_in_flight",
    "pace.source.adaptive",
    "pace.destination.rate_per_s",
    "pace.destination.max_in_flight",
    "pace.destination.adaptive",
    "delta.poll_s",
    "delta.settle_s",
    "delta.sweep_every",
    "cutover.deadline_s",
    "cutover.watch_days",
    "log.level",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """The settings SIGHUP may change in a run, rotated keys among them."""

    source_key: Secret | None
    expected_counts: Mapping[str, int]
    destination_key: Secret
    pace_source: PaceSection
    pace_destination: PaceSection
    poll_s: float
    settle_s: float
    sweep_every_s: float
    cutover_deadline_s: float
    watch_days: float
    log_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """What a re-read file changes: the new live settings, the keys taken over, and those that need a restart."""

    settings: LiveSettings
    changed: tuple[str, ...]
    needs_restart: tuple[str, ...]


def live(config: Config) -> LiveSettings:
    """Give the live part of a configuration."""
    return LiveSettings(
        source_key=config.source.api_key,
        expected_counts=config.source.expected_counts,
        destination_key=config.destination.api_key,
        pace_source=config.pace_source,
        pace_destination=config.pace_destination,
        poll_s=config.delta.poll_s,
        settle_s=config.delta.settle_s,
        sweep_every_s=config.delta.sweep_every_s,
        cutover_deadline_s=config.cutover.deadline_s,
        watch_days=config.cutover.watch_days,
        log_level=config.log.level,
    )


def reload(old: Config, new: Config) -> Reload:
    """Compare a running configuration with a re-read one, key by key as written in the file. Pure."""
    before, after = dict(_flat(old)), dict(_flat(new))
    different = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return Reload(
        settings=live(new),
        changed=tuple(key for key in different if _is_live(key)),
        needs_restart=tuple(key for key in different if not _is_live(key)),
    )


def _is_live(key: str) -> bool:
    return key in LIVE_KEYS or key.rpartition(".")[0] in LIVE_KEYS   # a table of free names is live as a whole


def taken_over(config: Config, settings: LiveSettings) -> Config:
    """Give the configuration that runs after *settings* were taken: what needs a restart stays as it was. Pure."""
    return replace(
        config,
        source=replace(config.source, api_key=settings.source_key, expected_counts=settings.expected_counts),
        destination=replace(config.destination, api_key=settings.destination_key),
        pace_source=settings.pace_source,
        pace_destination=settings.pace_destination,
        delta=replace(config.delta, poll_s=settings.poll_s, settle_s=settings.settle_s, sweep_every_s=settings.sweep_every_s),
        cutover=replace(config.cutover, deadline_s=settings.cutover_deadline_s, watch_days=settings.watch_days),
        log=replace(config.log, level=settings.log_level),
    )


def identity(config: Config) -> Mapping[str, str]:
    """
    Give what says which accounts this migration joins; a state folder belongs to exactly one such identity.

    An empty source.base_url says nothing: as long as everything comes from files no address is known.
    """
    return {
        "migration.name": config.migration.name,
        "source.platform": config.source.platform,
        "source.base_url": config.source.base_url or "",
        "source.timezone": config.source.timezone,
        "destination.platform": config.destination.platform,
        "destination.base_url": config.destination.base_url,
    }


_RENAMED = {"pace_source": "pace.source", "pace_destination": "pace.destination", "sweep_every_s": "sweep_every"}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            if not prefix and each.name == "path":
                continue
            name = _RENAMED.get(each.name, each.name)
            yield from _flat(getattr(value, each.name), f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, Secret):
        yield f"{prefix}_{value.reference.partition(' ')[0]}", value    # as it stands in the file: api_key_env, api_key_file
    else:
        yield prefix, value
