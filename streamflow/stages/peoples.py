"""What in a record of ours is people's: told by the record alone, from what we wrote and what it holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from streamflow.model import Fields, Kind, Link, Verdict
from streamflow.stages.kept import expected, of_people
from streamflow.stages.planning import Compare

IDLE: Final[Mapping[str, tuple[Any, ...]]] = {
    "status": ("open",), "isCompleted": (False,), "isLogged": (False,), "isAllDay": (False,), "isFlagged": (False,),
}
"""Values that new records have, and that say nothing."""

ACTED: Final[Mapping[str, str]] = {"status": "outcome"}
"""What follows from a field of ours: closing a deal sets its status."""

REPLACING: Final[Mapping[Kind, frozenset[str] | None]] = {"notes": None, "tasks": None, "activities": frozenset({"isCancelled"})}
"""Kinds that may have to be replaced whole to be changed, and what of people's would be lost by it; None: everything."""


def added_fields(link: Link, now: Fields, filled: Collection[str]) -> list[str]:
    """Name the fields that people filled and we never wrote; *filled* is what the destination gives its kind by itself (`Writer.fills`)."""
    ours = expected(link.base)
    return [
        name for name, value in now.items()
        if name not in ours and name not in filled and value not in IDLE.get(name, ()) and ACTED.get(name) not in ours
    ]


def edited_fields(link: Link, now: Fields, compare: Compare) -> list[str]:
    """Name the fields of ours that hold what people wrote."""
    kind, ours = link.dest_kind, expected(link.base)
    return sorted({*of_people(link.base), *(name for name in ours if compare(kind, name, ours[name], now.get(name)) is Verdict.DIFFERS)})


def lost_by_replacing(
    link: Link, now: Fields, changes: Fields, *, in_place: bool, filled: Collection[str], compare: Compare
) -> list[str]:
    """
    Name what people put on a record of ours that changing it may take away, since it may have to be made anew.

    A text that people rewrote counts among it: the new record would hold it as if it were ours, and bear no mark to be known by.
    """
    if link.dest_kind not in REPLACING or not changes:
        return []
    is_patched = set(changes) <= {"link:assignee", "isCompleted"}
    if link.dest_kind == "tasks" and (is_patched or (in_place and "link:relatedEntity" not in changes)):
        return []
    lost = REPLACING[link.dest_kind]
    if lost is not None:
        return [name for name in added_fields(link, now, filled) if name in lost]
    return [*edited_fields(link, now, compare), *added_fields(link, now, filled)]
