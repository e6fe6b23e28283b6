"""The hands in a run whose disk breaks: an operator who asks and decides, and another who mends the disk and looks at what is on it."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.flow.box import Box
from tests.flow.hands import Hands
from tests.flow.stopping import Stops, struck
from tests.flow_bad.rig import assert_told
from tests.judge.marks import read_marks
from tests.power.acked import Book, missing, read_book
from tests.storm.breaking import Way
from tests.storm.mounted import Mounted

TAIL, WATCH = "tail/", "watch/"


class Mender(Hands):
    """Attends to a run whose disk breaks at each of the named points, once; mends it each time and starts the daemon again."""

    def __init__(self, box: Box, dice: random.Random, *, stops: Stops, name: str, way: Way, disk: Mounted) -> None:
        super().__init__(box, dice, [], stops=stops)
        self.ends: list[str] = []            # what was said at each end
        self._way, self._disk = way, disk
        self._points: Sequence[str] = stops.only or ()
        self.at_tail = lambda: self._is_to_break(TAIL)      # there the source must go on being worked in
        self._orders = 0
        self._book = Book()
        self._said = 0                       # bytes of the log that are of earlier lives
        # What a service is run with: not with what the other tests want to see of a failure.
        self.daemon.within = ("env", "--unset=STREAMFLOW_DEBUG", *disk.inside)
        self.daemon.command = ("-m", "tests.storm.breaking", name, str(self.plan))

    def to_the_end(self, limit_s: float) -> int:
        """Go on until the daemon ends with all well; gives its exit code. What it left is brought to where the others look for it."""
        judge = self.at_watch
        self.at_watch = None if judge is None else lambda: (self._bring_out(), judge())[1]
        code = super().to_the_end(limit_s)
        self._bring_out()
        return code

    def _may_fail(self) -> bool:
        """Say whether the disk is broken."""
        return struck(self.plan).total() > len(self.ends)

    def _goes_on(self, code: int) -> bool:
        if not self._may_fail():
            return super()._goes_on(code)
        where = list(struck(self.plan))[-1]
        words = self.daemon.log.read_bytes()[self._said :].decode()
        assert code == os.EX_TEMPFAIL, f"{where}: {code}: {words}"
        told = "\n".join(line for line in words.splitlines() if not line.startswith("{"))
        assert_told(told)
        assert any(word in told for word in self._way.told), f"{where}: {told}"
        self.ends.append(told)
        if self._way.mends:
            getattr(self._disk, self._way.mends)()
        self._look(where)
        self._start()
        return True

    def _start(self) -> None:
        self._said = self.daemon.log.stat().st_size
        super()._start()

    def _look(self, where: str) -> None:
        """See that what was acknowledged is on the disk."""
        marks = read_marks(self.box.destination(), self.box.side.prefix)
        written = [((kind, key), str(row["id"])) for (kind, key, _), places in marks.places.items() for _, row in places]
        with tempfile.TemporaryDirectory(prefix="sf") as folder:
            for path in self._disk.seen.state.glob("ledger.sqlite*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, folder)
            book = read_book(Path(folder))
        assert not (lost := list(missing(book, before=self._book, orders=self._orders, written=written))), f"{where}: {lost}"
        self._book = book

    def _bring_out(self) -> None:
        """Copy the reports, and all the rest once nobody writes to it any more."""
        for path in self._disk.seen.state.iterdir():
            if path.is_dir():
                shutil.copytree(path, self.box.state / path.name, dirs_exist_ok=True)
            elif not self.daemon.is_running and path.is_file() and not path.is_symlink():
                shutil.copy(path, self.box.state)

    def _look_back(self) -> None:
        """Leave the rollback until the disk broke wherever it is to break in the watch."""
        if self.at_watch is None or not self._is_to_break(WATCH):
            super()._look_back()

    def _is_to_break(self, section: str) -> bool:
        """Say whether the disk is to break in this section of the run, and did not yet."""
        return any(section in point for point in set(self._points) - set(struck(self.plan)))

    def _order(self, path: str, **body: Any) -> tuple[int, Any]:
        code, answer = super()._order(path, **body)
        self._orders += code < HTTPStatus.BAD_REQUEST
        return code, answer
