"""The control socket against another user of the machine, and against whoever floods it."""

from __future__ import annotations

import os
import random
import resource
import socket
import stat
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from streamflow.clock import SystemClock
from streamflow.daemon import log
from streamflow.daemon.metrics import Metrics
from tests.daemon.fake_operator import served, short_folder
from tests.daemon.log_lines import own_log
from tests.daemon.test_control import STATUS, answer, ask
from tests.hanging import HUNG_S
from tests.runbook import assert_named, values

NOBODY = 65_534
HELD = 2_000
CONNECTIONS = 3_000
FILES = 2 * HELD + 500      # both ends are in this process
ASKED = 5
GARBAGE = 300


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path


async def _as_nobody(path: Path, sent: bytes) -> bytes:
    """Send bytes as another user where we may become one (root may); gives what came back, or the name of the error."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(writer, _spoken(path, sent))
        finally:
            os._exit(0)
    os.close(writer)
    with anyio.fail_after(HUNG_S):
        await anyio.wait_readable(reader)
    os.waitpid(child, 0)  # noqa: ASYNC222  # it has said everything and ends
    with os.fdopen(reader, "rb") as file:
        return file.read()


def _spoken(path: Path, sent: bytes) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5.0)
            client.connect(str(path))
            client.sendall(sent)
            got = b""
            while piece := client.recv(65_536):
                got += piece
            return got
    except OSError as error:
        return type(error).__name__.encode()


async def test_another_user_of_the_machine_is_refused(folder: Path) -> None:
    """A process of another uid that gets as far as the socket is answered 403 to everything and counted; nothing reaches the operator."""
    own = os.geteuid()
    folder.chmod(0o711)
    metrics = Metrics(clock=SystemClock(), platforms=())
    with own_log() as lines:
        log.configure(form="json", level="info", count=metrics.logged, stream=lines)
        asked = await _ask_as_another(folder, own if own == 0 else own + 1)
    series = 'streamflow_log_lines_total{level="warning"}'
    assert_named("F-35", series)
    assert values(metrics.render()[0].decode())[series] == lines.getvalue().count(b"control.refused") == asked


async def _ask_as_another(folder: Path, allowed: int) -> int:
    """See that another user than the one who may is answered 403, whatever they ask; gives how often they asked."""
    async with served(folder, uids=frozenset({allowed})) as daemon:
        daemon.path.chmod(0o666)
        verbs = (b"GET /v1/status", b"GET /v1/queue/q1", b"GET /v1/events", b"POST /v1/stop", b"POST /v1/rollback", b"GET /")
        for verb in verbs:
            code, body = answer(await _as_nobody(daemon.path, verb + b" HTTP/1.1\r\nHost: d\r\nX-Uid: 0\r\n\r\n"))
            assert (code, body["error"]["code"]) == (403, "forbidden")
        assert daemon.operator.asked == []
    return len(verbs)


async def test_another_user_does_not_get_as_far_as_the_socket(folder: Path) -> None:
    """Without foreign users in the configuration the file itself keeps them out."""
    folder.chmod(0o711)
    async with served(folder) as daemon:
        assert stat.S_IMODE(daemon.path.stat().st_mode) == 0o600
        if os.geteuid() == 0:
            assert await _as_nobody(daemon.path, STATUS) == b"PermissionError"
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200


class _Flood:
    """Opens one connection after the other in a thread of its own, each with something unfinished, and keeps many of them open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = 0
        self.open: deque[socket.socket] = deque()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        body = b"POST /v1/pause HTTP/1.1\r\nContent-Length: 9\r\nHost: d\r\n\r\n{"
        beginnings = (b"", b"G", b"GET /v1/status HTTP/1.1\r\nHo", b"\x16\x03\x01", body)
        while not self.stopped.is_set():
            one = socket.socket(socket.AF_UNIX)
            one.connect(str(self.path))      # without a time limit, which would fail where the line is full
            try:
                one.sendall(beginnings[self.opened % len(beginnings)])
            except OSError:
                pass  # it had to make room at once
            self.opened += 1
            self.open.append(one)
            if len(self.open) > HELD:
                self.open.popleft().close()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process hold thousands of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_thousands_of_connections_do_not_silence_the_status(folder: Path) -> None:
    """While thousands of unfinished connections come in and are held by who made them, the status is answered, each time it is asked."""
    anyio.run(_flooded, folder, backend_options={"use_uvloop": True})      # as the daemon runs


async def _flooded(folder: Path) -> None:
    async with served(folder) as daemon:
        flood = _Flood(daemon.path)
        flood.thread.start()
        asked = 0
        try:
            with anyio.fail_after(HUNG_S):
                while flood.opened < CONNECTIONS or asked < ASKED:
                    assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200
                    asked += 1
        finally:
            flood.stopped.set()
            await anyio.to_thread.run_sync(flood.thread.join)
        assert len(flood.open) >= HELD
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200, "with all of these still open"
        for one in flood.open:
            one.close()
        assert daemon.operator.asked == []


def _garbage(dice: random.Random) -> bytes:
    """Give a request that is spoilt in one or several ways; many spoil nothing but look odd."""
    verbs = ("GET", "POST", "DELETE", "PRI", "get", "\x00")
    paths = ("/v1/status", "/v1/queue/" + "%2e" * 40, "/v1/pause", "*", "/v1/../../etc/passwd", "//", "/v1/records/lead/\xff", "http://x/")
    heads = (
        "Host: d", "Host: d\r\nHost: e", "Content-Length: 3\r\nContent-Length: 4", "Content-Length: 99999999999999999999",
        "Content-Length: x",
        "Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 2", "Expect: 100-continue", "X: " + "a" * 9_000, ": x",
        "Upgrade: websocket\r\nConnection: Upgrade", "Content-Encoding: gzip\r\nContent-Length: 4", "Last-Event-ID: " + "9" * 30,
        "\x00: \x01",
    )  # fmt: skip
    bodies = (
        b"", b"{", b"[" * 500, b'{"reason": "\\ud800"}', b'{"reason": 1e999}', b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"\x1f\x8b\x08\x00",
    )  # fmt: skip
    head = f"{dice.choice(verbs)} {dice.choice(paths)} HTTP/{dice.choice(('1.1', '1.0', '2', '9.9', ''))}\r\n"
    head += "\r\n".join(dice.sample(heads, dice.randint(0, 3))) + "\r\n\r\n"
    raw = bytearray(head.encode("latin-1") + dice.choice(bodies))
    for _ in range(dice.choice((0, 0, 1, 5))):
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    return bytes(raw)


async def test_garbage_of_many_kinds_leaves_the_daemon_answering(folder: Path) -> None:
    """Hundreds of spoilt requests are each answered or dropped; none is carried out by mistake, none is told our inside."""
    dice = random.Random(20_261_122)
    async with served(folder, idle_timeout_s=0.5) as daemon:
        for number in range(GARBAGE):
            got = await anyio.to_thread.run_sync(_exchange, daemon.path, _garbage(dice))
            assert b"Traceback" not in got
            assert b"aiohttp" not in got.lower()
            assert not got or got.startswith(b"HTTP/1.")
            if number % 50 == 0:
                assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200
        assert (await ask(daemon.path, "GET", "/v1/status"))[0] == 200
        assert {verb for verb, _ in daemon.operator.asked} <= {"pause"}


def _exchange(path: Path, sent: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5.0)
        client.connect(str(path))
        try:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            return client.recv(65_536)
        except OSError:
            return b""
