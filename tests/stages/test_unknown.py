"""What is known of a write whose outcome is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from streamflow.clock import iso
from streamflow.model import Intent, IntentState, Op, Ref
from streamflow.stages.unknown import since


def test_the_quiet_time_never_begins_before_the_outcome_became_unknown() -> None:
    """The ledger's times are cut to the second: whatever is lost of one is waited for as well, so that no late write is given up."""
    for millis in (0, 1, 500, 999):
        at = datetime(2026, 6, 1, 10, 0, 2, 1000 * millis, tzinfo=UTC)
        intent = Intent(
            id="1", ref=Ref("lead", "1"), op=Op.CREATE, dest_kind="contacts", fields={}, marker="m", seq=1,
            state=IntentState.IN_DOUBT, reason="cut short", unknown_since=iso(at),
        )  # fmt: skip
        noted = since(intent)
        assert noted is not None
        assert at <= noted <= at + timedelta(seconds=1)
