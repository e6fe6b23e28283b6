"""Single writes to Nutshell, each sent once (nutshell.md 3, 4, 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from streamflow.errors import (
    OURS,
    AccessRefused,
    NotFound,
    NotPermitted,
    PlanLimit,
    RecordRejected,
    StreamflowError,
    Throttled,
    TransientError,
    Uncertain,
)
from streamflow.model import DestId, Fields, Kind
from streamflow.platforms.destination import Ours
from streamflow.platforms.nutshell.calls import PATCH, Calls
from streamflow.platforms.nutshell.caps import Caps
from streamflow.platforms.nutshell.dialect.bodies import ACTIONS, create_body, put_activity_body
from streamflow.platforms.nutshell.dialect.envelope import made_id, rows
from streamflow.platforms.nutshell.dialect.filled import filled
from streamflow.platforms.nutshell.dialect.patch import Group, patch_groups
from streamflow.platforms.nutshell.dialect.records import flat, forgotten_links
from streamflow.platforms.nutshell.lead_actions import LeadActions
from streamflow.platforms.nutshell.people import Directory
from streamflow.platforms.nutshell.revisions import Revisions
from streamflow.platforms.nutshell.rewrites import Rewrites, ensure_same

log = structlog.get_logger(__name__)

RESTORABLE = ("accounts", "contacts", "leads", "notes", "sources")
TOGETHER = ("contacts", "notes")     # kinds whose DELETE declares a list of ids, and which can be restored (nutshell.md 7)


class NutshellWriter:
    """The writing door."""

    def __init__(self, calls: Calls, directory: Directory) -> None:
        self._calls = calls
        self._directory = directory
        self._caps = Caps(calls, directory)
        self._actions = LeadActions(calls, self._caps)
        self._revisions = Revisions(calls)
        self._rewrites = Rewrites(calls, directory, self)

    async def create(self, kind: Kind, fields: Fields, *, author: DestId | None = None) -> DestId:
        """
        Make one record with one call; a lead's pipeline, stage and outcome take one more each, only when asked for.

        Once the record is made, a refused lead action does not take that back: it is logged, and read-back shows the difference.
        Raises MadeLocked for a lead that was made and that the plan holds back.
        """
        body = create_body(kind, fields, self._calls.flags)
        try:
            data = await self._post_as(author, kind, body)
        except RecordRejected as refusal:
            raise self._caps.rejected(kind, refusal) from refusal
        except NotPermitted as refusal:
            raise await self._caps.forbidden(kind, refusal) from refusal
        dest_id = made_id(data, kind)
        if dest_id is None:
            raise Uncertain(f"POST {kind} was confirmed without an id", platform="nutshell", hint="it is found by its marker")
        await self._tie(kind, dest_id, fields, data)
        if kind == "leads":
            await self._actions.after_create(dest_id, fields)
        self._caps.made(kind, dest_id, data)
        return dest_id

    async def update(
        self, kind: Kind, dest_id: DestId, changes: Fields, *, now: Fields, author: DestId | None = None, force: bool = False
    ) -> DestId:
        """Change the named fields; the id differs when a note or task had to be made anew, which takes *force* where people were."""
        if kind == "activities":
            return await self._put_activity(dest_id, changes, now)
        if kind == "notes":
            return await self._rewrites.note(dest_id, changes, now, author, force=force)
        if kind == "tasks":
            return await self._rewrites.task(dest_id, changes, now, author, force=force)
        plain = {field: value for field, value in changes.items() if not (kind == "leads" and field in ACTIONS)}
        await self._patch(kind, dest_id, patch_groups(kind, plain, now, self._calls.flags))
        if kind == "leads":
            await self._actions.change(dest_id, changes, now)
        return dest_id

    def edits(self, kind: Kind) -> bool:
        """Tasks where JSON-RPC edits them; a note only for a day, which nobody can be sure of."""
        return kind == "tasks" and self._calls.flags.has_rpc("getTask") and self._calls.flags.has_rpc("editTask")

    def fills(self, kind: Kind) -> frozenset[str]:
        """Name what new records of a kind may get by themselves, as far as the account is known."""
        return filled(kind, self._calls.flags)

    async def delete(self, kind: Kind, dest_id: DestId) -> None:
        """Delete softly. Raises NotFound when it is gone already, RecordRejected when this kind cannot be deleted."""
        if kind == "activities":
            await self._delete_activity(dest_id, None)
            return
        await self._calls.send("DELETE", f"{kind}/{dest_id}", endpoint=f"{kind}/{{id}}")

    async def delete_all(self, kind: Kind, dest_ids: Sequence[DestId]) -> bool:
        """Delete several in one call; False when the account does not take that, and each is to be deleted by itself."""
        if not self._calls.flags.multi_delete or kind not in TOGETHER or len(dest_ids) < 2:
            return False
        try:
            await self._calls.send("DELETE", f"{kind}/{','.join(dest_ids)}", endpoint=f"{kind}/{{id}}")
        except (NotFound, RecordRejected, TransientError):
            return False     # some may be gone: deleting one by one says which
        return True

    async def delete_unchanged(self, kind: Kind, dest_id: DestId, ours: Ours) -> None:
        """As `delete`; what cannot be restored goes by its revision where that is to be had: Stale when somebody was there meanwhile."""
        if kind == "activities":
            await self._delete_activity(dest_id, ours)
        elif kind != "tasks" or not await self._revisions.deleted("Task", dest_id, ours):
            await self.delete(kind, dest_id)

    async def restore(self, kind: Kind, dest_id: DestId) -> None:
        """Undelete; tags and links to companies and people do not come back with it (7)."""
        if kind not in RESTORABLE:
            raise RecordRejected(f"deleted {kind} cannot be restored", platform="nutshell")
        await self._calls.send("POST", f"{kind}/{dest_id}/undelete", endpoint=f"{kind}/{{id}}/undelete")

    # --- creating

    async def _post_as(self, author: DestId | None, kind: Kind, body: dict[str, Any]) -> Any:
        auth = await self._directory.username_for(author)
        if auth is None or author is None:
            return await self._calls.send("POST", kind, body)
        try:
            return await self._calls.send("POST", kind, body, auth=auth)
        except AccessRefused:
            # Surely not applied: it is written under our name. That this person's is not taken is sure when ours is.
            data = await self._calls.send("POST", kind, body)
            self._directory.refuse(author)
            return data

    async def _tie(self, kind: Kind, dest_id: DestId, fields: Fields, answer: Any) -> None:
        """Set the relations that a create took and forgot, by what it answers (3.1); where that fails, read-back shows the difference."""
        row = rows(answer, kind)[0]
        lost = forgotten_links(kind, fields, row)
        try:
            await self._patch(kind, dest_id, patch_groups(kind, lost, flat(kind, row), self._calls.flags))
        except OURS:
            raise
        except StreamflowError as error:
            log.warning("nutshell.links_not_set", dest_id=dest_id, fields=sorted(lost), code=error.code, reason=error.message)

    # --- changing

    async def _patch(self, kind: Kind, dest_id: DestId, groups: list[Group]) -> None:
        """
        Send all operations in one call; when that is refused, field by field, so that one bad value keeps no other back.

        A PATCH may have been applied in part (1.11), and every operation may be repeated. The first refusal is raised at the end.
        """
        if not groups:
            return
        try:
            await self._patch_once(kind, dest_id, groups)
            return
        except RecordRejected:
            if len(groups) == 1:
                raise
        refusals: list[RecordRejected] = []
        for group in groups:
            try:
                await self._patch_once(kind, dest_id, [group])
            except RecordRejected as refusal:
                refusal.field = refusal.field or group[0]
                refusals.append(refusal)
        if refusals:
            raise refusals[0]

    async def _patch_once(self, kind: Kind, dest_id: DestId, groups: list[Group]) -> None:
        operations = [operation for _, group in groups for operation in group]
        await self._calls.send("PATCH", f"{kind}/{dest_id}", operations, endpoint=f"{kind}/{{id}}", media=PATCH)

    async def _put_activity(self, dest_id: DestId, changes: Fields, now: Fields) -> DestId:
        """A PUT replaces everything (4.1), so what people put there meanwhile is read first and sent along, their log note too."""
        row = await self._rewrites.present("activities", dest_id)
        ensure_same("activities", now, row)
        body = put_activity_body({**flat("activities", row), **changes}, self._calls.flags)
        held = body["activities"][0]
        if row.get("transcription"):
            held["transcription"] = row["transcription"]
        note = (row.get("links") or {}).get("logNote")
        if note:
            notes = rows(await self._calls.get(f"notes/{note}", endpoint="notes/{id}"), "notes")
            held["note"] = notes[0].get("body") if notes else None
        await self._calls.send("PUT", f"activities/{dest_id}", body, endpoint="activities/{id}")
        return dest_id

    async def _delete_activity(self, dest_id: DestId, ours: Ours | None) -> None:
        flags = self._calls.flags
        if flags.activity_delete != "rpc" or not flags.has_rpc("deleteActivity"):
            raise RecordRejected("activities cannot be deleted in this account", platform="nutshell", hint="delete it in the web app")
        await self._revisions.delete("Activity", dest_id, ours)

    async def recreate(self, kind: Kind, dest_id: DestId, fields: Fields, author: DestId | None) -> DestId:
        """
        Replace a record that cannot be edited: delete it, then make it anew; never two copies.

        When the new one is surely refused, the old one is restored where its kind can be, and the refusal is raised.
        """
        create_body(kind, fields, self._calls.flags)   # what would be refused by us is refused before anything is deleted
        await self.delete(kind, dest_id)
        for attempt in range(5):
            try:
                return await self.create(kind, fields, author=author)
            except Throttled as error:
                if attempt == 4:
                    await self._bring_back(kind, dest_id, error)
                    raise
            except (RecordRejected, AccessRefused, PlanLimit, NotFound) as error:
                await self._bring_back(kind, dest_id, error)
                raise
        raise Uncertain("a record was deleted and not made anew", platform="nutshell")

    async def _bring_back(self, kind: Kind, dest_id: DestId, cause: Exception) -> None:
        if kind not in RESTORABLE:
            raise Uncertain("a record was deleted to be made anew, and that was refused", platform="nutshell") from cause
        try:
            await self.restore(kind, dest_id)
        except (RecordRejected, AccessRefused, NotFound, Throttled) as error:
            raise Uncertain("a record was deleted to be made anew; neither worked", platform="nutshell") from error
