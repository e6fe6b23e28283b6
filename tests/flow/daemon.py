"""The daemon as a process of its own: started, watched, killed and started again; its words kept in a file."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flow.box import REPOSITORY, Box, environment
from tests.hanging import HUNG_S

_STOP_S = 20.0


class _Unix(http.client.HTTPConnection):
    """HTTP over a unix socket, as `curl --unix-socket` speaks it."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class NotAnswering(Exception):
    """Nobody answers on the control socket, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one command line did: its exit code, and the JSON it printed (None when it printed none)."""

    code: int
    body: Any
    stderr: str = ""


@dataclass(slots=True)
class Daemon:
    """One migration's daemon; may live several times."""

    box: Box
    process: subprocess.Popen[bytes] | None = None
    command: tuple[str, ...] = ("-m", "streamflow.cli")     # what is started, as words for Python
    within: tuple[str, ...] = ()                            # the words before it, of a program that becomes it somewhere else

    @property
    def log(self) -> Path:
        """Give the file with everything it said."""
        return self.box.dir / "daemon.log"

    @property
    def is_running(self) -> bool:
        """Say whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it; it goes on where the ledger says."""
        command = [*self.within, sys.executable, *self.command, "-c", str(self.box.config), "run"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**environment(), "STREAMFLOW_DEBUG": "1"},
            )  # fmt: skip

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def reload(self) -> None:
        """Have it read its settings anew."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def wait(self, timeout_s: float = HUNG_S) -> int:
        """Wait for its end and give the exit code."""
        assert self.process is not None
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon did not end within {timeout_s} s; {self.words()}") from None

    def stop(self) -> None:
        """End it in order, then by force."""
        if self.process is None:
            return
        if self.is_running:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def words(self, lines: int = 12) -> str:
        """Give the last of what it said, for a failing assertion."""
        if not self.log.exists():
            return "it said nothing"
        return "its last words:\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def last_trouble(self) -> str:
        """Give the code of the last failure it told its log of."""
        lines = self.log.read_text(errors="replace").rpartition("\n")[0].splitlines()     # the last one may be half written
        told = (json.loads(line) for line in reversed(lines) if line.startswith("{") and '"trouble"' in line)
        return next((str(each["code"]) for each in told if each["event"] == "trouble"), "")

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send one request over the control socket; gives status and JSON. Raises NotAnswering."""
        connection = _Unix(self.box.dir / "control.sock", HUNG_S)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers={"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            raise NotAnswering(str(error)) from error
        finally:
            connection.close()

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (name, data) of the event stream until it ends. Raises NotAnswering."""
        connection = _Unix(self.box.dir / "control.sock", HUNG_S)
        try:
            connection.request("GET", "/v1/events")
            response = connection.getresponse()
            name = ""
            for raw in response:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name:
                    yield name, json.loads(line.removeprefix("data: "))
                    name = ""
        except (OSError, http.client.HTTPException) as error:
            raise NotAnswering(str(error)) from error
        finally:
            connection.close()

    def cli(self, *words: str) -> Said:
        """Run one command of the command line with --json."""
        command = [sys.executable, "-m", "streamflow.cli", "-c", str(self.box.config), "--json", *words]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=HUNG_S, check=False, env=environment())
        lines = [line for line in done.stdout.splitlines() if line.startswith(("{", "["))]
        return Said(code=done.returncode, body=json.loads(lines[-1]) if lines else None, stderr=done.stderr)


@contextmanager
def daemon(box: Box) -> Iterator[Daemon]:
    """Start the daemon for the length of a block."""
    one = Daemon(box)
    one.start()
    try:
        yield one
    finally:
        one.stop()
