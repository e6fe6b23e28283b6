"""The family of errors: what must be there is said loudly where it is not."""

from __future__ import annotations

import pytest

from streamflow.daemon.exits import Exit, exit_for
from streamflow.errors import InvariantBroken, sure


def test_what_must_be_there_is_given_and_its_want_is_a_bug_of_ours() -> None:
    """A value is given as it is, an empty one too; none at all is named and ends the daemon as a bug does, which no restart mends."""
    assert sure("", "name") == ""
    with pytest.raises(InvariantBroken, match="no intent where there must be one") as caught:
        sure(None, "intent")
    assert exit_for(caught.value) is Exit.INTERNAL
