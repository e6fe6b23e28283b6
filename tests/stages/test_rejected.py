"""Rows of the source that cannot be records: told whatever becomes of the pass that read them, and answered one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from streamflow.clock import SystemClock
from streamflow.model import Key, Page, Record, Reject
from streamflow.platforms.source import Source, Stream
from streamflow.stages.extract import PARENTS_AT_ONCE, Intake
from streamflow.stages.rejected import CAUSE
from streamflow.stages.tally import Tally
from streamflow.store.change import ResolveItem
from streamflow.store.memory import MemoryLedger
from tests.stages.test_extract import yes

BELL = Stream(kind="bell", reader="api")
PARENTS = [str(number) for number in range(PARENTS_AT_ONCE + 1)]


class CutError(Exception):
    """The process ends here."""


def row(says: str, place: int = 1) -> Reject:
    return Reject(reason=f"row {place} of bell: no bellid", digest=says)


@dataclass
class Bells:
    """A source whose first page, or first parent, holds a row that is no record and a name that nobody knows."""

    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger(clock=SystemClock()))
    rejects: tuple[Reject, ...] = (row("first"),)
    is_cut: bool = False

    def _page(self, key: Key, *, is_first: bool, following: str | None = None) -> Page:
        return Page(
            kind="bell", records=(Record(kind="bell", key=key, data={}, digest=key),), next=following,
            rejects=self.rejects if is_first else (), unknown={"mood": 1} if is_first else {},
            unknown_of={"tone": {"pitch": 1}} if is_first else {},
        )

    async def pages(self, kind: str, start: str | None) -> AsyncIterator[Page]:
        if start is None:
            yield self._page("a", is_first=True, following="2")
            if self.is_cut:
                raise CutError
        yield self._page("b", is_first=False)

    async def children(self, kind: str, parent: Key) -> Page:
        if self.is_cut and parent == PARENTS[-1]:
            raise CutError
        return self._page(parent, is_first=parent == PARENTS[0])

    async def read(self, way: str, scan: str = "first:bell:1") -> Tally:
        intake = Intake(ledger=self.ledger, source=cast(Source, self), permit=yes, on_page=lambda kind, count: None)
        if way == "scan":
            return await intake.scan(BELL, scan=scan)
        mark = await self.ledger.mark("sweep:bell")
        return await intake.scan_children(BELL, self._parents(mark.cursor if mark else ""), scan=scan, name="sweep:bell")

    async def _parents(self, after: Key) -> AsyncIterator[list[Key]]:
        yield PARENTS[PARENTS.index(after) + 1 :] if after else PARENTS


@pytest.mark.parametrize("way", ["scan", "children"])
async def test_what_a_cut_pass_told_besides_records_is_kept(way: str) -> None:
    """The pass goes on behind the page that held the row and the unknown names; the person sees the one, the pass knows the others."""
    source = Bells(is_cut=True)
    with pytest.raises((CutError, ExceptionGroup)):
        await source.read(way)
    source.is_cut = False
    tally = await source.read(way)
    [item] = await source.ledger.queue(cause=CAUSE)
    assert item.reason.startswith("row 1 of bell")
    assert item.decisions == ("waive",)
    assert tally.unknown == {"mood": 1}
    assert tally.unknown_of == {"tone": {"pitch": 1}}


async def test_a_waived_row_does_not_silence_the_next_one() -> None:
    """The same row in another place is not asked about again; another row in the place of the waived one is."""
    source = Bells()
    await source.read("scan")
    [item] = await source.ledger.queue(cause=CAUSE)
    await source.ledger.commit([ResolveItem(id=item.id, decision="waive", by="uid:7")])
    source.rejects = (row("first", 7),)
    await source.read("scan", "sweep:bell:1")
    assert await source.ledger.queue(cause=CAUSE) == []
    source.rejects = (row("second"),)
    await source.read("scan", "sweep:bell:2")
    [asked] = await source.ledger.queue(cause=CAUSE)
    assert asked.id != item.id
