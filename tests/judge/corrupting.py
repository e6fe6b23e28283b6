"""Ways to make a right dump of the destination wrong, one at a time: by them a comparison shows what it finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Dump: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Dump], None]


def row_of(dump: Dump, rid: str) -> dict[str, Any]:
    """Give one record, to be changed in place."""
    found: dict[str, Any] = next(row for row in dump[rid.partition("-")[2]] if row["id"] == rid)
    return found


def drop(rid: str) -> Change:
    """Take a record away."""
    return lambda dump: dump[rid.partition("-")[2]].remove(row_of(dump, rid))


def double(rid: str) -> Change:
    """Let there be a second record like this one."""
    return lambda dump: dump[rid.partition("-")[2]].append({**row_of(dump, rid), "id": f"99-{rid.partition('-')[2]}"})


def put(rid: str, path: str, value: Any) -> Change:
    """Set a value; *path* leads to it by names and places, "phones/0/value"."""

    def change(dump: Dump) -> None:
        holder, last = _holder(dump, rid, path)
        holder[last] = value

    return change


def reword(rid: str, path: str, old: str, new: str) -> Change:
    """Replace a part of a text that is there."""

    def change(dump: Dump) -> None:
        holder, last = _holder(dump, rid, path)
        assert old in holder[last]
        holder[last] = holder[last].replace(old, new)

    return change


def each_of(*changes: Change) -> Change:
    """Do several changes, in order."""

    def change(dump: Dump) -> None:
        for one in changes:
            one(dump)

    return change


def _holder(dump: Dump, rid: str, path: str) -> tuple[Any, Any]:
    holder: Any = row_of(dump, rid)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in parents:
        holder = holder[part]
    return holder, last
