"""An audit that was changed while nobody looked: nothing more is written until a person has said so."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
from collections.abc import Iterator

import pytest

from tests.flow_bad.rig import Daemon, Pair, Place, asking_pair, assert_clear, in_backfill, running_daemon


@pytest.fixture
def pair() -> Iterator[Pair]:
    with asking_pair() as found:
        yield found


def spoil(place: Place, seq: int) -> None:
    """Change an entry as somebody would who can write the file."""
    with contextlib.closing(sqlite3.connect(place.state / "ledger.sqlite")) as book, book:
        for (guard,) in book.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            book.execute(f"DROP TRIGGER {guard}")
        [entry] = book.execute("SELECT entry FROM audit WHERE seq = ?", (seq,)).fetchone()
        book.execute("UPDATE audit SET entry = ? WHERE seq = ?", (entry.replace('"actor"', '"Actor"', 1), seq))


def spoil_bytes(place: Place, seq: int) -> None:
    """Change an entry as a failing disk would: what stands there is no JSON any more."""
    path = place.state / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as book:
        book.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [entry] = book.execute("SELECT entry FROM audit WHERE seq = ?", (seq,)).fetchone()
    content, was = path.read_bytes(), entry.encode()
    assert was in content
    path.write_bytes(content.replace(was, b"X" + was[1:]))


def paused(daemon: Daemon) -> str:
    """Wait for the pause, which may be an operator's until the audit was walked along; gives its reason."""
    found = daemon.until(lambda status: status["state"] == "paused" and "nothing more is written" in status["reason"], "pause")
    return str(found["reason"])


def test_a_broken_audit_pauses_the_run_before_anything_is_written(place: Place, pair: Pair) -> None:
    """Nothing is written or taken back on a ledger that was changed, over restarts, until a person goes on with it; that is audited."""
    with running_daemon(place.ask_for_fallback()) as daemon:
        in_backfill(daemon, pair)
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0, daemon.words()
    spoil_bytes(place, 3)
    written = pair.written()
    pair.destination(latency_ms=0)
    for _ in range(2):
        with running_daemon(place) as daemon:
            reason = paused(daemon)
            assert all(words in reason for words in ("from entry 3 on", "nothing more is written", "`audit export`", "`resume`")), reason
            code, told = daemon.ask("POST", "/v1/rollback", {"confirm": "sandbox"})
            assert (code, "`resume` comes first" in told["error"]["hint"]) == (409, True), told
            assert pair.written() == written
            daemon.signal(signal.SIGTERM)
            assert daemon.end() == 0, daemon.words()
    with running_daemon(place) as daemon:
        paused(daemon)
        assert daemon.ask("POST", "/v1/pause", {"reason": "lunch"})[1]["result"] == "already_paused"
        assert daemon.ask("POST", "/v1/resume", {})[1]["result"] == "resumed"
        daemon.gate("cutover")
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0, daemon.words()
    assert pair.written() > written
    with running_daemon(place) as daemon:
        assert daemon.gate("cutover")["state"] == "tail", "what was seen is not asked about again"
        daemon.ask("POST", "/v1/pause", {"reason": "lunch"})
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0, daemon.words()
    spoil(place, 5)
    with running_daemon(place) as daemon:
        reason = paused(daemon)
        assert all(words in reason for words in ("lunch", "from entry 3 on")), reason
    assert_clear_verdict(place)


def assert_clear_verdict(place: Place) -> None:
    """See that the audit still names the break, and who went on with it."""
    assert place.cli("--json", "audit", "verify").body["first_broken"] == 3
    place.cli("audit", "export", str(place.dir / "audit.jsonl"))
    lines = (place.dir / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line)["entry"] for line in lines[:2] + lines[3:]]     # the third is kept as it is
    [resumed] = [each for each in entries if each.get("action") == "resume"]
    assert (resumed["actor"].startswith("uid:"), "from entry 3 on" in resumed["note"]) == (True, True), resumed
    assert_clear(place.cli("audit", "verify", "--known", "three"), 64, "is no entry with its hash")
