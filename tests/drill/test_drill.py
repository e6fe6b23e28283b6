"""A small seeded part of `make drill`: creates of unknown outcome end as they must, and it fails where a rule behind that is gone."""

from __future__ import annotations

import pytest

from tests.drill.weakened import WEAKENED
from tests.drill.world import ARMS, EACH, Arm, drill

SEED = 2


@pytest.mark.parametrize("arm", ARMS)
async def test_creates_of_unknown_outcome_are_neither_doubled_nor_lost(arm: Arm) -> None:
    """Within a measured lag each ends by itself, without one none is sent again unasked; what does not show is asked about and told."""
    result = await drill(SEED, arm)
    assert result.faults == []
    assert sum(tally["creates"] for tally in result.tally.values()) == sum(EACH.values())


@pytest.mark.parametrize("name", WEAKENED)
async def test_a_rule_that_is_taken_away_is_missed(name: str) -> None:
    """With a blind retry, no quiet time, or one without a lag that somebody measured, records are doubled, and that is seen."""
    plant, arm = WEAKENED[name]
    with plant():
        result = await drill(SEED, arm)
    assert any(fault.startswith("doubled") for fault in result.faults)
