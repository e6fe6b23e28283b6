"""When the daemon calls itself unhealthy: only where a restart would help."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamflow.daemon.pulse import LOOP_LATE_S, PICTURE_OLD_S, STUCK_S, Pulse
from streamflow.daemon.status import Figures, GateStatus, PaceStatus, Snapshot

AT_WORK = Snapshot(
    state="backfill", reason="moving lead records", phase="backfill", since="2026-11-22T04:00:00Z", calls={"nutshell": 5},
    pace={"nutshell": PaceStatus(rate_per_s=10.0)}, figures=Figures(stage_queues={"load": (2, 2)}, signed_in=True),
)  # fmt: skip
GATE = GateStatus(name="map", since="2026-11-22T04:00:00Z", what="", how="")


def after(snapshot: Snapshot, seconds: float) -> list[str]:
    """Show the same picture for so long, a second apart; give what is said then."""
    pulse = Pulse(0.0)
    for second in range(int(seconds) + 1):
        pulse.beat(snapshot, float(second))
    return pulse.unhealthy(float(int(seconds)))


def test_stages_that_do_not_move() -> None:
    """Batches under way and nothing at all that moves for minutes is unhealthy, and not a moment sooner."""
    assert after(AT_WORK, STUCK_S) == []
    assert after(AT_WORK, STUCK_S + 5) == [f"no stage has moved for {STUCK_S + 5:.0f} s"]


@pytest.mark.parametrize(
    "change",
    [
        {"state": "paused"},
        {"gate": GATE},
        {"pace": {"nutshell": PaceStatus(rate_per_s=10.0, closed_until="2026-11-22T05:00:00Z")}},
        {"figures": Figures(stage_queues={}, signed_in=True)},
        {"pace": {"nutshell": PaceStatus(rate_per_s=0.01)}},
    ],
    ids=["paused", "gate", "throttled", "resting", "slow pace"],
)
def test_reasons_to_stand_still(change: dict[str, Any]) -> None:
    """A pause, a gate, a platform that asked for silence, rest between rounds and a very slow pace are no illness."""
    assert after(replace(AT_WORK, **change), STUCK_S + 60) == []


def test_any_progress_counts() -> None:
    """One more call is progress."""
    pulse = Pulse(0.0)
    pulse.beat(AT_WORK, 0.0)
    pulse.beat(replace(AT_WORK, calls={"nutshell": 6}), STUCK_S)
    assert pulse.unhealthy(STUCK_S + 10) == []


def test_loop_and_ledger() -> None:
    """A loop that wakes much too late, and a ledger that does not answer, are told."""
    pulse = Pulse(0.0)
    pulse.beat(AT_WORK, 10.0, late_s=LOOP_LATE_S + 1)
    assert "event loop" in pulse.unhealthy(10.0)[0]
    pulse.beat(AT_WORK, 11.0)
    assert "ledger" in pulse.unhealthy(12.0 + PICTURE_OLD_S)[0]


def test_readiness() -> None:
    """Ready after the first sign-in and not while draining."""
    pulse = Pulse(0.0)
    assert pulse.unready(draining=False) == ["not signed in on both sides yet"]
    pulse.beat(AT_WORK, 1.0)
    assert pulse.unready(draining=False) == []
    assert pulse.unready(draining=True) == ["draining"]


def test_a_process_that_was_stopped() -> None:
    """After minutes in which the whole process stood still no stage is blamed, and one that then does not move is."""
    pulse = Pulse(0.0)
    pulse.beat(AT_WORK, 1.0)
    pulse.beat(AT_WORK, 602.0, late_s=600.0)
    assert pulse.unhealthy(602.0) == ["the event loop was 600 s late"]
    pulse.beat(AT_WORK, 603.0)
    assert pulse.unhealthy(603.0) == []
    pulse.beat(AT_WORK, 603.0 + STUCK_S)
    assert any(reason.startswith("no stage has moved") for reason in pulse.unhealthy(603.0 + STUCK_S))
