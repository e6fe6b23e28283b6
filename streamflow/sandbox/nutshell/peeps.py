"""Accounts (companies) and contacts (people): create and patch (nutshell.md 3.1, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.sandbox.nutshell.customfields import write_all
from streamflow.sandbox.nutshell.errors import invalid
from streamflow.sandbox.nutshell.links import create_links, replace_link
from streamflow.sandbox.nutshell.patch import SetField, patch_record
from streamflow.sandbox.nutshell.site import Call, Reply, Site
from streamflow.sandbox.nutshell.state import Actor, Record
from streamflow.sandbox.nutshell.values import MULTI, read_multi


def split_name(name: str) -> tuple[str | None, str | None]:
    """Split a person's name as Nutshell does on create: the last word is the last name."""
    first, _, last = name.strip().rpartition(" ")
    return (first.strip() or None, last or None) if first else (last or None, None)


def draft(site: Site, kind: str, values: dict[str, Any], actor: Actor, *, patching: bool = False) -> Record:
    """Return a new record that is not stored yet; raises a 400. REST and JSON-RPC creates share it."""
    record: Record = {"type": kind, "links": {}, "customFields": {}}
    name = values.get("name")
    if name is not None and not isinstance(name, str):
        raise invalid("name must be a string.", field="name")
    record["name"] = (name or "").strip()
    if values.get("description"):
        record["description"] = str(values["description"])
    for field in MULTI:
        if values.get(field):
            record[field] = read_multi(site, field, values[field], patching=patching)
    enough = ("emails",) if kind == "contacts" else MULTI
    if not record["name"] and not any(record.get(f) for f in enough):
        raise invalid(f"One of name, {', '.join(enough)} is required.", field="name")
    if kind == "contacts":
        record["firstName"], record["lastName"] = split_name(record["name"])
    else:
        record["links"]["accountType"] = "1-accountTypes"
    write_all(site, record, values.get("customFields"))
    create_links(site, record, values.get("links"), actor, skip=("contacts",) if kind == "accounts" else ())
    return record


def make_account(site: Site, call: Call, values: dict[str, Any]) -> Record:
    """Create one company; names are not unique."""
    made = store(site, draft(site, "accounts", values, call.actor), call.actor)
    people = (values.get("links") or {}).get("contacts")
    if people and "contacts" not in site.switches["create_links_ignored"]:
        replace_link(site, made, "contacts", people, call.actor)
    return made


def make_contact(site: Site, call: Call, values: dict[str, Any]) -> Record:
    """Create one person; the same e-mail may be there already."""
    return store(site, draft(site, "contacts", values, call.actor), call.actor)


def store(site: Site, record: Record, actor: Actor) -> Record:
    """Insert a draft (switch owner_filled)."""
    kind = record.pop("type")
    if kind in site.switches["owner_filled"] and actor.user and record["links"].get("owner") is None:
        record["links"]["owner"] = actor.user
    return site.state.insert(kind, record, actor)


def _set_name(site: Site, record: Record, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise invalid("name must be a string.", field="name")
    record["name"] = value.strip()
    if record["type"] == "contacts":
        record["firstName"], record["lastName"] = split_name(value)


def _set_description(site: Site, record: Record, value: Any) -> None:
    record["description"] = None if value in (None, "") else str(value)


def _set_part(part: str) -> SetField:
    def setter(site: Site, record: Record, value: Any) -> None:
        if not site.switches["contact_name_patch"]:
            raise invalid("Invalid path", detail=f"/{part} cannot be written.", field=part)
        record[part] = None if value in (None, "") else str(value)
        parts = (record.get("firstName"), record.get("lastName"))
        record["name"] = " ".join(p for p in parts if p)

    return setter


def _set_title(site: Site, record: Record, value: Any) -> None:
    if not site.switches["contact_name_patch"]:
        raise invalid("Invalid path", detail="/jobTitle cannot be written.", field="jobTitle")
    if site.switches["job_title_needs_account"] and not record["links"].get("accounts"):
        return
    record["jobTitle"] = None if value in (None, "") else str(value)


def _set_extra(field: str, switch: str) -> SetField:
    def setter(site: Site, record: Record, value: Any) -> None:
        if not site.switches[switch]:
            raise invalid("Invalid path", detail=f"/{field} cannot be written.", field=field)
        if field == "employeeCount" and value is not None:
            value = int(value)
        record[field] = value["amount"] if isinstance(value, dict) else value

    return setter


ACCOUNT_FIELDS: Mapping[str, SetField] = {
    "name": _set_name,
    "description": _set_description,
    "revenue": _set_extra("revenue", "account_extra_fields"),
    "employeeCount": _set_extra("employeeCount", "account_extra_fields"),
    "legacyId": _set_extra("legacyId", "legacy_id"),
}
CONTACT_FIELDS: Mapping[str, SetField] = {
    "name": _set_name,
    "description": _set_description,
    "firstName": _set_part("firstName"),
    "lastName": _set_part("lastName"),
    "jobTitle": _set_title,
    "legacyId": _set_extra("legacyId", "legacy_id"),
}


def patch_account(site: Site, call: Call) -> Reply:
    """PATCH /accounts/{id}."""
    return patch_record(site, call, "accounts", ACCOUNT_FIELDS)


def patch_contact(site: Site, call: Call) -> Reply:
    """PATCH /contacts/{id}."""
    return patch_record(site, call, "contacts", CONTACT_FIELDS)
