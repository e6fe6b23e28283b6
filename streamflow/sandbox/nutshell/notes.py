"""Notes and tasks: create, and the little that may be changed (nutshell.md 4.2, 4.3)."""

from __future__ import annotations

from typing import Any

from streamflow.sandbox.nutshell.envelope import envelope
from streamflow.sandbox.nutshell.errors import invalid, not_found
from streamflow.sandbox.nutshell.ids import kind_of
from streamflow.sandbox.nutshell.links import replace_link
from streamflow.sandbox.nutshell.patch import PATCH_MEDIA, parse, require_patch_media
from streamflow.sandbox.nutshell.render import render
from streamflow.sandbox.nutshell.site import Call, Reply, Site
from streamflow.sandbox.nutshell.state import Actor, Record

NOTE_PARENTS = ("accounts", "contacts", "leads")
_TASK_PARENTS = (*NOTE_PARENTS, "activities")


def create_note(site: Site, call: Call) -> Reply:
    """POST /notes `{"data": {body, links: {parent}}}`; 201."""
    body = call.body()
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise invalid("The request must contain one data object.", field="data")
    record = new_note(site, data.get("body"), (data.get("links") or {}).get("parent"), call.actor)
    if site.switches["note_backdate"] and isinstance(data.get("createdTime"), int):
        copy = site.state.edit("notes", record["id"])
        copy["createdTime"] = data["createdTime"]
        record = site.state.save(copy, call.actor, event=False, action="create")
    return Reply(status=201, body=envelope(site, "notes", [render(site, record)]))


def checked_body(site: Site, text: Any) -> str:
    """Return a note's text within the limit (switches note_max_chars, note_over_limit)."""
    if not isinstance(text, str) or not text.strip():
        raise invalid("A note needs a body.", field="body")
    limit = int(site.switches["note_max_chars"])
    if len(text) > limit:
        if site.switches["note_over_limit"] == "refused":
            raise invalid("The note is too long", detail=f"At most {limit} characters.", field="body")
        return text[:limit]
    return text


def new_note(site: Site, text: Any, parent_id: Any, actor: Actor) -> Record:
    """Check and store a note under a company, person or lead."""
    body = checked_body(site, text)
    kind = kind_of(str(parent_id or ""))
    parent = site.state.live(kind, parent_id) if kind in NOTE_PARENTS else None
    if parent is None:
        raise invalid("Invalid parent", field="parent")
    return site.state.insert("notes", {"body": body, "links": {"parent": parent["id"]}}, actor)


def create_task(site: Site, call: Call) -> Reply:
    """POST /tasks in the body form of switch task_body_form; 200."""
    body = call.body()
    form = site.switches["task_body_form"]
    if form == "flat":
        values = body
    elif form == "tasks":
        values = call.items_of("tasks")[0]
    else:
        values = body.get("data") if isinstance(body, dict) else None
    if not isinstance(values, dict):
        raise invalid("The request must contain one task.", field="tasks")
    record = new_task(site, values, call.actor)
    return Reply(body=envelope(site, "tasks", [render(site, record)]))


def new_task(site: Site, values: dict[str, Any], actor: Actor) -> Record:
    """Check and store a task (switch task_assignee_filled); dueTime is a Unix time written as a string."""
    if not isinstance(values.get("title"), str) or not values["title"].strip():
        raise invalid("A task needs a title.", field="title")
    due = values.get("dueTime")
    if due is not None and not (isinstance(due, str) and due.lstrip("-").isdigit()):
        raise invalid("Invalid dueTime", field="dueTime")
    links = values.get("links") or {}
    record: Record = {"type": "tasks", "title": values["title"], "dueTime": due, "links": {}}
    record["description"] = values.get("description")
    rule = values.get("recurrenceRule")
    if rule is not None:
        if not isinstance(rule, dict) or not rule.get("rule") or rule.get("mode") not in ("dueDate", "completion"):
            raise invalid("Invalid recurrenceRule", field="recurrenceRule")
        record["recurrenceRule"] = {"id": site.state.mint.take("recurrenceRules"), **rule}
    related = links.get("relatedEntity")
    if related is not None:
        kind = kind_of(str(related))
        target = site.state.live(kind, related) if kind in _TASK_PARENTS else None
        if target is None:
            raise invalid("Invalid relatedEntity", field="relatedEntity")
        record["links"]["relatedEntity"] = target["id"]
    assignee = links.get("assignee")
    if assignee is None and site.switches["task_assignee_filled"]:
        assignee = actor.user or None
    if assignee is not None:
        replace_link(site, record, "assignee", assignee, actor)
    del record["type"]
    return site.state.insert("tasks", record, actor)


def patch_task(site: Site, call: Call) -> Reply:
    """PATCH /tasks/{id}: the assignee alone; completion when switch task_complete allows it."""
    require_patch_media(call, PATCH_MEDIA if site.switches["tasks_patch_media"] == "json-patch+json" else "application/json")
    record = site.state.live("tasks", call.params["id"])
    if record is None:
        raise not_found()
    copy = site.state.edit("tasks", record["id"])
    for operation in parse(call.body(), "tasks"):
        match operation.op, operation.path:
            case ("replace" | "add"), ("links", "assignee"):
                replace_link(site, copy, "assignee", operation.value, call.actor)
            case "remove", ("links", "assignee", *_):
                replace_link(site, copy, "assignee", None, call.actor)
            case "replace", ("isCompleted",) if site.switches["task_complete"]:
                copy["completedTime"] = site.state.now() if operation.value in (True, "true", "1") else None
            case _:
                raise invalid("Invalid path", detail="Only the assignee of a task can be changed.", field="path")
    site.state.save(copy, call.actor)
    return Reply(status=204)
