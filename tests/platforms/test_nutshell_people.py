"""What people did to a record of ours: no write of the Nutshell doors passes over it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from streamflow.errors import Stale

from .nutshell_rig import rig


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
            await writer.delete_unchanged(kind, touched, since)
        assert made.stored(kind, touched).get("deletedTime") is None
        await writer.delete_unchanged(kind, touched, since + timedelta(seconds=900))   # that change was our own
        await writer.delete_unchanged(kind, fresh, since)
        assert {row["id"] for row in made.live(kind)} & {touched, fresh} == set()


async def test_a_task_is_removed_where_no_revision_is_to_be_had() -> None:
    """Without JSON-RPC the removal goes by REST."""
    async with rig(switches={"rpc_enabled": False}, flags={"rpc_methods": []}) as made:
        task = await made.nutshell.writer.create("tasks", {"title": "T"})
        made.calls()
        await made.nutshell.writer.delete_unchanged("tasks", task, datetime.now(UTC))
        assert made.calls() == ["DELETE tasks/{id}"]
