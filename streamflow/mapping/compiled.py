"""A confirmed map compiled for a run: record in, drafts out. Compiled once; pure; no state between records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from streamflow.errors import InvariantBroken
from streamflow.mapping.accounts import AccountMapper
from streamflow.mapping.changes import Policy
from streamflow.mapping.combining import combine, combining_of
from streamflow.mapping.companies import Companies
from streamflow.mapping.dates import zone_of
from streamflow.mapping.deals import DealMapper, LeadBeside
from streamflow.mapping.derived import NO_KIN, Context, Derived, Kin
from streamflow.mapping.disputes import disputes_of
from streamflow.mapping.document import MapDocument, ObjectMap, Row
from streamflow.mapping.document_json import validate
from streamflow.mapping.emails import normal, read_addresses
from streamflow.mapping.happening import HappeningMapper
from streamflow.mapping.identity import Person
from streamflow.mapping.linking import Linker
from streamflow.mapping.pair import KindPlan, Pair, Role
from streamflow.mapping.people import PersonMapper
from streamflow.mapping.settings import settings_of, ways_of
from streamflow.mapping.steps import Tools
from streamflow.model import Draft, Fields, Kind, Record, Ref


class KindMapper(Protocol):
    """The compiled map of one source kind."""

    def derive(self, record: Record, kin: Kin) -> Derived:
        """Give the drafts of a record."""

    def needs(self) -> tuple[Kind, ...]:
        """Give the kinds of kin it wants to see; nearly always none."""


class Mapper:
    """Derives destination drafts from source records by a map."""

    def __init__(self, document: MapDocument, pair: Pair, context: Context) -> None:
        self._document = document
        self._pair = pair
        self._context = context
        self._settings = settings_of(document.settings, pair)
        self._zone = zone_of(self._settings["zone"])
        self._company_of = context.company_of or Companies(document.companies).cluster_of
        self._references = frozenset(pair.in_role(Role.REFERENCE))
        self._people = self._person_mapper()
        self._mappers: dict[Kind, KindMapper] = {pair.person.kind: self._people}
        self._happenings: dict[Kind, HappeningMapper] = {}
        for plan in pair.kinds:
            self._add(plan)
        self._combining = combining_of(self._one(pair.person.kind, "contacts"))
        self._disputes = disputes_of(document)

    @property
    def pair(self) -> Pair:
        """The pair whose map this is."""
        return self._pair

    def drafts(self, record: Record, kin: Kin = NO_KIN) -> Derived:
        """
        Give the destination records that a source record asks for, main record first; reference kinds are filtered with a reason.

        *kin* holds the children that `kin` asks for. Raises InvariantBroken for a kind the map does not know.
        """
        if (mapper := self._mappers.get(record.kind)) is not None:
            return mapper.derive(record, kin)
        if record.kind in self._references:
            return Derived(filtered="looked up, not written")
        raise InvariantBroken(f"the map has no object for records of kind {record.kind!r}", hint="confirm a map that covers this kind")

    def kin(self, kind: Kind) -> tuple[Kind, ...]:
        """Give the kinds of children that rules of a kind look at: a child that is new, changed or gone derives its parent anew."""
        mapper = self._mappers.get(kind)
        return mapper.needs() if mapper is not None else ()

    def yields(self, kind: Kind) -> tuple[Kind, str] | None:
        """Give the kind whose records are the deal in the place of one of *kind*, and the field by which they name it."""
        plan = self._pair.of(kind) if self._pair.knows(kind) else None
        return (plan.yields_to, plan.yields_by) if plan is not None and plan.yields_to else None

    def person(self, record: Record) -> Person:
        """Give what identifies the person behind a record of the person kind."""
        return self._people.person(record)

    def company_text(self, record: Record) -> tuple[str, str]:
        """Give (company text, name of the person) of a person's record, as `Companies.add` takes them."""
        return self._people.company_text(record)

    def is_unqualified(self, record: Record) -> bool:
        """Say whether the map's rule calls a person's record unqualified."""
        return self._people.is_unqualified(record)

    def merged_notes(self, record: Record) -> tuple[Draft, ...]:
        """Give the notes that hold all values of a record that joins another one's person; nearly always one, part "merged"."""
        return self._people.merged_notes(record)

    def combine(self, members: Sequence[Fields]) -> Fields:
        """Join what several records want of one person, the head's fields first, by the map's policies (`params.combine`)."""
        return combine(members, self._combining)

    def disputes(self, kind: Kind, dest_kind: Kind) -> Mapping[str, Policy]:
        """Give the fields for which the map says what becomes of them once both sides have changed them."""
        return self._disputes.get((kind, dest_kind), {})

    def addresses(self, record: Record) -> tuple[str, ...]:
        """Give the addresses that `Context.person_by_email` will be asked for a happening that names no parent."""
        happening = self._happenings.get(record.kind)
        return happening.addresses(record) if happening is not None else ()

    def parent_addresses(self, record: Record) -> tuple[str, ...]:
        """Give the addresses (in normal form) that a record says its parent has, also one that names a parent nobody knows."""
        cells = [str(record.data.get(field) or "") for field in self._pair.of(record.kind).address]
        return tuple(dict.fromkeys(normal(text) for cell in cells for text in read_addresses(cell).valid))

    def rehomed(self, record: Record, home: Ref) -> Record:
        """Give the record as if it named *home* as its parent, and nothing else."""
        data = dict(record.data)
        plan = self._pair.of(record.kind)
        is_put = False
        for row in self._parent_rows(record.kind):
            is_home = not is_put and str(row.params.get("kind") or plan.parent) == home.kind
            data[row.source] = home.key if is_home else ""
            is_put = is_put or is_home
        return replace(record, parent=home.key, data=data)

    # --- compiling

    def _one(self, kind: Kind, destination: Kind) -> ObjectMap:
        found = self._document.of(kind, destination)
        return found or ObjectMap(source=kind, destination=destination, cardinality="n:1")

    def _tools(self, one: ObjectMap) -> Tools:
        return Tools(
            pair=self._pair, one=one, settings=self._settings, zone=self._zone, ways=ways_of(self._settings), context=self._context
        )

    def _linker(self, kind: Kind) -> Linker:
        return Linker(self._pair, kind, self._company_of)

    def _person_mapper(self) -> PersonMapper:
        kind = self._pair.person.kind
        has_beside = self._document.of(kind, "leads") or self._pair.object(kind, "leads")
        beside = LeadBeside(self._tools(self._one(kind, "leads")), self._linker(kind)) if has_beside else None
        return PersonMapper(self._tools(self._one(kind, "contacts")), self._linker(kind), beside)

    def _add(self, plan: KindPlan) -> None:
        one = self._document.of(plan.kind)
        if plan.role is Role.COMPANY:
            self._mappers[plan.kind] = AccountMapper(one, self._pair.prefix)
        elif one is None:
            return
        elif plan.role is Role.DEAL:
            self._mappers[plan.kind] = DealMapper(self._tools(one), self._linker(plan.kind))
        elif plan.role in (Role.HAPPENING, Role.FILE):
            self._mappers[plan.kind] = self._happenings[plan.kind] = HappeningMapper(self._tools(one))

    def _parent_rows(self, kind: Kind) -> list[Row]:
        """Give the rows that name parents, the shipped ones where the map has none."""
        for one in (self._document.of(kind), self._pair.object(kind)):
            if rows := [row for row in one.rows if row.transform == "parent"] if one is not None else []:
                return rows
        return []


def compile_map(document: MapDocument, pair: Pair, context: Context) -> Mapper:
    """Compile a map of a pair; raises InvariantBroken when it has faults that reading it should have shown."""
    faults = validate(document, pair)
    if faults:
        raise InvariantBroken(f"the map has {len(faults)} faults, the first: {faults[0]}", hint="confirm a valid map")
    return Mapper(document, pair, context)
