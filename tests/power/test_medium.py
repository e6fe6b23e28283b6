"""The disk that a machine's power cut is tried on: it keeps what was flushed, and leaves of the rest what a real one may leave."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.power.medium import SECTOR, WAYS, Medium

SECTORS = 32
FIRST = 4096       # bytes that are a case of their own


@pytest.fixture
def medium(tmp_path: Path) -> Iterator[Medium]:
    (tmp_path / "disk").write_bytes(bytes(FIRST + SECTORS * SECTOR))
    with Medium(tmp_path / "disk") as found:
        yield found


def sector(number: int) -> bytes:
    return bytes([number]) * SECTOR


def held(medium: Medium) -> list[int]:
    """Give what each sector holds; one that is torn within fails."""
    content = medium.read(FIRST, SECTORS * SECTOR)
    parts = [content[at : at + SECTOR] for at in range(0, len(content), SECTOR)]
    assert all(part == sector(part[0]) for part in parts)
    return [part[0] for part in parts]


def seeds(way: str) -> Iterator[random.Random]:
    """Give dice that draw this way first."""
    for seed in count():
        if random.Random(seed).choice(WAYS) == way:
            yield random.Random(seed)


def fill(medium: Medium) -> None:
    """Flush ones everywhere, then write twos and threes over some of them: 2 to the first half, then 3 to the first quarter."""
    medium.write(FIRST, sector(1) * SECTORS)
    medium.flush()
    medium.write(FIRST, sector(2) * (SECTORS // 2))
    medium.write(FIRST, sector(3) * (SECTORS // 4))


def test_a_running_system_reads_what_it_wrote(medium: Medium) -> None:
    """The cache is not seen while there is power."""
    fill(medium)
    assert held(medium) == [3] * 8 + [2] * 8 + [1] * 16


@pytest.mark.parametrize("way", WAYS)
def test_what_was_flushed_outlives_any_cut(medium: Medium, way: str) -> None:
    """However the rest is treated, a sector that nobody wrote to since stays as it is, and after a flush all of them do."""
    for _, dice in zip(range(20), seeds(way), strict=False):
        fill(medium)
        assert medium.cut(dice) == way
        left = held(medium)
        assert left[16:] == [1] * 16
        assert medium.loose == 0
        medium.cut(dice)
        assert held(medium) == left     # what a cut left is there for good
        fill(medium)
        medium.flush()
        medium.cut(dice)
        assert held(medium) == [3] * 8 + [2] * 8 + [1] * 16


def drawn(medium: Medium, way: str) -> set[tuple[int, ...]]:
    """Give what many cuts of this way leave."""
    found = set()
    for _, dice in zip(range(40), seeds(way), strict=False):
        fill(medium)
        medium.cut(dice)
        found.add(tuple(held(medium)))
    return found


def test_what_was_not_flushed_is_lost_torn_and_mixed(medium: Medium) -> None:
    """Each way leaves what it is there for: nothing, all, a torn write in order, pages as a whole, and any moment of each sector."""
    old, new = (1,) * SECTORS, (3,) * 8 + (2,) * 8 + (1,) * 16
    assert drawn(medium, "lost") == {old}
    assert drawn(medium, "all") == {new}
    in_order = drawn(medium, "order")
    assert {old} < in_order
    assert all(set(state[8:16]) == {2} for state in in_order if 3 in state)     # the second write never without the first
    assert any(len(set(state[:8])) == 2 for state in in_order)                  # torn
    in_pages = drawn(medium, "pages")
    assert len(in_pages) > 1
    assert all(len(set(state[:8])) == len(set(state[8:16])) == 1 for state in in_pages)
    assert any(len(set(state[:8])) == 2 for state in drawn(medium, "sectors"))
    assert any(set(state[:8]) == {1, 2, 3} for state in drawn(medium, "moments"))


@pytest.mark.parametrize("way", WAYS)
def test_the_first_page_is_never_torn(medium: Medium, way: str) -> None:
    """However a cut treats the rest, what lies there is of one moment, old or new."""
    states = set()
    for _, dice in zip(range(20), seeds(way), strict=False):
        for number in (1, 2, 3):
            medium.write(0, sector(number) * (FIRST // SECTOR))
            if number == 1:
                medium.flush()
        medium.cut(dice)
        states.add(medium.read(0, FIRST))
    assert states <= {sector(number) * (FIRST // SECTOR) for number in (1, 2, 3)}
    assert len(states) == {"lost": 1, "all": 1, "sectors": 2, "pages": 2}.get(way, 3)


def test_a_disk_that_lies_keeps_nothing_for_sure(tmp_path: Path) -> None:
    """Where a flush is only answered, what was flushed goes as well, last things first: that is what the control relies on."""
    (tmp_path / "disk").write_bytes(bytes(FIRST + SECTORS * SECTOR))
    states = set()
    for seed in range(40):
        with Medium(tmp_path / "disk", obeys=False) as medium:
            fill(medium)
            medium.flush()
            medium.cut(random.Random(seed))
            states.add(tuple(held(medium)))
        (tmp_path / "disk").write_bytes(bytes(FIRST + SECTORS * SECTOR))
    assert {(0,) * SECTORS} < states
    assert any(set(state) == {0, 1} for state in states)                                       # torn within what was flushed first
    assert all(set(state[16:]) == {1} for state in states if {2, 3} & set(state))
