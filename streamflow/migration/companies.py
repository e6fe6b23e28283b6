"""Companies are made out of what leads say: clusters are kept as staged records of kind "company" and travel like any other."""

from __future__ import annotations

from collections.abc import Sequence

from streamflow.mapping.companies import Companies, Pair
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument
from streamflow.migration.context import Migration
from streamflow.model import QueueItem, Record, Staged
from streamflow.store.base import Enqueue

PAGE = 500


class CompanyTable:
    """All company texts of all leads; made anew from the ledger at start, kept up to date by what a round touched."""

    def __init__(self, migration: Migration, document: MapDocument, decisions: dict[str, str]) -> None:
        self._m = migration
        self.companies = Companies(decisions)
        self._texts = compile_map(document, Context()).company_text
        self._counted: dict[str, str] = {}       # lead key -> text counted

    async def refresh(self) -> int:
        """Count every lead, stage new and changed clusters; answers how many were new or changed."""
        async for page in self._m.ledger.every("lead", page=PAGE):
            self._count(page)
        return await self._stage()

    def _count(self, page: Sequence[Staged]) -> None:
        for staged in page:
            text, own_name = self._texts(staged.record)
            if text and self._counted.get(staged.record.key) != text:
                self._counted[staged.record.key] = text
                self.companies.add(text, own_name)

    async def _stage(self) -> int:
        records: list[Record] = []
        changed = 0
        for cluster in self.companies.clusters():
            records.append(cluster.record())
            if len(records) >= PAGE:
                changed += await self._put(records)
                records = []
        return changed + await self._put(records)

    async def _put(self, records: list[Record]) -> int:
        if not records:
            return 0
        result = await self._m.ledger.stage(records, scan="company:derived")
        return result.new + result.changed

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
