"""A disk that fails at its first, second, third … operation, until a run gets through: what was acknowledged is there afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.turns import WAYS, fail_at_making, fail_at_migrating, fail_at_work
from tests.store.values import StillClock


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for-good"])
@pytest.mark.parametrize("word", WAYS)
async def test_work(tmp_path: Path, clock: StillClock, word: str, for_good: bool) -> None:
    """Whichever write or sync fails, the failure is told, nothing is taken after it, and the next start has all that was taken before."""
    await fail_at_work(tmp_path, clock, word, for_good=for_good)


@pytest.mark.parametrize("word", WAYS)
async def test_making(tmp_path: Path, clock: StillClock, word: str) -> None:
    """A ledger is made whole or not at all, whichever operation fails."""
    await fail_at_making(tmp_path, clock, word)


@pytest.mark.parametrize("word", WAYS)
async def test_migrating(tmp_path: Path, clock: StillClock, word: str) -> None:
    """A migration happens wholly or not at all, whichever operation fails."""
    await fail_at_migrating(tmp_path, clock, word)
