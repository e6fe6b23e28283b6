"""What platforms themselves never took or never gave: poisoned records, by the platforms' own account of what they refused."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.judge.states import Finding, Identity, Row
from tests.judge.texts import without_markup

PEOPLE = ("lead", "prospect")
OWNERS = ("leadid", "cst_id")
LISTS: Mapping[str, str] = {"getnotes": "note", "getcalls": "call", "getemails": "email"}
_CALL = re.compile(r"call of (\S+) with prospect (\S+)")
_ESCAPED = re.compile(r"\\[nrt]")
_WORD = re.compile(r"\w{4,}")
_MARKER = re.compile(r"\b(?:lt|lp):([a-z_]+):([^\s:\]\"\\]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """What was refused as poison, by identity in the source: writes of records, and lists of what hangs on a record."""

    written: Mapping[Identity, str] = field(default_factory=dict)      # with what was refused, as it was sent
    listed: frozenset[Identity] = frozenset()      # (kind that was asked for, key of the record it hangs on)


def read_refusals(source: Mapping[str, Any], destination: Mapping[str, Any], people: Sequence[str]) -> Refusals:
    """Read both call logs; *people* are the keys by which lists are asked for."""
    written = {(kind, key): each["body"] for each in destination["poisoned"] for kind, key in _MARKER.findall(each["body"])}
    coded = {key: b64encode(key.encode()).decode().rstrip("=") for key in people}
    listed = {
        (kind, key) for each in source["poisoned"] for word, kind in LISTS.items() if word in each["line"].lower()
        for key, code in coded.items() if key in each["body"] or code in each["body"]
    }
    return Refusals(written=written, listed=frozenset(listed))


def standing(
    findings: Sequence[Finding], rows: Mapping[Identity, Row], refusals: Refusals, explained: Mapping[Identity, str]
) -> Iterator[Finding]:
    """
    Leave out what a refused record lacks, or what hangs on one: it cannot be there, and the product has told so.

    Both are asked for: the platform's own account of the refusal, and the product's word on that record, or on what it hangs on.
    """
    for finding in findings:
        if finding.fault not in ("lost", "wrong") or not _is_excused(*_of(finding, rows), refusals, explained):
            yield finding


def _of(finding: Finding, rows: Mapping[Identity, Row]) -> tuple[Identity, Row | None]:
    """Give whom a finding is about, and what the source holds of it; a call without a key is known by its moment and its person."""
    if call := _CALL.match(finding.what):
        return ("call", ""), {"calldatetime": call[1], "cst_id": call[2]}
    kind, _, rest = finding.what.partition(" ")
    identity = kind, rest.partition(" ")[0]
    return identity, rows.get(identity)


def _is_excused(identity: Identity, row: Row | None, refusals: Refusals, explained: Mapping[Identity, str]) -> bool:
    if row is None:
        return False
    kind, _ = identity
    owners = {str(row[name]) for name in OWNERS if row.get(name)}
    if identity in refusals.written:
        return identity in explained
    if any((each, owner) in refusals.written and (each, owner) in explained for each in PEOPLE for owner in owners):
        return True
    if any(each in explained and _is_nameless(each, kind) and _tells(body, row) for each, body in refusals.written.items()):
        return True
    return any((kind, owner) in refusals.listed for owner in owners) and (kind, "") in explained


def _is_nameless(identity: Identity, kind: str) -> bool:
    """Say whether the product had to make up the key of a record of this kind, as the source gave none; exports give files none."""
    return identity[0] == kind and (identity[1].startswith("~") or kind == "attachment")


def _tells(body: str, row: Row) -> bool:
    """Say whether what was refused is this record: by the moment of a call, the name and content of a file, every longer word of a text."""
    if moment := str(row.get("calldatetime") or ""):
        return moment[:19].replace("T", " ") in body.replace("T", " ")
    if content := str(row.get("sha256") or ""):
        return content in body and str(row["name"]) in body and f"files/{row['leadid']}/" in body
    words = set(_WORD.findall(without_markup(str(row.get("note") or ""))))
    return bool(words) and words <= set(_WORD.findall(_ESCAPED.sub(" ", body)))
