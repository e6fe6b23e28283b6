"""
What people did under our last writes, looked for until the destination's feed can be expected to have told it.

Rule: what is still to be looked after is in the ledger, whichever phase or start wrote it. Whoever goes on from there looks, and nothing
is switched, closed or called undone before that is over.
"""

from __future__ import annotations

from streamflow.migration.context import Migration
from streamflow.stages.overwritten import UNLOOKED

WAIT_S = 1.0     # at most, between two looks at how much is left


async def look_after(migration: Migration) -> float:
    """Look after the writes that are due, for one walk of the feed or none; answers after how many seconds to ask again, 0.0 when done."""
    meanwhile = migration.meanwhile
    meanwhile.recall(await migration.ledger.settings(UNLOOKED))
    await migration.ledger.commit(await meanwhile.finish())
    return meanwhile.left_s


async def outlasted(migration: Migration, doing: str) -> bool:
    """Say whether all was told by now; else *doing* is shown with what it waits for, and a moment passes."""
    left_s = await look_after(migration)
    if left_s:
        await migration.explain(f"{doing}: waiting for what the destination may tell late of people's work on what was written last")
        await migration.control.wait(min(left_s, WAIT_S))
    return not left_s
