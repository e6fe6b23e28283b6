"""A whole run from Lead Perfection under a few kills; `make torture PAIR=lead-perfection-nutshell` is the same at full length."""

from __future__ import annotations

import pytest

from tests.flow.harness import assert_right
from tests.flow.sides import LEAD_PERFECTION
from tests.flow.survival import Trial, survive


def test_kills_of_a_run_from_lead_perfection_lose_and_double_nothing() -> None:
    """The same holds where one call brings many kinds, and records are joined out of several streams."""
    survived = survive(Trial(seed=239, kills=5, records=80, pair=LEAD_PERFECTION.pair, life=0.5))
    assert survived.kills == 5
    assert survived.deeds > 0, "nobody worked in the source"
    assert survived.phases[-1] in ("cutover", "watch")
    assert_right(list(survived.findings))
    assert survived.leaks == ()


@pytest.mark.parametrize(("reader", "is_undone"), [("files", False), ("api", True)])
def test_kills_of_a_run_by_files_or_of_one_taken_back(reader: str, is_undone: bool) -> None:
    """Killed while it reads a vendor's tables, or while all of it is taken back, it ends as if nothing had happened."""
    survived = survive(Trial(seed=241, kills=3, records=60, pair=LEAD_PERFECTION.pair, reader=reader, undone=is_undone))
    assert survived.kills == 3
    assert_right(list(survived.findings))
    assert survived.leaks == ()
