"""
Custom fields that we made: noted before they are made, by the map as well as by the probes, since nothing can take them away by API.

Rule: ours is what was to be made, is there, and was not there before our first write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from streamflow.ledger_names import FIELDS_DEFINED
from streamflow.migration.context import Migration
from streamflow.model import AuditEntry, Kind
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, PutSetting

BEFORE: Final = "fields:before"
"""Setting: [entity, label] of what there was before our first write."""
MEANT: Final = "fields:meant"
"""Setting: [entity, label] of all that were ever to be made."""


async def note_meant(ledger: Ledger, fields: Sequence[tuple[Kind, str]]) -> None:
    """Note which are to be made; those that are noted, or were there before, are not noted again."""
    noted: list[list[str]] = await ledger.setting(MEANT) or []
    known = [*noted, *(await ledger.setting(BEFORE) or [])]
    if fresh := [[entity, label] for entity, label in fields if [entity, label] not in known]:
        entries = [Audit(entry=AuditEntry(actor="streamflow", action="field.meant", kind=entity, key=label)) for entity, label in fresh]
        await ledger.commit([PutSetting(name=MEANT, value=[*noted, *fresh]), *entries])


async def left_fields(migration: Migration) -> list[dict[str, Any]]:
    """Give those of ours that are there now, as rows of "entity", "label", "family" and "choices"."""
    ledger = migration.ledger
    before = await ledger.setting(BEFORE)
    if before is None:
        return []
    made = [[row["entity"], row["label"]] for row in await ledger.setting(FIELDS_DEFINED) or [] if row.get("created") == "yes"]
    ours = [*made, *(await ledger.setting(MEANT) or [])]
    return [
        {"entity": spec.entity, "label": spec.label, "family": spec.family, "choices": list(spec.choices), "created": "yes"}
        for spec in await migration.destination.schema.custom_fields()
        if [spec.entity, spec.label] in ours and [spec.entity, spec.label] not in before
    ]
