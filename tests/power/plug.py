"""The hands in a machine's run: an operator who asks and decides, and another who pulls the plug and looks at the disk then."""

from __future__ import annotations

import random
import re
import signal
import threading
import time
from http import HTTPStatus
from typing import Any

from tests.flow.box import Box
from tests.flow.hands import Hands
from tests.flow.strikes import is_come
from tests.judge.marks import read_marks
from tests.power.acked import Book, missing, read_book
from tests.power.device import MOMENTS
from tests.power.machine import Machine, NotWhole

SLOW = 2.0
"""An emulated processor takes its time: by so much longer does it live before a cut, and people take to go on writing in a cutover."""
BOOT_S = (0.1, 5.0)
"""The same after the power is back, where that strikes the boot, the look at the file system, or the daemon's start."""
AT_BOOT = 0.2
"""Of so many cuts."""
REQUESTS = 6
"""At the latest at which request of the disk of its kind it goes then, where it does at one; there may be none for a while."""
IDLE_S = 10.0
"""How long that is waited for."""
WATCH_S = 90.0
"""How long the run goes on after the switch for each cut that is to strike there."""
LEAST_S = 60.0
"""The same where none is: people have work left for then."""
ANSWER_S = 30.0
DEADLINE_S = 1800
PAUSE_S = 1.0
DAY_S = 86_400.0


class Plug(Hands):
    """Attends to a machine and takes its power away at seeded moments."""

    slow = SLOW

    def __init__(self, box: Box, dice: random.Random, wanted: list[str], machine: Machine) -> None:
        super().__init__(box, dice, wanted)
        self.machine = self.daemon = machine
        self.lost: list[str] = []          # what had been said and was not there after a cut
        self.at_boot = 0
        self._orders = 0
        self._book = Book()
        self._timer: threading.Timer | None = None
        self._attended_at = 0.0      # monotonic: the end of the last look
        box.configure("timeout_s = 5.0", f"timeout_s = {ANSWER_S}")
        box.configure("deadline_s = 120", f"deadline_s = {DEADLINE_S}")
        text = box.config.read_text(encoding="utf-8")
        watch_days = (LEAST_S + WATCH_S * sum(wanted.count(phase) for phase in ("cutover", "watch"))) / DAY_S
        box.config.write_text(re.sub(r"watch_days = [\d.]+", f"watch_days = {watch_days:.6f}", text), encoding="utf-8")

    def _goes_on(self, code: int) -> bool:
        if code == -signal.SIGKILL:     # the plug was pulled while somebody was asking
            self._strike()
            return True
        assert self.machine.is_whole, f"the file system is not whole; {self.machine.words(25)}"
        return super()._goes_on(code)

    def _arm(self, life_s: float) -> None:
        """Pull the plug after so long, whatever is being asked then; *life_s* is what a process would be given on this very machine."""
        life_s *= self.slow
        super()._arm(life_s + IDLE_S)
        self._timer = threading.Timer(life_s, self.machine.pull_at, (self._dice.choice(MOMENTS), self._dice.randint(1, REQUESTS)))
        self._timer.daemon = True
        self._timer.start()

    def _hasten(self, life_s: float) -> None:
        """Leave it at the moment that was drawn: a machine is slow, and much of it is writing."""

    def _strike(self) -> None:
        self.machine.pull()
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._timer = None
        self.machine.settle(self._dice)
        self._look()
        assert not self.lost, self.lost[0]     # what comes of that is another question
        self.struck.append(self._phase)
        self._wanted.pop(0)
        self._start()
        if self._wanted and is_come(self._phase, self._wanted[0]) and self._dice.random() < AT_BOOT:
            self.at_boot += 1
            self._arm(self._dice.uniform(*BOOT_S))

    def _look(self) -> None:
        """See what is left of what was said."""
        marks = read_marks(self.box.destination(), self.box.side.prefix)
        written = [((kind, key), str(row["id"])) for (kind, key, _), places in marks.places.items() for _, row in places]
        place = self.machine.folder / "after"
        try:
            self.machine.take_out(place)
        except NotWhole as error:
            self.lost.append(str(error))
            return
        book = read_book(place)
        self.lost += missing(book, before=self._book, orders=self._orders, written=written)
        self._book = book

    def _attend(self) -> None:
        if time.monotonic() - self._attended_at > PAUSE_S:
            super()._attend()
            self._attended_at = time.monotonic()

    def _measure(self) -> None:
        """Nothing here is the daemon's own process."""

    def _order(self, path: str, **body: Any) -> tuple[int, Any]:
        code, answer = super()._order(path, **body)
        self._orders += code < HTTPStatus.BAD_REQUEST
        return code, answer
