"""The sample report: for every field of every record moved, what the source said, what the map expects, what the destination holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from streamflow.mapping.catalogue import WITH_CUSTOM_FIELDS
from streamflow.mapping.document import MapDocument
from streamflow.mapping.rollups import TRANSFORMS
from streamflow.mapping.settings import settings_of
from streamflow.mapping.values import field_of
from streamflow.migration.context import Migration
from streamflow.migration.named import NamedChecks
from streamflow.model import DestId, FieldCheck, Fields, Key, Kind, Link, Record, Ref
from streamflow.stages.kin import rolled_up_of
from streamflow.stages.verify import judge
from streamflow.store.change import MarkVerified

READ_AT_ONCE = 100
SHOWN_ROWS = 4000

SampleReport: TypeAlias = dict[str, Any]
"""
size, counts, verdicts, checks (those that the pair names), rows (kind, key, part, destination, field, source, expected, actual, verdict),
seed.
"""


async def sample_report(
    migration: Migration, document: MapDocument, chosen: Mapping[Kind, Sequence[Key]], marks: Mapping[Ref, MarkVerified]
) -> SampleReport:
    """Read the chosen records back and compare; those of *marks* were read just now and count as they are. Writes nothing."""
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    named = NamedChecks(migration.pair.checks)
    for kind, keys in chosen.items():
        staged = await migration.ledger.staged(kind, keys)
        for each in staged.values():
            counts[f"{kind}: {each.disposition or each.state}"] += 1
        origins = origins_of(document, kind)
        followed = await _followed(migration, document, kind, keys)
        for check in await _checks(migration, kind, keys, marks):
            verdicts[check.verdict.value] += 1
            named.add(kind, origins.get((check.dest_kind, check.field), ()), check.verdict)
            if len(rows) < SHOWN_ROWS and check.ref.key in staged:
                record = staged[check.ref.key].record
                known = replace(record, data={**record.data, **followed.get(record.key, {})})
                rows.append(_row(check, known, origins))
    return {
        "size": sum(len(keys) for keys in chosen.values()), "counts": dict(counts), "verdicts": dict(verdicts), "checks": named.rows(),
        "rows": rows, "seed": migration.terms.seed,
    }


async def _followed(migration: Migration, document: MapDocument, kind: Kind, keys: Sequence[Key]) -> dict[Key, dict[str, str]]:
    """Give what follows from the records that hang on these, by the source of the row: "lead.source" -> "Internet"."""
    delimiter = str(settings_of(document.settings, migration.pair)["delimiter"])
    found: dict[Key, dict[str, str]] = {}
    for row in (row for one, row in document.rows() if one.source == kind and row.transform in TRANSFORMS and row.target is not None):
        for key, text in (await rolled_up_of(migration.ledger, row, keys, delimiter=delimiter)).items():
            found.setdefault(key, {})[row.source] = text
    return found


def _row(check: FieldCheck, record: Record, origins: Mapping[tuple[Kind, str], Sequence[str]]) -> dict[str, Any]:
    return {
        "kind": record.kind, "key": record.key, "part": check.ref.part, "destination": check.dest_id, "field": check.field,
        "source": said(record, origins.get((check.dest_kind, check.field), ())), "expected": check.expected, "actual": check.actual,
        "verdict": check.verdict.value,
    }


async def _checks(
    migration: Migration, kind: Kind, keys: Sequence[Key], marks: Mapping[Ref, MarkVerified]
) -> list[FieldCheck]:
    """Judge every field of every destination record of these source records by what is there now."""
    by_kind: dict[Kind, list[Link]] = {}
    checks: list[FieldCheck] = []
    for link in await migration.ledger.links_of(kind, keys):
        if (mark := marks.get(link.ref)) is not None:
            checks += mark.checks
        elif not link.is_merged:
            by_kind.setdefault(link.dest_kind, []).append(link)
    for dest_kind, links in by_kind.items():
        for start in range(0, len(links), READ_AT_ONCE):
            chunk = links[start : start + READ_AT_ONCE]
            now: Mapping[DestId, Fields] = await migration.destination.reader.read(
                dest_kind, sorted({link.dest_id for link in chunk}), custom=dest_kind in WITH_CUSTOM_FIELDS
            )
            for link in chunk:
                checks += judge(link, now.get(link.dest_id), migration.destination.reader.compare).checks
    return checks


def origins_of(document: MapDocument, kind: Kind) -> dict[tuple[Kind, str], list[str]]:
    """Give (destination kind, target) -> the source fields that the map puts there, for one source kind."""
    found: dict[tuple[Kind, str], list[str]] = {}
    for one, row in document.rows():
        if one.source == kind and row.target is not None:
            found.setdefault((one.destination, row.target), []).append(row.source)
    return found


def said(record: Record, sources: Sequence[str]) -> str:
    """Give what the source says in these fields, as it was written; several as "name: value" lines."""
    values = list(_values(record, sources))
    if len(values) == 1:
        return values[0][1]
    return "\n".join(f"{name}: {value}" for name, value in values)


def _values(record: Record, sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    raw: Mapping[str, Any] = record.data.get("_raw") or {}
    for name in sources:
        value = raw.get(name.removeprefix("custom:"), field_of(record.data, name))
        if value not in (None, "", [], {}):
            yield name, str(value)
