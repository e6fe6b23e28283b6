"""Rollback and what was there before: a person's change between our look and our write is given back or asked about, never just gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import PlatformUnavailable, TransientError, Uncertain
from streamflow.migration.life import State
from streamflow.migration.rollback import Rollback
from streamflow.model import Kind, Link
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage

THEIRS = "R 1.00, says a person"


async def matched(trip: Voyage) -> Link:
    """A person who was there before us and got values from us."""
    links = [link async for page in trip.ledger.crosswalk(dest_kind="contacts") for link in page if link.is_matched]
    return next(link for link in links if {"custom:Budget", "custom:Message", "phones"} <= (link.before or {}).keys())


def at_the_very_moment(trip: Voyage, rid: str, values: dict[str, Any], error: Exception | None = None) -> list[Any]:
    """Let a person change a record when our write of it is under way; *error*: how that write ends for us, before or after it is done."""
    update, edited = trip.destination.writer.update, []

    async def late(kind: Kind, dest_id: str, changes: Any, **more: Any) -> str:
        if dest_id != rid or edited:
            return str(await update(kind, dest_id, changes, **more))
        edited.append(trip.in_destination("edit", kind="contacts", id=rid, values=values))
        if isinstance(error, TransientError):
            raise error
        await update(kind, dest_id, changes, **more)
        if error is not None:
            raise error
        return rid

    trip.destination.writer.update = late
    return edited


async def undo(trip: Voyage) -> None:
    """Ask for all to be undone."""
    await trip.m.decide("uid:7", "rollback.requested", note="run")
    await trip.set("rollback", {"scope": "run", "by": "uid:7"})
    await trip.m.enter(State.ROLLBACK, "asked for")


def custom(trip: Voyage, rid: str, name: str) -> Any:
    """A custom field as it truly stands."""
    return trip.live("contacts")[rid].get("customFields", {}).get(name)


@pytest.mark.parametrize("ended", ["heard", "unheard", "not taken", "cut short"])
async def test_a_change_under_a_restoration_is_given_back(tmp_path: Path, ended: str) -> None:
    """Our write is answered or not, is offered again, or the process ends before it looked: what the person wrote stands, and is told."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        link = await matched(trip)
        error = {"unheard": Uncertain("no answer"), "not taken": TransientError("no connection")}.get(ended)
        edited = at_the_very_moment(trip, link.dest_id, {"customFields": {"Budget": THEIRS}}, error)
        await undo(trip)
        if ended == "unheard":
            with pytest.raises(Uncertain):
                await trip.phase()
        if ended == "cut short":
            cursor = trip.destination.feed.cursor

            async def away(*, fresh: bool = False) -> str:
                if edited:
                    raise PlatformUnavailable("away")
                return str(await cursor(fresh=fresh))

            trip.destination.feed.cursor = away
            with pytest.raises(PlatformUnavailable):
                await trip.phase()
            assert custom(trip, link.dest_id, "Budget") != THEIRS
            trip.destination.feed.cursor = cursor
        await trip.restart()
        await trip.phase()
        assert edited
        assert custom(trip, link.dest_id, "Budget") == THEIRS
        report = trip.reports["rollback"]
        assert "custom:Budget" in next(each["reason"] for each in report["spared"] if each["id"] == link.dest_id)
        assert custom(trip, link.dest_id, "Streamflow ID") is None, "all else is as it was"
        assert report["not_restored"] == []
        assert report["read_back"] == "as before"
        assert await trip.ledger.settings("undoing:") == {}


@pytest.mark.parametrize("theirs", [THEIRS, "R 1.00, says a person, " * 4], ids=["shown whole", "perhaps cut short"])
async def test_what_was_put_under_a_write_is_what_a_rollback_gives_back(tmp_path: Path, theirs: str) -> None:
    """A person's value that our write went over at the very moment comes back, not the one before; not known whole, it is listed."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        link = await matched(trip)
        row = next(each for each in trip.source_rows("leads") if each["leadid"] == link.ref.key)
        edited = at_the_very_moment(trip, link.dest_id, {"customFields": {"Lead Status": theirs}})
        other = next(each["statusid"] for each in trip.source_rows("statuses") if each["name"] != row["status"])
        await in_tail(trip, lambda: trip.in_source("edit", "leads", row["leadid"], statusid=other))
        [item] = [item for item in await trip.items("conflict") if item.id.startswith("overwritten:")]
        assert edited
        ours = custom(trip, link.dest_id, "Lead Status")
        assert item.details["source"] == ours
        plan = await Rollback(trip.m).undo(dry_run=True)
        await undo(trip)
        await trip.phase()
        report = trip.reports["rollback"]
        spared = [each["reason"] for each in report["spared"] if each["id"] == link.dest_id]
        if theirs == THEIRS:
            assert (custom(trip, link.dest_id, "Lead Status"), spared) == (theirs, [])
        else:
            assert custom(trip, link.dest_id, "Lead Status") == ours
            assert "custom:Lead Status" in spared[0]
        assert [each["reason"] for each in plan.spared if each["id"] == link.dest_id] == spared
        assert report["read_back"] == "as before"


async def test_what_was_left_is_listed_however_often_it_is_cut_short(tmp_path: Path) -> None:
    """What people changed stays, and is told at the end, as is what they deleted, also by a start that finds it done."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        link = await matched(trip)
        trip.in_destination("edit", kind="contacts", id=link.dest_id, values={"customFields": {"Budget": THEIRS}})
        note = next(row["id"] for row in trip.live("notes").values() if "[sf:lt:note:" in row["body"])
        trip.in_destination("delete", kind="notes", id=note)
        await undo(trip)
        await Rollback(trip.m).run({"scope": "run", "by": "uid:7"})
        told = trip.reports["rollback"]
        assert link.dest_id in {each["id"] for each in told["spared"]}
        assert told["gone_already"] == 1
        await trip.restart()
        assert await trip.phase() is State.ROLLED_BACK
        again = trip.reports["rollback"]
        assert sorted(map(str, again["spared"])) == sorted(map(str, told["spared"]))
        assert (again["gone_already"], again["restored"], again["deleted"]) == (1, told["restored"], told["deleted"])


@pytest.mark.parametrize(("field", "values", "shown"), [
    ("phones", {"phones": [{"name": "work", "value": "+27825551111", "isPrimary": True}]}, "number"),
    ("custom:Budget", {"customFields": {"Budget": THEIRS * 9}}, THEIRS),
], ids=["a list", "a long text"])
async def test_what_cannot_be_given_back_is_asked_about(tmp_path: Path, field: str, values: dict[str, Any], shown: str) -> None:
    """Events do not show a list as it is read, and cut a long text short: all three values are kept, and nothing is made up."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        link = await matched(trip)
        at_the_very_moment(trip, link.dest_id, values)
        await undo(trip)
        await trip.phase()
        [item] = [each for each in await trip.items("conflict") if each.details.get("field") == field]
        assert item.details["base"] == link.base[field]
        assert not item.details["source"]
        assert shown in item.details["destination"]
        assert link.dest_id in {each["id"] for each in trip.reports["rollback"]["spared"]}
        assert [each["id"] for each in trip.reports["rollback"]["overtaken"]] == [link.dest_id]
