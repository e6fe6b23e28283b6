"""A purge of a large ledger, on a real file and in a process of its own."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

from streamflow.store import files
from streamflow.store.sqlite import SqliteLedger

from .values import StillClock

LINKS = 20_000
LONG = 6000          # characters of what was there before: 120 MB of them
ROOM_MIB = 60.0
PURGE = """
import asyncio, resource, sys
from streamflow.clock import SystemClock
from streamflow.store.sqlite import SqliteLedger

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

async def main():
    async with SqliteLedger.open(sys.argv[1], clock=SystemClock()) as ledger:
        before = peak_mib()
        await ledger.purge(lambda print_: [])
        await ledger.shrink()
        print(peak_mib() - before)

asyncio.run(main())
"""


def growth_mib(folder: Path) -> float:
    """Purge in a process of its own; gives by how much that grew at its largest."""
    done = subprocess.run([sys.executable, "-c", PURGE, str(folder)], capture_output=True, text=True, timeout=60, check=True)
    return float(done.stdout)


async def test_a_large_ledger_is_purged_in_little_memory(tmp_path: Path, clock: StillClock) -> None:
    """What is overwritten is not held in memory as a whole, so that a machine that ran the migration can purge it as well."""
    async with SqliteLedger.open(tmp_path, clock=clock):
        pass
    path = tmp_path / files.LEDGER_FILE
    with contextlib.closing(sqlite3.connect(path)) as book, book:
        book.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) "
            "INSERT INTO link (kind, key, part, dest_kind, dest_id, base, ours, verified, phase, written_at) "
            "SELECT 'lead', i, '', 'contacts', i || '-contacts', hex(zeroblob(?2)), 1, 'verified', '', '' FROM n", (LINKS, LONG // 2),
        )
    assert path.stat().st_size > LINKS * LONG
    assert growth_mib(tmp_path) < ROOM_MIB
    assert path.stat().st_size < LINKS * LONG / 10
    with contextlib.closing(sqlite3.connect(path)) as book:
        assert book.execute("SELECT count(*), count(DISTINCT dest_id) FROM link").fetchone() == (LINKS, LINKS)
