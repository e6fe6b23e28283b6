"""What Nutshell gives a new record without being told (nutshell.md 3, 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamflow.model import Kind
from streamflow.platforms.nutshell.flags import Flags

_FILLED: Final[Mapping[Kind, frozenset[str]]] = {
    "accounts": frozenset({"link:owner"}),
    "contacts": frozenset({"firstName", "lastName", "link:owner"}),
    "leads": frozenset({"link:owner", "dueTime", "stage", "stageset", "confidence", "watchers"}),
    "activities": frozenset({"endTime", "link:participants"}),
    "notes": frozenset({"createdTime"}),
}
_ASSIGNED: Final = frozenset({"link:assignee"})


def filled(kind: Kind, flags: Flags) -> frozenset[str]:
    """Name the fields of a kind that a new record may hold though nobody set them."""
    if kind == "tasks":
        return _ASSIGNED if flags.task_assignee_filled else frozenset()
    return _FILLED.get(kind, frozenset())
