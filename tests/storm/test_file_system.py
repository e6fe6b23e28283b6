"""A file system that is read-only, full or without its disk beneath the state directory, from the start or while a run goes on."""

from __future__ import annotations

import pytest

from tests.flow.hands import stays_down
from tests.flow_bad.rig import Pair, Place, assert_told, running_daemon
from tests.storm.mounted import Mounted, on_a_disk, read_only, small
from tests.storm.verdicts import assert_every_write_was_meant, assert_goes_on, chain, in_backfill


def test_a_start_on_a_read_only_file_system(place: Place, pair: Pair) -> None:
    """A first start ends with 78 and says what cannot be written; nothing is sent and nothing is left behind."""
    with read_only(place) as disk:
        with running_daemon(place, by=disk.by) as daemon:
            assert daemon.end() == 78, daemon.words()
            assert_told(daemon.last_words, "state_dir", "Read-only")
        assert disk.files == []
    assert pair.written() == 0


def test_a_file_system_that_is_full(place: Place, pair: Pair) -> None:
    """Without a block left the run ends to be started again, which ends the same way until there is room; then it goes on."""
    with small(place) as disk:
        with running_daemon(place, by=disk.by) as daemon:
            in_backfill(daemon, pair)
            disk.fill()
            assert daemon.end() == 75, daemon.words()
            assert_told(daemon.last_words, "SQLITE_FULL", "free some space")
        assert_every_write_was_meant(disk.seen, pair)
        assert_starts_in_vain(disk, pair, "migration.state_dir", "free some space")
        before = chain(disk.seen)
        disk.free()
        assert_goes_on(place, pair, by=disk.by)
        assert chain(disk.seen)[: len(before)] == before


def test_a_directory_that_takes_no_more_files(place: Place, pair: Pair) -> None:
    """Where only what is open can be written, the first file that cannot be made ends the run, told as what it is, and it goes on later."""
    with small(place) as disk:
        with running_daemon(place, by=disk.by) as daemon:
            in_backfill(daemon, pair)
            disk.close()
            pair.destination(latency_ms=0)
            assert daemon.end() == 75, daemon.words()
            assert_told(daemon.last_words, "Read-only file system", "cannot write the report")
        assert_every_write_was_meant(disk.seen, pair)
        assert_starts_in_vain(disk, pair, "migration.state_dir", "Read-only file system")
        before = chain(disk.seen)
        disk.open()
        assert_goes_on(place, pair, by=disk.by)
        assert chain(disk.seen)[: len(before)] == before


@pytest.mark.parametrize(("fault", "word"), [("err", "Read-only file system"), ("lose", "Input/output error")])
def test_a_file_system_that_fails(place: Place, pair: Pair, fault: str, word: str) -> None:
    """When ext4 turns read-only, or loses its disk and what was not synced, the run ends to be started again, and goes on once mended."""
    with on_a_disk(place) as disk:
        with running_daemon(place, by=disk.by) as daemon:
            in_backfill(daemon, pair)
            getattr(disk, fault)()
            assert daemon.end() == 75, daemon.words()
            assert_told(daemon.last_words, "SQLITE_IOERR", "check disk")
            assert daemon.said("daemon.failed")
        assert_starts_in_vain(disk, pair, "migration.state_dir", word)
        disk.mend()
        assert_every_write_was_meant(disk.seen, pair)
        before = chain(disk.seen)
        assert_goes_on(place, pair, by=disk.by)
        assert chain(disk.seen)[: len(before)] == before


def assert_starts_in_vain(disk: Mounted, pair: Pair, *words: str) -> None:
    """See that the service manager's next start ends clearly and to be started again, and that nothing goes out by it."""
    written = pair.written()
    with running_daemon(disk.place, by=disk.by) as daemon:
        code = daemon.end()
        assert code == 75, daemon.words()
        assert code not in stays_down()
        assert_told(daemon.last_words, *words)
    assert pair.written() == written
