"""What is done to a lead by calls of its own: pipeline, stage, closing, reopening (nutshell.md 3.3)."""

from __future__ import annotations

from typing import Any

import structlog

from streamflow.errors import OURS, NotPermitted, StreamflowError
from streamflow.model import DestId, Fields
from streamflow.platforms.nutshell.calls import PATCH, Calls
from streamflow.platforms.nutshell.caps import Caps
from streamflow.platforms.nutshell.dialect.bodies import ACTIONS
from streamflow.platforms.nutshell.dialect.ids import number_of

log = structlog.get_logger(__name__)


class LeadActions:
    """These are not safe to repeat blindly: each is left out when the lead already is where it should be."""

    def __init__(self, calls: Calls, caps: Caps) -> None:
        self._calls = calls
        self._caps = caps

    async def after_create(self, dest_id: DestId, fields: Fields) -> None:
        """Do what a new lead asks for. The lead exists, so trouble of the platform here is logged and left to read-back."""
        for action in ACTIONS:
            if fields.get(action):
                try:
                    await self._do(action, dest_id, str(fields[action]))
                except OURS:
                    raise
                except StreamflowError as error:
                    log.warning("nutshell.lead_action_failed", dest_id=dest_id, action=action, code=error.code, reason=error.message)

    async def change(self, dest_id: DestId, changes: Fields, now: Fields) -> None:
        """Do the actions among *changes* that are not true already; a stage brings its pipeline along."""
        for action in ACTIONS:
            wanted = changes.get(action)
            if action not in changes or wanted == now.get(action):
                continue
            if wanted:
                await self._do(action, dest_id, str(wanted))
            elif action == "outcome":
                await self._reopen(dest_id)

    async def _do(self, action: str, dest_id: DestId, wanted: str) -> None:
        if action == "stageset":
            await self._post(dest_id, "stageset", {"stageset": wanted})
        elif action == "outcome":
            await self._post(dest_id, "status", {"outcomeId": wanted})
        else:
            await self._move(dest_id, wanted)

    async def _reopen(self, dest_id: DestId) -> None:
        """An open lead more: the plan may have no room for it."""
        try:
            await self._post(dest_id, "reopen", None)
        except NotPermitted as refusal:
            raise await self._caps.forbidden("leads", refusal) from refusal

    async def _post(self, dest_id: DestId, verb: str, body: dict[str, Any] | None) -> None:
        await self._calls.send("POST", f"leads/{dest_id}/{verb}", body if body is not None else {}, endpoint=f"leads/{{id}}/{verb}")

    async def _move(self, dest_id: DestId, stage: str) -> None:
        """Set the stage by the way that was seen to work; where none was, the source's stage stays in its custom field."""
        way = self._calls.flags.lead_stage_write
        if way == "patch":
            await move_by_patch(self._calls, dest_id, stage)
        elif way == "rpc":
            await move_by_rpc(self._calls, dest_id, stage)


async def move_by_patch(calls: Calls, dest_id: DestId, stage: str) -> None:
    """Try the undocumented PATCH of the link."""
    body = [{"op": "replace", "path": "/leads/0/links/stage", "value": stage}]
    await calls.send("PATCH", f"leads/{dest_id}", body, endpoint="leads/{id}", media=PATCH)


async def move_by_rpc(calls: Calls, dest_id: DestId, stage: str) -> None:
    """Set the milestone by JSON-RPC, guarded by the revision."""
    number = number_of(dest_id)
    held = await calls.ask("getLead", {"leadId": number, "rev": None})
    rev = str(held.get("rev")) if isinstance(held, dict) else None
    milestone = {"entityType": "Milestones", "id": number_of(stage)}
    await calls.tell("editLead", {"leadId": number, "rev": rev, "lead": {"milestone": milestone}})
