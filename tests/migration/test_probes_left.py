"""What the write probes leave behind: told where it is still there, and only there; and removed as soon as that can be done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamflow.clock import SystemClock
from streamflow.migration import cutover
from streamflow.migration.leftovers import LedgerJournal, really_left
from streamflow.migration.life import State
from streamflow.platforms.nutshell import prober
from streamflow.store.memory import MemoryLedger
from tests.migration.rig import ASK_CUTOVER, Voyage, voyage


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


@pytest.mark.parametrize("until", [State.TAIL, State.CUTOVER])
async def test_a_removal_that_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: State) -> None:
    """Failed in a bad hour, a probe's note is asked about by its id; in the tail, or before the switch, it goes with its question."""
    monkeypatch.setattr(prober, "RETRY_WAITS_S", (0.0,))
    async with voyage(tmp_path, at=State.SCHEMA, records=20, gates=ASK_CUTOVER, probed=False) as trip:
        trip.site.faults.merge({"fail_5xx": {"path": "DELETE /rest/notes/*", "probability": 1.0}})
        await trip.until(State.OWNERS)
        left = _probes(trip)
        assert left
        assert [item.details["dest_id"] for item in await trip.items("probe_left")] == left
        await trip.until(State.TAIL)
        if until is State.CUTOVER:
            await trip.stopping(trip.phase, lambda: trip.m.gate is not None)
            assert _probes(trip) == left
            trip.m.control.draining = False
            await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
            await trip.until(State.CUTOVER)
        trip.site.faults.merge({"fail_5xx": None})
        await (trip.until(State.WATCH) if until is State.CUTOVER else trip.stopping(trip.phase, lambda: trip.m.gate is not None))
        assert _probes(trip) == []
        assert await trip.items("probe_left") == []


def _probes(trip: Voyage) -> list[str]:
    return [row["id"] for row in trip.live("notes").values() if "Streamflow probe" in row["body"]]
