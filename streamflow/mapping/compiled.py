"""A confirmed map compiled for a run: record in, drafts out. Compiled once; pure; no state between records."""

from __future__ import annotations

from streamflow.errors import InvariantBroken
from streamflow.mapping.companies import Companies
from streamflow.mapping.derived import Context, Derived
from streamflow.mapping.document import MapDocument
from streamflow.mapping.document_json import validate
from streamflow.mapping.identity import Person
from streamflow.mapping.leads import LeadMapper
from streamflow.mapping.marker import FIELD, field_marker
from streamflow.mapping.template import Template, load_template
from streamflow.mapping.text import plain, squeeze
from streamflow.mapping.timeline import TimelineMapper
from streamflow.model import Draft, Fields, Kind, Record

_TIMELINE = ("note", "call", "email", "reminder", "attachment")


class Mapper:
    """Derives destination drafts from source records by a map."""

    def __init__(self, document: MapDocument, template: Template, context: Context) -> None:
        self._prefix = template.prefix
        companies = document.of("company")
        self._companies = {row.transform: row.target for row in companies.rows if row.target} if companies is not None else {}
        company_of = context.company_of or Companies(document.companies).cluster_of
        self._leads = LeadMapper(document, template, context, company_of)
        self._timeline = {
            kind: TimelineMapper(one, document, template.prefix, context) for kind in _TIMELINE if (one := document.of(kind)) is not None
        }
        self._references = {one.source for one in document.objects if one.source not in ("lead", "company", *_TIMELINE)}

    def drafts(self, record: Record) -> Derived:
        """
        Give the destination records that a source record asks for, main record first.

        Kinds: lead, company (from `Cluster.record`), note, call, email, reminder, attachment; reference kinds are filtered with a reason.
        Raises InvariantBroken for a kind the map does not know.
        """
        if record.kind == "lead":
            return self._leads.derive(record)
        if (timeline := self._timeline.get(record.kind)) is not None:
            return timeline.derive(record)
        if record.kind == "company":
            return Derived(drafts=(self._account(record),))
        if record.kind in self._references:
            return Derived(filtered="looked up, not written")
        raise InvariantBroken(f"the map has no object for records of kind {record.kind!r}", hint="confirm a map that covers this kind")

    def expected(self, draft: Draft) -> Fields:
        """Give the values that reading back must show; the destination compares them."""
        return draft.fields

    def person(self, record: Record) -> Person:
        """Give what identifies the person behind a lead."""
        return self._leads.person(record)

    def company_text(self, record: Record) -> tuple[str, str]:
        """Give (company text, name of the person) of a lead, as `Companies.add` takes them."""
        return self._leads.company_text(record)

    def is_unqualified(self, record: Record) -> bool:
        """Say whether the map's rule calls a lead unqualified."""
        return self._leads.is_unqualified(record)

    def merged_notes(self, record: Record) -> tuple[Draft, ...]:
        """Give the notes that hold all values of a lead that joins another one's person; nearly always one, part "merged"."""
        return self._leads.merged_notes(record)

    def addresses(self, record: Record) -> tuple[str, ...]:
        """Give the addresses that `Context.lead_by_email` will be asked for a happening without a lead id."""
        timeline = self._timeline.get(record.kind)
        return timeline.addresses(record) if timeline is not None else ()

    def _account(self, record: Record) -> Draft:
        marker = field_marker(self._prefix, "company", record.key)
        fields: Fields = {"name": squeeze(plain(str(record.data["name"]))), FIELD: marker}
        if (target := self._companies.get("joined")) is not None:
            fields[target] = "\n".join(plain(str(text)) for text in record.data.get("spellings", ()))
        return Draft(kind="accounts", fields=fields, marker=marker)


def compile_map(document: MapDocument, context: Context, template: Template | None = None) -> Mapper:
    """Compile a map; raises InvariantBroken when it has faults that reading it should have shown."""
    faults = validate(document)
    if faults:
        raise InvariantBroken(f"the map has {len(faults)} faults, the first: {faults[0]}", hint="confirm a valid map")
    return Mapper(document, template or load_template(document.pair), context)


def kinds_written(document: MapDocument) -> tuple[Kind, ...]:
    """Give the source kinds that become records, parents first, as the document orders them."""
    return tuple(dict.fromkeys(one.source for one in document.objects if one.source in ("company", "lead", *_TIMELINE)))
