"""Reading only what changed: where the source can be asked so, as long as it does what it says, and never at the price of a record."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamflow.errors import NotFound
from streamflow.migration.life import State
from streamflow.migration.settled import PRUNE_AT, SettledFeed, Times, moment
from streamflow.migration.terms import Terms
from streamflow.model import Record
from streamflow.platforms.source import Stream
from streamflow.stages.tally import Tally
from streamflow.store.change import MoveMark
from streamflow.store.memory import MemoryLedger
from tests.migration.rig import ASK_CUTOVER, Killed, Voyage, in_tail, voyage

WINDOW = {"lead": {"window": {"from_param": "datefrom", "overlap_s": 86_400}}}


def watch_reads(trip: Voyage) -> list[tuple[str, int]]:
    """Keep (cursor it began at, records) of each read of the leads."""
    original, reads = trip.doors.pages, []

    async def pages(kind: str, start: str | None) -> AsyncGenerator[Any, None]:
        rows = 0
        async with aclosing(original(kind, start)) as found:
            async for page in found:
                rows += len(page.records)
                if page.next is None and kind == "lead":
                    reads.append((start or "", rows))
                yield page

    trip.doors.pages = pages
    return reads


def names(trip: Voyage) -> set[str]:
    return {str(row["name"]) for row in trip.live("contacts").values()}


async def test_polls_read_only_what_changed_and_the_sweep_everything(tmp_path: Path) -> None:
    """New, edited and late records arrive through small windows, children of leads that moved with them; a silent edit by the sweep."""
    async with voyage(tmp_path, at=State.TAIL, records=120, gates=ASK_CUTOVER, source={"date_filter": "honoured"}, streams=WINDOW) as trip:
        leads = [row["leadid"] for row in trip.source_rows("leads")]
        reads = watch_reads(trip)
        mark = await trip.ledger.mark("settled:lead")
        trip.in_source("create", "leads", name="Brand New", email="brand.new@example.com")
        trip.in_source("edit", "leads", leads[0], address="1 New Street")
        trip.in_source("create", "notes", leadid=leads[1], note="shows through its lead")
        await in_tail(trip)
        assert "Brand New" in names(trip)
        assert any("shows through its lead" in str(row["body"]) for row in trip.live("notes").values())
        moved = await trip.ledger.mark("settled:lead")
        assert moved.cursor > mark.cursor
        late = f"{moved.cursor[:10]} 00:00:01"      # before the mark, within the overlap
        trip.in_source("create", "leads", name="Shows Late", email="late@example.com", silent=True, created=late, updated=late)
        await in_tail(trip)
        assert "Shows Late" in names(trip)
        assert (await trip.ledger.mark("settled:lead")).cursor >= moved.cursor, "the mark never goes back"
        assert reads
        assert all("@" in start and rows < len(leads) / 2 for start, rows in reads), "no whole list was read"
        trip.in_source("edit", "leads", leads[2], silent=True, address="9 Silent Lane")
        trip.clock.skipped_s += 7200.0
        await in_tail(trip)
        assert (await trip.staged("lead"))[leads[2]].record.data["address"] == "9 Silent Lane"


async def test_without_a_filter_the_whole_list_is_read_by_digest(tmp_path: Path) -> None:
    """A spec that names none makes no window and keeps no mark."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER, source={"date_filter": "honoured"}) as trip:
        reads = watch_reads(trip)
        await in_tail(trip)
        assert {start for start, _ in reads} == {""}
        assert await trip.ledger.mark("settled:lead") is None


@pytest.mark.parametrize("switch", ["ignored", "refused", "by creation", "by creation, and nobody can be asked for"])
async def test_a_filter_that_lies_is_found_out(tmp_path: Path, switch: str) -> None:
    """Not obeyed, refused, or by another date: the whole list is read in the same round, the reason says so, and nothing is lost."""
    given = "honoured" if switch.startswith("by creation") else switch
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER, source={"date_filter": given}, streams=WINDOW) as trip:
        links = await trip.m.ledger.links_of("lead", [str(row["leadid"]) for row in trip.source_rows("leads")])
        ours = {link.ref.key for link in links if link.ours and link.ref.part == ""}     # what was there before keeps its name
        old = min((row for row in trip.source_rows("leads") if row["leadid"] in ours), key=lambda row: str(row["created"]))["leadid"]
        if switch.endswith("asked for"):
            trip.doors.one = _not_one_by_one
        if switch.startswith("by creation"):
            _filter_by_creation(trip)
            trip.in_source("edit", "leads", trip.source_rows("leads")[-1]["leadid"], address="2 New Street")
            await trip.work.reader.everything("drain")      # a whole list has seen that edit, which the filter will leave out
        trip.in_source("edit", "leads", old, name="Old But Edited")
        await in_tail(trip)
        assert any(name.startswith("Old But Edited") for name in names(trip))
        assert "lead records are read as a whole list each round" in trip.m.phase.reason


async def _not_one_by_one(kind: str, key: str) -> None:
    raise NotFound(f"no {kind} can be asked for")


def _filter_by_creation(trip: Voyage) -> None:
    original = trip.doors.pages

    async def pages(kind: str, start: str | None) -> AsyncGenerator[Any, None]:
        since = (start or "").partition("@")[2]
        async with aclosing(original(kind, start)) as found:
            async for page in found:
                kept = tuple(record for record in page.records if record.data.get("created", "") >= since)
                yield replace(page, records=kept) if since and kind == "lead" else page

    trip.doors.pages = pages


async def test_the_mark_moves_with_the_records_or_not_at_all(tmp_path: Path) -> None:
    """Killed before the last page is in the book, the next start reads the same window again."""
    async with voyage(tmp_path, at=State.TAIL, records=60, gates=ASK_CUTOVER, source={"date_filter": "honoured"}, streams=WINDOW) as trip:
        await in_tail(trip)
        before = await trip.ledger.mark("settled:lead")
        key = trip.in_source("create", "leads", name="Brand New", email="brand.new@example.com")

        async def stage(*_args: Any, **_given: Any) -> Any:
            raise Killed

        book = trip.ledger._ledger
        original, book.stage = book.stage, stage
        stream = next(each for each in trip.m.source.streams() if each.kind == "lead")
        with pytest.raises(Killed):
            await trip.work.reader.settled.read(stream, scan="poll:lead:x")
        book.stage = original
        await trip.restart()
        assert await trip.ledger.mark("settled:lead") == before
        await trip.work.reader.settled.read(stream, scan="poll:lead:y")
        assert key in await trip.staged("lead")
        assert (await trip.ledger.mark("settled:lead")).cursor > before.cursor


def at(key: str, changed_at: str | None) -> Record:
    return Record(kind="lead", key=key, data={}, digest="d", changed_at=changed_at)


@pytest.mark.parametrize(("text", "then"), [
    ("2026-06-01 10:00:00", datetime(2026, 6, 1, 10)), ("2026-06-01", None), ("yesterday", None), ("", None), (None, None),
])
def test_what_is_no_time_of_change_is_none(text: str | None, then: datetime | None) -> None:
    """Only a whole time by the source's own clock counts; anything else moves no mark."""
    assert moment(text) == then


def test_a_pass_knows_between_which_times_its_records_changed() -> None:
    """What lies ahead of the source's own clock does not move the newest time; what has no time is not looked at."""
    times = Times(keep=None, ceiling=datetime(2026, 6, 1, 12))
    for record in (at("1", "2026-06-01 10:00:00"), at("2", None), at("3", "2026-06-01 09:00:00"), at("4", "2030-01-01 00:00:00")):
        times.look(record)
    assert (times.oldest, times.newest) == (datetime(2026, 6, 1, 9), datetime(2026, 6, 1, 12))
    assert sorted(times.seen) == ["1", "3", "4"], "of a window all are kept"


def test_of_a_whole_list_only_what_is_near_its_newest_is_kept() -> None:
    """That is as far back as the next read begins, to the second; the memory it takes does not grow with the list."""
    times = Times(keep=timedelta(hours=1), ceiling=datetime(2026, 6, 2))
    for key, hour in (("1", "08:00:00"), ("2", "10:00:00"), ("3", "09:00:00"), ("4", "08:59:59")):
        times.look(at(key, f"2026-06-01 {hour}"))
    assert sorted(times.seen) == ["1", "2", "3"], "the first was the newest when it was seen"
    for number in range(PRUNE_AT):
        times.look(at(str(number + 10), "2026-06-01 10:00:00"))
    assert "1" not in times.seen
    assert {"2", "3"} <= times.seen.keys()


@dataclass(slots=True)
class Windows:
    """A source that shows what a test says in the window that it is asked for; who looks is shown it first."""

    rows: list[Record] = field(default_factory=list)
    asked: list[datetime] = field(default_factory=list)
    there: dict[str, Record] = field(default_factory=dict)
    changes: list[Any] = field(default_factory=list)
    moves: dict[str, Any] = field(default_factory=dict)
    look: Any = None

    def changes_from(self, kind: str, since: datetime) -> str:
        self.asked.append(since)
        return "cursor"

    async def one(self, kind: str, key: str) -> Record | None:
        return self.there.get(key)

    @contextmanager
    def shown_to(self, kind: str, look: Any) -> Iterator[None]:
        self.look = look
        yield

    async def follow(self, stream: Stream, cursor: str, *, scan: str, closing: Any) -> Tally:
        for row in self.rows:
            self.look(row)
        self.changes = list(await closing())
        return Tally(ended=True)

    async def scan(self, stream: Stream, *, scan: str, closing: Any = None, names_touched: bool = True) -> Tally:
        return await self.follow(stream, "", scan=scan, closing=closing)


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEADS = Stream(kind="lead", reader="api", overlap_s=3600.0)


async def feed_at(cursor: str, seen: dict[str, str], windows: Windows) -> SettledFeed:
    """Give the feed of an account in Berlin whose mark stands there, with what was seen then."""
    ledger = MemoryLedger(clock=cast(Any, SimpleNamespace(now=lambda: NOW)))
    if cursor:
        await ledger.commit([MoveMark(name="settled:lead", cursor=cursor, note={"seen": seen})])
    m = SimpleNamespace(
        ledger=ledger, source=windows, clock=SimpleNamespace(now=lambda: NOW), log=lambda event, **data: None,
        terms=Terms(name="x", state_dir=Path(), timezone="Europe/Berlin", settle_s=60.0),
    )
    return SettledFeed(cast(Any, m), cast(Any, windows), cast(Any, windows))


async def test_a_window_begins_an_overlap_before_the_mark_and_moves_it_behind_the_newest() -> None:
    """Behind what may still show late; a time beyond the source's own clock moves it no further; what was seen lately is kept with it."""
    windows = Windows(rows=[at("1", "2026-06-01 11:00:00"), at("2", "2026-06-01 13:30:00"), at("3", "2030-01-01 00:00:00")])
    feed = await feed_at("2026-06-01 11:30:00", {}, windows)
    assert await feed.read(LEADS, scan="s") == Tally(ended=True)
    assert windows.asked == [datetime(2026, 6, 1, 10, 30)]
    [mark] = windows.changes
    assert (mark.name, mark.cursor) == ("settled:lead", "2026-06-01 13:59:00"), "noon in UTC is two in Berlin, less the settle time"
    assert mark.note == {"seen": {"2": "2026-06-01 13:30:00", "3": "2030-01-01 00:00:00"}}
    assert feed.told() == ""


@pytest.mark.parametrize(("shown", "cursor"), [
    ("2026-06-01 11:00:00", "2026-06-01 11:30:00"), ("2026-06-01 11:40:00", "2026-06-01 11:39:00"),
])  # fmt: skip
async def test_a_window_never_moves_the_mark_back_and_a_whole_list_may(shown: str, cursor: str) -> None:
    """A whole list shows where everything stands, be it earlier."""
    windows = Windows(rows=[at("1", shown)])
    await (await feed_at("2026-06-01 11:30:00", {}, windows)).read(LEADS, scan="s")
    assert [each.cursor for each in windows.changes] == [cursor]
    await (await feed_at("2026-06-01 11:30:00", {}, windows)).whole(LEADS, scan="s")
    assert [each.cursor for each in windows.changes] == [f"{moment(shown) - timedelta(seconds=60)}"]  # type: ignore[operator]


@pytest.mark.parametrize(("rows", "seen", "there", "is_lie"), [
    ([at("1", "2026-05-31 10:30:00")], {}, {}, False),
    ([at("1", "2026-05-31 10:29:59")], {}, {}, True),
    ([], {"1": "2026-06-01 10:30:00"}, {}, False),
    ([], {"1": "2026-06-01 10:30:00"}, {"1": at("1", "2026-06-01 10:30:00")}, True),
    ([], {"1": "2026-06-01 10:30:00"}, {"1": at("1", "2026-06-01 10:29:59")}, False),
    ([], {"1": "2026-06-01 10:29:59"}, {"1": at("1", "2026-06-01 10:30:00")}, False),
    ([], {str(number): "2026-06-01 11:00:00" for number in range(5)}, {}, False),
    ([], {str(number): "2026-06-01 11:00:00" for number in range(6)}, {}, True),
], ids=["by the day", "older", "gone", "left out", "another time", "not asked for", "a few gone", "too many gone"])  # fmt: skip
async def test_an_answer_has_to_hold_what_was_seen_and_nothing_older(
    rows: list[Record], seen: dict[str, str], there: dict[str, Record], is_lie: bool
) -> None:
    """A filter that is not obeyed is told and not used again; a few records that went, or a filter by the day, are no lie."""
    windows = Windows(rows=rows, there=there)
    feed = await feed_at("2026-06-01 11:30:00", seen, windows)
    assert (await feed.read(LEADS, scan="s") is None) is is_lie
    assert ("lead records are read as a whole list each round: its filter" in feed.told()) is is_lie
    assert len(windows.asked) == 1
    assert (await feed.read(LEADS, scan="s") is None) is is_lie
    assert len(windows.asked) == (1 if is_lie else 2)


async def test_without_a_mark_or_a_filter_there_is_no_window() -> None:
    """Then the whole list is read, and nobody is asked for a part of it."""
    windows = Windows()
    assert await (await feed_at("", {}, windows)).read(LEADS, scan="s") is None
    assert await (await feed_at("2026-06-01 11:30:00", {}, windows)).read(replace(LEADS, overlap_s=None), scan="s") is None
    assert windows.asked == []
