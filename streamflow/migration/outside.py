"""
What stays when a part of a run is undone, and what of the part it needs.

Rule: the crosswalk says what was hung where; the destination's lists lag behind writes. What a list does not show as it was written is
read by itself, and what people moved elsewhere since hangs there no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from streamflow.migration.context import Migration
from streamflow.migration.scopes import Wanted
from streamflow.model import DestId, Fields, Key, Kind, Link
from streamflow.stages.kept import known
from streamflow.stages.kin import hanging_on

READ_AT_ONCE = 40
LOOSE = ("link:owner", "link:assignee", "link:tags", "link:sources", "link:activityType")
"""Relations by which nothing hangs on a record."""

Hung = dict[DestId, list[DestId]]
"""What hangs on a record, by that record."""


class Outside:
    """Lines of the crosswalk outside the scope of a rollback that were hung onto records of the scope."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self._belonging: dict[DestId, set[tuple[Kind, Key]]] = defaultdict(set)

    def clear(self) -> None:
        """Forget what was found."""
        self._belonging.clear()

    async def look(self, kind: Kind, wanted: Wanted, shown: Mapping[DestId, Collection[DestId]]) -> Hung:
        """Take up the lines of a kind; answers what hangs on records of the scope beyond what lists have *shown*."""
        hung: Hung = {}
        async for page in self._m.ledger.crosswalk(dest_kind=kind):
            found = await self._named([link for link in page if not wanted(link)], wanted)
            unshown = {child for parent, children in found.items() for child in children if child not in shown.get(parent, ())}
            for dest_id, fields in (await self._read(kind, sorted(unshown))).items():
                hang(hung, dest_id, fields)
        return hung

    async def _named(self, links: Sequence[Link], wanted: Wanted) -> Hung:
        """Give which of these name records of the scope, and note from where they come."""
        found: Hung = {}
        for link in links:
            hang(found, link.dest_id, known(link.base))
        lines = await self._m.ledger.links_to(sorted(found)) if found else []
        going = {link.dest_id for link in lines if wanted(link)}
        found = {dest_id: children for dest_id, children in found.items() if dest_id in going}
        for dest_id, children in found.items():
            self._belonging[dest_id] |= {(link.ref.kind, link.ref.key) for link in links if link.dest_id in children}
        return found

    async def _read(self, kind: Kind, dest_ids: Sequence[DestId]) -> Mapping[DestId, Fields]:
        reader, found = self._m.destination.reader, dict[DestId, Fields]()
        for start in range(0, len(dest_ids), READ_AT_ONCE):
            found |= await reader.read(kind, dest_ids[start : start + READ_AT_ONCE], custom=False)
        return found

    def keep(self, link: Link) -> None:
        """Count a line of the scope that stays all the same among those outside."""
        named: Hung = {}
        hang(named, link.dest_id, known(link.base))
        for dest_id in named:
            self._belonging[dest_id].add((link.ref.kind, link.ref.key))

    async def belongs(self, link: Link) -> bool:
        """
        Say whether anything that stays was hung onto the record of a line, whatever became of that record.

        Of a line that joined another's record: whether that is so because it belongs to this very source record.
        """
        noted = self._belonging.get(link.dest_id)
        if not noted or not link.is_merged:
            return bool(noted)
        under = await hanging_on(self._m.ledger, link.ref.kind, [link.ref.key])
        own = (link.ref.kind, link.ref.key)
        return own in noted or any((kind, key) in noted for kind, keys in under.items() for key in keys)


def hang(hung: Hung, dest_id: DestId, fields: Mapping[str, Any]) -> None:
    """Note the records that this one hangs on."""
    for name, value in fields.items():
        if name.startswith("link:") and name not in LOOSE:
            targets: Iterable[Any] = value if isinstance(value, list) else [value]
            for target in targets:
                if isinstance(target, str) and dest_id not in hung.setdefault(target, []):
                    hung[target].append(dest_id)
