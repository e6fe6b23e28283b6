"""sd_notify, heard on a real datagram socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from streamflow.clock import SystemClock
from streamflow.daemon.notify import Notifier
from tests.hanging import HUNG_S


def listen(address: str) -> socket.socket:
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(address)
    heard.settimeout(2)
    return heard


@pytest.mark.parametrize("is_abstract", [False, True], ids=["path", "abstract"])
def test_states(folder: Path, is_abstract: bool) -> None:
    """Each state arrives as the manual of sd_notify wants it, by path and by abstract name."""
    name = f"streamflow-test-{os.getpid()}"
    with listen(f"\0{name}" if is_abstract else str(folder / "n")) as heard:
        notifier = Notifier(SystemClock(), {"NOTIFY_SOCKET": f"@{name}" if is_abstract else str(folder / "n")})
        notifier.ready("tail: running\nqueue 0")
        assert heard.recv(500) == b"READY=1\nSTATUS=tail: running queue 0"
        notifier.status("x" * 500)
        assert len(heard.recv(500)) <= 210
        notifier.reloading()
        first, second = heard.recv(500).split(b"\n")
        assert first == b"RELOADING=1"
        assert int(second.removeprefix(b"MONOTONIC_USEC=")) > 0
        notifier.extend(1.5)
        assert heard.recv(500) == b"EXTEND_TIMEOUT_USEC=1500000"
        notifier.stopping()
        assert heard.recv(500) == b"STOPPING=1"


async def test_watchdog_is_fed_while_healthy(folder: Path) -> None:
    """The watchdog is fed at a third of its time, and no longer once something is stuck."""
    rounds = iter([[], [], ["stage load is stuck"]])
    slept: list[float] = []

    class Ticks(SystemClock):
        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                scope.cancel()
            await anyio.lowlevel.checkpoint()

    environ = {"NOTIFY_SOCKET": str(folder / "n"), "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    with listen(str(folder / "n")) as heard:
        with anyio.CancelScope() as scope:
            await Notifier(Ticks(), environ).feed(lambda: next(rounds))
        assert slept == [10.0, 10.0, 10.0]
        assert [heard.recv(100), heard.recv(100)] == [b"WATCHDOG=1", b"WATCHDOG=1"]
        heard.setblocking(False)
        with pytest.raises(BlockingIOError):
            heard.recv(100)


async def test_silent_without_a_manager(folder: Path) -> None:
    """Without a service manager, or with one that is gone, nothing happens and nothing fails."""
    for environ in ({}, {"NOTIFY_SOCKET": str(folder / "gone")}, {"NOTIFY_SOCKET": "relative"}, {"WATCHDOG_USEC": "x"}):
        notifier = Notifier(SystemClock(), environ)
        notifier.ready()
        notifier.stopping()
        with anyio.fail_after(HUNG_S):
            await notifier.feed(list)
    assert Notifier(SystemClock(), {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s is None
