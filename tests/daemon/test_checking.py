"""What `check` bears of the platforms, and what it does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from streamflow.daemon import checking
from streamflow.daemon.doors import Doors
from streamflow.errors import AccessRefused, InvariantBroken, StreamflowError


def doors(trouble: StreamflowError) -> Doors:
    async def check() -> None:
        raise trouble

    asked = SimpleNamespace(check=check)
    return cast(Doors, SimpleNamespace(source=asked, destination=SimpleNamespace(schema=asked)))


@pytest.mark.parametrize("look", [checking._source, checking._destination])
async def test_a_bug_of_ours_is_not_told_as_a_sign_in_that_failed(look: object) -> None:
    """A key that is refused is a finding about that platform; a promise of our own that breaks ends the command."""
    assert callable(look)
    [finding] = await look(doors(AccessRefused("the key is not taken", platform="leadtrekker")))
    assert (finding.question, finding.ok, finding.code) == ("sign-in", False, "access")
    with pytest.raises(InvariantBroken):
        await look(doors(InvariantBroken("a function that is named like a write was about to be called on the source")))
