"""
After the switch: writes made to the source after the freeze are found and queued, the queue is worked, then the run closes.

Rule: from the switch on nothing moves by itself any more; what shows up late waits for a person.
"""

from __future__ import annotations

from datetime import timedelta

from streamflow.clock import from_iso, iso
from streamflow.migration.context import DELIVERY_ORDER, Migration
from streamflow.migration.life import State
from streamflow.migration.work import Work
from streamflow.model import AuditEntry, Disposition, QueueItem, RecordState, Staged
from streamflow.stages.planning import finish_of
from streamflow.store.base import Audit, Change, Enqueue, PutSetting

LATE = "after_freeze"


class Watch:
    """Looks at the source until the window ends."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work

    async def run(self) -> State:
        """Answer DONE when the window has passed."""
        switched = await self._m.ledger.setting("switched")
        ends = from_iso(switched["switched_at"]) + timedelta(days=self._m.terms.watch_days)
        number = 0
        while True:
            number += 1
            await self._look(number)
            if self._m.clock.now() >= ends:
                break
            await self._m.explain(f"watching the source for late writes until {iso(ends)}")
            left_s = (ends - self._m.clock.now()) / timedelta(seconds=1)
            await self._m.control.wait(min(self._m.terms.poll_s, max(0.0, left_s)))
        entry = AuditEntry(actor="streamflow", action="watch.closed", note="the source is not read any more")
        await self._m.ledger.commit([PutSetting(name="closed_at", value=iso(self._m.clock.now())), Audit(entry=entry)])
        return State.DONE

    async def _look(self, number: int) -> None:
        await self._release()
        await self._work.reader.poll(number)
        await self._hold_late()
        await self._work.watch.follow()

    async def _hold_late(self) -> None:
        for kind in DELIVERY_ORDER:
            if kind == "company":
                continue
            for staged in await self._m.ledger.pending(kind, limit=500):
                await self._m.ledger.commit(late_changes(staged))

    async def _release(self) -> None:
        """Deliver what a person decided to take over after all."""
        waiting = sum(count.count for count in await self._m.ledger.counts() if count.state is RecordState.PENDING and count.kind != "company")
        if waiting and await self._m.ledger.setting("watch:deliver"):
            await self._work.deliver_all()
            await self._work.settle_doubts()
            await self._m.ledger.commit([PutSetting(name="watch:deliver", value=None)])


def late_changes(staged: Staged) -> list[Change]:
    """Hold a record that was written in the source after the freeze, and ask."""
    record = staged.record
    reason = "written in the source after the freeze; the destination is the system of record"
    item = QueueItem(
        id=f"{LATE}:{record.kind}:{record.key}:{record.digest[:8]}", cause=LATE, kind=record.kind, key=record.key, reason=reason,
        decisions=("take", "ignore"), suggested="take",
    )
    finish = finish_of(staged, state=RecordState.HELD, disposition=staged.disposition or Disposition.FLAGGED, reason=reason)
    return [Enqueue(item=item), finish, Audit(entry=AuditEntry(actor="streamflow", action="late_write.found", kind=record.kind, key=record.key))]
