"""What the product says of itself, held against both accounts: each record with one fate, each write with a known one."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.judge.marks import read_marks
from tests.judge.meanwhile import IN_DOUBT, MAY_BE, NAMING
from tests.judge.refusals import PARENTLESS
from tests.judge.states import Destination, Finding, Identity, Question, Row

_RECORD = re.compile(r"\b\d+-[a-zA-Z]+\b")
_OWNER = re.compile(r"\bbelongs to (?:lead|prospect) (\S+?),")
_WITH_LINE = ("created", "updated", "merged", "matched")
_WITHOUT = ("filtered", "flagged", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    What the reports of a finished run say.

    Args:
        kinds: How many records of a kind were read, and how many had each fate.
        writes: How many writes ended how.
        doubts: Keys of the items that ask a person about a write of which nobody knows whether it happened.
        questions: Everything that is or was asked; of one that people removed or edited in the destination with that record beside it.
        crosswalk: Each line of which source record became which destination record.
    """

    kinds: Sequence[Row]
    writes: Mapping[str, int]
    doubts: Sequence[str]
    crosswalk: Sequence[Mapping[str, str]]
    questions: Sequence[Question] = ()


def read_told(reports: Path) -> Told:
    """Read the reports of a run from their folder."""
    data: dict[str, Any] = json.loads((reports / "reconciliation.json").read_bytes())["data"]
    with (reports / "crosswalk.csv").open(encoding="utf-8-sig", newline="") as file:
        crosswalk = list(csv.DictReader(file))
    doubts = [str(item["id"]) for item in data["queue_items"] if item["cause"] == "in_doubt"]
    questions = [_question(item) for item in data["queue_items"]]
    return Told(kinds=data["kinds"], writes=data["writes"], doubts=doubts, crosswalk=crosswalk, questions=questions)


def read_waiting(reports: Path) -> dict[Identity, str]:
    """Read of what hangs on people and waits, why; those without an id of their own under the key that they were given."""
    rows = json.loads((reports / "unmatched.json").read_bytes())["data"]["rows"]
    return {(str(row["kind"]), str(row["key"])): str(row["reason"]) for row in rows}


def _question(item: Row) -> Question:
    """Read a line of the queue: who is who it tells in full only when it is asked for by itself."""
    cause = str(item["cause"])
    is_naming = cause in NAMING or (cause == IN_DOUBT and MAY_BE in item["reason"] and item["decision"] == "recreate")
    pattern = _RECORD if is_naming else _OWNER if cause == PARENTLESS else None
    named = pattern.findall(f"{item['id']} {item['reason']}") if pattern is not None else ()
    return Question(
        cause=cause, kind=str(item["kind"]), key=str(item["key"]), others=frozenset(named), name=str(item["id"]),
        is_over=item["state"] == "resolved" and item["decision"] != "waive",
    )  # fmt: skip


def unaccounted(told: Told, destination: Destination, *, prefix: str, deleted: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """
    Find what the product's own book does not account for.

    Args:
        prefix: Of the marks that the pair leaves.
        deleted: Records that people took away in the destination, which the book may still name.
    """
    yield from _fates(told)
    yield from _writes(told)
    yield from _lines(told, destination, prefix, deleted)


def _fates(told: Told) -> Iterator[Finding]:
    keys: Mapping[str, set[str]] = defaultdict(set)
    for line in told.crosswalk:
        keys[line["source_kind"]].add(line["source_key"])
    for row in told.kinds:
        kind, read = str(row["kind"]), int(row["read"])
        with_line, without = (sum(int(row[name]) for name in names) for names in (_WITH_LINE, _WITHOUT))
        there = len(keys[kind])
        if row["pending"]:
            yield _unexplained(kind, f"{row['pending']} of {read} records have no fate")
        if with_line + without + int(row["pending"]) != read:
            yield _unexplained(kind, f"{read} records were read, and {with_line + without} fates told")
        if there < with_line:
            yield _unexplained(kind, f"{with_line} records are said to be in the destination, and the crosswalk knows {there}")
        if there > with_line + without:
            yield _unexplained(kind, f"the crosswalk knows {there} records, and {with_line + without} have a fate")


def _writes(told: Told) -> Iterator[Finding]:
    for state in ("meant", "in_doubt"):
        if count := told.writes.get(state, 0):
            yield _unexplained("writes", f"of {count} nobody says whether they happened ({state})")
    asked, parked = len(set(told.doubts)), told.writes.get("parked", 0)
    if parked > asked:
        yield _unexplained("writes", f"{parked} were left to a person, and {asked} are in the queue")


def _lines(told: Told, destination: Destination, prefix: str, deleted: frozenset[str]) -> Iterator[Finding]:
    names = Counter((line["source_kind"], line["source_key"], line["part"]) for line in told.crosswalk)
    for (kind, key, part), count in names.items():
        if count > 1:
            yield _unexplained(f"{kind} {key} {part}".strip(), f"has {count} lines in the crosswalk")
    made = Counter(line["destination_id"] for line in told.crosswalk if line["relation"] == "ours")
    for rid, count in made.items():
        if count > 1:
            yield _unexplained(rid, f"was made {count} times, the crosswalk says")
    known = {line["destination_id"] for line in told.crosswalk}
    live = {rid for rows in destination.live.values() for rid in rows}
    for rid in sorted(known - live - deleted):
        yield _unexplained(rid, "is in the crosswalk and not in the account")
    for places in read_marks(destination, prefix).places.values():
        for _, row in places:
            if row["id"] not in known:
                yield _unexplained(str(row["id"]), "was made by the run, and the crosswalk does not know it")


def _unexplained(what: str, why: str) -> Finding:
    return Finding(fault="unexplained", what=what, why=why)
