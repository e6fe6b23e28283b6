"""What is known of a pair before an account is looked at: its kinds and their roles, defaults, rows, labels. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from streamflow.errors import InvariantBroken
from streamflow.mapping.document import ObjectMap, Row
from streamflow.mapping.labels import label_key
from streamflow.mapping.values import is_empty
from streamflow.model import Kind


class Role(StrEnum):
    """What records of a kind are to the engine."""

    COMPANY = "company"
    PERSON = "person"
    DEAL = "deal"
    HAPPENING = "happening"
    FILE = "file"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPlan:
    """What one source kind is to the engine. The order in the pair is the order of delivery."""

    kind: Kind
    role: Role
    shape: str = ""  # of a happening: a name out of mapping/shapes
    parent: Kind | None = None  # deal: the person; happening, file: person or deal
    owner: tuple[str, ...] = ()  # fields that name owner or author for the owner gate, best first
    address: tuple[str, ...] = ()  # fields with the parent's e-mail address
    strata: tuple[str, ...] = ()  # what makes a record unlike others: "status|statusid" the first filled one, "email?" whether there is any
    label: str = ""  # of a reference: the field with its name
    names: str = ""  # of a reference: what it names: "user" | "source" | "status" | "group" | "code"
    derived: str = ""  # made from other records ("companies"), not read
    noun: str = ""  # for people: "lead"
    yields_to: Kind = ""  # of a deal: the kind whose record, once it names this one, is the deal in its place
    yields_by: str = ""  # the field of those records that names this one
    facts: Mapping[str, str] = field(default_factory=dict)  # what the engine asks of it -> its fields, best first: "owner|owner_email"
    checked: tuple[str, ...] = ()  # what the quality report counts as missing: a field, or several of which one is enough

    def fields(self, fact: str) -> tuple[str, ...]:
        """Give the fields that say a fact (one of FACTS), best first; the field of that name where the pair says nothing."""
        return tuple(self.facts.get(fact, fact).split("|"))

    def told(self, data: Mapping[str, Any], fact: str) -> Any:
        """Give what a record says of a fact: the first of its fields that is filled, or None."""
        return next((value for name in self.fields(fact) if (value := data.get(name)) not in (None, "", [])), None)

    def missing(self, data: Mapping[str, Any]) -> list[str]:
        """Give those of *checked* of which a record has nothing."""
        return [names for names in self.checked if all(is_empty(data.get(name)) for name in names.split("|"))]


FACTS = frozenset({
    "name", "email", "phone", "company", "owner", "status", "source", "created",    # of people and users
    "role", "active", "members", "permission",    # of users and groups
    "when", "due", "text", "repeat", "assignee",    # of what hangs on people
})  # fmt: skip
REPORTS = ("companies", "invitations", "groups", "notifications", "automations", "quality", "repeats", "unmatched")
"""The reports that are written unless a pair says otherwise, since not every source has what they tell of."""
MORE_REPORTS = ("deal-values", "lead-sources", "appointment-history", "quality-score")
"""The reports that are written only where a pair names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankRule:
    """A line of the automation inventory that is to be filled in: what sources of this kind commonly have."""

    type: str
    trigger: str
    rebuild_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCheck:
    """Something that the sample shows under a name of its own: the verdicts of the fields that these source fields fill."""

    name: str
    fields: tuple[str, ...]  # "kind.field", as rows of the map name them


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
class Purpose:
    """Custom fields of a kind that tell something of the record it hangs on: their values go there by roll-up."""

    kind: Kind
    patterns: tuple[str, ...]  # shell patterns over the label in lower case
    pick: str  # which of several records speaks, as in the transform "rollup"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A source platform and a destination platform, and all that streamflow knows of moving one into the other."""

    name: str  # "porch-nutshell"
    source: str
    destination: str
    title: str  # of the source, as it stands in texts of customers
    prefix: str  # of markers: "lt"
    kinds: tuple[KindPlan, ...]
    defaults: Mapping[str, Any]  # of the map's settings
    objects: tuple[ObjectMap, ...]
    labels: tuple[KnownLabel, ...] = ()
    tracking: tuple[tuple[tuple[str, ...], str], ...] = ()  # (patterns, why it is not moved)
    purposes: tuple[Purpose, ...] = ()
    reports: tuple[str, ...] = REPORTS
    out_of_scope: tuple[str, ...] = ()  # what is not moved, and what is done instead
    hand_off: tuple[str, ...] = ()  # what people do before and during the run
    blank_rules: tuple[BlankRule, ...] = ()
    checks: tuple[NamedCheck, ...] = ()
    _by_kind: Mapping[Kind, KindPlan] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the kinds."""
        object.__setattr__(self, "_by_kind", {plan.kind: plan for plan in self.kinds})

    # --- kinds

    def knows(self, kind: Kind) -> bool:
        """Say whether the source has such records."""
        return kind in self._by_kind

    def of(self, kind: Kind) -> KindPlan:
        """Give the plan of a kind; raises InvariantBroken for one the pair has not."""
        if (plan := self._by_kind.get(kind)) is None:
            raise InvariantBroken(f"the pair {self.name} has no records of kind {kind!r}", hint="its kinds are listed in the pair's map")
        return plan

    @property
    def person(self) -> KindPlan:
        """The kind whose records are people."""
        return next(plan for plan in self.kinds if plan.role is Role.PERSON)

    @property
    def people(self) -> str:
        """What many of them are called: "leads"."""
        return f"{self.person.noun}s"

    @property
    def company(self) -> KindPlan | None:
        """The kind whose records are companies, if any."""
        return next((plan for plan in self.kinds if plan.role is Role.COMPANY), None)

    @property
    def order(self) -> tuple[Kind, ...]:
        """All kinds in order of delivery: references first, then as written."""
        return (*self.in_role(Role.REFERENCE), *self.written)

    @property
    def written(self) -> tuple[Kind, ...]:
        """The kinds that become records of the destination."""
        return tuple(plan.kind for plan in self.kinds if plan.role is not Role.REFERENCE)

    @property
    def blocking(self) -> frozenset[Kind]:
        """The kinds that others hang on: a reference to one must be resolved before its child is written."""
        return frozenset(self.in_role(Role.COMPANY, Role.PERSON, Role.DEAL))

    @property
    def owned(self) -> tuple[Kind, ...]:
        """The kinds whose records name an owner or author."""
        return tuple(plan.kind for plan in self.kinds if plan.owner)

    def in_role(self, *roles: Role) -> tuple[Kind, ...]:
        """Give the kinds of these roles, as ordered."""
        return tuple(plan.kind for plan in self.kinds if plan.role in roles)

    def hanging_on(self, kind: Kind) -> tuple[Kind, ...]:
        """Give the kinds whose records have a parent of this kind."""
        return tuple(plan.kind for plan in self.kinds if plan.parent == kind)

    def naming(self, what: str) -> KindPlan | None:
        """Give the kind whose records are users, sources, statuses, groups."""
        return next((plan for plan in self.kinds if plan.names == what), None)

    def plan_naming(self, what: str) -> KindPlan:
        """Give the plan of that kind; an empty one where the source has no such records."""
        return self.naming(what) or KindPlan(kind=what, role=Role.REFERENCE, label="name")

    def kind_naming(self, what: str) -> Kind:
        """Give the name of that kind; *what* itself where the source has no such records."""
        return self.plan_naming(what).kind

    # --- rows and labels

    def object(self, source: Kind, destination: Kind | None = None) -> ObjectMap | None:
        """Give the shipped object map of a source kind (into one destination kind); without a destination its main one."""
        return next((one for one in self.objects if one.source == source and destination in (None, one.destination)), None)

    def source_of(self, kind: Kind, transform: str, destination: Kind | None = None) -> str:
        """Give the source field of the first shipped row of a kind that uses a transform, or ""."""
        one = self.object(kind, destination)
        return next((row.source for row in one.rows if row.transform == transform), "") if one is not None else ""

    def meaning(self, one: ObjectMap, row: Row, name: str) -> str:
        """Give what a row means to its shape ("slot", "by"): its own word, else that of the shipped row; older maps do not say it."""
        if name in row.params:
            return str(row.params[name])
        shipped = self.object(one.source, one.destination)
        rows = shipped.rows if shipped is not None else ()
        return next((str(each.params[name]) for each in rows if each.source == row.source and name in each.params), "")

    def source_fields(self) -> tuple[tuple[Kind, str], ...]:
        """Give the (kind, field) places where records name their lead source in words."""
        rows = ((one, row) for one in self.objects for row in one.rows if row.transform == "native_source")
        return tuple((one.source, row.source) for one, row in rows if row.params.get("by") != "id")

    def known(self, label: str) -> KnownLabel | None:
        """Give what is known of a custom label."""
        key = label_key(label)
        return next((one for one in self.labels if key in one.names), None)

    def why_not_moved(self, label: str) -> str:
        """Give the reason a custom label stays behind by default, or ""."""
        low = label.strip().lower()
        return next((reason for patterns, reason in self.tracking if any(fnmatchcase(low, pattern) for pattern in patterns)), "")

    def purpose(self, kind: Kind, label: str) -> Purpose | None:
        """Give the reason why a custom field of a kind belongs to the record it hangs on, if there is one."""
        low = label.strip().lower()
        return next((one for one in self.purposes if one.kind == kind and any(fnmatchcase(low, text) for text in one.patterns)), None)
