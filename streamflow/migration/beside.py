"""
What a whole run left in the destination besides records: lead sources, records of the probes, and custom fields.

Rule: a plan names what a rollback then takes on; custom fields cannot be removed by API and are listed in both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from streamflow.migration import leftovers
from streamflow.migration.context import Migration
from streamflow.migration.own_fields import left_fields
from streamflow.migration.source_removals import KEPT, REFUSED, REMOVED, Row, SourceRemovals
from streamflow.migration.source_uses import SourceUses
from streamflow.migration.touched import Touches
from streamflow.migration.undoing import Step
from streamflow.model import DestId
from streamflow.store.change import PutSetting

PROBES: Final = "rollback:probes"
"""Setting: the records of probes that a rollback found, over all starts."""
NOTHING_BESIDE: Final[Mapping[str, Any]] = {"sources": [], "probe_records": [], "cannot_be_removed_by_api": {}}
"""What is told of a part of a run, to which nothing of that belongs."""


class Beside:
    """Plans and carries out what becomes of all that."""

    def __init__(self, migration: Migration, touches: Touches) -> None:
        self._m = migration
        self._uses = SourceUses(migration, touches)
        self._sources = SourceRemovals(migration, self._uses)

    async def begin(self, *, dry_run: bool) -> None:
        """Look, before anything is undone, who uses what; a plan looks at its end alone."""
        self._uses.begin()
        if not dry_run:
            await self._uses.look()

    def planned(self, step: Step) -> None:
        """Take note of what is planned for a record."""
        self._uses.planned(step)

    async def plan(self, spared: Collection[DestId]) -> dict[str, Any]:
        """Say what would become of it; *spared* are the leads that are left as they are. Writes nothing."""
        journal = leftovers.LedgerJournal(self._m.ledger)
        there = [each for each in await journal.left() if await leftovers.may_be_there(each, self._m.destination.reader)]
        return await self._told(await self._sources.plan(spared), [{**_row(each), "action": REMOVED} for each in there])

    async def carry_out(self, spared: Collection[DestId]) -> dict[str, Any]:
        """Remove what can be, and say what became of it over all starts; raises what leaves an outcome unknown."""
        await self._m.explain("rolling back: lead sources")
        sources = await self._sources.remove(spared)
        return await self._told(sources, await self._remove_probes())

    async def _remove_probes(self) -> list[Row]:
        """Remove what the probes could not remove; answers what was there, and what of it stays and was not deleted by hand."""
        noted: list[Row] = await self._m.ledger.setting(PROBES) or []
        found = [_row(each) for each in await leftovers.LedgerJournal(self._m.ledger).left()]
        if fresh := [each for each in found if _key(each) not in {_key(other) for other in noted}]:
            noted = [*noted, *fresh]
            await self._m.ledger.commit([PutSetting(name=PROBES, value=noted)])
        stays = {_key(row): row for row in map(_row, await leftovers.remove(self._m))}
        return [{**each, **stays.get(_key(each), {}), "action": KEPT if _key(each) in stays else REMOVED} for each in noted]

    async def _told(self, sources: list[Row], probes: list[Row]) -> dict[str, Any]:
        return {
            "sources": sources, "probe_records": probes,
            "cannot_be_removed_by_api": {
                "custom_fields": await left_fields(self._m),
                "sources": [each["id"] for each in sources if each["reason"].startswith(REFUSED)],
                "probe_records": [{name: each[name] for name in ("kind", "id", "name")} for each in probes if each["action"] == KEPT],
            },
        }  # fmt: skip


def _row(left: leftovers.Left) -> Row:
    kind, marker, dest_id = left
    return {"kind": kind, "id": dest_id or "", "name": marker}


def _key(row: Row) -> tuple[str, str]:
    return row["kind"], row["name"]
