"""Loading everything that was staged, once and only once: companies, then people, then what belongs to them."""

from __future__ import annotations

from streamflow.mapping.pair import Role
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.life import State
from streamflow.migration.work import Work
from streamflow.reports.dispositions import phase_rows
from streamflow.wire.message import BACKFILL, at_priority

MATCHED = (Role.COMPANY, Role.PERSON)
"""Kinds that the account may hold already. Our own creates of them are known by the time that the feed is asked for others'."""


class Backfill:
    """Delivers kind after kind; a restart goes on with what is pending."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work

    async def run(self) -> State:
        """Deliver every kind in order, then read back what a shared read can verify."""
        if await self._work.map_has_moved():
            return State.MAP
        with at_priority(BACKFILL):
            await self._work.wait_for_doubts()
            for kind in self._m.pair.order:
                await self._m.explain(f"moving {kind} records")
                if self._m.pair.of(kind).role in MATCHED:
                    await self._work.watch.follow()     # who was added by hand at the gates is not made a second time
                await self._work.deliver_all(last=kind)
                if await self._work.map_has_moved():
                    return State.MAP
                self._m.control.check()
                self._m.report(f"phase-{kind}", {"rows": phase_rows(await self._m.ledger.counts(), kind)})
            await self._work.wait_for_doubts()
            await self._work.deliver_all()     # what did not happen; what is in doubt once more is the tail's, and holds nothing up
        for dest_kind in DEST_ORDER:
            await self._m.explain(f"reading {dest_kind} back")
            await self._work.verifier.settle(dest_kind)
            self._m.control.check()
        return State.TAIL
