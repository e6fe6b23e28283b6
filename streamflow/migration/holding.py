"""
After the switch: what shows up late is held, and people are asked about it; what somebody let go on passes.

Rule: each version of a record is asked about anew, also one that it comes back to. What somebody decided on another question about a record
lets it go on as it was then, and no later version; what belongs to it goes with it, but for what was asked about or let pass itself: of
that it is asked what becomes of it now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from streamflow.mapping.uplinks import Uplinks
from streamflow.migration.context import Migration
from streamflow.migration.late_rulings import asking, goes_on
from streamflow.migration.late_versions import noted_going, noted_waiting, read_known
from streamflow.model import Kind, Staged
from streamflow.stages.pending import pending_pages
from streamflow.store.change import Change


class Holding:
    """Stands between what is pending and what is moved."""

    def __init__(self, migration: Migration, uplinks: Callable[[], Awaitable[Uplinks]]) -> None:
        self._m = migration
        self._uplinks = uplinks      # of the map in force
        pair = migration.pair
        self.kinds = tuple(kind for kind in pair.written if not pair.of(kind).derived)     # written by people in the source

    async def hold(self, since: str) -> None:
        """Hold what is pending and nobody let go on since the switch."""
        for kind in self.kinds:
            async for page in pending_pages(self._m.ledger, kind):
                await self.through(since, kind, page)

    async def through(self, since: str, kind: Kind, page: Sequence[Staged]) -> Sequence[Staged]:
        """Give those of some pending records that go on, and hold the others: what is about to be moved may have come to run meanwhile."""
        if kind not in self.kinds:
            return page
        going: list[Staged] = []
        async with self._m.closing:      # no answer comes between looking what was answered and closing what is asked anew
            # Behind the page: what it shows pending by a decision is known as decided.
            changes: list[Change] = []
            for known in await read_known(self._m.ledger, since, kind, page):
                if goes_on(known):
                    changes += await noted_going(self._m.ledger, self._uplinks, known)
                    going.append(known.staged)
                else:
                    changes += await noted_waiting(self._m.ledger, known, asking(known))
            await self._m.ledger.commit(changes)
        if kind == self._m.pair.person.kind:
            self._m.touched[kind].difference_update({each.record.key for each in page} - {each.record.key for each in going})
        return going
