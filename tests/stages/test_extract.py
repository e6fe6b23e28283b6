"""Reading into the ledger: what a complete pass proves of a stream whose source forgets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from streamflow.clock import SystemClock
from streamflow.model import Key, Page, Record
from streamflow.platforms.base import Source, Stream
from streamflow.stages.extract import Intake
from streamflow.store.memory import MemoryLedger


def bell(number: int) -> Record:
    return Record(kind="bell", key=str(number), data={"bellid": str(number)}, digest=str(number), parent="p")


class Bells:
    """A source of one kind, which shows what it is told to."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def _page(self) -> Page:
        return Page(kind="bell", records=tuple(map(bell, self.shown)), next=None)

    async def pages(self, kind: str, start: str | None) -> AsyncIterator[Page]:
        yield self._page()

    async def children(self, kind: str, parent: Key) -> Page:
        return self._page()


async def yes() -> bool:
    return True


async def parents() -> AsyncIterator[list[Key]]:
    yield ["p"]


@pytest.mark.parametrize("way", ["scan", "scan_children"])
async def test_what_a_source_forgets_is_not_missed(way: str) -> None:
    """Rows that a source keeps for a while only go without a word, even all at once; of any other stream they are missed."""
    for sweepable in (False, True):
        ledger, source = MemoryLedger(clock=SystemClock()), Bells()
        intake = Intake(ledger=ledger, source=cast(Source, source), permit=yes, on_page=lambda kind, count: None)
        stream = Stream(kind="bell", reader="api", sweepable=sweepable)

        async def read(scan: str, intake: Any = intake, stream: Stream = stream) -> int:
            tally = await (intake.scan(stream, scan=scan) if way == "scan" else
                           intake.scan_children(stream, parents(), scan=scan, name="read:bell"))
            return int(tally.missed)

        source.shown = [1, 2, 3, 4, 5]
        assert await read("a") == 0
        source.shown = [4, 5]
        assert await read("b") == (3 if sweepable else 0)
        source.shown = []
        if not sweepable or way == "scan":     # all at once is not believed
            assert await read("c") == 0
        assert set(await ledger.staged("bell", ["1", "2", "3", "4", "5"])) == {"1", "2", "3", "4", "5"}
