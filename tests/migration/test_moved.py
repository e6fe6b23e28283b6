"""Leads merged at the source, read from exports: the file of one stays one note, on the person who stayed."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from streamflow.migration.life import State
from streamflow.sandbox.leadtrekker.export import write_snapshot
from tests.migration.rig import ASK_CUTOVER, Voyage, embark, in_tail

STAMP = datetime(2026, 6, 1, 8, 0, 0)


async def test_a_file_follows_its_lead_s_merge_from_export_to_export(tmp_path: Path) -> None:
    """Its one note goes to the person who stayed and names where the bytes are now; the bytes are there, and nothing differs."""
    async with embark(tmp_path, records=30, gates=ASK_CUTOVER, reader="files", streams={"lead": {}}) as trip:
        _export(trip, 0)
        await trip.until(State.TAIL)
        await in_tail(trip)
        goes = next(iter(trip.source_rows("attachments")))["leadid"]
        lines = await trip.ledger.links_of("lead", list(await trip.staged("lead")))
        people = {line.ref.key: line.dest_id for line in lines if not line.ref.part}
        stays = next(key for key, home in people.items() if home != people[goes])
        before = await _files(trip)
        trip.in_source("merge", "leads", goes, into=stays)
        _export(trip, 1)
        await in_tail(trip)
        now = await _files(trip)
        moved = {key: note for key, note in now.items() if key not in before}
        assert moved
        assert len(now) == len(before), "no record more, none less"
        told = [row["id"] for row in trip.live("notes").values() if "[sf:lt:attachment:" in row["body"]]
        assert sorted(told) == sorted(now.values()), "no note more, none less"
        for key, note in moved.items():
            record = (await trip.staged("attachment"))[key].record
            assert record.parent == stays
            row = trip.live("notes")[note]
            assert row["links"]["parent"] == people[stays]
            assert f"Archived at: files/{stays}/{key}\n" in row["body"]
            kept = tmp_path / "state" / "files" / stays / key
            assert sha256(kept.read_bytes()).hexdigest() == record.data["sha256"]
        assert not await trip.items("read_back_differs")


def _export(trip: Voyage, hours: int) -> None:
    """Write the account as it stands into the inbox."""
    write_snapshot(trip.lt.state, trip.folder / "inbox", stamp=STAMP + timedelta(hours=hours))


async def _files(trip: Voyage) -> dict[str, str]:
    """Give the note of each file that is known, by key."""
    return {line.ref.key: line.dest_id for line in await trip.ledger.links_of("attachment", list(await trip.staged("attachment")))}
