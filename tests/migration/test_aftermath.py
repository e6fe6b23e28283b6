"""Nothing is switched before the destination had the time to tell what people did under our last writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from streamflow.clock import from_iso
from streamflow.migration import cutover
from streamflow.migration.life import State
from streamflow.platforms.destination import Happening, is_person
from streamflow.stages.overwritten import UNLOOKED
from tests.migration.rig import ASK_CUTOVER, Voyage, in_tail, voyage
from tests.migration.test_resolving import STATUS, contact_of
from tests.migration.test_restored import at_the_very_moment
from tests.migration.test_told_late import SURELY_TOLD_S


def hidden(trip: Voyage, dest_id: str) -> list[float]:
    """Let the feed show what people do to a record only seconds after our next update; answers when that was."""
    trip.destination.adopt({"search_lag_s": SURELY_TOLD_S})
    moments: list[float] = []
    update, changed = trip.destination.writer.update, trip.destination.feed.changed

    async def timed(*args: Any, **more: Any) -> str:
        made = str(await update(*args, **more))
        moments.append(trip.clock.monotonic())
        return made

    def is_told(event: Happening) -> bool:
        is_due = bool(moments) and trip.clock.monotonic() >= moments[0] + SURELY_TOLD_S - 1
        return is_due or dest_id not in event.ids or not is_person(event.actor)

    async def behind(cursor: str, kinds: Any = ()) -> AsyncIterator[tuple[list[Happening], str]]:
        async for page, position in changed(cursor, kinds):
            yield [event for event in page if is_told(event)], position

    trip.destination.writer.update, trip.destination.feed.changed = timed, behind
    return moments


async def test_the_switch_waits_for_what_the_feed_tells_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the last round wrote over shows seconds later, behind all else, after a restart: it is in the queue when it switches."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        row = trip.source_rows("leads")[0]
        contact = await contact_of(trip, row["leadid"])
        edited = at_the_very_moment(trip, contact, {"customFields": {STATUS: "Theirs"}})
        moments = hidden(trip, contact)
        other = next(each["statusid"] for each in trip.source_rows("statuses") if each["name"] != row["status"])
        trip.in_source("edit", "leads", row["leadid"], statusid=other)
        await in_tail(trip)
        assert edited
        assert moments
        assert len(await trip.ledger.settings(UNLOOKED)) == 1
        assert await trip.items("conflict") == []
        trip.destination.adopt({"search_lag_s": SURELY_TOLD_S})     # as it was learned before the start
        written = trip.clock.now()

        async def passing(timeout_s: float | None = None, **_: object) -> None:
            trip.clock.skipped_s += timeout_s or 0.0

        monkeypatch.setattr(trip.m.control, "wait", passing)
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.WATCH)
        switched = from_iso((await trip.ledger.setting("switched"))["switched_at"])
        assert (switched - written).total_seconds() > SURELY_TOLD_S - 2
        [told] = await trip.items("conflict")
        assert told.id.startswith("overwritten:")
        assert (told.details["base"], told.details["destination"]) == (row["status"], "Theirs")
        assert await trip.ledger.settings(UNLOOKED) == {}
