"""A few seeded worlds of the simulation, and what it must be worth: the same seed tells the same, and planted bugs are found."""

from __future__ import annotations

import pytest

from tests.simulate.world import simulate

SEEDS = range(1000, 1008)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_ends_with_every_promise_kept(seed: int) -> None:
    """Crashes, lost answers, late effects, lies and people at work on both sides: nothing lost, doubled, overwritten, unexplained."""
    assert simulate(seed).faults == []


def test_a_seed_tells_one_world() -> None:
    """The same seed gives the same run, to the last write, whatever ran before it."""
    first = simulate(1003).trace
    simulate(1004)
    assert simulate(1003).trace == first
