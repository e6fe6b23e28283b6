"""What becomes a lead of the destination: beside a person whom the rule calls unqualified, or of a deal's own record."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from streamflow.mapping.block import block
from streamflow.mapping.catalogue import DETAILS
from streamflow.mapping.derived import NO_KIN, Context, Derived, Kin
from streamflow.mapping.gathered import Gathered
from streamflow.mapping.gathering import Gatherer
from streamflow.mapping.linking import Linker
from streamflow.mapping.marker import FIELD, field_marker
from streamflow.mapping.notes import Text, note_drafts
from streamflow.mapping.pair import Pair
from streamflow.mapping.pipelines import Pipelines
from streamflow.mapping.rollups import needed_kinds
from streamflow.mapping.split import units
from streamflow.mapping.steps import Tools
from streamflow.mapping.text import defuse
from streamflow.mapping.yielding import Yielding
from streamflow.model import Draft, Fields, Kind, Record, Ref

BESIDE: Final = "lead"
"""Part of the lead beside a person."""


class LeadBeside:
    """The open lead beside a person, made of the same record."""

    def __init__(self, tools: Tools, linker: Linker) -> None:
        self._pair = tools.pair
        self._kind = tools.one.source
        self._linker = linker
        self._gatherer = Gatherer(tools, is_partial=True)
        self._pipelines = Pipelines(tools.settings, tools.context)

    def draft(self, person: Gathered, name: str, own_name: str) -> Draft:
        """Give the lead; what of its rows does not fit becomes a line and an issue of the person, unless it is one already."""
        record = person.record
        found = self._gatherer.gather(record, person.kin)
        marker = field_marker(self._pair.prefix, self._kind, record.key, BESIDE)
        whole: Fields = {
            "description": defuse(name),
            FIELD: marker,
            **found.fields,
            "link:contacts": [Ref(self._kind, record.key)],
        }
        self._linker.link(whole, found, self._linker.company(found, own_name))
        self._linker.link_source(whole, found)
        self._pipelines.fill(whole, found)
        person.lines += [line for line in found.lines if line not in person.lines]
        person.issues += [issue for issue in found.issues if issue not in person.issues]
        return Draft(kind="leads", part=BESIDE, fields=whole, author=found.owner or None, marker=marker)


class DealMapper:
    """The compiled map of a kind whose records are deals. Stateless between records."""

    def __init__(self, tools: Tools, linker: Linker) -> None:
        self._pair: Pair = tools.pair
        self._context: Context = tools.context
        self._plan = tools.pair.of(tools.one.source)
        self._linker = linker
        self._gatherer = Gatherer(tools)
        self._pipelines = Pipelines(tools.settings, tools.context)
        self._needs = needed_kinds(tools.one, tools.pair)
        self._yielding = Yielding(tools, self._gatherer) if self._plan.yields_to else None
        self._parent_field = tools.pair.source_of(tools.one.source, "parent") or "parent"

    def needs(self) -> tuple[Kind, ...]:
        """Give the kinds of children that rules look at."""
        return self._needs

    def derive(self, record: Record, kin: Kin = NO_KIN) -> Derived:
        """
        Give the deal with what of the record has no field of its own on it: in one long field, or in a note beside it.

        A deal's description is its name. The note, part "details", is for accounts without such a field, and for what is longer than it
        keeps. A record that yields to others and is no deal now has the note alone, on the person.
        """
        found = self._gatherer.gather(record, kin)
        parent = found.parent or record.parent
        if not parent or self._plan.parent is None:
            noun = self._pair.person.noun
            found.complain("unknown_parent", self._parent_field, f"name the {noun} it belongs to", "", is_blocking=True)
            return Derived(issues=tuple(found.issues))
        if self._yielding is not None and not self._yielding.is_deal(found):
            return self._yielding.told(found, Ref(self._plan.parent, parent))
        deal = self._deal(found, Ref(self._plan.parent, parent))
        if not found.lines:
            return Derived(drafts=(deal,), issues=tuple(found.issues))
        details, name = defuse(block(sorted(found.lines))), f"custom:{self._context.details_field}"
        if self._fits(details) and name not in deal.fields:
            deal = replace(deal, fields={**deal.fields, name: details})
            return Derived(drafts=(deal,), issues=tuple(found.issues), instead={DETAILS: name})
        return Derived(drafts=(deal, *self._notes(found, details)), issues=tuple(found.issues))

    def _fits(self, details: str) -> bool:
        return bool(self._context.details_field) and units(details) <= self._context.details_max_chars

    def _deal(self, found: Gathered, person: Ref) -> Draft:
        record = found.record
        marker = field_marker(self._pair.prefix, record.kind, record.key)
        title = " – ".join(dict.fromkeys(text for _, text in sorted(found.titles) if text))
        name = title or f"{self._pair.title} {self._plan.noun} {record.key}"
        whole: Fields = {"description": defuse(name), FIELD: marker, **found.fields, "link:contacts": [person]}
        company = self._linker.company(found, "")
        self._linker.tell_company(found, "", company)
        self._linker.link(whole, found, company)
        self._linker.link_source(whole, found)
        self._pipelines.fill(whole, found)
        return Draft(kind="leads", fields=whole, author=found.owner or None, marker=marker)

    def _notes(self, found: Gathered, details: str) -> list[Draft]:
        record = found.record
        text = Text(
            prefix=self._pair.prefix,
            kind=record.kind,
            key=record.key,
            header=f"[{self._pair.title} {self._plan.noun} {record.key}]",
            body=details,
            part=DETAILS,
            author=found.owner or None,
        )
        return note_drafts(text, Ref(record.kind, record.key), self._context.note_max_chars)
