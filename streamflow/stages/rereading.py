"""
The last reading of a record right before it is changed, where the destination has no condition on a write.

The feed tells late what people did; a record read by its id is as it is. Kinds whose writer reads them once more itself are left to it.
"""

from __future__ import annotations

from typing import Final

from streamflow.model import Kind, Op
from streamflow.platforms.destination import Reader
from streamflow.stages.batch import Write
from streamflow.stages.planning import both_ways

PATCHED_KINDS: Final[frozenset[Kind]] = frozenset({"accounts", "contacts", "leads"})
"""Kinds of which single fields are changed, whatever else is there (`Writer.update`)."""


async def reads_otherwise(reader: Reader, write: Write) -> bool:
    """Say whether a field that is to be written is not any more what it was decided from, or the record is gone; for one call or two."""
    if write.op is not Op.UPDATE or write.dest_id is None or write.dest_kind not in PATCHED_KINDS:
        return False
    is_custom = any(name.startswith("custom:") for name in write.fields)
    now = (await reader.read(write.dest_kind, [write.dest_id], custom=is_custom)).get(write.dest_id)
    return now is None or any(
        write.now.get(name) != now.get(name) and not both_ways(reader.compare, write.dest_kind, name, write.now.get(name), now.get(name))
        for name in write.fields
    )
