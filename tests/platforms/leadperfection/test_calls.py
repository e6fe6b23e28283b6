"""Reading an account costs about what its rows fill, whatever the years before it and however few rows a month has."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from streamflow.wire.message import Attempt

from .rig import Held, everything, of, reading, serving

SINCE_2000 = {kind: {"window": {"start": "2000-01-01"}} for kind in ("prospect", "job", "appointment")}
GET_LEAD, JOBS, APPOINTMENTS = "Customers/GetLead", "Customers/GetJobStatusChanges", "SalesApi/GetSalesApptDetailDateRange"


async def counted(records: int, *, split_rows: int = 500, **switches: Any) -> tuple[Held, dict[str, Counter[str]]]:
    """Read an account from the year 2000 on; gives what came and the calls each list took."""
    asked: Counter[str] = Counter()

    def note(attempt: Attempt) -> None:
        asked[attempt.endpoint] += 1

    held: Held = {}
    took: dict[str, Counter[str]] = {}
    streams = {kind: {"window": {**rules["window"], "split_rows": split_rows}} for kind, rules in SINCE_2000.items()}
    async with serving(records, **switches) as wire, reading(wire, streams=streams, hook=note) as source:
        for kind in ("prospect", "job", "appointment"):
            before = asked.copy()
            held |= await everything(source, kind)
            took[kind] = asked - before
    return held, took


async def test_years_without_a_record_and_months_with_few_cost_next_to_nothing() -> None:
    """
    120 prospects and 48 jobs of two years, after a quarter of a century of nothing; appointments are joined by the year if few.

    Prospects are gone through twice, in five calls each; five more prove once how they are paged.
    """
    held, took = await counted(600)
    assert (len(of(held, "prospect")), took["prospect"][GET_LEAD] <= 15) == (120, True)
    assert took["job"][JOBS] <= 3
    assert took["prospect"][APPOINTMENTS] <= 5
    assert took["appointment"][APPOINTMENTS] <= 6


async def test_windows_that_grew_too_full_are_cut_and_nothing_of_them_is_missed() -> None:
    """However few rows a window may hold, the same records come; of a list that comes at once the usual window is read as it is."""
    whole, _ = await counted(600)
    cut, took = await counted(600, split_rows=8)
    for kind in ("prospect", "job", "appointment"):
        assert of(cut, kind).keys() == of(whole, kind).keys()
    assert took["appointment"][APPOINTMENTS] <= 110


async def test_what_one_reading_found_out_about_windows_serves_the_next() -> None:
    """A list that had to be cut is asked for in the same windows the next time, without finding out anew, and shows the same records."""
    asked: Counter[str] = Counter()
    rules = {"prospect": {"window": {"start": "2000-01-01", "split_rows": 40}, "paging": {"size": 20}}}
    async with serving(600) as wire, reading(wire, streams=rules, hook=lambda attempt: asked.update([attempt.endpoint])) as source:
        spent, shown = [], []
        for _ in range(3):
            before = asked[GET_LEAD]
            shown.append(set(of(await everything(source, "prospect"), "prospect")))
            spent.append(asked[GET_LEAD] - before)
    assert shown[0] == shown[1] == shown[2]
    assert len(shown[0]) == 120
    assert spent[1] <= spent[0] * 0.8
    assert spent[2] <= spent[1]


@pytest.mark.parametrize("years", [
    "startdate=2000-01-01+00%3A00%3A00&enddate=2026-11-19", "startdate=2000-01-01+00%3A00%3A00&enddate=2100-01-01",
    "apptdates=01%2F01%2F2000&apptdatee=04%2F14%2F2025", "apptdates=04%2F01%2F2025&apptdatee=04%2F01%2F2026",
])
async def test_a_window_that_grew_too_long_for_the_server_is_read_in_usual_ones(years: str) -> None:
    """Where no answer comes for years at once, by pages or not, shorter windows bring the same records; what is missing is no gap."""
    whole, before = await counted(120)
    held, after = await counted(120, fail_5xx={"status": 503, "body": years, "match": "/api/"})
    assert sum(sum(calls.values()) for calls in after.values()) > sum(sum(calls.values()) for calls in before.values())
    for kind in ("prospect", "job", "appointment"):
        assert of(held, kind).keys() == of(whole, kind).keys()
