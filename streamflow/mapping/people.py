"""What a person's record becomes: a person, an open lead beside it when the rule says so, and a note when it joins one who is there."""

from __future__ import annotations

from streamflow.mapping.block import block
from streamflow.mapping.dates import read_moment
from streamflow.mapping.deals import LeadBeside
from streamflow.mapping.derived import NO_KIN, Derived, Kin
from streamflow.mapping.emails import normal
from streamflow.mapping.gathered import Gathered
from streamflow.mapping.gathering import WHO, Gatherer
from streamflow.mapping.identity import Person
from streamflow.mapping.linking import Linker
from streamflow.mapping.listing import Listing
from streamflow.mapping.marker import FIELD, field_marker
from streamflow.mapping.names import PersonName, compose
from streamflow.mapping.notes import Text, note_drafts
from streamflow.mapping.rollups import needed_kinds
from streamflow.mapping.settings import makes_open_leads
from streamflow.mapping.steps import Tools
from streamflow.mapping.text import defuse
from streamflow.mapping.unqualified import Unqualified
from streamflow.model import Draft, Fields, Key, Kind, Record, Ref


class PersonMapper:
    """The compiled map of people. Stateless between records."""

    def __init__(self, tools: Tools, linker: Linker, beside: LeadBeside | None) -> None:
        one, pair = tools.one, tools.pair
        self._plan = pair.of(one.source)
        self._prefix, self._title = pair.prefix, pair.title
        self._zone = tools.zone
        self._note_max_chars = tools.context.note_max_chars
        self._linker = linker
        self._gatherer = Gatherer(tools)
        self._who = Gatherer(tools, only=WHO)  # asked of every record several times over
        self._beside = beside if makes_open_leads(tools.settings) else None
        self._unqualified = Unqualified(one, pair, tools.settings)
        self._needs = needed_kinds(one, pair)
        self._listing = Listing(self._gatherer, one, pair)
        self._created_field = pair.source_of(one.source, "local_day", one.destination)
        self._name_field = pair.source_of(one.source, "person_name", one.destination) or "name"

    def needs(self) -> tuple[Kind, ...]:
        """Give the kinds of children that rules look at."""
        return self._needs

    def derive(self, record: Record, kin: Kin = NO_KIN) -> Derived:
        """Give the person's draft (always) and the open lead's (part "lead") when the record is unqualified and such become leads."""
        found = self._gatherer.gather(record, kin)
        name = self._name(found)
        company = self._linker.company(found, _own(name))
        if name.made_of != "name":
            noun = self._plan.noun
            found.complain("no_name", self._name_field, f"the {noun} has no name; give it one in the source or in the destination", "")
        self._linker.tell_company(found, _own(name), company)
        drafts: list[Draft] = []
        if self._beside is not None and self._unqualified.holds(found, has_company=company is not None):
            drafts.append(self._beside.draft(found, name.full, _own(name)))
        return Derived(drafts=(self._draft(found, name, company), *drafts), issues=tuple(found.issues))

    def person(self, record: Record) -> Person:
        """Give what identifies the person behind a record, for `identity.decide` and for look-ups (addresses in normal form)."""
        found = self._who.gather(record)
        return Person(
            name=_own(self._name(found)),
            emails=tuple(normal(text) for text in found.addresses.valid),
            phones=tuple(phone.value for phone in found.phones.valid),
        )

    def company_text(self, record: Record) -> tuple[str, str]:
        """Give the company text of a record and the name of its person, which may be the same."""
        found = self._who.gather(record)
        return found.company, _own(self._name(found))

    def is_unqualified(self, record: Record) -> bool:
        """Say whether the rule of the map calls a record unqualified, whatever such ones become (LT-09 counts them)."""
        found = self._gatherer.gather(record)
        return self._unqualified.holds(found, has_company=self._linker.company(found, _own(self._name(found))) is not None)

    def merged_notes(self, record: Record) -> tuple[Draft, ...]:
        """
        Give the notes (nearly always one, part "merged") that hold every moved value of a record which joins another one's person.

        Their parent is the record itself: in the crosswalk that is the shared person.
        """
        noun = self._plan.noun
        lines = [(noun.capitalize(), record.key), *self._listing.lines(record)]
        found = self._gatherer.gather(record)
        moment = read_moment(str(record.data.get(self._created_field) or ""), self._zone)
        when = moment.header() if moment else "time unknown"
        text = Text(
            prefix=self._prefix,
            kind=record.kind,
            key=record.key,
            header=f"[{when}] Another {noun} of the same person in {self._title}",
            body=block(lines),
            part="merged",
            author=found.owner or None,
        )
        return tuple(note_drafts(text, Ref(record.kind, record.key), self._note_max_chars))

    def _draft(self, found: Gathered, name: PersonName, company: Key | None) -> Draft:
        record = found.record
        marker = field_marker(self._prefix, record.kind, record.key)
        whole: Fields = {"name": defuse(name.full), FIELD: marker, **found.fields}
        self._linker.link(whole, found, company)
        if found.lines:
            whole["description"] = defuse(f"[{self._title} {self._plan.noun} {record.key}]\n{block(sorted(found.lines))}")
        return Draft(kind="contacts", fields=whole, author=found.owner or None, marker=marker)

    def _name(self, found: Gathered) -> PersonName:
        first = found.addresses.valid[0] if found.addresses.valid else ""
        return compose(found.name, found.surname, email=first, key=found.record.key, noun=self._plan.noun)


def _own(name: PersonName) -> str:
    return name.full if name.made_of == "name" else ""
