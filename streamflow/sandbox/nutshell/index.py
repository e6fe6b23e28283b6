"""The search index: a view of the tables that trails behind writes (nutshell.md 1.10).

Records are never changed in place, so the index holds references to the versions it has seen. Inverted maps are built
at the first question that needs them and kept up from then on.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

from streamflow.sandbox.nutshell.ids import number_of

Record = dict[str, Any]
KeysOf = Callable[[Record], Iterable[str]]
_WORD = re.compile(r"[^\W_]+")


def words(text: object) -> list[str]:
    """Return the lower-case words of `text`."""
    return _WORD.findall(str(text).lower())


class Inverted:
    """Key → ids; a lone id is held bare, because most keys have one."""

    def __init__(self, keys_of: KeysOf) -> None:
        self.keys_of = keys_of
        self._ids: dict[str, str | set[str]] = {}

    def get(self, key: str) -> set[str]:
        """Return the ids under `key`."""
        held = self._ids.get(key)
        if held is None:
            return set()
        return {held} if isinstance(held, str) else held

    def add(self, record: Record) -> None:
        """Enter a record under its keys."""
        rid = record["id"]
        for key in self.keys_of(record):
            held = self._ids.get(key)
            if held is None:
                self._ids[key] = rid
            elif isinstance(held, set):
                held.add(rid)
            elif held != rid:
                self._ids[key] = {held, rid}

    def discard(self, record: Record) -> None:
        """Take a record out from under its keys."""
        rid = record["id"]
        for key in self.keys_of(record):
            held = self._ids.get(key)
            if isinstance(held, set):
                held.discard(rid)
                if not held:
                    del self._ids[key]
            elif held == rid:
                del self._ids[key]


class Backwards(Sequence[str]):
    """A list read from its end, without a copy."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, int):
            return self._ids[-1 - at]
        start, stop, _ = at.indices(len(self._ids))
        return self._ids[max(0, len(self._ids) - stop) : len(self._ids) - start][::-1]


class ByCreation:
    """Ids in the order of creation, kept sorted as records come and go; adding at the end is cheap."""

    def __init__(self) -> None:
        self._keys: list[tuple[int, int]] = []
        self.ids: list[str] = []

    def add(self, record: Record) -> None:
        """Enter a record at its place."""
        key = _creation(record)
        at = len(self._keys) if not self._keys or key > self._keys[-1] else bisect_left(self._keys, key)
        self._keys.insert(at, key)
        self.ids.insert(at, record["id"])

    def discard(self, record: Record) -> None:
        """Take a record out."""
        at = bisect_left(self._keys, _creation(record))
        del self._keys[at], self.ids[at]


def _creation(record: Record) -> tuple[int, int]:
    return record["createdTime"], number_of(record["id"])


class Index:
    """Lagging documents by kind, with inverted maps; `settle` is called before each question."""

    def __init__(self, now: Callable[[], float], lag_s: Callable[[float], float]) -> None:
        """*lag_s* gives the seconds of a record at a share (0 to 1) between the least and the most."""
        self._now = now
        self._lag_s = lag_s
        self._docs: dict[str, dict[str, Record]] = {}
        self._pending: deque[tuple[float, str, str, Record | None]] = deque()
        self._maps: dict[tuple[str, str], Inverted] = {}
        self._orders: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._version: dict[str, int] = {}
        self._created: dict[str, ByCreation] = {}

    def note(self, kind: str, rid: str, record: Record | None, *, at_once: bool = False) -> None:
        """Take a new version of a record, or None when it left the lists."""
        if at_once or (not self._pending and self._lag_s(1.0) <= 0):
            self._apply(kind, rid, record)
        else:
            self._pending.append((self._now(), kind, rid, record))

    def settle(self) -> None:
        """Show every write that is old enough."""
        now = self._now()
        while self._pending and self._pending[0][0] <= now - self._lag_s(1.0):
            _, kind, rid, record = self._pending.popleft()
            self._apply(kind, rid, record)
        if self._lag_s(0.0) == self._lag_s(1.0):
            return
        waiting = self._pending
        self._pending = deque()
        for at, kind, rid, record in waiting:  # a record keeps its share, so that its versions keep their order
            if at <= now - self._lag_s(zlib.crc32(rid.encode()) / 2**32):
                self._apply(kind, rid, record)
            else:
                self._pending.append((at, kind, rid, record))

    def docs(self, kind: str) -> dict[str, Record]:
        """Return the visible versions of a kind by id."""
        self.settle()
        return self._docs.setdefault(kind, {})

    def find(self, kind: str, name: str, keys_of: KeysOf, key: str) -> set[str]:
        """Return the ids whose `keys_of` yields `key`; `name` identifies the map."""
        docs = self.docs(kind)
        inverted = self._maps.get((kind, name))
        if inverted is None:
            inverted = Inverted(keys_of)
            for record in docs.values():
                inverted.add(record)
            self._maps[kind, name] = inverted
        return inverted.get(key)

    def ordered(self, kind: str, order: str, sort: Callable[[list[Record]], list[Record]]) -> Sequence[str]:
        """Return all visible ids in an order; any but createdTime is sorted anew after a change."""
        docs = self.docs(kind)
        if order in ("createdTime", "-createdTime"):
            ids = self._created.setdefault(kind, ByCreation()).ids
            return ids if order == "createdTime" else Backwards(ids)
        version = self._version.get(kind, 0)
        held = self._orders.get((kind, order))
        if held is None or held[0] != version:
            held = (version, [r["id"] for r in sort(list(docs.values()))])
            self._orders[kind, order] = held
        return held[1]

    def _apply(self, kind: str, rid: str, record: Record | None) -> None:
        docs = self._docs.setdefault(kind, {})
        old = docs.pop(rid, None) if record is None else docs.get(rid)
        if record is not None:
            docs[rid] = record
        self._version[kind] = self._version.get(kind, 0) + 1
        created = self._created.setdefault(kind, ByCreation())
        if old is not None and (record is None or record["createdTime"] != old["createdTime"]):
            created.discard(old)
        if record is not None and (old is None or record["createdTime"] != old["createdTime"]):
            created.add(record)
        for (map_kind, _), inverted in self._maps.items():
            if map_kind == kind:
                if old is not None:
                    inverted.discard(old)
                if record is not None:
                    inverted.add(record)
