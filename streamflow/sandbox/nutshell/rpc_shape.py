"""Records as JSON-RPC shows and takes them: bare integers, entityType, maps, RFC 3339 (nutshell.md 8)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from streamflow.sandbox.nutshell.customfields import ENTITIES, values_by_title
from streamflow.sandbox.nutshell.errors import RpcRefusal
from streamflow.sandbox.nutshell.ids import RPC_NAMES, RPC_TYPES, kind_of, number_of
from streamflow.sandbox.nutshell.labels import named, new_tag
from streamflow.sandbox.nutshell.render import lead_amount, live_ids, money
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor, Record

STATUS_CODES = {"open": 0, "won": 10, "lost": 11, "cancelled": 12}
_TAG_TYPE = {"leads": "1", "contacts": "2", "accounts": "3"}


def rfc3339(unix: int | None) -> str | None:
    """Return Unix seconds as RFC 3339 text."""
    return None if unix is None else datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def unix_of(text: Any, field: str) -> int:
    """Return Unix seconds of an RFC 3339 text."""
    try:
        when = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise RpcRefusal(400, f"{field} is not a date") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def stub(site: Site, rid: str | None) -> dict[str, Any] | None:
    """Return `{stub, id, entityType, name, rev}` of a record."""
    record = site.state.table(kind_of(rid)).get(rid) if rid else None
    if record is None:
        return None
    name = record.get("name") or record.get("description") or record.get("title") or ""
    shown = {"stub": True, "id": number_of(record["id"]), "entityType": RPC_NAMES.get(record["type"], record["type"])}
    return {**shown, "name": name, "rev": str(record["rev"])}


def stubs(site: Site, ids: Any) -> list[dict[str, Any]]:
    """Return the stubs of live records."""
    return [s for s in (stub(site, i) for i in live_ids(site, ids)) if s]


def whole(site: Site, record: Record) -> dict[str, Any]:
    """Return the whole JSON-RPC form of a record."""
    kind = record["type"]
    shown: dict[str, Any] = {
        "id": number_of(record["id"]),
        "entityType": RPC_NAMES.get(kind, kind),
        "rev": str(record["rev"]),
        "createdTime": rfc3339(record["createdTime"]),
        "modifiedTime": rfc3339(record["modifiedTime"]),
        "deletedTime": rfc3339(record.get("deletedTime")),
        "creator": stub(site, record["creator"]),
    }
    shown.update(_BODIES[kind](site, record) if kind in _BODIES else {"name": record.get("name")})
    if kind in ENTITIES:
        shown["owner" if kind != "leads" else "assignee"] = stub(site, record["links"].get("owner"))
        shown["tags"] = [s["name"] for s in stubs(site, record["links"].get("tags"))]
        shown["customFields"] = values_by_title(site, record)
    return shown


def _map(items: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for i, item in enumerate(items or ()):
        found[str(i)] = item["value"]
        if item["isPrimary"]:
            found["--primary"] = item["value"]
    return found


def _peep(site: Site, record: Record) -> dict[str, Any]:
    shown = {"description": record.get("description")}
    shown.update(email=_map(record.get("emails")), phone=_map(record.get("phones")))
    return {**shown, "url": _map(record.get("urls")), "address": _map(record.get("addresses"))}


def _account(site: Site, record: Record) -> dict[str, Any]:
    shown = {**_peep(site, record), "name": record["name"]}
    shown["contacts"] = stubs(site, [c["id"] for c in site.state.linked_to(record["id"], "contacts")])
    shown["leads"] = stubs(site, [r["id"] for r in site.state.linked_to(record["id"], "leads")])
    shown["accountType"] = stub(site, record["links"].get("accountType"))
    shown["industry"] = stub(site, record["links"].get("industry"))
    return shown


def _contact(site: Site, record: Record) -> dict[str, Any]:
    name = {"givenName": record.get("firstName"), "familyName": record.get("lastName"), "salutation": None}
    shown = {**_peep(site, record), "name": {**name, "displayName": record["name"]}}
    relations = record.get("relationships") or {}
    accounts = stubs(site, record["links"].get("accounts"))
    shown["accounts"] = [{**a, "relationship": relations.get(str(a["id"]))} for a in accounts]
    shown["leads"] = stubs(site, [r["id"] for r in site.state.linked_to(record["id"], "leads")])
    shown["jobTitle"] = record.get("jobTitle")
    return shown


def _lead(site: Site, record: Record) -> dict[str, Any]:
    links = record["links"]
    shown: dict[str, Any] = {k: record[k] for k in ("number", "description", "confidence", "priority")}
    shown["name"] = record["description"]
    shown["status"] = STATUS_CODES[record["status"]]
    shown["value"] = money(lead_amount(site, record), site.instance["currency"])
    shown.update({k: stubs(site, links.get(k)) for k in ("accounts", "contacts", "sources", "products")})
    shown["milestone"] = stub(site, links.get("stage"))
    shown["stageset"] = stub(site, links.get("stageset"))
    shown["outcome"] = stub(site, links.get("outcome"))
    shown["dueTime"], shown["closedTime"] = rfc3339(record.get("dueTime")), rfc3339(record.get("closedTime"))
    shown["notes"] = stubs(site, [n["id"] for n in site.state.linked_to(record["id"], "notes")])
    return shown


def _note(site: Site, record: Record) -> dict[str, Any]:
    return {"note": record["body"], "entity": stub(site, record["links"]["parent"]), "user": stub(site, record["creator"])}


def _activity(site: Site, record: Record) -> dict[str, Any]:
    parts = stubs(site, record["links"].get("participants"))
    note = site.state.table("notes").get(record["links"].get("logNote") or "")
    shown: dict[str, Any] = {k: record[k] for k in ("name", "description", "isAllDay", "isFlagged")}
    shown.update(startTime=rfc3339(record["startTime"]), endTime=rfc3339(record["endTime"]))
    shown["status"] = 2 if record.get("isCancelled") else 1 if record["isLogged"] else 0
    shown["activityType"] = stub(site, record["links"]["activityType"])
    shown["activityTypeId"] = number_of(record["links"]["activityType"])
    shown["participants"] = [p for p in parts if p["entityType"] != "Leads"]
    shown["leads"] = [p for p in parts if p["entityType"] == "Leads"]
    shown["logNote"] = {"id": number_of(note["id"]), "note": note["body"]} if note else None
    shown["logDescription"] = note["body"] if note else None
    return shown


def _task(site: Site, record: Record) -> dict[str, Any]:
    due = record.get("dueTime")
    return {
        "title": record["title"],
        "description": record.get("description"),
        "dueTime": rfc3339(int(due)) if due else None,
        "completedTime": rfc3339(record.get("completedTime")),
        "assignee": stub(site, record["links"].get("assignee")),
        "entity": stub(site, record["links"].get("relatedEntity")),
    }


def _user(site: Site, record: Record) -> dict[str, Any]:
    return {"name": record["name"], "emails": record["emails"], "isEnabled": record["isEnabled"],
            "isAdministrator": record["isAdministrator"]}  # fmt: skip


_BODIES = {"accounts": _account, "contacts": _contact, "leads": _lead, "notes": _note, "activities": _activity,
           "tasks": _task, "users": _user}  # fmt: skip


def id_from(reference: Any, kind: str | None = None) -> str:
    """Return the full id of `{entityType, id}`, or of a bare integer when `kind` is known."""
    number = reference.get("id") if isinstance(reference, dict) else reference
    named_kind = RPC_TYPES.get(reference.get("entityType", "")) if isinstance(reference, dict) else None
    chosen = named_kind or kind
    if chosen is None or not str(number).isdigit():
        raise RpcRefusal(400, "entityType and id are needed")
    return f"{number}-{chosen}"


def multi_from(value: Any, field: str) -> list[dict[str, Any]]:
    """Return REST's array form of a JSON-RPC multi-value: a text, a list, or a map of label → value."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        value = {str(i): v for i, v in enumerate(value)}
    if not isinstance(value, dict):
        raise RpcRefusal(400, f"{field} must be a map")
    primary = value.get("--primary")
    default = field.rstrip("s")
    items: list[dict[str, Any]] = []
    for label, held in value.items():
        if label != "--primary" and held is not None:
            name = default if label.isdigit() else label
            items.append({"name": name, "value": _plain(held), "isPrimary": held == primary})
    if not items and primary is not None:
        items.append({"name": default, "value": _plain(primary), "isPrimary": True})
    return items


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and ("number" in value or "E164" in value):
        return value.get("E164") or value["number"]
    return value


def rest_values(site: Site, kind: str, values: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """Return the REST create form of a JSON-RPC contact, account or lead."""
    found: dict[str, Any] = {k: values[k] for k in ("description", "customFields") if k in values}
    name = values.get("name")
    if isinstance(name, dict):
        name = name.get("displayName") or " ".join(p for p in (name.get("givenName"), name.get("familyName")) if p)
    if name is not None:
        found["name"] = name
    for theirs, ours in (("email", "emails"), ("phone", "phones"), ("url", "urls"), ("address", "addresses")):
        if values.get(theirs):
            found[ours] = multi_from(values[theirs], ours)
    found["links"] = rest_links(site, kind, values, actor)
    return found


def rest_links(site: Site, kind: str, values: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """Return the REST links of a JSON-RPC record; only what was given."""
    links: dict[str, Any] = {}
    for name in ("accounts", "contacts", "sources"):
        if name in values:
            links[name] = [id_from(v, name) for v in values[name] or ()]
    if values.get("primaryAccount"):
        links["accounts"] = [id_from(values["primaryAccount"], "accounts"), *links.get("accounts", [])]
    for name in ("owner", "assignee"):
        if values.get(name):
            links["owner"] = id_from(values[name], "users")
    if "tags" in values:
        links["tags"] = [_tag(site, kind, str(t), actor) for t in values["tags"] or ()]
    return links


def _tag(site: Site, kind: str, name: str, actor: Actor) -> str:
    held = named(site, "tags", name, tagType=_TAG_TYPE[kind])
    tag = held or new_tag(site, {"name": name, "tagType": _TAG_TYPE[kind]}, actor)
    return str(tag["id"])
