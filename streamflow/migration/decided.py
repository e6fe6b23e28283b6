"""
Which questions were decided after the switch, and on which version of their record: noted with the answer.

Rule: the times of answers say so only where nothing was noted, by earlier versions of the program: somebody may have set the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamflow.ledger_names import BEFORE_SWITCH, LATE, SWITCHED
from streamflow.migration.late_questions import INSTEAD, WENT_ON
from streamflow.model import QueueItem, Staged
from streamflow.stages.gone import BACK
from streamflow.stages.reopened import version_of
from streamflow.store.base import Ledger
from streamflow.store.change import Change, PutSetting

DECIDED: Final = "watch:decided:"
"""Prefix of the setting that says which version of its record a question was decided on: by its id."""
STAYS: Final = frozenset({"accept", "waive", "keep", "ignore", "note", "done"})
"""Decisions that leave everything as it is: they let nothing go on, and are taken also when nothing is carried out any more."""
ANY: Final = ""      # none was read by then, or it is about no single record; of a record the first version that goes on then is noted


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was said to a question, by its id, and on which version of its record; `ANY` where that was not noted."""

    id: str
    decision: str
    version: str = ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was decided since the switch. Late writes are asked about only then, whatever the clock says."""

    since: str                                # when that was, ISO
    noted: Mapping[str, Any]                  # setting of a question -> version, or `ANY`
    before: frozenset[str] = frozenset()      # ids of questions that were answered before, whatever their times say

    def sending(self, items: Iterable[QueueItem]) -> tuple[Answer, ...]:
        """Give the answers among these questions that were given since, and let something go on."""
        return tuple(
            Answer(id=item.id, decision=item.decision, version=self.noted.get(_name(item.id), ANY)) for item in items if self._sends(item)
        )

    def _sends(self, item: QueueItem) -> bool:
        is_heard = item.state == "resolved" and item.decision not in STAYS | {BACK, INSTEAD, WENT_ON}
        return is_heard and (item.cause == LATE or _name(item.id) in self.noted or self._is_since(item))

    def _is_since(self, item: QueueItem) -> bool:
        return item.resolved_at >= self.since and item.id not in self.before


async def read_decided(ledger: Ledger, since: str) -> Decided:
    """Read what was decided since the switch."""
    return Decided(since=since, noted=await ledger.settings(DECIDED), before=frozenset(await ledger.setting(BEFORE_SWITCH) or ()))


async def decided_on(ledger: Ledger, item: QueueItem) -> list[Change]:
    """Note, after the switch, that a question which is not about a late write is decided, and on which version of its record."""
    if item.cause == LATE or await ledger.setting(SWITCHED) is None:
        return []
    staged = (await ledger.staged(item.kind, [item.present_key])).get(item.present_key) if item.key else None
    return [PutSetting(name=_name(item.id), value=ANY if staged is None else version_of(staged))]


def carried_out_on(staged: Staged, answers: Iterable[Answer]) -> list[Change]:
    """Note that these answers were about the version of a record that goes on by them now."""
    return [PutSetting(name=_name(answer.id), value=version_of(staged)) for answer in answers]


def _name(id: str) -> str:
    return f"{DECIDED}{id}"
