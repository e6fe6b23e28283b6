"""
The doors to the account that records are moved into. Stages and phases know these and no platform.

There are several small ones, since few callers need more than one of them. All methods raise the family in `streamflow.errors`;
`Uncertain` is raised by writes only, and means "resolve, do not repeat".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from streamflow.model import Cursor, DestId, Fields, Kind, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event of the destination's feed, with the records it carries inline."""

    id: str
    at: int                                        # Unix seconds
    action: str                                    # create | update | delete | ...
    actor: str                                     # "1-users", "23-origins"
    kind: Kind
    ids: tuple[DestId, ...]
    payloads: Mapping[DestId, Fields] = field(default_factory=dict)
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)   # field, or attribute as the platform has it -> before, after


def is_person(actor: str) -> bool:
    """Say whether who did something by the feed is a person; programs have other kinds of ids."""
    return actor.endswith("-users")


def position_of(place: str) -> int:
    """Give the number by which the events and cursors of the feed are ordered; 0 for none."""
    digits = place.partition("-")[0]
    return int(digits) if digits.isdigit() else 0


HUNG: Final = "hung"
"""Under what name `Reader.remains` gives the records that hang on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """When we wrote to a record, aware, by our clock."""

    last: datetime                       # when our last write was confirmed
    begun: datetime | None = None        # when its making was begun; None where that is not known, or we wrote to it again


class Writer(Protocol):
    """
    Single writes, never retried below.

    Each either confirms, or raises RecordRejected, AccessRefused, PlanLimit or Throttled (surely not applied), or Uncertain.
    """

    async def create(self, kind: Kind, fields: Fields, *, author: DestId | None = None) -> DestId: ...

    async def update(
        self, kind: Kind, dest_id: DestId, changes: Fields, *, now: Fields, author: DestId | None = None, force: bool = False
    ) -> DestId:
        """
        Change the named fields; *now* holds all present values (some kinds are replaced whole).

        Answers the id the record has afterwards: a note that cannot be edited is re-made, but never one that holds what people put
        there, unless *force*. Raises Stale where it can tell that the record is no longer as in *now*.
        """
        ...

    def edits(self, kind: Kind) -> bool:
        """Say whether records of a kind that may be re-made are surely changed in place."""
        ...

    def fills(self, kind: Kind) -> Collection[str]:
        """Name the fields that a new record of a kind may get without being told: filled, they are no sign of people by themselves."""
        ...

    async def delete(self, kind: Kind, dest_id: DestId) -> None: ...

    async def delete_all(self, kind: Kind, dest_ids: Sequence[DestId]) -> bool:
        """Delete several in one call; False when each is to be deleted by itself: this call can have no effect any more."""
        ...

    async def delete_unchanged(self, kind: Kind, dest_id: DestId, ours: Ours) -> None:
        """Delete a record; raises Stale where the platform can tell that it was changed after *ours*, our writes to it."""
        ...

    async def restore(self, kind: Kind, dest_id: DestId) -> None: ...


class Reader(Protocol):
    """Reading back, always by a route the capability flags allow."""

    async def read(self, kind: Kind, ids: Sequence[DestId], *, custom: bool) -> Mapping[DestId, Fields]:
        """
        Read records by id, several a call; ids that are gone (404, deletedTime, merged) are missing from the answer.

        With *custom* False custom fields may be absent.
        """
        ...

    async def fates(self, kind: Kind, ids: Sequence[DestId]) -> Mapping[DestId, DestId | None]:
        """
        Say what became of records that are not there any more: the live record each was merged into, None for deleted ones.

        Live ones are missing from the answer.
        """
        ...

    def everything(self, kind: Kind, *, custom: bool) -> AsyncIterator[Mapping[DestId, Fields]]:
        """Yield all live records of a kind, page by page, by list or whole-record search; index-lagged."""
        ...

    async def find(self, kind: Kind, marker: str, hints: Fields) -> Sequence[DestId]:
        """Give the ids of live records that carry *marker* exactly, found through lists and searches (which lag)."""
        ...

    async def remains(self, kind: Kind, dest_id: DestId) -> Fields | None:
        """
        Give what is still shown of a record that was removed: perhaps less than it was related to; None where it cannot be read any more.

        `HUNG` names what it says hangs on it, for kinds that say that.
        """
        ...

    def route(self, kind: Kind) -> str:
        """
        Say how whole records of a kind are read back most cheaply: "payload" (many a call, at once), "search" (whole
        records by pages of a search that lags) or "single" (a call each).
        """
        ...

    def compare(self, kind: Kind, field: str, expected: Any, actual: Any) -> Verdict:
        """Judge one value read back after the destination's own normalisation. Pure."""
        ...


class Feed(Protocol):
    """The destination's account of what happened to it."""

    async def cursor(self, *, fresh: bool = False) -> Cursor:
        """Give a position before which everything has been told; it may be some seconds old, unless *fresh*."""
        ...

    def changed(self, cursor: Cursor, kinds: Sequence[Kind] = ()) -> AsyncIterator[tuple[Sequence[Happening], Cursor]]:
        """Yield what was made or changed after *cursor*, of these kinds or of all, in order, with the position after; no deletions."""
        ...

    async def about(self, dest_id: DestId, cursor: Cursor) -> Mapping[DestId, int]:
        """
        Give the records of which events after *cursor* relate to this one, itself among them, each with the place of the latest.

        Raises NotFound or RecordRejected where that cannot be asked.
        """
        ...

    async def since(self, cursor: Cursor) -> tuple[Sequence[Happening], Cursor]:
        """Give everything after *cursor*, oldest first, whichever end the server cuts, and the new position."""
        ...

    def portions(self, cursor: Cursor) -> AsyncIterator[tuple[Sequence[Happening], Cursor]]:
        """Give what `since` gives in portions of bounded length, each with the position after it; at least one, which may be empty."""
        ...

    def carries(self, kind: Kind) -> bool:
        """Say whether events of this kind appear in the feed at all."""
        ...

    async def our_user(self) -> DestId | None:
        """Give the user as whose deeds ours may show, where they do not show as a program's; None where no user is configured."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """A custom field the map needs."""

    entity: Kind                      # accounts | contacts | leads
    label: str
    family: str                       # text | long | choice | date | money | number
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The destination's reference data, by name (lower case) -> id, and its people."""

    users: tuple[Mapping[str, Any], ...] = ()                 # {"id","name","email","enabled","admin","teams"}
    activity_types: Mapping[str, DestId] = field(default_factory=dict)
    sources: Mapping[str, DestId] = field(default_factory=dict)
    tags: Mapping[str, DestId] = field(default_factory=dict)
    stagesets: Mapping[str, DestId] = field(default_factory=dict)
    stages: Mapping[str, DestId] = field(default_factory=dict)     # "stageset id/stage name"
    first_stages: Mapping[DestId, DestId] = field(default_factory=dict)   # of each pipeline; under "" where new leads begin by themselves
    outcomes: Mapping[str, DestId] = field(default_factory=dict)
    teams: Mapping[str, DestId] = field(default_factory=dict)
    custom_fields: tuple[FieldSpec, ...] = ()
    plan: Mapping[str, Any] = field(default_factory=dict)


class Schema(Protocol):
    """Reference data and custom-field definitions."""

    async def check(self) -> Mapping[str, Any]:
        """Sign in, read permissions and what the account offers; writes nothing. Gives "lacking" and "warnings" among others."""
        ...

    async def reference(self) -> Reference: ...

    async def custom_fields(self, entities: Collection[Kind] | None = None) -> tuple[FieldSpec, ...]:
        """Give the definitions of custom fields as they are now, of all kinds or of *entities*; cheaper than `reference`."""
        ...

    async def define(self, spec: FieldSpec) -> None:
        """
        Create a custom field and see it in the definitions; one of the same name and family that exists is fine.

        Raises RecordRejected for one that exists with another family.
        """
        ...

    async def sources(self) -> Mapping[DestId, str]:
        """Give the name of each lead source there is now, in one call."""
        ...

    async def source(self, name: str) -> DestId:
        """Find or create a lead source by name (the one idempotent create)."""
        ...


class Prober(Protocol):
    """The write probes that fill the capability flags."""

    async def probe(self, journal: ProbeJournal, long_text: FieldSpec | None = None) -> Mapping[str, Any]:
        """
        Write tagged records, learn, remove them again; answer flag -> value. Every record made is told to *journal* before and after.

        *long_text*: a custom field of leads that exists, to see how much text it keeps.
        """
        ...

    async def sweep_probes(self, journal: ProbeJournal, *, patiently: bool = True) -> None:
        """
        Remove what an interrupted probe left behind.

        What was meant and does not show may show late: it is waited for, or, unless *patiently*, left for a later sweep.
        """
        ...


class ProbeJournal(Protocol):
    """Keeps what probes made, so that an interrupted one is cleaned up."""

    async def defines(self, kind: Kind, label: str) -> None:
        """A custom field is to be made that stays."""
        ...

    async def meant(self, kind: Kind, marker: str) -> None: ...
    async def made(self, kind: Kind, marker: str, dest_id: DestId) -> None: ...
    async def removed(self, kind: Kind, marker: str) -> None: ...
    async def left(self) -> Sequence[tuple[Kind, str, DestId | None]]: ...


class Capabilities(Protocol):
    """What the engine itself asks of a destination's capability flags; the platform has more of them, for its own doors."""

    @property
    def timeout_s(self) -> float: ...
    @property
    def late_commit_s(self) -> float: ...
    @property
    def search_lag_s(self) -> float: ...
    @property
    def lead_stage_write(self) -> str: ...
    @property
    def activity_backdate(self) -> bool: ...
    @property
    def note_backdate(self) -> bool: ...
    @property
    def note_max_chars(self) -> int: ...
    @property
    def long_text_max_chars(self) -> int: ...
    @property
    def task_complete(self) -> bool: ...


class Destination(Protocol):
    """All doors of one destination account, and its housekeeping."""

    @property
    def name(self) -> str: ...
    @property
    def writer(self) -> Writer: ...
    @property
    def reader(self) -> Reader: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def schema(self) -> Schema: ...
    @property
    def prober(self) -> Prober: ...
    @property
    def flags(self) -> Capabilities:
        """The capability flags as they are now; others after `adopt`, and as they are learned while working."""
        ...

    def adopt(self, flags: Mapping[str, Any]) -> None:
        """Take flag values learned by probes or set by the operator."""
        ...
