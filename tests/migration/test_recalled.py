"""Rollback of a part, stopped at the worst moment: what it removed is told, kept away and looked after by the next start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import PlatformUnavailable, Uncertain
from streamflow.migration.life import State
from streamflow.model import Kind, Link, RecordState
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage

SCOPE = "phase:backfill"


async def lines(trip: Voyage) -> dict[str, Link]:
    """Lines of records of ours, by id."""
    return {link.dest_id: link async for page in trip.ledger.crosswalk() for link in page if link.ours}


def edited_at_last(trip: Voyage, rid: str, *, is_heard: bool) -> None:
    """Somebody edits a person between our last look and its removal; people are removed as many as there are, with or without an answer."""
    delete, edited = trip.destination.writer.delete, []

    async def delete_all(kind: Kind, dest_ids: Sequence[str]) -> bool:
        if rid not in dest_ids or edited:
            return False
        edited.append(trip.in_destination("edit", kind="contacts", id=rid, values={"jobTitle": "CEO"}))
        for dest_id in dest_ids:
            await delete(kind, dest_id)
        if not is_heard:
            raise Uncertain("no answer")
        return True

    trip.destination.writer.delete_all = delete_all


def away_once(door: Any, name: str, when: Callable[..., Awaitable[bool]]) -> None:
    """Let the destination be away at the first call for which this holds."""
    call, was = getattr(door, name), []

    async def called(*args: Any, **more: Any) -> Any:
        if not was and await when(*args):
            was.append(args)
            raise PlatformUnavailable("away")
        return await call(*args, **more)

    setattr(door, name, called)


@pytest.mark.parametrize("stop", ["half its doubts settled", "before the look", "before it is told that it is back"])
async def test_a_removal_is_followed_up_by_whoever_comes_next(tmp_path: Path, stop: str) -> None:
    """Told in the audit, kept away, and brought back where somebody was there just before, whatever ended the start that removed it."""
    async with voyage(tmp_path, at=State.TAIL, records=40, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        before = await lines(trip)
        rid, link = next((rid, each) for rid, each in before.items() if each.phase == "backfill" and each.dest_kind == "contacts")

        async def is_settled(*_: Any) -> bool:
            return rid not in await lines(trip)

        edited_at_last(trip, rid, is_heard=stop != "half its doubts settled")
        await trip.m.decide("uid:7", "rollback.requested", note=SCOPE)
        await trip.set("rollback", {"scope": SCOPE, "by": "uid:7", "asked_in": "tail"})
        await trip.m.enter(State.ROLLBACK, "asked for")
        if stop == "half its doubts settled":
            with pytest.raises(Uncertain):
                await trip.phase()
            assert rid in await lines(trip)
            away_once(trip.destination.reader, "read", is_settled)
        elif stop == "before the look":
            away_once(trip.destination.feed, "cursor", is_settled)
        else:
            restore = trip.destination.writer.restore

            async def back_and_away(kind: Kind, dest_id: str) -> None:
                trip.destination.writer.restore = restore
                await restore(kind, dest_id)
                raise PlatformUnavailable("away")

            trip.destination.writer.restore = back_and_away
        with pytest.raises(PlatformUnavailable):
            await trip.phase()
        assert rid not in await lines(trip)
        await trip.phase()
        assert trip.m.phase.state is State.TAIL
        after = await lines(trip)
        assert trip.live("contacts")[rid]["jobTitle"] == "CEO"
        assert after[rid].ref == link.ref
        report = trip.reports["rollback"]
        assert rid in {each["id"] for each in report["spared"]}
        gone = before.keys() - after.keys()
        assert (report["deleted"], report["still_there"]) == (len(gone), [])
        told = {row.entry.dest_id async for page in trip.ledger.audit() for row in page if row.entry.action == "rollback.delete"}
        assert gone < told
        for kind in {before[each].ref.kind for each in gone}:
            staged = await trip.staged(kind)
            coming = [each for each in gone if before[each].ref.kind == kind and staged[before[each].ref.key].state is not RecordState.HELD]
            assert coming == [], "nothing that was undone comes by itself"
        assert await trip.ledger.settings("undoing:") == {}
