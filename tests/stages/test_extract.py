"""Reading into the ledger: what a pass proves, and where it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from streamflow.clock import SystemClock
from streamflow.model import Key, Page, Record
from streamflow.platforms.source import Source, Stream
from streamflow.stages.extract import Intake, Settling, is_emptied
from streamflow.stages.tally import Tally
from streamflow.store.change import Change, PutSetting
from streamflow.store.memory import MemoryLedger


def bell(number: int) -> Record:
    return Record(kind="bell", key=str(number), data={"bellid": str(number)}, digest=str(number), parent="p")


class Bells:
    """A source of one kind, which shows what it is told to."""

    def __init__(self) -> None:
        self.shown: list[int] = []
        self.size = 100                     # of a page
        self.gaps: tuple[str, ...] = ()     # of the last one

    def _page(self) -> Page:
        return Page(kind="bell", records=tuple(map(bell, self.shown)), next=None)

    async def pages(self, kind: str, start: str | None) -> AsyncIterator[Page]:
        place = int(start or 0)
        while place == 0 or place < len(self.shown):
            records, place = tuple(map(bell, self.shown[place : place + self.size])), place + self.size
            is_last = place >= len(self.shown)
            yield Page(kind="bell", records=records, next=None if is_last else str(place), gaps=self.gaps if is_last else ())

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


BELLS = Stream(kind="bell", reader="api")
CLOSED = "closed"


class Torn(Exception):
    """The ledger took nothing of it."""


class Brittle(MemoryLedger):
    """A ledger that takes pages with one record not at all."""

    refused = ""

    async def stage(self, records: Any, **rest: Any) -> Any:
        if self.refused in [record.key for record in records]:
            raise Torn
        return await super().stage(records, **rest)


def intake_of(ledger: MemoryLedger, source: Bells, settle: Settling | None = None) -> Intake:
    return Intake(ledger=ledger, source=cast(Source, source), permit=yes, on_page=lambda kind, count: None, settle=settle)


async def closing() -> list[Change]:
    return [PutSetting(name=CLOSED, value=True)]


@pytest.mark.parametrize("way", ["scan", "scan_children"])
async def test_what_was_not_staged_is_read_again(way: str) -> None:
    """A page and the mark behind it are one: where the ledger did not take the one, the other has not moved either."""
    ledger, source = Brittle(clock=SystemClock()), Bells()
    source.shown, source.size, ledger.refused = [1, 2, 3, 4], 2, "3"
    intake = intake_of(ledger, source)

    async def read() -> Tally:
        if way == "scan":
            return await intake.scan(BELLS, scan="a", closing=closing)
        return await intake.scan_children(BELLS, parents(), scan="a", name="read:bell")

    with pytest.raises(Torn):
        await read()
    mark = await ledger.mark("read:bell")
    assert (mark.cursor if mark else "") == ("2" if way == "scan" else "")
    assert await ledger.setting(CLOSED) is None
    ledger.refused = ""
    assert (await read()).complete
    assert set(await ledger.staged("bell", ["1", "2", "3", "4"])) == {"1", "2", "3", "4"}


@pytest.mark.parametrize(("given_up", "accounted", "spared", "missed", "closed"), [
    (False, False, [], [], False),          # a gap hides anything
    (True, False, [], [], True),            # given up: the read is over, and still nobody knows whom it hides
    (True, True, ["4"], ["3"], True),       # it is known whom it may hide: all others are absent
])
async def test_a_pass_with_gaps_proves_absence_of_nobody_it_may_hide(
    given_up: bool, accounted: bool, spared: list[Key], missed: list[Key], closed: bool
) -> None:
    """Nothing is missed, and nothing closed, by a pass that did not show all there is, but as far as a person gave up the rest."""
    async def settle(stream: Stream, tally: Tally, scan: str) -> None:
        tally.given_up, tally.accounted, tally.spared = given_up, accounted, {"bell": spared}

    ledger, source = MemoryLedger(clock=SystemClock()), Bells()
    intake = intake_of(ledger, source, settle)
    source.shown = [1, 2, 3, 4]
    await intake.scan(BELLS, scan="a")
    source.shown, source.gaps = [1, 2], ("a row does not come",)
    tally = await intake.scan(BELLS, scan="b", closing=closing)
    held = await ledger.staged("bell", ["1", "2", "3", "4"])
    assert [key for key, each in sorted(held.items()) if each.missing_scans] == missed
    assert (tally.missed, await ledger.setting(CLOSED)) == (len(missed), True if closed else None)


async def test_an_empty_list_where_there_was_much_ends_nothing() -> None:
    """All rows gone at once are a fault of the source: none is missed, and the read is not closed."""
    ledger, source = MemoryLedger(clock=SystemClock()), Bells()
    intake = intake_of(ledger, source)
    source.shown = [1, 2, 3, 4]
    await intake.scan(BELLS, scan="a")
    source.shown = []
    tally = await intake.scan(BELLS, scan="b", closing=closing)
    assert not tally.complete
    assert await ledger.setting(CLOSED) is None
    assert not any(each.missing_scans for each in (await ledger.staged("bell", ["1", "2", "3", "4"])).values())


@pytest.mark.parametrize(("missed", "total", "is_doubted"), [(3, 3, False), (4, 4, True), (3, 4, False), (99, 100, False), (0, 0, False)])
def test_a_kind_that_vanished_as_a_whole_is_doubted(missed: int, total: int, is_doubted: bool) -> None:
    """Three records may well have been deleted; more of them, down to the last, are rather a list that does not come."""
    assert is_emptied(missed, total) is is_doubted


async def test_what_is_read_is_told_by_kind() -> None:
    """Each page tells how many records came, of its own kind last, also where that is none."""
    heard: list[tuple[str, int]] = []
    source, own, other = Bells(), bell(1), Record(kind="ring", key="1", data={}, digest="1")
    shown: list[tuple[Record, ...]] = [(own, other, other), (own, own), ()]

    async def pages(kind: str, start: str | None) -> AsyncIterator[Page]:
        for place, records in enumerate(shown):
            yield Page(kind="bell", records=records, next=str(place + 1) if place < len(shown) - 1 else None)

    source.pages = pages  # type: ignore[method-assign]
    ledger = MemoryLedger(clock=SystemClock())
    intake = Intake(ledger=ledger, source=cast(Source, source), permit=yes, on_page=lambda kind, count: heard.append((kind, count)))
    await intake.scan(BELLS, scan="a")
    assert heard == [("ring", 2), ("bell", 1), ("bell", 2), ("bell", 0)]
