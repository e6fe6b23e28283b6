"""Rollback and a feed that tells late: events that show behind those that came after them are people's work all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import Uncertain
from streamflow.migration.life import State
from streamflow.model import Kind
from streamflow.platforms.base import position_of
from tests.migration.rig import ASK_CUTOVER, NO_PROBES, Voyage, in_tail, voyage
from tests.migration.test_restored import THEIRS, at_the_very_moment, custom, matched, undo
from tests.migration.test_touched import ours

SURELY_TOLD_S = 6.0


def late(trip: Voyage, dest_id: str, *, until: Callable[[], bool] = lambda: True, by_s: float = SURELY_TOLD_S - 1) -> None:
    """
    Let the feed show what people do to a record from here on behind all the rest: so long after *until* first holds.

    The platform is known to show things late by a little more than that.
    """
    trip.destination.adopt({**NO_PROBES, "search_lag_s": SURELY_TOLD_S})
    began, changed, holds_since = len(trip.site.state.events), trip.destination.feed.changed, list[float]()

    def is_hidden(event: Any) -> bool:
        if until() and not holds_since:
            holds_since.append(trip.clock.monotonic())
        is_due = bool(holds_since) and trip.clock.monotonic() - holds_since[0] >= by_s
        return dest_id in event.ids and event.actor.endswith("-users") and position_of(event.id) > began and not is_due

    async def behind(cursor: str, kinds: Any = ()) -> AsyncIterator[tuple[list[Any], str]]:
        async for page, position in changed(cursor, kinds):
            yield [event for event in page if not is_hidden(event)], position

    trip.destination.feed.changed = behind


async def test_a_person_told_late_comes_back_with_the_company(tmp_path: Path) -> None:
    """Another owner, which the record itself does not show as work: heard of last of all, it brings back what it hangs on as well."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        companies = await ours(trip, "accounts")
        rid, company = next(
            (rid, company) for rid, link in (await ours(trip, "contacts")).items() if "link:owner" not in link.base
            for company in link.base.get("link:accounts", ()) if company in companies
        )
        late(trip, rid, until=lambda: not {rid, company} & (trip.live("contacts").keys() | trip.live("accounts").keys()))
        owner = next(iter(trip.live("users")))
        trip.in_destination("edit", kind="contacts", id=rid, values={"links": {"owner": owner}})
        await undo(trip)
        await trip.phase()
        held = trip.live("contacts")[rid]["links"]
        assert (held["owner"], held["accounts"]) == (owner, [company])
        assert company in trip.live("accounts")
        report = trip.reports["rollback"]
        spared = {each["id"]: each["reason"] for each in report["spared"]}
        assert "owner" in spared[rid]
        assert company in spared
        assert report["still_there"] == []
        assert await trip.ledger.settings("undoing:") == {}


@pytest.mark.parametrize("is_heard", [True, False])
@pytest.mark.parametrize("kind", ["notes", "tasks"])
async def test_what_people_hang_on_ours_meanwhile_keeps_it(tmp_path: Path, kind: Kind, is_heard: bool) -> None:
    """A note or task (of which no events tell) made long after the lists were read, as the person is removed: it is no orphan."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        rid = next(iter(await ours(trip, "contacts")))
        delete, written = trip.destination.writer.delete, []
        values = {"body": "Call her", "parent": rid} if kind == "notes" else {"title": "Call her", "links": {"relatedEntity": rid}}

        async def overtaken(of_kind: Kind, dest_id: str, **more: Any) -> None:
            if dest_id != rid or written:
                await delete(of_kind, dest_id, **more)
                return
            written.append(trip.in_destination("create", kind=kind, values=values)["id"])
            await delete(of_kind, dest_id, **more)
            if not is_heard:
                raise Uncertain("no answer")

        trip.destination.writer.delete = overtaken
        await undo(trip)
        if not is_heard:
            with pytest.raises(Uncertain):
                await trip.phase()
            await trip.restart()
        await trip.phase()
        assert rid in trip.live(kind)[written[0]]["links"].values()
        assert rid in trip.live("contacts")
        assert "people have added records to it" in {each["id"]: each["reason"] for each in trip.reports["rollback"]["spared"]}[rid]


async def test_a_change_under_a_restoration_told_late_is_given_back(tmp_path: Path) -> None:
    """The feed shows our own write before what a person did just before it: their value stands in the end."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        link = await matched(trip)
        edited = at_the_very_moment(trip, link.dest_id, {"customFields": {"Budget": THEIRS}})
        late(trip, link.dest_id, until=lambda: bool(edited))
        await undo(trip)
        await trip.phase()
        assert edited
        assert custom(trip, link.dest_id, "Budget") == THEIRS
        assert link.dest_id in {each["id"] for each in trip.reports["rollback"]["overtaken"]}
