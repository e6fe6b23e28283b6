"""
After the switch: what is to run again, or be made again, by a person's decision, and of which the source said something late.

Rule: whoever answers a question about a late version is told what the answer means for that. An answer from before says nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamflow.migration.late_questions import WISH
from streamflow.migration.let_go import LetGo
from streamflow.model import IntentState, QueueItem, Staged
from streamflow.stages.reopened import asked_name, runs_along, version_of
from streamflow.store.base import Ledger

MADE_AGAIN: Final = (
    "somebody had it made again, and what the source says of it by now was written after the switch: taken, it is made again with that; "
    "ignored, it is not made again"
)
COMES_ALONG: Final = (
    "somebody had made again what it belongs to, and what the source says of it by now was written after the switch: taken, it comes along "
    "with that; ignored, it stays as it is in the destination, and away where it is no longer there"
)
CAME_ALONG: Final = (
    "people had brought it back in the destination, and somebody had made again what it belongs to since: taken, it comes along as the "
    "source has it; ignored, it stays as it is in the destination, and away where it is no longer there"
)
GOES_ON: Final = (
    "somebody answered another question about it so that it goes on, and what the source says of it by now was written after the switch: "
    "taken, it goes on with that, as was answered; ignored, nothing comes of that answer"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A decision that is still to be carried out on a record: what tells it from others, and what is asked because of it."""

    id: str
    reason: str


async def wish_for(ledger: Ledger, staged: Staged, before: QueueItem | None, let_go: LetGo, *, is_back: bool) -> Wish | None:
    """
    Say what is to be carried out on a record that is about to be held as late, or since people brought it back.

    *before* is the last question about such a version.
    """
    ref = staged.record.kind, staged.record.key
    for item in let_go.recreated.get(ref, ()):
        if await _is_owed(ledger, staged, item):
            return Wish(id=item.id, reason=MADE_AGAIN)
    if runs_along(staged, let_go.along, let_go.asked):     # no longer so once it was asked about
        return Wish(id=str(let_go.asked.get(asked_name(*ref))), reason=CAME_ALONG if is_back else COMES_ALONG)
    if goes_on := let_go.goes_on.get((*ref, version_of(staged)), ()):
        return Wish(id=goes_on[0], reason=GOES_ON)
    if before is not None and before.state == "open" and WISH in before.details:      # of a later version the same is asked
        return Wish(id=before.details[WISH], reason=before.reason)
    return None


async def _is_owed(ledger: Ledger, staged: Staged, item: QueueItem) -> bool:
    """Say whether it is not made again yet: its line still leads to what is gone, or the write in doubt still stands."""
    kind, key = staged.record.kind, staged.record.key
    if (gone := item.details.get("dest_id")) is not None:
        return any(link.dest_id == gone for link in await ledger.links_of(kind, [key]))
    intent = item.details.get("intent")
    return any(each.id == intent and each.state is IntentState.PARKED for each in await ledger.intents_of(kind, key))
