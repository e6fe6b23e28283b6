"""
The changes of the ledger: all that can be done to it.

Rule 1: deciding code never writes. It returns `Change` values, and `Ledger.commit` applies a list of them in one transaction.
Rule 2: an older change never overwrites a newer one: finishing a record names the `seq` it finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from streamflow.model import (
    AuditEntry,
    Cursor,
    DestId,
    Disposition,
    Ending,
    FieldCheck,
    Intent,
    IntentState,
    Key,
    Kind,
    Link,
    QueueItem,
    RecordState,
    Ref,
)


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
    ground: str = ""                               # as in `Staged`; replaced together with the reason
    waiting_on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """
    Make records pending again (a decision was taken, the map changed, a parent appeared). Empty keys: all of the kind.

    They get a new seq each, so that work in flight under the former decision no longer finishes them. Records that are held on a ground
    that begins with *but* stay as they are.
    """

    kind: Kind
    keys: tuple[Key, ...] = ()
    but: str = ""


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
    ending: Ending = Ending.PLAIN
    unknown_since: str = ""


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

    side: str                                      # "src" | "dest" | "removed"
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
