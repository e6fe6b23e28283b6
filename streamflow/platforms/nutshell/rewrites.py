"""
Changing what REST cannot change: the text of notes, the content of tasks (nutshell.md 4.2, 4.3, 8).

Whatever way it goes, the record is read once more: one that is no longer as it was when the change was decided is left (Stale). Editing
in place goes by the revision taken before that reading, so nothing can slip in between.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from streamflow.errors import AccessRefused, NotFound, ProtocolMismatch, RecordRejected, Stale
from streamflow.model import DestId, Fields, Kind, Verdict
from streamflow.platforms.nutshell.calls import JSON, PATCH, Calls
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.platforms.nutshell.dialect.envelope import is_gone, rows
from streamflow.platforms.nutshell.dialect.ids import number_of, rpc_entity
from streamflow.platforms.nutshell.dialect.parts import link_ids
from streamflow.platforms.nutshell.dialect.records import flat
from streamflow.platforms.nutshell.dialect.refusals import names_media_type
from streamflow.platforms.nutshell.people import Directory

CONFLICT = 409
_ASSIGNEE = "link:assignee"
PEOPLES = ("comments", "files", "isCompleted", "recurrenceRule", "isCancelled")
"""What people put on a note, task or call, and what is not carried over when it is made anew."""


class Recreator(Protocol):
    """Who can make a record anew under another id."""

    async def recreate(self, kind: Kind, dest_id: DestId, fields: Fields, author: DestId | None) -> DestId: ...


class Rewrites:
    """Edits in place where the account allows it, else deletes and makes anew: never two copies, never the old text left."""

    def __init__(self, calls: Calls, directory: Directory, recreator: Recreator) -> None:
        self._calls = calls
        self._directory = directory
        self._recreator = recreator

    async def present(self, kind: Kind, dest_id: DestId) -> dict[str, Any]:
        """Read a record as it is now. Raises NotFound when it is gone."""
        found = rows(await self._calls.get(f"{kind}/{dest_id}", endpoint=f"{kind}/{{id}}"), kind)
        row = next((row for row in found if row.get("id") == dest_id), None)
        if row is None or is_gone(row):
            raise NotFound(f"{dest_id} is gone", platform="nutshell")
        return row

    async def _anew(self, kind: Kind, dest_id: DestId, changes: Fields, now: Fields, author: DestId | None, *, force: bool) -> DestId:
        """Make a record anew; never one that holds what people put there, unless a person said so."""
        row = await self.present(kind, dest_id)
        ensure_same(kind, now, row)
        held = flat(kind, row)
        is_completed = kind == "tasks" and self._calls.flags.task_complete and bool(held.get("isCompleted"))
        theirs = [name for name in PEOPLES if held.get(name) and not (is_completed and name == "isCompleted")]
        if theirs and not force:
            raise RecordRejected(
                f"it cannot be edited in place, and people worked on it ({', '.join(theirs)})", platform="nutshell",
                hint="change it by hand, then waive this",
            )
        made = await self._recreator.recreate(kind, dest_id, {**held, **now, **changes}, author)
        if is_completed and changes.get("isCompleted", True):
            await self._patched(made, "isCompleted", True)
        return made

    async def note(self, dest_id: DestId, changes: Fields, now: Fields, author: DestId | None, *, force: bool = False) -> DestId:
        """Edit by JSON-RPC while it is young and ours, else make it anew; a new parent always makes it anew."""
        if not changes:
            return dest_id
        fields = {**now, **changes}
        same_place = fields.get("link:parent") == now.get("link:parent") and "createdTime" not in changes
        is_young = same_place and self._calls.flags.note_edit == "rpc_24h"
        if is_young and await self.edited(dest_id, str(fields.get("body") or ""), author, now=now):
            return dest_id
        return await self._anew("notes", dest_id, changes, now, author, force=force)

    async def edited(self, dest_id: DestId, body: str, author: DestId | None, *, now: Fields | None = None) -> bool:
        """True when the platform took the edit, False when it surely did not. Raises Stale when a person was there since *now*."""
        number = number_of(dest_id)
        auth = await self._directory.username_for(author)
        try:
            held = await self._calls.ask("getNote", {"noteId": number, "rev": None})
            if not isinstance(held, dict) or held.get("rev") is None:
                return False
            if now is not None:
                ensure_same("notes", now, await self.present("notes", dest_id))
            await self._calls.tell("editNote", {"noteId": number, "rev": str(held["rev"]), "note": body}, auth=auth)
        except (RecordRejected, AccessRefused, NotFound, ProtocolMismatch) as error:
            if isinstance(error, RecordRejected) and error.status == CONFLICT:
                raise Stale("somebody changed it at the same moment", platform="nutshell") from error
            return False
        return True

    async def task(self, dest_id: DestId, changes: Fields, now: Fields, author: DestId | None, *, force: bool = False) -> DestId:
        """Patch the assignee by REST; anything else by JSON-RPC, and where that is not to be had, make it anew."""
        if not changes:
            return dest_id
        if changes.get("isCompleted"):
            rest = {name: value for name, value in changes.items() if name != "isCompleted"}
            dest_id = await self.task(dest_id, rest, now, author, force=force)
            await self._patched(dest_id, "isCompleted", True)
            return dest_id
        if set(changes) == {_ASSIGNEE} and changes[_ASSIGNEE]:
            await self._patched(dest_id, "links/assignee", str(changes[_ASSIGNEE]))
            return dest_id
        if "link:relatedEntity" not in changes and await self._task_edited(dest_id, changes, now):
            return dest_id
        return await self._anew("tasks", dest_id, changes, now, author, force=force)

    async def _patched(self, dest_id: DestId, path: str, value: Any) -> None:
        body = [{"op": "replace", "path": f"/tasks/0/{path}", "value": value}]
        media = PATCH if self._calls.flags.tasks_patch_media == "json-patch+json" else JSON
        try:
            await self._calls.send("PATCH", f"tasks/{dest_id}", body, endpoint="tasks/{id}", media=media)
        except RecordRejected as refusal:
            if not names_media_type(refusal):
                raise
            other = JSON if media == PATCH else PATCH
            await self._calls.send("PATCH", f"tasks/{dest_id}", body, endpoint="tasks/{id}", media=other)
            self._calls.adopt({"tasks_patch_media": "json" if other == JSON else "json-patch+json"})

    async def _task_edited(self, dest_id: DestId, changes: Fields, now: Fields) -> bool:
        if not self._calls.flags.has_rpc("editTask"):
            return False
        number = number_of(dest_id)
        try:
            held = await self._calls.ask("getTask", {"taskId": number, "rev": None})
            if not isinstance(held, dict) or held.get("rev") is None:
                return False
            ensure_same("tasks", now, await self.present("tasks", dest_id))
            await self._calls.tell("editTask", {"taskId": number, "rev": str(held["rev"]), "task": task_values(changes)})
        except (RecordRejected, ProtocolMismatch) as error:
            if isinstance(error, RecordRejected) and error.status == CONFLICT:
                raise Stale("somebody changed it at the same moment", platform="nutshell") from error
            return False
        return True


def ensure_same(kind: Kind, now: Fields, row: dict[str, Any]) -> None:
    """Raise Stale when a record is no longer what *now* says, or holds what people put there since."""
    held = flat(kind, row)
    differing = [name for name, value in now.items() if compare(kind, name, value, held.get(name)) is Verdict.DIFFERS]
    differing += [name for name in PEOPLES if held.get(name) and name not in now]
    if differing:
        raise Stale(f"{', '.join(sorted(set(differing)))} changed since it was read", platform="nutshell")


def task_values(changes: Fields) -> dict[str, Any]:
    """Give changed fields of a task as JSON-RPC takes them; times as RFC 3339."""
    values: dict[str, Any] = {name: changes[name] or "" for name in ("title", "description") if name in changes}
    if "dueTime" in changes:
        due = changes["dueTime"]
        values["dueTime"] = None if due is None else datetime.fromtimestamp(int(due), UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    if _ASSIGNEE in changes:
        ids = link_ids(changes, "assignee")
        values["assignee"] = rpc_entity(ids[0]) if ids else None
    return values
