"""How long a run tries again by itself before it pauses for a person: a plain decision over what went wrong before."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable

from streamflow.clock import Clock
from streamflow.errors import (
    AccessRefused,
    NotFound,
    PlatformUnavailable,
    ProtocolMismatch,
    StreamflowError,
    Throttled,
    TransientError,
    Uncertain,
)
from streamflow.wire.backoff import Patience

WAITS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
REFUSED_WAITS_S = (2.0, 5.0, 10.0, 30.0, 60.0)     # of what lasts; after the second refusal of a key one call a try (`Session`)
QUIET_S = Patience().total_s + 30.0
"""Of a try until it failed: it was longer than one read bears a bad time, so others went well. The next wait is the shortest again."""
PASSING = (PlatformUnavailable, Throttled, TransientError, Uncertain)
"""What is waited for: the next try looks first at what the last one did."""
PUZZLING = (NotFound, ProtocolMismatch)
"""What the contract does not foresee: an answer that lies, an address that is not there."""
PUZZLES = 3             # times that one and the same of these is asked anew without a word
PUZZLE_S = 3_600.0      # within so long; a platform that lies now and then is put up with, one that changed is told as a pause

_NUMBER = re.compile(r"\d+")


def _puzzle(error: StreamflowError) -> str:
    """Name what is wrong, whatever numbers the words of it bear: a count that moves makes no other lie."""
    return _NUMBER.sub("#", str(error))


class Perseverance:
    """Counts what failed; one for the life of a run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._tried_at = float("-inf")
        self._place: Hashable = None
        self._puzzles: dict[str, deque[float]] = {}

    def after(self, error: StreamflowError, place: Hashable = None) -> float | None:
        """
        Give the seconds to wait before the next try; None when it does not get better by asking again.

        *place* is how far the run had come when it failed: a try that got further than the one before it was not in vain, and what
        stood in its way is new, so that the waits begin anew.
        """
        if not isinstance(error, (*PASSING, *PUZZLING, AccessRefused)):
            return None
        now = self._clock.monotonic()
        if isinstance(error, PUZZLING):
            self._puzzles.setdefault(_puzzle(error), deque(maxlen=PUZZLES + 1)).append(now)
        has_moved, self._place = place != self._place, place
        self._failures = 1 if has_moved or now - self._tried_at > QUIET_S else self._failures + 1
        waits_s = REFUSED_WAITS_S if self.is_lasting(error) else WAITS_S
        wait_s = waits_s[min(self._failures, len(waits_s)) - 1]
        self._tried_at = now + wait_s
        return wait_s

    def arrived(self) -> None:
        """Note that a phase came to its end."""
        self._failures = 0
        self._puzzles.clear()

    def is_lasting(self, error: StreamflowError) -> bool:
        """Say whether somebody should look, though it is tried again all the same: a refusal, or one lie again and again."""
        times = self._puzzles.get(_puzzle(error), deque())
        return isinstance(error, AccessRefused) or (len(times) > PUZZLES and self._clock.monotonic() - times[0] < PUZZLE_S)
