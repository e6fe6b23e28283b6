"""Who owns or wrote a record, by the fields of its kind that say so, and which users are still there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamflow.mapping.pair import Pair
from streamflow.model import Record

_NO: Final = frozenset({"0", "false", "no"})


def owner_keys(record: Record, pair: Pair) -> tuple[str, ...]:
    """Give what names the owner or author of a record (id, address, name), best first."""
    values = (record.data.get(field) for field in pair.of(record.kind).owner)
    return tuple(str(value).strip() for value in values if value not in (None, ""))


def is_active(user: Mapping[str, Any], pair: Pair) -> bool:
    """Say whether a user of the source is active; not said counts as active."""
    said = pair.plan_naming("user").told(user, "active")
    return said is None or str(said).strip().lower() not in _NO
