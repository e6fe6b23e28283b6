"""What records belong to: parents that move, that are missing, and that a person names; and parts that come and go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamflow.errors import PlatformUnavailable
from streamflow.model import Disposition, RecordState, Ref
from streamflow.stages.load import Loader
from streamflow.store.change import Finish, Reopen, Wake
from tests.stages.rig import call, lead, note, reminder, rig


async def test_a_note_follows_its_lead() -> None:
    """When the source moves a note, call or reminder to another lead, the one on the destination moves, and no copy stays behind."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"), note("5", "1"), call("7", "1"), reminder("8", "1"))
        await one.run_dry()
        await one.stage(note("5", "2"), call("7", "2"), reminder("8", "2"))
        await one.run_dry()
        home = (await one.link("lead", "2")).dest_id
        assert [row["links"]["parent"] for row in one.live("notes")] == [home]
        [activity] = [await one.fields("activities", row["id"]) for row in one.live("activities")]
        assert home in activity["link:participants"]
        assert (await one.link("lead", "1")).dest_id not in activity["link:participants"]
        [task] = [await one.fields("tasks", row["id"]) for row in one.live("tasks")]
        assert task["link:relatedEntity"] == home
        assert await one.verify() == {"verified": 5}


@pytest.mark.parametrize("word", ["", "keep", "take"])
async def test_a_note_that_a_person_rewrote_stays_where_it_is(word: str) -> None:
    """A note that can only be moved by making it anew is left when people rewrote it; "take" moves it with their words."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"), note("5", "1", "ours"))
        await one.run_dry()
        old = (await one.link("note", "5")).dest_id
        one.person("edit", "notes", old, body="rewritten by hand")
        await one.stage(note("5", "2", "ours"))
        await one.run_dry()
        assert [row["id"] for row in one.live("notes")] == [old]
        [item] = await one.open_items("conflict")
        assert old in (await one.ledger.item(item)).reason
        if word:
            await one.decide(item, word, reopen=Ref("note", "5"))
            await one.run_dry()
        [row] = one.live("notes")
        assert row["body"] == "rewritten by hand"
        assert (row["id"] != old) == (word == "take")
        person = (await one.link("lead", "2" if word == "take" else "1")).dest_id
        assert (await one.fields("notes", row["id"]))["link:parent"] == person
        assert not word or not await one.open_items("conflict")


async def test_children_of_nobody_wait_for_a_person() -> None:
    """They are held and flagged; named a home they go there; waived they are done; and all that was read has its disposition."""
    async with rig() as one:
        await one.stage(lead("1"), note("5", "99"), note("6", "99"), note("7", "99"))
        await one.run_dry()
        assert await one.dispositions("note") == {Disposition.FLAGGED: 3}
        assert sorted(await one.open_items("unknown_parent")) == [f"unknown_parent:note:{n}" for n in (5, 6, 7)]
        await one.decide("unknown_parent:note:5", "reparent:lead:1", reopen=Ref("note", "5"))
        await one.decide("unknown_parent:note:6", "waive", reopen=Ref("note", "6"))
        await one.decide("unknown_parent:note:7", "reparent:lead:123", reopen=Ref("note", "7"))
        await one.run_dry()
        assert await one.dispositions("note") == {Disposition.CREATED: 1, Disposition.FLAGGED: 2}
        [row] = one.live("notes")
        assert row["links"]["parent"] == (await one.link("lead", "1")).dest_id
        assert (await one.staged("note", "6")).state is RecordState.DONE
        assert await one.open_items("unknown_parent") == ["unknown_parent:note:7:again"]
        await one.decide("unknown_parent:note:7:again", "reparent:nonsense", reopen=Ref("note", "7"))
        await one.run_dry()
        assert (await one.staged("note", "7")).waiting_on == "lead:99"
        assert await one.open_items("unknown_parent") == ["unknown_parent:note:7:again:again"]


async def test_a_note_without_any_lead_can_be_given_one() -> None:
    """A record of which the map cannot even tell the lead is held, and moves once a person names one."""
    async with rig() as one:
        await one.stage(lead("1"), replace(note("5", ""), parent=None))
        await one.run_dry()
        [item] = await one.open_items("unknown_parent")
        assert (await one.staged("note", "5")).state is RecordState.HELD
        await one.decide(item, "reparent:lead:1", reopen=Ref("note", "5"))
        await one.run_dry()
        assert [row["links"]["parent"] for row in one.live("notes")] == [(await one.link("lead", "1")).dest_id]


async def test_a_note_that_loses_its_lead_is_not_removed() -> None:
    """When the source no longer says whose a note is, the one that was made stays, and a person is asked."""
    async with rig() as one:
        await one.stage(lead("1"), note("5", "1"))
        await one.run_dry()
        await one.stage(replace(note("5", ""), parent=None))
        await one.run_dry()
        assert len(one.live("notes")) == 1
        assert len(await one.open_items("unknown_parent")) == 1


async def test_children_come_when_their_parent_does() -> None:
    """A child read before its parent waits and is woken; the parent is read a pass later."""
    async with rig() as one:
        await one.stage(note("5", "1"))
        await one.stage(lead("1"))
        await one.deliver("note")
        assert not one.live("notes")
        await one.run_dry()
        assert len(one.live("notes")) == 1


async def test_children_read_long_before_their_parent_come_by_themselves() -> None:
    """Whoever was asked about them need not answer any more; the question closes, and stands for itself the next time."""
    async with rig() as one:
        await one.stage(note("5", "1"), note("6", "2"))
        await one.run_dry()
        assert sorted(await one.open_items("unknown_parent")) == ["unknown_parent:note:5", "unknown_parent:note:6"]
        await one.stage(lead("1"))
        await one.run_dry()
        assert [row["links"]["parent"] for row in one.live("notes")] == [(await one.link("lead", "1")).dest_id]
        assert await one.open_items("unknown_parent") == ["unknown_parent:note:6"]
        assert await one.dispositions("note") == {Disposition.CREATED: 1, Disposition.FLAGGED: 1}


async def test_the_question_closes_though_the_first_try_came_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails between planning and writing leaves the question open, and the next try closes it."""
    async with rig() as one:
        await one.stage(note("5", "1"))
        await one.run_dry()
        await one.stage(lead("1"))
        await one.deliver("lead")
        with monkeypatch.context() as patched:
            async def unable(*_: object) -> None:
                raise PlatformUnavailable("the feed is away", platform="nutshell")

            patched.setattr(Loader, "_mean", unable)
            with pytest.raises(BaseException, match=r"feed is away|unhandled errors"):
                await one.deliver("note")
        assert await one.open_items("unknown_parent") == ["unknown_parent:note:5"]
        await one.run_dry()
        assert len(one.live("notes")) == 1
        assert await one.open_items("unknown_parent") == []


async def test_the_question_closes_though_the_parent_was_refused_first() -> None:
    """Whatever it waited for last, a record that is delivered is no longer asked about."""
    async with rig() as one:
        await one.stage(note("5", "1"))
        await one.run_dry()
        await one.stage(lead("1"))
        staged = await one.staged("lead", "1")
        refused = Finish(kind="lead", key="1", seq=staged.seq, disposition=Disposition.FAILED, reason="refused")
        await one.ledger.commit([refused, Wake(on=("lead:1",))])
        await one.deliver("note")
        assert "was not moved" in (await one.staged("note", "5")).reason
        await one.ledger.commit([Reopen(kind="lead", keys=("1",))])
        await one.run_dry()
        assert len(one.live("notes")) == 1
        assert await one.open_items("unknown_parent") == []


async def test_what_waits_for_its_parent_can_still_be_left_out() -> None:
    """A person's word ends the waiting, whenever the parent comes."""
    async with rig() as one:
        await one.stage(note("5", "1"))
        await one.run_dry()
        await one.decide("unknown_parent:note:5", "waive", reopen=Ref("note", "5"))
        await one.stage(lead("1"))
        await one.run_dry()
        assert (await one.staged("note", "5")).state is RecordState.DONE


async def test_a_text_that_becomes_shorter_loses_its_further_parts() -> None:
    """Parts no longer asked for are removed when nobody touched them, and kept with an item when somebody did."""
    async with rig(flags={"note_max_chars": 200}) as one:
        text = " ".join(f"word{n}" for n in range(60))
        await one.stage(lead("1"), note("5", "1", text), note("6", "1", text))
        await one.run_dry()
        before = len(one.live("notes"))
        assert before > 4
        last = max((link for link in await one.ledger.links_of("note", ["6"])), key=lambda link: link.ref.part)
        one.person("edit", "notes", last.dest_id, body="rewritten by hand")
        await one.stage(note("5", "1", "short"), note("6", "1", "short"))
        await one.run_dry()
        assert sorted(link.ref.part for link in await one.ledger.links_of("note", ["5"])) == [""]
        assert len(one.live("notes")) == 3
        assert "rewritten by hand" in {row["body"] for row in one.live("notes")}
        assert len(await one.open_items("conflict")) == 1


async def test_a_reminder_that_is_done_becomes_a_note() -> None:
    """The task goes, the note comes; there is one record of it at the end."""
    async with rig() as one:
        await one.stage(lead("1"), reminder("8", "1", due="2099-01-01 10:00:00"))
        await one.run_dry()
        assert (len(one.live("tasks")), len(one.live("notes"))) == (1, 0)
        await one.stage(reminder("8", "1", due="2099-01-01 10:00:00", done="1"))
        await one.run_dry()
        assert (len(one.live("tasks")), len(one.live("notes"))) == (0, 1)
        assert [link.dest_kind for link in await one.ledger.links_of("reminder", ["8"])] == ["notes"]


async def test_what_people_deleted_comes_back_as_another_kind_only_when_somebody_says_so() -> None:
    """A task that people deleted does not come back as a note when its reminder is done: it is asked about once."""
    async with rig(flags={"note_max_chars": 200}) as one:
        said = {"8": "call", "9": " ".join(f"word{n}" for n in range(60))}
        await one.stage(lead("1"), *(reminder(key, "1", due="2099-01-01 10:00:00", body=text) for key, text in said.items()))
        await one.run_dry()
        for row in one.live("tasks"):
            one.person("delete", "tasks", row["id"])
        texts = len(one.live("notes"))      # what did not fit into the tasks
        for status in ("New", "Won"):       # whatever else comes does not ask anew
            done = [reminder(key, "1", due="2099-01-01 10:00:00", done="1", body=f"{text} {status}") for key, text in said.items()]
            await one.stage(lead("1", status=status), *done)
            await one.run_dry()
            assert (len(one.live("tasks")), len(one.live("notes"))) == (0, texts)
        items = {item.split(":")[2]: item for item in await one.open_items("deleted_at_destination")}
        assert set(items) == {"8", "9"}
        for key, item in items.items():
            await one.decide(item, "recreate", reopen=Ref("reminder", key))
        await one.run_dry()
        links = await one.ledger.links_of("reminder", ["8", "9"])
        assert {link.dest_kind for link in links} == {"notes"}
        assert {row["id"] for row in one.live("notes")} == {link.dest_id for link in links}


async def test_a_deletion_that_somebody_let_stand_is_not_asked_about_as_another_kind() -> None:
    """"keep" for a deleted task holds for the note that its reminder would be by now."""
    async with rig() as one:
        await one.stage(lead("1"), reminder("8", "1", due="2099-01-01 10:00:00"))
        await one.run_dry()
        one.person("delete", "tasks", (await one.link("reminder", "8")).dest_id)
        await one.stage(reminder("8", "1", due="2099-01-02 10:00:00"))
        await one.run_dry()
        [item] = await one.open_items("deleted_at_destination")
        await one.decide(item, "keep", reopen=Ref("reminder", "8"))
        await one.stage(reminder("8", "1", due="2099-01-02 10:00:00", done="1"))
        await one.run_dry()
        assert not one.live("notes") + one.live("tasks")
        assert not await one.open_items("deleted_at_destination")


async def test_an_open_lead_that_is_no_longer_asked_for_stays() -> None:
    """A lead of the destination may carry people's work: when the map's rule no longer asks for it, it is left and told."""
    whole = {"payload_custom_fields": True}      # every value of the lead can be seen to be untouched
    async with rig(switches=whole, flags=whole, unqualified="lead", rule="status is New", stageset="Sales") as one:
        await one.stage(lead("1", status="New"))
        await one.run_dry()
        assert len(one.live("leads")) == 1
        await one.stage(lead("1", status="Contacted"))
        await one.run_dry()
        assert len(one.live("leads")) == 1
        assert len(await one.open_items("conflict")) == 1
