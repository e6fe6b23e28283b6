"""A whole run of which parts are rolled back under kills; `make torture` strikes such rollbacks at every one of their points."""

from __future__ import annotations

from tests.flow.harness import assert_right
from tests.flow.stopping import Stops
from tests.flow.survival import Trial, survive

STRUCK = (
    "after:rollback phase/send DELETE notes/{id}", "after:rollback kind/audit rollback.requested", "before:rollback record/phase tail",
)  # fmt: skip


def test_parts_are_undone_once_however_often_they_are_cut_short() -> None:
    """
    A phase, a kind and a record are each rolled back as the dry run said, between an order and the tail again, and nothing else with them.

    What is brought back is there as if it had never gone; the record stays away, and the run comes to its end.
    """
    survived = survive(Trial(seed=5, stops=Stops(only=STRUCK), parts=True, records=24))
    assert survived.points == dict.fromkeys(STRUCK, 1)
    assert_right(list(survived.findings))
    assert survived.code in (0, 1)
    assert survived.leaks == ()
