"""The run, made once for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.acceptance.leadperfection import run
from tests.acceptance.leadperfection.run import PairRun


@pytest.fixture(scope="session")
def living() -> PairRun:
    """Give the run by API: gates opened by hand, people at work on both sides, taken back in the end."""
    return run.by_api()
