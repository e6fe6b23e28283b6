"""A whole run from Lead Perfection under a few kills; `make torture PAIR=lead-perfection-nutshell` is the same at full length."""

from __future__ import annotations

from tests.flow.harness import assert_right
from tests.flow.sides import LEAD_PERFECTION
from tests.flow.survival import Trial, survive


def test_kills_of_a_run_from_lead_perfection_lose_and_double_nothing() -> None:
    """The same holds where one call brings many kinds, and records are joined out of several streams."""
    survived = survive(Trial(seed=239, kills=5, records=80, pair=LEAD_PERFECTION.pair))
    assert survived.kills == 5
    assert survived.phases[-1] in ("cutover", "watch")
    assert_right(list(survived.findings))
    assert survived.leaks == ()
