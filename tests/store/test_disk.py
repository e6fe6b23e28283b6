"""A disk that fails in the middle of the work (each and every operation in its turn: tests/storm)."""

from __future__ import annotations

from pathlib import Path

import pytest

from .turns import fail_at_work
from .values import StillClock


@pytest.mark.parametrize("word", ["full", "sync"])
async def test_a_failing_disk_loses_nothing_acknowledged(tmp_path: Path, clock: StillClock, word: str) -> None:
    """The failure is told, nothing is taken after it, and the next start has all that was taken before."""
    await fail_at_work(tmp_path, clock, word, for_good=True, step=6)
