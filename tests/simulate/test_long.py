"""A small part of each long life, and that what they look for is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from streamflow.wire import limiter
from streamflow.wire.limiter import PacedLimiter
from tests.simulate import days, lag, pace

CALM = days.Sample(
    day=1, rounds=100, versions=50, resident=50 * days.MIB, blocks=200_000, files=9, ledger=days.MIB, wal=4 * days.MIB, audit=100, rows={},
)  # fmt: skip


def test_days_in_tail_cost_what_people_change_and_no_more() -> None:
    """Polls, sweeps, days of rest and a crash: nothing lost, and memory, files, ledger and audit grow with changes alone."""
    told = days.live(3, days=3, poll_s=7200.0)
    assert told.faults == []
    assert told.idle
    assert told.crashes


@pytest.mark.parametrize("grown", [
    {"resident": 90 * days.MIB}, {"blocks": 300_000}, {"files": 10}, {"ledger": 2 * days.MIB}, {"wal": 65 * days.MIB}, {"audit": 3_000},
])  # fmt: skip
def test_what_grows_with_time_alone_is_named(grown: dict[str, Any]) -> None:
    """One figure that is larger at the end of a day of rest is enough."""
    told = days.Told(seed=0, days=2, samples=[CALM, replace(CALM, day=2)])
    assert list(told.judge()) == []
    told.samples[1] = replace(CALM, day=2, **grown)
    assert list(told.judge())


def test_the_server_sees_its_pace_kept_and_used() -> None:
    """Calls of some hours, and the server closed for a while: none too many, and next to none left unused."""
    told = pace.live(38, days=0.1)
    assert told.faults == []
    assert told.storms
    assert told.used > 900


@pytest.mark.parametrize("bug", [
    lambda: patch.object(limiter, "fitting_burst", lambda rate_per_s, max_in_flight: 40.0),
    lambda: patch.object(PacedLimiter, "close_for", lambda self, seconds, reason: None),
])  # fmt: skip
def test_a_limiter_that_is_not_one_is_found(bug: Any) -> None:
    """A burst that the server does not take, and a silence that is not kept, are seen by the server."""
    with bug():
        assert pace.live(38, days=0.1).faults


def test_changes_are_there_soon_and_the_lag_that_is_told_is_true() -> None:
    """A change a second, and the destination away for a while: there within a poll and five seconds, and told as old as they are."""
    told = lag.live(3, minutes=1.2, poll_s=5.0)
    assert told.faults == []
    assert len(told.waits_s) > 20
