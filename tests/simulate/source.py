"""The account that is left: its true rows, and what a reader is shown of them, late, in pages that move, and now and then falsely."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import Any

import anyio

from streamflow.errors import PlatformUnavailable, Throttled, TransientError
from streamflow.model import Cursor, Key, Kind, Page, Record
from streamflow.platforms.source import Stream
from tests.simulate.agenda import Agenda
from tests.simulate.conditions import Conditions

BEGIN = datetime(2026, 6, 1, 10, 0, 0, tzinfo=UTC)
FORM = "%Y-%m-%d %H:%M:%S"
OVERLAP_S = 20.0
KEYS = {"rep": "repid", "client": "clientid", "quote": "quoteid", "visit": "visitid", "remark": "remarkid", "errand": "errandid"}
CHILDREN = ("quote", "visit", "remark", "errand")
Row = dict[str, Any]


@dataclass(slots=True)
class Version:
    """A row as it was from a moment on (None: removed), shown from a later one."""

    at: float
    shown_at: float
    row: Row | None


@dataclass(slots=True)
class Books:
    """Everything that ever was in the account."""

    agenda: Agenda
    conditions: Conditions
    dice: Random
    rows: dict[tuple[Kind, Key], list[Version]] = field(default_factory=dict)
    merged: dict[Key, Key] = field(default_factory=dict)       # clients merged away -> into whom
    frozen_at: float | None = None
    switched_at: float | None = None
    heard_at_switch: int = 0             # how far the destination's feed had been followed then
    begun_at: float = 0.0                # when the latest process began
    closed_at: float | None = None       # when the window after the switch was over
    listed_at: dict[Kind, float] = field(default_factory=dict)      # when the latest pass over a whole list began
    undoing_at: float | None = None      # when all was to be undone
    lies_left: int = 0
    skips_left: int = 1            # passes that leave a record out after people stopped; before that any number may
    served: dict[tuple[Kind, Cursor], dict[Key, str]] = field(default_factory=dict)
    """What was handed out below a cursor in the pass under way, by digest: a mark there must not come before its records."""

    # --- what people do

    def put(self, kind: Kind, key: Key, row: Row | None, *, silent: bool = False) -> None:
        """Write a row, or remove it with None."""
        if row is not None and kind == "client":
            before = self.now(kind, key)
            row = {**row, "moved": before["moved"] if silent and before else self.clock()}
        delay = self.dice.random() * self.conditions.shows_late_s
        versions = self.rows.setdefault((kind, key), [])
        shown_at = max(self.agenda.now + delay, versions[-1].shown_at if versions else 0.0)
        versions.append(Version(self.agenda.now, shown_at, row))
        self.agenda.tell("source", kind, key, "removed" if row is None else "written")

    def touch(self, client: Key) -> None:
        """Move the time of change of a client, as what is written about it does."""
        if (row := self.now("client", client)) is not None:
            self.put("client", client, row)

    def now(self, kind: Kind, key: Key) -> Row | None:
        """Give a row as it truly is."""
        versions = self.rows.get((kind, key))
        return versions[-1].row if versions else None

    def at(self, kind: Kind, key: Key, moment: float | None) -> Row | None:
        """Give a row as it was at a moment, as it is now where there was none; None when it was not there."""
        versions = [each for each in self.rows[kind, key] if moment is None or each.at <= moment]
        return versions[-1].row if versions else None

    def shown_by(self, kind: Kind, key: Key, moment: float) -> Row | None:
        """Give a row as a reader saw it at a moment, None when it was not there."""
        return _visible(self.rows[kind, key], moment)

    def true(self, kind: Kind) -> dict[Key, Row]:
        """Give all rows of a kind as they truly are."""
        return {key: row for (each, key), versions in self.rows.items() if each == kind and (row := versions[-1].row) is not None}

    def clock(self) -> str:
        """Give the account's own wall clock."""
        return (BEGIN + timedelta(seconds=int(self.agenda.now) + self.conditions.clock_off_s)).strftime(FORM)

    def showed_late(self) -> bool:
        """Say whether something that was written before people stopped was shown only after that."""
        end = self.frozen_at
        return end is not None and any(each.at <= end < each.shown_at for versions in self.rows.values() for each in versions)

    # --- what is shown of it

    def shown(self, kind: Kind) -> Iterator[tuple[Key, Row]]:
        """Give the rows of a kind as a reader sees them at this moment, in the order of the list."""
        found: list[tuple[Any, Key, Row]] = []
        for place, ((each, key), versions) in enumerate(self.rows.items()):
            if each == kind and (row := _visible(versions, self.agenda.now)) is not None:
                found.append(((row.get("moved", ""), place) if self.conditions.by_time else place, key, row))
        found.sort(key=lambda one: one[0], reverse=self.conditions.by_time)
        return iter([(key, row) for _, key, row in found])

    def shown_one(self, kind: Kind, key: Key) -> Row | None:
        """Give one row as a reader sees it."""
        return _visible(self.rows.get((kind, key), []), self.agenda.now)


def _visible(versions: Sequence[Version], moment: float) -> Row | None:
    seen = [version for version in versions if version.shown_at <= moment]
    return seen[-1].row if seen else None


def content(row: Mapping[str, Any] | None) -> Row | None:
    """Give what people wrote of a row, without its time of change."""
    return {name: value for name, value in row.items() if name != "moved"} if row is not None else None


def record_of(kind: Kind, key: Key, row: Row) -> Record:
    """Give a row in canonical form, as a platform's dialect would."""
    digest = blake2b(json.dumps(content(row), sort_keys=True).encode(), digest_size=8).hexdigest()
    parent = str(row["clientid"]) if kind in CHILDREN else None
    return Record(kind=kind, key=key, data=dict(row), digest=digest, parent=parent, changed_at=row.get("moved"))


class SourceDoor:
    """The door a process reads through."""

    name = "ledgerwood"
    exported_at = None

    def __init__(self, books: Books) -> None:
        self._books = books
        self._dice = books.dice

    def streams(self) -> Sequence[Stream]:
        asked = OVERLAP_S if self._books.conditions.is_settled else None
        return (
            Stream(kind="rep", reader="api", role="reference"), Stream(kind="client", reader="api", overlap_s=asked),
            Stream(kind="quote", reader="api", refers_to="client"), Stream(kind="visit", reader="api", refers_to="client"),
            Stream(kind="errand", reader="api", refers_to="client"), Stream(kind="remark", reader="api", parent="client"),
        )  # fmt: skip

    async def check(self) -> Mapping[str, str]:
        await anyio.sleep(0.05)
        return {stream.kind: "ok" for stream in self.streams()}

    async def pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        since, _, place = (start or "|0").partition("|")
        at = int(place)
        handed: dict[Key, str] = dict(self._books.served.get((kind, start or ""), {})) if start else {}
        skipped = self._skips(kind) if start is None else None
        if start is None:
            self._books.listed_at[kind] = self._books.agenda.now
        while True:
            await self._call()
            rows = [
                (key, row) for key, row in self._books.shown(kind)
                if key != skipped and (not since or str(row.get("moved", "")) >= since)
            ]
            size = self._books.conditions.page_size
            held = rows[at : at + size]
            is_last = at + size >= len(rows)
            if held and self._lies():
                held, is_last = [], True
            at += size
            records = tuple(record_of(kind, key, row) for key, row in held)
            following = None if is_last else f"{since}|{at}"
            handed.update({record.key: record.digest for record in records})
            self._books.served[kind, following or ""] = dict(handed)
            yield Page(kind=kind, records=records, next=following)
            if is_last:
                return

    def changes_from(self, kind: Kind, since: datetime) -> Cursor | None:
        return f"{since.strftime(FORM)}|0" if kind == "client" and self._books.conditions.is_settled else None

    def recent_from(self, kind: Kind) -> Cursor | None:
        return None

    def join(self, known: Record | None, fresh: Record, *, feed: Kind) -> Record:
        return fresh

    async def owner_of(self, record: Record) -> Record | None:
        return None

    async def children(self, kind: Kind, parent: Key) -> Page:
        await self._call()
        rows = [(key, row) for key, row in self._books.shown(kind) if row["clientid"] == parent]
        if self._books.frozen_at is None and rows and self._lies():
            rows = []
        return Page(kind=kind, records=tuple(record_of(kind, key, row) for key, row in rows), next=None)

    async def refresh(self) -> str | None:
        return None

    def resign(self, kind: Kind, keys: Collection[Key]) -> None:
        """Nobody waits here."""

    async def one(self, kind: Kind, key: Key) -> Record | None:
        await self._call()
        row = self._books.shown_one(kind, key)
        return record_of(kind, key, row) if row is not None else None

    # --- below

    async def _call(self) -> None:
        await anyio.sleep(0.01 + 0.1 * self._dice.random())
        conditions = self._books.conditions
        if self._dice.random() >= conditions.read_faults or self._books.agenda.now > conditions.faults_end_s:
            return
        which = self._dice.randrange(3)
        self._books.agenda.tell("source fails", which)
        if which == 0:
            raise TransientError("it did not answer", platform=self.name)
        if which == 1:
            raise Throttled("slow down", retry_after_s=1.0, platform=self.name)
        raise PlatformUnavailable("it is away", platform=self.name)

    def _skips(self, kind: Kind) -> Key | None:
        """Name the record that this pass over a whole list leaves out though it is there; the next one shows it."""
        books = self._books
        is_over = books.frozen_at is not None and not books.skips_left
        if kind == "rep" or not books.conditions.skips or is_over or self._dice.random() >= books.conditions.skips:
            return None
        books.skips_left -= books.frozen_at is not None
        key = self._dice.choice([key for key, _ in books.shown(kind)] or [None])
        books.agenda.tell("source leaves out", kind, key)
        return key

    def _lies(self) -> bool:
        """Say whether this answer claims that there is nothing (more); after the freeze once at most."""
        if self._books.lies_left <= 0 or self._dice.random() > 0.03:
            return False
        self._books.lies_left -= 1 if self._books.frozen_at is None else self._books.lies_left
        self._books.agenda.tell("source lies")
        return True
