"""What the write probes leave behind: told where it is still there, and only there."""

from __future__ import annotations

from typing import Any

from streamflow.clock import SystemClock
from streamflow.migration.schema import LedgerJournal, really_left
from streamflow.store.memory import MemoryLedger


class Reader:
    """Knows which records are there."""

    def __init__(self, *there: str) -> None:
        self._there = there

    async def read(self, kind: str, ids: Any, *, custom: bool) -> dict[str, Any]:
        return {dest_id: {} for dest_id in ids if dest_id in self._there}


async def test_a_removal_without_an_answer_is_looked_for_before_it_is_told() -> None:
    """Removed and never heard of: it leaves the journal and nobody is asked to delete it; what stands, or has no id yet, is told."""
    ledger = MemoryLedger(clock=SystemClock())
    journal = LedgerJournal(ledger)
    await journal.made("activities", "probe a", "1-activities")
    await journal.made("contacts", "probe b", "2-contacts")
    await journal.meant("notes", "probe c")
    reader: Any = Reader("1-activities")
    assert sorted(await really_left(journal, reader), key=str) == [
        ("activities", "probe a", "1-activities"), ("notes", "probe c", None),
    ]  # fmt: skip
    assert ("contacts", "probe b", "2-contacts") not in await journal.left()
