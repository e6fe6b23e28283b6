"""Reading back tells of each value that was spoilt, over a process killed in the middle; `make readback` spoils a thousand."""

from __future__ import annotations

from pathlib import Path

from tests.readback.changes import HARMLESS, LOSSES
from tests.readback.world import LOSS_NAMES, world


async def test_each_value_that_is_spoilt_is_told_and_nothing_else(tmp_path: Path) -> None:
    """In one account, with people and harmless changes beside; a process is killed while it reads back, and the next one goes on."""
    result = await world(4, tmp_path / "state", leads=16, losses=24, kills=1)
    assert result.faults == []
    assert (len(result.planted), result.kills) == (24, 1)
    assert result.spared > 10
    assert result.fields > 400


def test_there_are_enough_ways_to_spoil_a_value() -> None:
    """At least twenty ways that lose something, ten that lose nothing, each named once."""
    assert len(set(LOSS_NAMES)) == len(LOSS_NAMES) >= 20
    assert len({way.name for way in HARMLESS}) == len(HARMLESS) >= 10
    assert len(LOSSES) < len(LOSS_NAMES)
