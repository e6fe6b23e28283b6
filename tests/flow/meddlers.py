"""Users of the destination who work on whatever they see while a run is taken back: on records of the run as well as on their own."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.flow.people import People
from tests.judge.states import Destination

AT_ONCE = 6
"""Deeds between the switch and the order to take everything back."""
MEANWHILE = 30
QUICK_S = 0.15


class Meddlers(People):
    """As `People`, but that they merge nobody; and at the switch and all through the rollback they go on, and quicker."""

    goes_back = True
    _quick = MEANWHILE

    def work(self, phase: str) -> None:
        """Do at most one thing, now and then; more often while all is taken back."""
        if phase != "rollback":
            super().work(phase)
        elif self._quick and time.monotonic() >= self._next:
            self._next = time.monotonic() + QUICK_S
            self._quick -= 1
            self.do(self.choices())

    def meddle(self) -> None:
        """Do some things one after the other."""
        for _ in range(AT_ONCE):
            self.do(self.choices())

    def choices(self) -> tuple[Callable[[Destination], None], ...]:
        """Give what they may do, the likelier the oftener it is named."""
        one = self._deeds
        return (
            one.touch, one.touch, one.hand_over, one.hang, one.hang, one.sell, one.delete_ours, one.edit_own, one.delete_own, one.add,
            one.use_source,
        )  # fmt: skip
