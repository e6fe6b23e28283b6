"""What must hold after any fault: nothing without a durable intent, every record there once, and the run goes on to its gate."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.flow_bad.rig import PLAIN, Daemon, Pair, Place, environ, get, running_daemon
from tests.hanging import HUNG_S
from tests.judge.comparison import compare, told
from tests.judge.states import destination_of, read_destination, read_source

KINDS = ("accounts", "contacts", "leads")
FIELD = "Streamflow ID"
GONE_ON_S = 180.0


def in_backfill(daemon: Daemon, pair: Pair) -> None:
    """Wait until records are being written, slowly enough to be met at it."""
    daemon.until(lambda status: status["phase"] in ("owners", "sample", "backfill"), "the sample")
    pair.destination(latency_ms=80)
    daemon.until(lambda status: sum(each["created"] for each in status["streams"].values()) > 0, "the first records")


def markers(pair: Pair) -> list[str]:
    """Give the markers of all accounts, people and leads of the destination."""
    dump: dict[str, Any] = get(pair.destination_admin + "dump")
    rows = [row for kind in KINDS for row in dump[kind] if not row.get("deletedTime")]
    return [marker for row in rows if (marker := str(row["customFields"].get(FIELD) or ""))]


def assert_every_write_was_meant(place: Place, pair: Pair) -> None:
    """See that each record made in the destination has an intent in the book, as the daemon left it."""
    found = markers(pair)
    assert len(found) == len(set(found))
    meant = set(_column(place, "SELECT marker FROM intent"))
    assert found
    assert set(found) <= meant, sorted(set(found) - meant)[:5]


def chain(place: Place) -> list[str]:
    """Give the hashes of all entries of the audit, as the book has them."""
    return _column(place, "SELECT hash FROM audit ORDER BY seq")


def _column(place: Place, question: str) -> list[str]:
    # Of a copy: looking changes nothing, and SQLite goes its own way to a file that is elsewhere for others.
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        for path in place.state.glob("ledger.sqlite*"):
            if not path.name.endswith("-shm"):
                shutil.copyfile(path, Path(folder) / path.name)
        with closing(sqlite3.connect(Path(folder) / "ledger.sqlite")) as book:
            return [str(row[0]) for row in book.execute(question)]


def assert_moved(pair: Pair) -> None:
    """
    Let the judge compare both accounts, who asks the product nothing: every record is there, once and with its values.

    Whether somebody is told of what shares an address, which some days' accounts hold, is therefore not judged here.
    """
    found = compare(read_source(pair.source_admin), read_destination(pair.destination_admin), before=destination_of(pair.before))
    wrong = [each for each in found if each.fault != "unexplained"]
    assert not wrong, told(wrong)


def assert_goes_on(place: Place, pair: Pair, *, by: Sequence[str] = PLAIN) -> None:
    """See that the next start goes through to the gate of the switch, with every record there once and the audit whole."""
    pair.destination(latency_ms=0)
    with running_daemon(place, by=by) as daemon:
        daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=GONE_ON_S)
        assert_moved(pair)
        verify = [*by, "-c", str(place.config), "audit", "verify"]
        assert subprocess.run(verify, env=environ(), capture_output=True, timeout=HUNG_S, check=False).returncode == 0
        trouble = [line for line in daemon.words().splitlines() if "Traceback" in line]
        assert trouble == []
