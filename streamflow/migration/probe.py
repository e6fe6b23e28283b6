"""
Looking at both sides, reads only: sign-in, coverage, everything the source holds, what the destination holds already.

Rule: nothing at all is written to the destination here, and the delta window opens before the first record is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.clock import iso
from streamflow.errors import ProtocolMismatch
from streamflow.ledger_names import ACCOUNT, COVERAGE, DELTA_OPENED, OBSERVATION, STOCK, UNKNOWN_KEYS
from streamflow.mapping.observe import Observation
from streamflow.migration.context import Migration
from streamflow.migration.inventory import DestinationWatch
from streamflow.migration.life import State
from streamflow.migration.reading import FIRST, SourceReader
from streamflow.model import AuditEntry
from streamflow.store.change import Audit, PutSetting


class Probe:
    """The first phase; a restart goes on with the stream that was being read."""

    def __init__(self, migration: Migration, reader: SourceReader, watch: DestinationWatch) -> None:
        self._m = migration
        self._reader = reader
        self._watch = watch

    async def run(self) -> State:
        """Take stock of both sides and leave with all that the scope report and the map proposal need."""
        await self._m.explain("signing in on both sides")
        if await self._m.ledger.setting(DELTA_OPENED) is None:
            coverage = dict(await self._m.source.check())
            self._require(coverage)
            account = dict(await self._m.destination.schema.check())
            opened = iso(self._m.clock.now())
            await self._m.ledger.commit([
                PutSetting(name=COVERAGE, value=coverage), PutSetting(name=ACCOUNT, value=account),
                PutSetting(name=DELTA_OPENED, value=opened),
                Audit(entry=AuditEntry(actor="streamflow", action="delta.opened", note=opened)),
            ])
        await self._m.explain("taking stock of the destination")
        if await self._m.ledger.setting(STOCK) is None:
            stock = await self._watch.take_stock()
            await self._m.ledger.commit([PutSetting(name=STOCK, value=dict(stock))])
        while not await self._reader.has_closed(FIRST):
            await self._reader.everything(FIRST)
            self._m.control.check()
        await self._m.explain("looking at the fields of the source")
        await observe(self._m)
        return State.MAP

    def _require(self, coverage: Mapping[str, str]) -> None:
        """A stream that is not optional must be readable, otherwise records would be lost without a word."""
        missing = [stream.kind for stream in self._m.source.streams() if not stream.optional and coverage.get(stream.kind, "ok") != "ok"]
        if missing:
            reasons = "; ".join(f"{kind}: {coverage[kind]}" for kind in missing)
            raise ProtocolMismatch(
                f"the source does not serve {', '.join(missing)} ({reasons})", platform=self._m.source.name,
                hint='ask the vendor for the read functions, or give these kinds as export files (source.streams.<kind>.reader = "files")',
            )


async def observe(migration: Migration) -> Observation:
    """Look at the fields of everything that was read, and keep what was seen."""
    observation = Observation(migration.pair)
    for stream in migration.source.streams():
        async for page in migration.ledger.every(stream.kind):
            observation.add([staged.record for staged in page])
    await migration.ledger.commit([PutSetting(name=OBSERVATION, value=observation.to_json())])
    return observation


async def _members(migration: Migration) -> int:
    """Count users in groups, one for each membership (LT-41)."""
    found = 0
    plan = migration.pair.plan_naming("group")
    async for page in migration.ledger.every(plan.kind):
        for staged in page:
            members = plan.told(staged.record.data, "members")
            found += len(members) if isinstance(members, list) else len([each for each in str(members or "").split(",") if each.strip()])
    return found


async def _custom_fields(migration: Migration) -> int:
    """Count the custom fields of all kinds (LT-41, LP-27)."""
    observed = await migration.ledger.setting(OBSERVATION)
    seen = Observation.from_json(observed, migration.pair).schema() if observed else {}
    return sum(name.startswith("custom:") for kind in migration.pair.written for name in seen.get(kind, ()))


async def inventory(migration: Migration) -> dict[str, Any]:
    """Counts per kind as the discovery report shows them."""
    counts: dict[str, int] = {}
    for count in await migration.ledger.counts():
        counts[count.kind] = counts.get(count.kind, 0) + count.count
    return {
        "source": counts,
        "members": await _members(migration),
        "custom_fields": await _custom_fields(migration),
        "coverage": await migration.ledger.setting(COVERAGE) or {},
        "destination": await migration.ledger.setting(STOCK) or {},
        "drift": await migration.ledger.setting(UNKNOWN_KEYS) or {},
    }
