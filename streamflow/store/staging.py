"""
What staging a page comes to: which records are new, changed or the same, and which numbers they get. Pure.

Rule: a record seen twice in one page is treated as if it had come in two pages, the later one newer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from streamflow.errors import InvariantBroken
from streamflow.model import Key, Kind, Record
from streamflow.store.base import StageResult

Name: TypeAlias = tuple[Kind, Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the book knew of a record before."""

    id: int
    seq: int
    digest: str
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """What to write, and what to tell."""

    put: tuple[tuple[Record, Known], ...]   # new and changed, each with what the book knows from now on
    touch: tuple[int, ...]                  # ids of records that stayed the same
    result: StageResult
    number: int                             # last number handed out


def stage_page(records: Iterable[Record], known: Mapping[Name, Known], *, number: int, last_id: int) -> Staging:
    """Judge *records* against what is known; numbers follow *number*, ids of new ones follow *last_id*."""
    now = dict(known)
    put: dict[Name, tuple[Record, Known]] = {}
    touch: dict[Name, int] = {}
    new = changed = same = 0
    for record in records:
        _refuse_key(record)
        name = (record.kind, record.key)
        before = now.get(name)
        if before is not None and before.digest == record.digest:
            same += 1
            if name not in put:
                touch[name] = before.id
            continue
        number += 1
        if before is None:
            new += 1
            last_id += 1
            now[name] = Known(id=last_id, seq=number, digest=record.digest)
        else:
            changed += 1
            now[name] = replace(before, seq=number, digest=record.digest)
        touch.pop(name, None)
        put[name] = (record, now[name])
    touched = tuple((kind, key, held.seq) for (kind, key), (_, held) in put.items())
    revived = tuple(key for (kind, key), held in known.items() if held.missing and ((kind, key) in put or (kind, key) in touch))
    result = StageResult(new=new, changed=changed, same=same, touched=touched, revived=revived)
    return Staging(put=tuple(put.values()), touch=tuple(touch.values()), result=result, number=number)


def reader_of(scan: str) -> str:
    """Give the reader whose pass has this name: all that stands before the second colon."""
    return ":".join(scan.split(":", 2)[:2])


def _refuse_key(record: Record) -> None:
    if not record.key or "\0" in record.key or "\0" in (record.parent or ""):
        raise InvariantBroken(f"a {record.kind} came without a usable key", hint="the reader must set such rows aside as rejects")
