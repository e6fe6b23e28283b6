"""What a whole run is measured by beside both accounts: doubts and their ends, calls told to wait, memory, and what leaked."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flow.box import Box
from tests.judge.states import ask
from tests.security.canaries import in_files

ENDS = {"doubt.confirmed": "adopted", "doubt.abandoned": "resent", "doubt.parked": "queued"}
"""What became of a write of which nobody knew whether it had happened, by what the audit calls it."""
STORES = ("state", "inbox", "keys", "servers", "sandbox.json", "switches.json", "streamflow.toml")
"""Where records or keys may be: the daemon's store, and the sandbox's own things."""
_MAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[a-z]+")
_LONG = 24
_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How often both platforms said "too many requests", and how often of it without having been told to."""

    told_to_wait: int
    exceeded: int


def doubts(state: Path) -> Counter[str]:
    """Count from the audit how writes in doubt were resolved, one that was queued and decided once; "open" are those that were not."""
    with closing(sqlite3.connect(f"file:{state / 'ledger.sqlite'}?mode=ro", uri=True)) as connection:
        actions = [json.loads(entry)["action"] for (entry,) in connection.execute("SELECT entry FROM audit")]
        (still,) = connection.execute("SELECT count(*) FROM intent WHERE state IN ('meant', 'in_doubt')").fetchone()
    return Counter(ENDS[action] for action in actions if action in ENDS) + Counter(open=still)


def calls(box: Box) -> Calls:
    """Ask both platforms."""
    logs = [ask(f"{admin}log") for admin in (box.source_admin, box.destination_admin)]
    told = sum(log["count_429"] for log in logs)
    return Calls(told_to_wait=told, exceeded=told - sum(log["faults"].get("throttle", 0) for log in logs))


def peak_mib(pid: int) -> float:
    """Give the most memory that a process held so far; 0 when it is no more."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / _MIB for line in status.splitlines() if line.startswith("VmHWM:")), 0.0)


def leaks(box: Box, log: Path) -> list[str]:
    """Name where keys stand beside where they are given, where people's data stands outside the stores, and unhandled exceptions."""
    keys = [path.read_text(encoding="utf-8").strip() for path in (box.dir / "keys").iterdir() if path.is_file()]
    outside = [path for path in box.dir.rglob("*") if path.relative_to(box.dir).parts[0] not in STORES]
    found = in_files((*box.state.rglob("*"), *outside), {part for key in keys for part in key.split() if len(part) > 6})
    found += in_files(outside, personal(box.source()))
    return [*found, *(["an unhandled exception"] if "Traceback (most recent call last)" in log.read_text(errors="replace") else [])]


def personal(source: Any) -> set[str]:
    """Give what the source's records hold of people: addresses, numbers, and the beginnings of texts."""
    return {value for _, _, row in source.every() for text in _texts(row) for value in _telling(text)}


def _telling(text: str) -> Iterator[str]:
    yield from _MAIL.findall(text)
    if len(digits := re.sub(r"\D", "", text)) >= 9 and len(text) < _LONG and not re.match(r"\d{4}-\d\d", text):
        yield text.strip()
        yield digits
    if len(line := text.strip().partition("\n")[0].strip()) >= _LONG and " " in line:
        yield line[:60]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
