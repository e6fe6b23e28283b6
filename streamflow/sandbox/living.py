"""People at work in a simulated source: when something falls due, what may happen while frozen, and the book of it.

There is no task behind it. The server calls `Life.catch_up` before it looks at the state, and everything that fell due
since the last look happens then, each operation at its own due time. From outside nobody can tell the difference, and
with a hand-moved clock a test gets the same life every time. What happens is the platform's own business: `_live`.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from streamflow.sandbox.clocks import Clock

Row = dict[str, Any]


class Life(ABC):
    """The life of one account: on or off, frozen or not, and everything it did."""

    WEIGHTS: Mapping[str, int]
    CHEAT_WEIGHTS: Mapping[str, int]
    """What somebody does who forgot about the freeze: only what a later reading can find."""

    def __init__(self, *, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._dice = random.Random(f"life-{seed}")
        self._hush = random.Random(f"hush-{seed}")
        self.stamp: Callable[[float], float] = float
        """What the platform takes for the time of something done at a Unix second."""
        self.silent_share = 0.0
        """Of edits, how many move no date."""
        self.weights: Mapping[str, int] = {}
        """How often people do what, where that is not the usual."""
        self._next_due = 0.0
        self.rate_per_s = 0.0
        self.is_on = False
        self.is_frozen = False
        self.done: list[Row] = []
        self._by_deed: Counter[str] = Counter()

    def switch(self, *, on: bool, rate_per_s: float | None = None) -> None:
        """Start or stop; *rate_per_s* is operations a second, 1 when never given. ValueError when it is not positive."""
        rate = rate_per_s if rate_per_s is not None else (self.rate_per_s or 1.0)
        if rate <= 0:
            raise ValueError(f"rate_per_s must be above 0, not {rate}")
        now = self._clock.now()
        self.catch_up(now)
        self.is_on, self.rate_per_s = on, rate
        self._next_due = now + 1.0 / rate

    def freeze(self, *, on: bool) -> None:
        """Stop people from writing, or let them again; what fell due before happens first."""
        now = self._clock.now()
        self.catch_up(now)
        self.is_frozen = on
        self._next_due = now + 1.0 / (self.rate_per_s or 1.0)

    def catch_up(self, now: float) -> int:
        """Do everything that fell due up to Unix second *now*; give how many operations that were."""
        if not self.is_on or self.is_frozen:
            return 0
        count = 0
        while self._next_due <= now:
            self._live({**self.WEIGHTS, **self.weights}, self.stamp(self._next_due))
            self._next_due += 1.0 / self.rate_per_s
            count += 1
        return count

    def cheat(self, count: int) -> None:
        """Do *count* operations although the account is frozen; ValueError when it is not."""
        if not self.is_frozen:
            raise ValueError("nothing to cheat: the account is not frozen")
        for _ in range(count):
            self._live(self.CHEAT_WEIGHTS, self.stamp(self._clock.now()))

    def is_hushed(self) -> bool:
        """Say, by the share of such edits, whether the next one moves no date."""
        return self.silent_share > 0 and self._hush.random() < self.silent_share

    def note_down(self, deed: str, row: Mapping[str, Any]) -> None:
        """Write into the book what was done; *row* is numbered and marked when the account is frozen."""
        self._by_deed[deed] += 1
        self.done.append({"seq": len(self.done) + 1, **row, "after_freeze": self.is_frozen})

    def snapshot(self) -> Row:
        """Give the switches and counters as JSON values, without the book itself."""
        after = sum(1 for row in self.done if row["after_freeze"])
        return {
            "on": self.is_on, "rate_per_s": self.rate_per_s, "frozen": self.is_frozen, "done": len(self.done),
            "after_freeze": after, "by_deed": dict(self._by_deed),
        }  # fmt: skip

    @abstractmethod
    def _live(self, weights: Mapping[str, int], at: float) -> None:
        """Choose one operation by *weights*, do it at Unix second *at*, and note it down."""
