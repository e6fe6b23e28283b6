"""What a whole run is measured by beside both accounts: doubts and their ends, calls told to wait, memory, and what leaked or broke."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flow.box import Box
from tests.judge.states import RECORDS, Destination, ask
from tests.security.canaries import SHOWN, in_files

ENDS = {"doubt.confirmed": "adopted", "doubt.abandoned": "resent", "doubt.parked": "queued"}
"""What became of a write of which nobody knew whether it had happened, by what the audit calls it."""
STORES = ("state", "disk.img", "inbox", "keys", "servers", "sandbox.json", "switches.json", "streamflow.toml", "owners.csv")
"""Where records or keys may be: the daemon's store, what the customer supplies, and the sandbox's own things."""
TELLING = ("name", "company", "owner", "address", "city", "street", "town", "note", "body", "subject", "message", "title")
"""What the name of a field holds that tells of people."""
NOBODY = frozenset({"undefined", "self employed", "integration", "internet", "customer", "migration"})
"""What stands in such fields and tells of nobody; the last is the given name of the account that the sandbox gives to the program."""
CRASHES = ("control.verb_crashed", "control.verb_failed")
"""What the daemon says of an order that it could not answer, for no reason that it knows of."""
_MAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[a-z]+")
_LONG = 24
_SHORT = 8
_SEARCHED = 60
"""Characters of a text that are looked for: a log may show its beginning alone."""
_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """
    How often both platforms said "too many requests", and how often of it without having been told to.

    `source_per_s` and `destination_per_s` are the most calls that came within one second.
    """

    told_to_wait: int
    exceeded: int
    source_per_s: int = 0
    destination_per_s: int = 0


def doubts(state: Path) -> Counter[str]:
    """Count from the audit how writes in doubt were resolved, one that was queued and decided once; "open" are those that were not."""
    actions = [json.loads(entry)["action"] for _, entry, _ in audit(state)]
    with closing(sqlite3.connect(f"file:{state / 'ledger.sqlite'}?mode=ro", uri=True)) as connection:
        (still,) = connection.execute("SELECT count(*) FROM intent WHERE state IN ('meant', 'in_doubt')").fetchone()
    return Counter(ENDS[action] for action in actions if action in ENDS) + Counter(open=still)


def waiting(state: Path) -> int:
    """Count the records that are still to be delivered, as the ledger says at this moment: a status may be of a moment ago."""
    with closing(sqlite3.connect(f"file:{state / 'ledger.sqlite'}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM record WHERE state = 'pending' OR disposition = ''").fetchone()
    return int(count)


def audit(state: Path) -> list[tuple[int, str, str]]:
    """Give the entries of the audit in order: number, text, hash."""
    with closing(sqlite3.connect(f"file:{state / 'ledger.sqlite'}?mode=ro", uri=True)) as connection:
        return list(connection.execute("SELECT seq, entry, hash FROM audit ORDER BY seq"))


def calls(box: Box) -> Calls:
    """Ask both platforms."""
    logs = [ask(f"{admin}log") for admin in (box.source_admin, box.destination_admin)]
    told = sum(log["count_429"] for log in logs)
    source_per_s, destination_per_s = (int(log["max_rate_seen"]) for log in logs)
    return Calls(
        told_to_wait=told, exceeded=told - sum(log["faults"].get("throttle", 0) for log in logs), source_per_s=source_per_s,
        destination_per_s=destination_per_s,
    )  # fmt: skip


def peak_mib(pid: int) -> float:
    """Give the most memory that a process held so far; 0 when it is no more."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / _MIB for line in status.splitlines() if line.startswith("VmHWM:")), 0.0)


def leaks(box: Box, log: Path, *, telling: Collection[str], planted: Collection[str]) -> list[str]:
    """Name where keys stand beside where they are given, where people's data or what was planted stands outside the stores, and crashes."""
    keys = [path.read_text(encoding="utf-8").strip() for path in (box.dir / "keys").iterdir() if path.is_file()]
    outside = [path for path in box.dir.rglob("*") if path.relative_to(box.dir).parts[0] not in STORES]
    found = in_files((*box.state.rglob("*"), *outside), {part for key in keys for part in key.split() if len(part) > 6})
    return [*found, *in_files(outside, planted), *_shown(outside, {*telling, *planted}), *crashes(log.read_text(errors="replace"))]


def _shown(paths: Iterable[Path], values: Collection[str]) -> Iterator[str]:
    """Name the values that files show as they are, or in other letters, as they are or in JSON."""
    forms = {form: value for value in values for form in _written(value)}
    for path in paths:
        content = path.read_text(encoding="utf-8", errors="replace").lower() if path.is_file() else ""
        yield from sorted({f"{path.name}: {value[:SHOWN]}" for form, value in forms.items() if form in content})


def _written(value: str) -> set[str]:
    as_json = (json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    return {form.lower() for form in (value, *as_json)}


def crashes(log: str) -> list[str]:
    """Name what the daemon's log says of errors that nobody foresaw: those of other families than its own have frames in place of words."""
    found = ["an unhandled exception"] if "Traceback (most recent call last)" in log else []
    for line in log.splitlines():
        said = _said(line)
        event = str(said.get("event", ""))
        is_error_of_others = event == "library.log" and said.get("level") == "error"
        is_nameless = event == "job.failed" and "error_code" not in said
        if _has_frames(said) or event in CRASHES or is_error_of_others or is_nameless:
            found.append(f"{event}: {said.get('error_type') or said.get('reason') or said.get('path')}")
    return found


def _said(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _has_frames(said: dict[str, Any]) -> bool:
    return "frames" in said or any(_has_frames(each) for each in said.get("errors") or () if isinstance(each, dict))


def of_source(source: Any) -> set[str]:
    """Give what the source's records hold of people."""
    return {value for _, _, row in source.every() for value in personal(row)}


def of_destination(destination: Destination) -> set[str]:
    """Give what the destination's records and users hold of people."""
    return {value for kind in (*RECORDS, "users") for row in destination.of(kind).values() for value in personal(row)}


def personal(row: Any) -> set[str]:
    """Give what a record holds of people: addresses, numbers, names, firms, streets, towns, and the beginnings of texts."""
    values = {value for _, text in _texts(row) for value in _telling(text)}
    return values | {value for name, text in _texts(row) if _is_telling(name) for value in _parts(text)}


def _is_telling(name: str) -> bool:
    return any(part in name for part in TELLING) and not name.startswith(".links.")


def _telling(text: str) -> Iterator[str]:
    yield from _MAIL.findall(text)
    if len(digits := re.sub(r"\D", "", text)) >= 9 and len(text) < _LONG and not re.match(r"\d{4}-\d\d", text):
        yield text.strip()
        yield digits
    if len(line := text.strip().partition("\n")[0].strip()) >= _LONG and " " in line:
        yield line[:_SEARCHED]


def _parts(text: str) -> Iterator[str]:
    """Give the first line of a text, and what stands between its commas: the street and the town of an address."""
    line = text.strip().partition("\n")[0].strip()
    for part in (line[:_SEARCHED].strip(), *(each.strip() for each in line.split(","))):
        if len(part) >= _SHORT and part.lower() not in NOBODY and not re.match(r"\d{4}-\d\d", part):
            yield part


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield (name of the field in small letters, text); what is in a field of other names is in both."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, f"{name}.{key}".lower())
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, name)
