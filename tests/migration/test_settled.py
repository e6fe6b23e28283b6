"""Reading only what changed: where the source can be asked so, as long as it does what it says, and never at the price of a record."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import NotFound
from streamflow.migration.life import State
from streamflow.migration.settled import PRUNE_AT, Times, moment
from streamflow.model import Record
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
