"""A file system that is really full, or read-only, beneath the state directory: a clear end, nothing unmeant, and the run goes on afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow_bad.rig import Pair, Place, assert_told, running_daemon
from tests.storm.mounted import Mounted, mounted
from tests.storm.verdicts import assert_every_write_was_meant, assert_goes_on, in_backfill


@pytest.fixture
def disk(place: Place) -> Iterator[Mounted]:
    with mounted(place) as found:
        yield found


def test_a_file_system_that_fills_up(place: Place, pair: Pair, disk: Mounted) -> None:
    """Without a block left for ledger, reports or archive the run ends with 75 and says so, at the next start too, and goes on with room."""
    with running_daemon(place, by=disk.by) as daemon:
        in_backfill(daemon, pair)
        disk.fill()
        assert daemon.end() == 75, daemon.words()
        assert_told(daemon.last_words, "SQLITE_FULL", "free some space")
    assert_every_write_was_meant(disk.seen, pair)
    written = pair.written()
    with running_daemon(place, by=disk.by) as daemon:
        print(daemon.end(), daemon.words())
    assert pair.written() == written
    disk.free()
    assert_goes_on(place, pair, by=disk.by)


def test_a_directory_that_becomes_read_only(place: Place, pair: Pair, disk: Mounted) -> None:
    """Where no file can be made any more the run ends with a clear message, and so does a start, and it goes on once it can."""
    with running_daemon(place, by=disk.by) as daemon:
        in_backfill(daemon, pair)
        disk.close()
        pair.destination(latency_ms=0)
        try:
            print("CODE", daemon.end(timeout_s=30))
        except Exception as e:
            print("STILL", daemon.status())
        print(daemon.words())
    written = pair.written()
    with running_daemon(place, by=disk.by) as daemon:
        print("CODE", daemon.end(), daemon.words())
    assert pair.written() == written
    assert_every_write_was_meant(disk.seen, pair)
    disk.open()
    assert_goes_on(place, pair, by=disk.by)
