"""A daemon in its days: keys revoked, signals, pauses, new settings, the service manager and its probes."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import socketserver
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.flow_bad.rig import Pair, Place, assert_told, place_at, running_daemon, running_pair
from tests.hanging import HUNG_S

OPTIONS = ("--records", "60", "--gates", "auto", "--search-lag", "0.2")


def _ask_before_cutover(pair: Pair) -> Pair:
    text = pair.config.read_text(encoding="utf-8")
    pair.config.write_text(text.replace('cutover = "auto"', 'cutover = "ask"'), encoding="utf-8")
    return pair


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A pair with all gates open but the last."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as found:
        yield _ask_before_cutover(found)


@pytest.fixture(scope="module")
def settled(pair: Pair) -> Iterator[Place]:
    """A migration that has come to the gate of the cutover and was stopped in order."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        place = place_at(Path(folder) / "p", pair)
        with running_daemon(place) as daemon:
            daemon.gate("cutover")
            daemon.signal(signal.SIGTERM)
            assert daemon.end() == 0, daemon.words()
        yield place


@pytest.fixture
def tailing(settled: Place, pair: Pair) -> Iterator[Place]:
    """A copy of that migration in a place of its own."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        place = place_at(Path(folder) / "p", pair)
        shutil.copytree(settled.state, place.state)
        yield place


def test_source_key_revoked_at_rest(tailing: Place, pair: Pair) -> None:
    """A source that takes the key no more pauses the tail, which goes on by itself when it does; a start with such a key ends with 77."""
    with running_daemon(tailing) as daemon:
        daemon.gate("cutover")
        pair.source(header="legacy")
        try:
            paused = daemon.until(lambda status: status["state"] == "paused", "pause")
            assert (paused["phase"], paused["gate"]) == ("tail", None)
        finally:
            pair.source(header="apikey")
        daemon.gate("cutover")
    pair.source(header="legacy")
    try:
        with running_daemon(tailing) as daemon:
            assert daemon.end() == 77, daemon.words()
            assert_told(daemon.last_words, "hint: ")
    finally:
        pair.source(header="apikey")


def test_rotated_key(tailing: Place, pair: Pair) -> None:
    """SIGHUP takes a rotated key from its file: the old one can be revoked under a running migration, and neither is ever told."""
    key = tailing.dir / "nutshell.key"
    key.write_text("sandbox-key", encoding="utf-8")
    key.chmod(0o600)
    tailing.line("api_key_file", f'api_key_file = "{key}"', section="[destination]")
    pair.act(do="add_key", values={"key": "rotated-key-2", "kind": "normal"})
    try:
        with running_daemon(tailing) as daemon:
            daemon.gate("cutover")
            key.write_text("rotated-key-2", encoding="utf-8")
            daemon.signal(signal.SIGHUP)
            daemon.until(lambda _: bool(daemon.said("settings.reloaded")), "reload")
            [line] = daemon.said("settings.reloaded")
            assert (line["changed"], line["needs_restart"]) == (["destination.api_key_file"], [])
            pair.act(do="revoke_key", values={"key": "sandbox-key"})
            calls = daemon.status()["calls"]["nutshell"]
            daemon.until(lambda status: status["calls"]["nutshell"] > calls + 4, "calls with the new key")
            daemon.signal(signal.SIGTERM)
            assert daemon.end() == 0, daemon.words()
            assert "rotated-key-2" not in daemon.words()
    finally:
        pair.act(do="add_key", values={"key": "sandbox-key", "kind": "normal"})


def test_pause_and_pace_survive(tailing: Place) -> None:
    """A pause and a pace are durable: a restart shows both, does nothing, and goes on when told to; each verb is idempotent."""
    with running_daemon(tailing) as daemon:
        daemon.gate("cutover")
        assert daemon.ask("POST", "/v1/pace", {"platform": "destination", "rate_per_s": 7.0})[1]["result"] == "set"
        assert daemon.ask("POST", "/v1/pause", {"reason": "stocktaking"})[1]["result"] == "paused"
        assert daemon.ask("POST", "/v1/pause", {})[1]["result"] == "already_paused"
        status = daemon.status()
        assert (status["state"], status["phase"]) == ("paused", "tail")
        assert "stocktaking" in status["reason"]
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0
    with running_daemon(tailing) as daemon:
        status = daemon.until(lambda status: status["state"] == "paused", "pause")
        assert (status["phase"], status["pace"]["nutshell"]["rate_per_s"] <= 7.0) == ("tail", True)
        calls = status["calls"]
        time.sleep(1.2)      # longer than a poll: nothing may have been asked
        assert daemon.status()["calls"] == calls
        assert daemon.ask("POST", "/v1/resume")[1]["result"] == "resumed"
        assert daemon.ask("POST", "/v1/resume")[1]["result"] == "already_running"
        status = daemon.until(lambda status: status["state"] == "tail" and status["calls"] != calls, "calls")
        assert status["pace"]["nutshell"]["rate_per_s"] <= 7.0


def test_new_settings(tailing: Place) -> None:
    """SIGHUP takes live settings, tells what needs a restart, keeps the operator's word, and refuses a broken file as a whole."""
    with running_daemon(tailing) as daemon:
        daemon.gate("cutover")
        daemon.ask("POST", "/v1/pace", {"platform": "source", "rate_per_s": 9.0})
        tailing.line("rate_per_s", "rate_per_s = 5.0", section="[pace.destination]")
        tailing.line("rate_per_s", "rate_per_s = 50.0", section="[pace.source]")
        tailing.line("poll_s", "poll_s = 0.5").line("timezone", 'timezone = "Africa/Lagos"')
        daemon.signal(signal.SIGHUP)
        daemon.until(lambda _: bool(daemon.said("settings.reloaded")), "reload")
        [line] = daemon.said("settings.reloaded")
        assert set(line["changed"]) == {"delta.poll_s", "pace.destination.rate_per_s", "pace.source.rate_per_s"}
        assert line["needs_restart"] == ["source.timezone"]
        pace = daemon.status()["pace"]
        assert (pace["nutshell"]["rate_per_s"] <= 5.0, pace["leadtrekker"]["rate_per_s"] <= 9.0) == (True, True)
        good = tailing.config.read_text(encoding="utf-8")
        tailing.config.write_text("[[[", encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.until(lambda _: any("not taken" in line["message"] for line in daemon.said("trouble")), "refusal")
        tailing.config.write_text(good + "\n[source.expected_counts]\nleads = 5\n", encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.until(lambda _: any("source.expected_counts.leads" in line["message"] for line in daemon.said("trouble")), "another refusal")
        tailing.config.write_text(good + '\n[log]\nlevel = "warning"\n', encoding="utf-8")
        daemon.signal(signal.SIGHUP)
        daemon.until(lambda _: daemon.process.poll() is None, "answer")
        assert "<withheld>" not in daemon.words()


def test_service_manager(tailing: Place) -> None:
    """READY comes when the socket answers, STATUS tells the phase, WATCHDOG is fed, RELOADING is answered, STOPPING comes at the end."""
    with managing(tailing.dir / "notify") as manager:
        with running_daemon(tailing, NOTIFY_SOCKET=str(tailing.dir / "notify"), WATCHDOG_USEC="1500000") as daemon:
            manager.hear("READY=1")
            assert daemon.status()["state"]
            manager.hear("STATUS=")
            manager.hear("WATCHDOG=1")
            daemon.gate("cutover")
            manager.hear("STATUS=tail")
            manager.told.clear()
            daemon.signal(signal.SIGHUP)
            manager.hear("RELOADING=1")
            manager.hear("READY=1")
            daemon.signal(signal.SIGTERM)
            manager.hear("STOPPING=1")
            manager.hear("EXTEND_TIMEOUT_USEC=")
            assert daemon.end() == 0


class Manager:
    """A service manager that takes what it is told at once: what finds its line full is lost."""

    def __init__(self, line: socket.socket) -> None:
        self.told: list[str] = []
        self._line = line
        self._more = threading.Condition()

    def take(self) -> None:
        """Take everything, up to an empty word."""
        while text := self._line.recv(4096).decode():
            with self._more:
                self.told.append(text)
                self._more.notify_all()

    def hear(self, word: str) -> None:
        """Wait until it was told this word."""
        with self._more:
            assert self._more.wait_for(lambda: any(word in each for each in self.told), HUNG_S), (word, self.told)


@contextmanager
def managing(address: Path) -> Iterator[Manager]:
    """Be the service manager that listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
        line.bind(str(address))
        manager = Manager(line)
        ear = threading.Thread(target=manager.take)
        ear.start()
        try:
            yield manager
        finally:
            last.sendto(b"", str(address))
            ear.join()


def test_probes_and_figures(tailing: Place, place: Place, pair: Pair) -> None:
    """Ready once both sides have taken the credentials, healthy while paused; the metrics show state and phase of the life table."""

    def ask(address: str, path: str) -> tuple[int, str]:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{address}{path}", timeout=HUNG_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    with held(pair.source_admin) as (there, goes_on):
        place.line("base_url", f'base_url = "{there}/api/"', section="[source]")
        with running_daemon(place) as daemon:
            address = daemon.until(lambda status: bool(status["listen"]["metrics"]), "metrics")["listen"]["metrics"]
            assert ask(address, "/healthz")[0] == 200
            code, body = ask(address, "/readyz")
            assert (code, json.loads(body)["reasons"]) == (503, ["not signed in on both sides yet"])
            goes_on.set()
            daemon.until(lambda _: ask(address, "/readyz")[0] == 200, "readiness")
    with running_daemon(tailing) as daemon:
        address = daemon.gate("cutover")["listen"]["metrics"]
        daemon.ask("POST", "/v1/pause", {})
        daemon.until(lambda _: 'streamflow_state{state="paused"} 1.0' in ask(address, "/metrics")[1], "figures")
        text = ask(address, "/metrics")[1]
        assert 'streamflow_phase{phase="tail"} 1.0' in text
        assert 'phase="paused"' not in text
        assert sum(line.endswith(" 1.0") for line in text.splitlines() if line.startswith("streamflow_state{")) == 1
        assert (ask(address, "/healthz")[0], ask(address, "/readyz")[0]) == (200, 200)


@contextmanager
def held(platform: str) -> Iterator[tuple[str, threading.Event]]:
    """Run a line to a platform on which nothing is answered before the event is set; gives its address, and the event."""
    goes_on, at = threading.Event(), urlsplit(platform)

    class Line(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            goes_on.wait()
            with socket.create_connection((at.hostname, at.port)) as other:
                back = threading.Thread(target=pour, args=(other, self.request))
                back.start()
                pour(self.request, other)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", goes_on
        finally:
            goes_on.set()
            server.shutdown()
            thread.join()


def pour(one: socket.socket, other: socket.socket) -> None:
    """Pass on what one side says, until it is gone, however it went, or the other one is; then neither says any more."""
    with suppress(OSError):
        while said := one.recv(65_536):
            other.sendall(said)
    for each in (one, other):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def test_over_already(tailing: Place) -> None:
    """A migration that is done is not begun again: `run` says so and ends with the same code; watching it ended in order."""
    with running_daemon(tailing) as daemon:
        daemon.gate("cutover")
        watching = tailing.begin("status", "--watch")
        watching.wait_for_words()
        daemon.until(lambda _: daemon.ask("POST", "/v1/cutover", {"freeze_confirmed": True})[0] == 200, "the switch")
        watched, code = watching.end(), daemon.end()
        assert code in (0, 1), daemon.words()
        assert watched.code == 0, watched
    again = tailing.cli("run")
    assert (again.code, "this migration is done since" in again.err) == (code, True)


def test_secrets_stay_secret(tailing: Place) -> None:
    """Neither key is in a log line, also in the form of a header."""
    with running_daemon(tailing) as daemon:
        daemon.gate("cutover")
        words = daemon.words()
    for key in ("sandbox-key", "sandbox-lt-key"):
        assert key not in words
        assert base64.b64encode(key.encode()).decode() not in words
