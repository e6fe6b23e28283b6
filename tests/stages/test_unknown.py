"""What is known of a write whose outcome is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from streamflow.clock import iso
from streamflow.model import Intent, IntentState, Op, Ref
from streamflow.stages.unknown import Joiner, Meaning, intent_awaited, outcome_name, since


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


def test_what_a_write_means_is_the_same_after_a_restart() -> None:
    """All of it is in the ledger, under names that a later version of the program reads as well."""
    meaning = Meaning(
        base={"name": "Nia"}, before={"name": "Ann"}, ours=True, seen="9-events", now={"name": "Ann"}, phase="adopted",
        joiners=(Joiner(key="2", seq=8, reason="the same address"),),
    )
    kept = meaning.to_json()
    assert Meaning.from_json(kept) == meaning
    assert kept == {
        "base": {"name": "Nia"}, "before": {"name": "Ann"}, "ours": True, "seen": "9-events", "now": {"name": "Ann"}, "phase": "adopted",
        "joiners": [["2", 8, "the same address"]],
    }
    assert not Meaning.from_json({**kept, "ours": False}).ours


def test_what_an_earlier_version_kept_of_a_write_is_enough() -> None:
    """It knew nothing of feeds, phases and joiners: then there is nothing to look after, and nobody to tie."""
    assert Meaning.from_json({"base": {}, "before": None, "ours": False}) == Meaning(base={}, before=None, ours=False)


@pytest.mark.parametrize(("op", "joiners", "is_kept"), [
    (Op.CREATE, (), False), (Op.CREATE, (Joiner(key="2", seq=8, reason="?"),), True), (Op.UPDATE, (), True), (Op.DELETE, (), False),
])  # fmt: skip
def test_only_what_a_write_does_not_say_itself_is_kept_beside_it(op: Op, joiners: tuple[Joiner, ...], is_kept: bool) -> None:
    """What a change replaces, and who is in a create."""
    intent = Intent(id="1", ref=Ref("lead", "1"), op=op, dest_kind="contacts", fields={})
    assert Meaning(base={}, before=None, ours=True, joiners=joiners).is_kept_for(intent) is is_kept


def test_an_outcome_has_a_name_that_tells_its_write() -> None:
    """Whoever waits for something else is not woken by it."""
    assert intent_awaited(outcome_name("1-7")) == "1-7"
    assert intent_awaited("lead:1") is None


@pytest.mark.parametrize(("state", "noted"), [(IntentState.IN_DOUBT, ""), (IntentState.MEANT, "2026-06-01T10:00:00Z")])
def test_before_a_doubt_is_noted_no_time_runs(state: IntentState, noted: str) -> None:
    """A write that is still being sent, and one that a process left behind, are not waited out yet."""
    intent = Intent(id="1", ref=Ref("lead", "1"), op=Op.CREATE, dest_kind="contacts", fields={}, state=state, unknown_since=noted)
    assert since(intent) is None
