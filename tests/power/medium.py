"""
A disk with a cache of its own, which a power cut empties: what was flushed is there, of the rest anything may be.

The rules are those of `tests/crashes`, one storey deeper: there for a file beneath SQLite, here for the disk beneath a file system.
- Whatever was written before the last flush is there.
- Each sector of 512 bytes is whole, and as it was at some moment since that flush: no order binds one sector to another. Excepted is the
  first page of the disk, which is whole itself: ext4 keeps its superblock there, in two sectors under one checksum, and does not bear it
  torn.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from types import TracebackType

SECTOR = 512
PAGE = 4096 // SECTOR
WAYS = ("lost", "all", "order", "sectors", "pages", "moments")
"""
How a cut treats what was not flushed. Nothing of it or all of it is there; "order" is a disk that keeps order, torn within the write it was
at; sectors and pages are as they were last or as they were flushed; and each sector is as it was at a moment of its own.
"""
IN_ORDER = ("lost", "order")


class Medium:
    """
    A disk in a file. The file holds what a running system reads; what a sector was before is remembered until the next flush.

    Args:
        obeys: Whether a flush is carried out. One that is only answered is for a control, which must be found out: such a disk goes back to
            what it held at some moment, as a whole but for the write it was at, so that the file system on it may well be sound.
    """

    def __init__(self, path: Path, *, obeys: bool = True) -> None:
        self.path = path
        self.flushes = 0
        self.writes = 0
        self._obeys = obeys
        self._file = os.open(path, os.O_RDWR)
        self._loose: dict[int, list[tuple[int, bytes]]] = {}     # sector -> (number of the write, what it held then), oldest first

    def __enter__(self) -> Medium:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._file)

    @property
    def size(self) -> int:
        """Give its bytes."""
        return os.fstat(self._file).st_size

    @property
    def loose(self) -> int:
        """Give how many sectors a cut may still change."""
        return len(self._loose)

    def read(self, at: int, count: int) -> bytes:
        """Read as a running system does: what was written last."""
        return os.pread(self._file, count, at)

    def write(self, at: int, data: bytes) -> None:
        """Take whole sectors into the cache."""
        assert at % SECTOR == len(data) % SECTOR == 0, (at, len(data))
        self.writes += 1
        was = self.read(at, len(data))
        for offset in range(0, len(data), SECTOR):
            versions = self._loose.setdefault((at + offset) // SECTOR, [(0, was[offset : offset + SECTOR])])
            versions.append((self.writes, data[offset : offset + SECTOR]))
        os.pwrite(self._file, data, at)

    def flush(self) -> None:
        """Make sure of all that was written."""
        self.flushes += 1
        if self._obeys:
            self._loose.clear()

    def cut(self, dice: random.Random) -> str:
        """Lose the cache: leave one of the states that the disk may be in when the power is back; gives the way it was drawn."""
        way = dice.choice(WAYS if self._obeys else IN_ORDER)
        until = self._drawn(way, dice)
        for sector, versions in sorted(self._loose.items()):
            last = until[_unit(sector, way)]
            os.pwrite(self._file, [content for number, content in versions if number <= last][-1], sector * SECTOR)
        self._loose.clear()
        return way

    def _drawn(self, way: str, dice: random.Random) -> dict[int, int]:
        """Draw for each unit up to which write it is there; of the write at which a disk that keeps order was, some units arrived."""
        numbers: dict[int, set[int]] = {}
        for sector, versions in sorted(self._loose.items()):
            numbers.setdefault(_unit(sector, way), set()).update(number for number, _ in versions)
        upto, share = dice.choice(sorted({0}.union(*numbers.values()))), dice.choice((0.05, 0.5, 0.95))
        return {unit: _until(way, sorted(seen), upto, share, dice) for unit, seen in numbers.items()}


def _unit(sector: int, way: str) -> int:
    """Give the number of what is kept or lost together."""
    if sector < PAGE:
        return -1
    return sector // PAGE if way == "pages" else sector


def _until(way: str, numbers: list[int], upto: int, share: float, dice: random.Random) -> int:
    if way in ("lost", "all"):
        return numbers[-1] if way == "all" else 0
    if way == "order":
        return upto if dice.random() < 0.5 else max(upto - 1, 0)
    if way == "moments":
        return dice.choice(numbers)
    return numbers[-1] if dice.random() < share else 0
