"""
The delta window: people go on working in the source, and their changes follow, until the cutover is signalled.

Each round reads (whole lists, and the children of parents that changed; from time to time a sweep of everything), delivers parents
before children, follows what people do in the destination, and looks for outcomes left unknown.

Rule: what one side refuses does not stop the other: with the source away, what was read is still delivered; the reason is shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from streamflow.clock import from_iso, iso
from streamflow.errors import PlatformUnavailable, StreamflowError, Throttled, TransientError, Uncertain
from streamflow.migration import cutover
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.life import State
from streamflow.migration.owners import OwnersGate
from streamflow.migration.reading import Reading
from streamflow.migration.reference import look_again
from streamflow.migration.work import Work
from streamflow.model import RecordState
from streamflow.store.base import PutSetting
from streamflow.wire.message import DELTA, at_priority

PASSING = (PlatformUnavailable, Throttled, TransientError, Uncertain)
"""What passes by itself: the next round asks again."""


class Tail:
    """Polls until a cutover is asked for."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work
        self._failed = ""        # what went wrong in the round under way

    async def run(self) -> State:
        """Answer CUTOVER when the operator (or `gates.cutover = auto`) asks for it, MAP when another map was confirmed."""
        number = 0
        await self._try(self._look_again)
        while True:
            if await self._work.map_has_moved():
                return State.MAP
            if await self._m.ledger.setting("cutover"):
                return State.CUTOVER
            number += 1
            caught_up = await self._round(number)
            if caught_up and not self._m.asks("cutover") and (await cutover.precheck(self._m)).may_start:
                await cutover.request(self._m, "streamflow", freeze_confirmed=True)
                continue
            await self._rest(caught_up)

    async def _look_again(self) -> None:
        """What the admin made since the destination was looked at (an activity type, a pipeline) counts from here on."""
        await look_again(self._m, await self._work.document())

    async def _round(self, number: int) -> bool:
        """Read, deliver, verify; answers whether the destination holds all that the source showed."""
        self._failed = ""
        self._reading = Reading()
        await self._try(lambda: self._read(number))
        await self._try(self._deliver)
        return not self._failed and self._reading.is_quiet and await self._pending() == 0

    async def _try(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except PASSING as error:
            self._note(error)

    def _note(self, error: StreamflowError) -> None:
        if not self._failed:
            self._failed = f"the last round failed and is tried again: {error}"
        self._m.trouble(error)

    async def _read(self, number: int) -> None:
        if await self._is_sweep_due():
            await self._sweep()
        else:
            self._reading = await self._work.reader.poll(number)
        users = self._reading.tallies.get("user")
        if users is not None and users.touched:
            await OwnersGate(self._m).recheck()

    async def _deliver(self) -> None:
        await self._work.watch.follow()
        with at_priority(DELTA):
            await self._work.deliver_all()
            await self._work.settle_doubts()
        for dest_kind in DEST_ORDER:
            await self._work.verifier.settle(dest_kind)

    async def _is_sweep_due(self) -> bool:
        last = await self._m.ledger.setting("sweep:at") or await self._m.ledger.setting("delta_opened_at")
        return last is None or self._m.clock.now() - from_iso(last) >= timedelta(seconds=self._m.terms.sweep_every_s)

    async def _sweep(self) -> None:
        """Read everything to find silent edits and what is gone; it stands in for the poll of its round."""
        await self._m.explain("sweeping: reading everything to find silent edits and deletions")
        begun = iso(self._m.clock.now())
        self._reading = await self._work.reader.everything("sweep")
        await self._work.reader.suspects(self._reading)
        await self._m.ledger.commit([PutSetting(name="sweep:at", value=begun)])

    async def _pending(self) -> int:
        return sum(count.count for count in await self._m.ledger.counts() if count.state is RecordState.PENDING)

    async def _rest(self, caught_up: bool) -> None:
        await self._m.explain(await self._reason(caught_up))
        if self._m.asks("cutover") and caught_up:
            async with self._m.at_gate(
                "cutover", "the destination follows the source; the switch is yours to start",
                "`cutover --dry-run`, then `cutover --freeze-confirmed --wait`",
            ):
                await self._m.control.wait(self._m.terms.round_s)
        else:
            await self._m.control.wait(self._m.terms.round_s)

    async def _reason(self, caught_up: bool) -> str:
        last = await self._m.ledger.setting("cutover:last")
        parts = [
            "caught up with the source" if caught_up else "following the source", self._failed, self._work.reader.trouble,
            *(f"{kind} records wait: {why}" for kind, why in sorted(self._work.suspended.items())),
            "waiting for the cutover", f"the last cutover was given up: {last['reason']}" if last else "",
        ]
        return "; ".join(part for part in parts if part)
