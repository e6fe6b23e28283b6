"""What a ledger must be able to explain about everything in it, asked at the end of every test of the stages."""

from __future__ import annotations

from streamflow.model import Disposition, IntentState, RecordState
from streamflow.store.base import Ledger

_WHY = (Disposition.FLAGGED, Disposition.FAILED)
_WAITING = (RecordState.PARKED, RecordState.HELD)
_OPEN_ENDED = (IntentState.ABANDONED, IntentState.PARKED, IntentState.REJECTED)


async def unexplained(ledger: Ledger) -> list[str]:
    """Name what nobody could make out: open questions without a reason or a proper answer, ends without a word, entries about nothing."""
    found = [
        f"question {item.id or item}" for item in await ledger.queue()
        if not (item.id and item.cause and item.kind and item.key and item.reason and item.decisions) or "" in item.decisions
        or item.suggested not in item.decisions
    ]
    found += [
        f"entry {row.entry}" async for page in ledger.audit() for row in page
        if not (row.entry.actor and row.entry.action and (row.entry.kind or row.entry.action.startswith("destination.")))
        or (row.entry.kind and row.entry.dest_id and not row.entry.key)
        or (row.entry.action.startswith(("doubt.", "link")) and not row.entry.note)
    ]
    for kind in sorted({count.kind for count in await ledger.counts()}):
        keys = await ledger.keys(kind)
        ends = (await ledger.staged(kind, keys)).items()
        found += [f"end of {kind} {key}" for key, each in ends if (each.disposition in _WHY or each.state in _WAITING) and not each.reason]
        for key, intents in (await ledger.intents_by_key(kind, keys)).items():
            found += [f"write of {kind} {key}" for each in intents if each.state in _OPEN_ENDED and not each.reason]
    return found
