"""
Records that may be a write of unknown outcome, and from which people took its marker before anybody read it: a text they wrote anew.

Nothing tells what such a record was made for. To make it once more would double it, to take it for the write might lose one: a person
is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from streamflow.model import DestId, Fields, Intent
from streamflow.platforms.destination import Happening, is_person, position_of
from streamflow.stages.marks import bears_marker


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


def unmarked(records: Mapping[DestId, Fields]) -> list[DestId]:
    """Name those that bear no marker at all; one with another's is another's."""
    return sorted(dest_id for dest_id, fields in records.items() if not bears_marker(fields))
