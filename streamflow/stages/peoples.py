"""What in a record of ours is people's: told by the record alone, from what we wrote and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamflow.model import Fields, Kind, Link, Verdict
from streamflow.stages.kept import expected, kept
from streamflow.stages.planning import Compare

FILLED_BY_ITSELF: Final[Mapping[Kind, frozenset[str]]] = {
    "accounts": frozenset({"link:owner"}),
    "contacts": frozenset({"firstName", "lastName", "link:owner"}),
    "leads": frozenset({"link:owner", "dueTime", "stage", "stageset", "confidence", "watchers"}),
    "activities": frozenset({"endTime", "link:participants"}),
    "notes": frozenset({"createdTime"}),
    "tasks": frozenset({"link:assignee"}),
}
"""What the destination may give a new record without being told: no sign of people by itself, the events tell who changed it."""

IDLE: Final[Mapping[str, tuple[Any, ...]]] = {
    "status": ("open",), "isCompleted": (False,), "isLogged": (False,), "isAllDay": (False,), "isFlagged": (False,),
}
"""Values that new records have, and that say nothing."""

ACTED: Final[Mapping[str, str]] = {"status": "outcome"}
"""What follows from a field of ours: closing a deal sets its status."""

REPLACING: Final[Mapping[Kind, frozenset[str] | None]] = {"notes": None, "tasks": None, "activities": frozenset({"isCancelled"})}
"""Kinds that may have to be replaced whole to be changed, and what of people's would be lost by it; None: everything."""


def added_fields(link: Link, now: Fields) -> list[str]:
    """Name the fields that people filled and we never wrote; what the destination fills by itself is left out."""
    ours, own = expected(link.base), FILLED_BY_ITSELF.get(link.dest_kind, frozenset())
    return [
        name for name, value in now.items()
        if name not in ours and name not in own and value not in IDLE.get(name, ()) and ACTED.get(name) not in ours
    ]


def edited_fields(link: Link, now: Fields, compare: Compare) -> list[str]:
    """Name the fields of ours that hold what people wrote."""
    kind, ours = link.dest_kind, expected(link.base)
    return sorted({*kept(link.base), *(name for name in ours if compare(kind, name, ours[name], now.get(name)) is Verdict.DIFFERS)})


def lost_by_replacing(link: Link, now: Fields, changes: Fields, *, in_place: bool, compare: Compare) -> list[str]:
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
        return [name for name in added_fields(link, now) if name in lost]
    return [*edited_fields(link, now, compare), *added_fields(link, now)]
