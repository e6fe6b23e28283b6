"""The whole verdict on a migration of this pair, from nothing but what is on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tests.judge.comparison import was_edited, worst_first
from tests.judge.guarding import Edit, foreign, overwritten
from tests.judge.leadperfection.book import Book, Seen
from tests.judge.leadperfection.calls import judge_calls
from tests.judge.leadperfection.deals import judge_deals
from tests.judge.leadperfection.enquiries import judge_enquiries
from tests.judge.leadperfection.enquiries import judge_values as judge_enquiry
from tests.judge.leadperfection.ground import Ground, parents_of
from tests.judge.leadperfection.meetings import judge_meetings
from tests.judge.leadperfection.meetings import judge_values as judge_meeting
from tests.judge.leadperfection.notes import judge_notes
from tests.judge.leadperfection.owners import Owners, read_reps
from tests.judge.leadperfection.people import judge_people
from tests.judge.leadperfection.reports import WITHOUT_ID, matched, renamed, reported
from tests.judge.leadperfection.strays import PREFIX, judge_strays
from tests.judge.marks import doubled_marks, read_marks
from tests.judge.meanwhile import excused, followed
from tests.judge.states import Destination, Finding, Identity, Question


def compare(
    book: Book, destination: Destination, *, before: Destination, seen: Seen, reps: str = "", fallback: str | None = None,
    explained: Mapping[Identity, str] | None = None, asked: Sequence[Question] = (), edits: Sequence[Edit] = (),
    outcomes: Mapping[str, str] | None = None, stages: Mapping[str, str] | None = None, scope: Sequence[str] | None = None,
    delimiter: str = "|", meeting_s: int = 7200,
) -> list[Finding]:  # fmt: skip
    """
    Give everything that is not as it should be, worst first; an empty list is the proof.

    Args:
        before: The destination before the first write.
        seen: What a reader could see, asked before the first reading.
        reps: The customer's file of reps, as text.
        fallback: E-mail of the user to whom unmatched owners were sent.
        explained: What the product itself says of records it left out or asks about, by (kind, key); None when nobody was asked.
            It excuses only what this comparison finds excusable itself.
        asked: What it asks: who is who, and what people in the destination touched.
        edits: What people did in the destination meanwhile.
        outcomes: Status of a job -> state of its deal, where the map says so; then it is looked at.
        stages: Status of a job -> "Pipeline/Stage", likewise.
        scope: What the product says it does not move at all; None when nobody was asked.
        delimiter: The sign between source and sub-source.
        meeting_s: How long an appointment is reckoned to take.
    """

    def compared(shown: Destination) -> list[Finding]:
        ground = Ground(
            book=book, seen=seen, destination=shown, marks=read_marks(shown, PREFIX), explained=explained, asked=asked, scope=scope,
            delimiter=delimiter, meeting_s=meeting_s, owners=Owners(reps=read_reps(reps), destination=shown, fallback=fallback),
            edited=was_edited(edits), was_there=frozenset(rid for rows in before.live.values() for rid in rows),
        )  # fmt: skip
        if seen.is_reported:
            ground = _reported(ground)
        return [
            *judge_people(ground), *judge_deals(ground, outcomes=outcomes, stages=stages), *judge_enquiries(ground),
            *judge_meetings(ground), *judge_notes(ground), *judge_calls(ground), *doubled_marks(ground.marks, undivided=()),
            *judge_strays(ground, before),
        ]  # fmt: skip

    def was_changed(identity: Identity) -> bool:
        """Of what reports tell without an id the book cannot say which row became another."""
        return identity in book.edited or (seen.is_reported and identity[0] in WITHOUT_ID)

    return worst_first([
        *excused(compared, destination, edits=edits, prefix=PREFIX, asked=asked, explained=explained, was_changed=was_changed),
        *overwritten(destination, edits), *foreign(followed(before, edits), destination, edits),
    ])  # fmt: skip


def _reported(ground: Ground) -> Ground:
    """Give the same with a book that tells no more than reports do, and with rows without an id found in it by what they tell."""
    ground = replace(ground, book=reported(ground.book))

    def faults(kind: str, key: str, given: str) -> int:
        places = [place for _, place in ground.of(kind, given)]
        judge = judge_enquiry if kind == "lead" else judge_meeting
        return sum(1 for _ in judge(ground, ground.book.of(kind)[key], places))

    def candidates(kind: str, given: str) -> Iterator[str]:
        people = {parent for _, place in ground.of(kind, given) for parent in parents_of(*place)}
        rows = (row for contact in people for each in ground.living(contact) for row in ground.book.under(kind, str(each["cst_id"])))
        yield from (str(row["lds_id"]) for row in rows)

    same = matched(ground.marks, candidates, faults)
    return replace(ground, marks=renamed(ground.marks, same), same=same)
