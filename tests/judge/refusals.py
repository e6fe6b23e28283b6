"""What platforms themselves never took or never gave: poisoned records, by the platforms' own account of what they refused."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.judge.states import Finding, Identity, Row

PEOPLE = ("lead", "prospect")
OWNERS = ("leadid", "cst_id")
LISTS: Mapping[str, str] = {"getnotes": "note", "getcalls": "call", "getemails": "email"}
_MARKER = re.compile(r"\b(?:lt|lp):([a-z_]+):([^\s:\]\"\\]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """What was refused as poison, by identity in the source: writes of records, and lists of what hangs on a record."""

    written: frozenset[Identity] = frozenset()
    listed: frozenset[Identity] = frozenset()      # (kind that was asked for, key of the record it hangs on)


def read_refusals(source: Mapping[str, Any], destination: Mapping[str, Any], people: Sequence[str]) -> Refusals:
    """Read both call logs; *people* are the keys by which lists are asked for."""
    written = {(kind, key) for each in destination["poisoned"] for kind, key in _MARKER.findall(each["body"])}
    coded = {key: b64encode(key.encode()).decode().rstrip("=") for key in people}
    listed = {
        (kind, key) for each in source["poisoned"] for word, kind in LISTS.items() if word in each["line"].lower()
        for key, code in coded.items() if key in each["body"] or code in each["body"]
    }
    return Refusals(written=frozenset(written), listed=frozenset(listed))


def standing(
    findings: Sequence[Finding], rows: Mapping[Identity, Row], refusals: Refusals, explained: Mapping[Identity, str]
) -> Iterator[Finding]:
    """
    Leave out what a refused record lacks, or what hangs on one: it cannot be there, and the product has told so.

    Both are asked for: the platform's own account of the refusal, and the product's word on that record, or on what it hangs on.
    """
    for finding in findings:
        identity = _identity(finding)
        if finding.fault not in ("lost", "wrong") or identity not in rows or not _is_excused(identity, rows[identity], refusals, explained):
            yield finding


def _is_excused(identity: Identity, row: Row, refusals: Refusals, explained: Mapping[Identity, str]) -> bool:
    kind, _ = identity
    owners = {str(row[name]) for name in OWNERS if row.get(name)}
    if identity in refusals.written:
        return identity in explained
    if any((each, owner) in refusals.written and (each, owner) in explained for each in PEOPLE for owner in owners):
        return True
    return any((kind, owner) in refusals.listed for owner in owners) and (kind, "") in explained


def _identity(finding: Finding) -> Identity:
    kind, _, rest = finding.what.partition(" ")
    return kind, rest.partition(" ")[0]
