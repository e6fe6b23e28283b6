"""The account as it stands now: the generated one with everything that happened to it since laid over it.

Rules of this file. (1) A record that nobody touched costs nothing: only changes are held. (2) Each change has a moment
from which lists show it; `view=None` asks for the truth, `view=t` for what a list shows at Unix second t. Moments are the
true ones, so that setting the platform's clock hides nothing; what is written down goes by that clock. (3) Lists are in
the order of creation. (4) A child lives at a lead (its *home*); the `leadid` written in it is mostly, not always, that
home, since the account holds children of leads that were merged away.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.leadtrekker.account import Account

Record = dict[str, Any]
Listed = tuple[str, str, Record]
"""(id, home, record)."""

CHILD_KINDS = ("notes", "calls", "emails", "reminders", "attachments")
KINDS = ("leads", *CHILD_KINDS)
REFERENCE_KINDS = ("users", "groups", "sources", "statuses")
ID_FIELD = {
    "leads": "leadid", "notes": "noteid", "calls": "callid", "emails": "emailid", "reminders": "reminderid",
    "attachments": "attachmentid", "users": "userid", "groups": "groupid", "sources": "sourceid",
    "statuses": "statusid",
}  # fmt: skip
_ZONE = timezone(timedelta(hours=2))


def local_text(at: float) -> str:
    """Write Unix seconds as the platform does: Johannesburg time, to the second, no zone."""
    return datetime.fromtimestamp(at, _ZONE).strftime("%Y-%m-%d %H:%M:%S")


def local_now(at: float) -> datetime:
    """Give Unix seconds as a naive Johannesburg time."""
    return datetime.fromtimestamp(at, _ZONE).replace(tzinfo=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a record is from `visible_from` on; `record` None means deleted."""

    visible_from: float
    home: str
    record: Record | None


@dataclass(slots=True, kw_only=True)
class _Entry:
    """The changes of one record, oldest first; `position` is its place in the generated list, None when made later."""

    position: int | None
    versions: list[Version] = field(default_factory=list)

    def at(self, view: float | None) -> Version | None:
        """Give the version shown at *view*; None when no change shows yet."""
        if view is None:
            return self.versions[-1]
        return next((version for version in reversed(self.versions) if version.visible_from <= view), None)

    def add(self, version: Version, now: float) -> None:
        shown = [n for n, old in enumerate(self.versions) if old.visible_from <= now]
        del self.versions[: shown[-1] if shown else 0]  # nobody can ask for these any more
        self.versions.append(version)


class State:
    """One live account; `records` kinds are leads and their five kinds of children, and four small reference kinds."""

    def __init__(
        self, account: Account, *, clock: Clock, late_visibility_s: Callable[[], float], stamp: Callable[[float], float] = float
    ) -> None:
        """*stamp* gives what the platform takes for the time of something done at a Unix second."""
        self.account = account
        self._stamp = stamp
        self.clock = clock
        self._late_visibility_s = late_visibility_s
        self._entries: dict[str, dict[str, _Entry]] = {kind: {} for kind in KINDS}
        self._created: dict[str, dict[str, _Entry]] = {kind: {} for kind in KINDS}
        self._deleted: dict[str, dict[str, _Entry]] = {kind: {} for kind in KINDS}
        self._moved_in: dict[str, dict[str, dict[str, None]]] = {kind: {} for kind in CHILD_KINDS}
        self._bytes: dict[str, bytes] = {}
        self._next_id = {kind: account.plan.first_free_id(kind) for kind in KINDS}
        self._reference: dict[str, dict[str, Record]] = {
            kind: {str(row[ID_FIELD[kind]]): row for row in getattr(account, kind)()} for kind in REFERENCE_KINDS
        }

    # --- one record ---

    def find(self, kind: str, key: str) -> tuple[str, Record] | None:
        """Give (home, record) as it truly is, or None; the record is a copy to keep."""
        if kind in self._reference:
            row = self._reference[kind].get(key)
            return None if row is None else ("", dict(row))
        entry = self._entries[kind].get(key)
        if entry is not None:
            version = entry.versions[-1]
            return None if version.record is None else (version.home, dict(version.record))
        base = self._base_of(kind, key)
        return None if base is None else (base[1], dict(base[2]))

    def written(self, at: float) -> str:
        """Write down the time of something done at Unix second *at*."""
        return local_text(self._stamp(at))

    def new_id(self, kind: str) -> str:
        """Give the next id of *kind*; higher than all before."""
        if kind in self._reference:
            return str(max((int(key) for key in self._reference[kind]), default=0) + 1)
        self._next_id[kind] += 1
        return str(self._next_id[kind])

    def put(self, kind: str, record: Record, *, home: str | None = None, at: float | None = None) -> None:
        """
        Create or replace one record; lists show it `late_visibility_s` after *at*.

        Args:
            kind: One of KINDS or REFERENCE_KINDS.
            record: The whole record, its id included.
            home: The lead a child lives at; by default where it lives already, else its `leadid`.
            at: Unix seconds of the change; now by default.
        """
        key = str(record[ID_FIELD[kind]])
        if kind in self._reference:
            self._reference[kind][key] = record
            return
        entry = self._entry(kind, key)
        if home is None:
            home = entry.versions[-1].home if entry.versions else self._base_home(kind, entry, record)
        self._add(kind, key, entry, home=home, record=record, at=at)

    def put_bytes(self, attachmentid: str, content: bytes) -> tuple[int, str]:
        """Keep the bytes of an attachment made later; give its size in bytes and SHA-256."""
        self._bytes[attachmentid] = content
        return len(content), hashlib.sha256(content).hexdigest()

    def attachment_bytes(self, attachmentid: str) -> bytes:
        """Give the content of an attachment; KeyError when there is none."""
        if attachmentid in self._bytes:
            return self._bytes[attachmentid]
        return self.account.attachment_bytes(attachmentid)

    def lead_email(self, leadid: str) -> str:
        """Give the e-mail that exports show beside a child of this lead, also when the lead is no more."""
        found = self.find("leads", leadid)
        return str(found[1].get("email") or "") if found is not None else self.account.lead_email(leadid)

    def delete(self, kind: str, key: str, *, at: float | None = None) -> None:
        """Delete one record, a lead with all that lives at it; KeyError when it does not exist."""
        found = self.find(kind, key)
        if found is None:
            raise KeyError(f"no {ID_FIELD[kind]} {key}")
        if kind in self._reference:
            del self._reference[kind][key]
            return
        if kind == "leads":
            for child_kind in CHILD_KINDS:
                for childid, _, _ in list(self.children_of(child_kind, key)):
                    self.delete(child_kind, childid, at=at)
        self._add(kind, key, self._entry(kind, key), home=found[0], record=None, at=at)

    def merge(self, loser: str, survivor: str, *, at: float | None = None) -> None:
        """Let lead *loser* vanish into *survivor*: its children reappear there, under their old ids."""
        if loser == survivor or self.find("leads", loser) is None or self.find("leads", survivor) is None:
            raise KeyError(f"cannot merge lead {loser} into {survivor}: both must exist and differ")
        for kind in CHILD_KINDS:
            for _, _, record in list(self.children_of(kind, loser)):
                self.put(kind, {**record, "leadid": survivor}, home=survivor, at=at)
        self._add("leads", loser, self._entry("leads", loser), home=loser, record=None, at=at)

    # --- lists ---

    def iter_records(self, kind: str) -> Iterator[Record]:
        """Yield every record of *kind* as it truly is now, in the order of creation."""
        for _, _, record in self.listing(kind):
            yield record

    def listing(self, kind: str, *, view: float | None = None) -> Iterator[Listed]:
        """Yield (id, home, record) of all of *kind*; changes made while iterating may or may not show."""
        if kind in self._reference:
            yield from [(key, "", dict(row)) for key, row in self._reference[kind].items()]
            return
        for base in self._base_from(kind, 0):
            shown = self._shown(kind, base, view)
            if shown is not None:
                yield shown
        yield from self._made_later(kind, view)

    def page(self, kind: str, *, offset: int, limit: int, newest_first: bool, view: float | None) -> list[Listed]:
        """Give *limit* rows from the *offset*-th on; cheap at any depth, since untouched rows are only counted."""
        if kind in self._reference:
            rows = list(self.listing(kind))
            return (rows[::-1] if newest_first else rows)[offset : offset + limit]
        later = list(self._made_later(kind, view))
        gone = self._gone(kind, view)
        live = self._base_total(kind) - len(gone)
        start, stop = offset, offset + limit
        if newest_first:
            start, stop = live + len(later) - stop, live + len(later) - start
        start, stop = max(0, start), max(0, stop)
        rows = list(islice(self._live_from(kind, start, gone, view), max(0, min(stop, live) - start)))
        rows += later[max(0, start - live) : max(0, stop - live)]
        return rows[::-1] if newest_first else rows

    def total(self, kind: str, *, view: float | None = None) -> int:
        """Count the records of *kind*."""
        if kind in self._reference:
            return len(self._reference[kind])
        made = sum(1 for _ in self._made_later(kind, view))
        return self._base_total(kind) - len(self._gone(kind, view)) + made

    def counts(self) -> dict[str, int]:
        """Count every kind as it truly is now."""
        return {kind: self.total(kind) for kind in (*KINDS, *REFERENCE_KINDS)}

    def children_of(self, kind: str, leadid: str, *, view: float | None = None) -> Iterator[Listed]:
        """Yield what lives at one lead, in the order of creation; nothing when the lead does not exist."""
        index = self.account.index_of(leadid)
        seen: set[str] = set()
        for record in self.account.children(kind, index) if index is not None else ():
            key = str(record[ID_FIELD[kind]])
            seen.add(key)
            shown = self._shown(kind, (key, leadid, record), view)
            if shown is not None and shown[1] == leadid:
                yield shown
        for key in list(self._moved_in[kind].get(leadid, ())):
            version = self._entries[kind][key].at(view)
            if key not in seen and version is not None and version.record is not None and version.home == leadid:
                yield key, leadid, dict(version.record)

    # --- below: the generated list and the changes over it ---

    def _entry(self, kind: str, key: str) -> _Entry:
        entry = self._entries[kind].get(key)
        return entry if entry is not None else _Entry(position=self._position_of(kind, key))

    def _add(self, kind: str, key: str, entry: _Entry, *, home: str, record: Record | None, at: float | None) -> None:
        now = self.clock.now()
        shown_from = (now if at is None else at) + self._late_visibility_s()
        entry.add(Version(visible_from=shown_from, home=home, record=record), now)
        self._entries[kind][key] = entry
        if entry.position is None:
            self._created[kind][key] = entry
        elif record is None:
            self._deleted[kind][key] = entry
        else:
            self._deleted[kind].pop(key, None)
        if kind in self._moved_in and record is not None:
            self._moved_in[kind].setdefault(home, {})[key] = None

    def _shown(self, kind: str, base: Listed, view: float | None) -> Listed | None:
        entry = self._entries[kind].get(base[0])
        version = entry.at(view) if entry is not None else None
        if version is None:
            return base
        return None if version.record is None else (base[0], version.home, dict(version.record))

    def _made_later(self, kind: str, view: float | None) -> Iterator[Listed]:
        for key, entry in list(self._created[kind].items()):
            version = entry.at(view)
            if version is not None and version.record is not None:
                yield key, version.home, dict(version.record)

    def _gone(self, kind: str, view: float | None) -> list[int]:
        """List the positions of generated rows that are deleted at *view*, lowest first."""
        gone = []
        for entry in self._deleted[kind].values():
            version = entry.at(view)
            if version is not None and version.record is None and entry.position is not None:
                gone.append(entry.position)
        return sorted(gone)

    def _live_from(self, kind: str, rank: int, gone: list[int], view: float | None) -> Iterator[Listed]:
        position = rank
        for hole in gone:
            if hole > position:
                break
            position += 1
        for base in self._base_from(kind, position):
            shown = self._shown(kind, base, view)
            if shown is not None:
                yield shown

    def _base_total(self, kind: str) -> int:
        return self.account.lead_count if kind == "leads" else self.account.plan.total(kind)

    def _base_from(self, kind: str, position: int) -> Iterator[Listed]:
        account = self.account
        if kind == "leads":
            for index in range(position, account.lead_count):
                lead = account.lead(index)
                yield lead["leadid"], lead["leadid"], lead
            return
        if position >= self._base_total(kind):
            return
        first = self._index_holding(kind, position)
        skip = position - account.plan.ordinal(kind, first, 0)
        for index in range(first, account.lead_count):
            rows = account.children(kind, index)[skip:]
            home = account.plan.leadid(index) if rows else ""
            skip = 0
            for row in rows:
                yield str(row[ID_FIELD[kind]]), home, row

    def _index_holding(self, kind: str, position: int) -> int:
        """Find the lead whose children of *kind* include the *position*-th of all."""
        plan = self.account.plan
        return bisect_right(range(self.account.lead_count), position, key=lambda n: plan.ordinal(kind, n, 0)) - 1

    def _position_of(self, kind: str, key: str) -> int | None:
        if kind == "leads":
            return self.account.index_of(key)
        place = self.account.plan.child_place(key)
        if place is None or place[1] >= self.account.plan.child_count(kind, place[0]):
            return None
        return self.account.plan.ordinal(kind, *place)

    def _base_of(self, kind: str, key: str) -> Listed | None:
        position = self._position_of(kind, key)
        return None if position is None else next(self._base_from(kind, position))

    def _base_home(self, kind: str, entry: _Entry, record: Record) -> str:
        if kind == "leads" or entry.position is None:
            return str(record["leadid"])
        return self.account.plan.leadid(self._index_holding(kind, entry.position))
