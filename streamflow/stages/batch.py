"""What travels between the stages: a batch of records and what each stage adds to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamflow.mapping.derived import Derived
from streamflow.model import Cursor, DestId, Disposition, Fields, Kind, Link, Op, Ref, Staged
from streamflow.store.change import Change, Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Staged records of one kind, in order of their change numbers."""

    kind: Kind
    staged: tuple[Staged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A batch with what the map makes of each record."""

    kind: Kind
    jobs: tuple[tuple[Staged, Derived], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write that a source record needs; refs to the record's own earlier parts are filled in when they exist."""

    op: Op
    ref: Ref
    dest_kind: Kind
    fields: Fields
    marker: str = ""
    dest_id: DestId | None = None      # None on creates, and on updates of a part that an earlier write of the plan creates
    author: DestId | None = None
    now: Fields = field(default_factory=dict)     # present values, for updates
    base: Fields = field(default_factory=dict)    # what the crosswalk's base becomes when it is confirmed
    before: Fields | None = None                  # image of the fields changed, when the record is not ours
    ours: bool = True
    since: str = ""                               # deletes: when we last wrote to it
    force: bool = False                           # a person said that it may be replaced, with what people put there
    phase: str = ""                    # of the line, where it is not that of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A source record that is the same person as one that is made only now, and whose values are in the very create."""

    staged: Staged
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is to happen for one source record: writes in order, then its disposition."""

    staged: Staged
    writes: tuple[Write, ...] = ()
    changes: tuple[Change, ...] = ()              # committed before the first write is sent
    links: tuple[Link, ...] = ()                  # crosswalk lines that need no write (merges, matches, equal already)
    finish: Finish | None = None                  # None: left pending, comes again in the next pass
    disposition: Disposition = Disposition.CREATED
    joined: tuple[Joined, ...] = ()               # their lines come with the confirmation of the create; refused, it is made without them


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A batch with its plans."""

    kind: Kind
    plans: tuple[Plan, ...]
    seen: Cursor = ""      # the destination's feed before the records to be changed were read; "" when none were


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A batch whose writes have their outcomes in the ledger; *written* waits for verification."""

    kind: Kind
    finished: int
    written: tuple[Link, ...]
