"""From flat fields to the bodies of creates and replacements (nutshell.md 3, 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamflow.errors import RecordRejected
from streamflow.model import Fields
from streamflow.platforms.nutshell.dialect.ids import kind_of
from streamflow.platforms.nutshell.dialect.parts import MULTI, customs_to_wire, link_ids, multi_to_wire
from streamflow.platforms.nutshell.flags import Flags

ACTIONS = ("stageset", "stage", "outcome")    # of a lead: calls of their own, after the create
_ACTIVITY_FLAGS = ("isLogged", "isAllDay", "isFlagged")


def create_body(kind: str, fields: Fields, flags: Flags) -> dict[str, Any]:
    """Give the body of the one POST that makes this record. Raises RecordRejected for a kind that cannot be made."""
    maker = _MAKERS.get(kind)
    if maker is None:
        raise RecordRejected(f"records of the kind {kind} cannot be created", platform="nutshell")
    return maker(fields, flags)


def put_activity_body(fields: Fields, flags: Flags) -> dict[str, Any]:
    """Give the body of a PUT: a full replacement, so *fields* must hold everything (4.1)."""
    return _activity(fields, flags)


def due_time(value: Any, flags: Flags) -> Any:
    """Give a lead's due time in the form the account takes (flag lead_due_form)."""
    if value is None:
        return None
    seconds = int(value)
    return {"object": {"timestamp": seconds}, "int": seconds, "string": str(seconds)}[flags.lead_due_form]


def contact_name(fields: Fields) -> str:
    """Give the one name a create takes: the given one, else first and last name together (3.2)."""
    return str(fields.get("name") or " ".join(str(fields[part]) for part in ("firstName", "lastName") if fields.get(part)))


def owner_ids(fields: Fields, flags: Flags) -> list[str]:
    """Give the owner as a list of none or one; a team only where teams may own (3.3)."""
    return [owner for owner in link_ids(fields, "owner") if flags.team_owner or kind_of(owner) != "teams"]


def participant_ids(fields: Fields, flags: Flags) -> list[str]:
    """Give the participants of the types the account accepts, each once (4.1)."""
    return [i for i in dict.fromkeys(link_ids(fields, "participants")) if kind_of(i) in flags.activity_participants]


def _common(fields: Fields, flags: Flags) -> dict[str, Any]:
    body: dict[str, Any] = {"description": str(fields["description"])} if fields.get("description") else {}
    body.update({name: multi_to_wire(name, fields[name], flags) for name in MULTI if fields.get(name)})
    customs = customs_to_wire(fields, flags)
    if customs:
        body["customFields"] = customs
    return body


def _linked(fields: Fields, flags: Flags, *relations: str) -> dict[str, Any]:
    links: dict[str, Any] = {name: ids for name in relations if (ids := link_ids(fields, name))}
    owner = owner_ids(fields, flags)
    if owner:
        links["owner"] = owner[0]
    return links


def _account(fields: Fields, flags: Flags) -> dict[str, Any]:
    body = {"name": str(fields.get("name") or ""), **_common(fields, flags), "links": _linked(fields, flags, "tags")}
    return {"accounts": [body]}


def _contact(fields: Fields, flags: Flags) -> dict[str, Any]:
    body = {"name": contact_name(fields), **_common(fields, flags), "links": _linked(fields, flags, "accounts", "tags")}
    return {"contacts": [body]}


def _lead(fields: Fields, flags: Flags) -> dict[str, Any]:
    body = _common(fields, flags)
    if fields.get("manualValue") not in (None, ""):
        body["manualValue"] = str(fields["manualValue"])
    if fields.get("dueTime") is not None:
        body["dueTime"] = due_time(fields["dueTime"], flags)
    body["links"] = _linked(fields, flags, "accounts", "contacts", "sources", "tags")
    if flags.lead_requires_contact and not (body["links"].get("accounts") or body["links"].get("contacts")):
        raise RecordRejected("a lead needs a person or a company", field="link:contacts", platform="nutshell")
    return {"leads": [body]}


def _note(fields: Fields, flags: Flags) -> dict[str, Any]:
    body = str(fields.get("body") or "")
    if len(body) > flags.note_max_chars:
        raise RecordRejected(f"the note is longer than {flags.note_max_chars} characters", field="body", platform="nutshell")
    parent = link_ids(fields, "parent")
    data: dict[str, Any] = {"body": body, "links": {"parent": parent[0] if parent else None}}
    if flags.note_backdate and fields.get("createdTime") is not None:
        data["createdTime"] = int(fields["createdTime"])
    return {"data": data}


def _activity(fields: Fields, flags: Flags) -> dict[str, Any]:
    body: dict[str, Any] = {name: str(fields[name]) for name in ("name", "description", "location", "note") if fields.get(name)}
    if fields.get("activityType"):
        body["activityType"] = str(fields["activityType"])
    body.update({name: int(fields[name]) for name in ("startTime", "endTime") if fields.get(name) is not None})
    body.update({name: bool(fields.get(name)) for name in _ACTIVITY_FLAGS})
    body["links"] = {"participants": participant_ids(fields, flags)}
    return {"activities": [body]}


def _task(fields: Fields, flags: Flags) -> dict[str, Any]:
    body: dict[str, Any] = {name: str(fields[name]) for name in ("title", "description") if fields.get(name)}
    if fields.get("dueTime") is not None:
        body["dueTime"] = str(int(fields["dueTime"]))
    body["links"] = {name: ids[0] for name in ("relatedEntity", "assignee") if (ids := link_ids(fields, name))}
    return {"flat": body, "tasks": {"tasks": [body]}, "data": {"data": body}}[flags.task_body_form]


_MAKERS: dict[str, Callable[[Fields, Flags], dict[str, Any]]] = {
    "accounts": _account, "contacts": _contact, "leads": _lead, "notes": _note, "activities": _activity, "tasks": _task,
}  # fmt: skip
