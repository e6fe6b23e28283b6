"""How long a run tries again by itself before it pauses for a person: a plain decision over what went wrong before."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from streamflow.clock import Clock
from streamflow.errors import (
    AccessRefused,
    PlatformUnavailable,
    ProtocolMismatch,
    StreamflowError,
    Throttled,
    TransientError,
    Uncertain,
)
from streamflow.wire.backoff import Patience

WAITS_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
REFUSED_WAITS_S = (2.0, 5.0, 10.0, 30.0, 60.0)     # for a key or a right; after the second refusal of a key one call a try (`Session`)
QUIET_S = Patience().total_s + 30.0
"""Of a try until it failed: it was longer than one read bears a bad time, so others went well. The next wait is the shortest again."""
PASSING = (PlatformUnavailable, Throttled, TransientError, Uncertain)
"""What is waited for: the next try looks first at what the last one did."""
PUZZLES = 3             # times that one and the same answer outside the contract is asked anew
PUZZLE_S = 3_600.0      # within so long; a platform that lies now and then is put up with, one that changed is not


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
        Give the seconds to wait before the next try; None when a person must look.

        *place* is how far the run had come when it failed: a try that got further than the one before it was not in vain, and what
        stood in its way is new, so that the waits begin anew.
        """
        if not isinstance(error, (*PASSING, AccessRefused)) and not (isinstance(error, ProtocolMismatch) and self._may_pass(error)):
            return None
        now = self._clock.monotonic()
        has_moved, self._place = place != self._place, place
        self._failures = 1 if has_moved or now - self._tried_at > QUIET_S else self._failures + 1
        waits_s = REFUSED_WAITS_S if isinstance(error, AccessRefused) else WAITS_S
        wait_s = waits_s[min(self._failures, len(waits_s)) - 1]
        self._tried_at = now + wait_s
        return wait_s

    def arrived(self) -> None:
        """Note that a phase came to its end."""
        self._failures = 0
        self._puzzles.clear()

    def _may_pass(self, error: ProtocolMismatch) -> bool:
        now = self._clock.monotonic()
        times = self._puzzles.setdefault(str(error), deque(maxlen=PUZZLES + 1))
        times.append(now)
        is_lasting = len(times) > PUZZLES and now - times[0] < PUZZLE_S
        if is_lasting:
            del self._puzzles[str(error)]    # when it is resumed, it has its chances again
        return not is_lasting
