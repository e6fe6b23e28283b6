"""Staged records through the confirmed map."""

from __future__ import annotations

from streamflow.mapping.compiled import Mapper
from streamflow.mapping.derived import NO_KIN
from streamflow.model import Key
from streamflow.stages.batch import Batch, Mapped
from streamflow.stages.kin import Kinship
from streamflow.store.base import Ledger


class Transformer:
    """Applies the compiled map."""

    def __init__(self, mapper: Mapper, ledger: Ledger, people_by_email: dict[str, Key]) -> None:
        self._mapper = mapper
        self._ledger = ledger
        self._kinship = Kinship(ledger, mapper)
        self._people_by_email = people_by_email   # what the map's look-up reads; filled per batch, so it stays small

    async def transform(self, batch: Batch) -> Mapped:
        """Derive the drafts of every record."""
        await self._find_addresses(batch)
        kin = await self._kinship.of([staged.record for staged in batch.staged])
        jobs = tuple((staged, self._mapper.drafts(staged.record, kin.get(staged.record.key, NO_KIN))) for staged in batch.staged)
        return Mapped(kind=batch.kind, jobs=jobs)

    async def _find_addresses(self, batch: Batch) -> None:
        """Look up whose addresses these are, for happenings that name no parent; an address of several people names nobody."""
        wanted = sorted({address for staged in batch.staged for address in self._mapper.addresses(staged.record)})
        self._people_by_email.clear()
        if not wanted:
            return
        heads: dict[str, set[Key]] = {}
        for each in await self._ledger.candidates(self._mapper.pair.person.kind, {"email": wanted}, side="src"):
            heads.setdefault(each.value, set()).add(str(each.info.get("head") or each.id))
        self._people_by_email.update({address: next(iter(keys)) for address, keys in heads.items() if len(keys) == 1})
