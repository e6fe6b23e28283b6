"""
The custom fields that there are, and what the ids are called by which events name them (nutshell.md 5.1, 7).

That events name them by id is assumed, for nothing is documented: what is no id of a definition is left as it comes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from streamflow.errors import AccessRefused, NotFound, NotPermitted, ProtocolMismatch, RecordRejected, TransientError
from streamflow.model import Kind
from streamflow.platforms.destination import Happening
from streamflow.platforms.nutshell.dialect.definitions import label_of
from streamflow.platforms.nutshell.dialect.ids import kind_of
from streamflow.platforms.nutshell.flags import ENTITIES
from streamflow.platforms.nutshell.listing import Listings

LISTED = "customFields"      # the kind of a definition's id: "27-customFields"


class Labels:
    """The definitions as they were listed last, by id."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._names: dict[str, str] = {}     # id -> "custom:<label>"; the id itself where nobody lists it

    async def listed(self, entity: Kind) -> list[dict[str, Any]]:
        """Give the definitions of accounts, contacts or leads as they come."""
        found = [row for row in await self._listings.rows(f"{entity}/customfields/attributes", LISTED) if label_of(row)]
        self._names |= {str(row["id"]): f"custom:{label_of(row)}" for row in found if row.get("id")}
        return found

    async def told(self, events: Sequence[Happening]) -> list[Happening]:
        """Give events whose changes name custom fields as `Fields` do; the definitions are asked for where an id is new."""
        for entity in sorted({event.kind for event in events if event.kind in ENTITIES and any(map(self._is_new, event.changes))}):
            try:
                await self.listed(entity)
            except (AccessRefused, NotFound, NotPermitted, ProtocolMismatch, RecordRejected, TransientError):
                continue     # an id is worse than a label, and better than no events
        self._names |= {name: name for event in events for name in event.changes if self._is_new(name)}
        return [
            dataclasses.replace(event, changes={self._names.get(name, name): change for name, change in event.changes.items()})
            if event.changes else event for event in events
        ]

    def _is_new(self, attribute: str) -> bool:
        return kind_of(attribute) == LISTED and attribute not in self._names
