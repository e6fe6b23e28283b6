"""Records that are new in the destination and that nothing in the source accounts for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.judge.leadperfection.ground import Ground, parents_of
from tests.judge.leadperfection.reports import WITHOUT_ID
from tests.judge.marks import marks_on
from tests.judge.states import Destination, Finding, Identity

PREFIX = "lp"
_KINDS = ("accounts", "contacts", "leads", "notes", "activities", "tasks")
_WITHOUT_ID = ("note", "call")


def judge_strays(ground: Ground, before: Destination) -> Iterator[Finding]:
    """Yield live records without a mark that were not there, and those whose mark names what the source never had."""
    stale = Counter(ground.book.changes) if ground.seen.is_reported else Counter[Identity]()
    for at in _KINDS:
        for rid, row in ground.destination.of(at).items():
            marks = list(marks_on(at, row, PREFIX))
            if not marks and rid not in before.of(at):
                yield Finding(fault="stray", what=rid, why="is new and carries no mark")
            for kind, key in (ground.same.get((kind, key), (kind, key)) for kind, key, _ in marks):
                if key in ground.book.of(kind) or (kind, key) in ground.book.gone or (kind in _WITHOUT_ID and key.startswith("~")):
                    continue   # what has no id is told apart by its content, beside its own kind
                if kind in WITHOUT_ID and key.startswith("~") and _was_changed(ground, stale, kind, parents_of(at, row)):
                    continue   # its row of a later report can be known by nothing: what the earlier one said stays
                if kind != "prospect" and _went_along(ground, parents_of(at, row)):
                    continue
                yield Finding(fault="stray", what=rid, why=f"says it came from {kind} {key}, which the source never had")


def _was_changed(ground: Ground, stale: Counter[Identity], kind: str, parents: list[str]) -> bool:
    """Say whether people changed a record of this kind of this person, and take that change as used."""
    for contact in parents:
        for prospect in ground.prospects_of.get(contact, ()):
            if stale[kind, prospect] > 0:
                stale[kind, prospect] -= 1
                return True
    return False


def _went_along(ground: Ground, parents: list[str]) -> bool:
    """Say whether a record hangs on somebody whom people took away: the book names the person, not what went along."""
    deals = [ground.destination.of("leads")[rid] for rid in parents if rid in ground.destination.of("leads")]
    people = {*parents, *(rid for deal in deals for rid in parents_of("leads", deal))}
    return any(ground.is_ghost(rid) for rid in people)
