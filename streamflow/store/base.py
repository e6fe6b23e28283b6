"""
The door to the ledger.

Rule 1: deciding code never writes. It returns `Change` values, and `Ledger.commit` applies a list of them in one transaction.
Rule 2: exactly one connection ever writes. Reads may come from it as well.
Rule 3: an older change never overwrites a newer one: finishing a record names the `seq` it finished.
Rule 4: nobody outside the store knows SQL, and the store does not know what a platform is or when to save.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

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

NO_REF: Final = Ref("", "")
"""Stands before every other where records are walked in order."""

# ------------------------------------------------------------------------------------------------ changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """What became of the writes of other records while one was sent and waited for."""

    taken: bool                                      # at least one was confirmed by its own answer
    unanswered: tuple[tuple[Kind, Key], ...] = ()    # records with a write that was not: in doubt, or given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """
    A staged record got its disposition (or is parked or held). Ignored when the record's seq has moved on since: it is pending anew.

    Parked or held without a disposition it keeps the former one. Done without a disposition, or parked on nothing, is refused
    (InvariantBroken). Parked on something that was woken after the record's latest change, it is pending again at once.
    """

    kind: Kind
    key: Key
    seq: int
    state: RecordState = RecordState.DONE
    disposition: Disposition | None = None
    reason: str = ""
    waiting_on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """
    Make records pending again (a decision was taken, the map changed, a parent appeared). Empty keys: all of the kind.

    They get a new seq each, so that work in flight under the former decision no longer finishes them.
    """

    kind: Kind
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """Records parked on any of these ("kind:key") become pending, each with a new seq."""

    on: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutIntent:
    """
    Note a write before it is sent; an empty meant_at and an epoch of 0 are filled in.

    Refused (InvariantBroken): an id used before, and a create for a ref (kind, key, part) that has one open or parked.
    """

    intent: Intent


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleIntent:
    """Note what became of a write. Refused (InvariantBroken): an unknown id, and another answer than the definite one it has."""

    id: str
    state: IntentState
    dest_id: DestId | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutLink:
    """Add or replace a line of the crosswalk, which keeps its first phase; with verified = pending its former verdicts are forgotten."""

    link: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class DropLink:
    """Take a line out of the crosswalk (its destination record was removed by us)."""

    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekey:
    """
    A record goes by another key from now on, since the source gave it one, or another one.

    Its staged row, its lines, its writes, its look-ups as a source record and who waits for it follow; items of the queue keep
    their ids and name the present key in details["now"]. Children that name it as their parent do not follow: they are staged anew.
    Takes effect before all other changes of its commit. Refused (InvariantBroken): nothing staged under the old key, anything
    under the new one, and a write of either without its definite answer. Never while records of the kind are being delivered.
    """

    kind: Kind
    old: Key
    new: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """
    A record turned out to be another one that is staged as well, which it goes up in.

    Its lines, its writes and who waits for it follow as with `Rekey`; a line of a part that the other one has too goes to the part
    "<part>~<destination id>" of it, and counts as verified. Its own row, payload and look-ups go. Takes effect before all other changes
    of its commit. Refused (InvariantBroken): nothing staged under either key, and a write of either without its definite answer.
    """

    kind: Kind
    old: Key
    into: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveLink:
    """
    Hand a line of the crosswalk, with its verification and its writes, to another record (part).

    Takes effect before all other changes of its commit. Refused (InvariantBroken): no line under *old*, one under *new*, and a
    write of either record without its definite answer.
    """

    old: Ref
    new: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkVerified:
    """Replace what is known of a link's verification: verdict rows other than equal are kept, equal ones counted."""

    ref: Ref
    verified: str                                  # verified | differs | unreadable | pending
    checks: tuple[FieldCheck, ...] = ()            # all fields of this link; the store keeps counts by (dest_kind, field, verdict) per link


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue:
    """Add an item to the review queue; an open or resolved item with the same id keeps its state, its details are renewed."""

    item: QueueItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveItem:
    id: str
    decision: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveMark:
    """Progress of a stream or of any other named reader, with the time."""

    name: str
    cursor: Cursor
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSetting:
    """A named JSON value: phase, map versions, capabilities, operator intents, decisions."""

    name: str
    value: Any                                     # None removes it


@dataclass(frozen=True, slots=True, kw_only=True)
class PutLookup:
    """Make a record findable by what identifies it. Replaces all lookups of (side, kind, id)."""

    side: str                                      # "src" | "dest"
    kind: Kind
    id: str                                        # source key or destination id
    values: Mapping[str, tuple[str, ...]]          # "email" -> (...), "phone" -> (...), "name" -> (...), "marker" -> (...)
    info: Mapping[str, Any] = field(default_factory=dict)   # small facts needed to judge a candidate (name, ...)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropLookup:
    side: str
    kind: Kind
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Records a complete scan did not show: their count of missing scans goes up by one; all others of the scan are reset by staging."""

    kind: Kind
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Append to the hash chain, in the same transaction as what it tells of."""

    entry: AuditEntry


Change: TypeAlias = (
    Rekey | Fold | MoveLink | Finish | Reopen | Wake | PutIntent | SettleIntent | PutLink | DropLink | MarkVerified | Enqueue | ResolveItem
    | MoveMark | PutSetting | PutLookup | DropLookup | Missed | Audit
)


# ------------------------------------------------------------------------------------------------ answers


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

    async def oldest_pending(self) -> tuple[int, Mapping[Kind, int]]:
        """Give the last change number handed out, and by kind the lowest of its pending records."""
        ...

    async def children(self, kind: Kind, parent: Key) -> Sequence[Staged]: ...

    async def children_of(self, kind: Kind, parents: Sequence[Key]) -> Mapping[Key, Sequence[Staged]]:
        """Records of a kind by the parent they name, in order of first staging; parents without any are left out."""
        ...

    async def waiting(self) -> Sequence[str]:
        """What parked records wait for, each named once."""
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
        """By destination kind: writes that were sent and whose outcome is looked for."""
        ...

    async def open_intents(self, *, limit: int = 1000) -> Sequence[Intent]:
        """Intents that are meant or in doubt, oldest first."""
        ...

    async def intents_of(self, kind: Kind, key: Key) -> Sequence[Intent]: ...

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
        """Items about these source records, in order of opening; looks through the whole queue, so name many keys at once."""
        ...

    async def decisions(self) -> Mapping[str, str]:
        """Id -> decision of all resolved items."""
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


