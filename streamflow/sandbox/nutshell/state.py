"""The account's records as plain dicts, copied on write, with the event log every write leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from streamflow.sandbox.forms import within
from streamflow.sandbox.nutshell.ids import IdMint, full_id
from streamflow.sandbox.nutshell.index import Index

Record = dict[str, Any]
# Relations that are also read from the other end.
LINKED = ("accounts", "contacts", "parent", "relatedEntity", "participants")
FEED_KINDS = ("accounts", "contacts", "leads", "activities", "notes", "tasks", "emails")
QUIET = {"rev", "modifiedTime", "createdTime", "id", "type", "creator"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who writes: `id` goes into creator and events (a user, or an origin for a plain key), `user` logged in."""

    id: str
    user: str


class Event(NamedTuple):
    """One row of the change log."""

    number: int
    time: int
    actor: str
    kind: str
    action: str
    payload: str
    changes: tuple[tuple[str, str, str], ...]


class State:
    """Tables by kind and id. Versions are immutable: `edit` hands out a copy and `save` swaps it in."""

    def __init__(
        self, now: Callable[[], float], switches: Mapping[str, Any], seed: int, *, stamp: Callable[[float], float] = float
    ) -> None:
        self._now = now
        self._stamp = stamp
        self._switches = switches
        self.mint = IdMint(seed)
        self.index = Index(now, self._search_lag_s)
        self.tables: dict[str, dict[str, Record]] = {}
        self.reverse: dict[str, dict[str, None]] = {}
        self.events: list[Event] = []
        self.deletions: list[Event] = []
        self.by_entity: dict[str, list[int]] = {}
        self.seeding = False
        self.backdate_s = 0  # while seeding: how long ago the records were made
        self._event_number = 3

    def _search_lag_s(self, share: float = 0.0) -> float:
        return within(self._switches["search_lag_s"], share)

    def now(self) -> int:
        """Return whole Unix seconds by the platform's own clock."""
        return int(self._stamp(self._now())) - self.backdate_s

    def table(self, kind: str) -> dict[str, Record]:
        """Return the records of a kind by full id, deleted ones included."""
        return self.tables.setdefault(kind, {})

    def get(self, kind: str, rid: object) -> Record | None:
        """Return a record by full id or plain integer, deleted or not."""
        full = full_id(rid, kind)
        return self.table(kind).get(full) if full else None

    def live(self, kind: str, rid: object) -> Record | None:
        """Return a record that is not deleted."""
        record = self.get(kind, rid)
        return record if record is not None and not record.get("deletedTime") else None

    def linked_to(self, rid: str, kind: str) -> Iterator[Record]:
        """Yield the live records of `kind` that link to `rid`."""
        table = self.table(kind)
        for source in self.reverse.get(rid, ()):
            record = table.get(source)
            if record is not None and not record.get("deletedTime"):
                yield record

    def insert(self, kind: str, values: Record, actor: Actor | None, *, event: bool = True) -> Record:
        """Store a new record; adds id, type, rev, times and creator."""
        now = self.now()
        rid = values.get("id") or self.mint.take(kind)
        record: Record = {"id": rid, "type": kind, "rev": 1, "createdTime": now, "modifiedTime": now}
        record["creator"] = actor.id if actor else None
        record.update(values, id=rid)
        self.mint.skip_to(rid)
        self.table(kind)[rid] = record
        self._relink(None, record)
        self.index.note(kind, rid, record, at_once=self.seeding)
        if event and actor and not self.seeding:
            self._log(record, actor, "create", ())
        return record

    def edit(self, kind: str, rid: str) -> Record:
        """Return a copy to change and hand to `save`."""
        copy: Record = orjson.loads(orjson.dumps(self.tables[kind][rid]))
        return copy

    def save(self, new: Record, actor: Actor | None, *, action: str = "edit", event: bool = True) -> Record:
        """Swap in an edited copy, raise its rev and log what changed; an unchanged copy leaves no trace."""
        kind, rid = new["type"], new["id"]
        old = self.tables[kind][rid]
        changes = _changes(old, new)
        if not changes and action == "edit":
            return old
        new["rev"] = old["rev"] + 1
        new["modifiedTime"] = self.now()
        self.tables[kind][rid] = new
        self._relink(old, new)
        gone = bool(new.get("deletedTime"))
        self.index.note(kind, rid, None if gone else new, at_once=self.seeding)
        if event and actor and not self.seeding:
            self._log(new, actor, action, changes)
        return new

    def drop(self, kind: str, rid: str) -> None:
        """Forget a record for good, as nobody but the simulator can."""
        record = self.tables[kind].pop(rid)
        self._relink(record, None)
        self.index.note(kind, rid, None)

    def _relink(self, old: Record | None, new: Record | None) -> None:
        before, after = _targets(old), _targets(new)
        rid = (new or old or {})["id"]
        for target in before - after:
            self.reverse.get(target, {}).pop(rid, None)
        for target in after - before:
            self.reverse.setdefault(target, {})[rid] = None

    def _log(self, record: Record, actor: Actor, action: str, changes: tuple[tuple[str, str, str], ...]) -> None:
        kind = record["type"]
        if kind not in FEED_KINDS:
            return
        self._event_number += 4
        entities = (record["id"], *(_targets(record) if kind in ("notes", "activities", "tasks", "leads") else ()))
        at = max(self.now(), self.events[-1].time) if self.events else self.now()
        event = Event(self._event_number, at, actor.id, kind, action, record["id"], changes)
        position = len(self.events)
        self.events.append(event)
        if action == "delete":
            self.deletions.append(event)
        for entity in entities:
            self.by_entity.setdefault(entity, []).append(position)


def _targets(record: Record | None) -> set[str]:
    if record is None:
        return set()
    found: set[str] = set()
    links = record.get("links") or {}
    for relation in LINKED:
        value = links.get(relation)
        if isinstance(value, str):
            found.add(value)
        elif value:
            found.update(value)
    return found


def _changes(old: Record, new: Record) -> tuple[tuple[str, str, str], ...]:
    found: list[tuple[str, str, str]] = []
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if key in QUIET or before == after:
            continue
        if key in ("links", "customFields"):
            names = dict.fromkeys((*(before or {}), *(after or {})))
            pairs = [(n, (before or {}).get(n), (after or {}).get(n)) for n in names]
            found.extend((n, _brief(b), _brief(a)) for n, b, a in pairs if b != a)
        else:
            found.append((key, _brief(before), _brief(after)))
    return tuple(found)


def _brief(value: object) -> str:
    return "" if value is None else str(value)[:80]
