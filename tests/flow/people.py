"""Users of the destination who work there while records come, and one of the source who goes on after the freeze."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable, Mapping
from typing import Any

from tests.flow.box import Box
from tests.flow.deeds import Deeds
from tests.judge.guarding import Edit
from tests.judge.states import Destination, ask

PAUSE_S = 0.4
SELDOM_S = 15.0
"""Between two deeds in a tail that lasts."""
BEFORE = 24
"""Deeds until the switch, in the tail and the cutover."""
AFTER = 12
"""Deeds while the source is watched: however long the tail was, there is as much to do then."""
CHEATS = 2
"""Writes in the source each time: after the freeze was confirmed, and again when the destination is the system of record."""
CHEATED_S = 3.0
"""Within which time of the cutover the first of them come, at random: before the last pass, in it, or after the count."""
BUDGETS: Mapping[str, str] = {"tail": "tail", "cutover": "tail", "watch": "watch"}
"""Phases in which people work -> the deeds that are kept for them."""


class People:
    """Whoever works in the destination; `edits` is what the judge holds against the account at the end."""

    goes_back = False

    def __init__(self, box: Box, before: Destination, seed: int, *, by_files: bool = False, slow: float = 1.0) -> None:
        self.agreed: Any = None              # the source as it was when everybody had to stop, before somebody cheated
        self.source: Any = None              # as it was at the switch, before somebody cheated again
        self._box = box
        self._deeds = Deeds(box, before, seed, go_back=self.goes_back)
        self._by_files = by_files
        self._within_s = 0.0 if by_files else CHEATED_S * slow      # of what is written after the last export no reader can know
        self._cheats_at = 0.0
        self._next = 0.0
        self._pauses_s = {"tail": PAUSE_S, "watch": PAUSE_S}
        self._left = {"tail": BEFORE, "watch": AFTER}
        self.since_switch = 0                # deeds after it that came to something

    def spread(self, tail_s: float) -> None:
        """Let their deeds in a long tail come one by one all through it, and be more."""
        self._left["tail"] = max(BEFORE, int(tail_s / SELDOM_S))
        self._pauses_s["tail"] = max(PAUSE_S, tail_s / self._left["tail"])

    @property
    def edits(self) -> list[Edit]:
        """Give what they did in the destination, in order."""
        return self._deeds.edits

    @property
    def before(self) -> Destination:
        """Give what was there before, with what they added since."""
        return self._deeds.before

    def work(self, phase: str) -> None:
        """
        Do at most one thing, now and then.

        Somebody cheats in the source in the cutover, and at the first look after the switch; by files all of it is exported once more then.
        """
        self._cheat(phase)
        budget = BUDGETS.get(phase)
        if budget is None or not self._left[budget] or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._pauses_s[budget]
        self._left[budget] -= 1
        was = list(self.edits)
        self.do(self.choices())
        self.since_switch += phase == "watch" and self.edits != was

    def choices(self) -> tuple[Callable[[Destination], None], ...]:
        """Give what they may do while a run goes on, the likelier the oftener it is named."""
        one = self._deeds
        return (
            one.edit_person, one.edit_person, one.touch, one.touch, one.touch, one.touch, one.hand_over, one.delete_ours, one.delete_ours,
            one.merge_ours, one.hang, one.add, one.edit_own, one.delete_own,
        )  # fmt: skip

    def do(self, choices: tuple[Callable[[Destination], None], ...]) -> None:
        """Do one of these."""
        try:
            self._deeds.dice.choice(choices)(self._box.destination())
        except urllib.error.HTTPError:
            pass     # it is gone by now: nobody did anything

    def _cheat(self, phase: str) -> None:
        if phase == "cutover" and self.agreed is None:
            self.agreed = self._box.source()
            self._cheats_at = time.monotonic() + self._deeds.dice.uniform(0.0, self._within_s)
        if self._cheats_at and (phase == "watch" or (phase == "cutover" and time.monotonic() >= self._cheats_at)):
            ask(f"{self._box.source_admin}freeze", {"cheat": CHEATS})
            self._cheats_at = 0.0
        if phase == "watch" and self.source is None:
            self.source = self._box.source()
            ask(f"{self._box.source_admin}freeze", {"cheat": CHEATS})
            if self._by_files:
                self._box.export()
