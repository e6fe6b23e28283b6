"""
Clocks that step, and a process that stood still: no burst, no doubling, and the run goes on.

Steps, and ten minutes, are put upon the clock that the program asks, at a destination that holds a rate; what the event loop and libraries
make of them is seen in test_faketime.py, and what connections make of a stop in one that lasts minutes by every clock there is.
"""

from __future__ import annotations

import http.client
import signal
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.flow.measures import doubts
from tests.flow_bad.rig import Daemon, Pair, Place, get, post, running_daemon
from tests.runbook import assert_named, figures
from tests.storm.clocked import put_ahead
from tests.storm.verdicts import assert_every_write_was_meant, assert_goes_on, assert_moved, in_backfill, markers

HOUR_S, DAY_S = 3_600, 86_400
RATE_PER_S = 20.0
STOPPED_S = 150
CLIENT_S = 5.0
"""How long the sandbox's configuration lets the daemon wait for one write."""
LATE_S = 6.0
"""How long after its answer was lost a write may still be carried out, as configured here."""


@pytest.fixture
def steps(place: Place) -> Path:
    """The file that moves the clocks."""
    path = place.dir / "clocks"
    path.write_text("")
    put_ahead(path, 0)
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


def ahead_s(daemon: Daemon) -> float:
    """Give by how much the time of the figures is ahead of this machine's, as whoever scrapes them sees it."""
    series = "streamflow_snapshot_timestamp_seconds"
    assert_named("F-37", series)
    return figures(daemon.status()["listen"]["metrics"])[series] - time.time()


def left_open(daemon: Daemon, pair: Pair, fault: str) -> None:
    """Let a person turn up in the source, and the answer to their create be lost."""
    pair.destination(**{fault: {"path": "POST /rest/contacts", "times": 1, "delay_s": LATE_S - 2.0}})
    person = {"name": "Ada Between", "email": "ada.between@example.com"}
    post(pair.source_admin + "act", {"do": "create", "kind": "leads", "values": person})
    daemon.until(lambda _: bool(get(pair.destination_admin + "log")["faults"].get(fault)), "an answer that is lost")


@pytest.mark.parametrize(("step_s", "fault", "end"), [
    (DAY_S, "late_commit", "adopted"), (-HOUR_S, "reset_before", "resent"),
], ids=["+1d", "-1h"])  # fmt: skip
def test_the_wall_clock_steps(place: Place, pair: Pair, steps: Path, step_s: int, fault: str, end: str) -> None:
    """
    A wall clock set by an hour or a day, forth or back, changes neither pace nor outcome.

    While the outcome of a write is unknown: set forward, nothing is sent again before it can show; set back, that is not put off.
    Whoever compares the time of the figures with their own sees it.
    """
    bounded(place, pair)
    place.line("late_commit_s", f"late_commit_s = {LATE_S}")
    with running_daemon(place, by=by(steps)) as daemon:
        in_backfill(daemon, pair)
        before = refusals(pair)
        put_ahead(steps, step_s)
        made = created(daemon)
        daemon.until(lambda _: created(daemon) > made, "records made after the step")
        daemon.until(lambda _: ahead_s(daemon) * step_s > 0 and abs(ahead_s(daemon)) > HOUR_S / 2, "a picture of another time")
        pair.destination(latency_ms=0)
        daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=60.0)
        assert refusals(pair) == before
        left_open(daemon, pair, fault)
        put_ahead(steps, 2 * step_s)
        daemon.until(lambda _: bool(doubts(place.state) - Counter(open=1)), "an outcome that is known", timeout_s=60.0)
        assert doubts(place.state)[end] == 1
        daemon.until(lambda _: doubts(place.state)["open"] == 0, "a create that is done")
        assert_moved(pair)
        daemon.signal(signal.SIGTERM)
        assert daemon.end() == 0, daemon.words()
    assert_goes_on(place, pair)


def test_stopped_for_minutes_by_its_clock(place: Place, pair: Pair, steps: Path) -> None:
    """A process whose clocks are ten minutes on after a stop catches up with no burst and doubles nothing."""
    bounded(place, pair)
    with running_daemon(place, by=by(steps)) as daemon:
        in_backfill(daemon, pair)
        before, made = refusals(pair), created(daemon)
        daemon.signal(signal.SIGSTOP)
        put_ahead(steps, 600, 600)
        daemon.signal(signal.SIGCONT)
        daemon.until(lambda _: created(daemon) > made, "records made afterwards")
        assert refusals(pair) == before
        pair.destination(latency_ms=0)
        daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=60.0)
        assert refusals(pair) == before
        assert_moved(pair)


def is_well(address: str) -> bool:
    """Ask whether a restart would help."""
    with closing(http.client.HTTPConnection(address, timeout=10.0)) as asked:
        asked.request("GET", "/healthz")
        return asked.getresponse().status == 200


def struck(pair: Pair) -> bool:
    """Say whether a write hangs with its work done, and the answer to another is about to come."""
    faults = get(pair.destination_admin + "log")["faults"]
    return all(faults.get(name) for name in ("hang", "delay_after"))


@pytest.mark.timeout(STOPPED_S + 200)
def test_stopped_for_minutes(place: Place, pair: Pair) -> None:
    """
    A process that stands still for minutes while writes are under way goes on: no burst, nothing doubled, lost or left in doubt.

    Time-outs of its client and both ends of idle connections are over by then; one answer waits unread, another never comes.
    """
    assert f"timeout_s = {CLIENT_S}" in place.config.read_text(encoding="utf-8")
    bounded(place, pair)
    writes = {"path": "POST /rest/*", "times": 1}
    with running_daemon(place) as daemon:
        daemon.until(lambda status: status["phase"] in ("owners", "sample"), "the sample")
        before = refusals(pair)
        pair.destination(hang={**writes, "after": True, "delay_s": 4 * CLIENT_S}, delay_after={**writes, "delay_s": CLIENT_S / 2})
        daemon.until(lambda _: struck(pair), "writes under way")
        daemon.signal(signal.SIGSTOP)
        made = len(markers(pair))
        time.sleep(STOPPED_S)      # real time: nothing else lets timers of the loop and idle connections grow old
        assert doubts(place.state)["open"] >= 2
        daemon.signal(signal.SIGCONT)
        daemon.until(lambda _: len(markers(pair)) > made, "records made afterwards")
        daemon.until(lambda status: is_well(status["listen"]["metrics"]), "a daemon that calls itself well", timeout_s=2.0)
        daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=60.0)
        assert refusals(pair) == before
        ends = doubts(place.state)
        assert (ends["open"], ends["resent"], ends["queued"]) == (0, 0, 0)
        assert ends["adopted"] >= 1
    assert_every_write_was_meant(place, pair)
    assert_goes_on(place, pair)
