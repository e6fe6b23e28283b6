"""Clocks that step, and a process that stood still: no burst, no doubling, and the run goes on."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.flow_bad.rig import Daemon, Pair, Place, get, running_daemon
from tests.storm.verdicts import assert_goes_on, assert_moved, in_backfill

HOUR_S, DAY_S = 3_600, 86_400
RATE_PER_S = 20.0


@pytest.fixture
def steps(place: Place) -> Path:
    """The file that moves the clocks."""
    path = place.dir / "clocks"
    path.write_text("0 0")
    return path


def by(steps: Path) -> tuple[str, ...]:
    """Give the program that runs the daemon by these clocks."""
    return (sys.executable, "-m", "tests.storm.clocked", str(steps))


def bounded(place: Place, pair: Pair) -> None:
    """Let the destination hold a rate, and the daemon know it."""
    place.line("rate_per_s", f"rate_per_s = {RATE_PER_S}", section="[pace.destination]")
    pair.destination(rate_per_s=RATE_PER_S, burst=20)


def created(daemon: Daemon) -> int:
    """Count what was made so far."""
    return sum(int(each["created"]) for each in daemon.status()["streams"].values())


def refusals(pair: Pair) -> int:
    """Count how often the destination refused a call as one too many."""
    return int(get(pair.destination_admin + "log")["count_429"])


@pytest.mark.parametrize("step_s", [DAY_S, -HOUR_S], ids=["+1d", "-1h"])
def test_the_wall_clock_steps(place: Place, pair: Pair, steps: Path, step_s: int) -> None:
    """A wall clock set by an hour or a day, forth or back, changes neither pace nor outcome."""
    bounded(place, pair)
    with running_daemon(place, by=by(steps)) as daemon:
        in_backfill(daemon, pair)
        before = refusals(pair)
        steps.write_text(f"{step_s} 0")
        made = created(daemon)
        daemon.until(lambda _: created(daemon) > made, "records made after the step")
        assert refusals(pair) == before
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0, daemon.words()
    assert_goes_on(place, pair)


def test_stopped_for_minutes(place: Place, pair: Pair, steps: Path) -> None:
    """A process that is stopped for ten minutes catches up with no burst, is not called stuck, and doubles nothing."""
    bounded(place, pair)
    with running_daemon(place, by=by(steps)) as daemon:
        in_backfill(daemon, pair)
        before, made = refusals(pair), created(daemon)
        daemon.signal(signal.SIGSTOP)
        steps.write_text("600 600")
        daemon.signal(signal.SIGCONT)
        daemon.until(lambda _: created(daemon) > made, "records made afterwards")
        assert refusals(pair) == before
        pair.destination(latency_ms=0)
        daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=60.0)
        assert refusals(pair) == before
        assert_moved(pair)
