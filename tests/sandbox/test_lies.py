"""Lists that lie, feeds that are late, edits that leave no trace: on every simulated platform that can."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox.leadperfection_rig import PLAIN
from tests.sandbox.leadperfection_rig import serving as lp_serving
from tests.sandbox.raw_rig import NUT, PLATFORMS, Raw, raw


@pytest.fixture(params=PLATFORMS)
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Raw]:
    """A caller of each platform in turn."""
    async with raw(request.param) as caller:
        yield caller


async def page(wire: Raw, number: int, **more: str) -> list[str]:
    """Give the ids of one page of five."""
    return wire.keys(await wire.rows(number, **more))


async def test_the_page_before_comes_once_more(wire: Raw) -> None:
    """The struck page is the one before, then pages go on as if nothing had been."""
    first, second = await page(wire, 1), await page(wire, 2)
    assert not set(first) & set(second)
    await wire.switch(same_page={"times": 1})
    assert await page(wire, 2) == first
    assert await page(wire, 2) == second


async def test_the_page_asked_for_is_ignored(wire: Raw) -> None:
    """Whatever page was asked for, all rows come."""
    first = await page(wire, 1)
    await wire.switch(no_paging={"times": 1})
    everything = await page(wire, 3)
    assert everything[:5] == first
    assert len(everything) > 10


@pytest.mark.parametrize("rows", [2, -2])
async def test_rows_move_between_pages(wire: Raw, rows: int) -> None:
    """A later page begins some rows further, so that they are missed, or earlier, so that they come twice; the first page does not."""
    first, second = await page(wire, 1), await page(wire, 2)
    third = await page(wire, 3)
    await wire.switch(moved_rows={"rows": rows})
    assert await page(wire, 1) == first
    assert await page(wire, 2) == (first + second + third)[5 + rows : 10 + rows]


@pytest.mark.parametrize("name", ["same_page", "no_paging", "moved_rows"])
async def test_only_lies_that_change_an_answer_are_counted(wire: Raw, name: str) -> None:
    """Of the first page, or of one that holds everything, nothing is told that would not have been told anyway."""
    first = 1 if name == "no_paging" else 0     # which gives more than the first page
    for chance, told in ((0.0, 0), (1.0, 1)):
        await wire.admin("log/reset", {})
        await wire.switch(**{name: {"probability": chance}})
        await page(wire, 1)
        await page(wire, 2)
        log = await wire.admin("log")
        assert log["lied"].get(name, 0) == told * (first + 1)
        assert log["could_lie"][name] == first + 1


async def test_filters_are_ignored(wire: Raw) -> None:
    """What was to choose among the rows chooses nothing."""
    long_ago = {"startdate": "2001-01-01 00:00:00", "enddate": "2001-01-02 00:00:00"}
    more = {"nutshell": {"q": "nobody of this name"}, "lead_perfection": long_ago}
    if wire.platform == "leadtrekker":
        [lead] = (await wire.rows(size=1)).json["leads"]
        few = len((await wire.function("getnotes", leadid=lead["leadid"])).json["notes"])
        await wire.switch(no_filter={})
        assert len((await wire.function("getnotes", leadid=lead["leadid"])).json["notes"]) > few
        return
    assert await page(wire, 1, **more[wire.platform]) == []
    await wire.switch(no_filter={})
    assert len(await page(wire, 1, **more[wire.platform])) == 5


async def test_finds_of_json_rpc_lie_as_well() -> None:
    """The other face of Nutshell pages and filters by its own parameters, and forgets them alike."""
    async with raw("nutshell") as wire:
        async def found(**params: Any) -> list[int]:
            call = json.dumps({"jsonrpc": "2.0", "id": "t", "method": "findContacts", "params": {"limit": 5, **params}}).encode()
            heard = await wire.send("POST", "/api/v1/json", call, Authorization=NUT, Content_Type="application/json")
            return [row["id"] for row in heard.json["result"]]

        first = await found()
        await wire.switch(same_page={"times": 1})
        assert await found(page=2) == first
        await wire.switch(no_paging={"times": 1})
        assert len(await found(page=2)) == 30
        assert await found(query={"email": "nobody@example.test"}) == []
        await wire.switch(no_filter={"times": 1})
        assert await found(query={"email": "nobody@example.test"}) == first


# --- the feed of changes ---


async def events(wire: Raw, **more: str) -> list[str]:
    """Give the ids of the feed, newest first."""
    query = "&".join(f"{name}={value}" for name, value in {"limit": "50", **more}.items())
    return [event["id"] for event in (await wire.send("GET", f"/rest/events?{query}", Authorization=NUT)).json["events"]]


async def test_some_events_come_late_and_behind_others() -> None:
    """An event that is late is not there when later ones are, and comes with its old id and time."""
    async with raw("nutshell") as wire:
        for _ in range(20):
            await wire.create()
        everything = await events(wire)
        assert len(everything) == 20
        await wire.switch(events_late={"share": 0.3, "delay_s": 30})
        early = await events(wire)
        assert 8 <= len(early) < 20
        wire.clock.advance(31)
        assert await events(wire) == everything


async def test_some_events_come_twice() -> None:
    """Some are doubled within a page, and some are told once more to who has seen them last."""
    async with raw("nutshell") as wire:
        for _ in range(20):
            await wire.create()
        everything = await events(wire)
        await wire.switch(events_twice=0.4)
        doubled = await events(wire)
        assert list(dict.fromkeys(doubled)) == everything
        assert 22 <= len(doubled) <= 34
        again = [await events(wire, since_id=each) for each in everything]
        assert sum(each in told for each, told in zip(everything, again, strict=True)) == len(doubled) - 20


async def test_the_feed_ignores_its_cursor() -> None:
    """A struck poll tells everything from the newest down, whatever the cursor says."""
    async with raw("nutshell") as wire:
        for _ in range(6):
            await wire.create()
        everything = await events(wire)
        assert await events(wire, since_id=everything[0]) == []
        await wire.switch(no_filter={"times": 1})
        assert await events(wire, since_id=everything[0]) == everything
        await wire.switch(same_page={"times": 1})
        assert await events(wire, max_id=everything[3]) == everything


# --- times ---


async def test_lists_of_nutshell_lag_by_record() -> None:
    """Between the least and the most, each record at its own time; after the most, all are there."""
    async with raw("nutshell") as wire:
        await wire.switch(search_lag_s=[2, 30])
        for number in range(20):
            await wire.create(f"Laggard {number}")

        async def seen() -> int:
            return len((await wire.rows(size=50, q="Laggard")).json["contacts"])

        counts = [await seen()]
        for seconds in (15, 16):
            wire.clock.advance(seconds)
            counts.append(await seen())
        assert counts[0] == 0
        assert 0 < counts[1] < 20
        assert counts[2] == 20


async def test_writes_within_a_grain_have_one_time() -> None:
    """Records made at different seconds carry the same time, pages of them, by a clock that is ahead."""
    async with raw("nutshell", stamp_grain_s=600, clock_skew_s=1200) as wire:
        made = []
        for _ in range(12):
            made.append((await wire.create()).json["contacts"][0]["id"])
            wire.clock.advance(1)
        rows = {row["id"]: row for row in (await wire.admin("dump"))["contacts"]}
        times = {rows[key]["createdTime"] for key in made}
        assert len(times) <= 2
        assert all(at % 600 == 0 and abs(at - wire.clock.now() - 1200) < 620 for at in times)
        told = (await wire.send("GET", "/rest/events?limit=12", Authorization=NUT)).json["events"]
        assert len({event["createdTime"] for event in told}) <= 2


async def test_people_of_leadtrekker_work_by_its_clock() -> None:
    """Edits within a grain share their date, which is the platform's; lists show each at its own time."""
    async with raw("leadtrekker", stamp_grain_s=3600, clock_skew_s=-1800, late_visibility_s=[5, 60]) as wire:
        keys = await page(wire, 1)
        for key in keys:
            await wire.admin("act", {"do": "edit", "kind": "leads", "id": key, "values": {"company": "Same Hour"}})
            wire.clock.advance(1)
        assert [row["company"] == "Same Hour" for row in (await wire.rows()).json["leads"]].count(True) < 5
        wire.clock.advance(60)
        rows = (await wire.rows()).json["leads"]
        assert {row["company"] for row in rows} == {"Same Hour"}
        assert {row["updated"][14:] for row in rows} == {"00:00"}


async def test_a_clock_that_is_set_back_hides_nothing() -> None:
    """What was done before and after it shows in lists, each with the time of its own moment; what shows late does so as late as ever."""
    async with raw("leadtrekker") as wire:
        first, second, third = (await page(wire, 1))[:3]

        async def edited(key: str) -> str | None:
            await wire.admin("act", {"do": "edit", "kind": "leads", "id": key, "values": {"company": "Same Day"}})
            return await shown(key)

        async def shown(key: str) -> str | None:
            rows = {row["leadid"]: row for row in (await wire.rows()).json["leads"]}
            return str(rows[key]["updated"]) if rows[key]["company"] == "Same Day" else None

        before = await edited(first)
        await wire.switch(clock_skew_s=-7200)
        behind = await edited(second)
        assert before is not None
        assert behind is not None
        assert behind < before == await shown(first)
        await wire.switch(late_visibility_s=30)
        assert await edited(third) is None
        wire.clock.advance(31)
        assert await shown(third) is not None


@pytest.mark.parametrize(("platform", "change"), [("leadtrekker", {"company": "Quiet"}), ("lead_perfection", {"source": "Quiet"})])
async def test_edits_may_move_no_date(platform: str, change: dict[str, str]) -> None:
    """With every edit silent the record differs and its date does not; without, the date moves."""
    field = "updated" if platform == "leadtrekker" else "lastchangedon"
    async with raw(platform) as wire:
        [first] = (await wire.rows(size=1)).json["leads"] if platform == "leadtrekker" else (await wire.rows(size=1)).json[0]["leads"][:1]
        key = str(first.get("leadid") or first.get("id"))
        order = {"do": "edit", "kind": "leads", "id": key, "values": change}
        before = first[field]
        await wire.switch(silent_edits=1)
        assert (await wire.admin("act", order))["record"][field] == before
        await wire.switch(silent_edits=0)
        assert (await wire.admin("act", order))["record"][field] != before


@pytest.mark.parametrize(("platform", "deed", "op"), [("leadtrekker", "merge_leads", "merge"), ("lead_perfection", "merge", "merge")])
async def test_people_may_mostly_merge(platform: str, deed: str, op: str) -> None:
    """Weights over the usual ones make deletes and merges as frequent as is wanted."""
    async with raw(platform, life_weights={deed: 100_000}) as wire:
        await wire.admin("life", {"on": True, "rate_per_s": 1})
        wire.clock.advance(10)
        await wire.rows()
        done = (await wire.admin("life?since=0"))["operations"]
        assert len(done) >= 8
        assert {row["op"] for row in done} == {op}


async def test_windows_of_lead_perfection_show_changes_each_at_its_time() -> None:
    """Late visibility lies between its bounds, a record's always the same."""
    async with lp_serving(120, **PLAIN) as wire:
        keys = [row["cst_id"] for row in (await wire.lead())[:20]]
        await wire.switch(late_visibility_s=[10, 100])
        for key in keys:
            lead = (await wire.by_id(key))["leads"]
            if lead:
                await wire.act("edit", "leads", str(lead[0]["id"]), values={"source": "Late"})

        async def shown() -> int:
            rows = await wire.lead(startdate="2026-11-18 08:59:00")
            return sum(1 for row in rows if any(lead["source"] == "Late" for lead in row["leads"]))

        counts = []
        for seconds in (0, 55, 50):
            wire.clock.advance(seconds)
            counts.append(await shown())
        assert counts[0] == 0
        assert 0 < counts[1] < counts[2]
