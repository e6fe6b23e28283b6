"""A write that comes to nothing however often it is sent: one item of the queue, and the rest goes on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import NotPermitted, PlatformUnavailable, Stale
from streamflow.model import DestId, Disposition, Ending, Intent, IntentState, Kind, Op, RecordState, Ref
from streamflow.sandbox.nutshell import render
from streamflow.stages.load import Loader
from streamflow.stages.unanswered import BAD_HOUR_S, CAUSE, FEW, PAUSE_S, TRIES, Series, series_of
from tests.stages.rig import QUIET, Rig, call, lead, note, rig

LAG = {"search_lag_s": 1.0}
WAYS = ("reset_before", "fail_5xx", "html_200", "error_200", "blank_200")
FIRST = {"path": "POST /rest/contacts", "body": "Number1"}


def sends(one: Rig) -> int:
    """How often the destination did not take what it was sent."""
    return sum(one.site.faults.log.faults[way] for way in WAYS)


async def passed(one: Rig, rounds: int) -> bool:
    """Deliver and look for outcomes so often, a quiet time apart; says whether nothing was left open or pending."""
    for _ in range(rounds):
        await one.deliver()
        one.clock.account.advance(float(QUIET.seconds or 0.0))
        if not await one.resolve_doubts() and not await one.pending():
            return True
    return False


async def settled(one: Rig) -> list[str]:
    """Run until nothing is open and nothing pending; gives the open items about unanswered writes."""
    assert await passed(one, 2 * TRIES + 2)
    return await one.open_items(CAUSE)


@pytest.mark.parametrize("way", WAYS)
async def test_a_record_that_is_never_taken_costs_one_item(way: str) -> None:
    """Sent so often and no more; it failed with the reason, what belongs to it waits for it, and all others are moved."""
    async with rig(switches=LAG) as one:
        one.switch(**{way: FIRST})
        await one.stage(lead("1"), lead("2"), note("5", "1"), note("6", "2"))
        [item] = await settled(one)
        assert sends(one) == TRIES
        [asked] = await one.ledger.queue(cause=CAUSE)
        assert f"sent {TRIES} times" in asked.reason
        assert asked.decisions == ("retry", "waive")
        failed = await one.staged("lead", "1")
        assert (failed.state, failed.disposition) == (RecordState.DONE, Disposition.FAILED)
        child = await one.staged("note", "5")
        assert (child.state, child.waiting_on) == (RecordState.PARKED, "lead:1")
        assert (len(one.live("contacts")), len(one.live("notes"))) == (1, 1)
        one.switch(**{way: None})
        await one.decide(item, "retry", reopen=Ref("lead", "1"))
        assert await settled(one) == []
        assert (len(one.live("contacts")), len(one.live("notes"))) == (2, 2)


async def test_a_change_that_is_never_taken_costs_one_item() -> None:
    """The record stays as it was, with the reason; changes of others go on."""
    async with rig(switches=LAG) as one:
        await one.stage(lead("1"), lead("2"))
        await one.run_dry()
        one.switch(fail_5xx={"path": "PATCH /rest/contacts/*", "body": "New1"})
        await one.stage(lead("1", "New1 Name"), lead("2", "New2 Name"))
        assert len(await settled(one)) == 1
        assert sends(one) == TRIES
        assert {row["name"] for row in one.live("contacts")} == {"Person Number1", "New2 Name"}
        assert (await one.staged("lead", "1")).disposition is Disposition.FAILED


async def test_several_of_them_do_not_hold_each_other() -> None:
    """Each was sent beside others at first: that nothing else is left to be sent later is no outage."""
    async with rig(switches=LAG) as one:
        one.switch(fail_5xx=[FIRST, {"path": "POST /rest/contacts", "body": "Number2"}])
        await one.stage(lead("1"), lead("2"), lead("3"))
        assert len(await settled(one)) == 2
        assert sends(one) == 2 * TRIES


async def test_an_outage_is_no_record_s_fault() -> None:
    """While nobody's writes are taken nothing is given up, however long it lasts; afterwards everything is moved."""
    async with rig(switches=LAG) as one:
        one.switch(fail_5xx={"path": "POST /rest/contacts"})
        await one.stage(*(lead(str(number)) for number in range(1, FEW + 3)))
        assert not await passed(one, TRIES)
        one.clock.account.advance(BAD_HOUR_S)
        assert not await passed(one, 2 * TRIES + 2)      # so many rounds that a record of its own would be given up
        assert sends(one) > TRIES * (FEW + 2)
        assert await one.open_items() == []
        one.switch(fail_5xx=None)
        await one.run_dry()
        assert len(one.live("contacts")) == FEW + 2


async def test_a_write_that_was_taken_at_last_clears_its_record() -> None:
    """Whose last change went through is under no suspicion: its next one by itself is borne for an hour as any other."""
    async with rig(switches=LAG) as one:
        await one.stage(lead("1"), lead("2"))
        await one.run_dry()
        one.switch(fail_5xx={"path": "PATCH /rest/contacts/*", "body": "New1"})
        await one.stage(lead("1", "New1 Name"), lead("2", "New2 Name"))
        assert not await passed(one, 3)
        one.switch(fail_5xx=None)
        assert await settled(one) == []
        one.switch(fail_5xx={"path": "PATCH /rest/contacts/*", "body": "Newer1"})
        await one.stage(lead("1", "Newer1 Name"))
        assert not await passed(one, 2 * TRIES + 2)
        assert await one.open_items(CAUSE) == []


async def test_one_by_itself_is_given_up_after_a_bad_hour() -> None:
    """Nobody can tell a record that nobody takes from an outage when nothing else is sent: only time does."""
    async with rig(switches=LAG) as one:
        one.switch(fail_5xx=FIRST)
        await one.stage(lead("1"))
        assert not await passed(one, 2 * TRIES)
        assert await one.open_items() == []
        one.clock.account.advance(BAD_HOUR_S)
        assert len(await settled(one)) == 1


@pytest.mark.parametrize("fault", [{"deny": {**FIRST, "status": 403}}, {"poison": {**FIRST, "status": 404}}])
async def test_one_by_itself_that_is_refused_is_given_up_after_a_bad_hour(fault: dict[str, Any]) -> None:
    """It stops the run as everybody's affair would, but not for ever: after an hour the record is asked about, and the run goes on."""
    async with rig(switches=LAG) as one:
        one.switch(**fault)
        await one.stage(lead("1"))
        stopped = await refused(one, 2 * TRIES)
        assert stopped in (0, 2 * TRIES)
        assert await one.open_items() == []
        one.clock.account.advance(BAD_HOUR_S)
        assert await refused(one, TRIES + 1) == 0
        assert len(await settled(one)) == 1
        await one.stage(lead("2"))
        assert await refused(one, 1) == 0
        assert [row["name"] for row in one.live("contacts")] == ["Person Number2"]


@pytest.mark.parametrize("is_file", [False, True])
async def test_a_restart_forgets_no_try(tmp_path: Path, is_file: bool) -> None:
    """What was counted is in the ledger, in a file as in memory: the process may end after every try."""
    path = tmp_path / "ledger.db" if is_file else None
    async with rig(path, switches=LAG) as one:
        one.switch(reset_before=FIRST)
        await one.stage(lead("1"), lead("2"))
        assert not await passed(one, TRIES - 1)
        await one.restart()
        assert len(await settled(one)) == 1
        assert sends(one) == TRIES


@pytest.mark.parametrize(("decision", "more"), [("retry", TRIES), ("waive", 0)])
async def test_what_was_decided_is_kept_to(decision: str, more: int) -> None:
    """Tried again, it is asked about again when that is in vain too; waived, it rests until the source changes it."""
    async with rig(switches=LAG) as one:
        one.switch(fail_5xx=FIRST)
        await one.stage(lead("1"), lead("2"))
        [item] = await settled(one)
        await one.decide(item, decision, reopen=Ref("lead", "1") if decision == "retry" else None)
        asked: list[Any] = await settled(one)
        assert sends(one) == TRIES + more
        assert len(asked) == bool(more)


def stale_for(one: Rig, dest_id: DestId) -> list[DestId]:
    """Let every change of a record find that somebody was there since it was read; answers those who were to be changed."""
    update, tried = one.nutshell.writer.update, list[DestId]()

    async def overtaken(kind: Kind, asked: DestId, *args: Any, **named: Any) -> DestId:
        tried.append(asked)
        if asked == dest_id:
            raise Stale("body changed since it was read", platform="nutshell")
        return await update(kind, asked, *args, **named)

    one.nutshell.writer.update = overtaken  # type: ignore[method-assign,assignment]
    return tried


def texts(one: Rig) -> list[str]:
    """Give what was staged as the text of each note."""
    return sorted(row["body"].split("text: ")[-1].splitlines()[0] for row in one.live("notes"))


async def test_a_record_that_is_another_each_time_costs_one_item_and_holds_up_nobody() -> None:
    """Others are changed at once; it comes again round after round, then a person is asked with the reason; tried again, it arrives."""
    async with rig() as one:
        await one.stage(lead("1"), *(note(key, "1", f"text: Old {key}") for key in "567"))
        await one.run_dry()
        odd, update = (await one.link("note", "5")).dest_id, one.nutshell.writer.update
        tried = stale_for(one, odd)
        await one.stage(*(note(key, "1", f"text: New {key}") for key in "567"))
        await one.deliver()
        assert texts(one) == ["New 6", "New 7", "Old 5"]
        for _ in range(2 * TRIES):
            one.clock.account.advance(PAUSE_S)
            await one.deliver()
        assert tried.count(odd) == TRIES + 1, "a minute apart, and once more at once, as changes of others lead to another pass"
        [asked] = await one.ledger.queue(cause=CAUSE)
        assert "sent" not in asked.reason
        assert "body changed since it was read" in asked.reason
        assert (await one.staged("note", "5")).disposition is Disposition.FAILED
        one.nutshell.writer.update = update  # type: ignore[method-assign]
        await one.decide(asked.id, "retry", reopen=Ref("note", "5"))
        await one.run_dry()
        assert texts(one) == ["New 5", "New 6", "New 7"]
        assert await one.open_items() == []


async def test_a_record_that_is_another_for_a_moment_is_nobody_s_affair() -> None:
    """Somebody is at it for less than a minute: however often it is met so, nobody is asked, and the change arrives when they are done."""
    async with rig() as one:
        await one.stage(lead("1"), note("5", "1", "text: Old"))
        await one.run_dry()
        odd, update = (await one.link("note", "5")).dest_id, one.nutshell.writer.update
        tried = stale_for(one, odd)
        await one.stage(note("5", "1", "text: New"))
        for _ in range(2 * TRIES):
            await one.deliver()
            one.clock.account.advance(PAUSE_S / (2 * TRIES))
        assert tried.count(odd) == 2 * TRIES
        one.nutshell.writer.update = update  # type: ignore[method-assign]
        await one.run_dry()
        assert texts(one) == ["New"]
        assert await one.open_items() == []


async def test_a_record_that_was_another_once_is_borne_in_an_outage_like_any_other() -> None:
    """Somebody was at it as it was to be changed: that says nothing of a destination that takes no writes since, for less than an hour."""
    async with rig() as one:
        await one.stage(lead("1"), call("5", "1"))
        await one.run_dry()
        update, errors = one.nutshell.writer.update, [Stale("changed since it was read"), *[PlatformUnavailable("not now")] * 3 * TRIES]

        async def failing(*_: object, **__: object) -> DestId:
            raise errors.pop(0)

        one.nutshell.writer.update = failing  # type: ignore[method-assign,assignment]
        await one.stage(call("5", "1", notes="Another outcome"))
        await one.deliver()
        for _ in range(2 * TRIES):
            one.clock.account.advance(2 * PAUSE_S)
            with suppress(PlatformUnavailable):
                await one.deliver()
        assert len(errors) <= TRIES
        assert await one.open_items(CAUSE) == []
        one.nutshell.writer.update = update  # type: ignore[method-assign]
        await one.run_dry()
        assert "Another outcome" in str(one.live("activities"))


async def refused(one: Rig, rounds: int) -> int:
    """Deliver so often, some minutes apart, going on when the run is stopped; says how often it was."""
    stopped = 0
    for _ in range(rounds):
        try:
            await one.deliver()
        except NotPermitted:
            stopped += 1
        one.clock.account.advance(2 * PAUSE_S)
    return stopped


@pytest.mark.parametrize("fault", [{"deny": {**FIRST, "status": 403}}, {"poison": {**FIRST, "status": 404}}])
async def test_what_stands_in_the_way_of_one_record_is_not_everybody_s_affair(fault: dict[str, Any]) -> None:
    """A right that only one record lacks costs one item, though the same answer to everybody stops the run."""
    async with rig(switches=LAG) as one:
        one.switch(**fault)
        await one.stage(lead("1"), lead("2"))
        await refused(one, TRIES)
        assert len(await settled(one)) == 1
        assert [row["name"] for row in one.live("contacts")] == ["Person Number2"]


async def test_a_right_that_all_lack_is_nobody_s_fault() -> None:
    """The run is stopped each time, and no record is given up, not even those that were under way when it was lost."""
    async with rig(switches=LAG) as one:
        one.switch(deny={"path": "POST /rest/contacts", "skip": 1, "status": 403})
        await one.stage(lead("1"), lead("2"), lead("3"), note("5", "1"))
        assert await refused(one, 2) == 1
        await one.stage(*(lead(str(number)) for number in range(4, 9)))
        assert await refused(one, 2 * TRIES) == 2 * TRIES
        assert await one.open_items() == []
        one.switch(deny=None)
        await one.run_dry()
        assert len(one.live("contacts")) == 8


async def test_what_was_answered_is_kept_when_the_run_is_cut_while_it_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outcomes that are known are in the ledger, whatever ends the run before they were looked at together."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"))

        async def cut(*_: object) -> None:
            raise PlatformUnavailable("cut", platform="nutshell")

        with monkeypatch.context() as patched:
            patched.setattr(Loader, "_weigh", cut)
            with pytest.raises(BaseException, match=r"cut|unhandled errors"):
                await one.deliver("lead")
        assert await one.ledger.open_intents(limit=9) == []
        await one.run_dry()
        assert len(one.live("contacts")) == 2


async def test_a_change_that_names_who_is_gone_and_is_shown_costs_one_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists go on showing whom people put there and deleted, and no change that names them is taken: in the end somebody is told."""
    monkeypatch.setattr(render, "live_ids", lambda site, ids: list(ids or ()))
    async with rig(switches=LAG) as one:
        await one.stage(lead("1"), lead("2"), lead("3"), call("7", "1"))
        await one.run_dry()
        first, theirs = [(await one.link("lead", key)).dest_id for key in "12"]
        line = await one.link("call", "7")
        one.person("edit", "activities", line.dest_id, links={"participants": [first, theirs]})
        one.person("delete", "contacts", theirs)
        await one.stage(call("7", "3"))
        one.calls()
        assert len(await settled(one)) == 1
        assert one.calls().count("PUT activities/{id}") == TRIES
        [asked] = await one.ledger.queue(cause=CAUSE)
        assert (asked.kind, asked.key) == ("call", "7")
        assert (await one.staged("call", "7")).disposition is Disposition.FAILED


ME = Ref("lead", "1")


def meant(
    number: int, ending: Ending = Ending.COUNTED, *, state: IntentState = IntentState.ABANDONED, ref: Ref = ME, op: Op = Op.UPDATE,
) -> Intent:  # fmt: skip
    return Intent(id=f"{number}", ref=ref, op=op, dest_kind="contacts", fields={}, state=state, ending=ending)


ONE, TWO, THREE = meant(1), meant(2, Ending.UNCOUNTED), meant(3)


@pytest.mark.parametrize(("intents", "series"), [
    ([ONE, TWO, THREE], Series(tries=(ONE, TWO, THREE))),
    ([ONE, meant(4, ref=Ref("lead", "1", "2/2")), meant(5, op=Op.CREATE), THREE], Series(tries=(ONE, THREE))),
    ([ONE, meant(6, state=IntentState.CONFIRMED), THREE], Series(tries=(THREE,))),
    ([ONE, meant(7, state=IntentState.REJECTED)], Series()),
    ([ONE, meant(8, Ending.GIVEN_UP), THREE], Series(tries=(THREE,), was_asked=True)),
    ([meant(8, Ending.GIVEN_UP), meant(6, state=IntentState.CONFIRMED)], Series()),
    ([ONE, meant(9, state=IntentState.IN_DOUBT), meant(9, state=IntentState.MEANT)], Series(tries=(ONE,))),
    ([ONE, meant(10, Ending.PLAIN), THREE], Series(tries=(ONE, THREE))),
    ([ONE, meant(11, Ending.OVERTAKEN), THREE], Series(tries=(ONE, THREE))),
], ids=[
    "in a row", "others of the record", "carried out", "refused", "given up", "given up, then carried out", "open", "not sent", "overtaken",
])  # fmt: skip
def test_tries_of_one_write_are_counted_from_its_last_answer(intents: list[Intent], series: Series) -> None:
    """Of that part and that sort of write alone; what was answered, or left to a person, begins them anew."""
    assert series_of(intents, ME, Op.UPDATE) == series


@pytest.mark.parametrize(("series", "counted", "is_suspect"), [
    (Series(), 0, False), (Series(tries=(TWO,)), 0, False), (Series(tries=(ONE, TWO)), 1, True),
    (Series(tries=(ONE, THREE, TWO)), 2, True), (Series(tries=(TWO,), was_asked=True), 0, True),
])  # fmt: skip
def test_only_tries_beside_others_that_were_taken_count(series: Series, counted: int, is_suspect: bool) -> None:
    """One of them, or a person who was asked before, makes a write suspect; an outage makes none so."""
    assert (series.counted, series.is_suspect) == (counted, is_suspect)
