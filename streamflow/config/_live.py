"""What may change while the daemon runs, and what a changed file asks for beyond that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from hashlib import sha256
from typing import Any

from streamflow.config._options import Options
from streamflow.config._secret import Secret
from streamflow.config._values import Config, PaceSection

LIVE_KEYS = (   # besides every secret of a platform
    "source.expected_counts",
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

    source_secrets: Mapping[str, Secret]
    expected_counts: Mapping[str, int]
    destination_secrets: Mapping[str, Secret]
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
        source_secrets=config.source.options.secrets(),
        expected_counts=config.source.expected_counts,
        destination_secrets=config.destination.options.secrets(),
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
    is_live = {key: _is_live(key, before.get(key), after.get(key)) for key in different}
    return Reload(
        settings=live(new),
        changed=tuple(key for key in different if is_live[key]),
        needs_restart=tuple(key for key in different if not is_live[key]),
    )


def prints(config: Config) -> dict[str, str]:
    """Give by key of the file what tells one value from another and shows none; of a secret where it is kept, not what it is. Pure."""
    return {key: sha256(repr(value).encode()).hexdigest()[:16] for key, value in _flat(config)}


def rotated(config: Config) -> LiveSettings | None:
    """Look into the files of the keys; gives the live settings with what they hold now, None when that is what is in use."""
    source = {name: secret.reread() for name, secret in config.source.options.secrets().items()}
    destination = {name: secret.reread() for name, secret in config.destination.options.secrets().items()}
    before = live(config)
    if (source, destination) == (before.source_secrets, before.destination_secrets):
        return None
    return replace(before, source_secrets=source, destination_secrets=destination)


def _is_live(key: str, *values: Any) -> bool:
    table = key.rpartition(".")[0]
    is_of_platform = table in ("source", "destination") and any(isinstance(value, Secret) for value in values)
    return is_of_platform or key in LIVE_KEYS or table in LIVE_KEYS   # a table of free names is live as a whole


def taken_over(config: Config, settings: LiveSettings) -> Config:
    """Give the configuration that runs after *settings* were taken: what needs a restart stays as it was. Pure."""
    return replace(
        config,
        source=replace(
            config.source, options=config.source.options.renewed(settings.source_secrets), expected_counts=settings.expected_counts
        ),
        destination=replace(config.destination, options=config.destination.options.renewed(settings.destination_secrets)),
        pace_source=settings.pace_source,
        pace_destination=settings.pace_destination,
        delta=replace(config.delta, poll_s=settings.poll_s, settle_s=settings.settle_s, sweep_every_s=settings.sweep_every_s),
        cutover=replace(config.cutover, deadline_s=settings.cutover_deadline_s, watch_days=settings.watch_days),
        log=replace(config.log, level=settings.log_level),
    )


def identity(config: Config) -> Mapping[str, str]:
    """
    Give what says which accounts this migration joins; a state folder belongs to exactly one such identity.

    What an option of the source leaves empty says nothing: as long as everything comes from files no address is known.
    """
    return {
        "migration.name": config.migration.name,
        "source.platform": config.source.platform,
        **{f"source.{name}": value for name, value in config.source.options.account().items()},
        "source.timezone": config.source.timezone,
        "destination.platform": config.destination.platform,
        **{f"destination.{name}": value for name, value in config.destination.options.account().items()},
    }


_RENAMED = {"pace_source": "pace.source", "pace_destination": "pace.destination", "sweep_every_s": "sweep_every"}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Options):
        yield from _flat(value.values, prefix)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            if not prefix and each.name == "path":
                continue
            name, inner = _RENAMED.get(each.name, each.name), getattr(value, each.name)
            path = f"{prefix}.{name}" if prefix else name
            yield from _flat(inner, prefix if isinstance(inner, Options) else path)
    elif isinstance(value, Secret):
        yield f"{prefix}_{value.reference.partition(' ')[0]}", value    # as it stands in the file: api_key_env, api_key_file
    else:
        yield prefix, value
