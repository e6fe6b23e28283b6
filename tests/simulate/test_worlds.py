"""A few seeded worlds of the simulation, and what it must be worth: the same seed tells the same, and planted bugs are found."""

from __future__ import annotations

import pytest

from tests.simulate.planted import PLANTED, found_by
from tests.simulate.world import simulate

SEEDS = range(1000, 1004)
QUICKLY_FOUND = (
    "a create whose answer was lost is sent again", "intents are committed after the send",
    "an update does not look what people changed", "a mark moves before its records are in the ledger",
)
"""Bugs that a world or two show; `python -m tests.simulate --bugs` plants them all."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_ends_with_every_promise_kept(seed: int) -> None:
    """Crashes, lost answers, late effects, lies and people at work on both sides: nothing lost, doubled, overwritten, unexplained."""
    assert simulate(seed).faults == []


def test_a_seed_tells_one_world() -> None:
    """The same seed gives the same run, to the last write, whatever ran before it."""
    first = simulate(1003).trace
    simulate(1004)
    assert simulate(1003).trace == first


@pytest.mark.parametrize("bug", QUICKLY_FOUND)
def test_a_planted_bug_is_found(bug: str) -> None:
    """With a rule of the engine taken away, a promise is seen to be broken within a hundred worlds."""
    seed, fault = found_by(bug, range(100))
    assert seed is not None
    assert fault
    assert simulate(seed).faults == [], "it is the bug that shows"


def test_there_are_enough_bugs_to_find() -> None:
    """Each is one rule, and each name says which."""
    assert len(PLANTED) >= 12
    assert set(QUICKLY_FOUND) <= PLANTED.keys()
