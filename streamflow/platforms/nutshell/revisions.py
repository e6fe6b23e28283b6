"""Deleting by JSON-RPC under the record's revision: nothing is removed that somebody changed meanwhile (nutshell.md 8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from streamflow.errors import AccessRefused, NotFound, ProtocolMismatch, RecordRejected, Stale
from streamflow.model import DestId
from streamflow.platforms.destination import Ours
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.ids import number_of

CONFLICT = 409
MAKING_S = 2          # a record may get its last touch of making this long after it was made
SLACK_S = 120         # by which the platform's clock may differ from ours


class Revisions:
    """Asks for a record with its revision and deletes exactly that one."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def deleted(self, noun: str, dest_id: DestId, ours: Ours) -> bool:
        """True when it was deleted so; False when the account does not let us, and nothing happened."""
        flags = self._calls.flags
        if not flags.has_rpc(f"get{noun}") or not flags.has_rpc(f"delete{noun}"):
            return False
        try:
            await self.delete(noun, dest_id, ours)
        except (RecordRejected, ProtocolMismatch, AccessRefused):
            return False
        return True

    async def delete(self, noun: str, dest_id: DestId, ours: Ours | None) -> None:
        """Delete it. Raises NotFound when it is gone, Stale when it was changed after our writes (*ours*) or while this went on."""
        name = f"{noun.lower()}Id"
        held = await self._calls.ask(f"get{noun}", {name: number_of(dest_id), "rev": None})
        if not isinstance(held, dict) or held.get("rev") is None:
            raise ProtocolMismatch(f"get{noun} answered without a revision", platform="nutshell")
        if held.get("deletedTime"):
            raise NotFound(f"the {noun.lower()} is gone already", platform="nutshell")
        if ours is not None and _was_changed(held, ours):
            raise Stale(f"modified at {held['modifiedTime']}", platform="nutshell")
        try:
            await self._calls.tell(f"delete{noun}", {name: number_of(dest_id), "rev": str(held["rev"])})
        except RecordRejected as error:
            if error.status == CONFLICT:
                raise Stale("modified while it was being removed", platform="nutshell") from error
            raise


def _was_changed(held: dict[str, Any], ours: Ours) -> bool:
    """
    Say whether the times of a record show a change after its making and after our last write; without times nothing is said.

    Of one that we only ever made, both ends are by the platform's clock and ours alike, so that no slack is needed between the two.
    """
    made, modified = _moment(held.get("createdTime")), _moment(held.get("modifiedTime"))
    if made is None or modified is None or (modified - made).total_seconds() <= MAKING_S:
        return False
    if ours.begun is not None and ours.begun <= ours.last and modified - made > ours.last - ours.begun + timedelta(seconds=MAKING_S):
        return True
    return (modified - ours.last).total_seconds() > SLACK_S


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
