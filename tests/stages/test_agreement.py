"""The source comes to say what somebody has put into the destination already, or what a write of ours that nobody confirmed put there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamflow.errors import RecordRejected
from streamflow.migration.undoing import Step, plan_step
from streamflow.model import IntentState, Record, Ref
from streamflow.store.memory import MemoryLedger
from tests.stages.rig import Rig, lead, rig
from tests.stages.test_doubt import spoil_in_part

STATUS = "custom:Lead Status"
WHO = pytest.mark.parametrize("is_matched", [True, False], ids=["a record of theirs", "a record of ours"])


def said(status: str, number: str = "") -> Record:
    return lead("1", name="Nia Okafor", email="nia@own.test", status=status, number=number)


async def arrived(one: Rig, status: str, *, is_matched: bool) -> str:
    """Move somebody whom the account had before us, or had not."""
    if is_matched:
        await one.existing("Nia Okafor", "nia@own.test")
    await one.stage(said(status))
    await one.run_dry()
    return (await one.link("lead", "1")).dest_id


async def comes_to(one: Rig, status: str, number: str = "") -> str:
    """Let the source say something; answers what the record has then."""
    await one.stage(said(status, number))
    await one.run_dry()
    return str((await one.fields("contacts", (await one.link("lead", "1")).dest_id))[STATUS])


def people(one: Rig, row: str, status: str) -> None:
    one.person("edit", "contacts", row, customFields={"Lead Status": status})


async def undone(one: Rig) -> Step:
    link = await one.link("lead", "1")
    now = await one.fields("contacts", link.dest_id)
    return plan_step(link, now, one.nutshell.reader.compare, foreign=(), filled=one.nutshell.writer.fills("contacts"))


async def stays_theirs(one: Rig, *, is_matched: bool) -> None:
    """What people put there is spared by a rollback, and the next value of the source is asked about."""
    assert await comes_to(one, "Hot") == "Hot"
    await one.verify()
    step = await undone(one)
    assert (step.action, STATUS in step.fields) == (("restore", False) if is_matched else ("spare", False))
    asked = len(await one.open_items("conflict"))
    assert await comes_to(one, "Won") == "Hot"
    assert len(await one.open_items("conflict")) == asked + 1


@WHO
@pytest.mark.parametrize("read_back", ["never", "before", "after"])
async def test_what_people_put_in_place_of_ours_stays_theirs_when_the_source_agrees(read_back: str, is_matched: bool) -> None:
    """They were first: it is so whether our own value was read back before they changed it, after that, or not at all."""
    async with rig() as one:
        row = await arrived(one, "New", is_matched=is_matched)
        if read_back == "before":
            await one.verify()
        people(one, row, "Hot")
        if read_back == "after":
            await one.verify()
        await stays_theirs(one, is_matched=is_matched)


@WHO
async def test_what_people_filled_stays_theirs_when_the_source_agrees(is_matched: bool) -> None:
    """A field that the source left empty and people filled was never ours, also where it came to say the same."""
    async with rig() as one:
        row = await arrived(one, "", is_matched=is_matched)
        people(one, row, "Hot")
        await stays_theirs(one, is_matched=is_matched)


@WHO
async def test_what_people_came_to_while_they_were_asked_stays_theirs(is_matched: bool) -> None:
    """Asked about the source's value, they put it there themselves: nobody said that the source goes."""
    async with rig() as one:
        row = await arrived(one, "New", is_matched=is_matched)
        people(one, row, "Cold")
        assert await comes_to(one, "Hot") == "Cold"
        people(one, row, "Hot")
        assert await comes_to(one, "Hot", number="0825550142") == "Hot"
        await stays_theirs(one, is_matched=is_matched)


async def test_what_people_put_there_while_a_write_came_to_nothing_is_theirs() -> None:
    """A write that was left unsent since they had been there meanwhile put nothing there, whatever the image from before it says."""
    async with rig() as one:
        row = await arrived(one, "", is_matched=True)
        read = one.nutshell.reader.read
        done: list[str] = []

        async def first_work(kind: str, ids: list[str], *, custom: bool) -> object:
            found = await read(kind, ids, custom=custom)
            if kind == "contacts" and not done:
                done.append("read")
                people(one, row, "Hot")
            return found

        one.nutshell.reader.read = first_work  # type: ignore[method-assign,assignment]
        assert await comes_to(one, "Hot") == "Hot"
        assert done
        await stays_theirs(one, is_matched=True)


async def test_what_somebody_said_goes_is_ours() -> None:
    """The source's value was taken, and somebody put it there before we did: its next value goes without a question."""
    async with rig() as one:
        row = await arrived(one, "New", is_matched=True)
        people(one, row, "Cold")
        await comes_to(one, "Hot")
        [item] = await one.open_items("conflict")
        people(one, row, "Hot")
        await one.decide(item, "take", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert await comes_to(one, "Won") == "Won"
        assert not await one.open_items("conflict")


@pytest.mark.parametrize("is_taken", [True, False], ids=["a value taken", "a value of the source"])
@pytest.mark.parametrize("then", ["Hot", "Won", "New"])
async def test_what_a_write_given_up_left_there_is_ours(then: str, is_taken: bool) -> None:
    """Done in part and never confirmed, it is followed by the source's next value unasked; a rollback gives back what people last had."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        row = await arrived(one, "New", is_matched=True)
        await one.verify()
        if is_taken:
            people(one, row, "Cold")
            assert await comes_to(one, "Hot") == "Cold"
            [item] = await one.open_items("conflict")
            await one.decide(item, "take", reopen=Ref("lead", "1"))
        one.clock.account.advance(60.0)
        spoil_in_part(one, STATUS)
        await one.stage(said("Hot", number="0825550142"))
        await one.deliver("lead")
        one.clock.account.advance(60.0)
        assert await one.resolve_doubts() == 0
        assert (await one.ledger.intents_of("lead", "1"))[-1].state is IntentState.ABANDONED
        assert (await one.fields("contacts", row))[STATUS] == "Hot"
        assert await comes_to(one, then) == then
        assert not await one.open_items("conflict")
        await one.verify()
        step = await undone(one)
        assert (step.action, step.fields[STATUS]) == ("restore", "Cold" if is_taken else None)


async def test_what_a_write_refused_in_part_left_there_is_ours() -> None:
    """One field was refused and another was taken: the source's next value of that one goes without a question."""
    async with rig() as one:
        await arrived(one, "New", is_matched=True)
        spoil_in_part(one, STATUS, error=RecordRejected("no such number", platform="nutshell"))
        assert await comes_to(one, "Hot", number="0825550142") == "Hot"
        assert (await one.ledger.intents_of("lead", "1"))[-1].state is IntentState.REJECTED
        assert await comes_to(one, "Won") == "Won"
        assert not await one.open_items("conflict")
        await one.verify()
        assert (await undone(one)).fields[STATUS] is None


async def test_one_refusal_makes_no_page_ask_for_each_of_its_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """What refused writes may have left is looked up for a page of records at once, however many it holds."""
    async with rig(batch_size=100) as one:
        await arrived(one, "New", is_matched=True)
        await one.stage(*(lead(str(number)) for number in range(2, 22)))
        await one.run_dry()
        spoil_in_part(one, STATUS, error=RecordRejected("no such number", platform="nutshell"))
        await comes_to(one, "Hot", number="0825550142")
        looks: list[str] = []
        for name in ("intents_of", "intents_by_key"):
            monkeypatch.setattr(MemoryLedger, name, counted(getattr(MemoryLedger, name), looks))
        await one.stage(*(lead(str(number), status="Hot") for number in range(2, 22)))
        await one.deliver()
        assert [(await one.fields("contacts", str(row["id"])))[STATUS] for row in one.live("contacts")] == ["Hot"] * 21
        assert len(looks) <= 2


def counted(method: Callable[..., Any], looks: list[str]) -> Callable[..., Any]:
    def asked(*args: Any) -> Any:
        looks.append(method.__name__)
        return method(*args)

    return asked
