"""One quiet pair of accounts for the tests of a file, and a fresh place for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, Place, place_at, running_pair


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        with running_pair(Path(folder) / "pair", "--records", "60", "--gates", "ask") as found:
            yield found


@pytest.fixture
def place(pair: Pair) -> Iterator[Place]:
    # A short path: control sockets have a limit that pytest's own folders come near.
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        yield place_at(Path(folder) / "p", pair)
