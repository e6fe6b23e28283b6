"""
Which questions were decided after the switch, and on which version of their record: noted with the answer.

Rule: the times of answers say so only where nothing was noted, by earlier versions of the program: somebody may have set the clock.
"""

from __future__ import annotations

from typing import Final

from streamflow.ledger_names import LATE, SWITCHED
from streamflow.model import QueueItem
from streamflow.stages.reopened import version_of
from streamflow.store.base import Ledger
from streamflow.store.change import Change, PutSetting

DECIDED: Final = "watch:decided:"
"""Prefix of the setting that says which version of its record a question was decided on: by its id."""
STAYS: Final = frozenset({"accept", "waive", "keep", "ignore", "note", "done"})
"""Decisions that leave everything as it is: they let nothing go on, and are taken also when nothing is carried out any more."""
ANY: Final = ""      # none was read by then, or it is about no single record; of a record the first version that goes on then is noted


async def decided_on(ledger: Ledger, item: QueueItem) -> list[Change]:
    """Note, after the switch, that a question which is not about a late write is decided, and on which version of its record."""
    if item.cause == LATE or await ledger.setting(SWITCHED) is None:
        return []
    staged = (await ledger.staged(item.kind, [item.present_key])).get(item.present_key) if item.key else None
    return [PutSetting(name=f"{DECIDED}{item.id}", value=ANY if staged is None else version_of(staged))]
