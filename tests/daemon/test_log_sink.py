"""Where log lines go: a reader that takes nothing, goes away or has no room holds up nobody, and is told what it missed."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from streamflow.daemon.log_sink import LogSink

PIPE_BYTES = 4096


@dataclass(slots=True)
class Pipe:
    """A small pipe."""

    reader: int
    writer: int

    def take(self) -> bytes:
        """Read what is there."""
        try:
            return os.read(self.reader, 1_000_000)
        except BlockingIOError:
            return b""


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(reader, False)
    yield Pipe(reader, writer)
    for each in (reader, writer):
        try:
            os.close(each)
        except OSError:
            assert each == reader, "only the reader is closed in between"


def told(count: int) -> bytes:
    return b"lost %d" % count


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """A sink that waits for its reader would wait for ever: it is interrupted, and the test fails."""
    signal.alarm(20)
    yield
    signal.alarm(0)


def test_a_reader_that_sleeps_loses_nothing_within_the_bound(pipe: Pipe) -> None:
    """Lines that a pipe has no room for wait, come whole and in their order, also those longer than the pipe."""
    sink = LogSink(pipe.writer, lost_line=told)
    lines = [b"%d %s\n" % (number, b"x" * (10_000 if number == 7 else 500)) for number in range(60)]
    for line in lines:
        assert sink.write(line) == len(line)
    got = b""
    while part := pipe.take():
        got += part
        sink.flush()
    assert got == b"".join(lines)


def test_what_cannot_be_kept_is_counted_and_told(pipe: Pipe) -> None:
    """Beyond the bound the newest lines are lost, each as a whole, and the reader is told how many once it is back."""
    sink = LogSink(pipe.writer, lost_line=told, kept_bytes=20_000)
    for number in range(500):
        sink.write(b"%04d %s\n" % (number, b"x" * 94))
    got = b""
    while part := pipe.take():
        got += part
        sink.flush()
    *whole, last = got.splitlines()
    assert [int(line[:4]) for line in whole] == list(range(len(whole)))
    assert len(whole) > 200
    assert last == b"lost %d" % (500 - len(whole))
    assert sink.lost_lines == 500 - len(whole)
    sink.write(b"again\n")
    assert pipe.take() == b"again\n"


def test_a_reader_that_is_gone_is_no_error(pipe: Pipe) -> None:
    """A closed pipe takes no line and raises nothing."""
    sink = LogSink(pipe.writer, lost_line=told)
    sink.write(b"one\n")
    os.close(pipe.reader)
    for _ in range(100):
        sink.write(b"two\n")
    sink.finish(0.1)


def test_the_end_does_not_wait_for_a_sleeping_reader(pipe: Pipe) -> None:
    """At the end of the process what waits gets a short last chance, and no more."""
    sink = LogSink(pipe.writer, lost_line=told)
    for _ in range(100):
        sink.write(b"x" * 99 + b"\n")
    begun = time.monotonic()
    sink.finish(0.2)
    assert time.monotonic() - begun < 5.0


def test_a_full_disk_tears_no_other_line(tmp_path: Path) -> None:
    """Where the file takes no more, lines are lost; with room again the rest stands on lines of its own, with their number."""
    path = tmp_path / "log"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with path.open("ab", buffering=0) as file:
        sink = LogSink(file.fileno(), lost_line=told)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
            for line in (b"first\n", b"second line\n", b"third\n"):
                sink.write(line)
            sink.flush()     # their number is not taken either, and is no line of its own
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert sink.lost_lines == 2
        sink.write(b"fourth\n")
    assert path.read_bytes() == b"first\nseco\nfourth\nlost 2\n"
