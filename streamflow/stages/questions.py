"""
What a question to a person is called when it has to be put once more: a resolved item stays so, so each time has a name of its own.

Names are never given anew for what is asked already, and what is in the ledgers of earlier versions keeps the name it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from streamflow.errors import InvariantBroken
from streamflow.model import AuditEntry, QueueItem
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, ResolveItem

AGAIN = ":again"


class Question(NamedTuple):
    """Where the next question goes: its name, the item that stands there already, and the one before it that is over."""

    name: str
    standing: QueueItem | None
    last: QueueItem | None


def repeated(first: str) -> Iterator[str]:
    """Give the names of a question, time after time: "x", "x:again", "x:again:again"."""
    while True:
        yield first
        first += AGAIN


def numbered(first: str) -> Iterator[str]:
    """Give the names of a question that may come often: "x", "x:2", "x:3"."""
    yield first
    yield from (f"{first}:{number}" for number in count(2))


def is_answered(item: QueueItem) -> bool:
    """Say whether an item is resolved for that one time; what a person gave up stays given up."""
    return item.state == "resolved" and item.decision != "waive"


def closed(item: QueueItem, decision: str, *, by: str = "streamflow") -> list[Change]:
    """Close a question that nobody needs to answer any more, and tell the audit so; *by*: what let it be closed."""
    entry = AuditEntry(actor="streamflow", action="queue.resolved", kind=item.kind, key=item.key, note=f"{item.id}: {decision}")
    return [ResolveItem(id=item.id, decision=decision, by=by), Audit(entry=entry)]


async def next_question(ledger: Ledger, names: Iterator[str], *, is_over: Callable[[QueueItem], bool] = is_answered) -> Question:
    """Give the first of endless *names* under which nothing was asked, or what was is not over."""
    last: QueueItem | None = None
    for name in names:
        standing = await ledger.item(name)
        if standing is None or not is_over(standing):
            return Question(name, standing, last)
        last = standing
    raise InvariantBroken("the names of a question came to an end", hint="a bug: report it")
