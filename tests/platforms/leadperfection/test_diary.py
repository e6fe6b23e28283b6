"""The diary by itself: what is made of days for which nothing is answered, before and after a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from streamflow.model import Kind
from streamflow.platforms.api.forms import Completed, Raw
from streamflow.platforms.leadperfection.dialect import LeadPerfectionDialect
from streamflow.platforms.leadperfection.diary import Diary
from streamflow.platforms.leadperfection.doors import DOORS
from streamflow.platforms.spec_toml import load

from .rig import Clock

TODAY = Clock().now().replace(tzinfo=None, hour=10, minute=0, second=0, microsecond=0)
SOON, OTHER = TODAY + timedelta(days=5), TODAY - timedelta(days=60)


class Calendar:
    """Answers the date-range call; it says nothing to so many calls, and nothing of a day it keeps to itself, nor of that day alone."""

    def __init__(self, *starts: datetime) -> None:
        self.rows = [{"ID": f"{number}", "ApptDate": at.isoformat(), "CustName": "Ann Able"} for number, at in enumerate(starts, start=700)]
        self.hushed = self.asked = 0
        self.kept: date | None = None

    async def look_up(self, kind: Kind, params: Mapping[str, str], *, by_id: bool = False) -> Sequence[Raw]:
        self.asked += 1
        if self.asked <= self.hushed:
            return []
        first, last = (_day(params[name]) for name in ("apptdates", "apptdatee"))
        days = [(datetime.fromisoformat(row["ApptDate"]).date(), row) for row in self.rows]
        return [row for day, row in days if first <= day < last and day != self.kept]


def _day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y" if "/" in text else "%Y-%m-%d").date()


def diary() -> Diary:
    return Diary(LeadPerfectionDialect(load(DOORS.shipped.read_text(encoding="utf-8"), {}, defaults={"reader": "api"})), Clock())


def prospect(at: datetime) -> Raw:
    return {"cst_id": "1", "firstname": "Ann", "lastname": "Able", "leads": [{"id": "9", "appointments": [{"apptdate": at.isoformat()}]}]}


async def completed(one: Diary, calendar: Calendar, at: datetime) -> Completed:
    return await one.complete("prospect", [prospect(at)], calendar.look_up, are_changed=True)


def ids(done: Completed) -> list[Any]:
    return [each.get("id") for row in done.rows for lead in row["leads"] for each in lead["appointments"]]


async def opened(calendar: Calendar, *, is_restarted: bool) -> Diary:
    """Give a diary that saw an answer, or what a restart makes of it: one that saw none."""
    one = diary()
    if not is_restarted:
        assert ids(await completed(one, calendar, OTHER)) == ["701"]
    calendar.asked = 0
    return one


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("hushed", [3, 6, 7, 8])
async def test_a_silent_day_is_believed_no_sooner_after_a_restart(hushed: int, is_restarted: bool) -> None:
    """While calls are answered with nothing although the platform has rows, no appointment loses its id: it is told, or it waits."""
    calendar = Calendar(SOON, OTHER)
    one = await opened(calendar, is_restarted=is_restarted)
    calendar.hushed = hushed
    done = await completed(one, calendar, SOON)
    assert (ids(done), len(done.gaps)) in ((["700"], 0), ([], 1))
    calendar.hushed = 0
    assert ids(await completed(one, calendar, SOON)) == ["700"]


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_day_of_which_the_platform_tells_nothing_is_believed_alike(is_restarted: bool) -> None:
    """Asked for together with days that hold rows, and those come: the appointment has no id, before a restart and after it."""
    calendar = Calendar(SOON, OTHER)
    one = await opened(calendar, is_restarted=is_restarted)
    calendar.kept = SOON.date()
    done = await completed(one, calendar, SOON)
    assert (ids(done), done.gaps) == ([None], ())


async def test_an_account_that_shows_no_appointments_is_not_searched_at_each_page() -> None:
    """The user may not have the right: rows are given as they are, and the search for some day with rows is made once a while."""
    calendar, one = Calendar(), diary()
    asked = []
    for _ in range(3):
        calendar.asked = 0
        done = await completed(one, calendar, SOON)
        assert (ids(done), done.gaps) == ([None], ())
        asked.append(calendar.asked)
    assert asked[0] - 4 == asked[1] == asked[2], asked
