"""
After the switch: what the ledger knows of versions that were read, and what is noted there once it is ruled what becomes of them.

Rule: nobody answers a question between the look at what was answered and the note of what becomes of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from streamflow.ledger_names import LATE, RETURNED
from streamflow.mapping.uplinks import Uplinks
from streamflow.migration.decided import ANY, Decided, carried_out_on, read_decided
from streamflow.migration.late_questions import INSTEAD, WENT_ON, WISH, late_id, next_name
from streamflow.migration.late_rulings import Asking, Known, taken_by
from streamflow.migration.made_again import still_owed
from streamflow.migration.returning import ROLLED_BACK, undone
from streamflow.model import AuditEntry, Disposition, Key, Kind, QueueItem, RecordState, Ref, Staged
from streamflow.stages.accepted import let_go_on, replaced
from streamflow.stages.planning import finish_of
from streamflow.stages.questions import closed
from streamflow.stages.reopened import along_name, along_of, asked_name
from streamflow.stages.uplinks import by_going_on
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, Enqueue, PutSetting


async def read_known(ledger: Ledger, since: str, kind: Kind, page: Sequence[Staged]) -> list[Known]:
    """Look up what is known of these pending records of a kind, in their order; *since*: when the switch was."""
    decided, keys = await read_decided(ledger, since), [each.record.key for each in page]
    asked = await ledger.settings_named([asked_name(kind, key) for key in keys])
    along = await ledger.settings_named([along_name(kind, key) for key in keys])
    rollbacks = await ledger.queue(state="resolved", cause=ROLLED_BACK)
    back = {answer.id for answer in decided.sending(rollbacks)}
    let_back = frozenset(undone(str(item.details.get("scope"))) for item in rollbacks if item.id in back)
    about: defaultdict[Key, list[QueueItem]] = defaultdict(list)
    for item in await ledger.items_about(kind, keys):
        about[item.present_key].append(item)
    newer = await replaced(ledger, page)
    said = _Said(ledger=ledger, decided=decided, asked=asked, along=along, let_back=let_back, replaced=newer)
    return [await said.of(each, about[each.record.key]) for each in page]


async def noted_going(ledger: Ledger, uplinks: Callable[[], Awaitable[Uplinks]], known: Known) -> list[Change]:
    """Note that a version goes on; whose values follow from it runs along, and what was asked about it is over."""
    changes = [change for item in known.standing for change in closed(item, WENT_ON)]
    fresh = [answer for answer in taken_by(known) if answer.version == ANY]     # nobody looked yet who runs along
    if fresh:
        changes += await by_going_on(ledger, await uplinks(), known.staged.record)
    changes += carried_out_on(known.staged, [*(answer for answer in known.answers if answer.version == ANY), *fresh])
    return [*changes, *await let_go_on(ledger, known.staged)]


async def noted_waiting(ledger: Ledger, known: Known, asked: Asking) -> list[Change]:
    """Hold a version, and ask about it. What was asked before closes by itself: only the last question is heard."""
    staged, last = known.staged, known.last
    name = await next_name(ledger, staged, passing=last) if asked.is_new else last or late_id(staged)
    instead = [change for item in known.standing if item.id != name for change in closed(item, INSTEAD)]
    return [*instead, *late_changes(staged, name, asked)]


def late_changes(staged: Staged, name: str, asked: Asking) -> list[Change]:
    """Hold a record, and ask under a *name*: from then on that is the last question about it."""
    record = staged.record
    item = QueueItem(
        id=name, cause=LATE, kind=record.kind, key=record.key, reason=asked.reason, decisions=("take", "ignore"), suggested="take",
        details={WISH: asked.wish} if asked.wish else {},
    )
    finish = finish_of(
        staged, state=RecordState.HELD, disposition=staged.disposition or Disposition.FLAGGED, reason=asked.reason,
        ground=LATE if asked.is_late else RETURNED,
    )
    entry = AuditEntry(actor="streamflow", action="late_write.found", kind=record.kind, key=record.key, note=asked.reason)
    return [Enqueue(item=item), PutSetting(name=asked_name(record.kind, record.key), value=name), finish, Audit(entry=entry)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What was said since the switch of a page of records, and the ledger that says the rest."""

    ledger: Ledger
    decided: Decided
    asked: Mapping[str, Any]        # setting of a record -> the last question about a late version of it
    along: Mapping[str, Any]        # setting of a record -> in which version it runs again
    let_back: frozenset[str]        # grounds on which records were kept away that are to come back
    replaced: Set[Ref]              # of which another version counts than was read last

    async def of(self, staged: Staged, about: Sequence[QueueItem]) -> Known:
        """Give what is known of one of them; *about*: all that was ever asked about it."""
        kind, key = staged.record.kind, staged.record.key
        last, late = self.asked.get(asked_name(kind, key)), [item for item in about if item.cause == LATE]
        answers = self.decided.sending(item for item in about if item.cause != LATE)
        again = {answer.id for answer in answers if answer.decision == "recreate"}
        return Known(
            staged=staged, is_replaced=Ref(kind, key) in self.replaced, last=last, before=await self._question(last, late),
            standing=[item for item in late if item.state == "open"],
            taken=self.decided.sending(late), answers=answers, told=frozenset(item.details[WISH] for item in late if WISH in item.details),
            owed=await still_owed(self.ledger, staged, [item for item in about if item.id in again]),
            along=along_of(staged, self.along.get(along_name(kind, key)), last), is_let_back=staged.ground in self.let_back,
        )

    async def _question(self, last: str | None, late: Sequence[QueueItem]) -> QueueItem | None:
        found = next((item for item in late if item.id == last), None)
        return found if found is not None or last is None else await self.ledger.item(last)
