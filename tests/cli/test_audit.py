"""`audit verify` and `audit export` on a real ledger, with the daemon down."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from streamflow.clock import SystemClock
from streamflow.config import starter
from streamflow.model import AuditEntry
from streamflow.store.audit import BARE, SEALED, START, Head, bare_print, chain
from streamflow.store.change import Audit
from streamflow.store.codec import text_of
from streamflow.store.sqlite import SqliteLedger
from tests.hanging import HUNG_S

ENVIRON = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    return audit(folder, "verify")


def audit(folder: Path, *words: str, by: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*by, sys.executable, "-m", "streamflow.cli", "audit", *words, "--json"]
    return subprocess.run(command, cwd=folder, env=ENVIRON, capture_output=True, text=True, timeout=HUNG_S, check=False)


async def test_whole_broken_and_missing(tmp_path: Path) -> None:
    """A whole chain ends with 0, a changed entry with 1 and its number, a missing ledger with a clear error."""
    (tmp_path / "streamflow.toml").write_text(starter("leadtrekker-nutshell"))
    missing = verify(tmp_path)
    assert (missing.returncode, "no state folder" in missing.stderr) == (64, True)
    async with SqliteLedger.open(tmp_path / "state", clock=SystemClock()) as ledger:
        await ledger.commit([Audit(entry=AuditEntry(actor="streamflow", action="phase", note=str(number))) for number in range(3)])
    whole = verify(tmp_path)
    answer = json.loads(whole.stdout)
    assert (whole.returncode, answer["result"], answer["first_broken"]) == (0, "whole", None)
    assert answer["entries"] >= 3
    spoil(tmp_path / "state" / "ledger.sqlite")
    broken = verify(tmp_path)
    assert broken.returncode == 1
    assert (json.loads(broken.stdout)["result"], json.loads(broken.stdout)["first_broken"]) == ("broken", 2), "the first that does not fit"


async def test_what_the_log_told_finds_a_chain_that_was_written_anew(tmp_path: Path) -> None:
    """Whoever can write the file can forge the whole chain and its length; an entry and its hash kept elsewhere tell it all the same."""
    (tmp_path / "streamflow.toml").write_text(starter("leadtrekker-nutshell"))
    async with SqliteLedger.open(tmp_path / "state", clock=SystemClock()) as ledger:
        await ledger.commit([Audit(entry=AuditEntry(actor="uid:7", action="pause", note=str(number))) for number in range(5)])
        walk = await ledger.walk_audit(is_over=lambda: False)
    assert walk is not None
    known = f"{walk.head.seq}:{walk.head.hash}"
    assert audit(tmp_path, "verify", "--known", known).returncode == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "ledger.sqlite")) as raw, raw:
        for (guard,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            raw.execute(f"DROP TRIGGER {guard}")
        raw.execute("DELETE FROM audit")
        forged, head = chain(Head(), [AuditEntry(actor="uid:7", action="forged", note=str(number)) for number in range(5)], at="then")
        raw.executemany("INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)", [(line.seq, line.text, line.hash) for line in forged])
        raw.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit'", (head.seq,))
    assert audit(tmp_path, "verify").returncode == 0, "by itself it holds"
    found = audit(tmp_path, "verify", "--known", known)
    assert (found.returncode, json.loads(found.stdout)["first_broken"]) == (1, walk.head.seq)
    assert audit(tmp_path, "verify", "--known", f"{walk.head.seq + 9}:{walk.head.hash}").returncode == 1, "an entry that is not there"
    for odd in ("5", "x:y", "-1:" + "0" * 64, "1" * 40 + ":" + "0" * 64):
        assert audit(tmp_path, "verify", f"--known={odd}").returncode == 64, odd


async def test_a_forged_purge_is_seen(tmp_path: Path) -> None:
    """Whoever changes an entry and calls it purged is found: by the ledger that tells of no purge, and else by an entry kept elsewhere."""
    (tmp_path / "streamflow.toml").write_text(starter("leadtrekker-nutshell"))
    path = tmp_path / "state" / "ledger.sqlite"
    async with SqliteLedger.open(tmp_path / "state", clock=SystemClock()) as ledger:
        await ledger.commit([Audit(entry=AuditEntry(actor="uid:7", action="pause", note=str(number))) for number in range(5)])
        book = [line async for page in ledger.audit_lines() for line in page]
    known = f"5:{book[4][1].hash}"
    forged = replace(book[2][1], text=text_of({**json.loads(book[2][1].text), "actor": "uid:8", "note": "", BARE: True}, ordered=True))
    seal = AuditEntry(actor="uid:7", action=SEALED, after={"print": bare_print(START, book[2][0], forged)})
    [last], _ = chain(Head(seq=5, hash=book[4][1].hash), [seal], at="then")
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DROP TRIGGER audit_kept")
        raw.execute("UPDATE audit SET entry = ? WHERE seq = 3", (forged.text,))
        raw.execute("INSERT INTO audit (seq, entry, hash) VALUES (?, ?, ?)", (last.seq, last.text, last.hash))
    assert json.loads(verify(tmp_path).stdout)["first_broken"] == 3
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO setting VALUES ('purge', '{}')")
    alone = verify(tmp_path)
    assert (alone.returncode, json.loads(alone.stdout)["purged"]) == (0, 1), "by itself it holds, and says so"
    found = audit(tmp_path, "verify", "--known", known)
    assert (found.returncode, json.loads(found.stdout)["result"]) == (1, "unproven")
    assert audit(tmp_path, "verify", "--known", f"{last.seq}:{last.hash}").returncode == 0


async def test_export_can_be_followed_by_anybody(tmp_path: Path) -> None:
    """Each entry is a JSON line whose hash follows from its text and the hash before it; the file is private and never written over."""
    (tmp_path / "streamflow.toml").write_text(starter("leadtrekker-nutshell"))
    async with SqliteLedger.open(tmp_path / "state", clock=SystemClock()) as ledger:
        for number in range(5):
            await ledger.commit([Audit(entry=AuditEntry(actor="uid:7", action="pause", note=f"Mü\n{number}", after={"a": [1, None]}))])
    done = audit(tmp_path, "export", "audit.jsonl")
    assert (done.returncode, json.loads(done.stdout)["written"]) == (0, 5)
    path = tmp_path / "audit.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    previous = ""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        told = json.loads(line)
        assert (told["entry"]["seq"], told["entry"]["actor"], told["entry"]["note"]) == (number + 1, "uid:7", f"Mü\n{number}")
        assert told["previous"] == previous
        text = line.partition('"entry":')[2].removesuffix("}")
        assert told["hash"] == hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()
        previous = told["hash"]
    again = audit(tmp_path, "export", "audit.jsonl")
    assert (again.returncode, "not touched" in again.stderr) == (64, True)
    spoil(tmp_path / "state" / "ledger.sqlite", was="uid:7")
    broken = audit(tmp_path, "export", "broken.jsonl")
    assert (broken.returncode, json.loads(broken.stdout)["first_broken"], json.loads(broken.stdout)["written"]) == (1, 2, 5)


async def test_an_export_without_room_leaves_no_half_behind(tmp_path: Path) -> None:
    """What cannot be written whole is removed again, so that the same name can be taken once there is room."""
    (tmp_path / "streamflow.toml").write_text(starter("leadtrekker-nutshell"))
    async with SqliteLedger.open(tmp_path / "state", clock=SystemClock()) as ledger:
        await ledger.commit([Audit(entry=AuditEntry(actor="uid:7", action="pause", note="x" * 20_000)) for _ in range(10)])
    done = audit(tmp_path, "export", "audit.jsonl", by=("sh", "-c", 'ulimit -f 128; exec "$@"', "sh"))
    assert (done.returncode, "cannot be written" in done.stderr) == (64, True), done.stderr
    assert not (tmp_path / "audit.jsonl").exists()
    assert audit(tmp_path, "export", "audit.jsonl").returncode == 0


async def test_entries_are_only_added(tmp_path: Path) -> None:
    """The book itself refuses to change or remove an entry, also by another program."""
    async with SqliteLedger.open(tmp_path, clock=SystemClock()) as ledger:
        await ledger.commit([Audit(entry=AuditEntry(actor="streamflow", action="phase"))])
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as connection:
        for order in ("UPDATE audit SET entry = '{}'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(order)


def spoil(path: Path, was: str = "streamflow") -> None:
    with sqlite3.connect(path) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        changed = connection.execute("UPDATE audit SET entry = replace(entry, ?, 'somebody') WHERE seq = 2", [was]).rowcount
    connection.close()
    assert changed == 1
