"""
Where finished log lines go: written when the reader takes them, kept for a while when it does not, never waited for.

Rule 1: nobody who reads the log (journal, pipe, terminal, a file on a full disk) can make the daemon stand still or end it.
Rule 2: what cannot be kept is lost line by line, and how many were lost is said as soon as lines are taken again.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from streamflow.clock import SystemClock

PIECE_BYTES = 4096            # what a pipe that reports room takes at once (PIPE_BUF)
KEPT_BYTES = 1024 * 1024      # of lines that nobody takes
LOOK_EVERY_S = 0.05


@dataclass(slots=True)
class _Waiting:
    """A line on its way."""

    rest: memoryview
    stands_for: int        # lines: those it tells of, when it tells of lost ones
    is_tale: bool = False  # it does
    is_begun: bool = False


class LogSink:
    """
    A file descriptor as the binary file that structlog writes to: `write` and `flush` neither wait nor raise.

    *lost_line* makes the line that tells of so many lost ones.
    """

    def __init__(self, descriptor: int, *, lost_line: Callable[[int], bytes], kept_bytes: int = KEPT_BYTES) -> None:
        self._descriptor = descriptor
        self._lost_line = lost_line
        self._limit = kept_bytes
        self._waiting: deque[_Waiting] = deque()
        self._kept = 0           # bytes
        self._lost = 0           # lines not yet told of
        self.lost_lines = 0      # in all
        self._is_torn = False    # the last line ended in its middle
        self._lock = threading.Lock()    # libraries log from threads of theirs
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, line: bytes) -> int:
        """Take a line, and write what the reader takes now; answers its length, as files do."""
        with self._lock:
            if self._kept + len(line) > self._limit:
                self._lose(1)
            else:
                self._take(line, 1)
            self._write_on()
        return len(line)

    def flush(self) -> None:
        """Write what waits, as far as it is taken without waiting."""
        with self._lock:
            self._write_on()

    def finish(self, limit_s: float) -> None:
        """Give the reader a last chance, of *limit_s* seconds at most."""
        clock = SystemClock()
        deadline = clock.monotonic() + limit_s
        self.flush()
        while self._waiting and clock.monotonic() < deadline:
            self._poll.poll(LOOK_EVERY_S * 1000)
            self.flush()

    def _write_on(self) -> None:
        while self._waiting or self._lost:
            if not self._has_room():
                return
            if not self._waiting:
                self._take(self._lost_line(self._lost) + b"\n", self._lost, is_tale=True)
                self._lost = 0
            if not self._put(self._waiting[0]):
                return

    def _take(self, line: bytes, stands_for: int, *, is_tale: bool = False) -> None:
        self._waiting.append(_Waiting(memoryview(line), stands_for, is_tale))
        self._kept += len(line)

    def _lose(self, lines: int, *, is_tale: bool = False) -> None:
        self._lost += lines
        self.lost_lines += 0 if is_tale else lines     # what a tale stands for was counted as it was lost

    def _has_room(self) -> bool:
        return any(what & (select.POLLOUT | select.POLLERR) for _, what in self._poll.poll(0))

    def _put(self, line: _Waiting) -> bool:
        """Write a piece of the first line; answers whether to go on."""
        try:
            if self._is_torn:
                os.write(self._descriptor, b"\n")
                self._is_torn = False
            written = os.write(self._descriptor, line.rest[:PIECE_BYTES])
        except BlockingIOError:
            return False
        except OSError:      # nobody is there any more, or the disk is full: this line is lost, the next one tries again
            self._is_torn = self._is_torn or line.is_begun
            self._lose(line.stands_for, is_tale=line.is_tale)
            self._drop(line)
            return False
        self._kept -= written
        line.rest, line.is_begun = line.rest[written:], True
        if not line.rest:
            self._drop(line)
        return True

    def _drop(self, line: _Waiting) -> None:
        self._kept -= len(line.rest)
        self._waiting.popleft()
