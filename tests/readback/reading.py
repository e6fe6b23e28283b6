"""
A process of its own that reads back whatever is pending, and may end as if killed at one of its transactions.

`python -m tests.readback.reading STATE URL FLAGS END`: the directory of the ledger, the address of the account, flags as JSON, and at which
half of a commit it ends itself by SIGKILL (odd: before, even: after; 0: never). It imports little, since it is started often.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

from streamflow.clock import SystemClock
from streamflow.platforms.nutshell.doors import connect
from streamflow.platforms.nutshell.flags import Flags
from streamflow.stages.vanished import Vanished
from streamflow.stages.verify import Verifier
from streamflow.store.change import Change
from streamflow.store.sqlite import SqliteLedger
from streamflow.wire.limiter import PacedLimiter

KINDS = ("accounts", "contacts", "leads", "activities", "notes", "tasks")


class Ending:
    """A ledger at one of whose transactions the process is no more."""

    def __init__(self, ledger: SqliteLedger, end: int) -> None:
        self._ledger, self._left = ledger, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def commit(self, changes: Iterable[Change]) -> None:
        """Commit, if there is still somebody to do it."""
        self._count()
        await self._ledger.commit(changes)
        self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def read_back(state: str, url: str, flags: dict[str, Any], end: int) -> None:
    """Settle every kind as the end of a phase does."""
    clock = SystemClock()
    limiter = PacedLimiter(clock, rate_per_s=5_000, burst=200, max_in_flight=16)
    async with SqliteLedger.open(state, clock=clock) as opened, connect(
        base_url=url, username="ana.admin@blueberry.test", api_key="sandbox-key", limiter=limiter, clock=clock, flags=Flags().with_(flags),
    ) as nutshell:  # fmt: skip
        ledger: Any = Ending(opened, end)
        vanished = Vanished(ledger=ledger, reader=nutshell.reader)
        verifier = Verifier(ledger=ledger, reader=nutshell.reader, feed=nutshell.feed, vanished=vanished)
        for kind in KINDS:
            await verifier.settle(kind)


if __name__ == "__main__":
    asyncio.run(read_back(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])))
