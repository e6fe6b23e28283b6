"""
The hash chain of the audit: each entry's hash covers the entry and the hash before it. Pure.

Rule 1: what is hashed is the very text that is kept, so that no later change of how values are written can break an old chain.
Rule 2: a purge takes the values out of entries and leaves their hashes. Such a bare entry says so, its hash goes on carrying the chain, and
the purge's own entry, the seal, holds a print of all of them as they were left: a bare entry before no seal, or another, is a break, and
so is any in a ledger that does not say of itself that it was purged.
Rule 3: an entry that is no text any more is followed by its very bytes, so that it is a break like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from streamflow.model import AuditEntry
from streamflow.store.base import AuditRow
from streamflow.store.codec import text_of

UNREADABLE = "unreadable"
AS_KEPT: Final = "surrogateescape"   # how bytes that are no text are read and written
START = ""
"""The hash before the first entry."""
BARE: Final = "purged"               # true in an entry whose values were purged
SEALED: Final = "purge.sealed"       # the action of the seal; its *after* has the print under "print"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the chain stands: number and hash of its last entry, and which bare entries no seal was met for yet."""

    seq: int = 0
    hash: str = START
    bare: int = 0          # number of the first of them, 0 for none
    print: str = START     # of all of them


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


def line_of(seq: int, entry: bytes, previous: bytes | None, own: bytes) -> tuple[str, Line]:
    """Read a row as it is kept; answers the hash before the entry, and the entry. Bytes that are no text keep their value."""
    return (previous or b"").decode(errors="replace"), Line(seq=seq, text=entry.decode(errors=AS_KEPT), hash=own.decode(errors="replace"))


def first_break(head: Head, lines: Sequence[Line], *, is_purged: bool = False) -> tuple[int | None, Head]:
    """
    Follow *lines* from *head*; answer the number of the first entry that is missing, moved or changed, and the new head.

    A missing entry is named by the number it had; of bare entries that do not stand as their seal says the first is named. Bare entries are
    let pass where the ledger *is_purged* alone.
    """
    for line in lines:
        wanted = head.seq + 1
        is_bare = line.hash != _hash(head.hash, line.text)
        if line.seq != wanted or _seq_in(line.text) != wanted:
            return wanted, head
        if is_bare and not (is_purged and orjson.loads(line.text).get(BARE) is True):
            return wanted, head
        if is_bare:
            head = Head(seq=wanted, hash=line.hash, bare=head.bare or wanted, print=bare_print(head.print, head.hash, line))
        elif head.bare and (told := _sealed(line.text)) is not None:
            if told != head.print:
                return head.bare, head
            head = Head(seq=wanted, hash=line.hash)
        else:
            head = replace(head, seq=wanted, hash=line.hash)
    return None, head


def break_at_end(head: Head, *, reached: int) -> int | None:
    """Answer the first entry that does not fit once all lines were followed to *head*; the chain is known to go to *reached*."""
    return head.bare or (head.seq + 1 if head.seq < reached else None)


def bare_print(before: str, previous: str, line: Line) -> str:
    """Go on with a print of bare entries by one more: the hash of the entry before it, its own, and the text that is left."""
    return _hash(before, f"{previous}\n{line.hash}\n{line.text}")


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
    return hashlib.sha256(f"{previous}\n{text}".encode(errors=AS_KEPT)).hexdigest()


def _sealed(text: str) -> str | None:
    """Give the print that an entry holds as the seal of bare ones, None of any other."""
    held = orjson.loads(text)
    if held.get("action") != SEALED:
        return None
    return str(held["after"].get("print")) if isinstance(held.get("after"), dict) else ""


def _seq_in(text: str) -> int | None:
    try:
        found = orjson.loads(text)["seq"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None
