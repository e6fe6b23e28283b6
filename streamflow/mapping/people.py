"""What a lead becomes: a person, an open lead beside it when the rule says so, and a note when it joins a person who is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from streamflow.mapping.block import block
from streamflow.mapping.companies import why_none
from streamflow.mapping.dates import read_moment, zone_of
from streamflow.mapping.derived import CompanyOf, Context, Derived, Issue
from streamflow.mapping.document import MapDocument, ObjectMap
from streamflow.mapping.emails import normal
from streamflow.mapping.identity import Person
from streamflow.mapping.lead_fields import Gathered, LeadFields
from streamflow.mapping.marker import FIELD, field_marker
from streamflow.mapping.names import PersonName, compose
from streamflow.mapping.notes import Text, note_drafts
from streamflow.mapping.settings import has_intent, read_rule, settings_of
from streamflow.mapping.template import Template
from streamflow.mapping.text import defuse, plain
from streamflow.mapping.values import is_empty
from streamflow.model import Draft, Fields, Record, Ref

SHARED_LABEL = "shared"


class LeadMapper:
    """The compiled map of leads. Stateless between records."""

    def __init__(self, document: MapDocument, template: Template, context: Context, company_of: CompanyOf) -> None:
        settings = settings_of(document.settings)
        self._prefix = template.prefix
        self._title = document.pair.partition("-")[0].capitalize()
        self._context = context
        self._company_of = company_of
        self._zone = zone_of(settings["zone"])
        self._makes_leads = settings["unqualified"] == "lead"
        self._rule = read_rule(settings["rule"])
        self._intent_fields = tuple(settings["intent_fields"])
        self._pipeline, self._pipeline_issue = _pipeline(settings, context)

        def compiled(destination: str) -> LeadFields:
            one = document.of("lead", destination) or ObjectMap(source="lead", destination=destination, cardinality="n:1")
            return LeadFields(one, settings=settings, context=context, is_tracking=lambda label: bool(template.why_not_moved(label)))

        self._person = compiled("contacts")
        self._deal = compiled("leads")

    def derive(self, record: Record) -> Derived:
        """Give the person's draft (always) and the open lead's (part "lead") when the record is unqualified and such become leads."""
        found = self._person.gather(record)
        name = self._name(found)
        drafts = [self._person_draft(found, name)]
        if self._makes_leads and self._rule.holds(self._facts(found, name)):
            drafts.append(self._deal_draft(record, name))
            if self._pipeline_issue is not None:
                found.issues.append(self._pipeline_issue)
        return Derived(drafts=tuple(drafts), issues=tuple(found.issues))

    def person(self, record: Record) -> Person:
        """Give what identifies the person behind a lead, for `identity.decide` and for look-ups (addresses in normal form)."""
        found = self._person.gather(record)
        name = self._name(found)
        return Person(
            name=name.full if name.made_of == "name" else "",
            emails=tuple(normal(text) for text in found.addresses.valid),
            phones=tuple(phone.value for phone in found.phones.valid),
        )

    def company_text(self, record: Record) -> tuple[str, str]:
        """Give the company text of a lead and the name of its person, which may be the same."""
        found = self._person.gather(record)
        return found.company, self._own_name(self._name(found))

    def is_unqualified(self, record: Record) -> bool:
        """Say whether the rule of the map calls a lead unqualified, whatever such leads become (LT-09 counts them)."""
        found = self._person.gather(record)
        return self._rule.holds(self._facts(found, self._name(found)))

    def merged_notes(self, record: Record) -> tuple[Draft, ...]:
        """
        Give the notes (nearly always one, part "merged") that hold every moved value of a lead which joins another one's person.

        Their parent is the lead itself: in the crosswalk that is the shared person.
        """
        lines = [("Lead", record.key)]
        for source, value in sorted(_values(record), key=lambda item: (self._person.place.get(item[0], len(self._person.place)), item[0])):
            if source not in self._person.not_moved and source != "leadid" and not is_empty(value):
                lines.append((_label(source), plain(str(value)).strip()))
        found = self._person.gather(record)
        moment = read_moment(str(record.data.get("created") or ""), self._zone)
        when = moment.header() if moment else "time unknown"
        header = f"[{when}] Another lead of the same person in {self._title}"
        text = Text(
            prefix=self._prefix, kind="lead", key=record.key, header=header, body=block(lines), part="merged", author=found.owner or None
        )
        return tuple(note_drafts(text, Ref("lead", record.key), self._context.note_max_chars))

    def _person_draft(self, found: Gathered, name: PersonName) -> Draft:
        record, fields = found.record, found.fields
        marker = field_marker(self._prefix, "lead", record.key)
        whole: Fields = {"name": defuse(name.full), FIELD: marker}
        if name.made_of != "name":
            found.complain("no_name", "name", "the lead has no name; give it one in the source or in the destination", "")
        whole.update(fields)
        self._link(whole, found, self._company(found, name, is_telling=True))
        if found.lines:
            whole["description"] = defuse(f"[{self._title} lead {record.key}]\n{block(sorted(found.lines))}")
        return Draft(kind="contacts", fields=whole, author=found.owner or None, marker=marker)

    def _deal_draft(self, record: Record, name: PersonName) -> Draft:
        found = self._deal.gather(record)
        marker = field_marker(self._prefix, "lead", record.key, "lead")
        whole: Fields = {"description": defuse(name.full), FIELD: marker, **found.fields, "link:contacts": [Ref("lead", record.key)]}
        self._link(whole, found, self._company(found, name, is_telling=False))
        if found.source:
            whole["link:sources"] = [Ref("source", found.source)]
        whole.update(self._pipeline)
        return Draft(kind="leads", part="lead", fields=whole, author=found.owner or None, marker=marker)

    def _link(self, whole: Fields, found: Gathered, company: str | None) -> None:
        if found.owner:
            whole["link:owner"] = Ref("user", found.owner)
        if company:
            whole["link:accounts"] = [Ref("company", company)]

    def _company(self, found: Gathered, name: PersonName, *, is_telling: bool) -> str | None:
        """Find the cluster; a text that is no company's but says something stays as a labelled line."""
        if not found.company:
            return None
        own_name = self._own_name(name)
        key = self._company_of(found.company, own_name)
        if key is None and is_telling:
            found.lines.append(("Company as written", found.company))
            found.complain(
                "no_company",
                "company",
                f"{why_none(found.company, own_name) or 'no company'}: kept as text, no company made",
                found.company,
            )
        return key

    def _facts(self, found: Gathered, name: PersonName) -> dict[str, Any]:
        return {
            "company": self._company(found, name, is_telling=False) is not None,
            "intent": has_intent(found.record.data.get("custom") or {}, self._intent_fields),
            "email": bool(found.addresses.valid),
            "phone": bool(found.phones.valid),
            "status": found.fields.get("custom:Lead Status") or str(found.record.data.get("status") or ""),
        }

    def _name(self, found: Gathered) -> PersonName:
        first = found.addresses.valid[0] if found.addresses.valid else ""
        return compose(found.name, found.surname, email=first, key=found.record.key)

    @staticmethod
    def _own_name(name: PersonName) -> str:
        return name.full if name.made_of == "name" else ""


def with_shared(draft: Draft, shared: tuple[str, ...]) -> Draft:
    """Give a person's draft in which addresses another person has stay, but not as primary ones, labelled "shared" (design 10.1)."""
    taken = {normal(text) for text in shared}
    emails = draft.fields.get("emails", [])
    kept = [item for item in emails if normal(item["value"]) not in taken]
    lent = [{**item, "name": SHARED_LABEL, "isPrimary": False} for item in emails if normal(item["value"]) in taken]
    own = [{**item, "isPrimary": place == 0} for place, item in enumerate(kept)]
    return replace(draft, fields={**draft.fields, "emails": own + lent}) if lent else draft


def _label(source: str) -> str:
    """Show a source field to people: "owner_email" as "Owner email"; labels of custom fields stay as they are."""
    return source[7:] if source.startswith("custom:") else source.replace("_", " ").capitalize()


def _values(record: Record) -> list[tuple[str, Any]]:
    values = [(name, value) for name, value in record.data.items() if name != "custom" and not name.startswith("_")]
    return values + [(f"custom:{label}", value) for label, value in (record.data.get("custom") or {}).items()]


def _pipeline(settings: dict[str, Any], context: Context) -> tuple[Fields, Issue | None]:
    """Find the ids of the pipeline and stage that the settings name; a full id stands for itself."""
    fields: Fields = {}
    name, stage = settings["stageset"].strip(), settings["stage"].strip()
    if name:
        stageset = name if name.endswith("-stagesets") else context.stagesets.get(name.lower())
        if stageset is None:
            return {}, Issue(
                cause="unknown_pipeline",
                field="settings.stageset",
                suggestion=f"the destination has no pipeline {name!r}; its default is used",
            )
        fields["stageset"] = stageset
    if stage:
        found = stage if stage.endswith("-stages") else _stage(stage, fields.get("stageset"), context)
        if found is None:
            return fields, Issue(
                cause="unknown_stage", field="settings.stage", suggestion=f"the pipeline has no stage {stage!r}; its first one is used"
            )
        fields["stage"] = found
    return fields, None


def _stage(name: str, stageset: str | None, context: Context) -> str | None:
    by_key = {key.lower(): stage for key, stage in context.stages.items()}
    if stageset is not None:
        return by_key.get(f"{stageset}/{name}".lower())
    fitting = {stage for key, stage in by_key.items() if key.partition("/")[2] == name.lower()}
    return next(iter(fitting)) if len(fitting) == 1 else None
