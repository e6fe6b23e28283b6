"""The shipped knowledge about a pair, read from its TOML template."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from typing import Any

from streamflow.errors import ConfigError
from streamflow.mapping.document import ObjectMap, Row
from streamflow.mapping.labels import label_key


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLabel:
    """A custom field whose meaning is known by its label."""

    names: frozenset[str]
    target: str | None  # None: a custom field of its own
    transform: str
    family: str | None
    confidence: float
    reason: str
    also_custom: bool  # keep it as a custom field of its own besides


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What is known of a pair before an account is looked at."""

    pair: str
    prefix: str  # of markers: "lt"
    objects: tuple[ObjectMap, ...]
    labels: tuple[KnownLabel, ...]
    tracking: tuple[tuple[tuple[str, ...], str], ...]  # (patterns, why it is not moved)

    def known(self, label: str) -> KnownLabel | None:
        """Give what is known of a custom label."""
        key = label_key(label)
        return next((one for one in self.labels if key in one.names), None)

    def why_not_moved(self, label: str) -> str:
        """Give the reason a custom label stays behind by default, or ""."""
        low = label.strip().lower()
        return next((reason for patterns, reason in self.tracking if any(fnmatchcase(low, pattern) for pattern in patterns)), "")


@lru_cache(maxsize=8)
def load_template(pair: str) -> Template:
    """Read the shipped template of a pair ("leadtrekker-nutshell"); raises ConfigError when none is shipped."""
    place = files("streamflow.mapping").joinpath("pairs", f"{pair}.toml")
    if "/" in pair or not place.is_file():
        raise ConfigError([f"no map template for the pair {pair!r}"], hint="shipped pairs are in streamflow/mapping/pairs")
    return read_template(tomllib.loads(place.read_text(encoding="utf-8")))


def read_template(data: Mapping[str, Any]) -> Template:
    """Make a template of parsed TOML."""
    return Template(
        pair=data["pair"],
        prefix=data["prefix"],
        objects=tuple(_object(one) for one in data["objects"]),
        labels=tuple(_label(one) for one in data.get("labels", ())),
        tracking=tuple((tuple(one["patterns"]), one["not_moved"]) for one in data.get("tracking", ())),
    )


def _object(data: Mapping[str, Any]) -> ObjectMap:
    texts = {name: data[name] for name in ("source", "destination", "cardinality", "transform", "lookup", "schema")}
    return ObjectMap(**texts, rows=tuple(_row(row) for row in data["rows"]))


def _row(data: Mapping[str, Any]) -> Row:
    target = data.get("target")
    return Row(
        source=data["source"],
        target=target,
        transform=data["transform"] if target is not None else "none",
        params=data.get("params", {}),
        family=data.get("family", "text"),
        not_moved=data.get("not_moved", ""),
        confidence=data.get("confidence", 1.0),
        reason=data.get("reason", "known field"),
    )


def _label(data: Mapping[str, Any]) -> KnownLabel:
    return KnownLabel(
        names=frozenset(label_key(name) for name in data["names"]),
        target=data.get("target"),
        transform=data.get("transform", "text"),
        family=data.get("family"),
        confidence=data.get("confidence", 0.9),
        reason=data.get("reason", ""),
        also_custom=data.get("also_custom", False),
    )
