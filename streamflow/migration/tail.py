"""
The delta window: people go on working in the source, and their changes follow, until the cutover is signalled.

Each round polls (whole lists, and the children of parents that changed), delivers parents before children, follows what
people do in the destination, and looks for outcomes left unknown. From time to time a sweep reads everything.
"""

from __future__ import annotations

from datetime import timedelta

from streamflow.clock import from_iso, iso
from streamflow.errors import PlatformUnavailable, Throttled, TransientError
from streamflow.migration import cutover
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.life import State
from streamflow.migration.owners import OwnersGate
from streamflow.migration.work import Work
from streamflow.model import RecordState
from streamflow.store.base import PutSetting


class Tail:
    """Polls until a cutover is asked for."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work

    async def run(self) -> State:
        """Answer CUTOVER when the operator (or `gates.cutover = auto`) asks for it."""
        number = 0
        while True:
            if await self._m.ledger.setting("cutover"):
                return State.CUTOVER
            if await self._work.map_has_moved():
                return State.MAP
            number += 1
            caught_up = await self._round(number)
            if caught_up and not self._m.asks("cutover") and (await cutover.precheck(self._m)).may_start:
                await cutover.request(self._m, "streamflow", freeze_confirmed=True)
                continue
            await self._rest(caught_up)

    async def _round(self, number: int) -> bool:
        try:
            reading = await self._work.reader.poll(number)
            await self._work.watch.follow()
            users = reading.tallies.get("user")
            if users is not None and users.touched:
                await OwnersGate(self._m).recheck()
            await self._work.deliver_all()
            await self._work.settle_doubts()
            for dest_kind in DEST_ORDER:
                await self._work.verifier.settle(dest_kind)
            await self._sweep_when_due()
        except (PlatformUnavailable, Throttled, TransientError) as error:
            self._m.trouble(error)
            await self._m.explain(f"tailing; last round failed and is tried again: {error}")
            return False
        return reading.is_quiet and await self._pending() == 0

    async def _sweep_when_due(self) -> None:
        last = await self._m.ledger.setting("sweep:at")
        now = self._m.clock.now()
        if last is not None and now - from_iso(last) < timedelta(seconds=self._m.terms.sweep_every_s):
            return
        await self._m.explain("sweeping: reading everything to find silent edits and deletions")
        reading = await self._work.reader.everything("sweep")
        if not reading.is_complete:
            return
        await self._work.reader.suspects()
        await self._m.ledger.commit([PutSetting(name="sweep:at", value=iso(now))])
        await self._work.deliver_all()

    async def _pending(self) -> int:
        return sum(count.count for count in await self._m.ledger.counts() if count.state is RecordState.PENDING)

    async def _rest(self, caught_up: bool) -> None:
        last = await self._m.ledger.setting("cutover:last")
        why = f"; the last cutover was given up: {last['reason']}" if last else ""
        state = "caught up with the source" if caught_up else "following the source"
        await self._m.explain(f"{state}; waiting for the cutover{why}")
        if self._m.asks("cutover") and caught_up:
            async with self._m.at_gate(
                "cutover", "the destination follows the source; the switch is yours to start", "`cutover --dry-run`, then `cutover --freeze-confirmed --wait`"
            ):
                await self._m.control.wait(self._m.terms.poll_s)
        else:
            await self._m.control.wait(self._m.terms.poll_s)
