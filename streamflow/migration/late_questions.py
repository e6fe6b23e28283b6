"""
Questions about what was written in the source after the switch: their names, one for each version of a record, and what they say.

Rule: a version that a record comes back to is asked about anew, under the same name with a mark behind it.
"""

from __future__ import annotations

from typing import Final

from streamflow.ledger_names import LATE
from streamflow.model import Staged
from streamflow.stages.questions import AGAIN, next_question, repeated
from streamflow.stages.reopened import version_of
from streamflow.store.base import Ledger

WRITTEN_LATE: Final = "written in the source after the switch; the destination is the system of record"
BROUGHT_BACK: Final = (
    "people brought back in the destination, after the switch, what it is or belongs to; what the source said of it may differ"
)
WISH: Final = "wish"
"""The detail of a question about a late version that names the decision whose fate it settles too."""
INSTEAD: Final = "asked_instead"
"""The word by which the engine closes an open question about a late version that is put anew: of a later one, or since it means more."""
WENT_ON: Final = "went_on"
"""The word by which it closes one about a record that goes on by another answer."""


def late_id(staged: Staged) -> str:
    """Give the id of the queue item about this version of a record, by the first eight characters of its digest."""
    return f"{LATE}:{staged.record.kind}:{staged.record.key}:{version_of(staged)}"


def version_in(id: str) -> str:
    """Give the version that a question is about, by its id, whichever time it is put."""
    while id.endswith(AGAIN):
        id = id.removesuffix(AGAIN)
    return id.rpartition(":")[2]


def is_heard(id: str, last: str | None) -> bool:
    """Say whether an answer to a question is heard: the *last* one about its record is; earlier versions of the program noted none."""
    return last in (None, id)


async def next_name(ledger: Ledger, staged: Staged, *, passing: str | None) -> str:
    """Name the next question about the version that was read last; the one named *passing* is closed along with it."""
    names = repeated(late_id(staged))
    return (await next_question(ledger, names, is_over=lambda item: item.state == "resolved" or item.id == passing)).name
