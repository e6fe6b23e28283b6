"""The map: the confirmed document that says which source field becomes what, as values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from streamflow.model import Kind

FORMAT: Final = 1
CONFIDENT: Final = 0.7
"""Proposals below this are marked for a person to look at."""
CARDINALITIES: Final = ("1:1", "n:1", "1:n", "lossy", "reference-only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another target that was considered."""

    target: str | None
    confidence: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one source field becomes, or why it stays behind."""

    source: str  # "email", "custom:Surname"
    target: str | None  # "emails", "custom:Lead Status"; None: not moved
    transform: str = "text"
    params: Mapping[str, Any] = field(default_factory=dict)
    family: str = "text"
    not_moved: str = ""  # the reason, exactly when target is None
    confidence: float = 1.0
    reason: str = ""
    samples: tuple[str, ...] = ()  # at most three
    alternatives: tuple[Alternative, ...] = ()

    @property
    def is_low(self) -> bool:
        """Whether a person should look at it before confirming."""
        return self.confidence < CONFIDENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMap:
    """What the records of one source kind become; the three texts are shown to people (G-12)."""

    source: Kind
    destination: Kind
    cardinality: str
    transform: str = ""
    lookup: str = ""
    schema: str = ""
    takes_custom: bool = False  # custom fields of the source become custom fields of this record
    rows: tuple[Row, ...] = ()

    def row(self, source: str) -> Row | None:
        """Give the first row of a source field."""
        return next((row for row in self.rows if row.source == source), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapDocument:
    """A whole map. Its digest names it: what is confirmed is this and nothing else."""

    pair: str  # its name
    version: int = 1  # counts edits; not part of the digest
    objects: tuple[ObjectMap, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    companies: Mapping[str, str] = field(default_factory=dict)  # decisions of people: raw text -> cluster | "separate" | "none"

    def of(self, source: Kind, destination: Kind | None = None) -> ObjectMap | None:
        """Give the object map of a source kind (into one destination kind)."""
        return next((one for one in self.objects if one.source == source and destination in (None, one.destination)), None)

    def rows(self) -> Iterator[tuple[ObjectMap, Row]]:
        """Give every row with its object map, in the document's order."""
        for one in self.objects:
            for row in one.rows:
                yield one, row


def digest(document: MapDocument) -> str:
    """Give the SHA-256 over what decides behaviour: targets, transforms, families, settings, decisions; not samples, confidence, texts."""
    behaviour = {
        "format": FORMAT,
        "pair": document.pair,
        "settings": dict(document.settings),
        "companies": dict(document.companies),
        "objects": [
            {
                "source": one.source,
                "destination": one.destination,
                "rows": [[row.source, row.target, row.transform, dict(row.params), row.family] for row in one.rows],
            }
            for one in document.objects
        ],
    }
    return hashlib.sha256(orjson.dumps(behaviour, option=orjson.OPT_SORT_KEYS)).hexdigest()
