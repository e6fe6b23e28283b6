"""
One record out of what several streams show of it, field by field. Pure.

A field that a stream yields is taken from it only where no other stream fills it. Every other field is as it was last shown; one that is
missing from a row says nothing, and one that is blank empties what the same stream had filled, nothing else: some streams never fill a
field that others do. Which stream filled a field stands under `_raw` ("feed:…") where it is not the kind's own list, since the digest
leaves that out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from streamflow.model import Kind, Record
from streamflow.platforms.rows.canon import CUSTOM, RAW, Canon
from streamflow.platforms.rows.values import is_blank
from streamflow.platforms.spec import StreamSpec

Joiner: TypeAlias = Callable[[Record | None, Record, Kind], Record]
_FEED = "feed:"
_LABELS = (f"{CUSTOM}:", "label:")


def joiner(spec: StreamSpec, canon: Canon) -> Joiner:
    """Give what joins records of one kind: known record, fresh record, the stream that shows the fresh one."""

    def join(known: Record | None, fresh: Record, feed: Kind) -> Record:
        yielded = spec.yields.get(feed, ())
        before = known.data if known is not None else {}
        raw: dict[str, Any] = dict(before.get(RAW) or {})
        data = dict(before)
        for name, value in fresh.data.items():
            if name == RAW:
                continue
            mark = f"{_FEED}{name}"
            is_others = not is_blank(before.get(name)) and raw.get(mark, spec.kind) != feed
            if is_others and (name in yielded or is_blank(value)):
                continue
            data[name] = value
            raw.pop(name, None)
            raw.pop(mark, None)
            if name in (fresh.data.get(RAW) or {}):
                raw[name] = fresh.data[RAW][name]
            if feed != spec.kind and not is_blank(value):
                raw[mark] = feed
        if CUSTOM in fresh.data and data.get(CUSTOM) is fresh.data[CUSTOM]:
            raw = {name: value for name, value in raw.items() if not name.startswith(_LABELS)}
            raw |= {name: value for name, value in (fresh.data.get(RAW) or {}).items() if name.startswith(_LABELS)}
        data.pop(RAW, None)
        if raw:
            data[RAW] = raw
        parent = fresh.parent or (known.parent if known is not None else None)
        changed_at = fresh.changed_at or (known.changed_at if known is not None else None)
        return Record(kind=fresh.kind, key=fresh.key, data=data, digest=canon.digest(data), parent=parent, changed_at=changed_at)

    return join
