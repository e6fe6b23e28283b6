"""The simulator's own face: the whole state as JSON, and a person at work in the web app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamflow.sandbox.nutshell import existing, labels
from streamflow.sandbox.nutshell.core import soft_delete, undelete
from streamflow.sandbox.nutshell.customfields import ENTITIES, add_definition, definitions, values_by_title, write_all
from streamflow.sandbox.nutshell.errors import Refusal
from streamflow.sandbox.nutshell.ids import kind_of
from streamflow.sandbox.nutshell.lead_actions import close
from streamflow.sandbox.nutshell.leads import move_to_stage
from streamflow.sandbox.nutshell.links import replace_link
from streamflow.sandbox.nutshell.peeps import split_name
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor, Record
from streamflow.sandbox.nutshell.values import MULTI, read_multi

_DUMPED = ("accounts", "contacts", "leads", "notes", "activities", "tasks", "tags", "sources", "users", "stages",
           "stagesets", "outcomes", "activityTypes", "teams", "productMaps", "emAudiences")  # fmt: skip


def dump(site: Site) -> dict[str, Any]:
    """Return every record as it is held, deleted ones too; `customFields` keyed by visible name."""
    found: dict[str, Any] = {}
    for kind in _DUMPED:
        found[kind] = [_held(site, row) for row in site.state.table(kind).values()]
    found["customFields"] = {entity: definitions(site, entity) for entity in ENTITIES}
    found["events_count"] = len(site.state.events)
    return found


def _held(site: Site, row: Record) -> Record:
    return {**row, "customFields": values_by_title(site, row)} if row["type"] in ENTITIES else row


def act(site: Site, order: dict[str, Any]) -> dict[str, Any]:
    """Do what a person does in the web app: `{"as": e-mail, "do": verb, "kind", "id", "values"}`.

    Answers `{"record": …, "was": …}`: as it is now, and as it was just before in the form of the dump, null for a new one.
    Raises ValueError for an unknown verb or user, KeyError for a missing record or value.
    """
    verb = _VERBS.get(order["do"])
    if verb is None:
        raise ValueError(f"unknown verb {order['do']}; known are {', '.join(sorted(_VERBS))}")
    actor = _person(site, order.get("as"))
    before = site.state.get(order.get("kind") or kind_of(order["id"]), order["id"]) if "id" in order else None
    was = None if before is None else _held(site, before)
    try:
        record = verb(site, actor, order)
    except Refusal as refusal:
        raise ValueError(f"{refusal.title}: {refusal.detail or refusal.field}") from None
    return {"record": record, "was": was}


def _person(site: Site, email: str | None) -> Actor:
    if email is None:
        users = site.state.table("users").values()
        user: Record | None = next(u for u in users if u["isEnabled"])
    else:
        user = site.user_by_email(email)
    if user is None:
        raise ValueError("`as` names no user")
    return Actor(id=user["id"], user=user["id"])


def _found(site: Site, order: dict[str, Any]) -> Record:
    record = site.state.live(order["kind"], order["id"])     # the web app shows nobody what is deleted
    if record is None:
        raise KeyError(order["id"])
    return record


def _create(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    return existing.make(site, order["kind"], dict(order["values"]), actor)


def _edit(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    """Set any field: plain ones as given, multi-valued ones in REST form, `links` and `customFields` one by one."""
    record = _found(site, order)
    copy = site.state.edit(record["type"], record["id"])
    for name, value in order["values"].items():
        if name == "links":
            _edit_links(site, copy, value, actor)
        elif name == "customFields":
            write_all(site, copy, value)
        elif name in MULTI:
            copy[name] = read_multi(site, name, value, patching=False)
        else:
            copy[name] = value
    if copy["type"] == "contacts":
        _keep_names_together(copy, order["values"])
    return site.state.save(copy, actor)


def _edit_links(site: Site, copy: Record, links: dict[str, Any], actor: Actor) -> None:
    for relation, value in links.items():
        if relation == "stage":
            move_to_stage(site, copy, site.state.table("stages")[value])
        elif copy["type"] in ("activities", "notes", "tasks"):
            copy["links"][relation] = value
        else:
            replace_link(site, copy, relation, value, actor)


def _keep_names_together(copy: Record, values: dict[str, Any]) -> None:
    if "name" in values:
        copy["firstName"], copy["lastName"] = split_name(str(values["name"]))
    elif "firstName" in values or "lastName" in values:
        copy["name"] = " ".join(p for p in (copy.get("firstName"), copy.get("lastName")) if p)


def _delete(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    return soft_delete(site, _found(site, order), actor)


def _undelete(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    record = site.state.get(order["kind"], order["id"])
    if record is None:
        raise KeyError(order["id"])
    return undelete(site, record, actor)


def _merge(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    """Merge `id` into `values.into`: everything that pointed at it points at the other, and it is gone."""
    lost, kept = _found(site, order), order["values"]["into"]
    for linked in [r for k in ("contacts", "leads", "notes", "activities", "tasks") for r in _linked(site, lost["id"], k)]:
        copy = site.state.edit(linked["type"], linked["id"])
        for relation, value in copy["links"].items():
            if value == lost["id"]:
                copy["links"][relation] = kept
            elif isinstance(value, list) and lost["id"] in value:
                copy["links"][relation] = list(dict.fromkeys(kept if v == lost["id"] else v for v in value))
        site.state.save(copy, actor, event=False)
    copy = site.state.edit(lost["type"], lost["id"])
    copy["links"]["mergedWith"] = kept
    copy["deletedTime"] = site.state.now()
    return site.state.save(copy, actor, action="delete")


def _linked(site: Site, rid: str, kind: str) -> list[Record]:
    return list(site.state.linked_to(rid, kind))


def _hang(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    """Comment on a record or put a file on it; the feed tells of neither to whoever did not ask for such events."""
    relation, kind = ("comments", "comments") if order["do"] == "comment" else ("files", "files")
    record = _found(site, order)
    copy = site.state.edit(record["type"], record["id"])
    copy["links"] = {**copy["links"], relation: [*(copy["links"].get(relation) or []), site.state.mint.take(kind)]}
    return site.state.save(copy, actor, event=False)


def _close(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    outcome = site.state.live("outcomes", order["values"]["outcomeId"])
    if outcome is None:
        raise KeyError("outcomeId")
    return close(site, site.state.edit("leads", _found(site, {**order, "kind": "leads"})["id"]), outcome, actor)


def _add_custom_field(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    return add_definition(site, order["kind"], order["values"])


def _change_field(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    """Rename or delete a definition by its visible name."""
    definition = next(d for d in definitions(site, order["kind"]) if d["title"] == order["values"]["name"])
    copy = site.state.edit("customFields", definition["id"])
    if order["do"] == "rename_custom_field":
        copy["title"] = order["values"]["to"]
    else:
        copy["deletedTime"] = site.state.now()
    return site.state.save(copy, actor)


def _add_reference(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    return existing.add_named(site, order["kind"], order["values"])


def _set_user(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    user = site.user_by_email(order["values"]["email"])
    if user is None:
        raise KeyError("email")
    copy = site.state.edit("users", user["id"])
    copy["isEnabled"] = order["do"] == "enable_user"
    return site.state.save(copy, actor)


def _set_key(site: Site, actor: Actor, order: dict[str, Any]) -> Record:
    values = dict(order["values"])
    key = values.pop("key")
    if order["do"] == "revoke_key":
        site.keys[key]["revoked"] = True
    else:
        site.keys[key] = {"kind": "normal", **values}
    return {"key": key}


_VERBS: dict[str, Callable[[Site, Actor, dict[str, Any]], Record]] = {
    "create": _create,
    "edit": _edit,
    "delete": _delete,
    "undelete": _undelete,
    "merge": _merge,
    "close": _close,
    "comment": _hang,
    "attach": _hang,
    "add_custom_field": _add_custom_field,
    "rename_custom_field": _change_field,
    "delete_custom_field": _change_field,
    "add_user": lambda site, _, order: existing.add_user(site, order["values"]),
    "enable_user": _set_user,
    "disable_user": _set_user,
    "add_activity_type": lambda site, _, order: existing.add_named(site, "activityTypes", order["values"]),
    "add_outcome": lambda site, _, order: existing.add_named(site, "outcomes", order["values"]),
    "add_stageset": lambda site, _, order: existing.add_stageset(site, order["values"]),
    "add_stage": lambda site, _, order: existing.add_stage(site, order["values"]),
    "add_source": lambda site, _, order: labels.new_source(
        site, order["values"]["name"], int(order["values"].get("channel", 0)), None
    ),
    "add_reference": _add_reference,
    "add_key": _set_key,
    "revoke_key": _set_key,
}
