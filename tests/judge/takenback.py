"""A run that was taken back while people worked in the destination: theirs as they left it, ours gone, everything else as before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tests.judge.guarding import BOOKKEEPING, GONE, Edit, bare, overwritten, touched
from tests.judge.states import RECORDS, Destination, Finding, Row

_LOOSE = frozenset({"owner", "assignee", "creator", "tags", "sources", "activityType", "stage", "stageset", "comments", "files", "actor"})
"""Links by which nothing hangs on a record."""


def taken_back(before: Destination, after: Destination, edits: Sequence[Edit], *, listed: Collection[str]) -> Iterator[Finding]:
    """
    Compare the account with what it was before the run and with what people did since, by their own account of it.

    *before* holds what they added, as it was then. *listed* is what the product says that it spared: whatever it made that is still
    there must be among it, and be touched by people or be what something of theirs hangs on. What their own and touched records hang
    on must be there, listed or not.
    """
    yield from overwritten(after, edits)
    yield from _loose(before, after, edits)
    spared = _held_up(before, after, {edit.rid for edit in edits}) | _were_worked_on(before, edits)
    for kind in RECORDS:
        for rid in sorted(after.of(kind).keys() - before.of(kind).keys()):
            if rid not in spared:
                yield Finding(fault="stray", what=rid, why="was made by the run, nobody touched it, and it is still there")
            elif rid not in listed:
                yield Finding(fault="unexplained", what=rid, why="was left for people's sake, and is not listed")
        yield from touched(kind, before, after, edits, differences)


def differences(row: Row, now: Row) -> Iterator[tuple[str, Any, Any]]:
    """Yield what is not the same, by the names that edits have."""
    for name in sorted((row.keys() | now.keys()) - BOOKKEEPING):
        was, has = row.get(name), now.get(name)
        if name in ("customFields", "links"):
            prefix = "custom:" if name == "customFields" else ""
            one, other = dict(was or {}), dict(has or {})
            yield from ((prefix + each, one.get(each), other.get(each)) for each in sorted(one.keys() | other.keys())
                        if bare(one.get(each)) != bare(other.get(each)))  # fmt: skip
        elif bare(was) != bare(has):
            yield name, was, has


def _loose(before: Destination, after: Destination, edits: Sequence[Edit]) -> Iterator[Finding]:
    """Find live records that people made or touched and that hang on what is gone; what people took away themselves is their own affair."""
    taken_away = before.deleted | {edit.rid for edit in edits if edit.field in GONE}
    touched = {edit.rid for edit in edits}
    live = {rid: row for kind in RECORDS for rid, row in after.of(kind).items()}
    for rid, row in live.items():
        if rid in touched or rid in before.of(rid.partition("-")[2]):
            for parent in sorted({*above(rid, row.get("links") or {})} - live.keys() - taken_away):
                yield Finding(fault="orphaned", what=rid, why=f"hangs on {parent}, which is gone")


def _held_up(before: Destination, after: Destination, touched: Collection[str]) -> set[str]:
    """Give what people touched, and what that and their own records hang on, however far up."""
    rows = {rid: row for kind in RECORDS for rid, row in after.of(kind).items()}
    theirs = {rid for kind in RECORDS for rid in before.of(kind)}
    found: set[str] = set()
    to_look_at = [rid for rid in rows if rid in touched or rid in theirs]
    while to_look_at:
        rid = to_look_at.pop()
        if rid in found:
            continue
        found.add(rid)
        to_look_at += [each for each in above(rid, rows[rid].get("links") or {}) if each in rows]
    return found


def _were_worked_on(before: Destination, edits: Sequence[Edit]) -> set[str]:
    """Give what people's own records hung on that they took away again: whoever looked before that saw them there."""
    gone = [edit for edit in edits if edit.field in GONE and edit.rid in before.of(edit.rid.partition("-")[2])]
    return {each for edit in gone for each in above(edit.rid, (edit.was or {}).get("links") or {})}


def above(rid: str, links: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a record hangs on: records of kinds that are there before its own."""
    place = RECORDS.index(rid.partition("-")[2])
    for name, value in links.items():
        for each in value if isinstance(value, list) else [value]:
            kind = str(each).partition("-")[2]
            if name not in _LOOSE and kind in RECORDS and RECORDS.index(kind) < place:
                yield str(each)
