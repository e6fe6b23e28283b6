"""
The delta window: people go on working in the source, and their changes follow, until the cutover is signalled.

Each round reads (what changed, and the children of parents that changed), delivers parents before children, follows what people do in
the destination, and looks for outcomes left unknown. From time to time everything is read in a sweep, a slice of it in each round, so that
a sweep over a large account holds up nobody's change.

Rule 1: the gate shows when the destination follows closely, not when the source rests; see `readiness`.
Rule 2: each stay runs a round, however soon the next cutover is asked for: attempts that are given up at once would starve it.
Rule 3: what one side refuses does not stop the other: with the source away, what was read is still delivered. What failed stays in the
reason until a round succeeds. A stream whose endpoint lies stops alone; see `stopped`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from streamflow.clock import iso
from streamflow.errors import NotFound, PlatformUnavailable, ProtocolMismatch, StreamflowError, Throttled, TransientError, Uncertain
from streamflow.ledger_names import CUTOVER, CUTOVER_GIVEN_UP, DELTA_OPENED, SWEPT
from streamflow.migration import absence, cutover, drift, horizon, leftovers, unread
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.heirs import follow_merges
from streamflow.migration.life import State
from streamflow.migration.precheck import pending_records, precheck, readiness
from streamflow.migration.reading import SWEEP
from streamflow.migration.reference import look_again
from streamflow.migration.round import Reading
from streamflow.migration.stopped import WHOLE
from streamflow.migration.work import Work
from streamflow.model import Kind
from streamflow.store.change import PutSetting
from streamflow.wire.message import DELTA, at_priority

PASSING = (NotFound, PlatformUnavailable, ProtocolMismatch, Throttled, TransientError, Uncertain)
"""What passes by itself, or does so when the platform keeps to its contract again: the next round asks again."""
BEGUN = "sweep:begun"          # setting: when the sweep under way began
LEAST_SLICE_S = 5.0            # of a sweep in one round; else as long as the rest between rounds


class SliceOver(Exception):
    """The share of the sweep in this round is used up; the next round goes on where it stopped. Not an error."""


class Tail:
    """Polls until a cutover is asked for."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work
        self._failed = ""        # what went wrong in the round under way
        self._stays = ""         # what went wrong in the last one, until one succeeds
        self._reading = Reading()

    async def run(self) -> State:
        """Answer CUTOVER when the operator (or `gates.cutover = auto`) asks for it, MAP when another map was confirmed."""
        if await self._work.map_has_moved():
            return State.MAP
        await self._try(self._look_again)
        await self._try(lambda: leftovers.try_again(self._m))
        await self._recall_sweep()
        with self._m.gates():
            return await self._rounds()

    async def _rounds(self) -> State:
        number = 0
        while True:
            if await self._work.map_has_moved():
                return State.MAP
            if number and await self._m.ledger.setting(CUTOVER):
                return State.CUTOVER
            number += 1
            rests = await self._round(number)
            if await self._work.map_has_moved():
                return State.MAP
            if await self._may_start_itself(rests):
                await cutover.request(self._m, "streamflow", freeze_confirmed=True)
                continue
            await self._rest(rests)

    async def _may_start_itself(self, rests: bool) -> bool:
        """
        Say whether the gate opens by itself now.

        In freeze mode nobody says that people have stopped writing: a source that rests is the only sign of it there is.
        """
        if self._m.asks("cutover") or not (rests or self._m.terms.cutover_mode == "live"):
            return False
        return (await precheck(self._m)).may_start

    async def _look_again(self) -> None:
        """What the admin made since the destination was looked at (an activity type, a pipeline) counts from here on."""
        await look_again(self._m, await self._work.document())
        await drift.stands(self._m)

    async def _round(self, number: int) -> bool:
        """Read, deliver, verify; answers whether the source showed nothing new and the destination holds it all."""
        self._failed = ""
        self._reading = Reading()
        begun = self._m.clock.steady()
        await self._try(lambda: self._read(number))
        await self._try(self._deliver)
        pending = await pending_records(self._m)
        self._stays = "; ".join(part for part in (self._failed, self._m.stopped.told()) if part)
        self._m.following.round_ended(begun=begun, pending=pending, trouble=self._stays)
        return not self._stays and self._reading.is_quiet and not pending

    async def _try(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except PASSING as error:
            self._note(error)

    def _note(self, error: StreamflowError) -> None:
        if not self._failed:
            hint = f"; {error.hint}" if error.hint and isinstance(error, ProtocolMismatch | NotFound) else ""
            self._failed = f"the last round failed and is tried again: {error}{hint}"
        self._m.trouble(error)

    async def _read(self, number: int) -> None:
        swept = await self._sweep() if await self._is_sweep_due() else None
        self._reading = swept if swept is not None else await self._work.reader.poll(number)

    async def _deliver(self) -> None:
        await self._work.watch.follow()
        await follow_merges(self._m)
        with at_priority(DELTA):
            await self._work.deliver_all()
            await self._work.settle_doubts()
        for dest_kind in DEST_ORDER:
            await self._work.verifier.settle(dest_kind)

    async def _recall_sweep(self) -> None:
        """Take up what earlier starts noted of the last sweep; the first complete read of the probe counts as one."""
        last = await self._m.ledger.setting(SWEPT) or await self._m.ledger.setting(DELTA_OPENED)
        passed_s = self._m.waits.passed_s("sweep", last) if last else None
        self._m.following.swept_at = None if passed_s is None else self._m.clock.steady() - timedelta(seconds=passed_s)
        self._m.following.sweep_took_s = float(await self._m.ledger.setting("sweep:took_s") or 0.0)

    async def _is_sweep_due(self) -> bool:
        last = self._m.following.swept_at
        is_old = last is None or self._m.clock.steady() - last >= timedelta(seconds=self._m.terms.sweep_every_s)
        is_due = is_old or self._m.stopped.holds(WHOLE)
        return is_due or await self._m.ledger.setting(BEGUN) is not None

    async def _sweep(self) -> Reading | None:
        """Read on in the sweep for as long as its share of a round allows; answers what it found once it is through, until then None."""
        begun = await self._m.ledger.setting(BEGUN)
        if begun is None:
            begun = iso(self._m.clock.now())
            await self._m.ledger.commit([PutSetting(name=BEGUN, value=begun)])
        self._m.waits.passed_s("sweep under way", begun)     # who sets the wall clock from here on makes it no longer
        what = "sweeping: reading everything to find silent edits and deletions"
        await self._m.explain("; ".join(part for part in (what, self._stays) if part))
        until = self._m.clock.monotonic() + max(LEAST_SLICE_S, self._m.terms.poll_s)
        long = {stream.kind for stream in self._m.source.streams() if stream.parent is not None or stream.by_clock}

        def end_slice(kind: Kind) -> None:
            """Whole lists are read to their end, as in a poll; what costs a call a parent, or is all there is, may take days."""
            if kind in long and self._m.clock.monotonic() >= until:
                raise SliceOver

        try:
            with self._work.reader.broken_by(end_slice):
                reading = await self._work.reader.everything(SWEEP)
        except SliceOver:
            return None
        took_s = self._m.waits.passed_s("sweep under way", begun)
        if reading.stopped and took_s < self._m.terms.sweep_every_s:
            return None
        await self._work.reader.suspects(reading)
        await drift.stands(self._m)
        if reading.stopped:      # the others are read anew meanwhile
            await self._work.reader.give_up_round(SWEEP)
            await self._m.ledger.commit([PutSetting(name=BEGUN, value=None)])
            return None
        await self._m.ledger.commit([
            PutSetting(name=SWEPT, value=begun), PutSetting(name="sweep:took_s", value=took_s), PutSetting(name=BEGUN, value=None),
        ])
        await self._recall_sweep()
        return reading

    async def _rest(self, rests: bool) -> None:
        """Show the gate as long as the switch may be started, through the rounds that follow as well; wait for the next round."""
        await self._m.explain(await self._reason(rests))
        if self._m.asks("cutover") and readiness(self._m).is_ready:
            self._m.show_gate(
                "cutover", "the destination follows the source; the switch is yours to start",
                "`cutover --dry-run`, then `cutover --freeze-confirmed --wait`",
            )
        else:
            self._m.gate = None
        is_sweeping = not self._stays and await self._m.ledger.setting(BEGUN) is not None
        await self._m.control.wait(0.0 if is_sweeping else self._m.terms.round_s)

    async def _reason(self, rests: bool) -> str:
        last = await self._m.ledger.setting(CUTOVER_GIVEN_UP)
        parts = [
            "caught up with the source" if rests else "following the source", self._stays, self._work.reader.snapshots.trouble,
            self._work.reader.settled.told(), await horizon.told(self._m), await unread.told(self._m), await absence.told(self._m),
            *(f"{kind} records wait: {why}" for kind, why in sorted(self._work.suspended.items())),
            "waiting for the cutover", f"the last cutover was given up: {last['reason']}" if last else "",
        ]
        return "; ".join(part for part in parts if part)
