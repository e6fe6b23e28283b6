"""
The hash chain of the audit: each entry's hash covers the entry and the hash before it. Pure.

Rule: what is hashed is the very text that is kept, so that no later change of how values are written can break an old chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from streamflow.model import AuditEntry
from streamflow.store.base import AuditRow
from streamflow.store.codec import text_of

START = ""
"""The hash before the first entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the chain stands: number and hash of its last entry."""

    seq: int = 0
    hash: str = START


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry as it is kept."""

    seq: int
    text: str
    hash: str


def chain(head: Head, entries: Iterable[AuditEntry], *, at: str) -> tuple[list[Line], Head]:
    """Write *entries* onto the chain that ends in *head*; answer the new lines and the new head."""
    lines: list[Line] = []
    seq, last = head.seq, head.hash
    for entry in entries:
        seq += 1
        text = text_of({
            "seq": seq, "at": at, "actor": entry.actor, "action": entry.action, "kind": entry.kind, "key": entry.key,
            "dest_id": entry.dest_id, "before": entry.before, "after": entry.after, "note": entry.note,
        }, ordered=True)
        last = _hash(last, text)
        lines.append(Line(seq=seq, text=text, hash=last))
    return lines, Head(seq=seq, hash=last)


def first_break(head: Head, lines: Sequence[Line]) -> tuple[int | None, Head]:
    """
    Follow *lines* from *head*; answer the number of the first entry that is missing, moved or changed, and the new head.

    A missing entry is named by the number it had.
    """
    for line in lines:
        wanted = head.seq + 1
        if line.seq != wanted or line.hash != _hash(head.hash, line.text) or _seq_in(line.text) != wanted:
            return wanted, head
        head = Head(seq=line.seq, hash=line.hash)
    return None, head


def row_of(line: Line, previous: str) -> AuditRow:
    """Read a kept line back as what it tells."""
    held = orjson.loads(line.text)
    entry = AuditEntry(
        actor=held["actor"], action=held["action"], kind=held["kind"], key=held["key"], dest_id=held["dest_id"],
        before=held["before"], after=held["after"], note=held["note"],
    )
    return AuditRow(seq=line.seq, at=held["at"], entry=entry, previous=previous, hash=line.hash)


def _hash(previous: str, text: str) -> str:
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def _seq_in(text: str) -> int | None:
    try:
        found = orjson.loads(text)["seq"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None
