"""Reading back: what counts as different, whose change it was, and what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamflow.model import ADOPTED, Disposition, Ref
from streamflow.stages import verify
from streamflow.stages.verify import is_sweep_cheaper
from streamflow.store.change import PutLink
from streamflow.store.memory import MemoryLedger
from tests.stages.rig import call, lead, note, reminder, rig


async def test_a_value_that_was_not_kept_is_a_difference_until_somebody_accepts_it() -> None:
    """What the destination lost counts as different, is asked about once, and stays so until it is accepted."""
    async with rig() as one:
        await one.stage(lead("1", status="Contacted"))
        await one.run_dry()
        row = (await one.link("lead", "1")).dest_id
        record = one.site.state.edit("contacts", row)
        record["customFields"] = {name: "spoilt" if value == "Contacted" else value for name, value in record["customFields"].items()}
        one.site.state.save(record, one.site.system)
        assert await one.verify() == {"differs": 1}
        assert await one.verify() == {"differs": 1}
        [item] = await one.open_items("read_back_differs")
        await one.decide(item, "accept")
        assert await one.verify() == {"verified": 1}
        assert not await one.ledger.checks(verdicts=("differs",))


async def test_every_fault_is_asked_about_and_an_answer_to_the_last_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many differ, one look asks about all of them, and those without an answer never keep one that is answered waiting."""
    monkeypatch.setattr(verify, "READ_AT_ONCE", 3)
    monkeypatch.setattr(verify, "AGAIN_AT_MOST", 2)
    async with rig() as one:
        await one.stage(*(lead(str(n), status="Contacted") for n in range(1, 9)))
        await one.run_dry()
        for dest_id in [(await one.link("lead", str(n))).dest_id for n in range(1, 9)]:
            record = one.site.state.edit("contacts", dest_id)
            record["customFields"] = {name: "spoilt" if value == "Contacted" else value for name, value in record["customFields"].items()}
            one.site.state.save(record, one.site.system)
        assert await one.verify() == {"differs": 8}
        items = await one.open_items("read_back_differs")
        assert len(items) == 8
        await one.decide(items[-1], "accept")
        assert await one.verify() == {"differs": 7, "verified": 1}


async def test_those_asked_about_are_looked_at_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that was mended in the destination is seen after some looks, though many before it stay as they are."""
    monkeypatch.setattr(verify, "AGAIN_AT_MOST", 2)
    async with rig() as one:
        await one.stage(*(lead(str(n), status="Contacted") for n in range(1, 8)))
        await one.run_dry()
        ids = [(await one.link("lead", str(n))).dest_id for n in range(1, 8)]
        right = {dest_id: dict(one.site.state.edit("contacts", dest_id)["customFields"]) for dest_id in ids}
        for dest_id in ids:
            record = one.site.state.edit("contacts", dest_id)
            record["customFields"] = {name: value for name, value in record["customFields"].items() if value != "Contacted"}
            one.site.state.save(record, one.site.system)
        engine = await one.engine()
        assert await engine.verifier.settle("contacts") == {"differs": 7, "verified": 0}
        for dest_id in ids[2:]:
            one.site.state.save({**one.site.state.edit("contacts", dest_id), "customFields": right[dest_id]}, one.site.system)
        left = []
        for _ in range(4):
            await engine.verifier.settle("contacts")
            left.append(len(await one.ledger.differing("contacts", limit=9)))
        assert left == [7, 5, 3, 2]


async def test_a_person_s_edit_before_the_read_back_is_theirs() -> None:
    """A field changed by a person between write and read-back does not stand in the way, and is never written over."""
    async with rig() as one:
        await one.stage(lead("1", status="New"), lead("2"))
        await one.run_dry()
        row = (await one.link("lead", "1")).dest_id
        one.person("edit", "contacts", row, customFields={"Lead Status": "Hot"})
        assert await one.verify() == {"verified": 2}
        assert not await one.open_items()
        await one.stage(lead("1", status="New", source="Website"))
        await one.run_dry()
        found = await one.fields("contacts", row)
        assert (found["custom:Lead Status"], found["custom:Lead Source"]) == ("Hot", "Website")
        await one.stage(lead("1", status="Quoted", source="Website"))
        await one.run_dry()
        assert len(await one.open_items("conflict")) == 1
        assert (await one.fields("contacts", row))["custom:Lead Status"] == "Hot"


async def test_a_person_s_edit_before_our_last_write_of_something_else_is_theirs() -> None:
    """A person changed one field, then the source another, both before anything was read back: no fault, and theirs stays."""
    async with rig() as one:
        await one.stage(lead("1", status="New"))
        await one.run_dry()
        row = (await one.link("lead", "1")).dest_id
        one.person("edit", "contacts", row, customFields={"Lead Status": "Hot"})
        one.clock.account.advance(60.0)
        await one.stage(lead("1", status="New", number="0825550142"))
        await one.run_dry()
        assert await one.verify() == {"verified": 1}
        assert not await one.open_items()
        assert (await one.fields("contacts", row))["custom:Lead Status"] == "Hot"


async def test_a_person_who_was_there_before_our_write_excuses_no_fault() -> None:
    """A value of ours that got lost is a fault, though somebody had changed another field of the record before it was written."""
    async with rig() as one:
        await one.stage(lead("1", status="New"))
        await one.run_dry()
        row = (await one.link("lead", "1")).dest_id
        one.person("edit", "contacts", row, jobTitle="Boss")
        one.clock.account.advance(60.0)
        await one.stage(lead("1", status="Won"))
        await one.run_dry()
        record = one.site.state.edit("contacts", row)
        record["customFields"] = {name: "spoilt" if value == "Won" else value for name, value in record["customFields"].items()}
        one.site.state.save(record, one.site.system)
        assert await one.verify() == {"differs": 1}
        assert len(await one.open_items("read_back_differs")) == 1


async def test_the_owner_s_own_edit_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns a record is not taken for us where we write as a program; one walk through the feed serves all that differ."""
    async with rig() as one:
        await one.stage(*(lead(str(n), status="New", userid="87") for n in range(1, 5)))
        await one.run_dry()
        for number in range(1, 5):
            one.person("edit", "contacts", (await one.link("lead", str(number))).dest_id, customFields={"Lead Status": "Hot"})
        walks = 0
        portions = one.nutshell.feed.portions

        def counted(cursor: str) -> object:
            nonlocal walks
            walks += 1
            return portions(cursor)

        monkeypatch.setattr(one.nutshell.feed, "portions", counted)
        assert await one.verify() == {"verified": 4}
        assert not await one.open_items()
        assert walks == 1


async def test_a_task_that_people_changed_after_it_was_found_right_is_theirs() -> None:
    """No feed tells of tasks; but what was read back as it should be and reads otherwise later was changed by people."""
    async with rig() as one:
        await one.stage(lead("1"), reminder("3", "1", note="Call back"))
        await one.run_dry()
        assert await one.verify() == {"verified": 2}
        one.person("edit", "tasks", (await one.link("reminder", "3")).dest_id, title="Ring them")
        await one.stage(reminder("3", "1", note="Call back", due="2026-05-16 10:00:00"))
        await one.run_dry()
        assert await one.verify() == {"verified": 2}
        assert not await one.open_items()
        fields = await one.fields("tasks", (await one.link("reminder", "3")).dest_id)
        assert (fields["title"], fields["dueTime"]) == ("Ring them", 1778918400)


async def test_a_record_of_an_earlier_run_that_people_change_is_no_fault() -> None:
    """This run wrote nothing there, it only compared: whatever reads otherwise afterwards is somebody else's doing."""
    async with rig() as one:
        await one.stage(lead("1", status="New"))
        await one.run_dry()
        first = await one.link("lead", "1")
        one.ledger = MemoryLedger(clock=one.clock)
        adopted = replace(first, base={}, ours=False, before={}, verified="verified", phase=ADOPTED)
        await one.ledger.commit([PutLink(link=adopted)])
        await one.stage(lead("1", status="New"))
        await one.run_dry()
        assert len(one.live("contacts")) == 1
        assert (await one.link("lead", "1")).base["custom:Lead Status"] == "New"
        one.person("edit", "contacts", first.dest_id, customFields={"Lead Status": "Hot"})
        assert await one.verify() == {"verified": 1}
        assert not await one.open_items()


async def test_what_a_person_adds_is_no_difference_and_stays() -> None:
    """A second address beside ours is verified as it is; one of ours that a person took out stays out."""
    async with rig() as one:
        await one.stage(lead("1", email="a@x.test, b@x.test"))
        await one.run_dry()
        row = (await one.link("lead", "1")).dest_id
        one.person("edit", "contacts", row, emails=[
            {"name": "email", "value": "a@x.test", "isPrimary": True}, {"name": "own", "value": "theirs@x.test"}])
        assert await one.verify() == {"verified": 1}
        await one.stage(lead("1", email="a@x.test, b@x.test, c@x.test"))
        await one.run_dry()
        values = sorted(each["value"] for each in (await one.fields("contacts", row))["emails"])
        assert values == ["a@x.test", "c@x.test", "theirs@x.test"]
        assert await one.verify() == {"verified": 1}


async def test_a_record_that_a_person_deleted_is_told_and_does_not_block() -> None:
    """A note removed by a person before the read-back is in the queue, with the choice to make it again, which works."""
    async with rig(switches={"events_include_deletes": True}) as one:
        await one.stage(lead("1"), note("5", "1"))
        await one.run_dry()
        one.person("delete", "notes", (await one.link("note", "5")).dest_id)
        link = await one.link("note", "5")
        await one.ledger.commit([PutLink(link=replace(link, verified="pending"))])
        assert "differs" not in await one.verify()
        [item] = await one.open_items("deleted_at_destination")
        await one.decide(item, "recreate", reopen=Ref("note", "5"))
        await one.run_dry()
        assert len(one.live("notes")) == 1
        assert await one.dispositions("note") == {Disposition.CREATED: 1}
        assert await one.verify() == {"verified": 2}


@pytest.mark.parametrize("deed", ["delete", "edit"])
async def test_whom_people_deleted_is_missed_in_nobody_s_list(deed: str) -> None:
    """A call that names somebody deleted since reads back as it was written; a list that people changed is theirs from then on."""
    async with rig() as one:
        await one.stage(lead("1"), call("7", "1"))
        await one.run_dry()
        person, link = (await one.link("lead", "1")).dest_id, await one.link("call", "7")
        if deed == "delete":
            one.person("delete", "contacts", person)
        else:
            one.person("edit", "activities", link.dest_id, links={"participants": []})
        await one.ledger.commit([PutLink(link=replace(link, verified="pending"))])
        assert "differs" not in await one.verify()
        assert await one.open_items() == ([f"gone:lead:1::{person}"] if deed == "delete" else [])
        assert ("kept:link:participants" in (await one.link("call", "7")).base) is (deed == "edit")


async def test_a_few_pending_links_cost_a_call_each_and_not_a_sweep() -> None:
    """After a small change of a large account only the changed records are read; many pending ones are paged through."""
    async with rig(batch_size=100) as one:
        await one.stage(*(lead(str(n)) for n in range(60)))
        await one.run_dry()
        one.calls()
        await one.verify()
        swept = one.calls()
        assert "POST rpc findContacts" in swept
        assert len(swept) <= 12, swept
        await one.stage(lead("3", name="Changed Name"))
        await one.run_dry()
        one.calls()
        assert await one.verify() == {"verified": 60}
        few = one.calls()
        assert "POST rpc findContacts" not in few
        assert len(few) <= 4, few


def test_the_sweep_pays_only_for_many() -> None:
    """A sweep costs by the size of the account, single reads by what is pending."""
    assert is_sweep_cheaper(60, 60)
    assert not is_sweep_cheaper(3, 60)
    assert not is_sweep_cheaper(1_000, 100_000)
    assert is_sweep_cheaper(5_000, 100_000)


async def test_settling_ends_whatever_stays_pending() -> None:
    """A link that stays pending however often it is read is looked at once a time, and does not hold up anything."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"))
        await one.run_dry()
        engine = await one.engine()
        original = one.ledger.commit

        async def forgetful(changes: object) -> None:
            del changes

        one.ledger.commit = forgetful  # type: ignore[method-assign]
        result = await engine.verifier.settle("contacts")
        one.ledger.commit = original  # type: ignore[method-assign]
        assert sum(result.values()) == 2


async def test_calls_per_record_stay_low() -> None:
    """Moving and reading back a hundred people with a note each costs at most 1.15 calls a record; looks at the feed go by time."""
    async with rig(batch_size=50) as one:
        await one.stage(*(lead(str(n)) for n in range(100)), *(note(str(n), str(n)) for n in range(100)))
        one.calls()
        await one.run_dry()
        await one.verify()
        assert len([call for call in one.calls() if not call.startswith("GET events")]) <= 1.15 * 200


async def test_a_primary_address_that_a_person_chose_is_no_difference() -> None:
    """They replace the address, the source changes its own: ours is added behind theirs and reads back right."""
    async with rig() as one:
        await one.stage(lead("1", email="a@x.test"))
        await one.run_dry()
        dest_id = (await one.link("lead", "1")).dest_id
        one.person("edit", "contacts", dest_id, emails=[{"name": "work", "value": "new@x.test", "isPrimary": True}])
        one.clock.account.advance(60.0)      # the feed's position before our write is after theirs
        await one.stage(lead("1", email="b@x.test"))
        await one.run_dry()
        assert [(each["value"], each["isPrimary"]) for each in (await one.fields("contacts", dest_id))["emails"]] == [
            ("new@x.test", True), ("b@x.test", False),
        ]
        assert await one.verify() == {"verified": 1}
        assert await one.verify() == {"verified": 1}
        assert "emails" in (await one.link("lead", "1")).base, "ours is still verified"
        assert not await one.open_items("read_back_differs")
