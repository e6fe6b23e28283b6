"""What the machine gives the daemon: files, memory, its state directory, a ledger that others open too."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing

import pytest

from tests.flow_bad.rig import PLAIN, Pair, Place, assert_told, environ, running_daemon
from tests.hanging import HUNG_S
from tests.runbook import assert_named, figures
from tests.storm.threads import crowded
from tests.storm.verdicts import assert_every_write_was_meant, assert_goes_on, in_backfill

RACERS = 8
SPARE = 12
"""Files that are left to a daemon before there are too few."""


def test_the_ledger_is_held_by_another_program(place: Place, pair: Pair) -> None:
    """A shell with an open transaction on the ledger ends the run after a bounded wait, with 75 and who to look for; no write goes out."""
    with running_daemon(place) as daemon:
        in_backfill(daemon, pair)
        with closing(sqlite3.connect(place.state / "ledger.sqlite", isolation_level=None, timeout=10.0)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert daemon.end(timeout_s=30.0) == 75, daemon.words()
            assert_told(daemon.last_words, "another program holds it", "close whatever else")
            assert_every_write_was_meant(place, pair)
            with running_daemon(place) as second:
                assert second.end(timeout_s=30.0) == 75, second.words()
                assert_told(second.last_words, "another program holds it", "close whatever else")
    assert_goes_on(place, pair)


def test_a_short_look_by_another_program_is_waited_for(place: Place, pair: Pair) -> None:
    """A lock that is given back within seconds stops nothing."""
    with running_daemon(place) as daemon:
        in_backfill(daemon, pair)
        with closing(sqlite3.connect(place.state / "ledger.sqlite", isolation_level=None, timeout=10.0)) as other:
            other.execute("BEGIN IMMEDIATE")
            daemon.status()
            other.execute("ROLLBACK")
        pair.destination(latency_ms=0)
        daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=60.0)


def test_no_more_files(place: Place, pair: Pair) -> None:
    """When files run short the figures show it; without one for a new connection the run waits or ends by rule, and goes on with them."""
    with running_daemon(place) as daemon:
        in_backfill(daemon, pair)
        held = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        before = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (held + SPARE, before[1]))
        shown = figures(daemon.status()["listen"]["metrics"])
        for series in ("process_open_fds", "process_max_fds"):
            assert_named("F-39", series)
        assert shown["process_max_fds"] - shown["process_open_fds"] <= 2 * SPARE
        pair.destination(reset_after={"probability": 1.0, "times": 6})     # connections end, so that new ones are needed
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (held - 4, before[1]))
        try:
            daemon.process.wait(timeout=6.0)
        except subprocess.TimeoutExpired:
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, before)
            pair.destination(latency_ms=0)
            daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=90.0)
        assert "Traceback" not in daemon.words()
    assert_every_write_was_meant(place, pair)
    assert_goes_on(place, pair)


def test_too_few_files_for_a_start(place: Place, pair: Pair) -> None:
    """With hardly a file allowed a start ends with a message, and nothing is harmed."""
    for allowed in (8, 12, 16):
        with running_daemon(place, by=("sh", "-c", f'ulimit -n {allowed}; exec "$@"', "sh", *PLAIN)) as daemon:
            try:
                assert daemon.process.wait(timeout=12.0) not in (0, 1)
                assert "streamflow: " in daemon.last_words
                assert "Traceback" not in daemon.words(), daemon.words()
            except subprocess.TimeoutExpired:     # enough to work with, which it then does
                assert daemon.status()["phase"]
    assert_goes_on(place, pair)


def test_too_few_threads_for_a_start(place: Place, pair: Pair) -> None:
    """With hardly a thread allowed a start ends to be tried again, with a message or struck by a library; nothing is harmed."""
    few = crowded(place)
    for allowed in (1, 2, 4, 8):
        with running_daemon(place, by=few.limited(allowed)) as daemon:
            try:
                code = daemon.process.wait(timeout=12.0)
                assert code in (75, -signal.SIGABRT), daemon.words()
                assert code < 0 or "no more threads" in daemon.last_words
                assert "Traceback" not in daemon.words(), daemon.words()
            except subprocess.TimeoutExpired:     # enough to work with, which it then does
                assert daemon.status()["phase"]
    assert_goes_on(place, pair, by=few.by)


def test_no_more_threads(place: Place, pair: Pair) -> None:
    """A run that may have no thread more than it has goes through, or ends by rule, and goes on with them."""
    few = crowded(place)
    with running_daemon(place, by=few.by) as daemon:
        in_backfill(daemon, pair)
        few.stop(daemon)
        pair.destination(latency_ms=0)
        try:
            code = daemon.process.wait(timeout=6.0)
            assert code in (75, -signal.SIGABRT), daemon.words()
        except subprocess.TimeoutExpired:
            daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=90.0)
        assert "Traceback" not in daemon.words()
    assert_every_write_was_meant(place, pair)
    assert_goes_on(place, pair, by=few.by)


@pytest.mark.parametrize("spare_kb", [0, 1_000, 4_000])
def test_no_more_memory(place: Place, pair: Pair, spare_kb: int) -> None:
    """Without memory the run goes on, or ends with a message or as if it was killed, and the next start goes on."""
    with running_daemon(place) as daemon:
        in_backfill(daemon, pair)
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
            size_kb = next(int(line.split()[1]) for line in file if line.startswith("VmSize"))
        limit = (size_kb + spare_kb) * 1024
        resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            code = daemon.process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            daemon.process.kill()
        else:
            # Libraries in C fail in ways of their own where they get no memory; what counts is what is there afterwards.
            assert code not in (0, 1), daemon.words()
            assert code < 0 or daemon.last_words, daemon.words()
        assert "Traceback" not in daemon.words(), daemon.words()
    assert_every_write_was_meant(place, pair)
    assert_goes_on(place, pair)


def test_many_daemons_race_for_one_directory(place: Place, pair: Pair) -> None:
    """Of daemons that start at the same moment one works, on a new directory and on one that is there; all others end with 75."""
    for _ in range(2):
        command = [*PLAIN, "-c", str(place.config), "run"]
        racers = [
            subprocess.Popen(command, env=environ(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
            for _ in range(RACERS)
        ]
        try:
            losers = all_but_one(racers)
            assert [each.returncode for each in losers] == [75] * (RACERS - 1)
            for each in losers:
                assert_told(each.communicate(timeout=5.0)[1], "another daemon")
            [winner] = [each for each in racers if each not in losers]
            winner.send_signal(signal.SIGTERM)
            assert winner.wait(timeout=HUNG_S) == 0
        finally:
            for each in racers:
                each.kill()
                each.communicate(timeout=5.0)
    assert_goes_on(place, pair)


def all_but_one(racers: Sequence[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Wait until all but one have ended; give these."""
    deadline = time.monotonic() + HUNG_S
    while len(gone := [each for each in racers if each.poll() is not None]) < len(racers) - 1:
        assert time.monotonic() < deadline, f"{len(racers) - len(gone)} daemons work on one directory"
        time.sleep(0.05)
    return gone
