"""What a record counts as once its plan is carried out, what people are told of it, and the ground it stands on."""

from __future__ import annotations

from typing import Any

import pytest

from streamflow.ledger_names import UNDONE
from streamflow.mapping.identity import Decision, Match, Merge
from streamflow.model import Disposition, Link, Op, Record, RecordState, Ref, Staged
from streamflow.stages.batch import Write
from streamflow.stages.disposition import disposition_of, ground_of, reason_of
from streamflow.stages.job import Job

REF = Ref("lead", "1")
OURS = Link(ref=REF, dest_kind="contacts", dest_id="5-contacts", base={}, ours=True)
MATCHED = Link(ref=REF, dest_kind="contacts", dest_id="5-contacts", base={}, ours=False, before={})
MERGED = Link(ref=REF, dest_kind="contacts", dest_id="5-contacts", base={}, ours=False)
MATCH, MERGE = Match(dest_id="5-contacts", reason="the same address"), Merge(head="7", reason="the same number")
PERSON = Write(op=Op.UPDATE, ref=REF, dest_kind="contacts", fields={}, marker="")
DEAL = Write(op=Op.CREATE, ref=Ref("lead", "1", "deal"), dest_kind="leads", fields={}, marker="")


def job(main: Link | None = None, decision: Decision | None = None, group: tuple[str, ...] = (), **staged: Any) -> Job:
    """Give a job of which no more is known than what decides about this."""
    record = Record(kind="lead", key="1", data={}, digest="d")
    derived: Any = None
    return Job(
        staged=Staged(record=record, seq=1, **{"state": RecordState.PENDING, **staged}), derived=derived, drafts=[],
        own={} if main is None else {"": main}, decision=decision, group=group,
    )


@pytest.mark.parametrize(("one", "writes", "counts_as"), [
    (job(), [PERSON], Disposition.CREATED),
    (job(OURS), [PERSON], Disposition.CREATED),
    (job(OURS, disposition=Disposition.CREATED), [PERSON], Disposition.CREATED),
    (job(MATCHED, disposition=Disposition.UPDATED), [], Disposition.UPDATED),
    (job(MERGED, disposition=Disposition.CREATED), [PERSON], Disposition.MERGED),
    (job(MATCHED), [], Disposition.MATCHED),
    (job(MATCHED), [DEAL], Disposition.MATCHED),
    (job(MATCHED), [DEAL, PERSON], Disposition.UPDATED),
    (job(decision=MATCH), [DEAL], Disposition.MATCHED),
    (job(decision=MATCH), [PERSON], Disposition.UPDATED),
    (job(decision=MERGE), [], Disposition.CREATED),
])
def test_a_record_counts_as_what_became_of_its_own_person(one: Job, writes: list[Write], counts_as: Disposition) -> None:
    """Who was there counts as updated only where they themselves are written, not what hangs on them; what counted once stays."""
    assert disposition_of(one, writes) is counts_as


@pytest.mark.parametrize(("one", "reason"), [
    (job(decision=MATCH, reason="as before"), "the same address"),
    (job(OURS, decision=MERGE, reason="as before"), "the same number"),
    (job(OURS, reason="as before"), "as before"),
    (job(OURS, reason="was held", state=RecordState.HELD), ""),
    (job(OURS, reason="taken back", ground=f"{UNDONE}all"), ""),
    (job(reason="waited"), ""),
    (job(MERGED, group=("7", "1")), "the same person as lead 7"),
    (job(MERGED, group=("7", "1"), reason="as before"), "as before"),
    (job(OURS, group=("1", "7")), ""),
])
def test_people_are_told_whom_it_was_taken_for(one: Job, reason: str) -> None:
    """A decision of now gives its reason; what was known of a record that is only changed holds on, and who was joined is told of."""
    assert reason_of(one) == reason


@pytest.mark.parametrize(("one", "ground"), [
    (job(OURS, ground="alone"), "alone"),
    (job(OURS, decision=MATCH, ground="alone"), ""),
    (job(OURS, decision=MERGE, ground="alone"), ""),
    (job(ground="alone"), ""),
    (job(OURS, ground="alone", state=RecordState.HELD), ""),
    (job(OURS, ground=f"{UNDONE}all"), ""),
])
def test_what_was_known_of_a_record_holds_on_while_it_is_only_changed(one: Job, ground: str) -> None:
    """Not where it is decided anew, was held, has nothing in the destination, or was taken back and is there again."""
    assert ground_of(one) == ground
