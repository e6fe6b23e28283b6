"""A migration interrupted in the middle of its writes: it ends in order, goes on, and nobody is there twice."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, Place, assert_clear, get, in_backfill, place_at, running_daemon, running_pair
from tests.hanging import HUNG_S

OPTIONS = ("--records", "60", "--gates", "auto", "--search-lag", "0.2")


def _ask_before_cutover(pair: Pair) -> Pair:
    text = pair.config.read_text(encoding="utf-8")
    pair.config.write_text(text.replace('cutover = "auto"', 'cutover = "ask"'), encoding="utf-8")
    return pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A pair of one's own, for what must begin with an empty destination."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as found:
        yield _ask_before_cutover(found)


def ids(pair: Pair) -> list[str]:
    """Give the markers of all people in the destination, to see that nobody is there twice."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(pair.destination_admin + "dump", timeout=HUNG_S) as answer:
        rows = json.loads(answer.read())["contacts"]
    found = [str(row["customFields"].get("Streamflow ID") or "") for row in rows if not row.get("deletedTime")]
    return [marker for marker in found if marker]


def assert_nobody_twice(pair: Pair) -> None:
    """See that people were moved, each once."""
    markers = ids(pair)
    assert len(markers) == len(set(markers)) > 0


@pytest.fixture
def beginning(pair: Pair) -> Iterator[Place]:
    """A place before its first start, with a pair of its own."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        yield place_at(Path(folder) / "p", pair).ask_for_fallback()


def test_key_revoked_in_the_middle(beginning: Place, pair: Pair) -> None:
    """A key that is revoked pauses the run and says what to do; a new one in its file is found, it goes on by itself and doubles nobody."""
    key = beginning.dir / "nutshell.key"
    key.write_text("sandbox-key", encoding="utf-8")
    key.chmod(0o600)
    beginning.line("api_key_file", f'api_key_file = "{key}"', section="[destination]")
    with running_daemon(beginning) as daemon:
        in_backfill(daemon, pair)
        pair.act(do="revoke_key", values={"key": "sandbox-key"})
        paused = daemon.until(lambda status: status["state"] == "paused", "pause")
        assert all(words in paused["reason"] for words in ("401", "was the key revoked?", "tried again in ")), paused["reason"]
        pair.act(do="add_key", values={"key": "another-key-3", "kind": "normal"})
        key.write_text("another-key-3", encoding="utf-8")
        pair.destination(latency_ms=0)
        daemon.gate("cutover")
        assert "another-key-3" not in daemon.words()
    assert_nobody_twice(pair)


def test_drain_and_go_on(beginning: Place, pair: Pair) -> None:
    """SIGTERM empties the stages and ends with 0; the next start knows what was done and goes on."""
    with running_daemon(beginning) as daemon:
        in_backfill(daemon, pair)
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0, daemon.words()
        assert daemon.said("daemon.draining")
        assert daemon.said("daemon.drained")
        assert not beginning.socket.exists()
    pair.destination(latency_ms=0)
    with running_daemon(beginning) as daemon:
        first = daemon.until(lambda _: True, "an answer")
        assert sum(stream["created"] for stream in first["streams"].values()) > 0
        daemon.gate("cutover")
    assert_nobody_twice(pair)


def test_second_signal(beginning: Place, pair: Pair) -> None:
    """A second signal ends at once, with 75; what was under way is looked up at the next start and nothing is doubled."""
    with running_daemon(beginning) as daemon:
        in_backfill(daemon, pair)
        pair.destination(delay_after={"delay_s": 20.0, "match": "POST"})
        daemon.until(lambda _: get(f"{pair.destination_admin}log")["faults"].get("delay_after", 0) > 0, "writes in the air")
        daemon.signal(signal.SIGTERM)
        daemon.until(lambda status: status["reason"].startswith("draining"), "drain")
        begun = time.monotonic()
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 75, daemon.words()
        assert time.monotonic() - begun < 6.0
    assert [each["actor"] for each in beginning.audit() if each["action"] == "stop"] == ["signal:SIGTERM"], "told as it came"
    pair.destination(delay_after=None, latency_ms=0)
    with running_daemon(beginning) as daemon:
        daemon.until(lambda status: status["phase"] == "tail", "tail")
    assert_nobody_twice(pair)


def test_rollback_over_a_pause(beginning: Place, pair: Pair) -> None:
    """A rollback that is asked for while the migration is paused begins at once and takes back everything that was made."""
    with running_daemon(beginning) as daemon:
        in_backfill(daemon, pair)
        daemon.ask("POST", "/v1/pause", {})
        pair.destination(latency_ms=0)
        assert daemon.ask("POST", "/v1/rollback", {"confirm": "sandbox"})[1]["result"] == "started"
        assert daemon.end() == 0, daemon.words()
        assert ids(pair) == []
    again = beginning.cli("run")
    assert (again.code, "rolled back since" in again.err) == (0, True)
    said = beginning.cli("rollback", "--confirm", "sandbox")
    assert (said.code, "already rolled back" in said.out, "carries it out" in said.out) == (0, True, False), "nothing is left to do"


def test_rollback_noted_while_nobody_runs(beginning: Place, pair: Pair) -> None:
    """Without a daemon a rollback is noted after the same confirmation, and the next start carries it out."""
    assert_clear(beginning.cli("rollback", "--confirm", "sandbox"), 64, "nothing has been written yet")
    with running_daemon(beginning) as daemon:
        in_backfill(daemon, pair)
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0
    pair.destination(latency_ms=0)
    assert_clear(beginning.cli("rollback"), 64, "must be confirmed")
    said = beginning.cli("rollback", "--confirm", "sandbox")
    assert (said.code, "noted" in said.out, "run` carries it out" in said.out) == (0, True, True)
    [ordered] = [each for each in beginning.audit() if each["action"] == "rollback.requested"]
    assert (ordered["actor"], ordered["note"]) == (f"uid:{os.geteuid()}", "run")
    with running_daemon(beginning) as daemon:
        assert daemon.end() == 0, daemon.words()
    assert ids(pair) == []
