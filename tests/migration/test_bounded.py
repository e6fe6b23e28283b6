"""What the phases hold of an account stays small, however many records it has."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamflow.mapping.observe import Observation
from streamflow.migration.choosing import choose_sample
from streamflow.migration.companies import CompanyTable
from streamflow.migration.context import Migration
from streamflow.migration.freshness import FORM, Moves, NotingSource, parents_of
from streamflow.migration.late_versions import read_known
from streamflow.model import Cursor, Kind, Page, Record
from streamflow.platforms.source import Source, Stream
from streamflow.stages.extract import Intake
from streamflow.store.base import Ledger
from streamflow.store.connection import Connection
from streamflow.store.sqlite import SqliteLedger
from tests.bounded import peak_of
from tests.mapping import builders
from tests.reports.account import StillClock

ROWS = 250
LEADS = Stream(kind="lead", reader="files")


def lead(number: int) -> Record:
    data = {"leadid": f"L{number}", "name": f"Person {number % 50}", "company": f"Firm {number % 40}", "status": f"S{number % 3}"}
    return Record(kind="lead", key=f"L{number}", data=data, digest=str(number))


class Pages:
    """A source with as many leads as are asked for, a page at a time."""

    def __init__(self, count: int) -> None:
        self.count = count

    async def pages(self, kind: Kind, start: Cursor | None) -> AsyncIterator[Page]:
        for begin in range(0, self.count, ROWS):
            end = begin + ROWS
            records = tuple(lead(number) for number in range(begin, min(end, self.count)))
            yield Page(kind=kind, records=records, next=str(end) if end < self.count else None)


async def yes() -> bool:
    return True


def alive() -> int:
    return sum(isinstance(each, Record) for each in gc.get_objects())


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with SqliteLedger.open(tmp_path / "state", clock=StillClock()) as opened:
        yield opened


async def fill(ledger: Ledger, count: int) -> list[int]:
    """Read so many leads as the first pass does; answers how many records were held after each page."""
    held: list[int] = []
    intake = Intake(ledger=ledger, source=cast(Source, Pages(count)), permit=yes, on_page=lambda kind, records: held.append(alive()))
    gc.freeze()     # what was there before is not counted, nor looked through at every page
    try:
        tally = await intake.scan(LEADS, scan=f"first:{count}", names_touched=False)
    finally:
        gc.unfreeze()
    assert (tally.read, tally.complete, tally.touched) == (count, True, [])
    return held


def migration_on(ledger: Ledger) -> Migration:
    return cast(Migration, SimpleNamespace(ledger=ledger, pair=builders.PAIR, terms=SimpleNamespace(sample_size=20, seed=7)))


async def test_a_pass_holds_a_page_and_names_nothing(ledger: Ledger) -> None:
    """While a source is read no more than two pages of records are in memory, and their keys are not kept."""
    held = await fill(ledger, 3000)
    assert len(held) == 12
    assert max(held) <= 2 * ROWS


async def test_phases_over_more_leads_take_the_same_memory(ledger: Ledger) -> None:
    """Observing, counting companies and choosing a sample hold hardly more for 2,500 leads than for 1,000."""
    document = builders.proposed(*(lead(number) for number in range(20)))

    async def observe() -> None:
        observation = Observation(builders.PAIR)
        async for page in ledger.every("lead"):
            observation.add([staged.record for staged in page])

    async def companies() -> None:
        await CompanyTable(migration_on(ledger), document, {}).refresh()

    async def choose() -> None:
        chosen = await choose_sample(migration_on(ledger), lambda record: None)
        assert len(chosen["lead"]) == 20

    work = (observe, companies, choose)
    await fill(ledger, 1000)
    for each in work:
        await each()
    small = [await peak_of(each) for each in work]
    await fill(ledger, 2500)
    large = [await peak_of(each) for each in work]
    assert all(later < 1.3 * before for before, later in zip(small, large, strict=True)), (small, large)


async def test_the_sample_does_not_depend_on_how_much_is_held(ledger: Ledger) -> None:
    """The same leads are chosen each time, from every stratum."""
    await fill(ledger, 600)
    first, again = [(await choose_sample(migration_on(ledger), lambda record: None))["lead"] for _ in range(2)]
    assert first == again
    assert {int(key[1:]) % 3 for key in first} == {0, 1, 2}


def test_times_that_left_the_overlap_are_forgotten() -> None:
    """Following which leads moved keeps the latest ones alone."""
    moves = Moves.against(None, overlap_s=60.0)
    moments = [f"2026-03-{1 + n // 1440:02} {n // 60 % 24:02}:{n % 60:02}:00" for n in range(20_000)]
    assert len(moments[0]) == len("2026-03-01 00:00:00") == len(FORM) + 2
    for number, at in enumerate(moments):
        moves.look(Record(kind="lead", key=str(number), data={}, digest="", changed_at=at))
        assert len(moves._times) <= 1001
    assert moves.kept() == {"newest": moments[-1], "seen": {"19998": moments[-2], "19999": moments[-1]}}


async def test_what_was_let_go_on_is_looked_up_in_as_many_reads_whatever_the_page(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the switch each page of what is pending is looked up while no answer may come: it takes no read for each record."""
    asked, rows = list[str](), Connection.rows

    async def counted(self: Connection, name: str, *args: Any) -> Any:
        asked.append(name)
        return await rows(self, name, *args)

    await fill(ledger, ROWS)
    page = await ledger.pending("lead", limit=ROWS)
    monkeypatch.setattr(Connection, "rows", counted)
    reads: list[int] = []
    for size in (3, ROWS):
        asked.clear()
        await read_known(ledger, "2026-01-01T00:00:00Z", "lead", page[:size])
        reads.append(len(asked))
    assert reads[0] == reads[1] > 0


def test_who_moved_on_since_the_last_pass_is_asked_and_nobody_else() -> None:
    """A time behind the overlap is old; within it one that was seen then is known, and another one is a move. The first pass asks all."""
    def look(moves: Moves, *records: tuple[str, str]) -> list[str]:
        for key, at in records:
            moves.look(Record(kind="lead", key=key, data={}, digest="d", changed_at=at))
        return list(moves.moved)

    first = Moves.against(None, overlap_s=3600.0)
    assert look(first, ("1", "2026-06-01 08:00:00"), ("2", "2026-06-01 09:30:00"), ("3", "2026-06-01 10:00:00"), ("4", "")) == []
    kept = first.kept()
    assert kept == {"newest": "2026-06-01 10:00:00", "seen": {"2": "2026-06-01 09:30:00", "3": "2026-06-01 10:00:00"}}
    later = Moves.against(kept, overlap_s=3600.0)
    assert look(
        later, ("1", "2026-06-01 08:59:59"), ("2", "2026-06-01 09:30:00"), ("3", "2026-06-01 10:30:00"), ("5", "2026-06-01 09:00:00"),
    ) == ["3", "5"]  # fmt: skip
    assert later.kept() == {"newest": "2026-06-01 10:30:00", "seen": {"2": "2026-06-01 09:30:00", "3": "2026-06-01 10:30:00"}}
    assert Moves.against(kept, overlap_s=3600.0).kept() == {"newest": "2026-06-01 10:00:00", "seen": {}}, "a pass that showed nobody"


def test_what_is_kept_of_moves_is_what_the_next_pass_looks_at() -> None:
    """The newest time of all passes, and who was seen within the overlap before it; a time in another form sorts after itself."""
    moves = Moves.against({"newest": "2026-06-01 10:00:00", "seen": {"1": "2026-06-01 09:59:30"}}, overlap_s=60.0)
    for key, at in (("1", "2026-06-01 09:59:30"), ("2", "2026-06-01 09:59:00"), ("3", "2026-06-01 09:58:59"), ("4", "")):
        moves.look(Record(kind="lead", key=key, data={}, digest="", changed_at=at))
    assert list(moves.moved) == ["2"]
    assert moves.kept() == {"newest": "2026-06-01 10:00:00", "seen": {"1": "2026-06-01 09:59:30", "2": "2026-06-01 09:59:00"}}
    assert Moves.against(None, overlap_s=60.0).kept() == {"newest": "", "seen": {}}
    days = Moves.against({"newest": "2026-06-01", "seen": {}}, overlap_s=60.0)
    for key, at in (("1", "2026-05-31"), ("2", "2026-06-01"), ("3", "2026-06-02")):
        days.look(Record(kind="lead", key=key, data={}, digest="", changed_at=at))
    assert list(days.moved) == ["2", "3"]
    assert days.kept() == {"newest": "2026-06-02", "seen": {"3": "2026-06-02"}}


async def test_a_source_is_shown_to_who_follows_before_anybody_has_it() -> None:
    """All of a page to those who look, those of its own kind to the moves and the guest; a list is forewarned of, and told apart."""
    seen: list[Any] = []

    async def forewarn(kind: Kind) -> None:
        seen.append(("forewarned", kind))

    async def look(records: Any) -> None:
        seen.append(("looked", [each.key for each in records]))

    def at_list(kind: Kind, records: Any) -> None:
        seen.append(("list", kind, [each.key for each in records]))

    leads = (lead(1), Record(kind="company", key="9", data={}, digest=""))

    class Two:
        name = "two"

        async def pages(self, kind: Kind, start: Cursor | None) -> AsyncIterator[Page]:
            yield Page(kind=kind, records=leads, next=start)

        async def children(self, kind: Kind, parent: str) -> Page:
            return Page(kind=kind, records=leads[1:], next=parent)

    source = NotingSource(cast(Source, Two()), look, at_list, forewarn=forewarn)
    source.moves["lead"] = Moves.against(None, overlap_s=60.0)
    guests: list[str] = []
    with source.shown_to("lead", lambda record: guests.append(record.key)):
        [page] = [each async for each in source.pages("lead", "7")]
    assert (page.records, page.next, guests) == (leads, "7", ["L1"])
    assert seen == [("forewarned", "lead"), ("looked", ["L1", "9"]), ("list", "lead", ["L1", "9"])]
    assert [each async for each in source.pages("lead", None)]
    assert guests == ["L1"], "whoever looked inside the block is gone"
    seen.clear()
    assert (await source.children("company", "L1")).next == "L1"
    assert seen == [("looked", ["9"])], "children of one are no list"
    assert source.name == "two"


def test_only_kinds_that_are_asked_by_parent_have_parents() -> None:
    """Their parents are followed, each once."""
    streams = [LEADS, *(Stream(kind=kind, reader="api", parent="lead") for kind in ("note", "call"))]
    assert parents_of(streams) == {"lead"}
    assert parents_of([LEADS]) == set()


def test_who_changed_just_at_the_edge_of_the_overlap_is_not_forgotten() -> None:
    """However many changed since: the next pass begins there, and knows them."""
    moves = Moves.against(None, overlap_s=60.0)
    for number in range(3_000):
        at = "2026-06-01 10:01:00" if number else "2026-06-01 10:00:00"
        moves.look(Record(kind="lead", key=str(number), data={}, digest="", changed_at=at))
    assert moves.kept()["seen"]["0"] == "2026-06-01 10:00:00"
