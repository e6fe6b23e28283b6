"""
The lead sources of the destination: finding those that records name, making what is missing, and knowing which are ours.

Rule 1: the one call that makes a source finds one as well and does not say which. Ours is what was meant to be made, was not listed
right before, and whose id was answered to that.
Rule 2: where the answer was not heard, and the source is there afterwards, a person may have made it: it is never taken for ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from streamflow.ledger_names import SOURCES_CREATED, SOURCES_UNSURE
from streamflow.migration.context import Migration
from streamflow.model import AuditEntry, DestId
from streamflow.platforms.destination import Reference
from streamflow.store.change import Audit, Change, PutSetting

NAMES: Final = "sources:names"
"""Setting: the name that we gave to each of ours, by id."""
_MEANT: Final = "sources:meant"      # names, as they are compared, that were to be made and whose id was not heard
_BEFORE: Final = "sources:before"


async def lead_sources(
    migration: Migration, reference: Reference, labels: Mapping[str, str], values: Mapping[str, str]
) -> Mapping[str, DestId]:
    """
    Give source key and label -> lead source, making those that are missing.

    *labels* are those in use, by source key; *values* give a label another name in the destination.
    """
    before, meant = await _before(migration, reference), await migration.ledger.setting(_MEANT) or []
    making = _Making(migration, reference.sources, before, meant)
    found: dict[str, DestId] = {}
    for key, label in labels.items():
        found[key] = found[label] = found[label.lower()] = await making.named(values.get(label, label))
    return found


async def _before(migration: Migration, reference: Reference) -> frozenset[DestId]:
    """Give what there was before our first one; noted before any is made."""
    before = await migration.ledger.setting(_BEFORE)
    if before is None:
        before = sorted(set(reference.sources.values()))
        await migration.ledger.commit([PutSetting(name=_BEFORE, value=before)])
    return frozenset(before)


class _Making:
    """Finds sources by name and makes them, one after the other."""

    def __init__(self, migration: Migration, by_name: Mapping[str, DestId], before: Collection[DestId], meant: Sequence[str]) -> None:
        self._m = migration
        self._by_name = dict(by_name)
        self._before = before
        self._meant = list(meant)

    async def named(self, name: str) -> DestId:
        """Give the one of that name, whichever letters it is written in."""
        key = compared(name)
        if key in self._by_name:
            await self._found(name, self._by_name[key])
        else:
            self._by_name[key] = await self._make(name)
        return self._by_name[key]

    async def _make(self, name: str) -> DestId:
        """Make one, unless somebody has just done so."""
        listed = await self._m.destination.schema.sources()
        for dest_id, other in listed.items():
            if compared(other) == compared(name):
                await self._found(name, dest_id)
                return dest_id
        await self._note("source.meant", name, "", self._means(name, True))
        dest_id = await self._m.destination.schema.source(name)
        if dest_id in listed or dest_id in self._before:
            await self._found(name, dest_id)      # it has that name by the destination's own comparison
            return dest_id
        ours = [each for each in await self._m.ledger.setting(SOURCES_CREATED) or [] if each != dest_id]
        names = {**(await self._m.ledger.setting(NAMES) or {}), dest_id: name}
        created = (PutSetting(name=SOURCES_CREATED, value=[*ours, dest_id]), PutSetting(name=NAMES, value=names))
        await self._note("source.created", name, dest_id, self._means(name, False), *created)
        return dest_id

    async def _found(self, name: str, dest_id: DestId) -> None:
        """Note one that is there and might be ours: it was to be made, and what came of that was not heard."""
        if compared(name) not in self._meant:
            return
        if dest_id in self._before or dest_id in (await self._m.ledger.setting(SOURCES_CREATED) or []):
            await self._note("source.found", name, dest_id, self._means(name, False))
            return
        unsure = {**(await self._m.ledger.setting(SOURCES_UNSURE) or {}), dest_id: name}
        await self._note("source.unsure", name, dest_id, self._means(name, False), PutSetting(name=SOURCES_UNSURE, value=unsure))

    def _means(self, name: str, is_open: bool) -> PutSetting:
        others = [each for each in self._meant if each != compared(name)]
        self._meant = [*others, compared(name)] if is_open else others
        return PutSetting(name=_MEANT, value=self._meant or None)

    async def _note(self, action: str, name: str, dest_id: DestId, *changes: Change) -> None:
        entry = AuditEntry(actor="streamflow", action=action, kind="sources", key=name, dest_id=dest_id)
        await self._m.ledger.commit([*changes, Audit(entry=entry)])


def compared(name: str) -> str:
    """Give a name as the destination compares it."""
    return name.strip().lower()
