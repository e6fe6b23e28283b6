"""A daemon in its days: keys revoked, signals, pauses, new settings, the service manager and its probes."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, Place, assert_told, place_at, running_daemon, running_pair

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
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = tailing.dir / "notify"
        manager.bind(str(address))
        manager.settimeout(20.0)
        heard: list[str] = []

        def hear(word: str) -> None:
            while not any(word in each for each in heard):
                heard.append(manager.recv(4096).decode())

        with running_daemon(tailing, NOTIFY_SOCKET=str(address), WATCHDOG_USEC="1500000") as daemon:
            hear("READY=1")
            assert daemon.status()["state"]
            hear("STATUS=")
            hear("WATCHDOG=1")
            daemon.gate("cutover")
            hear("STATUS=tail")
            heard.clear()
            daemon.signal(signal.SIGHUP)
            hear("RELOADING=1")
            hear("READY=1")
            daemon.signal(signal.SIGTERM)
            hear("STOPPING=1")
            hear("EXTEND_TIMEOUT_USEC=")
            assert daemon.end() == 0


def test_probes_and_figures(tailing: Place, place: Place, pair: Pair) -> None:
    """Ready once both sides have taken the credentials, healthy while paused; the metrics show state and phase of the life table."""

    def ask(address: str, path: str) -> tuple[int, str]:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{address}{path}", timeout=10.0) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    pair.source(latency_ms=700)
    try:
        with running_daemon(place) as daemon:
            address = daemon.until(lambda status: bool(status["listen"]["metrics"]), "metrics")["listen"]["metrics"]
            assert ask(address, "/healthz")[0] == 200
            code, body = ask(address, "/readyz")
            assert (code, json.loads(body)["reasons"]) == (503, ["not signed in on both sides yet"])
            pair.source(latency_ms=0)
            daemon.until(lambda _: ask(address, "/readyz")[0] == 200, "readiness")
    finally:
        pair.source(latency_ms=0)
    with running_daemon(tailing) as daemon:
        address = daemon.gate("cutover")["listen"]["metrics"]
        daemon.ask("POST", "/v1/pause", {})
        daemon.until(lambda _: 'streamflow_state{state="paused"} 1.0' in ask(address, "/metrics")[1], "figures")
        text = ask(address, "/metrics")[1]
        assert 'streamflow_phase{phase="tail"} 1.0' in text
        assert 'phase="paused"' not in text
        assert sum(line.endswith(" 1.0") for line in text.splitlines() if line.startswith("streamflow_state{")) == 1
        assert (ask(address, "/healthz")[0], ask(address, "/readyz")[0]) == (200, 200)


def test_over_already(tailing: Place) -> None:
    """A migration that is done is not begun again: `run` says so and ends with the same code; watching it ended in order."""
    tailing.line("cutover", 'cutover = "auto"', section="[gates]")
    with running_daemon(tailing) as daemon:
        daemon.until(lambda _: True, "an answer")
        watched = tailing.cli("status", "--watch", timeout_s=60.0)
        code = daemon.end()
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
