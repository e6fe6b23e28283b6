"""
Records of ours that we removed, or made again since they were gone, and that people brought back in the destination.

Rule 1: one whose source record has none by now is taken for it again, and is people's from then on: nothing is made beside it.
Rule 2: one whose source record has another by now is left as it is, and told: two carry one mark.
Rule 3: while it is unknown whether another one was made, nothing is said: it is looked at again once that is known. Where none was
made, whoever finds that out (`stages/doubt`) takes the one that is back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from streamflow.migration.context import Migration
from streamflow.migration.lookups import MATCHED_KINDS, lookup_of
from streamflow.model import OPEN_INTENTS, DestId, Kind, Op, Ref, kind_of
from streamflow.platforms.destination import Happening
from streamflow.stages.formerly import REMOVED, RESTORABLE, doubled, line_in, taken_again
from streamflow.stages.reopened import run_along
from streamflow.store.change import Change, Enqueue, PutSetting

AWAITED = "brought_back:"
"""Prefix of the setting that names one of which it is unknown whether another was made: by its id; true."""


async def take(migration: Migration, happenings: Sequence[Happening]) -> None:
    """Look which of the records that something happened to are such, and take them or tell of them."""
    stirred: dict[Kind, set[DestId]] = defaultdict(set)
    for event in happenings:
        if event.kind in RESTORABLE and event.action != "delete":
            stirred[event.kind].update(event.ids)
    await _look_at(migration, stirred)


async def look_again(migration: Migration) -> None:
    """Look again at those of which it was unknown whether another one was made."""
    waiting: dict[Kind, set[DestId]] = defaultdict(set)
    for name in await migration.ledger.settings(AWAITED):
        dest_id = name.removeprefix(AWAITED)
        waiting[kind_of(dest_id)].add(dest_id)
    await _look_at(migration, waiting, is_again=True)


async def _look_at(migration: Migration, found: Mapping[Kind, Collection[DestId]], *, is_again: bool = False) -> None:
    for kind, ids in found.items():
        ours = {link.dest_id for link in await migration.ledger.links_to(sorted(ids))}
        changes, awaited = await _of_kind(migration, kind, set(ids) - ours)
        settled = set(ids) - awaited if is_again else set()
        changes += [PutSetting(name=f"{AWAITED}{dest_id}", value=True) for dest_id in sorted(awaited)]
        changes += await run_along(migration.ledger, changes, by_people=True)
        await migration.ledger.commit([*changes, *(PutSetting(name=f"{AWAITED}{dest_id}", value=None) for dest_id in sorted(settled))])


async def _of_kind(migration: Migration, kind: Kind, ids: Collection[DestId]) -> tuple[list[Change], set[DestId]]:
    """Say what is to be noted of those that are there, and of which of them it is not known yet."""
    ledger = migration.ledger
    known = {each.id: line_in(each.info).ref for each in await ledger.candidates(kind, {"id": sorted(ids)}, side=REMOVED)} if ids else {}
    now = await migration.destination.reader.read(kind, sorted(known), custom=True) if known else {}
    changes: list[Change] = []
    taken: set[Ref] = set()
    awaited: set[DestId] = set()
    for dest_id, fields in sorted(now.items()):
        ref = known[dest_id]
        link = (await ledger.links([ref])).get(ref)
        if link is None and any(each.op is Op.CREATE and each.state in OPEN_INTENTS for each in await ledger.intents_of(ref.kind, ref.key)):
            awaited.add(dest_id)
            continue
        if link is not None or ref in taken:
            first = link.dest_id if link is not None else ""
            changes.append(Enqueue(item=doubled(ref, dest_id, first, _why(dest_id, first))))
            continue
        taken.add(ref)
        changes += await taken_again(ledger, kind, dest_id)
        changes += [lookup_of(kind, dest_id, fields)] if kind in MATCHED_KINDS else []
    return changes, awaited


def _why(dest_id: DestId, first: DestId) -> str:
    return (
        f"{dest_id} was removed and made again as {first or 'another one'}, and people brought it back: both carry one mark; "
        f"{first or 'the other one'} is followed, {dest_id} is left as it is: merge the two, or delete one"
    )
