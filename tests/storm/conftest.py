"""A pair of accounts and a place for each test: what is broken here ends in another state than it began."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, Place, place_at, running_pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    options = ("--records", "40", "--gates", "auto", "--search-lag", "0.2")
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *options) as found:
        text = found.config.read_text(encoding="utf-8")
        found.config.write_text(text.replace('cutover = "auto"', 'cutover = "ask"'), encoding="utf-8")
        yield found


@pytest.fixture
def place(pair: Pair) -> Iterator[Place]:
    # A short path: control sockets have a limit that pytest's own folders come near.
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        yield place_at(Path(folder) / "p", pair)
