"""When we wrote to a record, as the ledger tells it: what is later than that is somebody else's work."""

from __future__ import annotations

from collections.abc import Iterable

from streamflow.clock import from_iso
from streamflow.model import DestId, Intent, IntentState, Op
from streamflow.platforms.destination import Ours


def written_by_us(dest_id: DestId, intents: Iterable[Intent], *, last: str) -> Ours:
    """
    Give when we wrote to a record, of the *intents* of its source record; *last* is when our last write was confirmed.

    A write that was surely not applied is none. When the making was begun counts only where it is all that we ever wrote: the times
    of later writes lie too far apart to be compared by two clocks.
    """
    sent = [each for each in intents if each.dest_id == dest_id and each.op is not Op.DELETE and each.state is not IntentState.ABANDONED]
    is_only_made = [(each.op, each.state) for each in sent] == [(Op.CREATE, IntentState.CONFIRMED)]
    return Ours(last=from_iso(last), begun=from_iso(sent[0].meant_at) if is_only_made else None)
