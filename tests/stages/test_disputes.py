"""What becomes of a field that a person and the source both changed, where the map says it beforehand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamflow.mapping.changes import Conflict, Policy
from streamflow.migration.undoing import plan_step
from streamflow.model import Link, Record, RecordState, Ref, Staged
from streamflow.stages.conflicts import conflict_id
from streamflow.stages.conflicts import told as told_of
from streamflow.store.change import Audit, Enqueue
from tests.stages.rig import Rig, lead, rig

STATUS = "custom:Lead Status"


async def both_change(one: Rig, theirs: str, ours: str) -> str:
    """Let a lead arrive, a person change its status, and then the source."""
    await one.stage(lead("1", status="New"))
    await one.run_dry()
    row = (await one.link("lead", "1")).dest_id
    await change(one, row, theirs, ours)
    return row


async def change(one: Rig, row: str, theirs: str, ours: str) -> None:
    one.person("edit", "contacts", row, customFields={"Lead Status": theirs})
    await one.stage(lead("1", status=ours))
    await one.run_dry()


async def told(one: Rig) -> list[tuple[str, Any]]:
    """Give what the audit tells of such fields."""
    entries = [each.entry async for page in one.ledger.audit() for each in page]
    return [(each.action, (each.before, each.after)) for each in entries if each.action.startswith("conflict.")]


@pytest.mark.parametrize(("policy", "there", "asked"), [("ask", "Hot", 1), ("keep", "Hot", 0), ("take", "Quoted", 0)])
async def test_the_map_may_say_beforehand_whose_value_stands(policy: str, there: str, asked: int) -> None:
    """Ask holds it for a person, keep leaves theirs, take writes the source's; the two that ask nobody tell all three values."""
    async with rig() as one:
        one.disputes[STATUS] = policy
        row = await both_change(one, "Hot", "Quoted")
        assert (await one.fields("contacts", row))[STATUS] == there
        assert len(await one.open_items("conflict")) == asked
        values = ({"base": "New", "destination": "Hot"}, {"source": "Quoted"})
        assert await told(one) == ([] if asked else [(f"conflict.{policy}", values)])
        assert await one.verify() == {"verified": 1}
        await one.stage(lead("1", status="Quoted", source="Website"))
        await one.run_dry()
        assert (await one.fields("contacts", row))[STATUS] == there
        assert len(await told(one)) == (0 if asked else 1), "told once a value"


async def test_an_empty_source_takes_nothing_away() -> None:
    """Whatever the map says, what a person wrote is not emptied because the source was."""
    async with rig() as one:
        one.disputes[STATUS] = "take"
        row = await both_change(one, "Hot", "")
        assert (await one.fields("contacts", row))[STATUS] == "Hot"
        assert [action for action, _ in await told(one)] == ["conflict.keep"]
        assert await one.verify() == {"verified": 1}


@pytest.mark.parametrize(("ours", "offered"), [("Quoted", ["keep", "take"]), ("", ["keep"])])
async def test_only_what_has_an_effect_is_offered(ours: str, offered: list[str]) -> None:
    """A source that holds nothing any more empties nothing a person wrote, so nobody is offered to take its value."""
    async with rig() as one:
        await both_change(one, "Hot", ours)
        [item] = await one.ledger.queue(cause="conflict")
        assert list(item.decisions) == offered


async def test_what_was_there_before_us_is_not_taken() -> None:
    """A value of a record of the account's own was never ours: no map writes over it."""
    async with rig() as one:
        one.disputes[STATUS] = "take"
        row = await one.existing("Nia Okafor", "nia@own.test")
        one.person("edit", "contacts", row, customFields={"Lead Status": "Hot"})
        for status in ("Contacted", "Quoted"):
            await one.stage(lead("1", name="Nia Okafor", email="nia@own.test", status=status))
            await one.run_dry()
        assert (await one.fields("contacts", row))[STATUS] == "Hot"


async def test_a_decision_about_a_value_goes_before_the_map() -> None:
    """What a person decided to keep stays when the map comes to say that the source goes first; the next value of the source goes."""
    async with rig() as one:
        row = await both_change(one, "Hot", "Quoted")
        [item] = await one.open_items("conflict")
        await one.decide(item, "keep", reopen=Ref("lead", "1"))
        one.disputes[STATUS] = "take"
        await one.run_dry()
        assert (await one.fields("contacts", row))[STATUS] == "Hot"
        await change(one, row, "Hot", "Won")
        assert (await one.fields("contacts", row))[STATUS] == "Won"


async def test_a_decision_takes_nothing_that_nobody_saw() -> None:
    """What a person wrote after the question was put is not overwritten by its answer: it is asked about, with all three values."""
    async with rig() as one:
        row = await both_change(one, "Hot", "Quoted")
        [item] = await one.open_items("conflict")
        one.person("edit", "contacts", row, customFields={"Lead Status": "Signed"})
        await one.decide(item, "take", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert (await one.fields("contacts", row))[STATUS] == "Signed"
        [again] = await one.ledger.queue()
        assert (again.details["source"], again.details["destination"]) == ("Quoted", "Signed")
        await one.decide(again.id, "take", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert (await one.fields("contacts", row))[STATUS] == "Quoted"
        assert not await one.open_items("conflict")


async def test_a_decision_that_was_carried_out_serves_once() -> None:
    """A source that comes back to a value that was taken once is asked about as another would be, and takes nobody's later work."""
    async with rig() as one:
        row = await both_change(one, "Hot", "Quoted")
        [item] = await one.open_items("conflict")
        await one.decide(item, "take", reopen=Ref("lead", "1"))
        await one.run_dry()
        await change(one, row, "Signed", "Won")
        [item] = await one.open_items("conflict")
        await one.decide(item, "keep", reopen=Ref("lead", "1"))
        await one.stage(lead("1", status="Quoted"))
        await one.run_dry()
        assert (await one.fields("contacts", row))[STATUS] == "Signed"
        assert len(await one.open_items("conflict")) == 1


@pytest.mark.parametrize("by_map", [False, True], ids=["by a person", "by the map"])
async def test_what_people_had_written_comes_back_when_the_source_s_value_is_undone(by_map: bool) -> None:
    """Taken over a value that a person put into a record of theirs in place of ours, and changed once more: undone, theirs is there."""
    async with rig() as one:
        if by_map:
            one.disputes[STATUS] = "take"
        row = await one.existing("Nia Okafor", "nia@own.test")
        await one.stage(said("New"))
        await one.run_dry()
        one.person("edit", "contacts", row, customFields={"Lead Status": "Hot"})
        for status in ("Quoted", "Won"):
            await one.stage(said(status))
            await one.run_dry()
            for item in await one.open_items("conflict"):
                await one.decide(item, "take", reopen=Ref("lead", "1"))
                await one.run_dry()
            now = await one.fields("contacts", row)
            assert now[STATUS] == status
            step = plan_step(await one.link("lead", "1"), now, one.nutshell.reader.compare, foreign=())
            assert (step.action, step.fields[STATUS], step.fields["custom:Streamflow ID"]) == ("restore", "Hot", None)


def said(status: str) -> Record:
    """The lead of somebody whom the account had before us."""
    return lead("1", name="Nia Okafor", email="nia@own.test", status=status)


PERSON = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", base={"kept:custom:A": "Quoted"}, ours=True)


@pytest.mark.parametrize(("word", "done", "wanted", "lost", "becomes"), [
    ("", "keep", "Won", [], "asked"),
    ("ask", "keep", "Won", [], "asked"),
    ("keep", "keep", "Won", [], "conflict.keep"),
    ("keep", "keep", "Quoted", [], ""),
    ("take", "take", "Won", [], "conflict.take"),
    ("take", "take", "Quoted", [], "conflict.take"),
    ("take", "keep", "", [], "conflict.keep"),
    ("take", "keep", "Won", ["comments"], "asked"),
    ("keep", "keep", "Won", ["comments"], "asked"),
    ("take", "take", "Won", ["comments"], "conflict.take"),
    ("", "take", "Won", [], ""),
])
def test_each_value_is_asked_about_or_told_once(word: str, done: Policy, wanted: str, lost: list[str], becomes: str) -> None:
    """What the map says ends in the audit with all three values, once a value; work that would be lost is asked about in any case."""
    staged = Staged(record=Record(kind="lead", key="1", data={}, digest="d"), seq=1, state=RecordState.PENDING)
    conflict = Conflict(field="custom:A", policy=done, base="New", wanted=wanted, now="Hot")
    policies: Any = {"custom:A": word} if word else {}
    changes = list(told_of(conflict, PERSON, staged, policies, lost, "conflict:x"))
    assert len(changes) == bool(becomes)
    for change in changes:
        if isinstance(change, Enqueue):
            assert becomes == "asked"
            item = change.item
            assert (item.id, item.kind, item.key, item.decisions, item.suggested) == ("conflict:x", "lead", "1", ("keep", "take"), "keep")
            assert ("comments" in item.reason and '"take" replaces it' in item.reason) is bool(lost)
            assert item.details == {"field": "custom:A", "base": "New", "source": wanted, "destination": "Hot", "dest_id": "5-contacts"}
        else:
            assert isinstance(change, Audit)
            entry = change.entry
            assert (entry.action, entry.kind, entry.key, entry.dest_id) == (becomes, "lead", "1", "5-contacts")
            assert (entry.before, entry.after) == ({"base": "New", "destination": "Hot"}, {"source": wanted})


def test_a_question_is_the_same_however_its_value_is_put_together() -> None:
    """A value of several parts has one name, whichever comes first; another value, field or part of a record has another."""
    line = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", base={}, ours=True)
    one = conflict_id(line, "address", {"city": "Cape Town", "country": "ZA"})
    assert conflict_id(line, "address", {"country": "ZA", "city": "Cape Town"}) == one
    others = [conflict_id(line, "address", None), conflict_id(line, "name", {"city": "Cape Town", "country": "ZA"}),
              conflict_id(replace(line, ref=Ref("lead", "1", "2/2")), "address", {"city": "Cape Town", "country": "ZA"})]  # fmt: skip
    assert len({one, *others}) == 4


def test_a_value_of_no_plain_kind_can_be_asked_about() -> None:
    """A reference to a record that is not made yet stands in fields too."""
    line = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", base={}, ours=True)
    assert conflict_id(line, "link:owner", Ref("user", "1")) != conflict_id(line, "link:owner", Ref("user", "2"))
