"""
How long ago something was that the ledger knows by the wall clock, told by the clock that never steps.

Rule 1: the wall clock is asked once, when a moment is first asked about in this process; whoever sets it afterwards changes nothing.
Rule 2: what an earlier process noted is believed as far as the wall clock goes, and nothing lies ahead of us. Where too short a wait
costs more than a double one, only what this process has waited itself counts.
"""

from __future__ import annotations

from datetime import timedelta

from streamflow.clock import Clock, from_iso


class Waits:
    """The moments that were asked about in this process, by what for; of each the last one is known."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: dict[str, tuple[str, float]] = {}     # the moment as the ledger has it, and by the monotonic clock

    def passed_s(self, name: str, at: str) -> float:
        """Give how many seconds ago *at* was, a moment as `iso` writes it; what lies ahead is now."""
        passed_s = (self._clock.now() - from_iso(at)) / timedelta(seconds=1)
        return self._since(name, at, self._clock.monotonic() - max(0.0, passed_s))

    def waited_s(self, name: str, at: str) -> float:
        """Give for how many seconds *at* has been waited upon, from when this process asked first."""
        return self._since(name, at, self._clock.monotonic())

    def _since(self, name: str, at: str, begun: float) -> float:
        known = self._begun.get(name)
        if known is None or known[0] != at:
            known = self._begun[name] = at, begun
        return self._clock.monotonic() - known[1]
