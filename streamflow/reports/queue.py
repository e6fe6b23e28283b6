"""The review queue in reports: counts by cause and state, and a line an item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from streamflow.model import QueueItem

TOUCHED: Final = frozenset({"conflict", "deleted_at_destination"})
_NOT_DATA: Final = TOUCHED | {"in_doubt", "plan_limit", "to_do", "after_freeze", "deleted_at_source", "rejected"}
_TOLD: Final = ("field", "value")


def is_of_data(item: QueueItem) -> bool:
    """Say whether an item tells of the quality of the data, and not of the run."""
    return item.cause not in _NOT_DATA


def item_row(item: QueueItem) -> dict[str, Any]:
    """Give one item as a line, with the field and value it is about."""
    return {
        "id": item.id,
        "cause": item.cause,
        "state": item.state,
        "blocking": item.blocking,
        "kind": item.kind,
        "key": item.key,
        "reason": item.reason,
        **{name: item.details.get(name) for name in _TOLD},
        "suggested": item.suggested,
        "decision": item.decision,
        "opened_at": item.opened_at,
        "resolved_at": item.resolved_at,
        "resolved_by": item.resolved_by,
    }


def cause_rows(items: Iterable[QueueItem]) -> list[dict[str, Any]]:
    """Count items by cause and state."""
    counts = Counter((item.cause, item.state) for item in items)
    blocking = Counter((item.cause, item.state) for item in items if item.blocking and item.state == "open")
    return [
        {"cause": cause, "state": state, "items": count, "blocking": blocking[cause, state]}
        for (cause, state), count in sorted(counts.items())
    ]


def touched_rows(items: Iterable[QueueItem]) -> list[dict[str, Any]]:
    """List values that people changed in the destination after us, and records they removed."""
    return [
        {
            "kind": item.kind,
            "key": item.key,
            "destination": item.details.get("dest_id"),
            "field": item.details.get("field"),
            "base": item.details.get("base"),
            "source": item.details.get("source"),
            "theirs": item.details.get("destination"),
            "state": item.state,
            "decision": item.decision,
            "reason": item.reason,
        }
        for item in items
        if item.cause in TOUCHED
    ]
