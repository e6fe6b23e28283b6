"""What the destination holds before us, and what people do there meanwhile: kept as look-ups, so that matching costs no calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from streamflow.migration import brought_back
from streamflow.migration.adoption import TEXT_KINDS, Adoption, may_hold_markers
from streamflow.migration.context import Migration
from streamflow.migration.lookups import MATCHED_KINDS, lookup_of
from streamflow.migration.touched import FIRST
from streamflow.model import DestId, Fields, Kind
from streamflow.platforms.destination import Happening
from streamflow.stages.gone import GONE_KINDS
from streamflow.stages.vanished import Vanished
from streamflow.store.change import Change, DropLookup, MoveMark, PutSetting

STOCK_NAMES: Mapping[Kind, str] = {"leads": "open_leads"}
"""Under which other name a kind is counted."""


class DestinationWatch:
    """Takes stock once, then follows the destination's event feed."""

    def __init__(self, migration: Migration, vanished: Vanished) -> None:
        self._m = migration
        self._vanished = vanished

    async def take_stock(self) -> Mapping[Kind, int]:
        """
        Read all people and companies that are there before anything is written. The feed's position is noted first.

        Where an earlier run has left its markers every other kind is read as well, so that nothing of it is made a second time.
        """
        feed, schema = self._m.destination.feed, self._m.destination.schema
        if await self._m.ledger.mark("feed") is None:
            cursor = await feed.cursor()
            await self._m.ledger.commit([MoveMark(name="feed", cursor=cursor), PutSetting(name=FIRST, value=cursor)])
        adoption = Adoption(self._m.ledger, self._m.pair)
        marked = may_hold_markers((await schema.reference()).custom_fields)
        kinds = [*MATCHED_KINDS]
        if marked or "open_leads" in self._m.terms.limits:   # a call for every page, so only where it is of use
            kinds.append("leads")
        counts: dict[Kind, int] = {}
        for kind in [*kinds, *(TEXT_KINDS if marked else ())]:
            name = STOCK_NAMES.get(kind, kind)
            counts[name] = 0
            async for page in self._m.destination.reader.everything(kind, custom=marked):
                counts[name] += len(page)
                changes: list[Change] = [lookup_of(kind, *each) for each in page.items()] if kind in MATCHED_KINDS else []
                changes += await adoption.of_page(kind, page) if marked else []
                await self._m.ledger.commit(changes)
        await self._m.ledger.commit(adoption.told())
        return {name: count for name, count in counts.items() if name not in TEXT_KINDS}

    async def follow(self) -> int:
        """
        Take in what happened since the last look: foreign people and companies, and what people deleted, merged or restored of ours.

        Answers how many foreign records were seen.
        """
        mark = await self._m.ledger.mark("feed")
        if mark is None:
            return 0
        seen = 0
        await self._vanished.recall()
        await brought_back.look_again(self._m)
        async for happenings, cursor in self._m.destination.feed.portions(mark.cursor):
            await self._follow_ours(happenings)
            await brought_back.take(self._m, happenings)
            foreign = await self._foreign(happenings)
            seen += len(foreign)
            changes = [
                DropLookup(side="dest", kind=kind, id=dest_id) if fields is None else lookup_of(kind, dest_id, fields)
                for dest_id, (kind, fields) in foreign.items() if fields is None or fields
            ]
            if cursor != mark.cursor or changes:
                await self._m.ledger.commit([*changes, MoveMark(name="feed", cursor=cursor)])
        return seen

    async def _follow_ours(self, happenings: Sequence[Happening]) -> None:
        """What was deleted may have been merged; whatever happens to a deleted record later may have brought it back."""
        deleted: dict[Kind, set[DestId]] = defaultdict(set)
        stirred: dict[Kind, set[DestId]] = defaultdict(set)
        for event in happenings:
            if event.kind in GONE_KINDS:
                (deleted if event.action == "delete" else stirred)[event.kind].update(event.ids)
        for kind, ids in deleted.items():
            ours = {link.dest_id for link in await self._m.ledger.links_to(sorted(ids))}
            await self._vanished.look(kind, ours)
        for kind, ids in stirred.items():
            await self._vanished.returned(kind, ids)

    async def _foreign(self, happenings: Sequence[Happening]) -> dict[DestId, tuple[Kind, Fields | None]]:
        """Give the people and companies that are not ours with their fields, None for those that were removed."""
        touched: dict[DestId, tuple[Kind, Fields | None]] = {}
        for event in happenings:
            if event.kind in MATCHED_KINDS:
                for dest_id in event.ids:
                    touched[dest_id] = (event.kind, None if event.action == "delete" else event.payloads.get(dest_id, {}))
        ours = {link.dest_id for link in await self._m.ledger.links_to(list(touched))} if touched else set()
        return {dest_id: held for dest_id, held in touched.items() if dest_id not in ours}
