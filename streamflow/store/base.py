"""
The door to the ledger: what it is asked, and what it answers. What can be done to it stands in `store/change.py`.

Rule 1: exactly one connection ever writes. Reads may come from it as well.
Rule 2: nobody outside the store knows SQL, and the store does not know what a platform is or when to save.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from streamflow.model import (
    AuditEntry,
    Cursor,
    DestId,
    Disposition,
    FieldCheck,
    Intent,
    IntentState,
    Key,
    Kind,
    Link,
    QueueItem,
    Record,
    RecordState,
    Ref,
    Staged,
)
from streamflow.store.change import Change

NO_REF: Final = Ref("", "")
"""Stands before every other where records are walked in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What staging a page found."""

    new: int
    changed: int
    same: int
    touched: tuple[tuple[Kind, Key, int], ...] = ()   # (kind, key, seq) of new and changed records
    revived: tuple[Key, ...] = ()                     # were missing in earlier scans and are back

    @property
    def is_news(self) -> bool:
        """Say whether a record is new, changed or back."""
        return bool(self.new or self.changed or self.revived)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A record found by what identifies it."""

    side: str
    kind: Kind
    id: str
    by: str              # "email" | "phone" | "name" | "marker"
    value: str
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """What became of the writes of other records while one was sent and waited for."""

    taken: bool                                      # at least one was confirmed by its own answer
    unanswered: tuple[tuple[Kind, Key], ...] = ()    # records with a write that was not: in doubt, or given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    name: str
    cursor: Cursor
    note: Mapping[str, Any]
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCount:
    """How many staged records of a kind are in a state with a disposition."""

    kind: Kind
    state: RecordState
    disposition: Disposition | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    seq: int
    at: str
    entry: AuditEntry
    previous: str
    hash: str


class Ledger(Protocol):
    """
    The one book of a migration. Every method raises StoreError when the book cannot be read or written.

    `SqliteLedger` keeps it in a file; `MemoryLedger` is its twin without one, for simulation and tests. One suite holds both to this.
    """

    @property
    def epoch(self) -> int:
        """Which start of the daemon this is; one more at each opening for writing."""
        ...

    # --- writing
    async def stage(
        self, records: Sequence[Record], *, scan: str, changes: Sequence[Change] = (), news: Sequence[Change] = ()
    ) -> StageResult:
        """
        Put read records into the book, with *changes* (the stream's mark) in the same transaction, and *news* if any of them is news.

        New ones and those whose digest differs become pending with a new seq, whatever their state was; same ones only get
        their last scan noted. *scan* names the pass that read them ("poll:lead:17"), so that a complete pass can tell what is missing:
        its reader up to the second colon, then which of its passes. A reader's next pass takes the place of its last one.
        """
        ...

    async def commit(self, changes: Iterable[Change]) -> None:
        """
        Apply all changes in order in one durable transaction, or none; between two reopenings finishing counts before waking.

        Raises InvariantBroken, with nothing written, when the changes contradict the book or each other.
        """
        ...

    # --- staged records
    async def pending(self, kind: Kind, *, limit: int, after_seq: int = 0) -> Sequence[Staged]:
        """Pending records of a kind, oldest change first, with a seq above *after_seq*."""
        ...

    async def staged(self, kind: Kind, keys: Sequence[Key]) -> Mapping[Key, Staged]: ...

    def every(self, kind: Kind, *, page: int = 500) -> AsyncIterator[Sequence[Staged]]:
        """All records of a kind in order of key (as text), a page at a time; holds no read open between pages."""
        ...

    async def keys(self, kind: Kind, *, after: Key = "", limit: int = 1000) -> Sequence[Key]:
        """Keys of a kind in order of first staging, after the given key."""
        ...

    async def unseen(self, kind: Kind, *, scan: str, parents: Sequence[Key] | None = None) -> Sequence[Key]:
        """Keys of a kind (of these parents) that the named complete scan did not touch."""
        ...

    async def counts(self) -> Sequence[KindCount]: ...

    async def held(self, kind: Kind) -> tuple[int, int]:
        """Count the records of a kind, and of these the ones that the last complete scans did not show any more."""
        ...

    async def oldest_unsettled(self) -> tuple[int, Mapping[Kind, int]]:
        """
        Give the last change number handed out, and by kind the lowest of its records that are not settled.

        These are pending, or wait for the outcome of a write of their own that was not answered.
        """
        ...

    async def children(self, kind: Kind, parent: Key) -> Sequence[Staged]: ...

    async def children_of(self, kind: Kind, parents: Sequence[Key]) -> Mapping[Key, Sequence[Staged]]:
        """Records of a kind by the parent they name, in order of first staging; parents without any are left out."""
        ...

    async def waiting(self) -> Sequence[str]:
        """What parked records wait for, each named once."""
        ...

    async def parked_on(self, things: Sequence[str]) -> Sequence[Staged]:
        """Records parked on any of these, in order of seq."""
        ...

    # --- crosswalk
    async def links(self, refs: Iterable[Ref]) -> Mapping[Ref, Link]: ...

    async def links_of(self, kind: Kind, keys: Sequence[Key]) -> Sequence[Link]:
        """All parts of these source records."""
        ...

    async def links_to(self, dest_ids: Sequence[DestId]) -> Sequence[Link]: ...

    def crosswalk(self, *, dest_kind: Kind | None = None, page: int = 500) -> AsyncIterator[Sequence[Link]]: ...

    async def unverified(self, dest_kind: Kind, *, limit: int, after: DestId = "") -> Sequence[Link]:
        """Links with verified = pending, in order of destination id as text, above *after*."""
        ...

    async def differing(self, dest_kind: Kind, *, limit: int, after: Ref = NO_REF) -> Sequence[Link]:
        """Links that were read back with a difference, in order of their source records, above *after*."""
        ...

    async def link_counts(self) -> Mapping[tuple[Kind, Kind, str], int]:
        """(source kind, destination kind, verified) -> links."""
        ...

    async def unverified_records(self) -> Mapping[Kind, int]:
        """By source kind: records at rest with a line in the crosswalk of which some field was not read back as it should be."""
        ...

    # --- intents
    async def doubts(self) -> Mapping[Kind, int]:
        """By destination kind: writes that were sent and whose outcome is looked for, or that an earlier start had meant and left open."""
        ...

    async def open_intents(self, *, limit: int = 1000) -> Sequence[Intent]:
        """Intents that are meant or in doubt, oldest first."""
        ...

    async def intents_of(self, kind: Kind, key: Key) -> Sequence[Intent]: ...

    async def intents_by_key(self, kind: Kind, keys: Sequence[Key]) -> Mapping[Key, Sequence[Intent]]:
        """Writes of each of these records, oldest first; records without any are left out."""
        ...

    async def others_meanwhile(self, id: str, *, limit: int) -> Others:
        """Tell what became of other records' writes that were meant no sooner than this one; of the unanswered at most so many."""
        ...

    async def intent_counts(self) -> Mapping[IntentState, int]: ...

    # --- lookups
    async def candidates(self, kind: Kind, values: Mapping[str, Sequence[str]], *, side: str | None = None) -> Sequence[Candidate]:
        """Records of a (source or destination) kind that share any of the values, e.g. {"email": [...], "phone": [...]}."""
        ...

    # --- queue
    async def queue(self, *, state: str | None = "open", cause: str | None = None) -> Sequence[QueueItem]:
        """Items in order of opening, of one state and one cause where these are named. A large account has thousands: name the cause."""
        ...

    def items(self, *, state: str | None = "open", cause: str | None = None, page: int = 500) -> AsyncIterator[Sequence[QueueItem]]:
        """Items as `queue` gives them, a page at a time; holds no read open between pages."""
        ...

    async def items_about(self, kind: Kind, keys: Sequence[Key]) -> Sequence[QueueItem]:
        """Items about these source records, by the keys they have now, in order of opening."""
        ...

    async def decisions(self) -> Mapping[str, str]:
        """Id -> decision of all resolved items; those about a record that goes by another key now also by the id they had with that."""
        ...

    async def queue_counts(self) -> Mapping[tuple[str, str, bool], int]:
        """(state, cause, blocking) -> items."""
        ...

    async def item(self, id: str) -> QueueItem | None: ...

    # --- marks, settings
    async def mark(self, name: str) -> Mark | None: ...

    async def marks(self) -> Sequence[Mark]: ...

    async def setting(self, name: str) -> Any:
        """The JSON value, or None."""
        ...

    async def settings(self, prefix: str) -> Mapping[str, Any]: ...

    async def settings_named(self, names: Iterable[str]) -> Mapping[str, Any]:
        """JSON values by name, of those of these settings that are there."""
        ...

    # --- verification and audit
    async def check_counts(self) -> Mapping[tuple[Kind, str, str], int]:
        """(destination kind, field, verdict) -> links."""
        ...

    async def checks(self, *, verdicts: Sequence[str], limit: int = 1000) -> Sequence[FieldCheck]: ...

    async def checks_of(self, kind: Kind, key: Key) -> Sequence[FieldCheck]: ...

    def audit(self, *, after: int = 0, page: int = 1000) -> AsyncIterator[Sequence[AuditRow]]: ...

    async def audit_of(self, kind: Kind, key: Key, *, limit: int = 200) -> Sequence[AuditRow]: ...

    async def audit_length(self) -> int:
        """Give the number of the last entry."""
        ...

    async def verify_audit(self) -> tuple[int, int | None]:
        """Walk the chain; answer (entries, number of the first broken entry or None)."""
        ...
