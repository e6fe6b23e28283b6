"""The platforms there are: those that installed packages register under the entry point group "streamflow.platforms"."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeVar

from streamflow.errors import ConfigError
from streamflow.options import Forms
from streamflow.platforms.entry import DestinationPlatform, SourcePlatform
from streamflow.spelling import near

if TYPE_CHECKING:
    from streamflow.mapping.pair import Pair

GROUP = "streamflow.platforms"
_Platform = TypeVar("_Platform", SourcePlatform, DestinationPlatform)


def sources() -> Mapping[str, SourcePlatform]:
    """Give the platforms that can be left, by name. Raises ConfigError for a registration that is none."""
    return {name: each for name, each in _registered().items() if isinstance(each, SourcePlatform)}


def destinations() -> Mapping[str, DestinationPlatform]:
    """Give the platforms that can be entered, by name. Raises ConfigError for a registration that is none."""
    return {name: each for name, each in _registered().items() if isinstance(each, DestinationPlatform)}


def source_of(name: str) -> SourcePlatform:
    """Give the platform of this name that can be left. Raises ConfigError."""
    return _named(name, sources(), "source.platform")


def destination_of(name: str) -> DestinationPlatform:
    """Give the platform of this name that can be entered. Raises ConfigError."""
    return _named(name, destinations(), "destination.platform")


def forms() -> Forms:
    """Give what all of them ask of the configuration."""
    return Forms(
        sources={name: each.form for name, each in sources().items()},
        destinations={name: each.form for name, each in destinations().items()},
    )


@cache
def pair_of(source: str, destination: str) -> Pair:
    """Read what is known of moving one into the other. Raises ConfigError where the source brings nothing for this destination."""
    from streamflow.mapping.pair_toml import read_pair  # loads the mapping: only where a migration is looked at

    found = source_of(source).pairs.get(destination)
    if found is None or not found.is_file():
        raise ConfigError([f"no map template for moving {source} into {destination}"], hint="the pairs of a platform come with it")
    pair = read_pair(found.read_text(encoding="utf-8"))
    if (pair.source, pair.destination) != (source, destination):
        raise ConfigError([f"the template for {source} into {destination} is one for {pair.source} into {pair.destination}"])
    return pair


@cache
def _registered() -> Mapping[str, SourcePlatform | DestinationPlatform]:
    found: dict[str, SourcePlatform | DestinationPlatform] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        described = _described(entry)
        if entry.name in found:
            raise ConfigError([f"platform {entry.name} is registered twice, the second time as {entry.value}"], hint="uninstall one")
        found[entry.name] = described
    return found


def _described(entry: EntryPoint) -> SourcePlatform | DestinationPlatform:
    try:
        described = entry.load()()
    except (ImportError, AttributeError) as error:
        fault = f"platform {entry.name}: {entry.value} cannot be loaded ({type(error).__name__}: {error})"
        raise ConfigError([fault], hint="install the package that brings it anew, or uninstall it") from error
    if not isinstance(described, SourcePlatform | DestinationPlatform) or described.name != entry.name:
        raise ConfigError([f"platform {entry.name}: {entry.value} does not describe a platform of that name"], hint="see docs/pairs.md")
    return described


def _named(name: str, known: Mapping[str, _Platform], key: str) -> _Platform:
    if name not in known:
        raise ConfigError([f"{key}: {name!r} is not installed here, only {', '.join(known)}{near(name, known)}"])
    return known[name]
