"""Whoever reads the log: asleep, gone, or with a full disk. The migration goes on, and ends when told to."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator

import pytest

from tests.flow_bad.rig import Pair, Place, running_daemon
from tests.storm.verdicts import in_backfill


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe in which there is no room for one more byte."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"\n" * 4096)
    yield reader, writer
    for each in (reader, writer):
        try:
            os.close(each)
        except OSError:
            assert each == reader


def test_a_reader_that_sleeps(place: Place, pair: Pair, full_pipe: tuple[int, int]) -> None:
    """With a log that nobody takes records are moved, the status answers, a signal ends it in order; who reads at last has it all."""
    with running_daemon(place, output=full_pipe[1]) as daemon:
        in_backfill(daemon, pair)
        pair.destination(latency_ms=0)
        daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=60.0)
        os.set_blocking(full_pipe[0], False)
        os.read(full_pipe[0], 4096)
        got = b""
        while b"gate.opened" not in got and b"cutover" not in got:
            assert daemon.process.poll() is None
            try:
                got += os.read(full_pipe[0], 65536)
            except BlockingIOError:
                daemon.status()
        assert b"daemon.started" in got
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0


def test_a_reader_that_never_wakes(place: Place, pair: Pair, full_pipe: tuple[int, int]) -> None:
    """Neither the end in order nor an error at the start hangs on a pipe that takes nothing, stderr included."""
    with running_daemon(place, output=full_pipe[1]) as daemon:
        daemon.until(lambda status: status["phase"] != "probe", "what follows the probe")
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0
    place.line("base_url", 'base_url = "nonsense"', section="[destination]")
    with running_daemon(place, output=full_pipe[1]) as daemon:
        assert daemon.end() == 78


def test_a_reader_that_is_gone(place: Place, pair: Pair, full_pipe: tuple[int, int]) -> None:
    """A log into a closed pipe changes nothing: neither the run nor its exit code."""
    os.close(full_pipe[0])
    with running_daemon(place, output=full_pipe[1]) as daemon:
        in_backfill(daemon, pair)
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0
    place.line("base_url", 'base_url = "nonsense"', section="[destination]")
    with running_daemon(place, output=full_pipe[1]) as daemon:
        assert daemon.end() == 78
