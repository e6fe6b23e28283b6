"""
Rows of the source that cannot be records: a person is told of each, once.

Rule 1: told in the transaction that stages the page they came with: what was read before the run was cut is not read again.
Rule 2: a row is known by what it says and by where it belongs, not by its place: an answer is about that row alone, wherever later
readings show it, and one that says anything else is a question of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from streamflow.model import Kind, QueueItem, Reject
from streamflow.store.change import Change, Enqueue

CAUSE = "row_rejected"


def told(kind: Kind, rejects: Iterable[Reject]) -> list[Change]:
    """Give what tells a person of such rows of a page of this kind."""
    return [Enqueue(item=_item(kind, each)) for each in {each.digest: each for each in rejects}.values()]


def _item(kind: Kind, row: Reject) -> QueueItem:
    below = f" (below {row.parent})" if row.parent else ""
    return QueueItem(
        id=f"reject:{kind}:{row.digest}", cause=CAUSE, kind=kind, key="", reason=row.reason + below,
        decisions=("waive",), suggested="waive", details={"parent": row.parent} if row.parent else {},
    )
