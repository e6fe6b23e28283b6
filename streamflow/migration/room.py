"""Room in the destination's plan: nothing is sent that would pass a cap which the operator knows (G-18)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from streamflow.errors import PlanLimit
from streamflow.ledger_names import STOCK
from streamflow.mapping.compiled import Mapper
from streamflow.mapping.derived import NO_KIN
from streamflow.mapping.pair import Role
from streamflow.migration.adoption import FOUND as ADOPTED_COUNTS
from streamflow.migration.context import Migration
from streamflow.model import Disposition, Draft, Kind, RecordState
from streamflow.stages.kin import Kinship
from streamflow.stages.pending import pending_pages

KNOWN = (Disposition.CREATED, Disposition.UPDATED, Disposition.MERGED, Disposition.MATCHED)
"""Dispositions of records that have their place in the destination already."""


class Room:
    """Counts what was there before, what we made, and the records of a kind that wait for the first time."""

    def __init__(self, migration: Migration, mapper: Callable[[], Awaitable[Mapper]]) -> None:
        self._m = migration
        self._mapper = mapper

    async def check(self, kind: Kind) -> None:
        """Stop before a plan cap that the operator knows, not at it; raises PlanLimit when the waiting records of a kind do not fit."""
        people = kind == self._m.pair.person.kind
        is_deal = kind in self._m.pair.in_role(Role.DEAL)
        stock: Mapping[str, int] = await self._m.ledger.setting(STOCK) or {}
        for name, what in (("contacts", "people"), ("open_leads", "open leads")):
            limit = self._m.terms.limits.get(name)
            if limit is None or not (people or (is_deal and name == "open_leads")):
                continue
            made, waiting = await (self._open_leads(kind) if name == "open_leads" else self._people(kind))
            wanted = stock.get(name, 0) + made + waiting
            if waiting and wanted > limit:
                raise PlanLimit(
                    f"{wanted} {what} would be in the destination and its plan allows {limit}", platform=self._m.destination.name,
                    hint=f"raise the plan, set destination.limits.{name} and restart; then resolve the queue item",
                )

    async def _people(self, kind: Kind) -> tuple[int, int]:
        counts = [count for count in await self._m.ledger.counts() if count.kind == kind]
        made = sum(count.count for count in counts if count.disposition is Disposition.CREATED)
        waiting = sum(count.count for count in counts if count.state is RecordState.PENDING and count.disposition not in KNOWN)
        if waiting and await self._adopted():
            waiting = await self._waiting(kind, "contacts")
        return made, waiting

    async def _open_leads(self, kind: Kind) -> tuple[int, int]:
        """Deals that are closed as soon as they are made are not open leads."""
        made = sum(n for (_, dest_kind, _), n in (await self._m.ledger.link_counts()).items() if dest_kind == "leads")
        if self._m.pair.in_role(Role.DEAL):
            async for page in self._m.ledger.crosswalk(dest_kind="leads"):
                made -= sum(1 for link in page if link.base.get("outcome"))
        return made - (await self._adopted()).get("leads", 0), await self._waiting(kind, "leads")

    async def _adopted(self) -> Mapping[str, int]:
        return await self._m.ledger.setting(ADOPTED_COUNTS) or {}

    async def _waiting(self, kind: Kind, dest_kind: Kind) -> int:
        """Count waiting records of which the map makes records of this kind that are not there yet."""
        mapper, found = await self._mapper(), 0
        kinship = Kinship(self._m.ledger, mapper)
        async for page in pending_pages(self._m.ledger, kind):
            fresh = [each.record for each in page if each.disposition not in KNOWN]
            links = await self._m.ledger.links_of(kind, [record.key for record in fresh])
            there = {link.ref.key for link in links if link.dest_kind == dest_kind}
            kin = await kinship.of(fresh)
            found += sum(
                any(_counts(draft, dest_kind) for draft in mapper.drafts(record, kin.get(record.key, NO_KIN)).drafts)
                for record in fresh if record.key not in there
            )
        return found


def _counts(draft: Draft, dest_kind: Kind) -> bool:
    return draft.kind == dest_kind and not draft.fields.get("outcome")
