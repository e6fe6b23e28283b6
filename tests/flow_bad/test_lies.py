"""Endpoints that lie while changes are followed, with real processes: named, alone, and over by themselves."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.flow_bad.rig import Daemon, Pair, get, place_at, post, running_daemon, running_pair

OPTIONS = ("--records", "150", "--gates", "auto", "--search-lag", "0.2")
TELLS_S = 60.0
STEADY_S = 4.0


@pytest.fixture(scope="module")
def daemon() -> Iterator[tuple[Pair, Daemon]]:
    """A migration that follows changes, and its accounts."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as pair:
        place = place_at(Path(folder) / "p", pair).edit(('cutover = "auto"', 'cutover = "ask"'))
        place.edit(('sweep_every = "', 'sweep_every = "1s" # "')) if 'sweep_every = "' in place.config.read_text() else None
        with running_daemon(place) as running:
            running.gate("cutover")
            yield pair, running


def in_source(pair: Pair, do: str, kind: str, **order: Any) -> None:
    """Do what a person does in the source."""
    post(pair.source_admin + "write", {"do": do, "kind": kind, **order})


def arrived(pair: Pair, kind: str, text: str) -> bool:
    """Say whether a record of the destination holds a text."""
    rows = get(pair.destination_admin + "state")[kind]
    return any(text in str(row) for row in (rows.values() if isinstance(rows, Mapping) else rows))
