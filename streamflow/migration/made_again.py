"""
After the switch: what is to run again, or be made again, by a person's decision, and of which the source said something late.

Rule: whoever answers a question about a late version is told what the answer means for that. An answer from before says nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from streamflow.model import IntentState, QueueItem, Staged
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


async def still_owed(ledger: Ledger, staged: Staged, items: Iterable[QueueItem]) -> str:
    """Give the first of these questions, by its id, by whose answer a record is to be made again and is not yet; "" where there is none."""
    for item in items:
        if await _is_owed(ledger, staged, item):
            return item.id
    return ""


async def _is_owed(ledger: Ledger, staged: Staged, item: QueueItem) -> bool:
    """Say whether it is not made again yet: its line still leads to what is gone, or the write in doubt still stands."""
    kind, key = staged.record.kind, staged.record.key
    if (gone := item.details.get("dest_id")) is not None:
        return any(link.dest_id == gone for link in await ledger.links_of(kind, [key]))
    intent = item.details.get("intent")
    return any(each.id == intent and each.state is IntentState.PARKED for each in await ledger.intents_of(kind, key))
