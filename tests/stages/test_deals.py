"""Open leads: actions that only an existing record can take, and creates that depend on each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streamflow.errors import RecordRejected
from streamflow.model import Disposition, Ref
from tests.stages.rig import Rig, lead, rig


@asynccontextmanager
async def deals(**more: Any) -> AsyncIterator[Rig]:
    """A run whose unqualified leads become open leads in the second pipeline."""
    async with rig(switches={"search_lag_s": 5.0}, unqualified="lead", rule="always", stageset="Repairs", **more) as one:
        yield one


def pipelines(one: Rig) -> list[str]:
    return [str(row["links"].get("stageset")) for row in one.live("leads")]


async def wanted_pipeline(one: Rig) -> str:
    """The id that the map asks for; the test means nothing if it is the destination's default."""
    link = await one.link("lead", "1", "lead")
    assert next(row for row in one.live("stagesets") if row["id"] == link.base["stageset"])["name"] == "Repairs"
    return str(link.base["stageset"])


async def test_person_and_open_lead_come_in_order_and_in_the_right_pipeline() -> None:
    """The open lead names the person made just before, and its pipeline is set once it exists."""
    async with deals() as one:
        await one.stage(lead("1"), lead("2"))
        await one.run_dry()
        assert pipelines(one) == [await wanted_pipeline(one)] * 2
        assert [row["links"]["contacts"] for row in one.live("leads")] == [
            [(await one.link("lead", key)).dest_id] for key in "12"]
        one.clock.account.advance(6.0)
        assert await one.verify() == {"verified": 4}


@pytest.mark.parametrize("match", ["POST /rest/leads", "/stageset"])
@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
async def test_a_lost_answer_between_create_and_action_leaves_no_half_lead(match: str, fault: str) -> None:
    """Whichever answer is lost, there is one open lead, in the pipeline that was asked for, and no question about it."""
    async with deals() as one:
        one.switch(**{fault: {"match": match, "times": 1}})
        await one.stage(lead("1"))
        await one.run_dry()
        assert pipelines(one) == [await wanted_pipeline(one)]
        assert not await one.open_items("conflict")


async def test_a_refused_action_is_done_on_retry() -> None:
    """The lead was made and its pipeline refused: it is failed, not doubled, and a retry sets the pipeline."""
    async with deals() as one:
        original, left = one.nutshell.writer.update, 1

        async def picky(*args: Any, **kwargs: Any) -> str:
            nonlocal left
            left -= 1
            if left == 0:
                raise RecordRejected("not this time")
            return await original(*args, **kwargs)

        one.nutshell.writer.update = picky  # type: ignore[method-assign]
        await one.stage(lead("1"))
        await one.run_dry()
        assert await one.dispositions("lead") == {Disposition.FAILED: 1}
        [item] = await one.open_items("rejected")
        await one.decide(item, "retry", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert pipelines(one) == [await wanted_pipeline(one)]
        assert await one.dispositions("lead") == {Disposition.CREATED: 1}


async def test_a_lead_that_people_moved_stays_where_they_put_it() -> None:
    """Once the open lead is finished, its pipeline belongs to people, whatever runs again."""
    async with deals() as one:
        await one.stage(lead("1"))
        await one.run_dry()
        dest_id = (await one.link("lead", "1", "lead")).dest_id
        sales = next(row["id"] for row in one.live("stagesets") if row["name"] == "Sales")
        stage = next(row["id"] for row in one.live("stages") if row["links"].get("stageset") == sales)
        one.person("edit", "leads", dest_id, links={"stage": stage})
        moved = pipelines(one)
        assert moved == [sales]
        await one.stage(lead("1", name="Another Name"))
        await one.run_dry()
        assert pipelines(one) == moved
        assert [row["name"] for row in one.live("contacts")] == ["Another Name"]


async def test_a_deal_made_again_goes_only_when_somebody_looks_at_it_again() -> None:
    """Who let one deal be removed that the source dropped said nothing of the one that came after it: people may have hung work on it."""
    async with rig(unqualified="lead", rule="status is New") as one:

        async def dropped() -> str:
            await one.stage(lead("1", status="New"))
            await one.run_dry()
            deal = (await one.link("lead", "1", "lead")).dest_id
            await one.stage(lead("1", status="Lost"))
            await one.run_dry()
            return deal

        first = await dropped()
        [item] = await one.open_items("conflict")
        await one.decide(item, "remove", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert not one.live("leads")
        second = await dropped()
        assert second != first
        assert [row["id"] for row in one.live("leads")] == [second]
        [item] = await one.open_items("conflict")
        await one.decide(item, "remove", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert not one.live("leads")
