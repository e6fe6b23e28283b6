"""JSON Patch with Nutshell's path grammar (nutshell.md 1.11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streamflow.sandbox.nutshell.customfields import ENTITIES, write_value
from streamflow.sandbox.nutshell.errors import Refusal, WrongMedia, invalid, not_found
from streamflow.sandbox.nutshell.links import add_link, remove_link, replace_link
from streamflow.sandbox.nutshell.site import Call, Reply, Site
from streamflow.sandbox.nutshell.state import Actor, Record
from streamflow.sandbox.nutshell.values import MULTI, read_multi

PATCH_MEDIA = "application/json-patch+json"
SetField = Callable[[Site, Record, Any], None]
# Takes over a relation the plain rules do not know; returns False to leave it to them.
LinkHook = Callable[[Site, Record, "Operation", Actor], bool]
_SERVER_MADE = {"id", "type", "number", "createdTime", "modifiedTime", "deletedTime", "closedTime", "status", "href"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: verb, the path after `/{plural}/0`, value."""

    op: str
    path: tuple[str, ...]
    value: Any


def require_patch_media(call: Call, media: str = PATCH_MEDIA) -> None:
    """Refuse any other media type in the observed way: 400 and a bare JSON string."""
    if call.content_type != media:
        raise WrongMedia


def parse(body: Any, plural: str) -> list[Operation]:
    """Read the body: an array of operations on `/{plural}/0/…`; raises a 400."""
    if not isinstance(body, list):
        raise invalid("The body of a PATCH must be an array.")
    return [_operation(item, plural) for item in body]


def _operation(item: Any, plural: str) -> Operation:
    if not isinstance(item, dict) or not isinstance(item.get("path"), str):
        raise invalid("Invalid operation")
    op = item.get("op")
    if op not in ("add", "remove", "replace"):
        raise invalid("Invalid operation", detail=f"The operation {op} is not supported here.", field="op")
    parts = item["path"].split("/")
    if len(parts) < 4 or parts[0] != "" or parts[1] != plural or parts[2] != "0":
        raise invalid("Invalid path", detail=f"Paths begin with /{plural}/0/.", field="path")
    if op != "remove" and "value" not in item:
        raise invalid("Invalid operation", detail=f"{op} needs a value.", field="value")
    return Operation(op, tuple(p.replace("~1", "/").replace("~0", "~") for p in parts[3:]), item.get("value"))


def patch_record(site: Site, call: Call, kind: str, fields: Mapping[str, SetField], hook: LinkHook | None = None) -> Reply:
    """Apply a PATCH to one record; 204. Unless switch patch_atomic, what came before a refused operation stays."""
    require_patch_media(call)
    record = site.state.live(kind, call.params["id"])
    if record is None:
        raise not_found()
    copy = site.state.edit(kind, record["id"])
    operations = parse(call.body(), kind)
    for done, operation in enumerate(operations):
        try:
            apply(site, copy, operation, call.actor, fields, hook)
        except Refusal:
            if done and not site.switches["patch_atomic"]:
                site.state.save(copy, call.actor)
            raise
    site.state.save(copy, call.actor)
    return Reply(status=204)


def apply(
    site: Site,
    record: Record,
    operation: Operation,
    actor: Actor,
    fields: Mapping[str, SetField],
    hook: LinkHook | None,
) -> None:
    """Apply one operation to an edited copy; raises a 400."""
    if operation.path[0] == "links":
        if hook is None or not hook(site, record, operation, actor):
            _apply_link(site, record, operation, actor)
        return
    value = None if operation.op == "remove" else operation.value
    name = operation.path[0]
    if len(operation.path) == 1 and name in MULTI and record["type"] in ("accounts", "contacts"):
        record[name] = read_multi(site, name, value, patching=True)
    elif len(operation.path) == 1 and name in fields:
        fields[name](site, record, value)
    else:
        _apply_custom(site, record, operation, value)


def _apply_link(site: Site, record: Record, operation: Operation, actor: Actor) -> None:
    match operation.op, operation.path:
        case "add", (_, name, "-"):
            add_link(site, record, name, operation.value, actor)
        case "remove", (_, name, rid):
            remove_link(site, record, name, rid, actor)
        case "replace", (_, name):
            replace_link(site, record, name, operation.value, actor)
        case _:
            raise invalid("Invalid path", detail="Use add /links/x/-, remove /links/x/id, replace /links/x.")


def _apply_custom(site: Site, record: Record, operation: Operation, value: Any) -> None:
    form, path = site.switches["cf_patch_path"], operation.path
    if record["type"] in ENTITIES and not _SERVER_MADE.intersection(path):
        if len(path) == 1 and path[0] != "customFields" and form in ("name", "both"):
            return write_value(site, record, path[0], value)
        if len(path) == 2 and path[0] == "customFields" and form in ("customFields", "both"):
            return write_value(site, record, path[1], value)
    raise invalid("Invalid path", detail=f"/{'/'.join(path)} cannot be written.", field="path")
