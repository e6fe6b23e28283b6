"""The map as JSON and back: strict, with every fault named by its path."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, Final

from streamflow.errors import ConfigError
from streamflow.mapping.catalogue import TRANSFORMS, can_reach, is_field
from streamflow.mapping.combining import POLICIES
from streamflow.mapping.delimited import delimiter_fault
from streamflow.mapping.disputes import dispute_faults
from streamflow.mapping.document import CARDINALITIES, FORMAT, Alternative, MapDocument, ObjectMap, Row
from streamflow.mapping.pair import Pair
from streamflow.mapping.postal import PARTS
from streamflow.mapping.rollups import TRANSFORMS as ROLLUPS
from streamflow.mapping.rollups import rollup_faults
from streamflow.mapping.settings import setting_faults, way_faults
from streamflow.mapping.spelling import near
from streamflow.mapping.values import FAMILIES
from streamflow.model import Kind

_HINT: Final = "correct the map and confirm it again"
_ROW_KEYS: Final = frozenset(
    {"source", "target", "transform", "params", "family", "not_moved", "confidence", "reason", "samples", "alternatives", "low"}
)
_OBJECT_KEYS: Final = frozenset({"source", "destination", "cardinality", "transform", "lookup", "schema", "takes_custom", "rows"})
_TOP_KEYS: Final = frozenset({"format", "pair", "version", "objects", "settings", "companies", "digest"})
_SHOWN_KEYS: Final = frozenset({"digest", "state", "document", "summary"})
_ILL_ROW: Final = re.compile(r"objects\[\d+\]\.rows\[\d+\](?!\.(?:confidence|reason|samples|not_moved|alternatives))")
_GAP: Final = re.compile(r"map|objects(?:\[(?P<number>\d+)\](?:\.(?P<of>source|rows(?:\[\d+\](?:\.source)?)?))?)?")
_MAX_SAMPLES: Final = 3


def to_json(document: MapDocument) -> dict[str, Any]:
    """Give the JSON form; rows below the confidence limit carry "low": true, which reading ignores."""
    objects: list[dict[str, Any]] = []
    for one in document.objects:
        rows = [{**asdict(row), "params": dict(row.params), **({"low": True} if row.is_low else {})} for row in one.rows]
        objects.append(
            {
                **{name: getattr(one, name) for name in ("source", "destination", "cardinality", "transform", "lookup", "schema")},
                "takes_custom": one.takes_custom,
                "rows": rows,
            }
        )
    return {
        "format": FORMAT,
        "pair": document.pair,
        "version": document.version,
        "settings": dict(document.settings),
        "companies": dict(document.companies),
        "objects": objects,
    }


def from_json(data: object, pair: Pair) -> MapDocument:
    """
    Read the JSON form of a map of this pair, also one that an earlier version wrote.

    Raises ConfigError with all faults at once, each with its path; `validate` knows of the observed schema.
    """
    document, faults = read(data, pair)
    if faults:
        raise ConfigError(faults, hint=_HINT)
    return document


def read(
    data: object,
    pair: Pair,
    observed: Mapping[Kind, Collection[str]] | None = None,
    existing: Mapping[Kind, Mapping[str, str]] | None = None,
) -> tuple[MapDocument, list[str]]:
    """
    Read the JSON form, also as the map gate shows it ({"digest", "state", "document"}); answers what was read and every fault at once.

    *observed* and *existing* as for `validate`. Only a document without faults may be used.
    """
    reader = _Reader(pair)
    document = reader.document(_unwrapped(data))
    broken = [fault.partition(":")[0] for fault in reader.faults]
    faults = validate(document, pair, _judgeable(document, observed, broken), existing)
    # A row whose form is wrong was told once; what it says, or seems to say because of that, is not judged.
    ill = tuple({place[0] for path in broken if (place := _ILL_ROW.match(path))})
    judged = (fault for fault in faults if not fault.startswith(ill) and fault.partition(":")[0] not in broken)
    return document, [*reader.faults, *judged]


def _unwrapped(data: object) -> object:
    """Give the document itself where it came as the map gate shows it."""
    if isinstance(data, Mapping) and isinstance(data.get("document"), Mapping) and not set(data) - _SHOWN_KEYS:
        return data["document"]
    return data


def _judgeable(
    document: MapDocument, observed: Mapping[Kind, Collection[str]] | None, broken: Collection[str]
) -> Mapping[Kind, Collection[str]] | None:
    """Leave out the kinds of which no row can be missed for certain, since the list of rows is not whole."""
    gaps = [place for path in broken if (place := _GAP.fullmatch(path))]
    if observed is None or any(place["number"] is None or place["of"] == "source" for place in gaps):
        return None
    ill = {document.objects[int(place["number"])].source for place in gaps}
    return {kind: fields for kind, fields in observed.items() if kind not in ill}


def validate(
    document: MapDocument,
    pair: Pair,
    observed: Mapping[Kind, Collection[str]] | None = None,
    existing: Mapping[Kind, Mapping[str, str]] | None = None,
) -> list[str]:
    """
    List all faults of a map.

    Args:
        observed: Source kind to the fields seen in it; each needs a row, and no row may name another.
        existing: Destination kind to its custom fields' labels and families; a row must not use one with another family.
    """
    faults = setting_faults(document.settings, pair)
    if document.pair != pair.name:
        faults.append(f"pair: the map is of {document.pair}, this migration of {pair.name}")
    families: dict[tuple[Kind, str], tuple[str, str]] = {}
    for place, one in enumerate(document.objects):
        if not pair.knows(one.source):
            faults.append(f"objects[{place}].source: the source has no {one.source!r}{near(one.source, pair.order)}")
            continue
        for number, row in enumerate(one.rows):
            path = f"objects[{place}].rows[{number}] ({one.source}.{row.source})"
            faults += [f"{path}: {fault}" for fault in (*_row_faults(one, row, existing or {}, pair), *rollup_faults(one, row, pair))]
            faults += _family_clash(families, one.destination, row, path)
    if observed is not None:
        faults += _coverage_faults(document, pair, observed)
    return faults


def _row_faults(one: ObjectMap, row: Row, existing: Mapping[Kind, Mapping[str, str]], pair: Pair) -> list[str]:
    if row.transform not in TRANSFORMS:
        return [f"unknown transform {row.transform!r}{near(row.transform, TRANSFORMS)}"]
    if row.target is None:
        return [] if row.not_moved.strip() else ["no target, so not_moved must give the reason"]
    faults = ["not_moved is only for rows without a target"] if row.not_moved else []
    if not is_field(one.destination, row.target):
        return [*faults, f"unknown target {row.target!r} of {one.destination}"]
    if not can_reach(row.transform, one.destination, row.target):
        targets = ", ".join(TRANSFORMS[row.transform].targets) or "nothing"
        faults.append(f"transform {row.transform!r} cannot fill {row.target!r}; it fills {targets}")
    there = existing.get(one.destination, {}).get(row.target.removeprefix("custom:")) if row.target.startswith("custom:") else None
    if there is not None and there != row.family and not {there, row.family} <= {"text", "long"}:
        faults.append(f"the destination has {row.target[7:]!r} as {there}, the map wants {row.family}; choose another label or family")
    if row.transform == "text" and row.family == "choice" and not row.params.get("choices"):
        faults.append("family choice needs params.choices")
    faults += [f"transform {row.transform!r} needs params.{name}" for name in TRANSFORMS[row.transform].needs if name not in row.params]
    faults += [*_param_faults(row), *way_faults(row.params, "params"), *_kind_faults(row, pair)]
    if (policy := row.params.get("combine")) is not None and policy not in POLICIES:
        faults.append(f"params.combine: {policy!r} is none of {', '.join(POLICIES)}")
    return [*faults, *dispute_faults(row)]


def _param_faults(row: Row) -> list[str]:
    """Look at params that would break a step."""
    params = row.params
    if row.transform == "address_part" and params.get("part", "city") not in PARTS:
        return [f"params.part: {params['part']!r} is none of {', '.join(PARTS)}"]
    if row.transform == "phone_labelled" and not _is_count(params.get("slot", 1), 1):
        return ["params.slot: expected a whole number from 1"]
    if row.transform == "span_end" and not _is_count(params.get("seconds", 0), 0):
        return ["params.seconds: expected a whole number of seconds"]
    if not isinstance(delimiter := params.get("delimiter", "|"), str):
        return ["params.delimiter: expected a text"]
    if row.transform in ("pair_text", "rollup") and (fault := delimiter_fault(delimiter)):
        return [f"params.delimiter: {fault}"]
    if not isinstance(params.get("choices", []), list | tuple):
        return ["params.choices: expected a list"]
    if not isinstance(params.get("values", {}), Mapping):
        return ["params.values: expected a table"]
    return []


def _kind_faults(row: Row, pair: Pair) -> list[str]:
    """Look at the kind that a row names: that of its label or, where there are several, that of its parent."""
    kind = row.params.get("kind")
    known = {"parent": tuple(sorted(pair.blocking)), "reference_text": pair.order, "reference_id": pair.order}.get(row.transform, ())
    if not known or kind in (None, "", *known):
        return []
    what = "nothing hangs on records of kind" if row.transform == "parent" else "the source has no"
    return [f"params.kind: {what} {kind!r}{near(str(kind), known)}"]


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _family_clash(seen: dict[tuple[Kind, str], tuple[str, str]], kind: Kind, row: Row, path: str) -> list[str]:
    if row.target is None or not row.target.startswith("custom:"):
        return []
    family, first = seen.setdefault((kind, row.target), (row.family, path))
    return [] if family == row.family else [f"{path}: {row.target!r} is {row.family} here and {family} at {first}"]


def _coverage_faults(document: MapDocument, pair: Pair, observed: Mapping[Kind, Collection[str]]) -> list[str]:
    rows: dict[Kind, set[str]] = {}
    for one, row in document.rows():
        rows.setdefault(one.source, set()).add(row.source)
    faults: list[str] = []
    for kind, fields in observed.items():
        mapped = rows.get(kind, set())
        faults += [
            f"{kind}.{name}: seen in the source and without a row; give it a target or not_moved with a reason"
            for name in sorted(set(fields) - mapped)
        ]
    # A shipped row may name a field that this account never shows; a name that neither knows is a fault
    shipped = {row.source for one in pair.objects for row in one.rows}
    for place, one in enumerate(document.objects):
        known = observed.get(one.source)
        for number, row in enumerate(one.rows):
            if known is not None and row.source not in known and row.source not in shipped and row.transform not in ROLLUPS:
                faults.append(f"objects[{place}].rows[{number}]: unknown source field {one.source}.{row.source}{near(row.source, known)}")
    return faults


class _Reader:
    """Walks the JSON and collects faults instead of stopping at the first."""

    def __init__(self, pair: Pair) -> None:
        self.faults: list[str] = []
        self._pair = pair

    def document(self, data: object) -> MapDocument:
        top = self._mapping(data, "map", _TOP_KEYS)
        if top.get("format", FORMAT) != FORMAT:
            self.faults.append(f"format: {top.get('format')!r} is not {FORMAT}")
        objects = tuple(self._object(one, f"objects[{place}]") for place, one in enumerate(self._list(top.get("objects"), "objects")))
        companies = self._mapping(top.get("companies", {}), "companies")
        version = top.get("version", 1)
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            self.faults.append("version: expected a whole number from 1")
            version = 1
        return MapDocument(
            pair=self._text(top.get("pair"), "pair", required=True),
            version=version,
            objects=objects,
            settings=self._mapping(top.get("settings", {}), "settings"),
            companies={name: self._text(value, f"companies.{name}", required=True) for name, value in companies.items()},
        )

    def _object(self, data: object, path: str) -> ObjectMap:
        one = self._mapping(data, path, _OBJECT_KEYS)
        cardinality = self._text(one.get("cardinality"), f"{path}.cardinality", required=True)
        if cardinality and cardinality not in CARDINALITIES:
            self.faults.append(f"{path}.cardinality: {cardinality!r} is none of {', '.join(CARDINALITIES)}")
        source = self._text(one.get("source"), f"{path}.source", required=True)
        destination = self._text(one.get("destination"), f"{path}.destination", required=True)
        shipped = self._pair.object(source, destination)  # maps of earlier versions do not say what takes custom fields
        return ObjectMap(
            source=source,
            destination=destination,
            takes_custom=bool(one.get("takes_custom", shipped is not None and shipped.takes_custom)),
            cardinality=cardinality,
            transform=self._text(one.get("transform"), f"{path}.transform"),
            lookup=self._text(one.get("lookup"), f"{path}.lookup"),
            schema=self._text(one.get("schema"), f"{path}.schema"),
            rows=tuple(self._row(row, f"{path}.rows[{number}]") for number, row in enumerate(self._list(one.get("rows"), f"{path}.rows"))),
        )

    def _row(self, data: object, path: str) -> Row:
        row = self._mapping(data, path, _ROW_KEYS)
        target = row.get("target")
        family = self._text(row.get("family", "text"), f"{path}.family")
        if family not in FAMILIES:
            self.faults.append(f"{path}.family: {family!r} is none of {', '.join(FAMILIES)}")
        samples = [self._text(text, f"{path}.samples") for text in self._list(row.get("samples", []), f"{path}.samples")]
        if len(samples) > _MAX_SAMPLES:
            self.faults.append(f"{path}.samples: at most {_MAX_SAMPLES}")
        return Row(
            source=self._text(row.get("source"), f"{path}.source", required=True),
            target=None if target is None else self._text(target, f"{path}.target", required=True),
            transform=self._text(row.get("transform", "none" if target is None else "text"), f"{path}.transform"),
            family=family,
            params=self._mapping(row.get("params", {}), f"{path}.params"),
            not_moved=self._text(row.get("not_moved", ""), f"{path}.not_moved"),
            confidence=self._share(row.get("confidence", 1.0), f"{path}.confidence"),
            reason=self._text(row.get("reason", ""), f"{path}.reason"),
            samples=tuple(samples),
            alternatives=tuple(self._alternatives(row.get("alternatives", []), f"{path}.alternatives")),
        )

    def _alternatives(self, data: object, path: str) -> list[Alternative]:
        found: list[Alternative] = []
        for place, item in enumerate(self._list(data, path)):
            one = self._mapping(item, f"{path}[{place}]", frozenset({"target", "confidence", "reason"}))
            target = one.get("target")
            found.append(
                Alternative(
                    target=None if target is None else self._text(target, f"{path}[{place}].target"),
                    confidence=self._share(one.get("confidence", 0.0), f"{path}[{place}].confidence"),
                    reason=self._text(one.get("reason", ""), f"{path}[{place}].reason"),
                )
            )
        return found

    def _mapping(self, data: object, path: str, keys: Collection[str] | None = None) -> dict[str, Any]:
        if not isinstance(data, Mapping) or not all(isinstance(name, str) for name in data):
            self.faults.append(f"{path}: expected an object")
            return {}
        if keys is not None:
            self.faults += [f"{path}.{name}: unknown key{near(name, keys)}" for name in data if name not in keys]
        return dict(data)

    def _list(self, data: object, path: str) -> list[Any]:
        if isinstance(data, (list, tuple)):
            return list(data)
        self.faults.append(f"{path}: expected a list")
        return []

    def _text(self, data: object, path: str, *, required: bool = False) -> str:
        if isinstance(data, str) and (data.strip() or not required):
            return data
        if data is None and not required:
            return ""
        self.faults.append(f"{path}: expected a text")
        return ""

    def _share(self, data: object, path: str) -> float:
        if isinstance(data, (int, float)) and not isinstance(data, bool) and 0 <= data <= 1:
            return float(data)
        self.faults.append(f"{path}: expected a number from 0 to 1")
        return 0.0
