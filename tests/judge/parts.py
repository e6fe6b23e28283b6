"""A part of a run that was taken back: of the part nothing is left that nobody needs, and all else is as it was right before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.judge.guarding import Edit, bare, overwritten, touched
from tests.judge.marks import marks_on
from tests.judge.states import RECORDS, Destination, Finding, Identity, Row
from tests.judge.takenback import above, differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    What was to be taken back, by both accounts and not by the product's book.

    Args:
        before: The account before the run, with what people added since.
        was: As it was right before the rollback.
        now: As it is right after it.
        made: Records of the part that the run made.
        filled: Records of before that the part filled up: they get back what they held.
        identities: The source records of the part; a record that bears the mark of one of them and of another one is shared.
        prefix: Of the marks.
        edits: What people did since the run began.
    """

    before: Destination
    was: Destination
    now: Destination
    made: frozenset[str]
    identities: frozenset[Identity]
    filled: frozenset[str] = frozenset()
    prefix: str = "lt"
    edits: Sequence[Edit] = field(default=())


def part_taken_back(part: Part, *, listed: Collection[str], deleted: int | None = None) -> Iterator[Finding]:
    """
    Compare the account with what it was right before a part of the run was rolled back, and with what it was before the run.

    *listed* is what the product says that it spared: whatever of the part is still there must be among it, and be touched by people or
    be needed by what stays. *deleted* is how many records it says that it removed; None where people may have removed some as well.
    """
    yield from overwritten(part.now, part.edits)
    yield from _outside(part)
    yield from _filled(part, listed)
    yield from _made(part, listed)
    gone = [rid for rid in part.made if rid not in _live(part.now)]
    if deleted is not None and deleted != len(gone):
        yield Finding(fault="unexplained", what="rollback", why=f"says that it removed {deleted} records, and {len(gone)} are gone")


def _made(part: Part, listed: Collection[str]) -> Iterator[Finding]:
    """Look at what the run made of this part: gone, unless it is needed."""
    there, needed = _live(part.now), _needed(part)
    for rid in sorted(part.made):
        if rid in there and rid not in needed:
            yield Finding(fault="stray", what=rid, why="is of the part that was undone, nothing that stays needs it, and it is still there")
        elif rid in there and rid not in listed:
            yield Finding(fault="unexplained", what=rid, why="is of the part that was undone, was left, and is not listed")
        elif rid not in there and rid in _shared(part):
            yield Finding(fault="lost", what=rid, why="was removed, and bears the mark of what stays as well")


def _outside(part: Part) -> Iterator[Finding]:
    """Look at all else: as it was right before, but for what it was tied to and is gone, and nothing beside it."""
    was, now = _live(part.was), _live(part.now)
    gone = part.made - now.keys()
    here = _cut(part.now, gone)
    for kind in RECORDS:
        rest = {rid: row for rid, row in part.was.of(kind).items() if rid not in part.made and rid not in part.filled}
        yield from touched(kind, _cut(replace(part.was, live={kind: rest}), gone), here, part.edits, differences)
        for rid, row in rest.items():
            for each in above(rid, row.get("links") or {}):
                if each in gone and rid in now and not any(edit.rid == each for edit in part.edits):
                    yield Finding(fault="orphaned", what=rid, why=f"stays, and what it hangs on was removed: {each}")
    theirs = _live(part.before)
    for rid in sorted(now.keys() - was.keys() - theirs.keys()):
        yield Finding(fault="stray", what=rid, why="was not there right before the rollback")


def _filled(part: Part, listed: Collection[str]) -> Iterator[Finding]:
    """Look at what people had before the run and the part filled up: as it was then, unless it is needed as it is."""
    first, was, now = _live(part.before), _live(part.was), _live(part.now)
    edited = {(edit.rid, edit.field) for edit in part.edits}
    needed = _needed(part)
    for rid in sorted(part.filled & first.keys()):
        if rid not in now:
            if (rid, "deleted") not in edited:
                yield Finding(fault="foreign touched", what=rid, why="existed before and is gone")
            continue
        is_as_before = not [name for name, _, _ in differences(_without(first[rid], ()), now[rid]) if (rid, name) not in edited]
        is_as_it_was = rid in was and bare(_plain(was[rid])) == bare(_plain(now[rid]))
        if not is_as_before and not (is_as_it_was and rid in listed and rid in needed):
            told = ", ".join(name for name, _, _ in differences(first[rid], now[rid]))
            yield Finding(fault="foreign touched", what=rid, why=f"has not what it had before the run: {told}")


def _needed(part: Part) -> set[str]:
    """Give what people touched, what stays or is shared, and what that hangs on, however far up."""
    there = _live(part.now)
    by_people = {edit.rid for edit in part.edits}
    found: set[str] = set()
    to_look_at = [rid for rid in there if rid not in part.made or rid in by_people or rid in _shared(part)]
    while to_look_at:
        rid = to_look_at.pop()
        if rid not in found:
            found.add(rid)
            to_look_at += [each for each in above(rid, there[rid].get("links") or {}) if each in there]
    # What people had before is needed as it is only by what hangs on it.
    hung_on = {each for rid in found for each in above(rid, there[rid].get("links") or {})}
    return {rid for rid in found if rid not in part.filled or rid in hung_on or rid in _shared(part)}


def _shared(part: Part) -> set[str]:
    """Give the records that bear the mark of what is not of the part as well; one that has only another name since is not shared."""
    return {
        rid for kind in RECORDS for rid, row in part.was.of(kind).items() if rid in part.made or rid in part.filled
        if len({(of, key) in part.identities for of, key, _ in marks_on(kind, row, part.prefix)}) > 1
    }


def _live(account: Destination) -> Mapping[str, Row]:
    return {rid: row for kind in RECORDS for rid, row in account.of(kind).items()}


def _cut(account: Destination, gone: Collection[str]) -> Destination:
    """Give the account without ties to what is gone."""
    return replace(account, live={kind: {rid: _without(row, gone) for rid, row in account.of(kind).items()} for kind in account.live})


def _without(row: Row, gone: Collection[str]) -> Row:
    def left(value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in value if each not in gone]
        return None if isinstance(value, str) and value in gone else value

    return {**row, "links": {name: left(value) for name, value in (row.get("links") or {}).items()}}


def _plain(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("rev", "modifiedTime")}
