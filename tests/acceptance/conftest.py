"""Both runs, made once and at the same time, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance import runs
from tests.acceptance.evidence import Run


@pytest.fixture(scope="session")
def both() -> Iterator[tuple[Run, Run]]:
    """Make the runs side by side: most of their time is waiting."""
    with ThreadPoolExecutor(2) as pool:
        by_api, by_files = pool.submit(runs.by_api), pool.submit(runs.by_files)
        yield by_api.result(), by_files.result()


@pytest.fixture(scope="session")
def api(both: tuple[Run, Run]) -> Run:
    """Give the run by API: gates opened by hand, people at work, leads all as people."""
    return both[0]


@pytest.fixture(scope="session")
def files(both: tuple[Run, Run]) -> Run:
    """Give the run by files: gates that open by themselves, unqualified leads as open leads, taken back in the end."""
    return both[1]
