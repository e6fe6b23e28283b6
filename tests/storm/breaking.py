"""
The daemon on a disk that breaks at a named point: `python -m tests.storm.breaking WAY PLAN -c CONFIG run`.

The points are those of `tests.flow.stopping`, with sections for the phases in which records are first written as well. Whoever comes by
one breaks the disk by itself, right there, and goes on: what becomes of it is the daemon's affair. In one life that happens once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from streamflow.cli.main import main as command
from tests.flow.stopping import SECTIONS, Points, read_stops, watch
from tests.flow_bad.rig import Place
from tests.store.disk import Disk
from tests.storm.mounted import Mounted


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """
    How a disk breaks, and is mended.

    Args:
        beneath: What the file layer beneath SQLite answers then, as `tests.store.disk` knows it; "" where the file system itself breaks.
        breaks: The method of `Mounted` by which it does.
        mends: The one that undoes that.
        on_ext4: Whether that is one on a disk of its own, else in memory.
        told: What the daemon says as it ends, one of these.
        is_prompt: Whether the very next transaction fails. Else it is a file that is made or grows: SQLite writes its log over for a while.
    """

    told: tuple[str, ...]
    beneath: str = ""
    breaks: str = ""
    mends: str = ""
    on_ext4: bool = False
    is_prompt: bool = True


WAYS: Mapping[str, Way] = {
    "full": Way(breaks="fill", mends="free", told=("SQLITE_FULL", "No space left"), is_prompt=False),
    "closed": Way(breaks="close", mends="open", told=("Read-only file system",), is_prompt=False),
    "read-only": Way(breaks="err", mends="mend", on_ext4=True, told=("SQLITE_IOERR", "Read-only file system")),
    "lost": Way(breaks="lose", mends="mend", on_ext4=True, told=("SQLITE_IOERR", "Input/output error")),
    "no-room": Way(beneath="full", told=("SQLITE_FULL",)),
    "torn": Way(beneath="torn", told=("SQLITE_IOERR_WRITE",)),
    "sync": Way(beneath="sync", told=("SQLITE_IOERR_FSYNC",)),
}
EACH_PHASE = ("sample", "backfill", *SECTIONS)


class Breaking(Points):
    """Points of which the first that is struck in a life breaks the disk, and no other does after it."""

    def __init__(self, plan: Path, way: Way, place: Place) -> None:
        super().__init__(plan, read_stops(plan), sections=EACH_PHASE, strike=self._break)
        self.is_broken = False
        self._way, self._place = way, place

    def come(self, name: str) -> None:
        """Come by a point; in a life that has a broken disk already none of them matters."""
        if not self.is_broken:
            super().come(name)

    def _break(self) -> None:
        self.is_broken = True
        if self._way.breaks:
            getattr(Mounted(place=self._place, holder=os.getpid()), self._way.breaks)()


def main() -> int:
    """Run the command line on such a disk."""
    name, plan, *words = sys.argv[1:]
    way = WAYS[name]
    points = Breaking(Path(plan), way, Place(dir=Path(plan).parent))
    watch(points)
    beneath: AbstractContextManager[object] = Disk(lambda _: way.beneath if points.is_broken else "") if way.beneath else nullcontext()
    with beneath:
        return command(words)


if __name__ == "__main__":
    sys.exit(main())
