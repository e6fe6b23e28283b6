"""People and the tail at the same records: what they do between our reading and our writing, and what they put on texts of ours."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from streamflow.errors import PlatformUnavailable, Throttled, TransientError
from streamflow.model import DestId, IntentState, Kind, Link, QueueItem, Ref
from streamflow.platforms.destination import Happening, Ours
from streamflow.stages.meanwhile import Meanwhile
from streamflow.stages.overwritten import UNLOOKED, lost_to, with_lost
from tests.stages.rig import Rig, lead, note, reminder, rig

NO_RPC: dict[str, Any] = {"rpc_methods": [], "rpc_find_custom_fields": False, "note_edit": "none"}


def before_write(one: Rig, deed: Callable[[], None], *, after_reading: bool) -> list[str]:
    """Let somebody work once on a person: after we have read the record, or only when the write is on its way."""
    done: list[str] = []
    reader, writer = one.nutshell.reader, one.nutshell.writer
    read, update = reader.read, writer.update

    async def then_work(kind: Kind, ids: Any, *, custom: bool) -> Any:
        found = await read(kind, ids, custom=custom)
        if kind == "contacts" and not done:
            done.append("read")
            deed()
        return found

    async def first_work(kind: Kind, dest_id: DestId, *args: Any, **named: Any) -> DestId:
        if kind == "contacts" and not done:
            done.append("written")
            deed()
        return await update(kind, dest_id, *args, **named)

    if after_reading:
        reader.read = then_work  # type: ignore[method-assign,assignment]
    else:
        writer.update = first_work  # type: ignore[method-assign,assignment]
    return done


async def test_what_a_person_changes_after_our_reading_is_seen() -> None:
    """The number and status somebody sets between reading and writing stay; ours is merged in or asked about; it takes one call more."""
    async with rig() as one:
        await one.stage(lead("1", number="0825551111", status="New", statusid="1"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        mine = {"name": "work", "value": "+27119998888", "isPrimary": True}
        done = before_write(
            one, lambda: one.person("edit", "contacts", person, phones=[mine], customFields={"Lead Status": "Signed"}), after_reading=True,
        )
        await one.stage(lead("1", number="0825552222", status="Contacted", statusid="2"))
        await one.run_dry()
        assert done
        fields = await one.fields("contacts", person)
        assert {each["value"] for each in fields["phones"]} == {"+27119998888", "+27825552222"}
        assert fields["custom:Lead Status"] == "Signed"
        assert any("Lead Status" in item for item in await one.open_items("conflict"))


async def test_what_slips_under_the_write_is_told_with_what_was_there() -> None:
    """What was edited in the very moment of the write is kept in the queue; what survived is not asked about."""
    async with rig() as one:
        await one.stage(lead("1", number="0825551111", status="New", statusid="1"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        done = before_write(
            one, lambda: one.person("edit", "contacts", person, jobTitle="Boss", customFields={"Lead Status": "Signed by Mary"}),
            after_reading=False,
        )
        await one.stage(lead("1", number="0825551111", status="Contacted", statusid="2"))
        await one.run_dry()
        assert done
        items = [item for item in await one.ledger.queue() if item.id.startswith("overwritten:")]
        [told] = [item.details for item in items]
        assert (told["field"], told["base"], told["source"]) == ("custom:Lead Status", "New", "Contacted")
        assert told["destination"] == "Signed by Mary"
        assert items[0].reason.startswith("custom:Lead Status was changed by a person")
        assert (await one.fields("contacts", person))["jobTitle"] == "Boss"


@pytest.mark.parametrize("killed", ["after the answer", "before the answer"])
async def test_what_slipped_under_the_write_of_a_run_that_was_killed_is_told(killed: str) -> None:
    """The look after a write that was confirmed, or found to have happened, is made by the next start, for one call to the feed."""
    async with rig() as one:
        await one.stage(lead("1", status="New", statusid="1"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        feed = one.nutshell.feed
        changed = feed.changed

        def dead(*args: Any) -> Any:
            raise PlatformUnavailable("killed", platform="nutshell")

        def slip_and_die() -> None:
            one.person("edit", "contacts", person, customFields={"Lead Status": "Signed by Mary"})
            feed.changed = dead  # type: ignore[method-assign]

        before_write(one, slip_and_die, after_reading=False)
        await one.stage(lead("1", status="Contacted", statusid="2"))
        if killed == "before the answer":
            one.switch(reset_after={"match": "PATCH /rest/contacts", "times": 1})
        with contextlib.suppress(PlatformUnavailable):
            await one.deliver()
        feed.changed = changed  # type: ignore[method-assign]
        await one.restart()
        one.clock.account.advance(60.0)
        assert await one.resolve_doubts() == 0
        noted = await one.ledger.settings(UNLOOKED)
        assert [(each["fields"], each["now"]) for each in noted.values()] == [
            ({"custom:Lead Status": "Contacted"}, {"custom:Lead Status": "New"})
        ]
        assert [item for item in await one.open_items() if item.startswith("overwritten:")] == []
        next_start = Meanwhile(feed, one.clock)
        next_start.recall(noted)
        await one.nutshell.schema.reference()     # what the tail reads when it starts
        one.calls()
        await one.ledger.commit(await next_start.finish())
        assert one.calls() == ["GET events"]
        items = [item for item in await one.ledger.queue() if item.id.startswith("overwritten:")]
        assert [item.details["destination"] for item in items] == ["Signed by Mary"]
        assert await one.ledger.settings(UNLOOKED) == {}


async def test_a_refused_write_is_decided_anew_before_it_is_offered_again() -> None:
    """While a throttled update waits somebody edits the record: it is read again, not written as it was meant."""
    async with rig() as one:
        await one.stage(lead("1", number="0825551111"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        update, refused = one.nutshell.writer.update, []

        async def throttled(kind: Kind, dest_id: DestId, *args: Any, **named: Any) -> DestId:
            if not refused:
                refused.append(1)
                one.person("edit", "contacts", person, phones=[{"name": "work", "value": "+27119998888", "isPrimary": True}])
                raise Throttled("slower", platform="nutshell")
            return await update(kind, dest_id, *args, **named)

        one.nutshell.writer.update = throttled  # type: ignore[method-assign,assignment]
        await one.stage(lead("1", number="0825552222"))
        await one.run_dry()
        phones = (await one.fields("contacts", person))["phones"]
        assert {each["value"] for each in phones} == {"+27119998888", "+27825552222"}
        assert await given_up(one) == ["changed since it was read"]


async def given_up(one: Rig) -> list[str]:
    """Give why writes of the lead were given up, as `trace` tells it."""
    return [each.reason for each in await one.ledger.intents_of("lead", "1") if each.state is IntentState.ABANDONED]


async def test_a_refused_write_is_not_offered_again_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the platform does not tell what happened while a throttled update waited, it is not sent, and the record comes again."""
    async with rig() as one:
        await one.stage(lead("1", number="0825551111"))
        await one.run_dry()
        person = (await one.link("lead", "1")).dest_id
        update, changed, refused = one.nutshell.writer.update, one.nutshell.feed.changed, []

        async def away(*_: Any) -> AsyncIterator[Any]:
            monkeypatch.setattr(one.nutshell.feed, "changed", changed)
            raise TransientError("not now", platform="nutshell")
            yield

        async def throttled(kind: Kind, dest_id: DestId, *args: Any, **named: Any) -> DestId:
            if not refused:
                refused.append(1)
                one.person("edit", "contacts", person, phones=[{"name": "work", "value": "+27119998888", "isPrimary": True}])
                monkeypatch.setattr(one.nutshell.feed, "changed", away)
                raise Throttled("slower", platform="nutshell")
            return await update(kind, dest_id, *args, **named)

        monkeypatch.setattr(one.nutshell.writer, "update", throttled)
        await one.stage(lead("1", number="0825552222"))
        await one.run_dry()
        phones = (await one.fields("contacts", person))["phones"]
        assert {each["value"] for each in phones} == {"+27119998888", "+27825552222"}
        assert refused
        assert await given_up(one) == ["nobody could tell whether it changed since it was read (not now)"]


async def test_a_look_costs_a_call_for_a_batch_and_creates_none() -> None:
    """Creates ask the feed for its position alone; a batch of changes takes two looks, whatever its size."""
    async with rig() as one:
        await one.stage(*[lead(str(n), number=f"08255511{n:02}") for n in range(10)])
        one.calls()
        await one.deliver("lead")
        assert [call for call in one.calls() if "events" in call] == ["GET events", "GET events/deleted"]
        one.clock.account.advance(60.0)
        await one.stage(*[lead(str(n), number=f"08255522{n:02}") for n in range(10)])
        one.calls()
        await one.deliver("lead")
        looks = [call for call in one.calls() if "events" in call]
        assert looks.count("GET events/deleted") == 1
        assert len(looks) <= 4


@pytest.mark.parametrize("do", ["comment", "complete", "repeat"])
@pytest.mark.parametrize("is_editable", [True, False], ids=["editable", "to be made anew"])
async def test_a_task_people_worked_on_is_never_made_anew(do: str, is_editable: bool) -> None:
    """Where it can be edited in place the source's text arrives beside their work; where not it is left and asked about, until "take"."""
    async with rig(flags={} if is_editable else NO_RPC, switches={"rpc_enabled": is_editable}) as one:
        await one.stage(lead("1"), reminder("7", "1", note="Call back"))
        await one.run_dry()
        task = (await one.link("reminder", "7")).dest_id
        if do == "comment":
            one.person("comment", "tasks", task)
        else:
            deed = {"completedTime": 1_780_000_000} if do == "complete" else {"recurrenceRule": {"rule": "FREQ=WEEKLY"}}
            one.person("edit", "tasks", task, **deed)
        was = one.site.state.get("tasks", task)
        await one.stage(reminder("7", "1", note="Call back on Monday"))
        await one.run_dry()
        held = one.site.state.get("tasks", task)
        assert was is not None
        assert held is not None
        assert not held.get("deletedTime")
        for name in ("completedTime", "recurrenceRule"):
            assert held.get(name) == was.get(name)
        assert held["links"].get("comments") == was["links"].get("comments")
        items = [item for item in await one.ledger.queue() if item.cause == "conflict"]
        if is_editable:
            assert held["title"] == "Call back on Monday"
            assert items == []
            return
        assert held["title"] == "Call back"
        title = next(item for item in items if item.details["field"] == "title")
        assert (title.details["destination"], title.details["source"]) == ("Call back", "Call back on Monday")
        await one.run_dry()
        assert len(await one.open_items("conflict")) == len(items), "asked once"
        for item in items:
            await one.decide(item.id, "take", reopen=Ref("reminder", "7"))
        await one.run_dry()
        assert [row["title"] for row in one.live("tasks")] == ["Call back on Monday"]


async def test_a_comment_keeps_its_note() -> None:
    """A note somebody commented on is not made anew, nor dropped when the source needs fewer; both are asked about."""
    async with rig(flags={**NO_RPC, "note_max_chars": 120}, switches={"note_max_chars": 120}) as one:
        await one.stage(lead("1"), note("9", "1", text="word " * 40))
        await one.run_dry()
        notes = {row["id"] for row in one.live("notes")}
        assert len(notes) > 1
        for rid in notes:
            one.person("comment", "notes", rid)
        await one.stage(note("9", "1", text="short"))
        await one.run_dry()
        assert {row["id"] for row in one.live("notes")} == notes
        assert len(await one.open_items("conflict")) == len(notes)


async def test_a_task_somebody_works_on_at_the_last_moment_is_not_removed() -> None:
    """No deleted task can be restored: what is done to it behind our reading keeps it, though no feed tells of tasks."""
    async with rig() as one:
        one.rereads = False      # as before the tail
        await one.stage(lead("1"), reminder("7", "1", note="Call back"))
        await one.run_dry()
        task = (await one.link("reminder", "7")).dest_id
        delete, delete_unchanged, worked = one.nutshell.writer.delete, one.nutshell.writer.delete_unchanged, []

        def work() -> None:
            if not worked:
                worked.append(1)
                one.clock.account.advance(900.0)
                one.person("edit", "tasks", task, title="Call back, she is away on Monday")

        async def deleted(kind: Kind, dest_id: DestId) -> None:
            work()
            await delete(kind, dest_id)

        async def deleted_unchanged(kind: Kind, dest_id: DestId, ours: Ours) -> None:
            work()
            await delete_unchanged(kind, dest_id, ours)

        one.nutshell.writer.delete = deleted  # type: ignore[method-assign]
        one.nutshell.writer.delete_unchanged = deleted_unchanged  # type: ignore[method-assign]
        await one.stage(reminder("7", "1", note="Call back", done="1"))
        await one.run_dry()
        assert worked
        assert [row["title"] for row in one.live("tasks")] == ["Call back, she is away on Monday"]


@pytest.mark.parametrize("is_touched", [False, True])
async def test_a_done_reminder_takes_its_task_only_when_nobody_worked_on_it(is_touched: bool) -> None:
    """A task somebody completed stays beside the note of the done reminder, and that is told; an untouched one gives way to the note."""
    async with rig() as one:
        await one.stage(lead("1"), reminder("7", "1", note="Call back"))
        await one.run_dry()
        task = (await one.link("reminder", "7")).dest_id
        if is_touched:
            one.person("edit", "tasks", task, completedTime=1_780_000_000)
        await one.stage(reminder("7", "1", note="Call back", done="1"))
        await one.run_dry()
        assert [row["id"] for row in one.live("tasks")] == ([task] if is_touched else [])
        items = [item for item in await one.ledger.queue() if item.cause == "conflict"]
        assert [("isCompleted" in item.reason, item.decisions) for item in items] == ([(True, ("keep", "remove"))] if is_touched else [])


@pytest.mark.parametrize(("is_filled", "is_known", "is_given", "asked"), [
    (False, True, True, ["link:assignee"]), (False, False, True, ["destination tells"]), (False, True, False, []),
    (True, True, False, []), (True, False, False, []), (True, True, True, ["destination tells"]),
], ids=["given", "given, not probed", "for nobody", "filled", "filled, not probed", "filled and given"])  # fmt: skip
async def test_a_task_that_people_gave_to_somebody_stays(is_filled: bool, is_known: bool, is_given: bool, asked: list[str]) -> None:
    """A task made for nobody that a person gave to somebody is that person's work; an assignee that the account gives by itself is not."""
    flags = {"task_assignee_filled": is_filled} if is_known else {}
    async with rig(flags=flags, switches={"task_assignee_filled": is_filled}) as one:
        await one.stage(lead("1"), reminder("7", "1", note="Call back"))
        await one.run_dry()
        [task] = one.live("tasks")
        assert bool(task["links"].get("assignee")) is is_filled
        one.clock.account.advance(30.0)
        if is_given:
            one.person("edit", "tasks", task["id"], links={**task["links"], "assignee": "13-users"})
        await one.stage(reminder("7", "1", note="Call back", done="1"))
        await one.run_dry()
        assert [(row["id"], row["links"]["assignee"]) for row in one.live("tasks")] == ([(task["id"], "13-users")] if is_given else [])
        assert len(one.live("notes")) == 1
        items = [item for item in await one.ledger.queue() if item.cause == "conflict"]
        assert len(items) == len(asked)
        for item, reason in zip(items, asked, strict=True):
            assert reason in item.reason
            await one.decide(item.id, "remove", reopen=Ref("reminder", "7"))
        await one.run_dry()
        assert one.live("tasks") == []


@pytest.mark.parametrize("is_able", [False, True])
async def test_a_done_reminder_is_a_completed_task_where_tasks_can_be_completed(is_able: bool) -> None:
    """New and formerly open ones alike end completed, each as one task; where that cannot be, as a note that says so."""
    async with rig(flags={"task_complete": is_able}, switches={"task_complete": is_able}) as one:
        await one.stage(lead("1"), reminder("7", "1", note="Call back", done="1"), reminder("8", "1", note="Send offer"))
        await one.run_dry()
        await one.stage(reminder("8", "1", note="Send offer", done="1"))
        await one.run_dry()
        if is_able:
            done = sorted((row["title"], bool(row.get("completedTime"))) for row in one.live("tasks"))
            assert done == [("Call back", True), ("Send offer", True)]
            assert one.live("notes") == []
            assert await one.verify() == {"verified": 3}
        else:
            assert one.live("tasks") == []
            assert all(row["body"].startswith("Completed reminder") for row in one.live("notes"))
        assert len(one.live("tasks")) + len(one.live("notes")) == 2


@pytest.mark.parametrize("is_able", [False, True])
async def test_a_note_has_its_own_time_where_notes_can(is_able: bool) -> None:
    """The original moment is the note's time, kept when its text changes, and verified; else it is in the first line alone."""
    async with rig(flags={"note_backdate": is_able, "note_edit": "none"}, switches={"note_backdate": is_able}) as one:
        await one.stage(lead("1"), note("9", "1", text="A note", created="2019-04-02 08:00:00"))
        await one.run_dry()
        await one.stage(note("9", "1", text="Another text", created="2019-04-02 08:00:00"))
        await one.run_dry()
        held = one.live("notes")[0]
        assert "2019-04-02 08:00:00" in held["body"]
        assert "Another text" in held["body"]
        assert (held["createdTime"] < one.clock.now().timestamp() - 86_400) is is_able
        assert await one.verify() == {"verified": 2}


def happening(number: int, actor: str, **changes: str) -> Happening:
    return Happening(
        id=f"{number}-events", at=number, action="edit", actor=actor, kind="contacts", ids=("1-contacts",),
        changes={name: ("", value) for name, value in changes.items()},
    )


@pytest.mark.parametrize(("events", "lost"), [
    ([happening(1, "9-origins", name="ours")], []),
    ([happening(1, "3-users", name="theirs"), happening(2, "9-origins", name="ours")], ["name"]),
    ([happening(1, "9-origins", name="ours"), happening(2, "3-users", name="theirs")], []),
    ([happening(1, "3-users", title="theirs"), happening(2, "9-origins", name="ours")], []),
    ([happening(1, "3-users", name="theirs"), happening(2, "1-users", name="ours")], ["name"]),
    ([], []),
])
def test_only_what_we_wrote_over_is_lost(events: list[Happening], lost: list[str]) -> None:
    """The same field, a person's change, and ours after it: anything else survived."""
    assert sorted(lost_to(events)) == lost


@pytest.mark.parametrize(("image", "later", "given_back"), [
    ("", ["Hot"], "Hot"),                     # put under our write, and nothing since
    ("", ["Hot", "Warm"], "Warm"),            # twice
    ("Cold", ["Hot"], "Cold"),                # people put another one there since, and the source's went before that
])  # fmt: skip
def test_what_a_rollback_gives_back_is_what_people_last_had(image: str, later: list[str], given_back: str) -> None:
    """Of what they put under our writes and what they had put in place of ours it is the latest."""
    line = Link(
        ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", base={"jobTitle": "Ours"}, ours=False, before={"jobTitle": image},
    )
    lost = [
        QueueItem(
            id=f"overwritten:lead:1::jobTitle:{place}", cause="conflict", kind="lead", key="1", reason="?", decisions=("accept",),
            details={"field": "jobTitle", "destination": value, "dest_id": line.dest_id, "before": "", "is_whole": True},
        )
        for place, value in enumerate(later)
    ]  # fmt: skip
    assert with_lost(line, lost).before == {"jobTitle": given_back}
    assert with_lost(replace(line, before=None), lost).before is None


def overwritten_item(name: str, theirs: str, *, is_whole: bool = True, before: Any = "") -> QueueItem:
    details = {"field": name, "destination": theirs, "dest_id": "5-contacts", "before": before, "is_whole": is_whole}
    return QueueItem(
        id=f"overwritten:lead:1::{name}", cause="conflict", kind="lead", key="1", reason="?", decisions=("accept",),
        details={key: value for key, value in details.items() if value != NOT_KEPT},
    )


NOT_KEPT = "not kept"
BASE = {"jobTitle": "Ours", "name": "Nia"}


@pytest.mark.parametrize(("lost", "before", "base"), [
    ([overwritten_item("jobTitle", "Hot", is_whole=False)], {"jobTitle": "", "name": ""}, {"name": "Nia", "kept:jobTitle": "Ours"}),
    ([overwritten_item("jobTitle", "Hot", is_whole=False), overwritten_item("jobTitle", "Warm")], {"jobTitle": "Warm", "name": ""}, BASE),
    ([overwritten_item("jobTitle", "")], {"jobTitle": None, "name": ""}, BASE),
    ([overwritten_item("jobTitle", "Hot", before=NOT_KEPT)], {"jobTitle": "", "name": ""}, BASE),
    ([overwritten_item("jobTitle", "Hot", before="Older")], {"jobTitle": "", "name": ""}, BASE),
    ([overwritten_item("jobTitle", "Hot", before=NOT_KEPT), overwritten_item("name", "Ann")], {"jobTitle": "", "name": "Ann"}, BASE),
], ids=["cut short", "cut short, then whole", "cleared", "no image", "another image", "one of two"])  # fmt: skip
def test_only_what_is_known_in_full_is_given_back(lost: list[QueueItem], before: dict[str, Any], base: dict[str, Any]) -> None:
    """A value that may be cut short stays as it is, as theirs; where the image is another than then, it is newer, and stands."""
    image = {"jobTitle": "", "name": ""}
    line = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", base=BASE, ours=False, before=image)
    after = with_lost(line, lost)
    assert (after.before, after.base) == (before, base)
    assert with_lost(replace(line, ours=True), lost) == replace(line, ours=True), "of a record of ours nothing is given back"
