"""
The machine's clocks step beneath whole runs, with people at work in both systems: by Debian's libfaketime, so that the event loop, SQLite
and every library see it as well.
"""

from __future__ import annotations

import random

import pytest

from tests.flow.box import Box
from tests.flow.harness import assert_right
from tests.flow.sides import LEAD_PERFECTION, LEADTREKKER
from tests.flow.survival import Survived, Trial, survive
from tests.storm.faked import ALL, WALL
from tests.storm.stepping import Stepping

MINUTE_S, HOUR_S = 60, 3_600
RECORDS = 120


def stepped(pair: str, seed: int, *, mode: str, by_s: int) -> tuple[Survived, Stepping]:
    """Go through a whole run whose clocks step at each place; gives what became of it, and who attended to it."""
    attended: list[Stepping] = []

    def handed(_trial: Trial, box: Box, dice: random.Random, wanted: list[str]) -> Stepping:
        attended.append(Stepping(box, dice, wanted, mode=mode, by_s=by_s))
        return attended[0]

    run = survive(Trial(seed=seed, pair=pair, records=RECORDS, life=0.5), handed=handed)
    return run, attended[0]


def assert_kept(run: Survived, hands: Stepping) -> None:
    """See that every step was really taken, with writes in doubt, and that no promise was broken."""
    assert not hands.unseen, f"no line of the log bears the time of these clocks, in seconds ahead: {sorted(hands.unseen)}"
    assert run.doubts["open"] == 0
    assert (run.doubts["adopted"], run.doubts["resent"]) >= (2, 2), run.doubts
    assert run.edits
    assert_right(list(run.findings))
    assert run.leaks == ()


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("pair", "by_s"), [
    (LEADTREKKER.pair, 2 * HOUR_S), (LEADTREKKER.pair, -5 * MINUTE_S),
    (LEAD_PERFECTION.pair, -2 * HOUR_S), (LEAD_PERFECTION.pair, 5 * MINUTE_S),
], ids=["lt+2h", "lt-5min", "lp-2h", "lp+5min"])  # fmt: skip
def test_the_wall_clock_of_the_machine_steps(pair: str, by_s: int) -> None:
    """
    Set by minutes and hours, forth and back: nothing is lost, doubled or overwritten, the log shows no crash, and the run comes to its end.

    It steps while writes are in doubt, as the process is killed with such, in the tail, between two starts, in cutover and watch.
    """
    run, hands = stepped(pair, 71, mode=WALL, by_s=by_s)
    assert hands.given_up == [], "who sets the clock ends no attempt"
    assert_kept(run, hands)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("pair", [LEADTREKKER.pair, LEAD_PERFECTION.pair])
def test_the_machine_stands_still_for_hours(pair: str) -> None:
    """
    A suspended machine, all of whose clocks are two hours on when it goes on, breaks no promise either, and comes to its end.

    It stands still with writes in doubt, in the tail and in the watch; a cutover that it sleeps through is given up, and ordered again.
    """
    run, hands = stepped(pair, 72, mode=ALL, by_s=2 * HOUR_S)
    [reason] = hands.given_up
    assert "not done within" in reason
    assert_kept(run, hands)
