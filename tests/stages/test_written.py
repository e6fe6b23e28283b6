"""When we wrote to a record, as its intents tell it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from streamflow.model import Intent, IntentState, Op, Ref
from streamflow.stages.written import written_by_us

BEGUN, LAST = "2026-06-01T10:00:00Z", "2026-06-01T10:00:03Z"


def intent(op: Op, state: IntentState = IntentState.CONFIRMED, dest_id: str = "1-tasks") -> Intent:
    return Intent(id="1", ref=Ref("reminder", "7"), op=op, dest_kind="tasks", fields={}, dest_id=dest_id, state=state, meant_at=BEGUN)


MADE = intent(Op.CREATE)


@pytest.mark.parametrize(("intents", "is_known"), [
    ([MADE], True),
    ([MADE, intent(Op.CREATE, dest_id="2-notes"), intent(Op.UPDATE, dest_id="2-notes")], True),
    ([MADE, intent(Op.UPDATE, IntentState.ABANDONED), intent(Op.DELETE, IntentState.MEANT)], True),
    ([MADE, intent(Op.UPDATE)], False),
    ([MADE, intent(Op.UPDATE, IntentState.REJECTED)], False),
    ([MADE, intent(Op.UPDATE, IntentState.IN_DOUBT)], False),
    ([intent(Op.UPDATE)], False),
    ([], False),
], ids=["made", "others too", "nothing applied", "changed", "refused", "in doubt", "made anew", "under another key"])  # fmt: skip
def test_only_of_what_we_wrote_once_the_making_counts(intents: list[Intent], is_known: bool) -> None:
    """When the making was begun is told where nothing else of ours can have moved the record's time of change."""
    ours = written_by_us("1-tasks", intents, last=LAST)
    assert ours.last == datetime(2026, 6, 1, 10, 0, 3, tzinfo=UTC)
    assert ours.begun == (datetime(2026, 6, 1, 10, tzinfo=UTC) if is_known else None)
