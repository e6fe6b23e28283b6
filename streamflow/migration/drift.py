"""
Drift: whether both schemas are still as they were when the map was confirmed; where they are not, the map is void.

Rule 1: only what the map uses counts in the destination, and only what has no row counts in the source: a field that somebody adds to
the destination stops nothing.
Rule 2: a void map writes nothing. Before the switch it is confirmed anew, by a person; after it a person says whether to go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import anyio

from streamflow.ledger_names import FIELDS_DEFINED, MAP_CONFIRMED
from streamflow.mapping.document import MapDocument
from streamflow.mapping.document_json import from_json
from streamflow.mapping.schema import needed_objects, required_fields
from streamflow.mapping.values import is_empty
from streamflow.migration.context import Migration
from streamflow.migration.life import State
from streamflow.model import Kind, QueueItem, Record
from streamflow.platforms.destination import FieldSpec
from streamflow.store.base import Ledger
from streamflow.store.change import Change, Enqueue, PutSetting

SEEN = "fields:seen"        # setting: kind -> names of fields that held a value at any time
AGREED = "fields:agreed"    # setting: the same, when the map was confirmed
BASIS = "fields:basis"      # setting: [entity, label, family] of the custom fields the map uses, once they were all there
VOID = "map:void"           # setting: why the map that was confirmed is not in force any more, and its digest
SWITCHED = frozenset({State.WATCH, State.DONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What is not as it was when the map was confirmed."""

    fields: tuple[str, ...] = ()                     # of the destination: what happened to which, with the rows that use it
    lost: tuple[tuple[Kind, str], ...] = ()          # the same as (entity, label)
    fresh: tuple[tuple[Kind, str], ...] = ()         # of the source: (kind, name) without a row

    def __bool__(self) -> bool:
        return bool(self.fields or self.fresh)

    def told(self) -> str:
        """Name the fields and the rows they concern; no values."""
        fresh = [f"the source has a new field {kind}.{name} that no row moves" for kind, name in self.fresh]
        return "; ".join((*self.fields, *fresh))


def compare(
    document: MapDocument, *, basis: Iterable[Sequence[str]], now: Iterable[FieldSpec], agreed: Mapping[Kind, Iterable[str]],
    seen: Mapping[Kind, Iterable[str]],
) -> Drift:  # fmt: skip
    """Set both schemas against what they were at the confirmation. Pure."""
    there = {(each.entity, each.label): each.family for each in now}
    fields: list[str] = []
    lost: list[tuple[Kind, str]] = []
    for entity, label, family in basis:
        found = there.get((entity, label))
        if found != family:
            what = "is gone or was renamed" if found is None else f"was {family} and is {found} now"
            fields.append(f"custom field {label!r} of {entity} {what} (map rows: {', '.join(_rows(document, entity, label)) or 'none'})")
            lost.append((entity, label))
    covered: dict[Kind, set[str]] = {}
    for one, row in document.rows():
        covered.setdefault(one.source, set()).add(row.source)
    fresh = tuple(
        (kind, name) for kind, names in sorted(seen.items()) if kind in covered
        for name in sorted(set(names) - set(agreed.get(kind, ())) - covered[kind])
    )
    return Drift(fields=tuple(fields), lost=tuple(lost), fresh=fresh)


def _rows(document: MapDocument, entity: Kind, label: str) -> Iterator[str]:
    for one in needed_objects(document):
        if one.destination == entity:
            yield from (f"{one.source}.{row.source}" for row in one.rows if row.target == f"custom:{label}")


async def find(migration: Migration, *, within_s: float = 0.0) -> Drift:
    """Look at both sides, at the destination unless that was done *within_s*; no drift where no map is in force. Reads only."""
    confirmed, basis = await migration.ledger.setting(MAP_CONFIRMED), await migration.ledger.setting(BASIS)
    if confirmed is None or basis is None:
        return Drift()
    seen: dict[Kind, list[str]] = await migration.ledger.setting(SEEN) or {}
    now = await _listed(migration, within_s, {entity for entity, _, _ in basis})
    return compare(
        from_json(confirmed["document"], migration.pair), basis=basis, now=now,
        agreed=await migration.ledger.setting(AGREED) or seen, seen=seen,
    )


async def _listed(migration: Migration, within_s: float, entities: Collection[Kind]) -> Sequence[FieldSpec]:
    """Give the destination's custom fields of the kinds that the map uses any of, as last listed where that is not too long ago."""
    if migration.listed is None or migration.clock.monotonic() - migration.listed[0] >= within_s:
        migration.listed = (migration.clock.monotonic(), tuple(await migration.destination.schema.custom_fields(entities)))
    return migration.listed[1]


async def keep_basis(migration: Migration, document: MapDocument) -> None:
    """Note how the fields the map uses are defined, now that all of them are there."""
    used = {(need.entity, need.label) for need in required_fields(document)}
    listed = await _listed(migration, 0.0, {entity for entity, _ in used})
    basis = sorted([each.entity, each.label, each.family] for each in listed if (each.entity, each.label) in used)
    await migration.ledger.commit([PutSetting(name=BASIS, value=basis)])


async def stands(migration: Migration, *, within_s: float = 0.0) -> bool:
    """
    Say whether the confirmed map may be written by; one that may not is void from here on, and the log, the audit and the gate say why.

    A look at the destination's fields is good for *within_s*.

    After the switch the map cannot change any more: there a blocking item asks, and "go" lets the deliveries go on.
    """
    drift = await find(migration, within_s=within_s)
    if not drift:
        return True
    if migration.phase.state in SWITCHED:
        return await _is_accepted(migration, drift)
    confirmed = await migration.ledger.setting(MAP_CONFIRMED)
    defined = await migration.ledger.setting(FIELDS_DEFINED) or []
    kept = [row for row in defined if (row["entity"], row["label"]) not in drift.lost]
    value = {"why": drift.told(), "digest": confirmed["digest"], "fresh": [list(each) for each in drift.fresh]}
    changes: list[Change] = [
        PutSetting(name=VOID, value=value), PutSetting(name=MAP_CONFIRMED, value=None), PutSetting(name=FIELDS_DEFINED, value=kept),
        PutSetting(name=BASIS, value=None),
    ]
    await migration.decide("streamflow", "map.void", *changes, note=drift.told())
    migration.log("map.void", reason=drift.told())
    return False


async def _is_accepted(migration: Migration, drift: Drift) -> bool:
    name = f"drift:{crc32(drift.told().encode()):08x}"
    item = await migration.ledger.item(name)
    if item is None:
        await migration.ledger.commit([Enqueue(item=QueueItem(
            id=name, cause="schema_drift", kind="", key="", reason=f"{drift.told()}; nothing more is written until this is decided",
            decisions=("go",), blocking=True,
        ))])
    return item is not None and item.decision == "go"


def with_rows(document: MapDocument, proposed: MapDocument, fresh: Iterable[Sequence[str]]) -> MapDocument:
    """Give the map with the rows a new proposal has for fresh source fields; all else stays as people confirmed it. Pure."""
    wanted = {(kind, name) for kind, name in fresh}
    rows = {
        (one.source, one.destination): tuple(row for row in one.rows if (one.source, row.source) in wanted) for one in proposed.objects
    }
    objects = tuple(replace(one, rows=(*one.rows, *rows.get((one.source, one.destination), ()))) for one in document.objects)
    return replace(document, objects=objects)


class SeenFields:
    """Keeps which source fields ever held a value, before the records that show a new one are staged."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[Kind, set[str]] | None = None
        self._lock = anyio.Lock()

    async def look(self, records: Iterable[Record]) -> None:
        """Take in the records of one page."""
        if self._known is None:
            kept: Mapping[str, Any] = await self._ledger.setting(SEEN) or {}
            self._known = self._known or {kind: set(names) for kind, names in kept.items()}
        grown = False
        for record in records:
            names = self._known.setdefault(record.kind, set())
            fresh = {name for name, value in _values(record) if name not in names and not is_empty(value)}
            names |= fresh
            grown |= bool(fresh)
        if grown:
            async with self._lock:
                value = {kind: sorted(names) for kind, names in self._known.items() if names}
                await self._ledger.commit([PutSetting(name=SEEN, value=value)])


def _values(record: Record) -> Iterator[tuple[str, Any]]:
    for name, value in record.data.items():
        if name == "custom" and isinstance(value, Mapping):
            yield from ((f"custom:{label}", inner) for label, inner in value.items())
        elif not name.startswith("_"):
            yield name, value
