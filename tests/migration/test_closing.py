"""The end of the window after the switch: what is decided until then is carried out, and nothing is taken that nobody would carry out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from streamflow.clock import from_iso, iso
from streamflow.errors import DoesNotFit
from streamflow.ledger_names import FALLBACK_OWNER
from streamflow.migration import aftermath
from streamflow.migration.life import State
from streamflow.migration.owners import UNOWNED
from streamflow.migration.watch import Watch
from streamflow.model import QueueItem, RecordState
from tests.hanging import HUNG_S
from tests.migration.rig import FALLBACK, Voyage, lead_without_owner, voyage, with_terms
from tests.migration.test_targets import desk

LATE = "Written Late"


async def asked_about_a_late_lead(trip: Voyage) -> QueueItem:
    trip.in_source("create", "leads", force=True, name=LATE, email="late@example.com")
    await trip.stopping(trip.phase, lambda: "watching" in trip.m.phase.reason)
    [item] = [item for item in await trip.items("after_freeze") if item.kind == "lead"]
    return item


def names(trip: Voyage) -> set[str]:
    return {str(row["name"]) for row in trip.live("contacts").values()}


async def test_what_is_decided_while_the_window_closes_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that comes when all was read and delivered for the last time is taken, and its record is moved before the end."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        waiting, original = [await asked_about_a_late_lead(trip)], aftermath.outlasted

        async def outlasted(migration: Any, doing: str) -> bool:
            while waiting:
                await desk(trip).queue_resolve(actor="uid:7", id=waiting.pop().id, decision="take")
            return await original(migration, doing)

        monkeypatch.setattr(aftermath, "outlasted", outlasted)
        trip.clock.skipped_s += 2 * 86_400
        assert await trip.phase() is State.DONE
        assert LATE in names(trip)
        everything = [each for kind in trip.m.pair.order for each in (await trip.staged(kind)).values()]
        assert not [each.record.key for each in everything if each.state is RecordState.PENDING]


@pytest.mark.parametrize("days", [0.25, 2.0], ids=["shorter", "longer"])
async def test_a_window_that_is_changed_while_it_is_open_ends_as_changed(tmp_path: Path, days: float) -> None:
    """Who sets another `watch_days` while the source is watched is told the new end at the next look, and the window closes at it."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        switched = from_iso((await trip.ledger.setting("switched"))["switched_at"])
        until = {each: f"until {iso(switched + timedelta(days=each))}" for each in (1.0, days)}

        async def told(word: str) -> None:
            while word not in trip.m.phase.reason:
                with anyio.move_on_after(0.02):
                    await trip.m.control._changed.wait()

        async def change() -> None:
            await told(until[1.0])
            with_terms(trip, watch_days=days)
            await told(until[days])
            trip.clock.skipped_s += timedelta(days=days) / timedelta(seconds=1)

        with anyio.fail_after(HUNG_S):
            async with anyio.create_task_group() as group:
                group.start_soon(change)
                assert await trip.phase() is State.DONE
        assert trip.clock.now() >= switched + timedelta(days=days)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_the_window_stays_open_until_the_outcome_of_every_write_is_known(tmp_path: Path, times: int) -> None:
    """A write of the last look goes unanswered, and so do those sent in its place: the record is there at the end, nothing in doubt."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        item = await asked_about_a_late_lead(trip)
        await desk(trip).queue_resolve(actor="uid:7", id=item.id, decision="take")
        trip.site.faults.merge({"reset_before": {"match": "POST /rest/contacts", "times": times}})
        trip.clock.skipped_s += 2 * 86_400
        assert await trip.phase() is State.DONE
        assert trip.site.faults.log.faults["reset_before"] == times
        assert await trip.work.doubts.count() == 0
        assert LATE in names(trip)


async def test_once_the_window_has_closed_nothing_is_promised(tmp_path: Path) -> None:
    """What would have to be carried out is refused with the reason and stays open; what leaves all as it is can still be said."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=1.0) as trip:
        item = await asked_about_a_late_lead(trip)
        trip.clock.skipped_s += 2 * 86_400
        assert await trip.phase() is State.DONE
        with pytest.raises(DoesNotFit, match="closed"):
            await desk(trip).queue_resolve(actor="uid:7", id=item.id, decision="take")
        assert [each.id for each in await trip.items("after_freeze") if each.kind == "lead"] == [item.id]
        await desk(trip).queue_resolve(actor="uid:7", id=item.id, decision="ignore")
        assert (await trip.staged("lead"))[item.key].state is RecordState.HELD
        assert LATE not in names(trip)


async def test_once_the_window_has_closed_no_owner_lets_anything_go(tmp_path: Path) -> None:
    """Owners looked at again, or a fallback named, would set free who waits for one: both are refused with the reason, and nothing runs."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=0.0) as trip:
        assert await trip.phase() is State.DONE
        key = await lead_without_owner(trip)
        with pytest.raises(DoesNotFit, match="closed"):
            await desk(trip).owners_recheck(actor="uid:7")
        with pytest.raises(DoesNotFit, match="closed"):
            await desk(trip).owners_fallback(actor="uid:7", email=FALLBACK)
        assert (await trip.staged("lead"))[key].state is RecordState.DONE
        assert [each.state for each in await trip.items(UNOWNED, None)] == ["open"]
        assert await trip.ledger.setting(FALLBACK_OWNER) is None


async def test_a_window_that_has_closed_is_not_opened_by_a_start(tmp_path: Path) -> None:
    """The process ends behind the closing: the next one is done at once, reads the source no more and has closed nothing twice."""
    async with voyage(tmp_path, at=State.WATCH, records=20, watch_days=0.0) as trip:
        assert await Watch(trip.m, trip.work).run() is State.DONE
        await trip.restart()
        closed_at = await trip.ledger.setting("closed_at")
        trip.wire("leadtrekker")
        assert await trip.phase() is State.DONE
        assert trip.wire("leadtrekker") == []
        assert await trip.ledger.setting("closed_at") == closed_at
        assert [row.entry.action async for page in trip.ledger.audit() for row in page].count("watch.closed") == 1
