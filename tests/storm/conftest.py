"""A pair of accounts and a place for each test: what is broken here ends in another state than it began."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, Place, asking_pair, place_at


@pytest.fixture
def pair() -> Iterator[Pair]:
    with asking_pair() as found:
        yield found


@pytest.fixture
def place(pair: Pair) -> Iterator[Place]:
    # A short path: control sockets have a limit that pytest's own folders come near.
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        yield place_at(Path(folder) / "p", pair)
