"""
Records that may be a write of unknown outcome, and from which people took its marker before anybody read it: a text they wrote anew.

Nothing tells what such a record was made for. To make it once more unasked might double it, to take it for the write might lose one: a
person is asked, who is shown the record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final

from streamflow.mapping.marker import marker_in
from streamflow.model import DestId, Fields, Intent, Kind, kind_of
from streamflow.platforms.destination import Happening, Reader, is_person, position_of
from streamflow.stages.gone import GONE_KINDS
from streamflow.stages.heirs import PARENT_LINKS

_TEXTS: Final = ("body", "description")


def made_meanwhile(intent: Intent, happenings: Iterable[Happening], ours: Collection[str | None]) -> set[DestId]:
    """Give what a program, or one of *ours* (users in whose name we write), made of its kind since a write was meant."""
    after = position_of(intent.feed_cursor or "")
    return {
        dest_id
        for event in happenings
        if event.action == "create" and event.kind == intent.dest_kind and position_of(event.id) > after
        and (event.actor in ours or not is_person(event.actor))
        for dest_id in event.ids
    }  # fmt: skip


async def rewritten(reader: Reader, intent: Intent, said: Fields, suspects: Collection[DestId]) -> list[DestId]:
    """
    Name those of *suspects* that may be this write without its marker: there, without anybody's, and where it was to hang.

    *said* is all that the record was to say. Where it was to hang on somebody who is gone, and nothing tells into whom people may have
    merged that one, each may be it: a text goes along.
    """
    if not suspects:
        return []
    records = await reader.read(intent.dest_kind, sorted(suspects), custom=False)
    bare = {dest_id: _homes(fields) for dest_id, fields in records.items() if not _is_marked(fields)}
    if not bare:
        return []
    wanted = _homes(said)
    fates = await _fates(reader, wanted)
    if not wanted or None in fates.values():
        return sorted(bare)
    at = wanted | {survivor for survivor in fates.values() if survivor is not None}
    return sorted(dest_id for dest_id, homes in bare.items() if homes & at)


def is_text(intent: Intent) -> bool:
    """Say whether a write bears its marker in a text, which people write over, and not in a field of its own."""
    return marker_in(intent.marker) is not None


def _is_marked(fields: Fields) -> bool:
    """Say whether a text ends with a marker, of whatever source record."""
    return any(isinstance(text := fields.get(name), str) and marker_in(text) is not None for name in _TEXTS)


def _homes(fields: Fields) -> set[DestId]:
    """Give whom a record hangs on; users, who take part in activities, are not among them."""
    values = [fields.get(name) for name in PARENT_LINKS]
    named = {each for value in values for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)}
    return {each for each in named if kind_of(each) in GONE_KINDS}


async def _fates(reader: Reader, dest_ids: Iterable[DestId]) -> dict[DestId, DestId | None]:
    """Give those that are gone: with the one they were merged into, None where nothing tells of one."""
    by_kind: dict[Kind, list[DestId]] = defaultdict(list)
    for dest_id in sorted(dest_ids):
        by_kind[kind_of(dest_id)].append(dest_id)
    found: dict[DestId, DestId | None] = {}
    for kind, ids in by_kind.items():
        found |= await reader.fates(kind, ids)
    return found
