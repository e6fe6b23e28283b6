"""
What somebody wrote in the source after everybody had confirmed that they stopped.

The rule: a write between the confirmed freeze and the switch is carried over, or it is asked about (`after_freeze`) and everything is as
it was before it, or as it is since; it is never lost in silence. What is written after the switch is asked about in
any case, whatever else was decided about that record since, and moves only when somebody takes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.judge.leadperfection.book import Book
from tests.judge.states import Finding, Identity, Question, Row, Source

ASKED = "after_freeze"
BLIND = "last_read_failed"
"""The question that tells of a watch which closed without a complete look: it stands for every question that is missing."""
STAMPS = ("updated", "lastchangedon")
"""When a record was changed: a note moves it on its lead, of which nothing else is said anew."""
_MADE_UP = "~"
Truth = TypeVar("Truth", Source, Book)


def judged(compare: Callable[[Truth], list[Finding]], agreed: Truth, switched: Truth, asked: Sequence[Question]) -> list[Finding]:
    """
    Judge by the source as it was at the switch; where a late write is asked about, as it was agreed to be moved is right as well.

    *agreed* is the source as it was when everybody had confirmed that they stopped, *switched* as it was at the switch.
    """
    found = compare(switched)
    late = _asked_about(asked, written_late(agreed, switched))
    if not found or not late:
        return found
    without = {(each.fault, each.what) for each in compare(replace(switched, rows=_as_agreed(agreed.rows, switched.rows, late)))}
    return [each for each in found if (each.fault, each.what) in without]


def unasked(switched: Source | Book, ended: Source | Book, asked: Sequence[Question]) -> Iterator[Finding]:
    """
    Find what was written after the switch and is not asked about, each by its own question.

    Args:
        switched: The source as it was at the switch.
        ended: The source as it was when the watch was over.
    """
    if any(each.cause == BLIND for each in asked):
        return
    names = {(each.kind, each.key) for each in asked if each.cause == ASKED}
    nameless = Counter(kind for kind, key in names if key.startswith(_MADE_UP))
    written = {(kind, key) for kind, key in written_late(switched, ended) if _is_said(switched.of(kind).get(key), ended.of(kind).get(key))}
    for kind, key in sorted(written - names):
        if nameless[kind]:     # one for one: nothing tells which of them it is about
            nameless[kind] -= 1
            continue
        yield Finding(fault="unexplained", what=f"{kind} {key}", why="was written after the switch, and nobody is asked about it")


def written_late(agreed: Source | Book, switched: Source | Book) -> set[Identity]:
    """Give the records that somebody made, changed or removed meanwhile."""
    kinds = agreed.rows.keys() | switched.rows.keys()
    return {
        (kind, key) for kind in kinds for key in agreed.of(kind).keys() | switched.of(kind).keys()
        if agreed.of(kind).get(key) != switched.of(kind).get(key)
    }  # fmt: skip


def _is_said(was: Row | None, now: Row | None) -> bool:
    """Say whether two states of a record differ in more than when it was changed."""
    one, other = ({name: value for name, value in (row or {}).items() if name not in STAMPS} for row in (was, now))
    return one != other


def _asked_about(asked: Sequence[Question], late: Collection[Identity]) -> set[Identity]:
    """Give those of them that are asked about; of a kind whose records have no ids, a question under a made-up key may be about any."""
    names = {(each.kind, each.key) for each in asked if each.cause == ASKED}
    nameless = {kind for kind, key in names if key.startswith(_MADE_UP)}
    return {(kind, key) for kind, key in late if (kind, key) in names or kind in nameless}


def _as_agreed(
    agreed: Mapping[str, Mapping[str, Row]], switched: Mapping[str, Mapping[str, Row]], late: Collection[Identity]
) -> dict[str, dict[str, Row]]:
    rows = {kind: dict(held) for kind, held in switched.items()}
    for kind, key in late:
        held = rows.setdefault(kind, {})
        held.pop(key, None)
        if key in agreed.get(kind, {}):
            held[key] = agreed[kind][key]
    return rows
