"""The JSON-RPC endpoint: method table, application errors inside HTTP 200, service description (nutshell.md 8)."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from streamflow.sandbox.nutshell import rpc_read as read
from streamflow.sandbox.nutshell import rpc_write as write
from streamflow.sandbox.nutshell.errors import Refusal, RpcRefusal
from streamflow.sandbox.nutshell.rpc_read import Method, Params
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor

_PLURALS = {"contacts": "Contacts", "accounts": "Accounts", "leads": "Leads", "notes": "Notes",
            "activities": "Activities", "tasks": "Tasks"}  # fmt: skip

METHODS: dict[str, Method] = {
    **{f"get{noun}": read.get(noun) for noun in read.RECORDS},
    **{f"find{plural}": read.find(kind) for kind, plural in _PLURALS.items()},
    **{f"delete{noun}": write.delete(noun) for noun in read.RECORDS},
    **{f"search{p}": read.search_kind(p.lower()) for p in ("Contacts", "Accounts", "Leads", "Sources", "Products")},
    "newContact": write.new_peep("Contact"),
    "newAccount": write.new_peep("Account"),
    "editContact": write.edit_peep("Contact"),
    "editAccount": write.edit_peep("Account"),
    "newLead": write.new_lead,
    "editLead": write.edit_lead,
    "newNote": write.new_note,
    "editNote": write.edit_note,
    "newActivity": write.new_activity,
    "editActivity": write.edit_activity,
    "newTask": write.new_task,
    "editTask": write.edit_task,
    "newSource": write.new_source,
    "newTag": write.new_tag,
    "newProduct": write.new_product,
    "newUser": write.new_user,
    "newEmail": write.new_email,
    "getUser": read.get_user,
    "findTimeline": read.find_timeline,
    "findCustomFields": read.find_custom_fields,
    "findActivityTypes": read.find_table("activityTypes"),
    "findUsers": read.find_table("users"),
    "findTeams": read.find_table("teams"),
    "findSources": read.find_table("sources"),
    "findTags": read.find_table("tags"),
    "findProducts": read.find_table("products"),
    "findLead_Outcomes": read.find_table("outcomes"),
    "findMilestones": read.find_table("stages"),
    "findStagesets": read.find_table("stagesets"),
    "findMarkets": read.find_table("markets"),
    "findTerritories": read.find_table("territories"),
    "findIndustries": read.find_table("industries"),
    "findAccountTypes": read.find_table("accountTypes"),
    "findAudiences": read.find_table("emAudiences"),
    "findCompetitors": read.find_table("competitors"),
    "searchUniversal": read.search_universal,
    "searchByEmail": read.search_by_email,
    "instanceData": read.instance_data,
    "getUpdateTimes": read.get_update_times,
}


def method_name(raw: bytes) -> str:
    """Return the method a request body names, "" when it names none."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return ""
    return str(body.get("method", "")) if isinstance(body, dict) else ""


def answer(site: Site, raw: bytes, actor: Actor | None, *, host: str) -> dict[str, Any]:
    """Return the response object; every failure is an `error` in it. `actor` None is for getApiForUsername alone."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _response(None, error=(-32700, "Parse error"))
    if not isinstance(body, dict) or not isinstance(body.get("method"), str):
        return _response(None, error=(-32600, "Invalid Request"))
    params = body.get("params") or {}
    if not isinstance(params, dict):
        return _response(body.get("id"), error=(-32602, "Named parameters are required"))
    if body["method"] == "getApiForUsername":
        return _response(body.get("id"), result={"api": host, "iphone": host, "login": host})
    try:
        return _response(body.get("id"), result=_call(site, body["method"], params, actor))
    except RpcRefusal as refusal:
        return _response(body.get("id"), error=(refusal.code, refusal.message))
    except Refusal as refusal:
        return _response(body.get("id"), error=(refusal.status, refusal.title or "Refused"))


def _call(site: Site, name: str, params: Params, actor: Actor | None) -> Any:
    method = METHODS.get(name)
    if method is None or actor is None or not site.switches["rpc_enabled"]:
        raise RpcRefusal(-32601, "Method not found")
    return method(site, actor, params)


def _response(call_id: Any, *, result: Any = None, error: tuple[int, str] | None = None) -> dict[str, Any]:
    shown = {"code": error[0], "message": error[1], "data": None} if error else None
    return {"id": call_id, "jsonrpc": "2.0", "result": result, "error": shown}


def etag_of(result: Any) -> str:
    """Return the ETag of a read's result."""
    return f'"{hashlib.sha1(orjson.dumps(result), usedforsecurity=False).hexdigest()}"'


def service_description() -> dict[str, Any]:
    """Return the SMD: the names of all methods."""
    services = {name: {"parameters": [], "returns": "any"} for name in sorted([*METHODS, "getApiForUsername"])}
    return {"transport": "POST", "envelope": "JSON-RPC-2.0", "SMDVersion": "2.0", "target": "/api/v1/json",
            "services": services}  # fmt: skip
