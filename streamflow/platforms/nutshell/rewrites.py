"""Changing what REST cannot change: the text of notes, the content of tasks (nutshell.md 4.2, 4.3, 8)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from streamflow.errors import AccessRefused, NotFound, ProtocolMismatch, RecordRejected
from streamflow.model import DestId, Fields, Kind
from streamflow.platforms.nutshell.calls import JSON, PATCH, Calls
from streamflow.platforms.nutshell.dialect.ids import number_of, rpc_entity
from streamflow.platforms.nutshell.dialect.parts import link_ids
from streamflow.platforms.nutshell.dialect.refusals import names_media_type
from streamflow.platforms.nutshell.people import Directory

CONFLICT = 409
_ASSIGNEE = "link:assignee"


class Recreator(Protocol):
    """Who can make a record anew under another id."""

    async def recreate(self, kind: Kind, dest_id: DestId, fields: Fields, author: DestId | None) -> DestId: ...


class Rewrites:
    """Edits in place where the account allows it, else deletes and makes anew: never two copies, never the old text left."""

    def __init__(self, calls: Calls, directory: Directory, recreator: Recreator) -> None:
        self._calls = calls
        self._directory = directory
        self._recreator = recreator

    async def note(self, dest_id: DestId, changes: Fields, now: Fields, author: DestId | None) -> DestId:
        """Edit by JSON-RPC while it is young and ours, else make it anew; a new parent always makes it anew."""
        if not changes:
            return dest_id
        fields = {**now, **changes}
        same_parent = fields.get("link:parent") == now.get("link:parent")
        if same_parent and self._calls.flags.note_edit == "rpc_24h" and await self.edited(dest_id, str(fields.get("body") or ""), author):
            return dest_id
        return await self._recreator.recreate("notes", dest_id, fields, author)

    async def edited(self, dest_id: DestId, body: str, author: DestId | None) -> bool:
        """True when the platform took the edit, False when it surely did not; a revision that moved on is raised: a person was there."""
        number = number_of(dest_id)
        auth = await self._directory.username_for(author)
        try:
            held = await self._calls.ask("getNote", {"noteId": number, "rev": None})
            if not isinstance(held, dict) or held.get("rev") is None:
                return False
            await self._calls.tell("editNote", {"noteId": number, "rev": str(held["rev"]), "note": body}, auth=auth)
        except (RecordRejected, AccessRefused, NotFound, ProtocolMismatch) as error:
            if isinstance(error, RecordRejected) and error.status == CONFLICT:
                raise
            return False
        return True

    async def task(self, dest_id: DestId, changes: Fields, now: Fields, author: DestId | None) -> DestId:
        """Patch the assignee by REST; anything else by JSON-RPC, and where that is not to be had, make it anew."""
        if not changes:
            return dest_id
        if set(changes) == {_ASSIGNEE} and changes[_ASSIGNEE]:
            await self._assign(dest_id, str(changes[_ASSIGNEE]))
            return dest_id
        if "link:relatedEntity" not in changes and await self._task_edited(dest_id, changes):
            return dest_id
        return await self._recreator.recreate("tasks", dest_id, {**now, **changes}, author)

    async def _assign(self, dest_id: DestId, user: str) -> None:
        body = [{"op": "replace", "path": "/tasks/0/links/assignee", "value": user}]
        media = PATCH if self._calls.flags.tasks_patch_media == "json-patch+json" else JSON
        try:
            await self._calls.send("PATCH", f"tasks/{dest_id}", body, endpoint="tasks/{id}", media=media)
        except RecordRejected as refusal:
            if not names_media_type(refusal):
                raise
            other = JSON if media == PATCH else PATCH
            await self._calls.send("PATCH", f"tasks/{dest_id}", body, endpoint="tasks/{id}", media=other)
            self._calls.adopt({"tasks_patch_media": "json" if other == JSON else "json-patch+json"})

    async def _task_edited(self, dest_id: DestId, changes: Fields) -> bool:
        if not self._calls.flags.has_rpc("editTask"):
            return False
        number = number_of(dest_id)
        try:
            held = await self._calls.ask("getTask", {"taskId": number, "rev": None})
            if not isinstance(held, dict) or held.get("rev") is None:
                return False
            await self._calls.tell("editTask", {"taskId": number, "rev": str(held["rev"]), "task": task_values(changes)})
        except (RecordRejected, ProtocolMismatch) as error:
            if isinstance(error, RecordRejected) and error.status == CONFLICT:
                raise
            return False
        return True


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
