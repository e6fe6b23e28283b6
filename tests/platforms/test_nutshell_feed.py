"""The feed: without gaps, whichever end the server cuts; deletions merged in."""

from __future__ import annotations

import gc

import pytest

from streamflow.model import DestId
from streamflow.platforms.destination import HUNG, Happening
from streamflow.platforms.nutshell.dialect import events
from streamflow.platforms.nutshell.listing import AGAIN_S
from streamflow.sandbox.nutshell.admin import act
from streamflow.sandbox.nutshell.customfields import add_definition

from .nutshell_rig import ADMIN, rig


@pytest.mark.parametrize("cut", ["newest", "oldest"])
@pytest.mark.parametrize("page", [100, 7])
async def test_no_event_is_missed_or_told_twice(cut: str, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything after the cursor comes once, oldest first, and the next question brings nothing."""
    monkeypatch.setattr("streamflow.platforms.nutshell.feed.PAGE", page)
    monkeypatch.setattr("streamflow.platforms.nutshell.feed.SURELY_WHOLE", min(page, events.SURELY_WHOLE))
    async with rig(switches={"events_cut": cut}) as made:
        feed, writer = made.nutshell.feed, made.nutshell.writer
        await writer.create("contacts", {"name": "before"})
        cursor = await feed.cursor()
        assert await feed.since(cursor) == ([], cursor)
        ids = [await writer.create("contacts", {"name": f"P {n}"}) for n in range(55)]
        told, after = await feed.since(cursor)
        assert [event.ids[0] for event in told] == ids
        assert told[0].payloads[ids[0]]["name"] == "P 0"
        assert {event.action for event in told} == {"create"}
        assert await feed.since(after) == ([], after)
        more = await writer.create("notes", {"body": "x", "link:parent": ids[0]})
        told, _ = await feed.since(after)
        assert [event.ids for event in told] == [(more,)]
        assert told[0].payloads[more].items() >= {"body": "x", "link:parent": ids[0]}.items()


@pytest.mark.parametrize("cut", ["newest", "oldest"])
async def test_a_long_absence_is_told_in_portions(cut: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events there are, few are held at a time; the portions are in order, and each goes on from the position before it."""
    for name, value in (("PAGE", 7), ("SURELY_WHOLE", 7), ("HELD_PAGES", 2)):
        monkeypatch.setattr(f"streamflow.platforms.nutshell.feed.{name}", value)
    async with rig(switches={"events_cut": cut}) as made:
        feed, writer = made.nutshell.feed, made.nutshell.writer
        await writer.create("contacts", {"name": "before"})
        begin = await feed.cursor()
        ids = [await writer.create("contacts", {"name": f"P {n}"}) for n in range(100)]
        await writer.delete("contacts", ids[3])
        told: list[tuple[str, DestId]] = []
        cursors, most = [begin], 0
        gc.freeze()     # what was there before is not looked through at every portion
        try:
            async for portion, cursor in feed.portions(begin):
                assert len(portion) <= 8
                told += [(event.action, each) for event in portion for each in event.ids]
                cursors.append(cursor)
                most = max(most, sum(isinstance(each, Happening) for each in gc.get_objects()))
        finally:
            gc.unfreeze()
        assert [each for action, each in told if action == "create"] == ids
        assert [each for action, each in told if action == "delete"] == [ids[3]]
        assert most <= 7 * 6
        later, after = await feed.since(cursors[len(cursors) // 2])
        assert (told[-1][1], after) == (later[-1].ids[0], cursors[-1])
        assert 0 < len(later) < 100


@pytest.mark.parametrize("included", [False, True])
async def test_deletions_are_told_once(included: bool) -> None:
    """A deletion shows whether it is in the main feed, in the feed of deletions, or in both."""
    async with rig(switches={"events_include_deletes": included}) as made:
        contact = await made.nutshell.writer.create("contacts", {"name": "P"})
        cursor = await made.nutshell.feed.cursor()
        await made.nutshell.writer.delete("contacts", contact)
        told, after = await made.nutshell.feed.since(cursor)
        assert [(event.action, event.ids) for event in told] == [("delete", (contact,))]
        assert await made.nutshell.feed.since(after) == ([], after)


@pytest.mark.parametrize("page", [100, 7])
async def test_no_deletion_is_missed(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More deletions than one answer holds all come, once, and the next question brings nothing."""
    monkeypatch.setattr("streamflow.platforms.nutshell.feed.PAGE", page)
    monkeypatch.setattr("streamflow.platforms.nutshell.feed.SURELY_WHOLE", min(page, events.SURELY_WHOLE))
    async with rig() as made:
        ids = [await made.nutshell.writer.create("contacts", {"name": f"P {n}"}) for n in range(40)]
        cursor = await made.nutshell.feed.cursor()
        for dest_id in ids:
            await made.nutshell.writer.delete("contacts", dest_id)
        told, after = await made.nutshell.feed.since(cursor)
        assert [event.ids[0] for event in told] == ids
        assert await made.nutshell.feed.since(after) == ([], after)


async def test_the_feed_of_an_empty_account_starts_at_nothing() -> None:
    """Without any event there is still a cursor, and what comes later is told."""
    async with rig(existing={"accounts": 0, "contacts": 0, "leads": 0}) as made:
        cursor = await made.nutshell.feed.cursor()
        contact = await made.nutshell.writer.create("contacts", {"name": "P"})
        told, _ = await made.nutshell.feed.since(cursor)
        assert [event.ids for event in told] == [(contact,)]


async def test_who_did_it_is_told() -> None:
    """Our own writes show the key's origin or the impersonated user; a person's edit shows the person."""
    async with rig() as made:
        contact = await made.nutshell.writer.create("contacts", {"name": "P"})
        cursor = await made.nutshell.feed.cursor()
        act(made.site, {"as": ADMIN, "do": "edit", "kind": "contacts", "id": contact, "values": {"description": "by hand"}})
        told, _ = await made.nutshell.feed.since(cursor)
        person = made.site.user_by_email(ADMIN)
        assert person is not None
        assert [event.actor for event in told] == [person["id"]]
        assert told[0].payloads[contact]["description"] == "by hand"
        assert made.nutshell.feed.carries("notes")
        assert not made.nutshell.feed.carries("tasks")


@pytest.mark.parametrize("deleted_get", ["record", "404"])
async def test_what_hung_on_a_removed_record_is_found(deleted_get: str) -> None:
    """No link shows it any more: the events that concern it name a deal and a note, and a company that can be read its people."""
    async with rig(switches={"deleted_get": deleted_get}) as made:
        writer, feed, reader = made.nutshell.writer, made.nutshell.feed, made.nutshell.reader
        company = await writer.create("accounts", {"name": "C"})
        person = await writer.create("contacts", {"name": "P", "link:accounts": [company]})
        before = await feed.cursor()
        note = await writer.create("notes", {"body": "N", "link:parent": person})
        deal = await writer.create("leads", {"description": "D", "link:contacts": [person]})
        await writer.create("leads", {"description": "D", "link:contacts": [await writer.create("contacts", {"name": "Q"})]})
        assert (await feed.about(person, before)).keys() == {note, deal}
        await writer.delete("accounts", company)
        remains = await reader.remains("accounts", company)
        assert remains is None if deleted_get == "404" else remains is not None and remains[HUNG] == [person]
        await writer.delete("contacts", person)
        assert "link:contacts" not in (await reader.read("leads", [deal], custom=False))[deal]
        about = await feed.about(person, before)
        assert about.keys() == {note, deal}
        assert about[note] < about[deal] == (await feed.about(deal, before))[deal]
        assert (await feed.about(person, await feed.cursor(fresh=True))).keys() == set()


async def test_custom_fields_are_told_by_their_labels_and_looked_up_once() -> None:
    """What events name by the id of a definition is named as the fields of a record are; only a definition nobody knows costs a call."""
    async with rig() as made:
        feed = made.nutshell.feed
        contact = await made.nutshell.writer.create("contacts", {"name": "P"})
        for label in ("Roof", "Wall"):
            add_definition(made.site, "contacts", {"name": label, "type": "text"})
            cursor = await feed.cursor(fresh=True)
            for value in ("x", "y"):
                values = {"customFields": {label: value}, "jobTitle": value}
                act(made.site, {"as": ADMIN, "do": "edit", "kind": "contacts", "id": contact, "values": values})
            made.calls()
            for _ in range(2):
                told = [set(event.changes) async for page, _ in feed.changed(cursor) for event in page]
                assert told == [{f"custom:{label}", "jobTitle"}] * 2
            assert made.calls() == ["GET events", "GET contacts/customfields/attributes", "GET events"]


async def test_a_definition_that_nobody_lists_keeps_its_id() -> None:
    """Events are told without labels where the key may not see definitions, and it is not asked for again and again."""
    async with rig() as made:
        feed = made.nutshell.feed
        contact = await made.nutshell.writer.create("contacts", {"name": "P"})
        definition = add_definition(made.site, "contacts", {"name": "Roof", "type": "text"})
        cursor = await feed.cursor(fresh=True)
        act(made.site, {"as": ADMIN, "do": "edit", "kind": "contacts", "id": contact, "values": {"customFields": {"Roof": "x"}}})
        definition["deletedTime"] = 1
        made.calls()
        for _ in range(2):
            assert [list(event.changes) async for page, _ in feed.changed(cursor) for event in page] == [[definition["id"]]]
        definitions = ["GET contacts/customfields/attributes"] * (1 + len(AGAIN_S))
        assert made.calls() == ["GET events", *definitions, "GET events"]
