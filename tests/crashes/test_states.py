"""A power cut at any moment leaves a ledger with everything that was acknowledged (many more states: `make crashes`)."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .hunt import Aim, Hunt, in_memory
from .medium import SECTOR, Medium
from .operations import FolderSync, Moved, Named, Removed, Sync, Write

SEED = 11


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place for the files of a hunt, which are written often."""
    with tempfile.TemporaryDirectory(prefix="crashes", dir=in_memory()) as name:
        yield Path(name) / "hunt"


async def test_no_power_cut_takes_what_was_acknowledged(folder: Path) -> None:
    """Torn, reordered and missing writes in two lives: each state holds the last acknowledged book or the one under way."""
    aim = Aim(states=250, ends=("cut",), turns=1, opened=0.01)
    tally = await Hunt(folder, random.Random(SEED), aim).run()
    assert tally.told == []
    assert tally.lost == tally.broken == 0
    assert tally.distinct == 250
    assert tally.opened > tally.books > 8


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
async def test_it_would_be_found_if_less_were_synced(folder: Path, synchronous: str) -> None:
    """The same search finds lost transactions where SQLite syncs only now and then, and broken files where it never does."""
    tally = await Hunt(folder, random.Random(SEED), Aim(states=100, synchronous=synchronous, ends=(), turns=1, opened=0.0)).run()
    assert tally.lost > 0
    assert synchronous != "OFF" or tally.broken > 0


def test_a_cut_keeps_what_is_synced_and_whole_sectors() -> None:
    """What was synced is in every state; each sector of the rest is one that once was; both ends and much between are drawn."""
    dice = random.Random(SEED)
    medium = Medium({"a": b"0" * SECTOR * 4})
    for op in (Write(file=0, at=0, data=b"1" * SECTOR), Sync(file=0), Write(file=0, at=SECTOR, data=b"2" * SECTOR * 2),
               Write(file=0, at=SECTOR * 2, data=b"3" * SECTOR * 2)):  # fmt: skip
        medium.take(op)
    drawn = {medium.cut(dice)[1]["a"] for _ in range(3000)}
    sectors = [{content[at : at + SECTOR] for content in drawn} for at in range(0, SECTOR * 4, SECTOR)]
    assert sectors == [{letter * SECTOR for letter in letters} for letters in ((b"1",), (b"0", b"2"), (b"0", b"2", b"3"), (b"0", b"3"))]
    assert len(drawn) == 12, "every mixture of them"


def test_a_cut_keeps_names_that_are_synced_and_the_order_of_each() -> None:
    """Names come, move and go in their own order; a move is whole; a file without a name is gone."""
    dice = random.Random(SEED)
    medium = Medium({"old": b"x"})
    for op in (Named(file=1, name="new"), FolderSync(), Removed(name="old"), Moved(name="new", to="old"), Named(file=2, name="late")):
        medium.take(op)
    found = {tuple(sorted(medium.cut(dice)[1])) for _ in range(1000)}
    assert found == {("new", "old"), ("late", "new", "old"), ("new",), ("late", "new"), ("old",), ("late", "old")}
