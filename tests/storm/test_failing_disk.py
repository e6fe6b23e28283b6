"""A daemon whose disk fails under it: it says so, stops before the next write goes out, keeps its state, and goes on when there is room."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow_bad.rig import PLAIN, Daemon, Pair, Place, assert_told, environ, running_daemon
from tests.hanging import HUNG_S
from tests.storm.verdicts import assert_every_write_was_meant, assert_goes_on, in_backfill

WORDS = {
    "full": ("SQLITE_FULL", "free some space"),
    "write": ("SQLITE_IOERR_WRITE", "check disk"),
    "sync": ("SQLITE_IOERR_FSYNC", "check disk"),
    "torn": ("SQLITE_IOERR_WRITE", "check disk"),
}


@pytest.fixture
def order(place: Place) -> Path:
    """The file by which the disk is told to fail."""
    path = place.dir / "disk"
    path.write_text("")
    return path


def by(order: Path) -> tuple[str, ...]:
    """Give the program that runs the daemon on that disk."""
    return (sys.executable, "-m", "tests.store.disk", str(order))


@pytest.mark.parametrize("word", list(WORDS))
def test_the_ledger_cannot_be_written(place: Place, pair: Pair, order: Path, word: str) -> None:
    """A full disk, an error of writing or syncing and a torn write end the run with 75 and one clear message; nothing goes out unmeant."""
    with running_daemon(place, by=by(order)) as daemon:
        in_backfill(daemon, pair)
        order.write_text(word)
        assert daemon.end() == 75, daemon.words()
        assert "internal error" not in daemon.words()
        assert_told(daemon.last_words, *WORDS[word])
        assert daemon.said("daemon.failed")
    assert_every_write_was_meant(place, pair)
    assert_goes_on(place, pair)


def test_an_order_while_nothing_is_moved(place: Place, pair: Pair, order: Path) -> None:
    """An order that meets a full disk says so, and ends a run that waits for a person too: what takes nothing any more is started again."""
    with running_daemon(place, by=by(order)) as daemon:
        daemon.gate("cutover")
        order.write_text("full")
        status, said = daemon.ask("POST", "/v1/pause", {})
        assert (status, said["error"]["code"]) == (503, "disk")
        assert_told(f"streamflow: {said['error']['message']}\n  hint: {said['error']['hint']}", *WORDS["full"])
        assert daemon.end(timeout_s=60.0) == 75, daemon.words()
        assert_told(daemon.last_words, *WORDS["full"])
    assert_goes_on(place, pair)


def test_killed_in_the_middle_of_a_write_of_its_file(place: Place, pair: Pair, order: Path) -> None:
    """A process that ends with half a write on the disk leaves a book that is sound, and goes on."""
    with running_daemon(place, by=by(order)) as daemon:
        in_backfill(daemon, pair)
        order.write_text("kill")
        assert daemon.end() == -9
    assert_every_write_was_meant(place, pair)
    assert_goes_on(place, pair)


def test_no_room_for_any_file(place: Place, pair: Pair) -> None:
    """Where no file at all takes a byte any more (ledger, reports, log), the run ends with 75, and goes on once there is room."""
    with running_daemon(place) as daemon:
        in_backfill(daemon, pair)
        fill(daemon)
        assert daemon.end() == 75
    assert_every_write_was_meant(place, pair)
    assert_goes_on(place, pair)


def fill(daemon: Daemon) -> None:
    """Let the process write no further byte into any file."""
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def test_no_room_at_the_start(place: Place, pair: Pair, order: Path) -> None:
    """A first start, and a later one, without room end with a clear message; nothing is begun by halves."""
    order.write_text("full")
    with running_daemon(place, by=by(order)) as daemon:
        assert daemon.end() == 75
        assert_told(daemon.last_words, "migration.state_dir", "SQLITE_FULL", "free some space")
    assert pair.written() == 0
    assert_goes_on(place, pair)
    with running_daemon(place, by=by(order)) as daemon:
        assert daemon.end() == 75, daemon.words()
        assert_told(daemon.last_words, "migration.state_dir", "SQLITE_FULL", "free some space")


def test_no_room_for_the_smallest_file_at_the_start(place: Place, pair: Pair) -> None:
    """Where not even the lock can be noted, that is told as well."""
    command = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *PLAIN, "-c", str(place.config), "run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HUNG_S, check=False, env=environ())
    assert done.returncode == 75, done.stderr
    assert_told(done.stderr, "migration.state_dir", "lock")
    assert pair.written() == 0
    assert_goes_on(place, pair)
