"""The family of errors: what must be there is said loudly where it is not."""

from __future__ import annotations

import pytest

from streamflow.daemon.exits import Exit, exit_for
from streamflow.errors import InvariantBroken, PlanLimit, PlatformUnavailable, StoreError, StreamflowError, gravest, sure
from streamflow.pipeline import first_cause


def test_what_must_be_there_is_given_and_its_want_is_a_bug_of_ours() -> None:
    """A value is given as it is, an empty one too; none at all is named and ends the daemon as a bug does, which no restart mends."""
    assert sure("", "name") == ""
    with pytest.raises(InvariantBroken, match="no intent where there must be one") as caught:
        sure(None, "intent")
    assert exit_for(caught.value) is Exit.INTERNAL


@pytest.mark.parametrize("ours", [InvariantBroken("made a second time"), StoreError("the disk is full")])
async def test_trouble_of_our_own_is_told_before_what_a_platform_does(ours: StreamflowError) -> None:
    """Of several failures at once a platform that is away, which is waited for, hides none of ours; what nobody foresaw goes first."""
    away, full = PlatformUnavailable("away"), PlanLimit("no more leads")
    assert gravest([away, full, ours]) is ours
    assert gravest([full, away]) is full
    assert first_cause(BaseExceptionGroup("", [away, BaseExceptionGroup("", [full, ours])])) is ours
    assert first_cause(BaseExceptionGroup("", [full, away])) is full
    unforeseen = KeyError("id")
    assert first_cause(BaseExceptionGroup("", [ours, unforeseen])) is unforeseen
