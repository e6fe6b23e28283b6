"""What people did to a record of ours: no write of the Nutshell doors passes over it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from streamflow.errors import Stale
from streamflow.model import Fields
from streamflow.platforms.destination import Ours
from streamflow.sandbox.nutshell.admin import act

from .nutshell_rig import OTHER, rig


@pytest.mark.parametrize("kind", ["tasks", "activities"])
async def test_what_cannot_be_restored_is_removed_by_its_revision(kind: str) -> None:
    """A task or call that somebody changed after our last write, or while it is being removed, is left; an untouched one goes."""
    async with rig() as made:
        writer = made.nutshell.writer
        person = await writer.create("contacts", {"name": "P"})
        fields = {
            "tasks": {"title": "T", "link:relatedEntity": person},
            "activities": {"name": "C", "activityType": "1-activityTypes", "startTime": 1, "endTime": 2, "link:participants": [person]},
        }[kind]
        touched, fresh = await writer.create(kind, fields), await writer.create(kind, fields)
        row = made.stored(kind, touched)
        row["modifiedTime"] = row["createdTime"] + 900
        since = datetime.fromtimestamp(row["createdTime"], UTC)
        with pytest.raises(Stale):
            await writer.delete_unchanged(kind, touched, Ours(last=since))
        assert made.stored(kind, touched).get("deletedTime") is None
        await writer.delete_unchanged(kind, touched, Ours(last=since + timedelta(seconds=900)))   # that change was our own
        await writer.delete_unchanged(kind, fresh, Ours(last=since))
        assert {row["id"] for row in made.live(kind)} & {touched, fresh} == set()


@pytest.mark.parametrize(("edited_s", "took_s", "is_known", "is_left"), [
    (30, 1, True, True), (30, 1, False, False), (3, 0, True, True), (2, 0, True, False), (30, 40, True, False), (30, -5, True, False),
    (300, -5, True, True),
], ids=["after the making", "a later write of ours", "at once", "of the making", "made late", "clock set back", "long after"])  # fmt: skip
async def test_of_what_we_only_ever_made_any_change_is_somebody_s(edited_s: int, took_s: int, is_known: bool, is_left: bool) -> None:
    """However far apart the two clocks are: a task changed after its making took its time is left, one that may be as we made it goes."""
    async with rig() as made:
        writer = made.nutshell.writer
        task = await writer.create("tasks", {"title": "T"})
        row = made.stored("tasks", task)
        row["modifiedTime"] = row["createdTime"] + edited_s
        begun = datetime.fromtimestamp(row["createdTime"], UTC) - timedelta(seconds=60 if edited_s < 300 else 0)
        ours = Ours(last=begun + timedelta(seconds=took_s), begun=begun if is_known else None)
        if is_left:
            with pytest.raises(Stale):
                await writer.delete_unchanged("tasks", task, ours)
        else:
            await writer.delete_unchanged("tasks", task, ours)
        assert bool(made.stored("tasks", task).get("deletedTime")) is not is_left


async def test_a_task_is_removed_where_no_revision_is_to_be_had() -> None:
    """Without JSON-RPC the removal goes by REST."""
    async with rig(switches={"rpc_enabled": False}, flags={"rpc_methods": []}) as made:
        task = await made.nutshell.writer.create("tasks", {"title": "T"})
        made.calls()
        await made.nutshell.writer.delete_unchanged("tasks", task, Ours(last=datetime.now(UTC)))
        assert made.calls() == ["DELETE tasks/{id}"]


@pytest.mark.parametrize("is_able", [False, True])
async def test_several_are_deleted_at_once_where_that_is_taken(is_able: bool) -> None:
    """With the flag one call removes all; without it, or for a kind that declares no list, nothing is sent."""
    async with rig(flags={"multi_delete": is_able}, switches={"multi_delete": True}) as made:
        people = [await made.nutshell.writer.create("contacts", {"name": f"P {n}"}) for n in range(3)]
        made.calls()
        assert await made.nutshell.writer.delete_all("contacts", people) is is_able
        assert made.calls() == (["DELETE contacts/{id}"] if is_able else [])
        assert len({row["id"] for row in made.live("contacts")} & set(people)) == (0 if is_able else 3)
        assert not await made.nutshell.writer.delete_all("leads", ["1-leads", "2-leads"])


async def test_an_account_that_refuses_lists_of_ids_is_asked_one_by_one() -> None:
    """A refused list removes nothing and is no failure."""
    async with rig(flags={"multi_delete": True}) as made:
        people = [await made.nutshell.writer.create("contacts", {"name": f"P {n}"}) for n in range(2)]
        assert not await made.nutshell.writer.delete_all("contacts", people)


async def test_a_note_people_changed_since_is_left() -> None:
    """Neither edited nor made anew when its text is no longer what it was, or when somebody commented on it meanwhile."""
    for flags in ({"note_edit": "rpc_24h"}, {"note_edit": "none"}):
        async with rig(flags=flags) as made:
            writer = made.nutshell.writer
            person = await writer.create("contacts", {"name": "P"})
            note = await writer.create("notes", {"body": "ours", "link:parent": person})
            now = dict((await made.nutshell.reader.read("notes", [note], custom=False))[note])
            act(made.site, {"as": OTHER, "do": "comment", "kind": "notes", "id": note, "values": {}})
            with pytest.raises(Stale):
                await writer.update("notes", note, {"body": "new"}, now=now)
            act(made.site, {"as": OTHER, "do": "edit", "kind": "notes", "id": note, "values": {"body": "theirs"}})
            with pytest.raises(Stale):
                await writer.update("notes", note, {"body": "new"}, now=now)
            assert made.stored("notes", note)["body"] == "theirs"
            assert "new" not in {row["body"] for row in made.live("notes")}


async def test_a_cancelled_call_is_not_written_over_unseen() -> None:
    """A PUT would take the cancellation back: what was cancelled since it was read is left."""
    async with rig() as made:
        writer = made.nutshell.writer
        person = await writer.create("contacts", {"name": "P"})
        fields: Fields = {"name": "C", "activityType": "1-activityTypes", "startTime": 1, "endTime": 2, "link:participants": [person]}
        call = await writer.create("activities", fields)
        act(made.site, {"as": OTHER, "do": "edit", "kind": "activities", "id": call, "values": {"isCancelled": True}})
        with pytest.raises(Stale):
            await writer.update("activities", call, {"name": "D"}, now=fields)
        assert made.stored("activities", call)["isCancelled"]
