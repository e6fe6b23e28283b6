"""
The doors to a platform that is being left. Stages and phases know these and no platform.

A source is only read. All methods raise the family in `streamflow.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from streamflow.model import Cursor, Key, Kind, Page, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One kind being read, as its spec describes it."""

    kind: Kind
    reader: str                        # "api" | "files"
    parent: Kind | None = None         # set: asked per parent record (a call each), e.g. notes of a lead
    refers_to: Kind | None = None      # set: rows name a record of this kind as theirs (whole-list children too)
    role: str = "record"               # "record" | "reference" (users, sources, ...) | "file"
    optional: bool = False
    sweepable: bool = True             # a complete read proves absence
    overlap_s: float | None = None     # set: it may be asked for what changed (`changes_from`), so much of it again each time
    by_clock: bool = False             # its records do not carry the time that is filtered by: the mark is when a read began
    has_recent: bool = False           # edits may move no time of change, so its latest part is read again often (`recent_from`)
    via: Kind | None = None            # set: not read by itself, the pages of that stream bring its records
    fed_by: tuple[Kind, ...] = ()      # further streams whose pages bring records of this kind; they are joined (`Source.join`)
    same_by: tuple[str, ...] = ()      # its keys may be made and change; pages that show its parent show all it has, and these fields stay
    rewritten: tuple[str, ...] = ()    # of same_by: where one made key went and one came, and all else stays, these were written anew
    made_of: tuple[str, ...] = ()      # with same_by: what its made keys are made of; "a|b": the first that is filled
    moved_by: tuple[str, ...] = ()     # a whole table: made keys change with the parent, and these ("a|b": the first that is filled) stay
    poll_s: float = 0.0                # no reason to look at it more often while changes are followed; the operator's own pause goes first
    asks_owner: bool = False           # records that do not say whose they are can be asked about (`Source.owner_of`)


MADE_KEY = "~"
"""How keys begin that a reader made of what a record holds, since the source gives it none."""

NOBODY = "belongs_to"
"""The field of a record ("nobody") of which the platform says that it belongs to no other."""


class Source(Protocol):
    """A platform being left. Reads only: there is no method that could write."""

    @property
    def name(self) -> str: ...
    def streams(self) -> Sequence[Stream]:
        """Give the streams in the order in which parents come before children."""
        ...

    async def check(self) -> Mapping[str, str]:
        """
        Sign in and look at each stream; answer stream kind -> "ok" or why it cannot be read.

        Kinds that the platform is known to have and that have no stream here may be named, too, with the reason.

        Raises AccessRefused, PlatformUnavailable.
        """
        ...

    def pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        """Yield the pages of a whole-list stream from *start*; the last one has next None."""
        ...

    def changes_from(self, kind: Kind, since: datetime) -> Cursor | None:
        """
        Give the cursor at which `pages` reads only what changed at *since* or later; None where the source has no such filter.

        *since* is naive, by the source's wall clock, as `Record.changed_at` tells it ("%Y-%m-%d %H:%M:%S"). How the stretch from then to
        now is cut into windows, and cut again where one holds too much or does not answer, is the platform's affair: the page with
        next None comes once all of them are drained. That the filter does what it says is for the caller to see.
        """
        ...

    def recent_from(self, kind: Kind) -> Cursor | None:
        """Give the cursor at which `pages` reads only the latest part of a whole list; None where the source names none."""
        ...

    def join(self, known: Record | None, fresh: Record, *, feed: Kind) -> Record:
        """
        Give one record out of what is known of it and what the stream *feed* shows now. Pure.

        For kinds that several streams bring, none of them whole: a field that is missing is not empty, and absence from one stream is
        absence from none.
        """
        ...

    async def owner_of(self, record: Record) -> Record | None:
        """Ask whose a record is that does not say it; answers what to join with it, or None where nobody can be asked."""
        ...

    async def children(self, kind: Kind, parent: Key) -> Page:
        """Read all rows of *kind* that belong to one parent record; only for streams with a parent."""
        ...

    async def refresh(self) -> str | None:
        """Look for a newer snapshot of streams that are read from files; answers the name of the one in use, None without files."""
        ...

    @property
    def exported_at(self) -> datetime | None:
        """When the snapshot in use was taken, aware UTC; None without files."""
        ...

    def resign(self, kind: Kind, keys: Collection[Key]) -> None:
        """
        Take note of the records of a kind that a person gave up since they never come; those named before are no longer given up.

        They are still asked for, so that they come back by themselves, and waited for briefly. What is shown, and which gaps a pass has,
        does not depend on it.
        """
        ...

    async def one(self, kind: Kind, key: Key) -> Record | None:
        """Read one record directly; None when the source says it is not there. Raises NotFound when the platform cannot be asked so."""
        ...


class Attachments(Protocol):
    """Where the bytes of files of a source can be had."""

    async def copy(self, record: Record, target: str) -> str:
        """Write the bytes of the file record to the path *target* and answer their SHA-256 in hex."""
        ...
