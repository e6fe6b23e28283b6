"""Ledgers and a writer for the tests of reports: what holds on one ledger holds on both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streamflow.reports.writer import ReportWriter
from streamflow.store.base import Ledger
from streamflow.store.memory import MemoryLedger
from streamflow.store.sqlite import SqliteLedger

from .account import StillClock, moved


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(params=["sqlite", "memory"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: StillClock) -> AsyncIterator[Ledger]:
    """A ledger with the small account moved into it."""
    if request.param == "memory":
        memory = MemoryLedger(clock=clock)
        await moved(memory)
        yield memory
        return
    async with SqliteLedger.open(tmp_path / "state", clock=clock) as opened:
        await moved(opened)
        yield opened


@pytest.fixture
async def empty(clock: StillClock) -> Ledger:
    """A ledger in which nothing was read yet."""
    return MemoryLedger(clock=clock)


@pytest.fixture
def writer(tmp_path: Path, clock: StillClock) -> ReportWriter:
    return ReportWriter(tmp_path / "reports", "karoo & co", clock)
