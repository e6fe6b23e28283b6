"""JSON-RPC writes: new*, edit* with `rev`, delete* (nutshell.md 8)."""

from __future__ import annotations

from typing import Any

from streamflow.sandbox.nutshell import activities, labels, leads, notes, peeps
from streamflow.sandbox.nutshell.core import require_permission, soft_delete
from streamflow.sandbox.nutshell.customfields import write_all
from streamflow.sandbox.nutshell.errors import RpcRefusal
from streamflow.sandbox.nutshell.existing import add_named, add_user
from streamflow.sandbox.nutshell.lead_actions import close
from streamflow.sandbox.nutshell.links import replace_link
from streamflow.sandbox.nutshell.rpc_read import RECORDS, Method, Params, record_of
from streamflow.sandbox.nutshell.rpc_shape import id_from, multi_from, rest_links, rest_values, unix_of, whole
from streamflow.sandbox.nutshell.site import Site
from streamflow.sandbox.nutshell.state import Actor, Record
from streamflow.sandbox.nutshell.values import read_multi

REV_IGNORE = "REV_IGNORE"
_EDIT_NOTE_S = 24 * 3600


def check_rev(record: Record, params: Params) -> None:
    """Refuse an edit or delete whose `rev` is not the record's; REV_IGNORE and null pass."""
    if "rev" not in params:
        raise RpcRefusal(400, "rev key is required")
    rev = params["rev"]
    if rev not in (REV_IGNORE, None, str(record["rev"])):
        raise RpcRefusal(409, "rev key is out-of-date")


def delete(noun: str) -> Method:
    """Return delete<Noun>{<noun>Id, rev}: true."""
    kind, name = RECORDS[noun], f"{noun.lower()}Id"

    def method(site: Site, actor: Actor, params: Params) -> Any:
        if kind == "activities" and not site.switches["activity_delete"]:
            raise RpcRefusal(403, "deleteActivity is not available")
        record = record_of(site, kind, params, name)
        check_rev(record, params)
        require_permission(site, actor, "canDeleteEntities")
        soft_delete(site, record, actor)
        return True

    return method


def _given(params: Params, name: str) -> dict[str, Any]:
    values = params.get(name)
    if not isinstance(values, dict):
        raise RpcRefusal(400, f"{name} must be an object")
    return values


def new_peep(noun: str) -> Method:
    """Return newContact{contact} or newAccount{account}."""
    kind, name = RECORDS[noun], noun.lower()

    def method(site: Site, actor: Actor, params: Params) -> Any:
        values = _given(params, name)
        draft = peeps.draft(site, kind, rest_values(site, kind, values, actor), actor)
        _rpc_only(draft, values)
        made = peeps.store(site, draft, actor)
        if kind == "accounts" and values.get("contacts"):
            replace_link(site, made, "contacts", [id_from(v, "contacts") for v in values["contacts"]], actor)
        return whole(site, made)

    return method


def _rpc_only(record: Record, values: dict[str, Any]) -> None:
    """Keep what only JSON-RPC can say: exact name parts, relationships on links."""
    if record["type"] == "contacts" and isinstance(values.get("name"), dict):
        name = values["name"]
        if name.get("givenName") or name.get("familyName"):
            record["firstName"], record["lastName"] = name.get("givenName"), name.get("familyName")
            record["name"] = " ".join(p for p in (record["firstName"], record["lastName"]) if p)
    relations = {
        str(v["id"]): v["relationship"]
        for v in values.get("accounts") or ()
        if isinstance(v, dict) and v.get("relationship")
    }
    if relations:
        record["relationships"] = {**record.get("relationships", {}), **relations}


def edit_peep(noun: str) -> Method:
    """Return editContact or editAccount: what is given replaces, multi-values whole."""
    kind, name = RECORDS[noun], noun.lower()

    def method(site: Site, actor: Actor, params: Params) -> Any:
        record = record_of(site, kind, params, f"{name}Id")
        check_rev(record, params)
        values = _given(params, name)
        copy = site.state.edit(kind, record["id"])
        if isinstance(values.get("name"), str):
            copy["name"] = values["name"]
            if kind == "contacts":
                copy["firstName"], copy["lastName"] = peeps.split_name(values["name"])
        if "description" in values:
            copy["description"] = values["description"]
        for theirs, ours in (("email", "emails"), ("phone", "phones"), ("url", "urls"), ("address", "addresses")):
            if theirs in values:
                copy[ours] = read_multi(site, ours, multi_from(values[theirs] or [], ours), patching=False)
        write_all(site, copy, values.get("customFields"))
        _rpc_only(copy, values)
        for relation, value in rest_links(site, kind, values, actor).items():
            replace_link(site, copy, relation, value, actor)
        return whole(site, site.state.save(copy, actor))

    return method


def new_lead(site: Site, actor: Actor, params: Params) -> Any:
    """newLead{lead}."""
    values = _given(params, "lead")
    rest = rest_values(site, "leads", values, actor)
    if values.get("products"):
        rest["links"]["productMaps"] = [
            {"quantity": p.get("quantity", 1), "price": p.get("price"), "links": {"product": id_from(p, "products")}}
            for p in values["products"]
        ]
    made = leads.new_lead(site, rest, actor)
    copy = site.state.edit("leads", made["id"])
    for field in ("confidence", "priority"):
        if field in values:
            copy[field] = int(values[field])
    if values.get("dueTime"):
        copy["dueTime"] = unix_of(values["dueTime"], "dueTime")
    made = site.state.save(copy, actor, event=False)
    for text in [values["note"]] if isinstance(values.get("note"), str) else values.get("note") or ():
        notes.new_note(site, text, made["id"], actor)
    return whole(site, made)


def edit_lead(site: Site, actor: Actor, params: Params) -> Any:
    """editLead: an outcome closes; a milestone moves when switch lead_stage_write is "rpc", else says nothing."""
    record = record_of(site, "leads", params, "leadId")
    check_rev(record, params)
    values = _given(params, "lead")
    copy = site.state.edit("leads", record["id"])
    for field in ("description", "confidence", "priority"):
        if field in values:
            copy[field] = values[field]
    if values.get("dueTime"):
        copy["dueTime"] = unix_of(values["dueTime"], "dueTime")
    write_all(site, copy, values.get("customFields"))
    for name in ("accounts", "contacts"):
        if any(not (isinstance(v, dict) and v.get("entityType")) for v in values.get(name) or ()):
            raise RpcRefusal(400, f"each of {name} needs an entityType")
    for relation, value in rest_links(site, "leads", values, actor).items():
        replace_link(site, copy, relation, value, actor)
    if values.get("milestone") and site.switches["lead_stage_write"] == "rpc":
        stage = site.state.live("stages", id_from(values["milestone"], "stages"))
        if stage is None:
            raise RpcRefusal(404, "milestone not found")
        leads.move_to_stage(site, copy, stage)
    outcome = site.state.live("outcomes", id_from(values["outcome"], "outcomes")) if values.get("outcome") else None
    saved = close(site, copy, outcome, actor) if outcome else site.state.save(copy, actor)
    return whole(site, saved)


def new_note(site: Site, actor: Actor, params: Params) -> Any:
    """newNote{entity: {entityType, id}, note}; `note` is a text or `{note}`."""
    return whole(site, notes.new_note(site, _note_text(params), id_from(params.get("entity") or {}), actor))


def _note_text(params: Params) -> Any:
    note = params.get("note")
    return (note.get("note") or note.get("body")) if isinstance(note, dict) else note


def edit_note(site: Site, actor: Actor, params: Params) -> Any:
    """editNote{noteId, rev, note}: for 24 hours, and only for its author."""
    record = record_of(site, "notes", params, "noteId")
    check_rev(record, params)
    too_old = site.state.now() - record["createdTime"] >= _EDIT_NOTE_S
    if site.switches["note_edit"] == "none" or too_old or record["creator"] != actor.id:
        raise RpcRefusal(403, "This note can no longer be edited")
    copy = site.state.edit("notes", record["id"])
    copy["body"] = notes.checked_body(site, _note_text(params))
    return whole(site, site.state.save(copy, actor))


def _activity_values(site: Site, values: dict[str, Any], held: Record | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if held is not None:
        found = {k: held[k] for k in ("name", "description", "startTime", "endTime", "isAllDay", "isFlagged", "isLogged")}
        found["links"] = {"participants": list(held["links"].get("participants") or [])}
        found["activityType"] = held["links"]["activityType"]
        note = site.state.table("notes").get(held["links"].get("logNote") or "")
        found["note"] = note["body"] if note else None
    found.update({k: values[k] for k in ("name", "description", "isAllDay", "isFlagged") if k in values})
    for field in ("startTime", "endTime"):
        if field in values:
            found[field] = unix_of(values[field], field)
    if "activityTypeId" in values:
        found["activityType"] = f"{values['activityTypeId']}-activityTypes"
    if "status" in values:
        found["isLogged"] = values["status"] == 1
    if "logNote" in values or "logDescription" in values:
        note = values.get("logNote") or values.get("logDescription")
        found["note"] = note.get("note") if isinstance(note, dict) else note
    if "participants" in values or "leads" in values:
        parts = [id_from(p) for p in values.get("participants") or ()]
        found["links"] = {"participants": [*parts, *(id_from(p, "leads") for p in values.get("leads") or ())]}
    return found


def new_activity(site: Site, actor: Actor, params: Params) -> Any:
    """newActivity{activity}; status 2 makes a cancelled one."""
    values = _given(params, "activity")
    made = activities.new_activity(site, _activity_values(site, values), actor)
    return whole(site, _cancel(site, made, values, actor))


def edit_activity(site: Site, actor: Actor, params: Params) -> Any:
    """editActivity{activityId, rev, activity}: only what is given changes."""
    record = record_of(site, "activities", params, "activityId")
    check_rev(record, params)
    values = _given(params, "activity")
    saved = activities.replace_activity(site, record, _activity_values(site, values, record), actor)
    return whole(site, _cancel(site, saved, values, actor))


def _cancel(site: Site, record: Record, values: dict[str, Any], actor: Actor) -> Record:
    if values.get("status") != 2:
        return record
    copy = site.state.edit("activities", record["id"])
    copy["isCancelled"] = True
    return site.state.save(copy, actor, event=False)


def new_task(site: Site, actor: Actor, params: Params) -> Any:
    """newTask{task}."""
    values = _given(params, "task")
    rest: dict[str, Any] = {k: values.get(k) for k in ("title", "description")}
    if values.get("dueTime"):
        rest["dueTime"] = str(unix_of(values["dueTime"], "dueTime"))
    rest["links"] = {
        "assignee": id_from(values["assignee"], "users") if values.get("assignee") else None,
        "relatedEntity": id_from(values["entity"]) if values.get("entity") else None,
    }
    return whole(site, notes.new_task(site, rest, actor))


def edit_task(site: Site, actor: Actor, params: Params) -> Any:
    """editTask: title, description, due time, assignee; completedTime only with switch task_complete."""
    record = record_of(site, "tasks", params, "taskId")
    check_rev(record, params)
    values = _given(params, "task")
    copy = site.state.edit("tasks", record["id"])
    copy.update({k: values[k] for k in ("title", "description") if k in values})
    if values.get("dueTime"):
        copy["dueTime"] = str(unix_of(values["dueTime"], "dueTime"))
    if values.get("completedTime") and site.switches["task_complete"]:
        copy["completedTime"] = unix_of(values["completedTime"], "completedTime")
    if values.get("assignee"):
        replace_link(site, copy, "assignee", id_from(values["assignee"], "users"), actor)
    return whole(site, site.state.save(copy, actor))


def new_source(site: Site, actor: Actor, params: Params) -> Any:
    """newSource{name}: the existing one of that name, or a new one."""
    name = params.get("name")
    if not isinstance(name, str) or not name.strip():
        raise RpcRefusal(400, "name is required")
    held = labels.named(site, "sources", name.strip())
    return whole(site, held or labels.new_source(site, name.strip(), 0, actor))


def new_tag(site: Site, actor: Actor, params: Params) -> Any:
    """newTag{tag: {name, entityType}}: a duplicate name is refused."""
    values = _given(params, "tag")
    types = {"Leads": "1", "Contacts": "2", "Accounts": "3"}
    tag_type = types.get(str(values.get("entityType")), values.get("tagType"))
    return whole(site, labels.new_tag(site, {"name": values.get("name"), "tagType": tag_type}, actor))


def new_product(site: Site, actor: Actor, params: Params) -> Any:
    """newProduct{product: {name, sku?, price?}}."""
    values = _given(params, "product")
    price = values.get("price")
    amount = price.get("amount") if isinstance(price, dict) else price
    row = {"name": values.get("name"), "sku": values.get("sku"), "price": str(amount or "0.00")}
    return whole(site, add_named(site, "products", row))


def new_user(site: Site, actor: Actor, params: Params) -> Any:
    """newUser{user}: a seat; refused unless switch create_users."""
    if not site.switches["create_users"]:
        raise RpcRefusal(403, "No seats available")
    values = _given(params, "user")
    if site.user_by_email(str(values.get("email"))):
        raise RpcRefusal(400, "The e-mail address is in use")
    return whole(site, add_user(site, {"email": values["email"], "name": values["name"]}))


def new_email(site: Site, actor: Actor, params: Params) -> Any:
    """newEmail{emailString}: keeps the raw message when switch rpc_new_email allows it."""
    if not site.switches["rpc_new_email"]:
        raise RpcRefusal(400, "The message could not be saved")
    row = {"name": "e-mail", "raw": str(params.get("emailString", "")), "links": {}}
    return whole(site, site.state.insert("emails", row, actor))
