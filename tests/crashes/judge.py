"""
Which book a state of the files holds, and whether it may hold that one.

A state is read through SQLite's own recovery, and the whole book it then shows is compared, byte for byte, with the books that its
transactions made one after the other: it must be that of the last acknowledged one, or of one begun since.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from streamflow.store.files import LEDGER_FILE

from .medium import Medium
from .operations import Ack, State, Write
from .recorder import digest
from .story import Log

NONE = "none"       # there is no ledger


class Reader:
    """Reads books in a folder of its own; what is there already is not written again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._there: dict[str, bytes] = {}
        self._digests: dict[int, tuple[bytes, str]] = {}

    def key(self, state: State) -> str:
        """Give a name that no other state has."""
        return digest("\n".join(f"{name} {self._digest(state[name])}" for name in sorted(state)).encode())

    def book(self, state: State) -> str:
        """Give the digest of the book that a state holds, `NONE`, or the words of SQLite's refusal."""
        if LEDGER_FILE not in state:
            return NONE
        self._put(state)
        raw = sqlite3.connect(f"file:{self._folder / LEDGER_FILE}?mode=ro", uri=True)
        try:
            raw.execute("SELECT count(*) FROM sqlite_master").fetchone()     # tells in words what is wrong, where the copy would not
            return digest(raw.serialize())
        except (sqlite3.Error, UnicodeDecodeError) as error:      # the latter from SQLite's words about a name that is rubbish
            return f"{error} ({getattr(error, 'sqlite_errorname', '')})"
        finally:
            raw.close()

    def faults(self, state: State) -> list[str]:
        """Look at a book in full: pages, indices, and what refers to what."""
        if LEDGER_FILE not in state:
            return []
        self._put(state)
        raw = sqlite3.connect(f"file:{self._folder / LEDGER_FILE}?mode=ro", uri=True)
        try:
            found = [str(row[0]) for row in raw.execute("PRAGMA integrity_check")]
            return [*(found if found != ["ok"] else []), *(f"refers to nothing: {row}" for row in raw.execute("PRAGMA foreign_key_check"))]
        finally:
            raw.close()

    def _put(self, state: State) -> None:
        (self._folder / f"{LEDGER_FILE}-shm").unlink(missing_ok=True)
        for name in self._there.keys() - state.keys():
            (self._folder / name).unlink(missing_ok=True)
            del self._there[name]
        for name, content in state.items():
            path = self._folder / name
            if self._there.get(name) is not content or not path.exists():    # SQLite removes what belongs to an empty ledger
                path.write_bytes(content)
                self._there[name] = content

    def _digest(self, content: bytes) -> str:
        known = self._digests.get(id(content))
        if known is None or known[0] is not content:
            if len(self._digests) > 8:
                self._digests.clear()
            known = self._digests[id(content)] = (content, digest(content))
        return known[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is allowed when the power goes at one moment: the books from the last acknowledged to the one under way."""

    acked: int                  # the last turn that was acknowledged
    books: tuple[str, ...]


class Course:
    """The books that a log made one after the other, and when; *fresh* gives the state of each for a closer look."""

    def __init__(self, log: Log, reader: Reader) -> None:
        self._books: list[str] = []
        self._reached: list[int] = []        # after each number of operations: the book that all of them make
        self._acked: list[tuple[int, int]] = []     # and the last acknowledged book, with the turn
        self.fresh: list[tuple[int, State]] = []
        medium = Medium(log.base)
        acked = (0, -1)
        self._look(medium, reader, 0)
        for number, op in enumerate(log.ops, start=1):
            medium.take(op)
            if not isinstance(op, Write):      # a commit ends in something else; until then the book under way is the next one
                self._look(medium, reader, number)
            if isinstance(op, Ack):
                acked = (len(self._books) - 1, op.turn)
                whole = medium.whole()
                assert {name: digest(content) for name, content in whole.items()} == dict(op.seen), "an operation was not written down"
            self._reached.append(len(self._books) - 1)
            self._acked.append(acked)
        self._reached.insert(0, 0)
        self._acked.insert(0, (0, -1))

    @property
    def transactions(self) -> int:
        """How many books came after the first."""
        return len(self._books) - 1

    def at(self, number: int) -> Moment:
        """Say what is allowed after that many operations."""
        first, turn = self._acked[number]
        return Moment(acked=turn, books=tuple(self._books[first : self._reached[number] + 2]))

    def knows(self, book: str) -> bool:
        """Say whether this was the book at any time."""
        return book in self._books

    def _look(self, medium: Medium, reader: Reader, number: int) -> None:
        whole = medium.whole()
        book = reader.book(whole)
        if not self._books or book != self._books[-1]:
            self._books.append(book)
            self.fresh.append((number, whole))
