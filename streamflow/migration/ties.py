"""
What hangs on a record that a rollback removed, found out after the removal.

A destination may show no link to what is removed. So who hung something on a record between the last look at it and its removal is not
found in what that something shows, but in what the destination says of the removed record: the events that concern it, and a company's
own list of its people. Restoring a record may take it out of what hangs on it (nutshell.md 7): it is put in there again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from streamflow.errors import NotFound, RecordRejected
from streamflow.migration.context import Migration
from streamflow.migration.outside import READ_AT_ONCE, hang
from streamflow.migration.reversal import Reversal
from streamflow.migration.reversals import Reversals
from streamflow.model import Cursor, DestId, Fields, Kind, kind_of
from streamflow.platforms.destination import HUNG

HANGING_KINDS: tuple[Kind, ...] = ("notes", "activities", "tasks", "leads", "contacts")
"""Kinds whose records may hang on others."""
RELATION: Final[Mapping[tuple[Kind, Kind], str]] = {
    ("contacts", "accounts"): "link:accounts", ("leads", "accounts"): "link:accounts", ("leads", "contacts"): "link:contacts",
}
"""(kind of what hangs, kind it hangs on) -> the list that can be added to."""
RELATIONS = ("link:accounts", "link:contacts", "link:sources", "link:tags")
"""What a restored record comes back without (nutshell.md 7)."""
NOBODY = "0-contacts"
"""An id that no record has: an account that relates events to it does not look at whom it is asked about."""


class Ties:
    """Finds what hangs on removed records and ties it to them again."""

    def __init__(self, migration: Migration, reversals: Reversals) -> None:
        self._m = migration
        self._reversals = reversals
        self.knows_all = True     # what was removed could still be read whenever it was asked for

    async def found(self, removal: Reversal) -> list[DestId]:
        """Give the live records that hang on what was removed, as far as the destination tells that; raises what it raises."""
        dest_id = removal.link.dest_id
        told = await self._told(dest_id, removal.seen)
        remains = await self._m.destination.reader.remains(removal.link.dest_kind, dest_id)
        self.knows_all = self.knows_all and remains is not None
        said = {*removal.hung, *((remains or {}).get(HUNG) or ())}
        live = await self._live({*told, *said} - {dest_id})
        return [child for child in live if child in said or await self._is_last(child, told[child], removal.seen)]

    async def related(self, removal: Reversal) -> Fields:
        """
        Give what a removed record was related to: when it was read last, and by what is still shown of it.

        People may have added to it in between. What they took away in that moment comes back: a relation that is not shown says nothing.
        """
        remains = await self._m.destination.reader.remains(removal.link.dest_kind, removal.link.dest_id) or {}
        fields = dict(removal.fields)
        for name in RELATIONS:
            if added := [each for each in remains.get(name) or () if each not in (fields.get(name) or ())]:
                fields[name] = [*(fields.get(name) or ()), *added]
        return fields

    async def renew(self, removal: Reversal, children: Collection[DestId]) -> list[DestId]:
        """Tie these to what was restored, where they do not show that they hang on it; answers which cannot be. Raises `Uncertain`."""
        link, loose = removal.link, list[DestId]()
        for child, fields in (await self._live(children)).items():
            shown: dict[DestId, list[DestId]] = {}
            hang(shown, child, fields)
            if link.dest_id in shown:
                continue
            kind = kind_of(child)
            name = RELATION.get((kind, link.dest_kind))
            if name is None:
                loose.append(child)
                continue
            write = replace(removal, link=replace(link, dest_kind=kind, dest_id=child))
            given = {name: [*(fields.get(name) or ()), link.dest_id]}
            carried = await self._reversals.give_back(write, given, fields, "")
            if carried.refused or carried.moved:
                loose.append(child)
        return loose

    async def _told(self, dest_id: DestId, seen: Cursor) -> Mapping[DestId, int]:
        """Give what events since a position relate to a record, with the place of the latest; nothing where none can be asked for."""
        if not seen:
            return {}
        feed = self._m.destination.feed
        try:
            told = await feed.about(dest_id, seen)
            if told.keys() - {dest_id} and await feed.about(NOBODY, seen):
                return {}
        except (NotFound, RecordRejected):
            return {}
        return told

    async def _is_last(self, child: DestId, place: int, seen: Cursor) -> bool:
        """Say whether nothing was done to a record since the event that relates it: it may have been moved elsewhere by that."""
        return (await self._m.destination.feed.about(child, seen)).get(child, place) <= place

    async def _live(self, dest_ids: Collection[DestId]) -> dict[DestId, Fields]:
        by_kind: dict[Kind, list[DestId]] = defaultdict(list)
        for dest_id in sorted(dest_ids):
            by_kind[kind_of(dest_id)].append(dest_id)
        found: dict[DestId, Fields] = {}
        for kind, ids in by_kind.items():
            if kind in HANGING_KINDS:
                for start in range(0, len(ids), READ_AT_ONCE):
                    found |= await self._m.destination.reader.read(kind, ids[start : start + READ_AT_ONCE], custom=False)
        return found
