"""Probes on leads, activities, notes and tasks (nutshell.md 3.3, 4, 11)."""

from __future__ import annotations

from typing import Any

from streamflow.errors import AccessRefused, NotFound, ProtocolMismatch, RecordRejected
from streamflow.model import DestId, Fields
from streamflow.platforms.nutshell.bench import Bench
from streamflow.platforms.nutshell.calls import JSON, PATCH
from streamflow.platforms.nutshell.dialect.compare import tidy
from streamflow.platforms.nutshell.dialect.envelope import rows
from streamflow.platforms.nutshell.dialect.ids import number_of
from streamflow.platforms.nutshell.dialect.parts import CUSTOM, customs_from_wire
from streamflow.platforms.nutshell.dialect.patch import custom_path
from streamflow.platforms.nutshell.dialect.records import one
from streamflow.platforms.nutshell.flags import ENTITIES
from streamflow.platforms.nutshell.lead_actions import move_by_patch, move_by_rpc
from streamflow.platforms.nutshell.people import Directory
from streamflow.platforms.nutshell.probes_people import MARKED
from streamflow.platforms.nutshell.rewrites import Rewrites
from streamflow.platforms.nutshell.writer import NutshellWriter

DUE = 1_767_225_600
MAY_GO = "Made by streamflow to learn what this account can do. It may be deleted."
TWO_YEARS_S = 2 * 365 * 86_400
LONG_LENGTHS = (20_000, 10_000, 5_000, 2_000, 1_000, 500)
NOTE_LENGTHS = (30_000, 20_000, 10_000, 5_000, 2_000, 1_000)


async def lonely_lead(bench: Bench) -> dict[str, Any]:
    """See whether a lead may stand without a person or company."""
    marker = bench.marker()
    try:
        await bench.make("leads", marker, {"description": marker}, lead_requires_contact=False)
    except RecordRejected:
        return {"lead_requires_contact": True}
    bench.known.pop("leads", None)
    return {"lead_requires_contact": False}


async def lead(bench: Bench) -> dict[str, Any]:
    """Make a lead with a due time, in the form that is taken and kept."""
    for form in ("object", "int", "string"):
        marker = bench.marker()
        fields: Fields = {"description": marker, "dueTime": DUE, "link:contacts": [bench.anchor("contacts")], MARKED: marker}
        try:
            dest_id = await bench.make("leads", marker, fields, lead_due_form=form)
        except RecordRejected:
            continue
        if (await bench.fields("leads", dest_id)).get("dueTime") == DUE:
            return {"lead_due_form": form}
        bench.known.pop("leads", None)
    marker = bench.marker()
    await bench.make("leads", marker, {"description": marker, "link:contacts": [bench.anchor("contacts")]})
    raise RecordRejected("a due time was taken in no known form", field="dueTime", platform="nutshell")


async def owners_filled(bench: Bench) -> dict[str, Any]:
    """See which of the records made so far, all of them for nobody, have got an owner; where none did, one was given by people."""
    return {"owner_filled": [kind for kind in ENTITIES if (await bench.fields(kind, bench.anchor(kind))).get("link:owner")]}


async def stage(bench: Bench) -> dict[str, Any]:
    """Move the lead to another stage of its pipeline by the two possible ways, reading back after each."""
    dest_id = bench.anchor("leads")
    held = await bench.fields("leads", dest_id)
    listed = rows(await bench.calls.get("stages"), "stages")
    same = [str(row["id"]) for row in listed if one((row.get("links") or {}).get("stageset")) == held.get("stageset")]
    other = next((stage_id for stage_id in same if stage_id != held.get("stage")), None)
    if other is None:
        raise RecordRejected("the pipeline has no second stage to move to", platform="nutshell")
    for way, move in (("patch", move_by_patch), ("rpc", move_by_rpc)):
        try:
            await move(bench.calls, dest_id, other)
        except (RecordRejected, AccessRefused, NotFound, ProtocolMismatch):
            continue
        if (await bench.fields("leads", dest_id)).get("stage") == other:
            return {"lead_stage_write": way}
    return {"lead_stage_write": "none"}


async def long_text(bench: Bench, label: str) -> dict[str, Any]:
    """
    Write the longest text that a long custom field of the lead keeps whole, line ends included; 0 where it keeps none tried.

    Each character takes three bytes, so that a limit in bytes is met as well. What a PATCH takes is what an update may send later.
    """
    dest_id = bench.anchor("leads")
    path = custom_path("leads", label, bench.flags)
    for length in LONG_LENGTHS:
        text = (f"{'€' * 39}\n" * (length // 40 + 1))[: length - 5] + "\nend."
        try:
            await bench.patch("leads", dest_id, path, text)
        except RecordRejected:
            continue
        data = await bench.calls.get(f"leads/{dest_id}/customfields", endpoint="leads/{id}/customfields")
        if tidy(str(customs_from_wire(rows(data, "customFields")).get(f"{CUSTOM}{label}") or "")) == text:
            return {"long_text_max_chars": length}
    return {"long_text_max_chars": 0}


async def activity(bench: Bench, directory: Directory) -> dict[str, Any]:
    """
    Make one logged activity two years back with every sort of participant; with the person alone when that is refused.

    No more than one: it is not known yet whether activities can be removed again.
    """
    people = await _participants(bench, directory)
    start = int(bench.clock.now().timestamp()) - TWO_YEARS_S
    try:
        dest_id = await _logged(bench, list(people.values()), start)
    except RecordRejected:
        try:
            dest_id = await _logged(bench, [people["contacts"]], start)
        except RecordRejected:
            start = 0
            dest_id = await _logged(bench, [people["contacts"]], _an_hour_ago(bench))
    held = await bench.fields("activities", dest_id)
    kept = {kind for kind, i in people.items() if i in held.get("link:participants", ())}
    return {
        "activity_backdate": held.get("startTime") == start,
        "activity_participants": tuple(k for k in bench.flags.activity_participants if k in kept or k not in people),
    }


async def activity_participants(bench: Bench, directory: Directory) -> dict[str, Any]:
    """Try the sorts of participants one by one that were not taken together; only where activities can be removed again."""
    people = await _participants(bench, directory)
    taken = {*bench.flags.activity_participants, "contacts"}
    missing = [kind for kind in people if kind not in taken]
    if not missing:
        return {}
    if bench.flags.activity_delete == "none":
        raise RecordRejected("what more an activity takes part in is not tried: none could be removed again", platform="nutshell")
    start = int(bench.clock.now().timestamp()) - TWO_YEARS_S if bench.flags.activity_backdate else _an_hour_ago(bench)
    taken |= {kind for kind in missing if await _is_taken(bench, people["contacts"], people[kind], start)}
    return {"activity_participants": tuple(kind for kind in ("users", "contacts", "leads", "accounts") if kind in taken)}


async def _participants(bench: Bench, directory: Directory) -> dict[str, DestId]:
    me = await directory.myself()
    people = {"contacts": bench.anchor("contacts"), "leads": bench.anchor("leads"), "accounts": bench.anchor("accounts")}
    return people if me is None else {**people, "users": str(me["id"])}


def _an_hour_ago(bench: Bench) -> int:
    return int(bench.clock.now().timestamp()) - 3_600


async def _logged(bench: Bench, participants: list[DestId], start: int) -> DestId:
    types = await _types(bench) or await _types(bench)      # one empty list is not believed
    if not types:
        raise ProtocolMismatch("the account names no type of activity", platform="nutshell")
    marker = bench.marker()
    fields: Fields = {
        "name": marker, "description": f"{marker}\n{MAY_GO}", "activityType": str(types[0]["id"]), "startTime": start,
        "endTime": start + 600, "isLogged": True, "link:participants": participants,
    }  # fmt: skip
    return await bench.make("activities", marker, fields, activity_participants=("users", "contacts", "leads", "accounts"))


async def _types(bench: Bench) -> list[dict[str, Any]]:
    return rows(await bench.calls.get("activitytypes"), "activityTypes")


async def _is_taken(bench: Bench, contact: DestId, other: DestId, start: int) -> bool:
    try:
        dest_id = await _logged(bench, [contact, other], start)
    except RecordRejected:
        return False
    return other in (await bench.fields("activities", dest_id)).get("link:participants", ())


async def activity_removal(bench: Bench) -> dict[str, Any]:
    """See whether activities can be deleted, on the one just made."""
    dest_id, marker = bench.known["activities"] if "activities" in bench.known else (bench.anchor("activities"), "")
    try:
        await bench.remove("activities", marker, dest_id)
    except (RecordRejected, AccessRefused, ProtocolMismatch):
        return {"activity_delete": "none"}
    return {"activity_delete": "rpc"}


async def note(bench: Bench) -> dict[str, Any]:
    """Write the longest note that is taken whole."""
    for length in NOTE_LENGTHS:
        marker = bench.marker()
        body = f"{marker}\n{'streamflow ' * (length // 11)}"[: length - 5] + "\nend."
        try:
            dest_id = await bench.make("notes", marker, {"body": body, "link:parent": bench.anchor("contacts")}, note_max_chars=length)
        except RecordRejected:
            continue
        held = str((await bench.fields("notes", dest_id)).get("body") or "")
        if tidy(held) == tidy(body):
            bench.known["notes"] = (dest_id, marker)
            return {"note_max_chars": length}
    raise RecordRejected("a note is kept whole in no length tried", field="body", platform="nutshell")


async def note_edit(bench: Bench, writer: NutshellWriter, directory: Directory) -> dict[str, Any]:
    """See whether a young note of our own can be edited by JSON-RPC."""
    dest_id, marker = bench.known["notes"] if "notes" in bench.known else (bench.anchor("notes"), "")
    edited = await Rewrites(bench.calls, directory, writer).edited(dest_id, f"{marker}\nedited", None)
    held = await bench.fields("notes", dest_id)
    return {"note_edit": "rpc_24h" if edited and str(held.get("body", "")).endswith("edited") else "none"}


async def task(bench: Bench, directory: Directory) -> dict[str, Any]:
    """Make a task in the body form that is taken and kept."""
    for form in ("flat", "tasks", "data"):
        marker = bench.marker()
        fields: Fields = {"title": marker, "description": marker, "dueTime": DUE, "link:relatedEntity": bench.anchor("contacts")}
        me = await directory.myself()
        if me is not None:
            fields["link:assignee"] = str(me["id"])
        try:
            dest_id = await bench.make("tasks", marker, fields, task_body_form=form)
        except RecordRejected:
            continue
        if (await bench.fields("tasks", dest_id)).get("title") == marker:
            return {"task_body_form": form}
    raise RecordRejected("a task was taken in no known form", platform="nutshell")


async def task_for_nobody(bench: Bench) -> dict[str, Any]:
    """See whether a task that is made for nobody gets an assignee; where it gets none, one that has it was given to somebody by people."""
    marker = bench.marker()
    fields: Fields = {"title": marker, "description": marker, "dueTime": DUE, "link:relatedEntity": bench.anchor("contacts")}
    dest_id = await bench.make("tasks", marker, fields)
    return {"task_assignee_filled": bool((await bench.fields("tasks", dest_id)).get("link:assignee"))}


async def task_media(bench: Bench, directory: Directory) -> dict[str, Any]:
    """See which media type a PATCH of a task wants."""
    dest_id = bench.anchor("tasks")
    me = await directory.myself()
    if me is None:
        raise RecordRejected("there is no user to assign the task to", platform="nutshell")
    for name, media in (("json-patch+json", PATCH), ("json", JSON)):
        try:
            await bench.patch("tasks", dest_id, "/tasks/0/links/assignee", str(me["id"]), media=media)
        except RecordRejected:
            continue
        return {"tasks_patch_media": name}
    raise RecordRejected("a task's assignee cannot be changed", platform="nutshell")


async def task_complete(bench: Bench) -> dict[str, Any]:
    """See whether a task can be completed, which nothing documents."""
    dest_id = bench.anchor("tasks")
    try:
        media = PATCH if bench.flags.tasks_patch_media == "json-patch+json" else JSON
        await bench.patch("tasks", dest_id, "/tasks/0/isCompleted", True, media=media)
    except RecordRejected:
        return {"task_complete": False}
    return {"task_complete": bool((await bench.fields("tasks", dest_id)).get("isCompleted"))}


async def note_backdate(bench: Bench) -> dict[str, Any]:
    """See whether a note keeps a time of its own, which nothing documents."""
    marker, at = bench.marker(), int(bench.clock.now().timestamp()) - TWO_YEARS_S
    fields: Fields = {"body": marker, "link:parent": bench.anchor("contacts"), "createdTime": at}
    try:
        dest_id = await bench.make("notes", marker, fields, note_backdate=True)
    except RecordRejected:
        return {"note_backdate": False}
    return {"note_backdate": (await bench.fields("notes", dest_id)).get("createdTime") == at}


async def multi_get(bench: Bench) -> dict[str, Any]:
    """See, kind by kind, how many ids one GET may name, up to the number assumed; on records the account has."""
    kinds: dict[str, int] = {}
    for kind in ("accounts", "contacts", "leads", "notes", "activities", "tasks"):
        listed = rows(await bench.calls.get(kind, query=[("page[limit]", str(bench.flags.multi_get_max))]), kind)
        ids = sorted({str(row["id"]) for row in listed if row.get("id")}, key=number_of)
        count = len(ids)
        while count > 1 and not await _together(bench, kind, ids[:count]):
            count //= 2
        if count < len(ids):
            kinds[kind] = max(1, count)
    return {"multi_get_kinds": kinds}


async def _together(bench: Bench, kind: str, ids: list[str]) -> bool:
    try:
        found = rows(await bench.calls.get(f"{kind}/{','.join(ids)}", endpoint=f"{kind}/{{id}}"), kind)
    except (RecordRejected, NotFound, ProtocolMismatch):
        return False
    return len(found) >= max(1, len(ids) - 1)    # one may have been deleted meanwhile
