"""A plan that is full in the middle of a run: open leads wait, everything else goes on, and nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamflow.errors import AccessRefused
from streamflow.migration.life import State
from streamflow.model import RecordState
from streamflow.sandbox.nutshell.leads import open_leads
from tests.migration.rig import Voyage, voyage

ROOM = 3


async def waiting(trip: Voyage, *kinds: str) -> int:
    """Count what has not come to its end, and asks nobody about itself."""
    return sum([each.state is RecordState.PENDING for kind in kinds for each in (await trip.staged(kind)).values()])


async def doubled(trip: Voyage) -> list[str]:
    marks = [str(row["customFields"].get("Streamflow ID")) for row in trip.live("leads").values()]
    return [mark for mark in set(marks) if mark.startswith("lt:") and marks.count(mark) > 1]


@pytest.mark.parametrize("form", ["400", "403", "locked"])
async def test_a_full_plan_stops_open_leads_alone(tmp_path: Path, form: str) -> None:
    """Whatever a full plan answers, the leads wait for a person and the rest arrives; with room all of them follow, each once."""
    async with voyage(tmp_path, at=State.BACKFILL, unqualified="lead", unqualified_rule={"rule": "always"}, batch_size=4) as trip:
        before = len(trip.live("leads"))
        trip.site.plan["open_leads"] = open_leads(trip.site) + ROOM
        trip.site.faults.merge({"plan_refusal": form})
        await trip.phase()
        made = len(trip.live("leads"))
        [item] = await trip.items("plan_limit")
        assert (item.kind, item.blocking) == ("lead", True)
        assert "lead" in item.reason
        locked = await trip.items("locked")
        if form == "locked":
            shut = {row["id"] for row in trip.live("leads").values() if trip.site.state.get("leads", row["id"])["isLocked"]}
            assert {each.details["dest_id"] for each in locked} == shut
            assert made == before + ROOM + len(shut)
            assert all("locked" in each.reason and "plan" in each.reason for each in locked)
        else:
            assert (made, locked) == (before + ROOM, [])
        assert await waiting(trip, "lead") > 0
        assert await waiting(trip, "company", "user") == 0, "other kinds went on"
        assert not await trip.items("rejected")
        trip.site.plan["open_leads"] = None
        await trip.resolve(item, "retry")
        trip.work.suspended.clear()
        await trip.work.deliver_all()
        assert await waiting(trip, "lead") == 0
        assert len(trip.live("leads")) > made
        assert await doubled(trip) == []


async def test_a_key_that_lost_its_rights_stops_the_run(tmp_path: Path) -> None:
    """When nothing may be made any more the run stops and says that a permission is missing, whatever was refused first."""
    async with voyage(tmp_path, at=State.BACKFILL, unqualified="lead", unqualified_rule={"rule": "always"}, batch_size=4) as trip:
        trip.site.faults.merge({"fail_5xx": {"status": 403, "match": "POST /rest/"}})
        with pytest.raises(AccessRefused) as refused:
            await trip.phase()
        assert "permission" in refused.value.hint
