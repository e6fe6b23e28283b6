"""Work in a copy of this process, which may hang, eat memory or die without harm to anybody."""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from typing import Any

MEMORY = 4 << 30     # bytes that a copy may have before its memory ends
LATE = "late"
DIED = "died"


def in_a_copy(work: Callable[[], Any], *, work_s: float, wait_s: float) -> Any:
    """
    Do something in a copy of this process; answers with what it gave, `DIED` when it gave nothing.

    It is `LATE` when it takes more of the processor than *work_s*, however busy the machine is, or *wait_s* have passed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _do(work, reading, writing, work_s)
    os.close(writing)
    try:
        given = _read(reading, until=time.monotonic() + wait_s)
    finally:
        os.close(reading)
        status = _end(child)
    if given is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return LATE
    return pickle.loads(given) if given else DIED      # noqa: S301  # our own copy wrote it


def _do(work: Callable[[], Any], reading: int, writing: int, work_s: float) -> None:
    try:
        os.setsid()      # what it starts goes with it
        os.close(reading)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for each in (0, 1, 2):
            os.dup2(nowhere, each)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (ceil(work_s), ceil(work_s) + 1))
        with os.fdopen(writing, "wb") as out:
            out.write(pickle.dumps(work()))
    finally:
        os._exit(0)


def _read(reading: int, *, until: float) -> bytes | None:
    """Read to the end; None when that is not there in time."""
    found = bytearray()
    while select.select([reading], [], [], max(0.0, until - time.monotonic()))[0]:
        part = os.read(reading, 1 << 16)
        if not part:
            return bytes(found)
        found += part
    return None


def _end(child: int) -> int:
    """End it with all it started, which is in its group, unless it did itself; answers with how it ended."""
    ended, status = os.waitpid(child, os.WNOHANG)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return status if ended else os.waitpid(child, 0)[1]
