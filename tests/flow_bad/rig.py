"""Sandboxes, places to run in, daemons and command lines as processes of their own, and how a clear refusal looks."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamflow.daemon.checking
import streamflow.daemon.main
import streamflow.store.sqlite  # noqa: F401  # warm for the commands that are forked
from streamflow.cli.main import main
from tests.hanging import HUNG_S

ROOT = Path(__file__).parents[2]
PLAIN = (sys.executable, "-m", "streamflow.cli")
FALLBACK = "office@example.co.za"
"""The user who takes records of owners without one."""
SLOW_MS = 300
"""What each call takes while a daemon is to be met at writing: the whole account takes a hundred times as long, for which nobody waits."""
Status = Mapping[str, Any]


def environ(**more: str) -> dict[str, str]:
    """Give the environment of a process of ours: nothing of the tester's own settings."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), **more}


# ------------------------------------------------------------------------------------------------ the platforms


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two simulated accounts that run."""

    dir: Path
    config: Path
    source_admin: str
    destination_admin: str
    before: Mapping[str, Any]
    """The dump of the destination before anybody wrote."""

    def source(self, **switches: Any) -> None:
        """Set switches of the source."""
        post(self.source_admin + "switches", switches)

    def destination(self, **switches: Any) -> None:
        """Set switches of the destination."""
        post(self.destination_admin + "switches", switches)

    def act(self, **order: Any) -> None:
        """Do something in the destination as a person."""
        post(self.destination_admin + "act", order)

    def written(self) -> int:
        """Count the calls that changed, or would change, something in the destination since it began."""
        calls = get(self.destination_admin + "log")["calls"]
        reads = ("GET", "RPC find", "RPC get", "RPC search", "RPC instance")
        return sum(count for name, count in calls.items() if not name.startswith(reads) and "api/v1/json" not in name)


@contextmanager
def running_pair(folder: Path, *options: str) -> Iterator[Pair]:
    """Run a pair for the length of a block."""
    command = [sys.executable, "-m", "streamflow.sandbox", "--pair", "leadtrekker-nutshell", "--dir", str(folder), *options]
    with subprocess.Popen(command, env=environ(), stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Pair(
                dir=folder, config=Path(told["config"]), source_admin=told["source"]["admin"],
                destination_admin=told["destination"]["admin"], before=get(told["destination"]["admin"] + "dump"),
            )  # fmt: skip
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=HUNG_S)


@contextmanager
def asking_pair() -> Iterator[Pair]:
    """Run a small pair in a folder of its own that goes through every gate by itself but the cutover."""
    options = ("--records", "40", "--gates", "auto", "--search-lag", "0.2")
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *options) as found:
        text = found.config.read_text(encoding="utf-8")
        found.config.write_text(text.replace('cutover = "auto"', 'cutover = "ask"'), encoding="utf-8")
        yield found


def post(url: str, body: Mapping[str, Any]) -> Any:
    """Send JSON to the admin face of a simulated platform."""
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    return _direct(request)


def get(url: str) -> Any:
    """Ask the admin face of a simulated platform, or a metrics address."""
    return _direct(urllib.request.Request(url))


def _direct(request: urllib.request.Request) -> Any:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=HUNG_S) as answer:
        return json.loads(answer.read())


# ------------------------------------------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def body(self) -> Any:
        """Give the JSON it printed last."""
        return json.loads(self.out.strip().splitlines()[-1])


class Command:
    """
    A command line in a process of its own, forked from this one.

    What the installed command does after its imports, without paying for them each time: there are many commands here.
    """

    def __init__(self, argv: list[str], variables: Mapping[str, str]) -> None:
        self._files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
        self._pid = os.fork()
        if self._pid == 0:
            code = 99
            try:
                code = self._be(argv, variables)
            finally:
                os._exit(code)

    def _be(self, argv: list[str], variables: Mapping[str, str]) -> int:
        os.setsid()
        for number, file in enumerate([open(os.devnull, "rb"), *self._files]):  # the process is its scope
            os.dup2(file.fileno(), number)
        os.environ.clear()
        os.environ.update(variables)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # as above
        try:
            return int(main(argv))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    def end(self, timeout_s: float = HUNG_S) -> Said:
        """Wait for the end; a command that does not end is killed and fails the test."""
        deadline = time.monotonic() + timeout_s
        while not (ended := os.waitpid(self._pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                raise AssertionError(f"the command did not end within {timeout_s} s: {self._texts()}")
            time.sleep(0.01)
        out, err = self._texts()
        for file in self._files:
            file.close()
        return Said(code=os.waitstatus_to_exitcode(ended[1]), out=out, err=err)

    def wait_for_words(self) -> None:
        """Wait until it has printed something."""
        deadline = time.monotonic() + HUNG_S
        while not self._texts()[0]:
            assert time.monotonic() < deadline, f"the command says nothing: {self._texts()}"
            time.sleep(0.01)

    def _texts(self) -> tuple[str, str]:
        out, err = (os.pread(file.fileno(), 10_000_000, 0).decode() for file in self._files)
        return out, err


# ------------------------------------------------------------------------------------------------ a place of one's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A configuration with a state directory of its own, next to a pair."""

    dir: Path

    @property
    def config(self) -> Path:
        """Give the configuration file."""
        return self.dir / "streamflow.toml"

    @property
    def state(self) -> Path:
        """Give the state directory."""
        return self.dir / "state"

    @property
    def socket(self) -> Path:
        """Give the control socket."""
        return self.dir / "control.sock"

    def edit(self, *changes: tuple[str, str]) -> Place:
        """Change the configuration as an operator would in an editor."""
        text = self.config.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"the configuration has no {old!r}"
            text = text.replace(old, new)
        self.config.write_text(text, encoding="utf-8")
        return self

    def line(self, key: str, new: str, *, section: str = "") -> Place:
        """Replace the first line that sets *key* (after *section*)."""
        lines = self.config.read_text(encoding="utf-8").splitlines()
        start = lines.index(section) if section else 0
        at = next(number for number in range(start, len(lines)) if lines[number].startswith(f"{key} ="))
        lines[at] = new
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self

    def set(self, section: str, line: str) -> Place:
        """Put a line at the beginning of a section, which is added where it is missing."""
        text = self.config.read_text(encoding="utf-8")
        head = f"[{section}]\n"
        self.config.write_text(text.replace(head, f"{head}{line}\n", 1) if head in text else f"{text}\n{head}{line}\n", encoding="utf-8")
        return self

    def ask_for_fallback(self) -> Place:
        """Let owners without a user be asked about, before anybody's record is written."""
        return self.line("fallback", "", section="[owners]")

    def append(self, text: str) -> Place:
        """Add to the end of the configuration."""
        with self.config.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")
        return self

    def cli(self, *words: str, timeout_s: float = HUNG_S, **variables: str) -> Said:
        """Run one command line to its end, in a process of its own."""
        return self.begin(*words, **variables).end(timeout_s)

    def begin(self, *words: str, **variables: str) -> Command:
        """Begin a command line in a process of its own."""
        return Command(["-c", str(self.config), *words], environ(**variables))

    def audit(self) -> list[dict[str, Any]]:
        """Export the audit and give its entries."""
        path = self.dir / "audit.jsonl"
        path.unlink(missing_ok=True)
        said = self.cli("audit", "export", str(path))
        assert said.code == 0, said
        return [json.loads(line)["entry"] for line in path.read_text(encoding="utf-8").splitlines()]

    def snapshot(self) -> dict[str, bytes]:
        """Give every file of the state directory but lock and side files, to see that nothing was touched."""
        passing = ("lock", "-wal", "-shm")
        return {
            str(path.relative_to(self.state)): path.read_bytes()
            for path in sorted(self.state.rglob("*")) if path.is_file() and not path.name.endswith(passing)
        }  # fmt: skip


def place_at(folder: Path, pair: Pair) -> Place:
    """Make a place that works with a running pair."""
    folder.mkdir(mode=0o700, parents=True)
    text = pair.config.read_text(encoding="utf-8")
    for name in ("state", "control.sock"):
        text = text.replace(str(pair.dir / name), str(folder / name))
    (folder / "streamflow.toml").write_text(text, encoding="utf-8")
    return Place(dir=folder)


# ------------------------------------------------------------------------------------------------ daemons


class Gone(Exception):
    """Nobody answers on the control socket."""


class Daemon:
    """A daemon as a process."""

    def __init__(self, place: Place, process: subprocess.Popen[bytes], log: Path) -> None:
        self.place = place
        self.process = process
        self._log = log

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, raw: bytes | None = None) -> tuple[int, Any]:
        """Ask over the control socket, as curl --unix-socket would."""
        connection = http.client.HTTPConnection("daemon", timeout=HUNG_S)
        try:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(HUNG_S)
            connection.sock.connect(str(self.place.socket))
            connection.request(method, path, body=raw if raw is not None else json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Gone from error
        finally:
            connection.close()

    def status(self) -> Status:
        """Give the status."""
        code, body = self.ask("GET", "/v1/status")
        assert code == 200, body
        found: Status = body
        return found

    def until(self, wanted: Callable[[Status], bool], what: str, *, timeout_s: float = HUNG_S) -> Status:
        """Wait for a status."""
        deadline = time.monotonic() + timeout_s
        last: Status | None = None
        while time.monotonic() < deadline:
            try:
                last = self.status()
            except Gone:
                assert self.process.poll() is None, f"the daemon ended before {what}: {self.words()}"
            else:
                if wanted(last):
                    return last
            time.sleep(0.05)
        raise AssertionError(f"no {what}; last: {last and (last['state'], last['reason'], last['gate'])}; {self.words()}")

    def gate(self, name: str) -> Status:
        """Wait for a gate."""
        return self.until(lambda status: (status["gate"] or {}).get("name") == name, f"gate {name}")

    def signal(self, which: signal.Signals) -> None:
        """Send the process a signal."""
        self.process.send_signal(which)

    def end(self, timeout_s: float = HUNG_S) -> int:
        """Wait for the end; gives the exit code."""
        return self.process.wait(timeout=timeout_s)

    def words(self) -> str:
        """Give what it wrote, log and errors."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def said(self, event: str) -> list[dict[str, Any]]:
        """Give the log lines of one event; the last one may be half written."""
        lines = [json.loads(line) for line in self.words().rpartition("\n")[0].splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    @property
    def last_words(self) -> str:
        """Give what it told people on stderr."""
        return "\n".join(line for line in self.words().splitlines() if not line.startswith("{"))


@contextmanager
def running_daemon(place: Place, *, by: Sequence[str] = PLAIN, output: int | None = None, **variables: str) -> Iterator[Daemon]:
    """Run the daemon of a place, by another program if asked to, its words written elsewhere; it is ended when the block is."""
    log = place.dir / "daemon.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*by, "-c", str(place.config), "run"], env=environ(**variables), stdout=file if output is None else output,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )
    with process:
        try:
            yield Daemon(place, process, log)
        finally:
            if process.poll() is None:
                process.kill()


def in_backfill(daemon: Daemon, pair: Pair) -> None:
    """Wait until records are being written, slowly enough to be met at it; nothing is before owners were asked about."""
    daemon.gate("owners")
    pair.destination(latency_ms=SLOW_MS)
    code, answer = daemon.ask("POST", "/v1/owners/fallback", {"email": FALLBACK})
    assert code == 200, answer
    daemon.until(lambda status: sum(each["created"] for each in status["streams"].values()) > 0, "the first records")


# ------------------------------------------------------------------------------------------------ verdicts


def assert_clear(said: Said, code: int, *words: str) -> None:
    """See that a command was refused in one clear message: exit code, one headline, a hint, these words, and nothing of our inside."""
    text = said.err
    assert said.code == code, (said.code, text)
    assert_told(text, *words)


def assert_told(text: str, *words: str) -> None:
    """See that a text is one clear message with a hint."""
    assert len([line for line in text.splitlines() if line.startswith("streamflow: ")]) == 1, text
    assert "  hint: " in text, text
    for alien in ("Traceback", "internal error", "Error:", "Errno", "object at 0x", "sandbox-key", "sandbox-lt-key"):
        assert alien not in text, text
    for word in words:
        assert word in text, (word, text)
