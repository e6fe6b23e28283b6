"""One machine for all, and for each test a unit without state between two accounts of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, running_pair
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
    options = ("--records", "40", "--gates", "auto", "--search-lag", "0.2")
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *options) as found:
        text = found.config.read_text(encoding="utf-8")
        found.config.write_text(text.replace('cutover = "auto"', 'cutover = "ask"'), encoding="utf-8")
        yield found


@pytest.fixture
def machine(host: Machine, pair: Pair) -> Iterator[Machine]:
    configure(host, pair)
    yield host
    forget(host)
