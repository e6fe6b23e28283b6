"""What becomes of writes whose outcome is unknown: updates in place, records made anew, and what a person decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from streamflow.errors import PlatformUnavailable, Uncertain
from streamflow.migration.reversals import Reversals
from streamflow.migration.undoing import Step, plan_step, unconfirmed
from streamflow.model import ADOPTED, Disposition, Fields, Intent, IntentState, Op, RecordState, Ref
from streamflow.platforms.destination import Happening
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.sandbox.nutshell import admin
from streamflow.stages import doubt
from streamflow.stages.doubt import DoubtResolver, QuietTime, Ruling, removed_by, rule_change, rule_create, told_if_lost
from streamflow.stages.formerly import REMOVED, line_in
from streamflow.stages.marks import carries_marker
from streamflow.stages.removed import Removed, judged
from streamflow.stages.rewritten import made_meanwhile, rewritten
from streamflow.stages.vanished import Vanished
from streamflow.store.change import DropLink, DropLookup, PutLink
from tests.stages.rig import PERSON, QUIET, USER, Rig, lead, note, rig

UNBOUNDED = QuietTime(timeout_s=1.0, late_commit_s=1.0, search_lag_s=None)
NO_EDIT = {"note_edit": "none"}      # the text of a note can only be replaced by another note


def bodies(one: Rig) -> list[str]:
    """The texts of all live notes, without header and marker."""
    return sorted(str(row["body"]).split("\n")[1] for row in one.live("notes"))


@pytest.mark.parametrize("happens", [True, False])
async def test_what_was_given_up_and_comes_back_is_told_from_what_was_made_instead(happens: bool) -> None:
    """
    Made again by a decision, the outcome unknown, and the old one is brought back meanwhile: it bears the marker and is not what was made.

    Where nothing was made it is followed again, and nothing is made beside it.
    """
    async with rig() as one:
        own = await one.existing("Nia Okafor", "nia@own.test")
        await one.stage(lead("1", name="Nia Okafor", email="nia@own.test"))
        await one.run_dry()
        one.person("delete", "contacts", own)
        await one.stage(lead("1", name="Nia Okafor", email="nia@own.test", status="New"), note("5", "1"))
        await one.run_dry()
        [item] = await one.open_items("deleted_at_destination")
        await one.decide(item, "recreate", reopen=Ref("lead", "1"))
        await one.ledger.commit([DropLookup(side="dest", kind="contacts", id=own)])      # as the feed told
        spoil(one, "create", after=0, happens=happens)
        while not await one.ledger.open_intents():
            await one.deliver()
        one.person("undelete", "contacts", own)
        await one.run_dry()
        line = await one.link("lead", "1")
        assert (line.dest_id != own, line.ours) == (happens, happens)
        assert len(one.named("Nia Okafor")) == 1 + happens
        assert line.dest_id in str([row["links"] for row in one.live("notes")])


def spoil(one: Rig, method: str, *, after: int, happens: bool = True) -> None:
    """Let one call of the writer after so many come to an unknown end; *happens* says whether it takes effect."""
    original, left = getattr(one.nutshell.writer, method), after

    async def spoilt(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left != -1:
            return await original(*args, **kwargs)
        if happens:
            await original(*args, **kwargs)
        raise Uncertain("nobody knows")

    setattr(one.nutshell.writer, method, spoilt)


async def _moved(one: Rig, text: str = "old") -> None:
    await one.stage(lead("1"), note("5", "1", text))
    await one.run_dry()


@pytest.mark.parametrize("happens", [True, False])
@pytest.mark.parametrize("heard", [True, False])
async def test_an_earlier_note_that_people_bring_back_is_not_the_one_made_anew(heard: bool, happens: bool) -> None:
    """The note was made anew before, its answer lost or not; the first one, out of the trash, bears the mark and is nobody's write."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one, "first")
        first = (await one.link("note", "5")).dest_id
        if not heard:
            spoil(one, "update", after=0)
        await one.stage(note("5", "1", "second"))
        await one.run_dry()
        one.clock.account.advance(30.0)
        one.person("undelete", "notes", first)
        spoil(one, "update", after=0, happens=happens)
        await one.stage(note("5", "1", "third"))
        await one.deliver()
        one.clock.account.advance(30.0)      # nobody looks before the quiet time is over
        await one.run_dry()
        line = await one.link("note", "5")
        assert line.dest_id != first
        assert "third" in (await one.fields("notes", line.dest_id))["body"]
        assert bodies(one) == ["first", "third"]


@pytest.mark.parametrize(("fault", "delay_s"), [("reset_after", 0.0), ("late_commit", 5.0)])
async def test_a_note_made_anew_with_a_lost_answer_is_found(fault: str, delay_s: float) -> None:
    """The old note is deleted, the answer to the new one is lost: the new one is adopted, and there is one note with the new text."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        one.switch(**{fault: {"match": "POST /rest/notes", "times": 1, **({"delay_s": delay_s} if delay_s else {})}})
        await one.stage(note("5", "1", "new"))
        await one.run_dry()
        assert bodies(one) == ["new"]
        one.clock.account.advance(6.0)
        assert await one.verify() == {"verified": 2}


@pytest.mark.parametrize("key", ["normal", "impersonate"])
async def test_a_note_deleted_and_never_made_anew_is_made_again(key: str) -> None:
    """
    When the old note is gone and no new one shows up in the quiet time, it is made; before that it is waited for.

    So it is where the account shows what our key does as done by its user: the removal was ours all the same.
    """
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        one.site.keys["sandbox-key"]["kind"] = key
        await _moved(one)
        spoil(one, "create", after=0, happens=False)
        await one.stage(note("5", "1", "new"))
        await one.deliver("note")
        assert bodies(one) == []
        assert await one.resolve_doubts() == 1
        one.clock.account.advance(4.0)
        assert await one.resolve_doubts() == 1, "nothing is decided before the quiet time is over"
        await one.run_dry()
        assert bodies(one) == ["new"]
        assert await one.verify() == {"verified": 2}


HOUR_S = 3_600.0


async def test_a_wall_clock_set_forward_makes_no_double() -> None:
    """A create that is carried out late, and a wall clock that is set by an hour meanwhile: nothing is sent again before the quiet time."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        one.switch(late_commit={"match": "POST /rest/contacts", "times": 1, "delay_s": 5.0})
        await one.stage(lead("1"))
        await one.deliver("lead")
        one.clock.ahead_s = HOUR_S
        assert await one.resolve_doubts() == 1
        one.clock.account.advance(4.0)
        assert await one.resolve_doubts() == 1
        await one.run_dry()
        one.clock.account.advance(60.0)
        assert len(one.live("contacts")) == 1


async def test_a_wall_clock_set_back_holds_nothing_up() -> None:
    """With the wall clock set back by an hour a write that did not happen is made anew as soon as with one that nobody set."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        one.switch(reset_before={"match": "POST /rest/contacts", "times": 1})
        await one.stage(lead("1"))
        await one.deliver("lead")
        one.clock.ahead_s = -HOUR_S
        assert await one.resolve_doubts() == 1
        one.clock.account.advance(1.0 + float(QUIET.seconds or 0.0))
        assert await one.resolve_doubts() == 0
        await one.run_dry()
        assert len(one.live("contacts")) == 1


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
async def test_what_another_process_left_open_is_waited_for_anew(step_s: float) -> None:
    """Between two processes no clock is known to be right: the quiet time counts from the first look of the second one."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        one.switch(reset_before={"match": "POST /rest/contacts", "times": 1})
        await one.stage(lead("1"))
        await one.deliver("lead")
        assert await one.resolve_doubts() == 1
        one.clock.ahead_s = step_s
        await one.restart()
        assert await one.resolve_doubts() == 1
        one.clock.account.advance(float(QUIET.seconds or 0.0) - 0.5)
        assert await one.resolve_doubts() == 1
        one.clock.account.advance(0.5)
        assert await one.resolve_doubts() == 0
        await one.run_dry()
        assert len(one.live("contacts")) == 1


async def test_more_outcomes_than_are_looked_for_at_once_stay_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are ruled on in one look, the others are still said to be open: a rollback must not begin under them."""
    monkeypatch.setattr(doubt, "AT_ONCE", 2)
    async with rig(switches={"search_lag_s": 5.0}) as one:
        for key in ("1", "2", "3"):
            await one.stage(lead(key))
        one.switch(reset_before={"path": "POST /rest/contacts"})
        await one.deliver("lead")
        one.switch(reset_before=None)
        assert await one.resolve_doubts() == 3
        one.clock.account.advance(1.0 + float(QUIET.seconds or 0.0))
        assert await one.resolve_doubts() == 1
        assert await one.resolve_doubts() == 0


async def _asked_about_a_note(one: Rig) -> str:
    """Let a note be removed to be made anew, and nobody know whether that happened; answers the question about it."""
    await _moved(one)
    spoil(one, "create", after=0, happens=False)
    await one.stage(note("5", "1", "new"))
    await one.deliver("note")
    await one.settle_unbounded()
    [item] = await one.open_items("in_doubt")
    return item


async def test_without_a_bound_for_the_lag_a_person_decides() -> None:
    """A removed note whose successor cannot be excluded is left to a person, who has it made again."""
    async with rig(flags=NO_EDIT, quiet=UNBOUNDED) as one:
        item = await _asked_about_a_note(one)
        assert [each.id for each in await one.ledger.queue() if each.blocking] == [item], "nothing is switched over it"
        await one.deliver()
        staged = await one.staged("note", "5")
        assert (staged.state, staged.disposition) == (RecordState.PARKED, Disposition.CREATED)
        await one.decide(item, "recreate", reopen=Ref("note", "5"))
        await one.run_dry()
        assert bodies(one) == ["new"]


async def test_a_note_to_be_made_again_that_people_brought_back_is_changed() -> None:
    """Asked about since its old text was removed, and people take that out of the trash: made again by a decision, it is no second one."""
    async with rig(flags=NO_EDIT, quiet=UNBOUNDED) as one:
        item = await _asked_about_a_note(one)
        one.person("undelete", "notes", (await one.link("note", "5")).dest_id)
        await one.decide(item, "recreate", reopen=Ref("note", "5"))
        await one.run_dry()
        assert bodies(one) == ["new"]


async def test_what_was_ours_of_a_note_made_again_by_a_decision_is_remembered() -> None:
    """Its old text was removed, and a person has it made again: taken out of the trash later, that is known as the note it was."""
    async with rig(flags=NO_EDIT, quiet=UNBOUNDED) as one:
        item = await _asked_about_a_note(one)
        old = await one.link("note", "5")
        await one.decide(item, "recreate", reopen=Ref("note", "5"))
        await one.run_dry()
        assert bodies(one) == ["new"]
        [found] = await one.ledger.candidates("notes", {"id": [old.dest_id]}, side=REMOVED)
        assert line_in(found.info) == old


async def test_a_change_whose_outcome_is_left_as_it_is_leaves_the_record_moved() -> None:
    """A person waives the question: the record goes on counting as what it was, a moved one."""
    async with rig(flags=NO_EDIT, quiet=UNBOUNDED) as one:
        item = await _asked_about_a_note(one)
        await one.decide(item, "waive", reopen=Ref("note", "5"))
        await one.run_dry()
        staged = await one.staged("note", "5")
        assert (staged.state, staged.disposition) == (RecordState.DONE, Disposition.CREATED)


async def test_without_a_bound_what_is_carried_out_late_is_awaited() -> None:
    """Nobody is asked while the write may still happen: an answer given too soon would double it. Once it shows it is adopted, unasked."""
    async with rig(quiet=UNBOUNDED) as one:
        one.switch(late_commit={"match": "POST /rest/contacts", "times": 1, "delay_s": 0.9})
        await one.stage(lead("1"))
        await one.deliver("lead")
        assert await one.resolve_doubts() == 1
        one.clock.account.advance(1.0)
        assert await one.resolve_doubts() == 0
        await one.run_dry()
        assert await one.open_items("in_doubt") == []
        assert len(one.live("contacts")) == 1


@pytest.mark.parametrize(("decision", "people"), [("recreate", 2), ("adopt", 1), ("waive", 1)])
async def test_decisions_on_a_create_that_cannot_be_resolved(decision: str, people: int) -> None:
    """Each decision ends the matter: made again, taken as the one that was named, or left with a flag; never stuck, never refused."""
    async with rig(quiet=UNBOUNDED) as one:
        spoil(one, "create", after=0, happens=decision != "recreate")
        await one.stage(lead("1"), lead("2"))
        await one.deliver("lead")
        if decision != "recreate":
            one.site.state.by_entity.clear()
        one.switch(events_lag_s=10_000.0)     # the feed shows nothing, so nothing can be found in it
        original = one.nutshell.reader.find

        async def blind(*args: Any) -> list[str]:
            return []

        one.nutshell.reader.find = blind  # type: ignore[method-assign, assignment]
        await one.settle_unbounded()
        one.nutshell.reader.find = original  # type: ignore[method-assign]
        one.switch(events_lag_s=0.0)
        [item] = await one.open_items("in_doubt")
        [doubtful] = [i for n in "12" for i in await one.ledger.intents_of("lead", n) if i.state is IntentState.PARKED]
        await one.deliver()
        assert (await one.staged("lead", doubtful.ref.key)).disposition is Disposition.FLAGGED
        word = decision
        if decision == "adopt":
            taken = {(await one.link("lead", n)).dest_id for n in "12" if n != doubtful.ref.key}
            word = f"adopt:{next(row['id'] for row in one.live('contacts') if row['id'] not in taken)}"
        await one.decide(item, word, reopen=Ref("lead", doubtful.ref.key))
        await one.run_dry()
        assert len(one.live("contacts")) == 2
        staged = await one.staged("lead", doubtful.ref.key)
        assert staged.state is RecordState.DONE
        assert staged.disposition is (Disposition.FLAGGED if decision == "waive" else Disposition.CREATED)


async def test_a_replaced_note_that_is_still_there_is_removed() -> None:
    """When the old note comes back beside the new one, exactly the new one is left, removed by an intent of its own."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        old = (await one.link("note", "5")).dest_id
        one.switch(reset_after={"match": "POST /rest/notes", "times": 1})
        await one.stage(note("5", "1", "new"))
        await one.deliver("note")
        one.person("undelete", "notes", old)
        assert bodies(one) == ["new", "old"]
        await one.run_dry()
        assert bodies(one) == ["new"]
        deletes = [intent for intent in await one.ledger.intents_of("note", "5") if intent.op == "delete"]
        assert [intent.state for intent in deletes] == [IntentState.CONFIRMED]


async def test_a_replaced_note_that_a_person_rewrote_stays() -> None:
    """The old note came back and somebody wrote into it: it is theirs and is left, with an item in the queue."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        old = (await one.link("note", "5")).dest_id
        one.switch(reset_after={"match": "POST /rest/notes", "times": 1})
        await one.stage(note("5", "1", "new"))
        await one.deliver("note")
        one.person("undelete", "notes", old)
        one.person("edit", "notes", old, body="head\nby hand")
        await one.run_dry()
        assert bodies(one) == ["by hand", "new"]
        assert len(await one.open_items("conflict")) == 1


async def test_an_update_that_took_effect_keeps_what_people_added_apart() -> None:
    """After an update with a lost answer, addresses that people had added are not taken for ours: dropping ours leaves theirs."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        await one.stage(lead("1", email="a@x.test"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        one.person("edit", "contacts", person, emails=[
            {"name": "email", "value": "a@x.test", "isPrimary": True}, {"name": "own", "value": "theirs@x.test"}])
        one.switch(reset_after={"match": "PATCH /rest/contacts", "times": 1})
        await one.stage(lead("1", email="a@x.test, b@x.test"))
        await one.run_dry()
        await one.stage(lead("1", email="b@x.test"))
        await one.run_dry()
        values = sorted(each["value"] for each in (await one.fields("contacts", person))["emails"])
        assert values == ["b@x.test", "theirs@x.test"]


async def test_an_update_that_may_still_take_effect_is_not_overtaken() -> None:
    """A late update never lands on top of a newer one: nothing is written before it can no longer take effect."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        await one.stage(lead("1", name="First Name"))
        await one.run_dry()
        one.switch(late_commit={"match": "PATCH /rest/contacts", "times": 1, "delay_s": 5.0})
        await one.stage(lead("1", name="Second Name"))
        await one.deliver("lead")
        await one.resolve_doubts()
        await one.stage(lead("1", name="Third Name"))
        await one.run_dry()
        one.clock.account.advance(20.0)
        await one.nutshell.reader.read("contacts", ["1-contacts"], custom=False)
        assert [row["name"] for row in one.live("contacts")] == ["Third Name"]


@pytest.mark.parametrize("number", ["0825550142", ""])
async def test_removing_an_address_is_not_taken_for_done_while_it_is_there(number: str) -> None:
    """An update that takes an address out counts as applied only when it is gone, and a cleared value only when it is empty."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        await one.stage(lead("1", email="a@x.test, b@x.test", number=number))
        await one.run_dry()
        spoil(one, "update", after=0, happens=False)
        await one.stage(lead("1", email="a@x.test"))
        await one.run_dry()
        found = await one.fields("contacts", (await one.link("lead", "1")).dest_id)
        assert [each["value"] for each in found["emails"]] == ["a@x.test"]
        assert not found.get("phones")


async def test_a_record_that_leads_elsewhere_is_not_adopted() -> None:
    """A person who bears our mark of another, copied by hand, stays who they are: the one that was not made is made."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        create = one.nutshell.writer.create

        async def lost(kind: str, fields: Any, **rest: Any) -> str:
            if "p2@x.test" not in str(fields):
                return await create(kind, fields, **rest)
            one.nutshell.writer.create = create  # type: ignore[method-assign]
            raise Uncertain("nobody knows")

        one.nutshell.writer.create = lost  # type: ignore[method-assign, assignment]
        await one.stage(lead("1", name="Tam Twin"), lead("2", name="Tam Twin"))
        await one.deliver("lead")
        [intent] = await one.ledger.open_intents()
        other = (await one.link("lead", "1")).dest_id
        one.person("edit", "contacts", other, customFields={"Streamflow ID": intent.marker})
        assert (await one.fields("contacts", other))["custom:Streamflow ID"] == intent.marker
        await one.run_dry()
        assert len(one.named("Tam Twin")) == 2
        assert (await one.link("lead", "1")).dest_id == other
        assert (await one.link("lead", "2")).dest_id != other


async def test_the_feed_tells_of_older_and_newer_outcomes_at_once() -> None:
    """Of writes that were meant one after the other each is found where it happened, before any quiet time and without a search."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        for key in ("1", "2"):
            await one.nutshell.feed.cursor(fresh=True)
            spoil(one, "create", after=0)
            await one.stage(lead(key))
            await one.deliver("lead")
        assert len({intent.feed_cursor for intent in await one.ledger.open_intents()}) == 2
        assert await one.resolve_doubts() == 0
        assert len({(await one.link("lead", key)).dest_id for key in ("1", "2")}) == 2


@pytest.mark.parametrize(("fields", "carries"), [
    ({"body": "A note\nsf:note:5"}, True),
    ({"body": "A note\n sf:note:5 \n\n"}, True),
    ({"description": "A deal\nsf:note:5"}, True),
    ({"custom:Streamflow ID": "sf:note:5"}, True),
    ({"body": "You wrote:\nsf:note:5\nThat is done."}, False),
    ({"body": "See sf:note:5"}, False),
    ({"body": "A note\nsf:note:51"}, False),
    ({"custom:Streamflow ID": "sf:note:51"}, False),
    ({"body": None}, False),
])
def test_a_mark_is_ours_where_we_put_it(fields: dict[str, Any], carries: bool) -> None:
    """A text that quotes a mark is somebody's own: only the last line, or the field for it, holds ours."""
    assert carries_marker(fields, "sf:note:5") is carries


async def test_the_image_from_before_us_survives_a_lost_answer() -> None:
    """What a matched person held before our first change is in the book, whatever became of the answer to that change."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        row = await one.existing("Nia Okafor", "nia@own.test")
        one.switch(reset_after={"match": "PATCH /rest/contacts", "times": 1})
        await one.stage(lead("1", name="Nia Okafor", email="nia@own.test", number="0825550142"))
        await one.run_dry()
        link = await one.link("lead", "1")
        assert (link.dest_id, link.ours) == (row, False)
        assert link.before is not None
        assert link.before.keys() >= {"phones", "custom:Streamflow ID"}
        assert not any(link.before.values())


def spoil_in_part(one: Rig, *names: str, error: Exception | None = None) -> None:
    """Let the next update carry out only what it says of these fields, and its answer be lost, or be this error."""
    original = one.nutshell.writer.update

    async def halved(kind: str, dest_id: str, changes: dict[str, Any], **rest: Any) -> str:
        one.nutshell.writer.update = original  # type: ignore[method-assign]
        await original(kind, dest_id, {name: value for name, value in changes.items() if name in names}, **rest)
        raise error or Uncertain("nobody knows")

    one.nutshell.writer.update = halved  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("again", [True, False])
async def test_an_update_of_a_matched_person_done_in_part_can_be_undone(again: bool) -> None:
    """Part of the first change took effect and it was given up: what of it is there is known as ours, and goes again."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        row = await one.existing("Nia Okafor", "nia@own.test")
        before = await one.fields("contacts", row)
        spoil_in_part(one, "phones", "emails", "custom:Lead Status")
        await one.stage(lead("1", name="Nia Okafor", email="nia@own.test, n2@x.test", number="0825550142", status="Won", address="1 Loop"))
        await one.deliver("lead")
        one.clock.account.advance(60.0)
        assert await one.resolve_doubts() == 0
        [abandoned] = await one.ledger.intents_of("lead", "1")
        assert abandoned.state is IntentState.ABANDONED
        if again:
            await one.run_dry()
            assert await one.verify() == {"verified": 1}
        link, now = await one.link("lead", "1"), await one.fields("contacts", row)
        meant = unconfirmed(link, await one.ledger.intents_of("lead", "1"))
        step = plan_step(link, now, one.nutshell.reader.compare, foreign=(), meant=meant)
        assert step.action == "restore"
        await one.nutshell.writer.update("contacts", row, step.fields, now=now)
        assert await one.fields("contacts", row) == before


async def test_a_platform_that_goes_away_between_delete_and_create_loses_no_note() -> None:
    """The old note is deleted and the platform stops answering before the new one is made: the run stops, and the note is made later."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        original = one.nutshell.writer.create

        async def away(*args: Any, **kwargs: Any) -> str:
            raise PlatformUnavailable("away")

        one.nutshell.writer.create = away  # type: ignore[method-assign]
        await one.stage(note("5", "1", "new"))
        with pytest.raises(PlatformUnavailable):
            await one.deliver("note")
        assert bodies(one) == []
        one.nutshell.writer.create = original  # type: ignore[method-assign]
        await one.run_dry()
        assert bodies(one) == ["new"]


async def give_back(one: Rig, text: str, *, is_marked: bool = True) -> None:
    """Let a rollback give a note of an earlier run its former text back; how that ended is not known."""
    link = await one.link("note", "5")
    now = await one.fields("notes", link.dest_id)
    if not is_marked:
        now["body"] = now["body"].rpartition("\n")[0].strip()
        one.person("edit", "notes", link.dest_id, body=now["body"])
    former = {"body": now["body"].replace("old", text)}
    theirs = replace(link, ours=False, before=former, phase=ADOPTED)
    await one.ledger.commit([DropLink(ref=link.ref), PutLink(link=theirs)])
    trip: Any = SimpleNamespace(ledger=one.ledger, destination=one.nutshell, clock=one.clock, numbers=one.numbers)
    with pytest.raises(Uncertain):
        await Reversals(trip).carry_out([Step(link=theirs, action="restore", fields=former)], {link.dest_id: now}, "run")


async def test_a_text_given_back_with_a_lost_answer_is_found_and_not_said_again() -> None:
    """A rollback replaces a note and the answer is lost: the new one is found by its marker and stays the earlier run's."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        one.switch(reset_after={"match": "POST /rest/notes", "times": 1})
        one.calls()
        await give_back(one, "former")
        assert await one.resolve_doubts() == 1, "from here on the quiet time counts"
        one.clock.account.advance(60.0)
        assert await one.resolve_doubts() == 0
        assert one.calls().count("POST notes") == 1
        assert bodies(one) == ["former"]
        [row] = one.live("notes")
        link = await one.link("note", "5")
        assert (link.dest_id, link.is_matched, link.is_adopted) == (row["id"], True, True)


@pytest.mark.parametrize("is_marked", [True, False])
async def test_a_text_removed_and_not_given_back_is_told(is_marked: bool) -> None:
    """A rollback removed a note to replace it and no new one is there: a person is told, and no other note is taken for it."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        person = (await one.link("lead", "1")).dest_id
        await one.nutshell.writer.create("notes", {"body": "&nbsp;", "link:parent": person})     # bears no marker either
        spoil(one, "create", after=0, happens=False)
        await give_back(one, "former", is_marked=is_marked)
        gone = (await one.link("note", "5")).dest_id
        assert await one.resolve_doubts() == 1, "from here on the quiet time counts"
        one.clock.account.advance(60.0)
        assert await one.resolve_doubts() == 0
        [item] = await one.ledger.queue(cause="in_doubt")
        assert "given back" in item.reason
        assert (await one.link("note", "5")).dest_id == gone, "its line is not lost"


async def test_a_person_is_found_whom_people_merged_another_into_before_the_outcome_was_known() -> None:
    """The line of the one merged away leads to the record already; it is the one that was meant, and none is made beside it."""
    async with rig() as one:
        await one.stage(lead("1"))
        await one.run_dry()
        lost = (await one.link("lead", "1")).dest_id
        spoil(one, "create", after=0)
        await one.stage(lead("2"))
        await one.deliver("lead")
        [made] = one.named("Person Number2")
        one.person("merge", "contacts", lost, into=made["id"])
        await Vanished(ledger=one.ledger, reader=one.nutshell.reader).look("contacts", [lost])
        await one.run_dry()
        assert [row["id"] for row in one.live("contacts")] == [made["id"]]
        mine, other = await one.link("lead", "2"), await one.link("lead", "1")
        assert (mine.dest_id, mine.ours) == (made["id"], True)
        assert (other.dest_id, other.is_merged) == (made["id"], True)
        assert set(await one.verify()) == {"verified"}


@pytest.mark.parametrize("shown", ["record", "404"])
@pytest.mark.parametrize("deed", ["merge", "delete"])
async def test_who_was_made_and_taken_away_before_the_outcome_was_known_is_not_made_again(deed: str, shown: str) -> None:
    """A person of unknown outcome whom people merge or delete meanwhile is followed as any other; one nobody can tell is asked about."""
    async with rig(switches={"search_lag_s": 5.0, "deleted_get": shown}) as one:
        kept = await one.existing("Nia Okafor", "nia@own.test")
        spoil(one, "create", after=0)
        await one.stage(lead("2", email="two@x.test"), note("5", "2", "for the second"))
        await one.deliver("lead")
        [made] = one.named("Person Number2")
        if deed == "merge":
            one.person("merge", "contacts", made["id"], into=kept)
        else:
            one.person("delete", "contacts", made["id"])
        one.calls()
        one.clock.account.advance(60.0)
        assert await one.resolve_doubts() == 0
        await one.run_dry()
        assert "POST contacts" not in one.calls()
        if shown == "404":
            [item] = await one.ledger.queue(cause="in_doubt")
            assert made["id"] in item.reason
        elif deed == "merge":
            assert (await one.link("lead", "2")).dest_id == kept
            assert [row["links"]["parent"] for row in one.live("notes")] == [kept]
        else:
            assert (await one.link("lead", "2")).dest_id == made["id"]
            assert [each.cause for each in await one.ledger.queue() if each.key == "2"] == ["deleted_at_destination"]


@pytest.mark.parametrize("merged", [False, True])
async def test_a_note_that_people_wrote_over_before_it_was_found_is_not_made_again_unasked(merged: bool) -> None:
    """Its marker is gone with its text, so nobody can tell whether it is the one: it is asked about by its id, its person merged or not."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        kept = await one.existing("Nia Okafor", "nia@own.test")
        await one.stage(lead("1"), note("4", "1", "there before"))
        await one.run_dry()
        spoil(one, "create", after=0)
        await one.stage(note("5", "1", "for the first"))
        await one.deliver("note")
        [made] = [row for row in one.live("notes") if "for the first" in row["body"]]
        one.person("edit", "notes", made["id"], body="Said by somebody else")
        if merged:
            one.person("merge", "contacts", (await one.link("lead", "1")).dest_id, into=kept)
        one.calls()
        one.clock.account.advance(60.0)
        await one.resolve_doubts()
        await one.run_dry()
        [item] = await one.ledger.queue(cause="in_doubt")
        assert (item.key, item.suggested, item.details["others"]) == ("5", "recreate", [made["id"]])
        assert made["id"] in item.reason
        assert one.calls().count("POST notes") == 0
        await one.decide(item.id, f"adopt:{made['id']}" if merged else item.suggested, reopen=Ref("note", "5"))
        await one.run_dry()
        assert one.calls().count("POST notes") == (not merged)
        assert (await one.link("note", "5")).dest_id in {row["id"] for row in one.live("notes")}
        assert [row["body"] for row in one.live("notes") if row["id"] == made["id"]] == ["Said by somebody else"]
        assert await one.ledger.queue(cause="in_doubt") == [], "what is made by then is not suspected anew"


@pytest.mark.parametrize("who", ["person", "program"])
async def test_a_note_that_others_made_holds_up_none_of_ours(who: str) -> None:
    """What people write by hand at the same person, or a program at another one, is no sign that a write which never happened did."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        elsewhere = await one.existing("Nia Okafor", "nia@own.test")
        await one.stage(lead("1"), note("4", "1", "there before"))
        await one.run_dry()
        spoil(one, "create", after=0, happens=False)
        await one.stage(note("5", "1", "for the first"))
        await one.deliver("note")
        parent = (await one.link("lead", "1")).dest_id if who == "person" else elsewhere
        order = {"do": "create", "kind": "notes", "values": {"body": "By somebody", "parent": parent}}
        admin.act(one.site, {"as": PERSON if who == "person" else USER, **order})
        one.calls()
        one.clock.account.advance(60.0)
        await one.resolve_doubts()
        await one.run_dry()
        assert await one.ledger.queue(cause="in_doubt") == []
        assert one.calls().count("POST notes") == 1


async def test_a_note_made_anew_that_people_wrote_over_is_not_made_once_more_unasked() -> None:
    """The old note was deleted, the new one never answered and written over: what the change did not name is known by the line."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        spoil(one, "update", after=0)
        await one.stage(note("5", "1", "new"))
        await one.deliver("note")
        [made] = one.live("notes")
        one.person("edit", "notes", made["id"], body="Said by somebody else")
        one.calls()
        one.clock.account.advance(60.0)
        await one.run_dry()
        [item] = await one.ledger.queue(cause="in_doubt")
        assert (item.suggested, item.details["others"]) == ("recreate", [made["id"]])
        assert "POST notes" not in one.calls()


class Shown:
    """A reader of records that stand still; who is gone has a fate."""

    def __init__(self, records: dict[str, Any], fates: dict[str, str | None]) -> None:
        self.records, self.gone = records, fates

    async def read(self, _: str, dest_ids: Sequence[str], **__: Any) -> dict[str, Any]:
        return {each: self.records[each] for each in dest_ids if each in self.records}

    async def fates(self, _: str, dest_ids: Sequence[str]) -> dict[str, str | None]:
        return {each: self.gone[each] for each in dest_ids if each in self.gone}


@pytest.mark.parametrize(("at", "body", "fates", "named"), [
    (["2-contacts", "3-users"], "By hand", {}, True), (["77-contacts", "3-users"], "By hand", {}, False),
    (["77-contacts", "3-users"], "By hand", {"2-contacts": "77-contacts"}, True),
    (["78-contacts"], "By hand", {"2-contacts": "77-contacts"}, False),
    (["78-contacts"], "By hand", {"2-contacts": None}, True), (["2-contacts"], "Ours\n[sf:lt:call:9]", {}, False),
])  # fmt: skip
async def test_what_may_be_a_write_hangs_on_the_same_person(at: list[str], body: str, fates: dict[str, str | None], named: bool) -> None:
    """Not on the same user, who takes part in many calls; on whom people merged the person into, or anywhere where nothing tells that."""
    fields = {"description": "Ours\n[sf:lt:call:5]", "link:participants": ["2-contacts", "3-users"]}
    intent = Intent(id="1", ref=Ref("call", "5"), op=Op.CREATE, dest_kind="activities", fields=fields, marker="[sf:lt:call:5]")
    shown: Any = Shown({"9-activities": {"description": body, "link:participants": at}}, fates)
    assert await rewritten(shown, intent, fields, {"9-activities"}) == ["9-activities"] * named


MADE = Happening(id="9-events", at=9, action="create", actor="5-origins", kind="notes", ids=("3-notes",))


@pytest.mark.parametrize(("happening", "found"), [
    (MADE, {"3-notes"}), (replace(MADE, actor="1-users"), {"3-notes"}), (replace(MADE, actor="2-users"), {"3-notes"}),
    (replace(MADE, actor="3-users"), set()), (replace(MADE, id="5-events"), set()), (replace(MADE, kind="tasks"), set()),
    (replace(MADE, action="update"), set()),
])  # fmt: skip
def test_what_may_be_a_write_was_made_by_us_since(happening: Happening, found: set[str]) -> None:
    """A program's or ours, made after the write was meant; what other users make is theirs."""
    intent = Intent(
        id="1", ref=Ref("note", "5"), op=Op.CREATE, dest_kind="notes", fields={}, feed_cursor="5-events|2-events", author="2-users",
    )  # fmt: skip
    assert made_meanwhile(intent, [happening], ("1-users", intent.author)) == found


@pytest.mark.parametrize("name", ["Somebody Else", "Person Number2"])
async def test_who_somebody_made_and_removed_is_nobody_of_ours(name: str) -> None:
    """People make and remove somebody while a write is unknown that never happened: it is made; of the same name, it is asked about."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        spoil(one, "create", after=0, happens=False)
        await one.stage(lead("2", email="two@x.test"))
        await one.deliver("lead")
        other = await one.existing(name, "else@own.test")
        one.person("delete", "contacts", other)
        one.calls()
        one.clock.account.advance(60.0)
        assert await one.resolve_doubts() == 0
        await one.run_dry()
        asked = await one.ledger.queue(cause="in_doubt")
        assert one.calls().count("POST contacts") == (name == "Somebody Else")
        assert [other in item.reason for item in asked] == [True] * (name != "Somebody Else")


async def test_a_mark_that_two_records_bear_is_left_to_a_person() -> None:
    """The answer to a create is lost, and somebody makes another of the same name and mark: nobody guesses which of the two was meant."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        spoil(one, "create", after=0)
        await one.stage(lead("2"))
        await one.deliver("lead")
        [made] = one.named("Person Number2")
        other = await one.existing("Person Number2", "else@own.test", customFields={"Streamflow ID": "lt:lead:2"})
        await one.run_dry()
        [item] = await one.ledger.queue(cause="in_doubt")
        assert item.details["doubled"]
        assert made["id"] in item.reason
        assert other in item.reason
        assert await one.ledger.links([Ref("lead", "2")]) == {}


async def test_a_text_made_anew_that_shows_twice_is_left_to_a_person() -> None:
    """The answer to the new note is lost and somebody copies it, mark and all: which of the two is ours nobody guesses."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        one.switch(reset_after={"match": "POST /rest/notes", "times": 1})
        await one.stage(note("5", "1", "new"))
        await one.deliver("note")
        [made] = one.live("notes")
        values = {"body": made["body"], "parent": made["links"]["parent"]}
        admin.act(one.site, {"as": PERSON, "do": "create", "kind": "notes", "values": values})
        await one.run_dry()
        [item] = await one.ledger.queue(cause="in_doubt")
        assert item.details["doubled"]
        assert len(one.live("notes")) == 2


async def test_a_record_that_people_delete_while_a_change_is_unknown_is_not_made_again() -> None:
    """A change that never happened, to a person whom people deleted before that was known: it is asked about, and nobody comes back."""
    async with rig(switches={"search_lag_s": 5.0}) as one:
        await one.stage(lead("1"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        spoil(one, "update", after=0, happens=False)
        await one.stage(lead("1", name="Another Name"))
        await one.deliver()
        one.person("delete", "contacts", person)
        await one.run_dry()
        assert one.live("contacts") == []
        assert [item.details["dest_id"] for item in await one.ledger.queue(cause="deleted_at_destination")] == [person]


@pytest.mark.parametrize("flags", [{}, NO_EDIT], ids=["edited in place", "made anew"])
async def test_a_note_that_people_deleted_while_its_change_was_in_doubt_is_asked_about(flags: dict[str, Any]) -> None:
    """The change never happened, and it is gone by people's hand: that is no half of ours, and nothing is made again unasked."""
    async with rig(switches={"search_lag_s": 5.0}, flags=flags) as one:
        await _moved(one)
        gone = (await one.link("note", "5")).dest_id
        spoil(one, "update", after=0, happens=False)
        await one.stage(note("5", "1", "new"))
        await one.deliver("note")
        one.person("delete", "notes", gone)
        assert await one.resolve_doubts() == 1
        one.clock.account.advance(30.0)
        await one.run_dry()
        assert bodies(one) == []
        assert [item.details["dest_id"] for item in await one.ledger.queue(cause="deleted_at_destination")] == [gone]


async def test_a_removal_that_may_still_happen_is_not_over() -> None:
    """The answer to a delete is lost and the record is still there: no other write is decided on before it can no longer go."""
    async with rig(switches={"search_lag_s": 5.0}, flags=NO_EDIT) as one:
        await _moved(one)
        old = (await one.link("note", "5")).dest_id
        one.switch(reset_after={"match": "POST /rest/notes", "times": 1})
        await one.stage(note("5", "1", "new"))
        await one.deliver("note")
        one.person("undelete", "notes", old)
        assert await one.resolve_doubts() == 0
        spoil(one, "delete", after=0, happens=False)
        spoil(one, "delete_unchanged", after=0, happens=False)
        await one.deliver("note")
        assert bodies(one) == ["new", "old"]
        for _ in range(2):
            assert await one.resolve_doubts() == 1
            one.clock.account.advance(QUIET.late_s / 2 - 1.0)
        await one.run_dry()
        assert bodies(one) == ["new"]


SENT = {"name": "Nia Okafor", "description": "Owns two shops", "emails": [], "link:owner": "3-users", "custom:Streamflow ID": "lt:lead:2"}
ELSE = {"name": "Nia Other", "description": "Sells cars", "link:owner": "3-users"}


@pytest.mark.parametrize(("sent", "gone", "found"), [
    (SENT, {"1-contacts": SENT}, Removed(made="1-contacts")),
    (SENT, {"1-contacts": SENT, "2-contacts": ELSE}, Removed(made="1-contacts")),
    (SENT, {"1-contacts": SENT, "2-contacts": SENT}, Removed(unclear=("1-contacts", "2-contacts"))),
    (SENT, {"1-contacts": ELSE}, Removed()),
    (SENT, {"1-contacts": {**SENT, "name": "Nia Other", "custom:Streamflow ID": ""}}, Removed(unclear=("1-contacts",))),
    (SENT, {"1-contacts": {**ELSE, "custom:Streamflow ID": "lt:lead:2"}}, Removed(made="1-contacts")),
    ({"name": "Nia Okafor"}, {"1-contacts": {"name": "Nia Okafor"}}, Removed(unclear=("1-contacts",))),
], ids=["it", "it and another", "two of them", "another of the same owner", "it with another name", "what bears the mark",
        "a name alone"])
def test_what_was_removed_is_taken_for_ours_only_where_it_is_sure(sent: Fields, gone: Mapping[str, Fields], found: Removed) -> None:
    """Of two that look alike, of one that people changed, and of a name alone nobody can tell: a person is asked."""
    intent = Intent(id="1-1", ref=Ref("lead", "2"), op=Op.CREATE, dest_kind="contacts", fields=sent, marker="lt:lead:2")
    assert judged(intent, gone, compare) == found


def removal(number: int, at: int, actor: str, *ids: str, action: str = "delete") -> Happening:
    return Happening(id=f"{number}-events", at=at, action=action, actor=actor, kind="notes", ids=ids)


@pytest.mark.parametrize(("happenings", "who"), [
    ([], ""),
    ([removal(1, 10, "3-users", "6-notes")], ""),
    ([removal(1, 10, "3-users", "5-notes", action="edit")], ""),
    ([removal(1, 10, "9-origins", "5-notes"), removal(2, 20, "3-users", "6-notes")], "9-origins"),
    ([removal(1, 10, "9-origins", "4-notes", "5-notes"), removal(2, 20, "3-users", "5-notes")], "3-users"),
    ([removal(2, 20, "3-users", "5-notes"), removal(9, 10, "9-origins", "5-notes")], "3-users"),
    ([removal(10, 20, "3-users", "5-notes"), removal(9, 20, "9-origins", "5-notes")], "3-users"),
])
def test_who_removed_a_record_is_who_did_it_last(happenings: list[Happening], who: str) -> None:
    """Of this very record: one that people brought back and removed again is theirs to have removed, however the feed lists it."""
    intent = Intent(id="1-1", ref=Ref("note", "5"), op=Op.UPDATE, dest_kind="notes", fields={}, marker="m", dest_id="5-notes")
    assert removed_by(intent, happenings) == who


@pytest.mark.parametrize(("seq", "lost", "state"), [
    (7, True, IntentState.ABANDONED), (0, True, IntentState.PARKED), (0, False, IntentState.ABANDONED), (7, False, IntentState.ABANDONED),
])
def test_what_no_later_pass_makes_anew_is_told(seq: int, lost: bool, state: IntentState) -> None:
    """A text that was removed to be given back serves no record of the source: a person is told where no new one is there."""
    intent = Intent(id="1-1", ref=Ref("note", "5"), op=Op.UPDATE, dest_kind="notes", fields={}, seq=seq)
    ruling = told_if_lost(intent, Ruling(state=IntentState.ABANDONED, lost=lost, reason="gone"))
    assert (ruling.state, bool(ruling.reason)) == (state, True)


MARKED = Intent(id="i1", ref=Ref("note", "1"), op=Op.CREATE, dest_kind="notes", fields={"body": "A text"}, marker="[m]")


def event(action: str = "create", kind: str = "notes", **payloads: Any) -> Happening:
    return Happening(id="1-events", at=0, action=action, actor="1-users", kind=kind, ids=("6-notes",), payloads=payloads)


def of(text: str, name: str = "body") -> Happening:
    return replace(event(), payloads={"6-notes": {name: text}})


@pytest.mark.parametrize(("happening", "intent", "is_suspect"), [
    (event(), MARKED, True), (event("update"), MARKED, False), (event(kind="tasks"), MARKED, False),
    (of("A text"), MARKED, True), (of("Another"), MARKED, False), (of("Another", "pinned"), MARKED, True),
    (of("Another"), replace(MARKED, fields={"pinned": "yes"}), True),
    (replace(of("A job", "title"), kind="tasks"), replace(MARKED, dest_kind="tasks", fields={"title": "A job"}), True),
    (replace(of("Another", "title"), kind="tasks"), replace(MARKED, dest_kind="tasks", fields={"title": "A job"}), False),
    (replace(of("Another", "description"), kind="leads"), replace(MARKED, dest_kind="leads", fields={"description": "A job"}), False),
    (replace(of("Another", "name"), kind="contacts"), replace(MARKED, dest_kind="contacts", fields={"name": "Nia"}), False),
    (replace(of("Nia", "name"), kind="contacts"), replace(MARKED, dest_kind="contacts", fields={"name": "Nia"}), True),
])  # fmt: skip
def test_only_what_may_be_the_write_is_read_back(happening: Happening, intent: Intent, is_suspect: bool) -> None:
    """What was made of its kind meanwhile, unless the feed shows that it says something else: each one costs a read."""
    compared: set[str] = set()

    def watched(kind: str, *more: Any) -> Any:
        compared.add(kind)
        return compare(kind, *more)

    resolver = DoubtResolver(ledger=None, reader=SimpleNamespace(compare=watched), feed=None, clock=None, quiet=QUIET)  # type: ignore[arg-type]
    assert resolver._suspects(intent, [happening]) == ({"6-notes"} if is_suspect else set())
    assert compared <= {intent.dest_kind}


@pytest.mark.parametrize("waited_s", [0.0, 1e6])
def test_a_removal_is_confirmed_as_soon_as_the_record_is_gone(waited_s: float) -> None:
    """Of just that record; one that is still there may still go, until a late write is over."""
    removing = replace(MARKED, op=Op.DELETE, dest_id="6-notes")
    gone = rule_change(removing, None, (), applied=False, waited_s=waited_s, quiet=QUIET)
    assert gone == Ruling(state=IntentState.CONFIRMED, dest_id="6-notes", reason="the record is gone")
    there = rule_change(removing, {}, (), applied=True, waited_s=waited_s, quiet=QUIET)
    assert there == (Ruling(state=IntentState.ABANDONED, reason="the record is still there") if waited_s else Ruling())


def test_a_ruling_says_why() -> None:
    """Whoever reads the audit learns what was decided by."""
    late = QUIET.decisive_s
    assert rule_create(MARKED, (), waited_s=late, quiet=QUIET).reason == "not there after the quiet time"
    assert rule_create(MARKED, (), waited_s=late, quiet=UNBOUNDED).reason == "no bound for the search lag is known"
    assert rule_create(MARKED, ("6-notes",), waited_s=0.0, quiet=QUIET).reason == "found by its marker"
