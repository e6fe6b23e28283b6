"""The two ledgers, behind one fixture: whatever is promised is promised by both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streamflow.store.base import Ledger
from streamflow.store.memory import MemoryLedger
from streamflow.store.sqlite import SqliteLedger

from .values import StillClock


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(params=["sqlite", "memory"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: StillClock) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger(clock=clock)
        return
    async with SqliteLedger.open(tmp_path / "state", clock=clock) as opened:
        yield opened
