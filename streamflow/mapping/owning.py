"""Who owns or wrote a record, by the fields of its kind that say so."""

from __future__ import annotations

from streamflow.mapping.pair import Pair
from streamflow.model import Record


def owner_keys(record: Record, pair: Pair) -> tuple[str, ...]:
    """Give what names the owner or author of a record (id, address, name), best first."""
    values = (record.data.get(field) for field in pair.of(record.kind).owner)
    return tuple(str(value).strip() for value in values if value not in (None, ""))
