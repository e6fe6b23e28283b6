"""Custom-field definitions and values of accounts, contacts and leads (nutshell.md 5)."""

from __future__ import annotations

import re
from typing import Any

from streamflow.sandbox.nutshell.envelope import envelope
from streamflow.sandbox.nutshell.errors import Refusal, invalid, not_found
from streamflow.sandbox.nutshell.site import Call, Reply, Site
from streamflow.sandbox.nutshell.state import Record

ENTITIES = ("accounts", "contacts", "leads")
_WIRE_TYPES = {"Date": "date-time", "Currency": "currency", "Location": "object"}
CHOICE_TYPES = ("Enum", "Decision")
LONG_TYPES = ("Text", "LongText")
_DATE = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
_MONEY = re.compile(r"^-?\d+(\.\d{1,2})?$")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")


def definitions(site: Site, entity: str) -> list[Record]:
    """Return the definitions of an entity in the order they were made."""
    return [d for d in site.state.table("customFields").values() if d["entity"] == entity and not d.get("deletedTime")]


def by_title(site: Site, entity: str, title: str, *, any_case: bool = False) -> Record | None:
    """Return the definition with this visible name."""
    for definition in definitions(site, entity):
        held = definition["title"]
        if held == title or (any_case and held.lower() == title.lower()):
            return definition
    return None


def add_definition(site: Site, entity: str, values: dict[str, Any]) -> Record:
    """Make a definition without asking whether the API would accept its type."""
    return site.state.insert(
        "customFields",
        {
            "entity": entity,
            "title": str(values["name"]),
            "apiType": str(values["type"]),
            "enum": [str(c) for c in values.get("choices") or []],
            "isMultiple": bool(values.get("isMultiple")),
        },
        None,
        event=False,
    )


def wire(definition: Record) -> dict[str, Any]:
    """Return a definition as the API shows it."""
    shown = {"id": definition["id"], "type": _WIRE_TYPES.get(definition["apiType"], "string")}
    shown["title"] = definition["title"]
    if definition["apiType"] in CHOICE_TYPES:
        shown["enum"] = list(definition["enum"])
        shown["isMultiple"] = definition["isMultiple"]
    return shown


def values_by_title(site: Site, record: Record) -> dict[str, Any]:
    """Return a record's values keyed by visible name; empty fields are left out."""
    held = record.get("customFields") or {}
    return {d["title"]: held[d["id"]] for d in definitions(site, record["type"]) if held.get(d["id"]) is not None}


def write_value(site: Site, record: Record, title: str, value: Any) -> None:
    """Set one value on an edited copy by visible name; null and "" clear.

    Unknown names, unlisted choices and value forms follow the switches `cf_*`. Raises a 400.
    """
    definition = by_title(site, record["type"], title)
    if definition is None:
        if site.switches["cf_unknown_name"] == "refused":
            raise invalid("Unknown custom field", detail=f"There is no custom field {title}.", field=title)
        return
    held = dict(record.get("customFields") or {})
    if value is None or value == "" or value == []:
        held.pop(definition["id"], None)
    else:
        kept = _checked(site, definition, value)
        if kept is not None:
            held[definition["id"]] = kept
    record["customFields"] = held


def write_all(site: Site, record: Record, values: Any) -> None:
    """Set all of a create's `customFields`."""
    if values is None:
        return
    if not isinstance(values, dict):
        raise invalid("customFields must be an object.", field="customFields")
    for title, value in values.items():
        write_value(site, record, str(title), value)


def _checked(site: Site, definition: Record, value: Any) -> Any:
    title, kind = definition["title"], definition["apiType"]
    if kind in CHOICE_TYPES:
        return _checked_choice(site, definition, value)
    if isinstance(value, bool | int | float) and site.switches["cf_value_forms"] == "typed":
        value = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        raise invalid("Custom field values must be strings", field=title)
    if kind == "Date" and not _DATE.match(value):
        raise invalid("Invalid date", detail="Dates are written YYYY-MM-DD.", field=title)
    if kind == "Currency" and not _MONEY.match(value):
        raise invalid("Invalid currency value", field=title)
    if kind == "Number" and not _NUMBER.match(value):
        raise invalid("Invalid number", field=title)
    limit = site.switches["cf_text_max"]
    if kind == "String" and limit is not None and len(value) > limit:
        raise invalid("Value too long", detail=f"At most {limit} characters.", field=title)
    return _checked_long(site, title, value) if kind in LONG_TYPES else value


def _checked_long(site: Site, title: str, value: str) -> str:
    limit = site.switches["cf_long_max"]
    if site.switches["cf_long_lines"] == "blanks":
        value = value.replace("\n", " ")
    if limit is not None and len(value) > limit:
        if site.switches["cf_long_over_limit"] == "refused":
            raise invalid("Value too long", detail=f"At most {limit} characters.", field=title)
        return value[:limit]
    return value


def _checked_choice(site: Site, definition: Record, value: Any) -> Any:
    title, many = definition["title"], definition["isMultiple"]
    chosen = value if isinstance(value, list) else [value]
    if not all(isinstance(c, str) for c in chosen) or (len(chosen) > 1 and not many):
        raise invalid("Invalid choice", field=title)
    unlisted = [c for c in chosen if c not in definition["enum"]]
    rule = site.switches["cf_unlisted_choice"]
    if unlisted and rule == "refused":
        raise invalid("Invalid choice", detail=f"{title} has no such choice.", field=title)
    if unlisted and rule == "added":
        grown = site.state.edit("customFields", definition["id"])
        grown["enum"] = [*grown["enum"], *unlisted]
        site.state.save(grown, None, event=False)
    if rule == "ignored":
        chosen = [c for c in chosen if c in definition["enum"]]
        if not chosen:
            return None
    return chosen if many else chosen[0]


def create(site: Site, call: Call) -> Reply:
    """POST /{entity}/customfield (nutshell.md 5.1)."""
    entity = call.path.split("/")[2]
    user = site.state.get("users", call.actor.user)
    if site.switches["cf_requires_admin"] and not (user and user["isAdministrator"]):
        raise Refusal(403, "Forbidden")
    body = call.body()
    if not isinstance(body, dict) or not body.get("name") or not isinstance(body["name"], str):
        raise invalid("A custom field needs a name.", field="name")
    if body.get("type") not in site.switches["cf_type_map"].get(entity, []):
        if site.switches["cf_unknown_type"] == "silent":
            return Reply(body={})
        raise invalid("Invalid custom field type", field="type")
    if by_title(site, entity, body["name"], any_case=True):
        raise invalid("A custom field with this name already exists.", field="name")
    if body["type"] in CHOICE_TYPES and not body.get("choices"):
        raise invalid("A choice field needs choices.", field="choices")
    site.plan_cap("custom_fields", len(definitions(site, entity)))
    return Reply(body=envelope(site, "customFields", [wire(add_definition(site, entity, body))]))


def attributes(site: Site, call: Call) -> Reply:
    """GET /{entity}/customfields/attributes: every definition, wrapped (nutshell.md 5.1)."""
    entity = call.path.split("/")[2]
    return Reply(body=envelope(site, "customFields", [wire(d) for d in definitions(site, entity)]))


def record_values(site: Site, call: Call) -> Reply:
    """GET /{entity}/{id}/customfields: every definition with this record's value, null when empty."""
    entity = call.path.split("/")[2]
    record = site.state.live(entity, call.params["id"])
    if record is None:
        raise not_found()
    held = record.get("customFields") or {}
    rows = [{**wire(d), "value": held.get(d["id"])} for d in definitions(site, entity)]
    return Reply(body=envelope(site, "customFields", rows))


_DATA_FIELDS = {
    "accounts": ("name", "createdTime", "lastContactedTime", "phone", "email", "address", "accountType", "industry",
                 "territory", "owner", "tags", "creator"),
    "contacts": ("name", "createdTime", "lastContactedTime", "phone", "email", "address", "accounts", "territory",
                 "owner", "tags", "creator"),
    "leads": ("name", "createdTime", "number", "value", "confidence", "closedTime", "owner", "sources", "tags",
              "milestones", "stageset", "accounts", "contacts"),
}  # fmt: skip


def list_fields(site: Site, call: Call) -> Reply:
    """GET /{entity}/list/fields: keys with what may be done with them (nutshell.md 1.10)."""
    entity = call.path.split("/")[2]
    properties: dict[str, Any] = {
        name: {"type": "string", "title": name, "isFilterable": True, "isSortable": name != "tags", "isAddable": True}
        for name in _DATA_FIELDS[entity]
    }
    for definition in definitions(site, entity):
        shown = {**wire(definition), "isFilterable": True, "isSortable": True, "isAddable": True, "isCustom": True}
        properties[definition["title"]] = shown
    return Reply(body={"meta": site.meta(), "properties": properties})
