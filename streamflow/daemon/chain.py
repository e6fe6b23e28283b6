"""
The chain of the audit in a running daemon: walked before anything is written, and once a day.

Rule 1: where it is broken nothing more is written until a person says so: the ledger may have been changed along with it, and every write
and every removal rests on the ledger.
Rule 2: who says so has seen these breaks and no others; another one holds the run up anew.
Rule 3: where the chain stands is told to the log, which is kept elsewhere: who cuts the audit and the book's own memory of its length is
found by that (`audit verify --known`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from streamflow.migration.control import Control
from streamflow.store.audit import Walk
from streamflow.store.change import Change, PutSetting

SEEN: Final = "operator:audit_seen"
"""Setting: the print of the breaks that a person has seen and gone on with."""


class Book(Protocol):
    """What is asked of the ledger."""

    async def walk_audit(self, *, is_over: Callable[[], bool]) -> Walk | None: ...
    async def setting(self, name: str) -> Any: ...


class Chain:
    """Walks it and holds the run up where it is broken; one for each start."""

    def __init__(self, book: Book, control: Control, log: Any) -> None:
        self._book = book
        self._control = control
        self._log = log
        self._unseen: Walk | None = None
        self.is_whole = True        # as the last walk found it

    @property
    def trouble(self) -> str:
        """Say what nobody has answered for yet, "" for nothing."""
        return f"the audit does not hold from entry {self._unseen.first} on" if self._unseen is not None else ""

    async def look(self) -> None:
        """Walk along it; a break that nobody has seen pauses the run."""
        walk = await self._book.walk_audit(is_over=lambda: self._control.draining)
        if walk is None:
            return
        self.is_whole = walk.first is None
        self._log.info("audit.walked", count=walk.entries, seq=walk.head.seq, digest=walk.head.hash)
        if walk.first is None:
            return
        self._log.error("audit.broken", seq=walk.first, count=walk.entries, hint="keep the state folder and compare it with a backup")
        if walk.print != await self._book.setting(SEEN):
            self._unseen = walk
            self._hold_up()

    def _hold_up(self) -> None:
        """Pause until somebody resumes; whoever paused already is told beside their own words."""
        why = (
            f"{self.trouble}: the ledger was changed from outside, or its disk fails, and nothing more is written. Keep a copy of the "
            "state folder, find out who can write there, and compare it with a backup (`audit export`); `resume` goes on with the ledger "
            "as it is"
        )
        theirs = (self._control.paused or "") if not self._control.ends_itself else ""
        self._control.pause(theirs if why in theirs else "; ".join(part for part in (theirs, why) if part))

    def seen(self) -> Sequence[Change]:
        """Give what is to be kept when a person goes on; `answered` once it is."""
        return () if self._unseen is None else (PutSetting(name=SEEN, value=self._unseen.print),)

    def answered(self) -> None:
        """Note that somebody went on with it."""
        self._unseen = None
