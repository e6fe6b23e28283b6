"""
Records that may be a write of unknown outcome, and that people removed or merged away before anybody read their marker.

"Not there" says nothing about these: what was made and is gone again is not to be made once more (nutshell.md 7).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from streamflow.model import DestId, Fields, Intent
from streamflow.platforms.destination import Reader
from streamflow.stages.marks import carries_marker
from streamflow.stages.planning import Compare, both_ways

ALIKE_AT_LEAST = 2
"""So many values of a record must be those of the write, and none another, before it counts as made by it where no marker can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What of the records that may be a write is gone: the one that was surely made by it, and others of which nobody can tell."""

    made: DestId | None = None
    unclear: tuple[DestId, ...] = ()


async def removed(reader: Reader, intent: Intent, suspects: Collection[DestId]) -> Removed:
    """Look for a create among *suspects*: records that appeared since it was meant, and that no line of ours leads to."""
    if not suspects:
        return Removed()
    live = await reader.read(intent.dest_kind, sorted(suspects), custom=False)
    gone = {dest_id: await reader.remains(intent.dest_kind, dest_id) for dest_id in sorted(set(suspects) - live.keys())}
    return judged(intent, gone, reader.compare)


def judged(intent: Intent, gone: Mapping[DestId, Fields | None], compare: Compare) -> Removed:
    """Decide by what is still shown of records that are *gone*; None: nothing is."""
    made = [dest_id for dest_id, fields in gone.items() if fields is not None and _is_made(intent, fields, compare)]
    if len(made) == 1:
        return Removed(made=made[0])
    other = {dest_id for dest_id, fields in gone.items() if fields is not None and _is_another(intent, fields, compare)}
    return Removed(unclear=tuple(dest_id for dest_id in gone if dest_id not in other))


def _is_made(intent: Intent, shown: Fields, compare: Compare) -> bool:
    return carries_marker(shown, intent.marker) or (
        len(said := _said(intent)) >= ALIKE_AT_LEAST
        and all(both_ways(compare, intent.dest_kind, name, value, shown.get(name)) for name, value in said.items())
    )


def _is_another(intent: Intent, shown: Fields, compare: Compare) -> bool:
    """Say whether none of its own values was sent; people may have changed some before it went, and many share an owner or a parent."""
    own = {name: value for name, value in _said(intent).items() if not name.startswith("link:")}
    return not any(both_ways(compare, intent.dest_kind, name, value, shown.get(name)) for name, value in own.items())


def _said(intent: Intent) -> Fields:
    """What a record shows without another call: a removed one has no custom fields any more."""
    return {name: value for name, value in intent.fields.items() if not name.startswith("custom:") and value not in (None, "", [])}
