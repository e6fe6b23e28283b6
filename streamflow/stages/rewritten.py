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


async def rewritten(reader: Reader, intent: Intent, suspects: Collection[DestId]) -> list[DestId]:
    """
    Name those of *suspects* that may be this write without its marker: there, without anybody's, and where it was to hang.

    Where it was to hang on somebody who is not there any more, each may be it: people may have merged that one, and the text went along.
    """
    if not suspects or not _is_marked(intent.fields):
        return []
    records = await reader.read(intent.dest_kind, sorted(suspects), custom=False)
    bare = {dest_id: _homes(fields) for dest_id, fields in records.items() if not _is_marked(fields)}
    wanted = _homes(intent.fields)
    if bare and await _are_there(reader, wanted):
        return sorted(dest_id for dest_id, homes in bare.items() if homes & wanted)
    return sorted(bare)


def _is_marked(fields: Fields) -> bool:
    """Say whether a text ends with a marker, of whatever source record."""
    return any(isinstance(text := fields.get(name), str) and marker_in(text) is not None for name in _TEXTS)


def _homes(fields: Fields) -> set[DestId]:
    """Give whom a record hangs on."""
    values = [fields.get(name) for name in PARENT_LINKS]
    return {each for value in values for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)}


async def _are_there(reader: Reader, dest_ids: Iterable[DestId]) -> bool:
    by_kind: dict[Kind, list[DestId]] = defaultdict(list)
    for dest_id in sorted(dest_ids):
        by_kind[kind_of(dest_id)].append(dest_id)
    return all([len(await reader.read(kind, ids, custom=False)) == len(ids) for kind, ids in by_kind.items()])
