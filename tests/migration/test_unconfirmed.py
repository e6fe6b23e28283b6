"""What a rollback takes for ours of what was never confirmed."""

from __future__ import annotations

import pytest

from streamflow.migration.undoing import unconfirmed
from streamflow.model import Fields, Intent, IntentState, Link, Op, Ref

OURS = {"name": "Ann Nel"}


@pytest.mark.parametrize(("state", "unknown_since", "more", "counts"), [
    (IntentState.REJECTED, "", {}, False),
    (IntentState.REJECTED, "", {"website": "a.test"}, True),
    (IntentState.ABANDONED, "", {}, False),
    (IntentState.ABANDONED, "2026-03-01T12:00:00Z", {}, True),
    (IntentState.CONFIRMED, "", {}, True),
    (IntentState.PARKED, "", {}, True),
])
def test_a_write_that_surely_came_to_nothing_is_not_taken_for_what_people_put_there(
    state: IntentState, unknown_since: str, more: Fields, counts: bool
) -> None:
    """Refused as a whole, or never sent: the same value there is people's. Refused for one field of several, or unheard of: maybe ours."""
    link = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="1-contacts", base={}, ours=False, before={"name": "Anne"})
    intent = Intent(
        id="1-1", ref=link.ref, op=Op.UPDATE, dest_kind="contacts", fields={**OURS, **more}, marker="", dest_id="1-contacts", seq=7,
        state=state, unknown_since=unknown_since,
    )
    assert unconfirmed(link, [intent]) == (OURS if counts else {})
