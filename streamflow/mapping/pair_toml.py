"""Reading a pair from its TOML text: every fault is named by its path; no file is opened here."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from typing import Any, Final

from streamflow.errors import ConfigError
from streamflow.mapping.catalogue import TRANSFORMS, can_reach, is_field
from streamflow.mapping.document import CARDINALITIES, ObjectMap, Row
from streamflow.mapping.labels import label_key
from streamflow.mapping.pair import FACTS, MORE_REPORTS, REPORTS, BlankRule, KindPlan, KnownLabel, NamedCheck, Pair, Purpose, Role
from streamflow.mapping.settings import DEFAULTS, setting_faults
from streamflow.mapping.shapes import SHAPES
from streamflow.mapping.spelling import near

_TOP: Final = frozenset(
    {
        *("pair", "source", "destination", "title", "prefix", "defaults", "kinds", "objects", "labels", "tracking", "purposes"),
        *("reports", "out_of_scope", "hand_off", "blank_rules", "checks"),
    }
)
_KIND: Final = frozenset(KindPlan.__slots__)
_LISTS: Final = frozenset({"owner", "address", "strata", "checked"})
_OBJECT_TEXTS: Final = ("source", "destination", "cardinality", "transform", "lookup", "schema")
_OBJECT: Final = frozenset({*_OBJECT_TEXTS, "takes_custom", "rows"})
_ROW: Final = frozenset({"source", "target", "transform", "params", "family", "not_moved", "confidence", "reason"})
_LABEL: Final = frozenset(KnownLabel.__slots__)
_PURPOSE: Final = frozenset(Purpose.__slots__)
_BLANK_RULE: Final = tuple(BlankRule.__slots__)
_NAMES: Final = ("", "user", "source", "status", "group", "code")
_HINT: Final = "a pair is data: its kinds, defaults and rows are described in docs/pairs.md"


def read_pair(text: str) -> Pair:
    """Read a pair; raises ConfigError with every fault."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"the pair is no TOML: {error}"], hint=_HINT) from error
    reader = _Reader()
    pair = reader.pair(data)
    if pair is None or reader.faults:
        raise ConfigError(reader.faults, hint=_HINT)
    return pair


class _Reader:
    """Walks the tables and collects faults instead of stopping at the first."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def pair(self, data: Mapping[str, Any]) -> Pair | None:
        self._keys(data, "pair", _TOP)
        texts = {name: self._text(data, name, "") for name in ("pair", "source", "destination", "title", "prefix")}
        kinds = tuple(plan for place, one in enumerate(data.get("kinds", ())) if (plan := self._kind(one, f"kinds[{place}]")) is not None)
        objects = tuple(one for place, each in enumerate(data.get("objects", ())) if (one := self._object(each, f"objects[{place}]")))
        defaults = dict(data.get("defaults", {}))
        self.faults += [f"defaults.{name}: unknown setting{near(name, DEFAULTS)}" for name in defaults if name not in DEFAULTS]
        self.faults += [f"defaults.{name}: missing" for name in ("zone", "region", "currency") if not defaults.get(name)]
        labels = tuple(self._label(one, f"labels[{place}]") for place, one in enumerate(data.get("labels", ())))
        purposes = tuple(self._purpose(one, f"purposes[{place}]") for place, one in enumerate(data.get("purposes", ())))
        self._relations(kinds, objects, purposes)
        if self.faults:
            return None
        pair = Pair(
            name=texts.pop("pair"),
            **texts,
            kinds=kinds,
            defaults=defaults,
            objects=objects,
            labels=labels,
            tracking=tuple((tuple(one["patterns"]), str(one["not_moved"])) for one in data.get("tracking", ())),
            purposes=purposes,
            reports=self._reports(data),
            out_of_scope=tuple(map(str, data.get("out_of_scope", ()))),
            hand_off=tuple(map(str, data.get("hand_off", ()))),
            checks=tuple(NamedCheck(name=str(one["name"]), fields=tuple(map(str, one["fields"]))) for one in data.get("checks", ())),
            blank_rules=tuple(self._blank_rule(one, f"blank_rules[{place}]") for place, one in enumerate(data.get("blank_rules", ()))),
        )
        self.faults += _unknown_fields(pair)
        self.faults += [fault.replace("settings.", "defaults.", 1) for fault in setting_faults({}, pair)]
        return pair

    def _kind(self, data: Mapping[str, Any], path: str) -> KindPlan | None:
        self._keys(data, path, _KIND)
        kind, role = self._text(data, "kind", f"{path}."), str(data.get("role", ""))
        path = f"{path} ({kind})"
        if role not in list(Role):
            self.faults.append(f"{path}.role: {role!r} is none of {', '.join(Role)}")
            return None
        shape = str(data.get("shape", "file" if role == Role.FILE else ""))
        if role in (Role.HAPPENING, Role.FILE) and shape not in SHAPES:
            self.faults.append(f"{path}.shape: {shape!r} is none of {', '.join(SHAPES)}")
        if data.get("names", "") not in _NAMES:
            self.faults.append(f"{path}.names: {data['names']!r} is none of {', '.join(_NAMES[1:])}")
        facts = data.get("facts", {})
        self.faults += [f"{path}.facts.{name}: there is no such fact{near(name, FACTS)}" for name in facts if name not in FACTS]
        plain = {name: value for name, value in data.items() if name in _KIND - _LISTS - {"kind", "role", "shape"}}
        lists = {name: tuple(map(str, data.get(name, ()))) for name in _LISTS}
        return KindPlan(**{**plain, **lists, "kind": kind, "role": Role(role), "shape": shape, "noun": str(data.get("noun") or kind)})

    def _object(self, data: Mapping[str, Any], path: str) -> ObjectMap | None:
        self._keys(data, path, _OBJECT)
        texts = {name: self._text(data, name, f"{path}.") for name in _OBJECT_TEXTS}
        path = f"{path} ({texts['source']} → {texts['destination']})"
        if texts["cardinality"] not in CARDINALITIES:
            self.faults.append(f"{path}.cardinality: {texts['cardinality']!r} is none of {', '.join(CARDINALITIES)}")
        rows = tuple(
            row
            for place, one in enumerate(data.get("rows", ()))
            if (row := self._row(one, texts["destination"], f"{path}.rows[{place}]")) is not None
        )
        return ObjectMap(**texts, takes_custom=bool(data.get("takes_custom", False)), rows=rows)

    def _row(self, data: Mapping[str, Any], destination: str, path: str) -> Row | None:
        self._keys(data, path, _ROW)
        source, target = self._text(data, "source", f"{path}."), data.get("target")
        transform = str(data.get("transform", "")) if target is not None else "none"
        if transform not in TRANSFORMS:
            self.faults.append(f"{path}.transform: unknown {transform!r}{near(transform, TRANSFORMS)}")
            return None
        if target is None and not str(data.get("not_moved", "")).strip():
            self.faults.append(f"{path}: no target, so not_moved must give the reason")
        elif target is not None and not (is_field(destination, target) and can_reach(transform, destination, target)):
            self.faults.append(f"{path}: transform {transform!r} cannot fill {target!r} of {destination}")
        return Row(
            source=source,
            target=target,
            transform=transform,
            params=data.get("params", {}),
            family=data.get("family", "text"),
            not_moved=data.get("not_moved", ""),
            confidence=data.get("confidence", 1.0),
            reason=data.get("reason", "known field"),
        )

    def _label(self, data: Mapping[str, Any], path: str) -> KnownLabel:
        self._keys(data, path, _LABEL)
        return KnownLabel(
            names=frozenset(label_key(name) for name in data.get("names", ())),
            target=data.get("target"),
            transform=data.get("transform", "text"),
            family=data.get("family"),
            confidence=data.get("confidence", 0.9),
            reason=data.get("reason", ""),
            also_custom=data.get("also_custom", False),
        )

    def _purpose(self, data: Mapping[str, Any], path: str) -> Purpose:
        self._keys(data, path, _PURPOSE)
        return Purpose(
            kind=self._text(data, "kind", f"{path}."),
            patterns=tuple(str(each).lower() for each in data.get("patterns", ())),
            pick=str(data.get("pick", "newest")),
            reason=str(data.get("reason", "")),
        )

    def _reports(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        reports = tuple(map(str, data.get("reports", REPORTS)))
        known = (*REPORTS, *MORE_REPORTS)
        self.faults += [f"reports: there is no report {name!r}{near(name, known)}" for name in reports if name not in known]
        return reports

    def _blank_rule(self, data: Mapping[str, Any], path: str) -> BlankRule:
        self._keys(data, path, _BLANK_RULE)
        return BlankRule(**{name: self._text(data, name, f"{path}.") for name in _BLANK_RULE})

    def _relations(self, kinds: tuple[KindPlan, ...], objects: tuple[ObjectMap, ...], purposes: tuple[Purpose, ...]) -> None:
        """Look at what refers to something else: kinds to their parents, objects to kinds, roles to each other."""
        names = [plan.kind for plan in kinds]
        self.faults += [f"kinds: {kind} is there twice" for kind in sorted({kind for kind in names if names.count(kind) > 1})]
        people = [plan.kind for plan in kinds if plan.role is Role.PERSON]
        if len(people) != 1:
            self.faults.append(f"kinds: one kind must have the role person, not {len(people)}")
        needs_parent = (Role.DEAL, Role.HAPPENING, Role.FILE)
        for plan in kinds:
            if plan.parent is not None and plan.parent not in names:
                self.faults.append(f"kinds ({plan.kind}).parent: there is no kind {plan.parent!r}{near(plan.parent, names)}")
            elif plan.parent is None and plan.role in needs_parent:
                self.faults.append(f"kinds ({plan.kind}).parent: missing")
        self.faults += [fault for plan in kinds if plan.yields_to or plan.yields_by for fault in _yield_faults(plan, kinds)]
        mapped = {one.source for one in objects}
        self.faults += [f"objects: {kind!r} is no kind of this pair{near(kind, names)}" for kind in sorted(mapped - set(names))]
        self.faults += [f"kinds ({kind}): no object says what it becomes" for kind in names if kind not in mapped]
        self.faults += [f"purposes: {one.kind!r} is no kind with a parent" for one in purposes if not _has_parent(kinds, one.kind)]

    def _keys(self, data: Mapping[str, Any], path: str, known: Collection[str]) -> None:
        self.faults += [f"{path}.{name}: unknown key{near(name, known)}" for name in data if name not in known]

    def _text(self, data: Mapping[str, Any], name: str, path: str) -> str:
        value = data.get(name)
        if isinstance(value, str) and value.strip():
            return value
        self.faults.append(f"{path}{name}: expected a text")
        return ""


def _yield_faults(plan: KindPlan, kinds: tuple[KindPlan, ...]) -> list[str]:
    """Look at a deal that is one only until a record of another kind is: that kind must come later and hang on the same parent."""
    path = f"kinds ({plan.kind}).yields_to"
    other = next((each for each in kinds if each.kind == plan.yields_to), None)
    if other is None or plan.role is not Role.DEAL or other.role is not Role.DEAL or other.parent != plan.parent:
        return [f"{path}: {plan.yields_to!r} and {plan.kind!r} must be deals with the same parent"]
    if kinds.index(other) <= kinds.index(plan):
        return [f"{path}: {plan.yields_to!r} must come after {plan.kind!r}"]
    return [] if plan.yields_by else [f"kinds ({plan.kind}).yields_by: missing: the field of {plan.yields_to!r} that names the {plan.kind}"]


def _unknown_fields(pair: Pair) -> list[str]:
    known = {f"{one.source}.{row.source}" for one in pair.objects for row in one.rows}
    named = [(check.name, name) for check in pair.checks for name in check.fields]
    return [f"checks ({check}): no row of {name!r}{near(name, known)}" for check, name in named if name not in known]


def _has_parent(kinds: tuple[KindPlan, ...], kind: str) -> bool:
    return any(plan.kind == kind and plan.parent is not None for plan in kinds)
