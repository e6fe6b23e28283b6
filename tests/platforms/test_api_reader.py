"""The reader by API on a made-up platform: forms, windows that cut themselves, numbers that are proved, ends that are not believed."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from streamflow.errors import InvariantBroken, ProtocolMismatch
from streamflow.model import Page
from streamflow.platforms.spec_source import SpecSource
from streamflow.wire.message import Request
from tests.platforms.porch_rig import Porch, PorchDialect, porch, visit

BUSY = [visit(n, f"2026-03-04T{n % 24:02d}:10:00") for n in range(100, 140)]
QUIET = [visit(n, f"2026-03-0{n}T09:00:00") for n in (1, 2, 8)]
PILE = [visit(n, "2026-03-06T00:00:00") for n in range(200, 230)]      # all of one imported moment
ROWS = [*QUIET, *BUSY, *PILE, visit(300, "2026-03-10T16:29:59.96")]


async def pages_of(source: SpecSource, start: str | None = None) -> list[Page]:
    return [page async for page in source.pages("visit", start)]


async def _collect(source: SpecSource, seen: list[Page]) -> None:
    async for page in source.pages("visit", None):
        seen += [page]


def keys(pages: list[Page]) -> Counter[str]:
    return Counter(record.key for page in pages for record in page.records)


@pytest.mark.parametrize(
    ("mode", "paging"), [("page", {}), ("row", {}), ("row", {"style": "row", "prove": False}), ("page", {"size": 1})]
)
async def test_a_list_is_read_whole_by_windows_whatever_its_numbers_count(mode: str, paging: dict[str, Any]) -> None:
    """Every row comes once, quiet days, a busy one and a pile of one moment included; every call is a form."""
    platform = Porch(ROWS, mode=mode)
    async with porch(platform, paging=paging) as source:
        pages = await pages_of(source)
    assert keys(pages) == Counter(row["visitid"] for row in ROWS)
    assert pages[-1].next is None
    assert all(page.next for page in pages[:-1])
    assert {form["VisitID"] for form in platform.forms} == {"0"}
    assert {form["by"] for form in platform.forms} == {"made"}
    last = next(record for page in pages for record in page.records if record.key == "300")
    assert last.data["made"] == "2026-03-10 16:29:59"      # a fraction is cut and not rounded up


async def test_the_proof_is_made_once_for_a_process() -> None:
    """The numbers of a function are proved before its first second page, and not for every window again."""
    platform = Porch(ROWS)
    async with porch(platform) as source:
        await pages_of(source)
        first = len(platform.forms)
        await pages_of(source)
    sixth = [place for place, form in enumerate(platform.forms) if (form["StartIndex"], form["PageSize"]) == ("6", "5")]
    assert [place < first for place in sixth] == [True, True, False], "page 6 of the pile in each reading, row 6 in one proof"
    assert len(platform.forms) - first <= first - 5


@pytest.mark.parametrize("mode", ["page", "row"])
async def test_a_reading_goes_on_from_every_cursor_in_another_process(mode: str) -> None:
    """A cursor means the same to a reader that has proved nothing yet: what came before it and after it is the whole."""
    async with porch(Porch(ROWS, mode=mode)) as source:
        pages = await pages_of(source)
    for number in range(0, len(pages) - 1, 5):
        async with porch(Porch(ROWS, mode=mode)) as source:
            rest = await pages_of(source, pages[number].next)
        assert keys(pages[: number + 1]) + keys(rest) == keys(pages)


async def test_only_what_changed_is_read_from_a_moment_of_the_source() -> None:
    """The windows of a changed-since reading go by the time of change, from its moment to the end of the day."""
    moved = [visit(1, "2026-03-01T09:00:00", "2026-03-09T15:00:00"), visit(2, "2026-03-02T09:00:00", "2026-03-09T14:59:59")]
    platform = Porch([*moved, visit(3, "2026-03-10T16:00:00")])
    async with porch(platform) as source:
        assert {stream.kind: stream.overlap_s for stream in source.streams()} == {"visit": 7200.0, "bell": None}
        cursor = source.changes_from("visit", datetime(2026, 3, 9, 15))
        assert cursor == "changed:2026-03-09T15:00:00/2026-03-10T00:00:00#1"
        assert set(keys(await pages_of(source, cursor))) == {"1", "3"}
    assert {form["by"] for form in platform.forms} == {"moved"}
    assert platform.forms[-1]["enddate"] == "2026-03-11 00:00:00"


async def test_numbers_that_count_neither_stop_the_stream_after_the_first_page() -> None:
    """A server that answers every second page with nothing is found out, and no end is taken for one."""
    platform = Porch(BUSY)
    platform.bend = lambda form, rows: rows if form["StartIndex"] == "1" or form["PageSize"] == "1" else []
    seen: list[Page] = []
    async with porch(platform, window={"split_rows": 1000}) as source:
        with pytest.raises(ProtocolMismatch, match="neither pages nor rows") as caught:
            await _collect(source, seen)
    assert (caught.value.stream, len(keys(seen))) == ("visit", 5)


@pytest.mark.parametrize("empty_at", ["1", "2", "4"])
async def test_an_empty_answer_is_not_believed_where_rows_stand_behind_it(empty_at: str) -> None:
    """An empty page in place of a full one is asked for again; a row goes missing in no place."""
    platform = Porch(BUSY)
    left = [2]

    def sometimes(form: dict[str, str], rows: list[dict[str, str]]) -> list[dict[str, str]]:
        if form["StartIndex"] == empty_at and form["PageSize"] == "5" and rows and left[0]:
            left[0] -= 1
            return []
        return rows

    platform.bend = sometimes
    async with porch(platform, window={"split_rows": 1000}) as source:
        assert keys(await pages_of(source)) == Counter(row["visitid"] for row in BUSY)
    assert left == [0]


async def test_a_server_that_gives_fewer_rows_than_it_has_is_an_error() -> None:
    """A page that stays short while rows stand behind it ends nothing: the stream stops with a hint."""
    platform = Porch(BUSY)
    platform.bend = lambda form, rows: rows[:4]
    async with porch(platform) as source:
        with pytest.raises(ProtocolMismatch, match="more behind it") as caught:
            await pages_of(source)
    assert "paging.size" in caught.value.hint


async def test_looking_at_a_stream_asks_for_one_window() -> None:
    """The check of a stream that is read by windows carries a window, and what is kept for a while only proves no absence."""
    platform = Porch(ROWS)
    async with porch(platform) as source:
        assert await source.check() == {"visit": "ok", "bell": "ok"}
        assert {stream.kind: stream.sweepable for stream in source.streams()} == {"visit": True, "bell": False}
    assert len(platform.forms) == 1


async def test_the_reader_itself_never_asks_for_a_write() -> None:
    """A dialect that forgets the allow-list cannot make a write of a spec that was tampered with: nothing is sent."""

    class Careless(PorchDialect):
        def request(self, spec: Any, call: Any, params: Any, *, priority: int) -> Request:
            return Request(method="POST", path=call.function, endpoint=call.function, body=b"", expects="any")

    platform = Porch(ROWS)
    async with porch(platform, function="Leads/LeadAdd", dialect=Careless.__new__(Careless)) as source:
        with pytest.raises(InvariantBroken):
            await pages_of(source)
    assert platform.functions == []
