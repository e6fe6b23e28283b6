"""
The hash chain of the audit: each entry's hash covers the entry and the hash before it. Pure.

Rule: what is hashed is the very text that is kept, so that no later change of how values are written can break an old chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from streamflow.model import AuditEntry
from streamflow.store.base import AuditRow
from streamflow.store.codec import text_of

UNREADABLE = "unreadable"
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


@dataclass(slots=True, kw_only=True)
class Walk:
    """
    A walk along the whole chain, page by page: whether it holds, and a print of every place where it does not.

    Behind a break it goes on from what is kept, so that another break in another place, or another change of the same entry, is another
    print: whoever has seen one has not seen the next.
    """

    head: Head = field(default_factory=Head)
    entries: int = 0
    first: int | None = None      # number of the first entry that is missing, moved or changed
    print: str = ""               # "" while the chain holds

    def follow(self, lines: Iterable[Line]) -> None:
        """Go on along *lines*, which come in the order of their numbers."""
        for line in lines:
            wanted = self.head.seq + 1
            if line.seq != wanted:
                self._broken(wanted, "")
            elif line.hash != _hash(self.head.hash, line.text) or _seq_in(line.text) != wanted:
                self._broken(wanted, line.text)
            self.entries += 1
            self.head = Head(seq=line.seq, hash=line.hash)

    def end(self, reached: int) -> None:
        """Come to the end of a chain that is known to have gone to entry *reached*."""
        if self.head.seq < reached:
            self._broken(self.head.seq + 1, "")

    def _broken(self, seq: int, text: str) -> None:
        self.first = self.first if self.first is not None else seq
        self.print = _hash(self.print, f"{seq}\n{text}")


def row_of(line: Line, previous: str) -> AuditRow:
    """Read a kept line back as what it tells; one that was changed until it tells nothing is `UNREADABLE`, so that the others are told."""
    try:
        held = orjson.loads(line.text)
        at = str(held["at"])
        entry = AuditEntry(
            actor=str(held["actor"]), action=str(held["action"]), kind=str(held["kind"]), key=str(held["key"]),
            dest_id=held["dest_id"] and str(held["dest_id"]), before=held["before"], after=held["after"], note=str(held["note"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError):
        at, entry = "", AuditEntry(actor="", action=UNREADABLE)
    return AuditRow(seq=line.seq, at=at, entry=entry, previous=previous, hash=line.hash)


def _hash(previous: str, text: str) -> str:
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def _seq_in(text: str) -> int | None:
    try:
        found = orjson.loads(text)["seq"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None
