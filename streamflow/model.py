"""
The nouns of a migration as frozen values: what is read, what is wanted, what was meant, sent and confirmed.

Nothing here waits, stores or decides. Payloads are plain dicts; structure sits on the envelope around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Kind: TypeAlias = str      # a type of record on a platform: "lead", "note"; destination: "contacts", "notes"
Key: TypeAlias = str       # the source's own key of a record, always text
DestId: TypeAlias = str    # the destination's id in full form: "51-contacts"
Cursor: TypeAlias = str    # where a page starts; opaque to all but its platform
Fields: TypeAlias = dict[str, Any]
"""Values of one destination record, flat. Plain names are native fields ("name", "emails", "body"),
"custom:<label>" a custom field (text), "link:<relation>" one id or a list of ids. The destination's dialect turns this
form into its wire form and back, so that base, source and destination can be compared field by field."""


def kind_of(dest_id: DestId) -> Kind:
    """Give the kind that an id of the destination names ("11-contacts"), "" where it names none."""
    return dest_id.rpartition("-")[2]


def name_of(kind: Kind, key: Key) -> str:
    """Name a source record in one word ("lead:48213"), as whoever waits for it does, and the set of busy ones."""
    return f"{kind}:{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row of a source kind as it was read."""

    kind: Kind
    key: Key
    data: dict[str, Any]         # canonical names; times as local "YYYY-MM-DD HH:MM:SS"; originals that had to be rewritten under "_raw"
    digest: str                  # over the canonical content without the fields the spec tells to ignore
    parent: Key | None = None    # the key of the record it belongs to, when the kind is a child
    changed_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that cannot be a record, since nothing tells it from others; its values are not in here."""

    reason: str                # without personal data
    digest: str                # of all that the row says, with "#2" behind it for the second of equal ones in one reading
    parent: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one extract response held."""

    kind: Kind
    records: tuple[Record, ...]                          # of its own kind, and of others where a row holds or names them
    next: Cursor | None                                  # None: this was the last page
    unknown: Mapping[str, int] = field(default_factory=dict)   # keys the spec does not know -> how often seen here
    rejects: tuple[Reject, ...] = ()                     # rows without a usable key
    unknown_of: Mapping[Kind, Mapping[str, int]] = field(default_factory=dict)   # the same as *unknown*, of the other kinds it brought
    gaps: tuple[str, ...] = ()                           # what is there and could not be read, each as a reason without personal data
    walk: str = ""                                       # of several walks through one list, the one in which it was not read


class RecordState(StrEnum):
    """Where a staged record stands."""

    PENDING = "pending"    # read or changed, not yet dealt with
    PARKED = "parked"      # waits for the record named in waiting_on
    HELD = "held"          # waits for a person's decision in the queue
    DONE = "done"          # has its disposition


class Disposition(StrEnum):
    """What became of a source record; for each kind they sum to what was read."""

    CREATED = "created"      # we made its destination record
    UPDATED = "updated"      # its destination record existed before and we changed it
    MERGED = "merged"        # it shares the destination record of another source record
    MATCHED = "matched"      # its destination record existed before and already held everything
    FILTERED = "filtered"    # a rule of the confirmed map leaves it out, with the reason
    FLAGGED = "flagged"      # a person must decide; in the queue
    FAILED = "failed"        # the destination refuses it; in the queue with the refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A source record in the ledger."""

    record: Record
    seq: int                            # number of its latest change; larger is newer
    state: RecordState
    disposition: Disposition | None = None
    reason: str = ""                    # for people; nothing is decided by its words
    ground: str = ""                    # what decisions have to know of why it stands where it does, in one word; "": nothing
    waiting_on: str = ""                # "kind:key" when parked
    missing_scans: int = 0              # complete scans in a row that did not show it
    first_seen: str = ""
    last_seen: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Names a record by its source identity, before its destination id is known."""

    kind: Kind
    key: Key
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One destination record that a source record asks for; links may still be `Ref`s."""

    kind: Kind                 # destination kind
    part: str = ""             # "" for the main record; "lead", "2/3", "merged" for further ones of the same source record
    fields: Fields = field(default_factory=dict)
    author: Key | None = None  # source user whose authorship is kept where the destination can
    marker: str = ""           # how the record is recognised on the destination: field value or last line of its text


ADOPTED = "adopted"   # the phase of links found by their markers: made by an earlier run whose state is not here
BROUGHT_BACK = "brought_back"   # that of links to records of our making that were removed, and that people brought back: theirs since


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One line of the crosswalk: a source record (part) and the destination record it became, with the base."""

    ref: Ref
    dest_kind: Kind
    dest_id: DestId
    base: Fields                       # what we last wrote and know to be there
    ours: bool                         # True: we created it, so a rollback may delete it
    before: Fields | None = None       # values found before our first change, when it existed before us
    verified: str = "pending"          # pending | verified | differs | unreadable
    phase: str = ""                    # in which the line came to be
    written_at: str = ""

    @property
    def is_merged(self) -> bool:
        """Say whether the destination record belongs to another source record, which this one was merged into."""
        return not self.ours and self.before is None

    @property
    def is_matched(self) -> bool:
        """Say whether the destination record existed before us."""
        return not self.ours and self.before is not None

    @property
    def is_adopted(self) -> bool:
        """Say whether it is one of those that carry our marker and count as there before this run."""
        return self.phase in (ADOPTED, BROUGHT_BACK)

    @property
    def is_brought_back(self) -> bool:
        """Say whether it is of our making, was removed, and is there since people brought it back."""
        return self.phase == BROUGHT_BACK


class Op(StrEnum):
    """What an intent means to do."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class IntentState(StrEnum):
    """The life of a write: open until a definite answer or a decision."""

    MEANT = "meant"            # committed before anything is sent
    IN_DOUBT = "in_doubt"      # sent, or perhaps sent; outcome unknown
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    ABANDONED = "abandoned"    # surely not applied; the record starts anew
    PARKED = "parked"          # cannot be resolved by us: a person decides


OPEN_INTENTS = (IntentState.MEANT, IntentState.IN_DOUBT)
"""Whose outcome is looked for."""
UNSETTLED_INTENTS = (*OPEN_INTENTS, IntentState.PARKED)
"""Without a definite answer: they may still become anything, and nothing else may be done to what they write."""


class Ending(StrEnum):
    """What later decisions have to know of how a write ended, beyond its state."""

    PLAIN = ""                   # nothing: confirmed by its own answer, or not counted among any tries
    FOUND = "found"              # confirmed without an answer of its own: says nothing of whether writes are taken at present
    COUNTED = "counted"          # it came to nothing, and that counts against its record
    UNCOUNTED = "uncounted"      # it came to nothing while no others were taken either
    OVERTAKEN = "overtaken"      # it was refused since somebody was at its record: counted by itself, and no sign of anything else
    GIVEN_UP = "given_up"        # the last of a series in vain: a person is asked, or the rollback leaves it


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write about to be sent, as the ledger knows it."""

    id: str
    ref: Ref
    op: Op
    dest_kind: Kind
    fields: Fields                     # create: all fields; update: the changed ones
    marker: str = ""
    dest_id: DestId | None = None
    author: Key | None = None
    seq: int = 0                       # change number of the source record it serves
    feed_cursor: Cursor | None = None  # the destination's event feed just before sending
    state: IntentState = IntentState.MEANT
    meant_at: str = ""
    settled_at: str = ""
    reason: str = ""                   # for people; nothing is decided by its words
    epoch: int = 0                     # which start of the daemon wrote it
    ending: Ending = Ending.PLAIN
    unknown_since: str = ""            # in doubt: since when, by the steady clock of the process that noted it


class Verdict(StrEnum):
    """How one field read back compares with what the map expects."""

    EQUAL = "equal"
    NORMALISED = "normalised"   # the same after the destination's own normalisation
    LOSSY = "lossy"             # less by design, as the map says
    DIFFERS = "differs"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """Something a person must see or decide."""

    id: str                              # stable: the same cause for the same record never queues twice
    cause: str                           # "shared_email", "unknown_parent", "conflict", "deleted_at_source", "rejected", ...
    kind: Kind
    key: Key
    reason: str
    decisions: tuple[str, ...]
    suggested: str = ""
    blocking: bool = False
    state: str = "open"                  # open | resolved
    decision: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    opened_at: str = ""
    resolved_at: str = ""
    resolved_by: str = ""

    @property
    def present_key(self) -> Key:
        """The key that the record goes by now; the item keeps the one it was asked under."""
        return str(self.details.get("now") or self.key)

    @property
    def present_id(self) -> str:
        """The id under which this would be asked now."""
        return asked_as(self.id, self.kind, self.key, self.present_key)


def asked_as(id: str, kind: Kind, key: Key, now: Key) -> str:
    """Give the id of a question about a record ("<cause>:<kind>:<key>…") as it is under the key that the record goes by *now*."""
    before, named, after = id.partition(f":{kind}:{key}")
    return f"{before}:{kind}:{now}{after}" if key and named and (not after or after.startswith(":")) else id


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One operation, decision or operator command."""

    actor: str                       # "streamflow" or "uid:1000"
    action: str                      # "write.create", "gate.map.confirm", "phase", ...
    kind: Kind = ""
    key: Key = ""
    dest_id: DestId = ""
    before: Any = None               # digests or values by name; kept in the ledger only
    after: Any = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCheck:
    """The verdict on one field of one destination record."""

    ref: Ref
    dest_kind: Kind
    dest_id: DestId
    field: str
    verdict: Verdict
    expected: Any = None
    actual: Any = None
