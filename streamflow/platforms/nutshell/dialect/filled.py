"""What Nutshell gives a new record without being told (nutshell.md 3, 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamflow.model import Kind
from streamflow.platforms.nutshell.flags import Flags

_FILLED: Final[Mapping[Kind, frozenset[str]]] = {
    "contacts": frozenset({"firstName", "lastName"}),
    "leads": frozenset({"dueTime", "stage", "stageset", "confidence", "watchers"}),
    "activities": frozenset({"link:participants"}),     # their end is always written
    "notes": frozenset({"createdTime"}),
}
_ASSIGNED: Final = frozenset({"link:assignee"})
_OWNED: Final = frozenset({"link:owner"})


def filled(kind: Kind, flags: Flags) -> frozenset[str]:
    """Name the fields of a kind that a new record may hold though nobody set them."""
    if kind == "tasks":
        return _ASSIGNED if flags.task_assignee_filled else frozenset()
    return _FILLED.get(kind, frozenset()) | (_OWNED if kind in flags.owner_filled else frozenset())
