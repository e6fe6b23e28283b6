"""The review queue in reports: counts by cause and state, and a line an item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.model import Kind, QueueItem
from streamflow.reports.rows import Rows
from streamflow.store.base import Ledger

TOUCHED: Final = frozenset({"conflict", "deleted_at_destination"})
_NOT_DATA: Final = TOUCHED | {"in_doubt", "plan_limit", "locked", "to_do", "after_freeze", "deleted_at_source", "rejected", "unanswered"}
_TOLD: Final = ("field", "value")


def is_of_data(cause: str) -> bool:
    """Say whether items of a cause tell of the quality of the data, and not of the run."""
    return cause not in _NOT_DATA


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


def cause_rows(counts: Mapping[tuple[str, str, bool], int]) -> list[dict[str, Any]]:
    """Give a line for each cause and state out of the ledger's counts of items."""
    items: Counter[tuple[str, str]] = Counter()
    blocking: Counter[tuple[str, str]] = Counter()
    for (state, cause, blocks), count in counts.items():
        items[cause, state] += count
        blocking[cause, state] += count if blocks and state == "open" else 0
    return [
        {"cause": cause, "state": state, "items": count, "blocking": blocking[cause, state]}
        for (cause, state), count in sorted(items.items())
    ]


def touched_row(item: QueueItem) -> dict[str, Any]:
    """Give a value that a person changed in the destination after us, or a record they removed, as a line."""
    return {
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


@dataclass(slots=True)
class QueueView:
    """The whole queue as reports need it; grows with the kinds and fields of the account, not with the items."""

    items: Rows = field(default_factory=Rows)
    touched: Rows = field(default_factory=Rows)
    unmapped: Counter[tuple[Kind, str]] = field(default_factory=Counter)  # (kind, field) -> items
    told: Counter[tuple[Kind, str]] = field(default_factory=Counter)  # (kind, field) -> items of any cause about that field


async def view(ledger: Ledger) -> QueueView:
    """Walk the queue once, a page at a time."""
    found = QueueView()
    async for page in ledger.items(state=None):
        found.items.extend(map(item_row, page))
        found.touched.extend(touched_row(item) for item in page if item.cause in TOUCHED)
        found.told.update((item.kind, str(item.details["field"])) for item in page if item.details.get("field"))
        found.unmapped.update((item.kind, str(item.details.get("field") or "")) for item in page if item.cause == "unmapped_field")
    return found
