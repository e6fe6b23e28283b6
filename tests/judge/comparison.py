"""The whole verdict on a migration, from nothing but what is on both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.judge.guarding import Edit, foreign, overwritten
from tests.judge.happenings import Happenings
from tests.judge.marks import doubled_marks, read_marks, strays
from tests.judge.meanwhile import excused, followed
from tests.judge.people import Comparison, read_people
from tests.judge.states import Destination, Finding, Identity, Question, Source


def compare(
    source: Source, destination: Destination, *, before: Destination, fallback: str | None = None,
    explained: Mapping[Identity, str] | None = None, asked: Sequence[Question] = (), edits: Sequence[Edit] = (),
) -> list[Finding]:  # fmt: skip
    """
    Give everything that is not as it should be, worst first; an empty list is the proof.

    Args:
        before: The destination before the first write.
        fallback: E-mail of the user to whom unmatched owners were sent.
        explained: What the product itself says of records it left out or asks about, by (kind, key); None when nobody was asked.
            It excuses only what this comparison finds excusable itself.
        asked: What it asks: who is who, and what people in the destination touched.
        edits: What people did in the destination meanwhile.
    """

    def compared(shown: Destination) -> list[Finding]:
        marks = read_marks(shown)
        people = read_people(source, shown, marks)
        was_there = frozenset(rid for rows in before.live.values() for rid in rows)
        return [
            *Comparison(
                source=source, destination=shown, marks=marks, people=people, fallback=fallback, asked=asked,
                edited=was_edited(edits), was_there=was_there,
            ).every(),
            *Happenings(source=source, destination=shown, marks=marks, people=people, fallback=fallback, explained=explained).every(),
            *doubled_marks(marks),
            *strays(source, shown, before),
        ]  # fmt: skip

    return worst_first([
        *excused(compared, destination, edits=edits, prefix="lt", asked=asked, explained=explained),
        *overwritten(destination, edits),
        *foreign(followed(before, edits), destination, edits),
    ])


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Put findings into the order of the promises they break."""
    order = ("lost", "doubled", "overwritten", "foreign touched", "orphaned", "wrong", "stray", "unexplained")
    return sorted(findings, key=lambda each: order.index(each.fault))


def was_edited(edits: Sequence[Edit]) -> Callable[[str, str], bool]:
    """Give the question (id, field) whether a person set it; a custom field may go by a label that is only alike."""
    touched = {(edit.rid, edit.field) for edit in edits}
    return lambda rid, name: (rid, name) in touched or (name.startswith("custom:") and _edited_label(touched, rid, name))


def _edited_label(touched: set[tuple[str, str]], rid: str, name: str) -> bool:
    """Say whether a person set the custom field that holds this value: labels differ between the two sides."""
    wanted = _label_words(name)
    return any(each == rid and field.startswith("custom:") and wanted & _label_words(field) for each, field in touched)


def _label_words(name: str) -> set[str]:
    return set(name.removeprefix("custom:").casefold().split())


def told(findings: Sequence[Finding], limit: int = 40) -> str:
    """Lay findings out for a failing assertion, with counts by fault first."""
    counts = {fault: sum(1 for each in findings if each.fault == fault) for fault in dict.fromkeys(each.fault for each in findings)}
    lines = [str(each) for each in findings[:limit]]
    return "\n".join([f"{len(findings)} findings {counts}", *lines])
