"""What makes people and companies of the destination findable."""

from __future__ import annotations

from streamflow.mapping.companies import normal_form
from streamflow.mapping.emails import normal
from streamflow.model import DestId, Fields, Kind
from streamflow.store.change import PutLookup

MATCHED_KINDS: tuple[Kind, ...] = ("accounts", "contacts")
"""Kinds in which somebody may be there already whom the source knows."""


def lookup_of(kind: Kind, dest_id: DestId, fields: Fields) -> PutLookup:
    """Make a destination record findable by what identifies it."""
    emails = [str(each["value"]) for each in fields.get("emails") or [] if each.get("value")]
    phones = [str(each["value"]) for each in fields.get("phones") or [] if each.get("value")]
    values: dict[str, tuple[str, ...]] = {"email": tuple(normal(text) for text in emails), "phone": tuple(phones)}
    name = str(fields.get("name") or "")
    if kind == "accounts" and name:
        values["name"] = (normal_form(name),)
    if fields.get("custom:Streamflow ID"):
        values["marker"] = (str(fields["custom:Streamflow ID"]),)
    return PutLookup(side="dest", kind=kind, id=dest_id, values=values, info={"name": name, "emails": emails, "phones": phones})
