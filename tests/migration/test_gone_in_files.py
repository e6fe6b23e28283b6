"""Deletions at the source, where it is read from exports: a snapshot is read once, and what it lacks is asked about all the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from streamflow.migration import cutover
from streamflow.migration.life import State
from streamflow.sandbox.leadtrekker.export import write_snapshot
from tests.migration.rig import ASK_CUTOVER, Voyage, embark, in_tail


async def test_a_deletion_that_only_exports_show_is_asked_about(tmp_path: Path) -> None:
    """What two exports lack is asked about by the next sweep, what the last one lacks before the switch; nothing is removed."""
    async with embark(tmp_path, records=30, gates=ASK_CUTOVER, reader="files", streams={"lead": {}}) as trip:
        _export(trip)
        await trip.until(State.TAIL)
        await in_tail(trip)
        lead = next(row["leadid"] for row in trip.source_rows("leads"))
        person = next(link.dest_id for link in await trip.ledger.links_of("lead", [lead]) if not link.ref.part)
        trip.in_source("delete", "leads", lead)
        for _ in range(2):
            _export(trip)
            await in_tail(trip, lambda: None, lambda: None)
            await _sweep(trip)
        assert await _asked(trip, "lead") == {lead}
        before = await _asked(trip, "note")     # that lead's
        note = next(row["noteid"] for row in trip.source_rows("notes") if row["leadid"] != lead)
        trip.in_source("delete", "notes", note, silent=True)
        await _switch(trip)
        assert await _asked(trip, "note") - before == {note}
        assert person in trip.live("contacts")
        [item] = [item for item in await trip.items("deleted_at_source") if item.key == note]
        assert "the last export alone lacks it" in item.reason


async def test_one_export_that_lacks_a_record_proves_nothing(tmp_path: Path) -> None:
    """A record that one export lacks and the next one has again is not asked about."""
    async with embark(tmp_path, records=30, gates=ASK_CUTOVER, reader="files", streams={"lead": {}}) as trip:
        _export(trip)
        await trip.until(State.TAIL)
        await in_tail(trip)
        note = next(row["noteid"] for row in trip.source_rows("notes"))
        trip.in_source("delete", "notes", note, silent=True)
        _export(trip)
        await in_tail(trip, lambda: None, lambda: None)
        for _ in range(2):      # the same snapshot compared again is no second one
            await _sweep(trip)
        assert not await _asked(trip, "note")


async def test_nothing_is_switched_on_an_export_from_before_the_freeze(tmp_path: Path) -> None:
    """What was written behind the last export comes with the one that is asked for, however complete the last one was."""
    async with embark(tmp_path, records=20, gates=ASK_CUTOVER, reader="files", streams={"lead": {}}) as trip:
        _export(trip)
        await trip.until(State.TAIL)
        await in_tail(trip)
        trip.clock.skipped_s += 3_600.0
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.CUTOVER)
        trip.in_source("create", "leads", name="Just Before", email="just.before@example.com")

        async def export() -> None:
            _export(trip)

        await trip.answering({"export": export})
        assert trip.m.phase.state is State.WATCH
        assert "Just Before" in {row["name"] for row in trip.live("contacts").values()}


def _export(trip: Voyage) -> None:
    """Write the account as it stands into the inbox, each time as if a minute later."""
    inbox = trip.folder / "inbox"
    later = timedelta(minutes=1 + len(list(inbox.iterdir())) if inbox.exists() else 1)
    write_snapshot(trip.lt.state, inbox, stamp=(trip.clock.now() + later).replace(tzinfo=None))


async def _sweep(trip: Voyage) -> None:
    await trip.set("sweep:at", "2020-01-01T00:00:00Z")
    await in_tail(trip, lambda: None, lambda: None)


async def _asked(trip: Voyage, kind: str) -> set[str]:
    return {item.key for item in await trip.items("deleted_at_source") if item.kind == kind}


async def _switch(trip: Voyage) -> None:
    await cutover.request(trip.m, "uid:7", freeze_confirmed=True)

    async def export() -> None:
        _export(trip)

    async def through() -> None:
        while trip.m.phase.state is not State.WATCH:
            await trip.phase()

    await trip.answering({"export": export, "cutover": export}, through)
