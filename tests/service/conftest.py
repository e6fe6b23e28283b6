"""One machine for all, and for each test a unit without state between two accounts of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, asking_pair
from tests.service.machine import Machine, booted, configure, forget, lay_out, wheels


@pytest.fixture(scope="session")
def host() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder, tempfile.TemporaryDirectory(prefix="sf") as house:
        Path(folder).chmod(0o755)
        lay_out(Path(folder))
        wheels(Path(house))
        with booted(Path(folder), Path(house)) as found:
            yield found


@pytest.fixture
def pair() -> Iterator[Pair]:
    with asking_pair() as found:
        yield found


@pytest.fixture
def machine(host: Machine, pair: Pair) -> Iterator[Machine]:
    configure(host, pair)
    yield host
    forget(host)
