"""What a map may say: the transforms, and the fields a destination record can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from streamflow.model import Kind

DESTINATION_FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "accounts": ("name", "description", "emails", "phones", "urls", "addresses", "link:owner", "link:tags"),
    "contacts": (
        "name",
        "firstName",
        "lastName",
        "jobTitle",
        "description",
        "emails",
        "phones",
        "addresses",
        "link:accounts",
        "link:owner",
        "link:tags",
    ),
    "leads": (
        "description",
        "manualValue",
        "dueTime",
        "link:contacts",
        "link:accounts",
        "link:owner",
        "link:sources",
        "link:tags",
        "stageset",
        "stage",
        "outcome",
    ),
    "notes": ("body", "link:parent"),
    "activities": (
        "name",
        "description",
        "activityType",
        "startTime",
        "endTime",
        "isLogged",
        "isAllDay",
        "isFlagged",
        "location",
        "link:participants",
    ),
    "tasks": ("title", "description", "dueTime", "link:relatedEntity", "link:assignee"),
}
"""Native fields per destination kind; accounts, contacts and leads have custom fields besides ("custom:<label>", nutshell.md 5)."""

DETAILS: Final = "details"
"""
Not one field of a lead but all its lines without a field: its description is its name, so blocks of text cannot go there.

They stand in a long custom field (`settings.details_field`), else in a note beside the lead. That note's part, too, also where the
note stands on the person because there is no lead.
"""
WITH_CUSTOM_FIELDS: Final = ("accounts", "contacts", "leads")
DOCUMENTS: Final = "documents"
"""Where kinds go that the destination has nothing like: into the reports, for people to read."""
REFERENCES: Final = ("users", "teams", "sources", DOCUMENTS)
"""Destination kinds that are looked up and not written by this map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """One thing a row can do."""

    name: str
    says: str  # for people
    targets: tuple[str, ...]  # patterns of "kind.field"
    needs: tuple[str, ...] = ()  # params that a row must give


def _all(*transforms: Transform) -> Mapping[str, Transform]:
    return {one.name: one for one in transforms}


_TEXTS: Final = ("notes.body", "activities.description", "tasks.description")
_CUSTOM: Final = ("accounts.custom:*", "contacts.custom:*", "leads.custom:*")

TRANSFORMS: Final = _all(
    Transform(name="none", says="not moved", targets=()),
    Transform(name="marker", says="source key as marker", targets=(*_CUSTOM, *_TEXTS)),
    Transform(name="text", says="as typed text of the row's family", targets=_CUSTOM),
    Transform(name="joined", says="list, one a line", targets=_CUSTOM),
    Transform(
        name="block",
        says="labelled line in the description, of a lead in its details",
        targets=("accounts.description", "contacts.description", f"leads.{DETAILS}"),
    ),
    Transform(name="as_is", says="as it is", targets=("accounts.name", "contacts.jobTitle")),
    Transform(name="person_name", says="name and surname composed, not doubled", targets=("contacts.name",)),
    Transform(name="surname", says="joins the name unless it is in it already", targets=("contacts.name",)),
    Transform(name="emails", says="all valid addresses, the first primary; the rest kept as text", targets=("contacts.emails",)),
    Transform(name="phones", says="E.164 by home region, raw when unparsable", targets=("contacts.phones",)),
    Transform(name="address", says="taken apart only when sure", targets=("contacts.addresses",)),
    Transform(name="company", says="company made of the text", targets=("contacts.link:accounts", "leads.link:accounts")),
    Transform(name="owner", says="user by id, else e-mail, else name", targets=("contacts.link:owner", "leads.link:owner")),
    Transform(name="owner_text", says="owner as text", targets=_CUSTOM),
    Transform(name="reference_text", says="label, else the label behind the id", targets=_CUSTOM),
    Transform(name="reference_id", says="id whose label stands in for a missing one", targets=_CUSTOM),
    Transform(name="local_day", says="the source's local day", targets=_CUSTOM),
    Transform(name="zoned_text", says="instant with zone, as text", targets=_CUSTOM),
    Transform(name="constant", says="always the same value", targets=_CUSTOM, needs=("value",)),
    Transform(name="lead_flag", says="flag that a person came as a lead; another once records of a kind hang on it", targets=_CUSTOM),
    Transform(name="pair_text", says="two values in one field that split apart again", targets=_CUSTOM, needs=("with",)),
    Transform(
        name="address_part",
        says="one part of the address",
        targets=("contacts.addresses", "accounts.addresses"),
        needs=("part",),
    ),
    Transform(name="phone_labelled", says="one of several further numbers, its label first", targets=_CUSTOM, needs=("slot",)),
    Transform(name="milestone_date", says="day of one step of a list of steps", targets=_CUSTOM, needs=("code",)),
    Transform(name="rollup", says="follows from the records that hang on it", targets=_CUSTOM),
    Transform(name="rollup_owner", says="user whom the records that hang on it name", targets=("contacts.link:owner",)),
    Transform(name="marks", says="marks with what each of them stands for", targets=_CUSTOM),
    Transform(name="outcome", says="won, lost or cancelled by value map; open while it has none", targets=("leads.outcome",)),
    Transform(name="stage", says="stage of the pipeline by value map", targets=("leads.stage",)),
    Transform(name="lead_title", says="name of the lead", targets=("leads.description",)),
    Transform(name="native_source", says="destination source by value map, else same name", targets=("leads.link:sources",)),
    Transform(name="money_value", says="amount", targets=("leads.manualValue",)),
    Transform(
        name="parent",
        says="record of the lead with this id",
        targets=("notes.link:parent", "activities.link:participants", "tasks.link:relatedEntity", "leads.link:contacts"),
    ),
    Transform(
        name="parent_email",
        says="record of the lead with this address, when no id is given",
        targets=("notes.link:parent", "activities.link:participants", "tasks.link:relatedEntity"),
    ),
    Transform(
        name="author", says="user: author and participant", targets=("notes.body", "activities.link:participants", "activities.description")
    ),
    Transform(name="assignee", says="user the task is for", targets=("tasks.link:assignee",)),
    Transform(
        name="time",
        says="original time, to the second",
        targets=("notes.body", "activities.startTime", "tasks.dueTime", "tasks.description"),
    ),
    Transform(name="span_end", says="end reckoned from the start and a usual length, marked as derived", targets=("activities.endTime",)),
    Transform(name="duration", says="end time and labelled line", targets=("activities.endTime",)),
    Transform(name="body", says="text, HTML made plain, line breaks kept", targets=_TEXTS),
    Transform(name="line", says="labelled line in the text", targets=_TEXTS),
    Transform(name="subject", says="name of the activity and labelled line", targets=("activities.name", "notes.body")),
    Transform(name="repeat", says="pattern in words, noted for set-up by hand", targets=("tasks.description",)),
    Transform(name="state", says="open: task, done: note", targets=("tasks.description",)),
    Transform(name="reference", says="looked up, not written", targets=tuple(f"{kind}.*" for kind in REFERENCES)),
)


def is_field(kind: Kind, target: str) -> bool:
    """Say whether a destination record of this kind can have such a field at all."""
    if kind in REFERENCES:
        return True
    if target.startswith("custom:"):
        return kind in WITH_CUSTOM_FIELDS and len(target) > len("custom:")
    return target in DESTINATION_FIELDS.get(kind, ()) or (kind == "leads" and target == DETAILS)


def can_reach(transform: str, kind: Kind, target: str) -> bool:
    """Say whether a transform can fill that field."""
    return any(fnmatchcase(f"{kind}.{target}", pattern) for pattern in TRANSFORMS[transform].targets)
