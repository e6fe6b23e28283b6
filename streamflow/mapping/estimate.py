"""What a migration will take: calls, hours and disk from counts alone; the grade and its inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streamflow.mapping.catalogue import WITH_CUSTOM_FIELDS
from streamflow.mapping.document import CARDINALITIES, MapDocument
from streamflow.mapping.pair import Pair
from streamflow.mapping.schema import needed_objects
from streamflow.model import Kind

ROUTINE_RECORDS: Final = 2_000_000
_OPEN_LEAD: Final = "open lead"
_DISK_BYTES: Final = 3_000  # a record with payload, intent, crosswalk line and audit entries in the ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the calls will go."""

    source_per_s: float = 1.0
    destination_per_s: float = 10.0
    multi_get: int = 50  # records read back in one call
    custom_fields_many: bool = True  # custom fields can be read back many at a time
    source_page: int = 100
    child_streams: tuple[Kind, ...] = ()  # kinds that are asked per parent, a call each


@dataclass(frozen=True, slots=True, kw_only=True)
class Compatibility:
    """How much of the source has a place in the destination, counted from the map itself (G-13)."""

    supported: int
    objects: int
    tags: Mapping[str, int]
    rows: int
    moved: int
    low: int  # rows a person should look at

    def text(self) -> str:
        """Say it in one line: "8 of 12 objects"."""
        return f"{self.supported} of {self.objects} objects"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The complexity grade and its four inputs, each from 0 (hard) to 1 (easy)."""

    letter: str  # A (plain) to D (scope it by hand)
    compatibility: float
    clarity: float
    api: float
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run will take."""

    records: int
    source_calls: Mapping[Kind, int]
    destination_calls: Mapping[Kind, int]
    source_hours: float
    destination_hours: float
    disk_bytes: int
    warnings: tuple[str, ...] = ()
    needs_override: bool = False

    @property
    def hours(self) -> float:
        """Machine time: both sides work at once, so the slower one tells."""
        return max(self.source_hours, self.destination_hours)


def compatibility(document: MapDocument) -> Compatibility:
    """Count the map: objects with a place, cardinality tags, rows moved and rows that are not sure."""
    tags = dict.fromkeys(CARDINALITIES, 0)
    for one in document.objects:
        tags[one.cardinality] += 1
    rows = [row for _, row in document.rows()]
    return Compatibility(
        supported=len(document.objects) - tags["reference-only"],
        objects=len(document.objects),
        tags=tags,
        rows=len(rows),
        moved=sum(row.target is not None for row in rows),
        low=sum(row.is_low for row in rows),
    )


def grade(document: MapDocument, records: int, constraints: int) -> Grade:
    """
    Grade a migration.

    *constraints* counts what the destination cannot do for this map (flags that are off, missing reference data, plan gaps).
    """
    summary = compatibility(document)
    fit = 1 - (summary.tags["reference-only"] + 0.5 * summary.tags["lossy"]) / max(1, summary.objects)
    clarity = 1 - summary.low / max(1, summary.rows)
    api = 1 / (1 + constraints / 4)
    volume = min(1.0, max(0.0, 1 - (math.log10(max(1, records)) - 4) / 3))  # 10,000 is easy, ten million is not
    score = (fit + clarity + api + volume) / 4
    letter = "A" if score >= 0.8 else "B" if score >= 0.65 else "C" if score >= 0.45 else "D"
    return Grade(letter=letter, compatibility=round(fit, 2), clarity=round(clarity, 2), api=round(api, 2), volume=round(volume, 2))


def estimate(
    document: MapDocument,
    pair: Pair,
    counts: Mapping[Kind, int],
    pace: Pace,
    *,
    unqualified: int = 0,
) -> Estimate:
    """
    Reckon calls, hours and disk.

    Args:
        counts: Records per source kind; of kinds that are derived, what will be made.
        unqualified: People that become open leads besides.
    """
    made = {kind: counts.get(kind, 0) for kind in pair.written if counts.get(kind)}
    if unqualified and any((one.source, one.destination) == (pair.person.kind, "leads") for one in needed_objects(document)):
        made[_OPEN_LEAD] = unqualified
    with_custom = {_OPEN_LEAD, *(one.source for one in document.objects if one.destination in WITH_CUSTOM_FIELDS)}
    destination = {kind: _destination_calls(count, pace, has_custom=kind in with_custom) for kind, count in made.items()}
    derived = {plan.kind for plan in pair.kinds if plan.derived}
    source = {kind: _source_calls(kind, counts, pair, pace) for kind in counts if kind not in derived}
    records = sum(count for kind, count in counts.items() if kind not in derived)
    return Estimate(
        records=records,
        source_calls=source,
        destination_calls=destination,
        source_hours=sum(source.values()) / pace.source_per_s / 3600,
        destination_hours=sum(destination.values()) / pace.destination_per_s / 3600,
        disk_bytes=sum(counts.values()) * _DISK_BYTES,
        needs_override=records > ROUTINE_RECORDS,
    )


def _destination_calls(count: int, pace: Pace, *, has_custom: bool) -> int:
    """One call writes a record; reading back is shared, save where custom fields are had one record at a time."""
    read_back = count if has_custom and not pace.custom_fields_many else math.ceil(count / max(1, pace.multi_get))
    return count + read_back


def _source_calls(kind: Kind, counts: Mapping[Kind, int], pair: Pair, pace: Pace) -> int:
    if kind in pace.child_streams:
        return counts.get(pair.of(kind).parent or pair.person.kind, 0)
    return math.ceil(counts[kind] / max(1, pace.source_page)) or 1
