"""Activities: POST, PUT as full replacement, participants, log notes (nutshell.md 4.1)."""

from __future__ import annotations

from typing import Any

from streamflow.sandbox.nutshell.envelope import envelope
from streamflow.sandbox.nutshell.errors import invalid, not_found
from streamflow.sandbox.nutshell.ids import kind_of
from streamflow.sandbox.nutshell.render import render
from streamflow.sandbox.nutshell.site import Call, Reply, Site
from streamflow.sandbox.nutshell.state import Actor, Record

_FLAGS = ("isAllDay", "isFlagged", "isLogged")
_TEXTS = ("description", "location", "transcription")


def read_activity(site: Site, values: dict[str, Any]) -> Record:
    """Return the stored fields of a POST or PUT body: what is not sent gets its default. Raises a 400."""
    if not isinstance(values.get("name"), str) or not values["name"]:
        raise invalid("An activity needs a name.", field="name")
    kind = site.state.live("activityTypes", values.get("activityType"))
    if kind is None:
        raise invalid("Invalid activityType", field="activityType")
    start, end = _when(values, "startTime"), _when(values, "endTime")
    if end < start:
        raise invalid("endTime lies before startTime", field="endTime")
    if not site.switches["activity_backdate"] and start < site.state.now() - 86_400:
        raise invalid("startTime lies in the past", field="startTime")
    fields: Record = {"name": values["name"], "startTime": start, "endTime": end, "isCancelled": False}
    fields.update({k: None if values.get(k) in (None, "") else str(values[k]) for k in _TEXTS})
    fields.update({k: bool(values.get(k)) for k in _FLAGS})
    participants = (values.get("links") or {}).get("participants") or []
    fields["links"] = {"activityType": kind["id"], "participants": _participants(site, participants)}
    return fields


def _when(values: dict[str, Any], field: str) -> int:
    value = values.get(field)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"{field} must be a Unix time", field=field)
    return value


def _participants(site: Site, ids: Any) -> list[str]:
    if not isinstance(ids, list):
        raise invalid("participants must be an array.", field="participants")
    found: list[str] = []
    for rid in ids:
        kind = kind_of(str(rid))
        target = site.state.live(kind, rid) if kind in site.switches["activity_participants"] else None
        if target is None:
            raise invalid("Invalid participant", detail="A participant is no record of an accepted type.")
        if target["id"] not in found:
            found.append(target["id"])
    return found


def new_activity(site: Site, values: dict[str, Any], actor: Actor) -> Record:
    """Check and store an activity; `note` becomes a note of its own, linked as logNote."""
    fields = read_activity(site, values)
    if fields["isLogged"]:
        fields.update(loggedTime=site.state.now(), logger=actor.id)
    record = site.state.insert("activities", fields, actor)
    return _write_log_note(site, record, values.get("note"), actor)


def make_activity(site: Site, call: Call, values: dict[str, Any]) -> Record:
    """Create one activity."""
    return new_activity(site, values, call.actor)


def put_activity(site: Site, call: Call) -> Reply:
    """PUT /activities/{id}: replaces every field the body could hold, sent or not."""
    record = site.state.live("activities", call.params["id"])
    if record is None:
        raise not_found()
    values = call.items_of("activities")[0]
    saved = replace_activity(site, record, values, call.actor)
    return Reply(body=envelope(site, "activities", [render(site, saved)], sides=True))


def replace_activity(site: Site, record: Record, values: dict[str, Any], actor: Actor) -> Record:
    """Replace an activity's content; its log note is rewritten, or removed when none is sent."""
    fields = read_activity(site, values)
    copy = site.state.edit("activities", record["id"])
    note = copy["links"].get("logNote")
    copy.update(fields)
    copy["links"]["logNote"] = note
    if fields["isLogged"] and not copy.get("loggedTime"):
        copy.update(loggedTime=site.state.now(), logger=actor.id)
    if not fields["isLogged"]:
        copy.update(loggedTime=None, logger=None)
    saved = site.state.save(copy, actor)
    return _write_log_note(site, saved, values.get("note"), actor)


def _write_log_note(site: Site, record: Record, text: Any, actor: Actor) -> Record:
    held = record["links"].get("logNote")
    if not text and not held:
        return record
    if text and held:
        note = site.state.edit("notes", held)
        note["body"] = str(text)
        site.state.save(note, actor, event=False)
        return record
    copy = site.state.edit("activities", record["id"])
    if text:
        values = {"body": str(text), "links": {"parent": record["id"]}}
        copy["links"]["logNote"] = site.state.insert("notes", values, actor, event=False)["id"]
    else:
        gone = site.state.edit("notes", str(held))
        gone["deletedTime"] = site.state.now()
        site.state.save(gone, actor, event=False)
        copy["links"]["logNote"] = None
    return site.state.save(copy, actor, event=False)
