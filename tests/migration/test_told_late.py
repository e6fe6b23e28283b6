"""Rollback and a feed that tells late: events that show behind those that came after them are people's work all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamflow.errors import RecordRejected, Uncertain
from streamflow.migration.life import State
from streamflow.migration.touched import Touches
from streamflow.model import DestId, Kind, Link, Ref
from streamflow.platforms.destination import Happening, position_of
from streamflow.store.change import PutLink, PutSetting
from streamflow.store.memory import MemoryLedger
from tests.migration.rig import ASK_CUTOVER, NO_PROBES, Voyage, in_tail, voyage
from tests.migration.test_restored import THEIRS, at_the_very_moment, custom, matched, undo
from tests.migration.test_touched import ours
from tests.platforms.leadtrekker_rig import HastyClock

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


def hangings(people: Sequence[DestId], company: DestId, theirs: DestId) -> list[tuple[DestId, Kind, dict[str, Any]]]:
    """What people may hang on records of ours: on which, of what kind, and the order."""
    call = {"name": "Call her", "startTime": 1_787_626_335, "endTime": 1_787_626_935, "activityType": "1-activityTypes"}

    def made(**values: Any) -> dict[str, Any]:
        return {"do": "create", "values": values}

    return [
        (people[0], "notes", made(body="Call her", parent=people[0])),
        (people[1], "tasks", made(title="Call her", links={"relatedEntity": people[1]})),
        (people[2], "leads", made(description="Theirs", links={"contacts": [people[2]]})),
        (people[3], "activities", made(**call, links={"participants": [people[3]]})),
        (company, "contacts", made(name="Their Own", links={"accounts": [company]})),
        (company, "contacts", {"do": "edit", "id": theirs, "values": {"links": {"accounts": [company]}}}),
        (company, "leads", made(description="Theirs", links={"accounts": [company]})),
    ]


@pytest.mark.parametrize("is_heard", [True, False])
async def test_what_people_hang_on_ours_meanwhile_keeps_it(tmp_path: Path, is_heard: bool) -> None:
    """Made or tied long after the lists were read, as ours is removed, and shown by no link any more: nothing of theirs is loose."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        theirs = trip.in_destination("create", kind="contacts", values={"name": "Their Own"})["id"]
        company = next(iter(await ours(trip, "accounts")))
        apart = [rid for rid, link in (await ours(trip, "contacts")).items() if company not in (link.base.get("link:accounts") or ())]
        deeds = hangings(apart, company, theirs)
        delete, hung = trip.destination.writer.delete, list[tuple[DestId, Kind, DestId]]()

        async def overtaken(of_kind: Kind, dest_id: str, **more: Any) -> None:
            is_first = dest_id not in [rid for rid, _, _ in hung]
            done = [(kind, trip.in_destination(kind=kind, **order)["id"]) for rid, kind, order in deeds if is_first and rid == dest_id]
            hung.extend((dest_id, kind, made) for kind, made in done)
            await delete(of_kind, dest_id, **more)
            if done and not is_heard:
                raise Uncertain("no answer")

        trip.destination.writer.delete = overtaken
        await undo(trip)
        for _ in deeds:
            try:
                await trip.phase()
                break
            except Uncertain:
                await trip.restart()
        assert len(hung) == len(deeds)
        report = trip.reports["rollback"]
        spared = {each["id"]: each["reason"] for each in report["spared"]}
        for rid, kind, made in hung:
            held = trip.live(kind)[made]["links"].values()
            assert rid in trip.live(rid.partition("-")[2]), kind
            assert rid in [each for value in held for each in (value if isinstance(value, list) else [value])], kind
            assert rid in spared, kind
        assert (report["still_there"], report["unclear"]) == ([], [])
        assert await trip.ledger.settings("undoing:") == {}


async def test_what_cannot_be_known_is_named(tmp_path: Path) -> None:
    """Where events cannot be asked about one record, and removed ones are not shown, nobody knows what these carried: it is named."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        trip.site.faults.merge({"deleted_get": "404"})
        person, company = next(iter(await ours(trip, "contacts"))), next(iter(await ours(trip, "accounts")))
        orders = {
            person: ("leads", {"description": "Theirs", "links": {"contacts": [person]}}),
            company: ("contacts", {"name": "Their Own", "links": {"accounts": [company]}}),
        }
        delete, made = trip.destination.writer.delete, dict[DestId, DestId]()

        async def overtaken(of_kind: Kind, dest_id: str, **more: Any) -> None:
            if dest_id in orders and dest_id not in made:
                kind, values = orders[dest_id]
                made[dest_id] = trip.in_destination("create", kind=kind, values=values)["id"]
            await delete(of_kind, dest_id, **more)

        async def about(dest_id: DestId, cursor: str) -> dict[DestId, int]:
            raise RecordRejected("entity_id is not known")

        trip.destination.writer.delete = overtaken
        trip.destination.feed.about = about
        await undo(trip)
        await trip.phase()
        assert sorted(trip.reports["rollback"]["unclear"]) == sorted(made.values())


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


class Told:
    """A feed that tells what it is given, from wherever it is asked."""

    def __init__(self) -> None:
        self.events: list[Happening] = []
        self.asked: list[str] = []

    async def cursor(self, *, fresh: bool = False) -> str:
        return max((event.id for event in self.events), key=position_of)

    async def changed(self, cursor: str, kinds: Any = ()) -> AsyncIterator[tuple[list[Happening], str]]:
        self.asked.append(cursor)
        for event in sorted(self.events, key=lambda event: position_of(event.id)):
            if position_of(event.id) > position_of(cursor):
                yield [event], event.id


async def test_how_late_the_feed_is_is_learned_from_what_comes_late() -> None:
    """A look begins before the end of the last one, tells once what is new, and goes by the account's own clock and the latest seen."""
    feed, ledger = Told(), MemoryLedger(clock=HastyClock())
    await ledger.commit([PutSetting(name="feed:first", value="1-events"), PutLink(link=LINK)])
    destination = SimpleNamespace(feed=feed, flags=SimpleNamespace(search_lag_s=2.0))
    touches = Touches(SimpleNamespace(ledger=ledger, destination=destination))  # type: ignore[arg-type]
    feed.events = [edit(2, at=1000), edit(3, at=1100), edit(5, at=1118)]
    assert await touches.look() == {LINK.dest_id}
    assert touches.told_within_s == 2.0
    assert await touches.look() == set()
    feed.events.append(edit(4, at=1108))
    assert await touches.look() == {LINK.dest_id}
    assert [position_of(cursor) for cursor in feed.asked] == [1, 2, 2]
    assert touches.told_within_s > 10.0


LINK = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="7-contacts", base={}, ours=True)


def edit(number: int, *, at: int) -> Happening:
    """Give an event of a person on a record of ours."""
    return Happening(
        id=f"{number}-events", at=at, action="edit", actor="1-users", kind="contacts", ids=(LINK.dest_id,), payloads={}, changes={},
    )
