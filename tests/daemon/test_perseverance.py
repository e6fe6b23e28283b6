"""What a run waits out by itself and what it pauses for."""

from __future__ import annotations

import pytest

from streamflow.daemon.perseverance import PUZZLES, QUIET_S, Perseverance
from streamflow.errors import (
    AccessRefused,
    NotFound,
    NotPermitted,
    PlanLimit,
    PlatformUnavailable,
    ProtocolMismatch,
    RecordRejected,
    StreamflowError,
    Throttled,
    Uncertain,
)
from streamflow.wire.backoff import Patience
from tests.wire.virtual import VirtualClock


def test_what_passes_is_waited_for_ever_longer_up_to_a_minute() -> None:
    """An outage is never a matter for a person; after a quiet while, and after a phase that ended, waits are short again."""
    clock = VirtualClock()
    one = Perseverance(clock)
    errors: list[StreamflowError] = [PlatformUnavailable("down"), Throttled("slower"), Uncertain("lost")] * 3
    assert [one.after(error) for error in errors] == [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 60.0, 60.0, 60.0]
    clock.at += 61     # waited out, and down still
    assert one.after(errors[0]) == 60.0
    clock.at += 60 + Patience().total_s     # waited out, and one read borne for as long as any is
    assert one.after(errors[0]) == 60.0
    clock.at += 60 + QUIET_S + 1     # waited out, and others went well
    assert one.after(errors[0]) == 1.0
    assert one.after(errors[0]) == 2.0
    one.arrived()
    assert one.after(errors[0]) == 1.0


def test_a_lie_whose_numbers_move_is_the_same_lie() -> None:
    """A count in the words makes no new fault of each answer."""
    one = Perseverance(VirtualClock())
    for count in range(PUZZLES + 1):
        one.after(ProtocolMismatch(f"note: a page of {count} rows came twice"))
    assert one.is_lasting(ProtocolMismatch("note: a page of 99 rows came twice"))


@pytest.mark.parametrize("lie", [ProtocolMismatch("lead: a page came twice"), NotFound("lead: no such address")])
def test_an_answer_outside_the_contract_is_asked_anew_without_end(lie: StreamflowError) -> None:
    """A lie that passes is nobody's business; the same one again and again is told as lasting, and tried again at least once a minute."""
    clock = VirtualClock()
    one = Perseverance(clock)
    for _ in range(2):
        for _ in range(PUZZLES):
            assert one.after(lie) is not None
            assert not one.is_lasting(lie)
        assert one.after(ProtocolMismatch("note: a page came twice")) is not None
        waits = [one.after(lie) for _ in range(9)]
        assert one.is_lasting(lie)
        assert not one.is_lasting(ProtocolMismatch("note: a page came twice"))
        assert waits[-1] == 60.0
        one.arrived()
    for _ in range(PUZZLES * 3):
        assert one.after(lie) is not None
        assert not one.is_lasting(lie)
        clock.at += 1900.0


def test_refused_credentials_are_tried_again_ever_more_seldom() -> None:
    """A key that is not taken, or a right that is missing, may come back: once a minute is asked in the end."""
    one = Perseverance(VirtualClock())
    errors: list[StreamflowError] = [AccessRefused("no"), NotPermitted("not that")] * 3
    assert [one.after(error) for error in errors] == [2.0, 5.0, 10.0, 30.0, 60.0, 60.0]


def test_a_try_that_got_further_was_not_in_vain() -> None:
    """Waits grow only while the run does not move: on a bad line it fails now and then and gets on all the same."""
    one, down = Perseverance(VirtualClock()), PlatformUnavailable("down")
    assert [one.after(down, place) for place in (1, 1, 1, 2, 2, 3, 4)] == [1.0, 2.0, 5.0, 1.0, 2.0, 1.0, 1.0]


@pytest.mark.parametrize("error", [RecordRejected("no"), PlanLimit("full")])
def test_what_only_a_person_can_mend_pauses_at_once(error: StreamflowError) -> None:
    """Refusals do not get better by asking again."""
    assert Perseverance(VirtualClock()).after(error) is None
