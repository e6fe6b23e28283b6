"""What is going to happen outside the process, by virtual time: requests arrive, effects come late, people go about their work."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from hashlib import blake2b


class Agenda:
    """The time of a world and everything due in it; outlives the processes that come and go."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._hash = blake2b(digest_size=12)
        self.lines: list[str] | None = None      # kept when somebody wants to read what happened

    def at(self, when: float, deed: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        heapq.heappush(self._due, (max(when, self.now), next(self._numbers), deed))

    def next_at(self) -> float | None:
        """Give when the next thing is due."""
        return self._due[0][0] if self._due else None

    def until(self, when: float) -> None:
        """Let time pass, with all that is due in it."""
        while self._due and self._due[0][0] <= when:
            moment, _, deed = heapq.heappop(self._due)
            self.now = max(self.now, moment)
            deed()
        self.now = max(self.now, when)

    def tell(self, *words: object) -> None:
        """Note something that happened: two runs of one seed must tell the same."""
        line = f"{self.now:.6f} {' '.join(map(str, words))}"
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line)

    @property
    def trace(self) -> str:
        """Give the hash of everything told so far."""
        return self._hash.hexdigest()
