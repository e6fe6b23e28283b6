"""`audit verify` on a real ledger, with the daemon down."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from streamflow.clock import SystemClock
from streamflow.config import starter
from streamflow.model import AuditEntry
from streamflow.store.base import Audit
from streamflow.store.sqlite import SqliteLedger

ENVIRON = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streamflow.cli", "audit", "verify", "--json"]
    return subprocess.run(command, cwd=folder, env=ENVIRON, capture_output=True, text=True, timeout=30, check=False)


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
    assert (broken.returncode, json.loads(broken.stdout)["result"]) == (1, "broken")


def spoil(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        changed = connection.execute("UPDATE audit SET entry = replace(entry, 'streamflow', 'somebody') WHERE seq = 2").rowcount
    connection.close()
    assert changed == 1
