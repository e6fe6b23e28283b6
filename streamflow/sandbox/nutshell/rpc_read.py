"""JSON-RPC reads: get*, find*, search*, timelines, reference data (nutshell.md 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from streamflow.sandbox.lying import cut, lies
from streamflow.sandbox.nutshell.customfields import definitions
from streamflow.sandbox.nutshell.errors import RpcRefusal
from streamflow.sandbox.nutshell.filters import arrange, search
from streamflow.sandbox.nutshell.ids import RPC_TYPES, number_of
from streamflow.sandbox.nutshell.rpc_shape import STATUS_CODES, rfc3339, stub, stubs, whole
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor, Record

Params = dict[str, Any]
Method = Callable[[Site, Actor, Params], Any]
RECORDS = {"Contact": "contacts", "Account": "accounts", "Lead": "leads", "Note": "notes", "Activity": "activities",
           "Task": "tasks"}  # fmt: skip


def record_of(site: Site, kind: str, params: Params, name: str) -> Record:
    """Return the live record a call names by `<x>Id`; 404 in the error otherwise."""
    record = site.state.live(kind, f"{params.get(name)}-{kind}")
    if record is None:
        raise RpcRefusal(404, f"{name} not found")
    return record


def get(noun: str) -> Method:
    """Return get<Noun>{<noun>Id, rev?}."""
    kind, name = RECORDS[noun], f"{noun.lower()}Id"

    def method(site: Site, actor: Actor, params: Params) -> Any:
        return whole(site, record_of(site, kind, params, name))

    return method


def find(kind: str) -> Method:
    """Return find<Noun>s: index-lagged, `page` 1-based, stubs unless stubResponses is false."""

    def method(site: Site, actor: Actor, params: Params) -> Any:
        limit, page = int(params.get("limit", 50)), int(params.get("page", 1))
        if page < 1:
            raise RpcRefusal(400, "page starts at 1")
        size = max(1, min(limit, int(site.switches["rpc_find_max"])))
        direction = "-" if str(params.get("orderDirection", "ASC")).upper() == "DESC" else ""
        order = direction + str(params.get("orderBy") or "createdTime")
        ids = _selected(site, kind, dict(params.get("query") or {}), actor, order)
        start, size = cut((page - 1) * size, size, lambda: len(ids))
        page_ids = ids[start : start + size]
        if params.get("stubResponses", True) is False and site.switches["rpc_whole_records"]:
            docs = site.state.index.docs(kind)
            return [whole(site, docs[i]) for i in page_ids]
        return stubs(site, page_ids)

    return method


def _selected(site: Site, kind: str, query: Params, actor: Actor, order: str) -> Sequence[str]:
    tests = [t for t in (_test(kind, k, v, actor) for k, v in query.items()) if t]
    if not tests or lies("no_filter"):
        return site.state.index.ordered(kind, order, partial(arrange, order))
    rows = [r for r in site.state.index.docs(kind).values() if all(t(r) for t in tests)]
    return [r["id"] for r in arrange(order, rows)]


_ID_KEYS = {"accountId": ("accounts",), "contactId": ("contacts",), "leadId": ("leads",), "userId": ("users",),
            "milestoneId": ("stages",), "milestoneIds": ("stages",), "stagesetId": ("stagesets",),
            "stagesetIds": ("stagesets",), "ownerId": ("users",), "sourceId": ("sources",)}  # fmt: skip


def _test(kind: str, key: str, value: Any, actor: Actor) -> Callable[[Record], bool] | None:
    """Return one condition of a find query; unknown keys say nothing."""
    if key in _ID_KEYS:
        wanted = {f"{v}-{k}" for v in (value if isinstance(value, list) else [value]) for k in _ID_KEYS[key]}
        return lambda r: bool(wanted & _linked_ids(r))
    match key:
        case "status" if kind == "leads":
            return lambda r: STATUS_CODES[r["status"]] == int(value)
        case "filter" if kind == "leads" and int(value) == 0:
            return lambda r: r["links"].get("owner") == actor.user
        case "number":
            return lambda r: str(r.get("number")) == str(value)
        case "assignee":
            entries = value if isinstance(value, list) else [value]
            owners = {f"{v['id'] if isinstance(v, dict) else v}-users" for v in entries}
            return lambda r: (r["links"].get("owner") or r["links"].get("assignee")) in owners
        case "email":
            text = str(value).lower()
            return lambda r: any(e["value"].lower() == text for e in r.get("emails") or ())
        case "entity" if isinstance(value, dict):
            target = f"{value.get('id')}-{RPC_TYPES.get(value.get('entityType', ''), '')}"
            return lambda r: target in _linked_ids(r)
        case _:
            return None


def _linked_ids(record: Record) -> set[str]:
    found: set[str] = set()
    for value in record["links"].values():
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, list):
            found.update(v for v in value if isinstance(v, str))
    return found


def find_timeline(site: Site, actor: Actor, params: Params) -> Any:
    """findTimeline{query: {entityType, id}}: notes and activities of one record, newest first."""
    query = params.get("query") or {}
    target = f"{query.get('id')}-{RPC_TYPES.get(query.get('entityType', ''), '')}"
    rows: list[Record] = []
    for kind in ("activities", "notes"):
        docs = site.state.index.docs(kind)
        rows.extend(docs[r["id"]] for r in site.state.linked_to(target, kind) if r["id"] in docs)
    size, page = int(params.get("limit", 50)), int(params.get("page", 1))
    rows.sort(key=lambda r: (r["createdTime"], number_of(r["id"])), reverse=True)
    return [whole(site, r) for r in rows[(page - 1) * size : page * size]]


def find_custom_fields(site: Site, actor: Actor, params: Params) -> Any:
    """findCustomFields: `{Contacts: [], Accounts: [], Leads: []}`."""
    return {
        entity.capitalize(): [
            {"id": number_of(d["id"]), "name": d["title"], "type": d["apiType"], "choices": d["enum"]}
            for d in definitions(site, entity)
        ]
        for entity in ("contacts", "accounts", "leads")
    }


def find_table(kind: str) -> Method:
    """Return find of a reference table, whole."""

    def method(site: Site, actor: Actor, params: Params) -> Any:
        rows = [r for r in site.state.table(kind).values() if not r.get("deletedTime")]
        return [{**whole(site, r), **_reference_extra(r)} for r in rows]

    return method


def _reference_extra(record: Record) -> dict[str, Any]:
    keys = ("position", "status", "tagType", "channel", "sku", "price", "isDefault", "default")
    extra = {k: record[k] for k in keys if k in record}
    if "stageset" in record.get("links", {}):
        extra["stagesetId"] = number_of(record["links"]["stageset"])
    return extra


def get_user(site: Site, actor: Actor, params: Params) -> Any:
    """getUser{userId?}: without an id, who is calling."""
    wanted = f"{params['userId']}-users" if params.get("userId") else actor.user
    user = site.state.get("users", wanted)
    if user is None:
        raise RpcRefusal(404, "userId not found")
    return whole(site, user)


def search_universal(site: Site, actor: Actor, params: Params) -> Any:
    """searchUniversal{string}: stubs of near matches."""
    text = str(params.get("string", ""))
    return {k: _hits(site, k, text, 10) for k in ("contacts", "accounts", "leads")}


def _hits(site: Site, kind: str, text: str, limit: int) -> list[dict[str, Any]]:
    return stubs(site, sorted(search(site, kind, text), key=number_of)[:limit])


def search_kind(kind: str) -> Method:
    """Return search<Noun>s{string, limit}: stubs, no pages."""

    def method(site: Site, actor: Actor, params: Params) -> Any:
        text, limit = str(params.get("string", "")), int(params.get("limit", 10))
        if kind in ("sources", "products"):
            rows = site.state.table(kind).values()
            ids = [r["id"] for r in rows if text.lower() in r["name"].lower() and not r.get("deletedTime")]
            return stubs(site, ids[:limit])
        return _hits(site, kind, text, limit)

    return method


def search_by_email(site: Site, actor: Actor, params: Params) -> Any:
    """searchByEmail{emailAddressString}: stubs of the people and companies with it."""
    text = str(params.get("emailAddressString", "")).strip().lower()

    def owns(record: Record) -> bool:
        return any(e["value"].lower() == text for e in record.get("emails") or ())

    docs = site.state.index.docs
    return {k: stubs(site, [r["id"] for r in docs(k).values() if owns(r)]) for k in ("contacts", "accounts")}


def instance_data(site: Site, actor: Actor, params: Params) -> Any:
    """instanceData: a few words on the account."""
    return {"id": site.instance["instanceId"], "name": site.instance["name"], "currency": site.instance["currency"]}


def get_update_times(site: Site, actor: Actor, params: Params) -> Any:
    """getUpdateTimes: when each kind last changed."""
    found = {}
    for noun, kind in RECORDS.items():
        times = [r["modifiedTime"] for r in site.state.table(kind).values()]
        found[noun] = rfc3339(max(times, default=None))
    return found


__all__ = ["RECORDS", "Method", "Params", "find", "find_table", "get", "record_of", "stub"]
