"""Companies are made out of what leads say: clusters are kept as staged records of kind "company" and travel like any other."""

from __future__ import annotations

from collections.abc import Sequence

from streamflow.mapping.companies import Companies, Pair
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.migration.context import Migration
from streamflow.model import Disposition, Key, QueueItem, Record, RecordState, Staged
from streamflow.stages.planning import finish_of
from streamflow.store.base import Enqueue

PAGE = 500


class CompanyTable:
    """All company texts of all leads; made anew from the ledger at start, kept up to date by what a round touched."""

    def __init__(self, migration: Migration, document: MapDocument, decisions: dict[str, str]) -> None:
        self._m = migration
        self.companies = Companies(decisions)
        self._texts = compile_map(document, Context()).company_text
        self._counted: dict[Key, str] = {}       # lead -> text counted
        self._is_counted = False

    async def refresh(self, keys: Sequence[Key] | None = None) -> int:
        """
        Count the leads of these keys (all, the first time), stage the clusters they bring; answers how many were new or changed.

        Clusters that a decision joined with another are given up as long as nothing was made of them.
        """
        if keys is None or not self._is_counted:
            async for page in self._m.ledger.every("lead", page=PAGE):
                self._count(page)
            self._is_counted = True
            changed = await self._stage([cluster.record() for cluster in self.companies.clusters()])
            await self._give_up_joined()
            return changed
        touched: set[Key] = set()
        for start in range(0, len(keys), PAGE):
            touched |= self._count(list((await self._m.ledger.staged("lead", keys[start : start + PAGE])).values()))
        return await self._stage([cluster.record() for key in sorted(touched) if (cluster := self.companies.cluster(key)) is not None])

    def _count(self, page: Sequence[Staged]) -> set[Key]:
        touched: set[Key] = set()
        for staged in page:
            text, own_name = self._texts(staged.record)
            if text and self._counted.get(staged.record.key) != text:
                self._counted[staged.record.key] = text
                key = self.companies.add(text, own_name)
                if key is not None:
                    touched.add(key)
        return touched

    async def _stage(self, records: Sequence[Record]) -> int:
        changed = 0
        for start in range(0, len(records), PAGE):
            result = await self._m.ledger.stage(records[start : start + PAGE], scan="company:derived")
            changed += result.new + result.changed
        return changed

    async def _give_up_joined(self) -> None:
        async for page in self._m.ledger.every("company", page=PAGE):
            gone = [each for each in page if each.state is RecordState.PENDING and self.companies.cluster(each.record.key) is None]
            await self._m.ledger.commit([
                finish_of(each, disposition=Disposition.FILTERED, reason="joined with another company by a decision") for each in gone
            ])

    async def queue_ambiguous(self) -> list[Pair]:
        """Ask a person about companies that look alike; people wait until each is decided or waived."""
        pairs = self.companies.ambiguous()
        await self._m.ledger.commit([
            Enqueue(item=QueueItem(
                id=f"company_pair:{pair.one}:{pair.other}", cause="company_ambiguous", kind="company", key=pair.one, blocking=True,
                reason=f'"{pair.names[0]}" and "{pair.names[1]}" look alike: {pair.reason}', decisions=("separate", "same", "waive"),
                suggested="separate", details={"other": pair.other, "names": list(pair.names)},
            ))
            for pair in pairs
        ])
        return pairs
