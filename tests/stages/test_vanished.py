"""Records of ours that people merge or delete in the destination: followed, waited for, never rebuilt by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from streamflow.errors import InvariantBroken, StoreError, StreamflowError
from streamflow.migration.undoing import plan_step
from streamflow.model import DestId, Disposition, Link, RecordState, Ref
from streamflow.sandbox.nutshell import admin
from streamflow.stages.gone import MERGED, gone_item, set_aside
from streamflow.stages.vanished import Vanished
from streamflow.store.change import DropLink, PutLink
from tests.stages.rig import PERSON, Rig, call, lead, note, reminder, rig


async def merged(one: Rig, lost: str, survivor: str) -> None:
    """Let somebody merge two people in the web app."""
    one.person("merge", "contacts", lost, into=survivor)


async def actions(one: Rig, kind: str, key: str) -> list[str]:
    """Name what the audit tells of a record."""
    return [row.entry.action for row in await one.ledger.audit_of(kind, key)]


@pytest.mark.parametrize("fresh", ["note", "call", "reminder"])
async def test_a_child_goes_to_the_person_its_parent_was_merged_into(fresh: str) -> None:
    """The destination refuses it under the one that is gone; it is not failed, but made under the one that stayed, in the same run."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"), note("5", "1"))
        await one.run_dry()
        lost, survivor = (await one.link("lead", "1")).dest_id, (await one.link("lead", "2")).dest_id
        await merged(one, lost, survivor)
        await one.stage({"note": note, "call": call, "reminder": reminder}[fresh]("6", "1"), note("7", "1", "another"))
        await one.run_dry()
        assert (await one.staged(fresh, "6")).disposition is Disposition.CREATED
        [made] = [row for row in one.live({"note": "notes", "call": "activities", "reminder": "tasks"}[fresh])
                  if row["id"] == (await one.link(fresh, "6")).dest_id]
        assert survivor in str(made["links"])
        assert lost not in str(made["links"])
        line = await one.link("lead", "1")
        assert (line.dest_id, line.is_merged) == (survivor, True)
        assert "link.moved" in await actions(one, "lead", "1")
        assert not await one.open_items("deleted_at_destination")
        assert not await one.open_items("rejected")
        assert {"verified"} == set(await one.verify())


@pytest.mark.parametrize("editing", ["none", "rpc_24h"])
async def test_a_changed_note_follows_its_person_before_it_counts_as_people_s_work(editing: str) -> None:
    """People merged whom it hangs on, and nobody has looked since: its new text is written, and nobody is asked who moved it."""
    async with rig(flags={"note_edit": editing}) as one:
        await one.stage(lead("1"), lead("2"), note("5", "1", "old"))
        await one.run_dry()
        lost, survivor = (await one.link("lead", "1")).dest_id, (await one.link("lead", "2")).dest_id
        await merged(one, lost, survivor)
        await one.stage(note("5", "1", "new"))
        await one.run_dry()
        assert not await one.open_items("conflict")
        [row] = one.live("notes")
        assert "new" in row["body"]
        assert row["links"]["parent"] == survivor
        assert (await one.link("note", "5")).dest_id == row["id"]


@pytest.mark.parametrize("told", [True, False], ids=["told before", "found by the run"])
@pytest.mark.parametrize("kind", ["note", "call", "reminder"])
async def test_what_the_source_gives_to_another_goes_there_though_its_person_was_merged_meanwhile(kind: str, told: bool) -> None:
    """People merged whom it hung on, and the source by then shows it under somebody else: it goes there, and nobody is asked."""
    make = {"note": note, "call": call, "reminder": reminder}[kind]
    async with rig() as one:
        await one.stage(lead("1"), lead("2"), lead("3"), make("5", "1"))
        await one.run_dry()
        lost, other, survivor = [(await one.link("lead", key)).dest_id for key in "123"]
        await one.stage(make("5", "2"))
        await merged(one, lost, survivor)
        if told:
            await Vanished(ledger=one.ledger, reader=one.nutshell.reader).look("contacts", [lost])
        await one.run_dry()
        [row] = one.live({"note": "notes", "call": "activities", "reminder": "tasks"}[kind])
        assert other in str(row["links"])
        assert survivor not in str(row["links"])
        assert not await one.open_items("conflict")


async def test_a_note_that_was_noted_only_after_its_person_was_followed_goes_where_the_source_says() -> None:
    """The answer to its write came after the merge had been followed, so its line names who is gone: nobody is asked who moved it."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"), lead("3"), note("5", "1"))
        await one.run_dry()
        lost, other, survivor = [(await one.link("lead", key)).dest_id for key in "123"]
        line = await one.link("note", "5")
        await merged(one, lost, survivor)
        await Vanished(ledger=one.ledger, reader=one.nutshell.reader).look("contacts", [lost])
        await one.ledger.commit([PutLink(link=line)])
        await one.stage(note("5", "2"))
        await one.run_dry()
        assert [row["links"]["parent"] for row in one.live("notes")] == [other]
        assert not await one.open_items("conflict")


async def test_what_is_written_to_a_line_while_it_is_looked_whom_it_names_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another batch's answer comes while the destination is asked what became of whom a line names: it is not written over."""
    async with rig() as one:
        await one.stage(lead("1"), lead("3"), note("5", "1"))
        await one.run_dry()
        lost, survivor = [(await one.link("lead", key)).dest_id for key in "13"]
        line, fates = await one.link("note", "5"), one.nutshell.reader.fates
        await merged(one, lost, survivor)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.look("contacts", [lost])
        await one.ledger.commit([PutLink(link=line)])

        async def meanwhile(kind: str, ids: Sequence[DestId]) -> Mapping[DestId, DestId | None]:
            await one.ledger.commit([PutLink(link=replace(line, base={**line.base, "body": "written meanwhile"}))])
            return await fates(kind, ids)

        monkeypatch.setattr(one.nutshell.reader, "fates", meanwhile)
        assert await vanished.follow({line.ref: {lost}})
        now = await one.link("note", "5")
        assert (now.base["body"], now.base["link:parent"]) == ("written meanwhile", survivor)


async def test_a_change_of_the_source_goes_to_the_person_who_stayed() -> None:
    """A number that the source gives the merged lead arrives with the survivor; nobody is made anew, and nothing of theirs goes."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2", number="0825551111"))
        await one.run_dry()
        lost, survivor = (await one.link("lead", "1")).dest_id, (await one.link("lead", "2")).dest_id
        await merged(one, lost, survivor)
        await one.stage(lead("1", number="0825559999"))
        await one.run_dry()
        assert [row["id"] for row in one.live("contacts")] == [survivor]
        fields = await one.fields("contacts", survivor)
        assert len(fields["phones"]) == 2
        assert fields["name"] == "Person Number2"
        assert {each["value"] for each in fields["emails"]} == {"p1@x.test", "p2@x.test"}
        assert not await one.open_items("deleted_at_destination")


async def test_all_leads_of_a_person_follow_them_to_somebody_who_was_there() -> None:
    """Merged into a person of the account's own: theirs stays theirs, what reads the same goes on following the source."""
    async with rig() as one:
        await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test", status="New"))
        await one.stage(lead("2", name="Thandi Mokoena", email="t@x.test"), note("5", "2"))
        await one.run_dry()
        own = await one.existing("Thandi M", "own@x.test", customFields={"Lead Status": "New"})
        lost = (await one.link("lead", "1")).dest_id
        await merged(one, lost, own)
        await one.stage(note("6", "2", "after"), lead("1", name="Thandi Changed", email="t@x.test", status="Won"))
        await one.run_dry()
        lines = [await one.link("lead", key) for key in "12"]
        assert [line.dest_id for line in lines] == [own, own]
        assert [line.is_matched for line in lines] == [True, False]
        fields = await one.fields("contacts", own)
        assert fields["name"] == "Thandi M"
        assert fields["custom:Lead Status"] == "Won"
        assert {row["links"]["parent"] for row in one.live("notes")} == {own}
        assert [row["id"] for row in one.live("contacts")] == [own]
        assert {"verified"} == set(await one.verify())
        told = await one.ledger.setting(f"{MERGED}{lost}")
        assert told == {"kind": "contacts", "into": own, "refs": [["lead", "1", ""], ["lead", "2", ""]]}


async def test_a_deal_that_was_written_while_its_person_is_deleted_is_undone_like_any_other() -> None:
    """The destination shows no deleted person at it: nobody took them out, and a rollback finds no hand of people on the deal."""
    whole = {"payload_custom_fields": True}
    async with rig(switches=whole, flags=whole, unqualified="lead", rule="status is New", stageset="Sales") as one:
        await one.stage(lead("1", status="New"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        one.person("delete", "contacts", person)
        await one.verify()
        await one.stage(lead("1", "Renamed Person", status="New"))
        await one.run_dry()
        deal = await one.link("lead", "1", "lead")
        now = await one.fields("leads", deal.dest_id)
        assert now["description"] == "Renamed Person"
        filled = one.nutshell.writer.fills("leads")
        step = plan_step(deal, now, one.nutshell.reader.compare, foreign=(), gone={person}, filled=filled)
        assert (step.action, step.reason) == ("delete", "")


async def test_a_chain_of_merges_is_followed_to_its_end() -> None:
    """Merged into one who was merged in turn: the line leads to the last; a circle or a deleted end counts as deleted."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"), lead("3"))
        await one.run_dry()
        first, second, third = [(await one.link("lead", key)).dest_id for key in "123"]
        await merged(one, first, second)
        await merged(one, second, third)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        assert await vanished.look("contacts", [first, second, third]) == {first: third, second: third}
        assert {(await one.link("lead", key)).dest_id for key in "123"} == {third}
        one.person("delete", "contacts", third)
        assert await one.nutshell.reader.fates("contacts", [first, third]) == {first: None, third: None}


async def test_a_pending_line_is_verified_against_the_one_who_stayed() -> None:
    """Merged away before it was read back: no difference is told, and what is still ours on the survivor is verified."""
    async with rig() as one:
        await one.stage(lead("1"), note("5", "1"))
        await one.run_dry()
        own = await one.existing("Somebody Else", "own@x.test")
        await merged(one, (await one.link("lead", "1")).dest_id, own)
        await one.verify()
        assert await one.verify() == {"verified": 2}
        assert not await one.open_items()
        assert (await one.link("lead", "1")).dest_id == own


async def test_open_leads_and_companies_are_followed_too() -> None:
    """An open lead merged into another one's is left to it, and told when the source changes it; nothing is made a second time."""
    whole = {"payload_custom_fields": True}
    async with rig(switches=whole, flags=whole, unqualified="lead", rule="status is New", stageset="Sales") as one:
        await one.stage(lead("1", status="New"), lead("2", status="New"))
        await one.run_dry()
        lost, survivor = (await one.link("lead", "1", "lead")).dest_id, (await one.link("lead", "2", "lead")).dest_id
        one.person("merge", "leads", lost, into=survivor)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        assert await vanished.look("leads", [lost]) == {lost: survivor}
        await one.stage(lead("1", "Renamed Person", status="New"))
        await one.run_dry()
        assert len(one.live("leads")) == 1
        assert one.live("leads")[0]["description"] == "Person Number2"
        assert await one.fields("contacts", (await one.link("lead", "1")).dest_id) != {}
        assert len(await one.open_items("conflict")) == 1


@pytest.mark.parametrize("shown", ["record", "404"])
async def test_children_of_a_deleted_person_wait_and_come_when_they_are_back(shown: str) -> None:
    """Parked and flagged, not failed; one question about the person; restored by people, what waited is made there."""
    async with rig(switches={"deleted_get": shown}) as one:
        await one.stage(lead("1"))
        await one.run_dry()
        gone = (await one.link("lead", "1")).dest_id
        one.person("delete", "contacts", gone)
        await one.stage(note("5", "1"), call("7", "1"), reminder("8", "1"))
        await one.run_dry()
        for kind, key in (("note", "5"), ("call", "7"), ("reminder", "8")):
            staged = await one.staged(kind, key)
            assert (staged.state, staged.disposition) == (RecordState.PARKED, Disposition.FLAGGED)
            assert gone in staged.reason
        assert await one.open_items() == [f"gone:lead:1::{gone}"]
        await one.stage(note("6", "1", "later"))
        one.calls()
        await one.run_dry()
        assert not [call for call in one.calls() if call.startswith("POST")], "what is known to be gone is not tried again"
        one.person("undelete", "contacts", gone)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.recall()
        await vanished.returned("contacts", [gone])
        await one.run_dry()
        assert await one.dispositions("note") == {Disposition.CREATED: 2}
        assert {row["links"]["parent"] for row in one.live("notes")} == {gone}
        assert (len(one.live("activities")), len(one.live("tasks"))) == (1, 1)


async def test_what_waits_for_a_deleted_person_goes_on_when_they_are_merged_after_all() -> None:
    """Deleted, brought back and merged into another one before anybody looked: what waited for the first belongs to the second."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"))
        await one.run_dry()
        gone, kept = (await one.link("lead", "1")).dest_id, (await one.link("lead", "2")).dest_id
        one.person("delete", "contacts", gone)
        await one.stage(note("5", "1"))
        await one.run_dry()
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.recall()
        await vanished.returned("contacts", [gone])
        assert (await one.staged("note", "5")).state is RecordState.PARKED, "they are not back yet"
        one.person("undelete", "contacts", gone)
        one.person("merge", "contacts", gone, into=kept)
        await vanished.returned("contacts", [gone])
        await one.run_dry()
        assert [row["links"]["parent"] for row in one.live("notes")] == [kept]


async def test_what_the_source_said_of_a_deleted_person_reaches_them_when_they_are_back() -> None:
    """A change that came while they were away is compared again, and written."""
    async with rig() as one:
        await one.stage(lead("1"))
        await one.run_dry()
        gone = (await one.link("lead", "1")).dest_id
        one.person("delete", "contacts", gone)
        await one.stage(lead("1", name="Renamed Meanwhile"))
        await one.run_dry()
        assert one.live("contacts") == []
        one.person("undelete", "contacts", gone)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.recall()
        await vanished.returned("contacts", [gone])
        await one.run_dry()
        assert [row["name"] for row in one.live("contacts")] == ["Renamed Meanwhile"]


async def test_what_is_only_changed_as_a_whole_waits_for_the_person_it_names() -> None:
    """A change of a call does not take a person out whom people deleted: it waits, and comes when they are back, with them."""
    async with rig() as one:
        await one.stage(lead("1"), call("7", "1", body="first"))
        await one.run_dry()
        gone = (await one.link("lead", "1")).dest_id
        [activity] = one.live("activities")
        assert gone in activity["links"]["participants"]
        one.person("delete", "contacts", gone)
        await one.stage(call("7", "1", body="second"))
        await one.run_dry()
        assert gone in (await one.staged("call", "7")).reason
        assert one.live("activities") == [activity]
        one.person("undelete", "contacts", gone)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.recall()
        await vanished.returned("contacts", [gone])
        await one.run_dry()
        [now] = one.live("activities")
        assert gone in now["links"]["participants"]
        assert "second" in now["description"]


async def test_children_of_a_deleted_person_come_when_they_are_made_again() -> None:
    """What waits for a deleted person goes to the one that somebody had made again."""
    async with rig() as one:
        await one.stage(lead("1"))
        await one.run_dry()
        gone = (await one.link("lead", "1")).dest_id
        one.person("delete", "contacts", gone)
        await one.stage(note("5", "1"))
        await one.run_dry()
        [item] = await one.open_items("deleted_at_destination")
        await one.decide(item, "recreate", reopen=Ref("lead", "1"))
        await one.run_dry()
        [person] = one.live("contacts")
        assert [row["links"]["parent"] for row in one.live("notes")] == [person["id"]] != [gone]


async def test_to_make_it_again_was_said_of_that_loss_alone() -> None:
    """Brought back by people before the answer was carried out, then deleted once more: nothing is made, and somebody is asked anew."""
    async with rig() as one:
        await one.stage(lead("1"))
        await one.run_dry()
        gone = (await one.link("lead", "1")).dest_id
        one.person("delete", "contacts", gone)
        await one.stage(lead("1", "Renamed Person"))
        await one.run_dry()
        [first] = await one.open_items("deleted_at_destination")
        one.person("undelete", "contacts", gone)
        await one.decide(first, "recreate", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert (await one.fields("contacts", gone))["name"] == "Renamed Person"
        assert not await one.open_items("deleted_at_destination")
        one.person("delete", "contacts", gone)
        await one.stage(lead("1", "Renamed Again"))
        await one.run_dry()
        assert not one.live("contacts")
        [second] = await one.open_items("deleted_at_destination")
        await one.verify()
        assert await one.open_items("deleted_at_destination") == [second] != [first]
        await one.decide(second, "recreate", reopen=Ref("lead", "1"))
        await one.run_dry()
        [person] = one.live("contacts")
        assert person["id"] != gone


async def test_what_comes_back_is_ours_as_we_wrote_it() -> None:
    """Read back while it was gone, no value of it is taken for people's: the source's next change of it goes there, and nobody is asked."""
    async with rig() as one:
        await one.stage(lead("1", status="New"))
        await one.run_dry()
        gone = (await one.link("lead", "1")).dest_id
        one.person("delete", "contacts", gone)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.look("contacts", [gone])
        for _ in range(3):
            await one.verify()
        one.person("undelete", "contacts", gone)
        await vanished.returned("contacts", [gone])
        await one.stage(lead("1", status="Won"))
        await one.run_dry()
        assert (await one.fields("contacts", gone))["custom:Lead Status"] == "Won"
        assert not await one.open_items("conflict")


async def made_again(one: Rig, name: str, status: str) -> DestId:
    """Have a lead's person made again who is gone, with what the source says by now; answers the one that is followed then."""
    await one.stage(lead("1", name, email="t@x.test", status=status))
    await one.run_dry()
    [item] = await one.open_items("deleted_at_destination")
    await one.decide(item, "recreate", reopen=Ref("lead", "1"))
    await one.run_dry()
    return (await one.link("lead", "1")).dest_id


@pytest.mark.parametrize("again", [False, True], ids=["back once", "back twice"])
async def test_what_was_there_before_us_is_as_we_wrote_it_when_it_is_back_after_another_was_made(again: bool) -> None:
    """A person of theirs, read back while gone and made again, comes back instead: what the source says goes there, nobody is asked."""
    async with rig() as one:
        there = await one.existing("Thandi Mokoena", "t@x.test")
        await one.stage(lead("1", "Thandi Mokoena", email="t@x.test", status="New"))
        await one.run_dry()
        assert ((await one.link("lead", "1")).dest_id, (await one.link("lead", "1")).is_matched) == (there, True)
        one.person("delete", "contacts", there)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.look("contacts", [there])
        for _ in range(3):
            await one.verify()
        made = await made_again(one, "Thandi Mokoena", "Hot")
        assert made != there
        one.person("undelete", "contacts", there)
        one.person("delete", "contacts", made)
        assert await made_again(one, "Thandi Mokoena", "Won") == there
        if again:
            one.person("delete", "contacts", there)
            await vanished.look("contacts", [there])
            one.person("undelete", "contacts", there)
            await vanished.returned("contacts", [there])
            await one.stage(lead("1", "Thandi Mokoena", email="t@x.test", status="Lost"))
            await one.run_dry()
        assert (await one.fields("contacts", there))["custom:Lead Status"] == ("Lost" if again else "Won")
        assert not await one.open_items("conflict")


async def test_a_part_that_the_source_dropped_and_people_brought_back_is_not_made_beside_itself() -> None:
    """A note became shorter and its second part was removed; people take that out of the trash, and the text grows again: there are two."""
    async with rig(flags={"note_max_chars": 200}) as one:
        await one.stage(lead("1"), note("5", "1", "word " * 40))
        await one.run_dry()
        second = (await one.link("note", "5", "2/2")).dest_id
        await one.stage(note("5", "1", "word"))
        await one.run_dry()
        assert [row["id"] for row in one.live("notes")] == [(await one.link("note", "5")).dest_id]
        one.person("undelete", "notes", second)
        await one.stage(note("5", "1", "word " * 40))
        await one.run_dry()
        assert (await one.link("note", "5", "2/2")).dest_id == second
        assert len(one.live("notes")) == 2


async def test_who_was_merged_into_one_that_was_gone_too_is_followed_when_that_one_is_back() -> None:
    """Merged, and the other one deleted before anybody looked, both are gone; once that one is back, both leads are that person."""
    async with rig() as one:
        await one.stage(lead("1", "Ada Petrov", status="New"), lead("2", "Max Osei", status="New"))
        await one.run_dry()
        lost, kept = [(await one.link("lead", key)).dest_id for key in "12"]
        one.person("merge", "contacts", lost, into=kept)
        one.person("delete", "contacts", kept)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.look("contacts", [lost, kept])
        assert vanished.gone == {lost, kept}
        one.person("undelete", "contacts", kept)
        await vanished.returned("contacts", [kept])
        assert [(await one.link("lead", key)).dest_id for key in "12"] == [kept, kept]
        assert not vanished.gone


async def test_what_hung_on_a_deleted_person_goes_to_the_one_made_again() -> None:
    """Whatever was made before the loss follows, also what a person gave that lead by hand and its open lead; nothing is there twice."""
    whole = {"payload_custom_fields": True}
    async with rig(switches=whole, flags=whole, unqualified="lead", rule="status is New", stageset="Sales") as one:
        await one.stage(lead("1", status="New"), note("5", "1"), call("7", "1"), reminder("8", "1"), note("9", "99", "A stray"))
        await one.deliver()
        await one.run_dry()
        [stray] = await one.open_items("unknown_parent")
        await one.decide(stray, "reparent:lead:1", reopen=Ref("note", "9"))
        await one.run_dry()
        gone = (await one.link("lead", "1")).dest_id
        one.person("delete", "contacts", gone)
        await one.stage(lead("1", "Renamed Person", status="New"))
        await one.run_dry()
        [item] = await one.open_items("deleted_at_destination")
        await one.decide(item, "recreate", reopen=Ref("lead", "1"))
        await one.run_dry()
        [person] = one.live("contacts")
        assert person["id"] != gone
        rows = {table: one.live(table) for table in ("notes", "activities", "tasks", "leads")}
        assert {table: len(found) for table, found in rows.items()} == {"notes": 2, "activities": 1, "tasks": 1, "leads": 1}
        for table, found in rows.items():
            for row in found:
                assert person["id"] in str(await one.fields(table, str(row["id"]))), row
                assert gone not in str(await one.fields(table, str(row["id"]))), row
        assert set(await one.verify()) == {"verified"}


@pytest.mark.parametrize("kind", ["note", "call", "reminder"])
async def test_a_child_does_not_move_to_a_deleted_person(kind: str) -> None:
    """The source gives it to somebody whom people deleted: it waits, is not offered for ever, and moves when that person is back."""
    make = {"note": note, "call": call, "reminder": reminder}[kind]
    async with rig() as one:
        await one.stage(lead("1"), lead("2"), make("5", "1"))
        await one.run_dry()
        gone = (await one.link("lead", "2")).dest_id
        one.person("delete", "contacts", gone)
        await one.stage(make("6", "2"))      # by which the loss is found out
        await one.run_dry()
        await one.stage(make("5", "2"))
        one.calls()
        await one.run_dry()
        assert not [made for made in one.calls() if made.startswith(("POST", "PATCH", "DELETE"))]
        staged = await one.staged(kind, "5")
        assert (staged.state, staged.disposition) == (RecordState.PARKED, Disposition.FLAGGED)
        assert gone in staged.reason
        one.person("undelete", "contacts", gone)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.recall()
        await vanished.returned("contacts", [gone])
        await one.run_dry()
        table = {"note": "notes", "call": "activities", "reminder": "tasks"}[kind]
        assert all(gone in str(row["links"]) for row in one.live(table))
        assert len(one.live(table)) == 2


async def test_a_note_follows_its_person_though_nobody_leads_there_any_more() -> None:
    """Two people are merged just before what led to both was undone: their notes read back right, and nobody is asked about them."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"), note("5", "1"))
        await one.run_dry()
        lost, survivor = (await one.link("lead", "1")).dest_id, (await one.link("lead", "2")).dest_id
        await merged(one, lost, survivor)
        await one.ledger.commit([DropLink(ref=Ref("lead", key)) for key in ("1", "2")])
        assert await one.verify() == {"verified": 1}
        assert (await one.link("note", "5")).verified == "verified"
        assert (await one.link("note", "5")).base["link:parent"] == survivor
        assert not await one.open_items("read_back_differs")


async def test_what_a_person_was_tied_to_before_us_is_known_by_who_it_was_merged_into() -> None:
    """A company of the account's own is merged into another: what the image before us names is that one, which is nothing of ours."""
    async with rig() as one:
        person = await one.existing("Thandi Mokoena", "own@x.test")
        acme, zed = (
            str(admin.act(one.site, {"as": PERSON, "do": "create", "kind": "accounts", "values": {"name": name}})["record"]["id"])
            for name in ("Acme", "Zed")
        )
        tied = {"link:accounts": [acme]}
        await one.ledger.commit([
            PutLink(link=Link(ref=Ref("company", "acme"), dest_kind="accounts", dest_id=acme, base={}, ours=False, before={})),
            PutLink(link=Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id=person, base={}, ours=False, before=tied)),
        ])
        one.person("merge", "accounts", acme, into=zed)
        assert await Vanished(ledger=one.ledger, reader=one.nutshell.reader).look("accounts", [acme]) == {acme: zed}
        assert (await one.link("lead", "1")).before == {"link:accounts": [zed]}


@pytest.mark.parametrize("trouble", [StoreError("the disk is full"), InvariantBroken("two changes contradict each other")])
async def test_a_merge_that_cannot_be_kept_ends_the_run(trouble: StreamflowError, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is looked into, and what it comes from cannot be noted: that is told, and not taken for a refusal of the record."""
    async with rig() as one:
        await one.stage(lead("1"), lead("2"))
        await one.run_dry()
        lost, survivor = (await one.link("lead", "1")).dest_id, (await one.link("lead", "2")).dest_id
        await merged(one, lost, survivor)
        await one.stage(note("6", "1"))

        async def fails(*_: object) -> None:
            raise trouble

        with monkeypatch.context() as patch:
            patch.setattr(Vanished, "_relink", fails)
            with pytest.raises(type(trouble), match=trouble.message):
                await one.run_dry()
        assert not await one.open_items("rejected")
        await one.run_dry()
        assert (await one.staged("note", "6")).disposition is Disposition.CREATED


@pytest.mark.parametrize(("part", "kept_under", "is_found"), [
    ("", "~tasks", True), ("text", "text~tasks", True), ("text:2/3", "text~tasks", True), ("2/3", "~tasks", True),
    ("text", "other~tasks", False), ("text", "text~notes", False), ("text", "text", False),
])
def test_what_a_part_was_as_another_kind_is_known_by_its_first_part(part: str, kept_under: str, is_found: bool) -> None:
    """A reminder that was done is an activity now: what it was as a task stands beside it, under the name of the part it began with."""
    was = Link(ref=Ref("reminder", "1", kept_under), dest_kind="tasks", dest_id="5-tasks", base={}, ours=True)
    assert set_aside(part, {kept_under: was}) == (was if is_found else None)


def test_what_people_removed_is_asked_about() -> None:
    """To keep it so is suggested, to make it again is offered; it says which record it is about, and why it is asked."""
    line = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", base={}, ours=True)
    item = gone_item(line, "gone:lead:1::5-contacts")
    assert (item.kind, item.key, item.details, item.decisions, item.suggested) == (
        "lead", "1", {"dest_id": "5-contacts"}, ("keep", "recreate"), "keep",
    )
    assert "5-contacts was deleted" in item.reason
    assert gone_item(line, "gone:lead:1::5-contacts", "it is there again").reason == "it is there again"
