"""Everything that is known of one source record, for `trace`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from streamflow.daemon.operator import Answer
from streamflow.errors import NotFound
from streamflow.ledger_names import MAP_CONFIRMED
from streamflow.mapping.derived import Derived
from streamflow.migration.context import Migration
from streamflow.migration.work import Work
from streamflow.model import Key, Kind, Staged
from streamflow.stages.kin import Kinship
from streamflow.stages.parents import derive
from streamflow.stages.planning import refs_in


async def traced(migration: Migration, work: Work, kind: Kind, key: Key) -> Answer:
    """Give source, map, intents, destination, verification and audit of a record. Raises NotFound."""
    ledger = migration.ledger
    staged = (await ledger.staged(kind, [key])).get(key)
    if staged is None:
        known = ", ".join(plan.kind for plan in migration.pair.kinds)
        raise NotFound(f"no {kind} record has the key {key}", hint=f"kinds are {known}")
    links = await ledger.links_of(kind, [key])
    present: dict[str, Any] = {}
    for link in links:
        found = await migration.destination.reader.read(link.dest_kind, [link.dest_id], custom=True)
        present[link.dest_id] = found.get(link.dest_id)
    return {
        "source": {
            "kind": kind, "key": key, "data": staged.record.data, "digest": staged.record.digest, "parent": staged.record.parent,
        },
        "state": staged.state.value, "disposition": staged.disposition, "reason": staged.reason, "waiting_on": staged.waiting_on,
        "map": await _drafts(migration, work, staged),
        "intents": [asdict(each) for each in await ledger.intents_of(kind, key)],
        "links": [asdict(each) for each in links], "destination": present,
        "verification": [asdict(each) for each in await ledger.checks_of(kind, key)],
        "audit": [{"seq": row.seq, "at": row.at, **asdict(row.entry)} for row in await ledger.audit_of(kind, key)],
    }


async def _drafts(migration: Migration, work: Work, staged: Staged) -> dict[str, Any] | None:
    """What the confirmed map makes of a record, under the parent that a person may have named; None before there is a map."""
    if await migration.ledger.setting(MAP_CONFIRMED) is None:
        return None
    mapper = await work.mapper()
    derived = mapper.drafts(staged.record, await Kinship(migration.ledger, mapper).one(staged.record))
    if await _is_homeless(migration, derived):
        derived = derive(staged, derived, mapper, await work.directory())
    return asdict(derived)


async def _is_homeless(migration: Migration, derived: Derived) -> bool:
    """Say whether the map could not tell the parent, or told one that nobody knows: then a person may have named another."""
    refs = {ref for draft in derived.drafts for ref in refs_in(draft.fields) if ref.kind in migration.pair.blocking}
    lost = [ref for ref in refs if ref.key not in await migration.ledger.staged(ref.kind, [ref.key])]
    return bool(lost) or (not derived.drafts and derived.filtered is None)
