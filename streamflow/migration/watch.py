"""
After the switch: writes made to the source after the freeze are found and queued, the queue is worked, then the run closes.

Rule 1: from the switch on nothing moves by itself any more; what shows up late waits for a person (`holding`).
Rule 2: a source that cannot be read any more ends nothing: the window goes on, and what was decided is still carried out.
Rule 3: the last reading is a complete one. What keeps it from being complete is waited for a while, then asked about: nobody is to take a
window that closed half blind for one in which nothing was written.
Rule 4: what is decided before the window closes is carried out first, however late it is decided; once it has closed nothing is taken that
would have to be.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from streamflow.clock import from_iso, iso
from streamflow.errors import AccessRefused, NotFound, PlatformUnavailable, ProtocolMismatch, StreamflowError, Throttled, TransientError
from streamflow.ledger_names import CLOSED, SWEPT, SWITCHED
from streamflow.mapping.pair import Role
from streamflow.migration import aftermath, lookalikes
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.holding import Holding
from streamflow.migration.life import State
from streamflow.migration.stopped import WHOLE
from streamflow.migration.work import Work
from streamflow.model import AuditEntry, QueueItem, RecordState
from streamflow.stages.pending import pending_pages
from streamflow.store.change import Audit, Change, Enqueue, PutSetting
from streamflow.wire.message import DELTA, at_priority

UNREAD = "last_read_failed"
LAST_LOOK_S = 3600.0     # a last reading that fails is tried again for so long, and for no longer than the window was


class Watch:
    """Looks at the source until the window ends."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work
        self._trouble = ""
        self._tried: set[str] = set()      # what was decided or pending when all was carried out last
        self._references = migration.pair.in_role(Role.REFERENCE)
        self._holding = Holding(migration, work.uplinks)

    async def run(self) -> State:
        """Answer DONE when the window has passed, at once where an earlier start closed it."""
        if await self._m.ledger.setting(CLOSED) is not None:
            return State.DONE
        since = (await self._m.ledger.setting(SWITCHED))["switched_at"]
        number = 0
        self._work.reader.look_at_all()    # without a window there is no second look
        self._work.through = partial(self._holding.through, since)
        while True:
            number += 1
            window = timedelta(days=self._m.terms.watch_days)     # which may change while it is open
            window_s, until = window / timedelta(seconds=1), iso(from_iso(since) + window)
            is_last = self._m.waits.passed_s("switch", since) >= window_s
            await self._look(number, behind=until if is_last else "", since=since)
            passed_s = self._m.waits.passed_s("switch", since)
            if is_last and (not self._trouble or passed_s >= window_s + min(window_s, LAST_LOOK_S)):
                break
            words = "reading the source for the last time" if is_last else f"watching the source for late writes until {until}"
            await self._m.explain(f"{words}{self._trouble}")
            left_s = self._m.terms.poll_s if is_last else window_s - passed_s
            await self._m.control.wait(min(self._m.terms.poll_s, max(0.0, left_s)))
        while not await self._closed():
            await self._carry_out(since)
        return State.DONE

    async def _closed(self) -> bool:
        """Close the window; False where something was decided, or came to run again, since all was carried out last."""
        while not await aftermath.outlasted(self._m, "closing"):
            pass
        async with self._m.closing:
            if not await self._owed() <= self._tried:
                return False
            await self._close()
        return True

    async def _owed(self) -> set[str]:
        """Name what was decided, and what is pending; a record that runs once more has another name then."""
        pages = [page for kind in self._m.pair.order async for page in pending_pages(self._m.ledger, kind)]
        return {*self._m.decisions, *(f"{each.record.kind}:{each.record.key}:{each.seq}" for page in pages for each in page)}

    async def _close(self) -> None:
        note = f"the source is not read any more{self._trouble}"
        changes: list[Change] = [Audit(entry=AuditEntry(actor="streamflow", action="watch.closed", note=note))]
        if self._trouble and self._m.terms.watch_days:
            changes.append(Enqueue(item=QueueItem(
                id=UNREAD, cause=UNREAD, kind="", key="", decisions=("waive",), suggested="waive",
                reason="the window closed, and the last complete reading of the source had failed until then: what was changed there after "
                f"the freeze and shows in no list of changes was not looked for; compare by hand what matters{self._trouble}",
            )))
        await self._m.ledger.commit([PutSetting(name=CLOSED, value=iso(self._m.clock.now())), *changes])

    async def _look(self, number: int, *, behind: str, since: str) -> None:
        await self._holding.hold(since)     # what an earlier start read and could not hold any more comes first
        await self._read(number, behind=behind, since=since)
        await self._carry_out(since)

    async def _carry_out(self, since: str) -> None:
        """Deliver what a person decided, and nothing else that was written late; what people did in the destination is followed."""
        self._tried = await self._owed()
        await self._holding.hold(since)
        with at_priority(DELTA):
            await self._deliver()
        await aftermath.look_after(self._m)
        await self._holding.hold(since)
        await self._work.watch.follow()
        await self._holding.hold(since)

    async def _read(self, number: int, *, behind: str, since: str) -> None:
        """
        Poll; from time to time, and *behind* the end of the window, read everything, since a silent write shows in no poll.

        What is read behind the end is a pass of its own: one that was cut off before goes on, and had read a part too early.
        """
        try:
            if self._m.terms.watch_days and (behind or await self._is_sweep_due(since)):
                begun = iso(self._m.clock.now())
                reading = await self._work.reader.everything(f"watch until {behind.replace(':', '')}" if behind else "watch")
                await self._work.reader.suspects(reading)
                await self._m.ledger.commit([] if reading.stopped else [PutSetting(name=SWEPT, value=begun)])
            else:
                await self._work.reader.poll(number)
            self._trouble = "".join(f"; {each}" for each in (self._work.reader.snapshots.trouble, self._m.stopped.told()) if each)
        except (AccessRefused, NotFound, PlatformUnavailable, ProtocolMismatch, Throttled, TransientError) as error:
            self._note(error)

    def _note(self, error: StreamflowError) -> None:
        self._trouble = f"; it cannot be read just now: {error}"
        self._m.trouble(error)

    async def _is_sweep_due(self, since: str) -> bool:
        last = max(since, str(await self._m.ledger.setting(SWEPT) or ""))
        is_due = self._m.waits.passed_s("sweep", last) >= self._m.terms.sweep_every_s
        return is_due or self._m.stopped.holds(WHOLE)

    async def _deliver(self) -> None:
        """Carry out what a person decided and learn what became of it, of an earlier start's writes too; the rest was held just before."""
        released = await lookalikes.release(self._m)
        counts = await self._m.ledger.counts()
        waiting = {count.kind for count in counts if count.state is RecordState.PENDING}
        if released or waiting & set(self._holding.kinds) or await self._work.doubts.count():
            await self._work.deliver_all()
            await self._work.wait_for_doubts(deliver=True)
        elif waiting & set(self._references):
            await self._work.deliver_all(last=self._references[-1])
        for dest_kind in DEST_ORDER:
            await self._work.verifier.settle(dest_kind)
