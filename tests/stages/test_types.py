"""E-mails before and after the account has an activity type for them: one record each, a note or an activity, never both."""

from __future__ import annotations

from typing import Any

import pytest

from streamflow.errors import Uncertain
from streamflow.model import ADOPTED, Disposition, Ref
from streamflow.store.change import PutLink, Reopen
from tests.stages.rig import Rig, email, lead, rig


def add_type(one: Rig) -> None:
    """Let the admin add the activity type that was missing."""
    site = one.site
    row = site.state.insert("activityTypes", {"name": "Email", "isBenchmarkable": True}, None)
    one.activity_types["email"] = str(row["id"])


def moved(one: Rig) -> tuple[int, int]:
    """Count notes and activities that hold the e-mail."""
    return (
        sum("[sf:lt:email:7]" in str(row["body"]) for row in one.live("notes")),
        sum("[sf:lt:email:7]" in str(row.get("description") or row.get("agenda")) for row in one.live("activities")),
    )


async def as_note(one: Rig) -> None:
    await one.stage(lead("1"), email("7", "1"))
    await one.run_dry()
    assert moved(one) == (1, 0)
    add_type(one)


async def test_an_email_that_is_a_note_stays_one_until_it_runs_again() -> None:
    """The type appears: what was moved stays; run again (a changed e-mail, another map) it becomes an activity, and the note goes."""
    async with rig() as one:
        await as_note(one)
        await one.run_dry()
        assert moved(one) == (1, 0)
        await one.stage(email("7", "1", "See this instead"))
        await one.run_dry()
        assert moved(one) == (0, 1)
        assert await one.dispositions("email") == {Disposition.CREATED: 1}
        assert await one.verify() == {"verified": 2}
        await one.ledger.commit([Reopen(kind="email", keys=("7",))])
        await one.run_dry()
        assert moved(one) == (0, 1)


async def test_a_note_into_which_people_wrote_is_left_and_told() -> None:
    """The e-mail becomes an activity; the note holds words of a person, so it stays, and the queue says so."""
    async with rig() as one:
        await as_note(one)
        one.person("edit", "notes", (await one.link("email", "7")).dest_id, body="mine\n[sf:lt:email:7]")
        await one.ledger.commit([Reopen(kind="email", keys=("7",))])
        await one.run_dry()
        assert moved(one) == (1, 1)
        assert len(await one.open_items("conflict")) == 1


@pytest.mark.parametrize("method", ["create", "delete"])
@pytest.mark.parametrize("happens", [True, False])
async def test_an_unknown_outcome_on_the_way_leaves_one_record(method: str, happens: bool) -> None:
    """Whether the activity's making or the note's removal is lost, done or not: in the end there is the activity alone."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        await as_note(one)
        original = getattr(one.nutshell.writer, method)

        async def lost(*args: Any, **kwargs: Any) -> Any:
            setattr(one.nutshell.writer, method, original)
            if happens:
                await original(*args, **kwargs)
            raise Uncertain("nobody knows")

        setattr(one.nutshell.writer, method, lost)
        await one.ledger.commit([Reopen(kind="email", keys=("7",))])
        await one.deliver("email")
        await one.restart()
        await one.run_dry()
        assert moved(one) == (0, 1)


async def test_a_note_of_an_earlier_run_stays_a_note() -> None:
    """It is not ours to remove, so no activity is made beside it, and the queue says that it was left."""
    async with rig() as one:
        await as_note(one)
        link = await one.link("email", "7")
        adopted = type(link)(ref=link.ref, dest_kind="notes", dest_id=link.dest_id, base={}, ours=False, before={}, phase=ADOPTED)
        await one.ledger.commit([PutLink(link=adopted), Reopen(kind="email", keys=("7",))])
        await one.run_dry()
        assert moved(one) == (1, 0)
        assert await one.open_items("conflict") == ["conflict:email:7::part"]
        assert (await one.ledger.links([Ref("email", "7")]))[Ref("email", "7")].dest_id == link.dest_id
