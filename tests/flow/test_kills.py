"""A whole run under a few kills; `python -m tests.flow.torture --kills 50` is the same at full length."""

from __future__ import annotations

from tests.flow.harness import assert_right
from tests.flow.survival import Trial, survive


def test_kills_lose_and_double_nothing() -> None:
    """The daemon, killed at random moments from its start to after the switch and started again, ends as if nothing had happened."""
    survived = survive(Trial(seed=35, kills=5, records=80))
    assert survived.kills == 5
    assert survived.phases[-1] in ("cutover", "watch")
    assert_right(list(survived.findings))
    assert survived.leaks == ()
