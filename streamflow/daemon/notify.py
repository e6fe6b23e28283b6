"""Telling the service manager how things stand: sd_notify by a plain datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

from streamflow.clock import Clock

USEC = 1_000_000
STATUS_MAX_CHARS = 200


class Notifier:
    """
    Sends the states of sd_notify(3). Without a service manager every method does nothing.

    Failing to notify never fails the daemon: errors of the socket are dropped.
    """

    def __init__(self, clock: Clock, environ: Mapping[str, str] = os.environ) -> None:
        self._clock = clock
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environ)

    def ready(self, status: str = "") -> None:
        """Say that start-up (or a reload) is complete."""
        self._send("READY=1", *_status(status))

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send(*_status(text))

    def reloading(self) -> None:
        """Say that settings are being re-read; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.monotonic() * USEC)}")

    def stopping(self, status: str = "") -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1", *_status(status))

    def extend(self, seconds: float) -> None:
        """Ask for more time while draining."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * USEC)}")

    def alive(self) -> None:
        """Feed the watchdog once."""
        self._send("WATCHDOG=1")

    async def feed(self, unhealthy: Callable[[], object]) -> None:
        """
        Feed the watchdog from the event loop at a third of its time for as long as *unhealthy* finds nothing.

        Returns at once when no watchdog is set; else runs until cancelled.
        """
        if self.watchdog_s is None:
            return
        while True:
            if not unhealthy():
                self.alive()
            await self._clock.sleep(self.watchdog_s / 3)

    def _send(self, *lines: str) -> None:
        if self._address is None or not lines:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            pass  # a manager that is full or gone must not stop a migration


def _address(text: str) -> str | None:
    if text.startswith("@"):
        return "\0" + text[1:]  # the abstract namespace
    return text if text.startswith("/") else None


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / USEC


def _status(text: str) -> list[str]:
    line = " ".join(text.split())[:STATUS_MAX_CHARS]
    return [f"STATUS={line}"] if line else []
