"""
Records of ours that we removed, or gave up for others that we made again, and that people brought back in the destination.

Rule 1: one whose source record has none by now is taken for it again, as a record of an earlier run is: nothing is made beside it.
Rule 2: one whose source record has another by now is left as it is, and told: two carry one mark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from streamflow.migration.adoption import adopted
from streamflow.migration.context import Migration
from streamflow.migration.lookups import MATCHED_KINDS, lookup_of
from streamflow.model import OPEN_INTENTS, DestId, Kind, Op, QueueItem, Ref, name_of
from streamflow.platforms.destination import Happening
from streamflow.stages.formerly import REMOVED, forgotten, ref_in
from streamflow.stages.gone import GONE_KINDS
from streamflow.store.change import Change, Enqueue, Wake


async def take(migration: Migration, happenings: Sequence[Happening]) -> None:
    """Look which of the records that something happened to are such, and take them or tell of them."""
    stirred: dict[Kind, set[DestId]] = defaultdict(set)
    for event in happenings:
        if event.kind in GONE_KINDS and event.action != "delete":
            stirred[event.kind].update(event.ids)
    for kind, ids in stirred.items():
        ours = {link.dest_id for link in await migration.ledger.links_to(sorted(ids))}
        await _of_kind(migration, kind, ids - ours)


async def _of_kind(migration: Migration, kind: Kind, ids: Collection[DestId]) -> None:
    ledger = migration.ledger
    known = {each.id: ref_in(each.info) for each in await ledger.candidates(kind, {"id": sorted(ids)}, side=REMOVED)} if ids else {}
    now = await migration.destination.reader.read(kind, sorted(known), custom=True) if known else {}
    changes: list[Change] = []
    taken: set[Ref] = set()
    for dest_id, fields in sorted(now.items()):
        ref = known[dest_id]
        link = (await ledger.links([ref])).get(ref)
        is_made = any(each.op is Op.CREATE and each.state in OPEN_INTENTS for each in await ledger.intents_of(ref.kind, ref.key))
        if link is not None or is_made or ref in taken:
            changes.append(Enqueue(item=_double(ref, dest_id, link.dest_id if link is not None else "")))
            continue
        taken.add(ref)
        changes += [*adopted(kind, dest_id, ref, "brought back by people"), forgotten(kind, dest_id)]
        changes.append(Wake(on=(name_of(ref.kind, ref.key),)))     # what belongs to it waited for it to be made
        changes += [lookup_of(kind, dest_id, fields)] if kind in MATCHED_KINDS else []
    await ledger.commit(changes)


def _double(ref: Ref, dest_id: DestId, first: DestId) -> QueueItem:
    return QueueItem(
        id=f"doubled:{dest_id}", cause="doubled_marker", kind=ref.kind, key=ref.key, decisions=("accept",), suggested="accept",
        reason=f"{dest_id} was removed and made again as {first or 'another one'}, and people brought it back: both carry one mark; "
        f"{first or 'the other one'} is followed, {dest_id} is left as it is: merge the two, or delete one",
        details={"dest_id": dest_id, "first": first},
    )
