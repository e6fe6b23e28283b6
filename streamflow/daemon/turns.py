"""Turns at an address that anybody on the machine may ask: so many answers a second, however many ask. Decides only; nothing waits here."""

from __future__ import annotations


class Turns:
    """Hands out the moments at which answers may be given."""

    def __init__(self, *, per_s: float, longest_s: float) -> None:
        self._gap_s = 1.0 / per_s
        self._longest_s = longest_s
        self._free_at = float("-inf")

    def take(self, now: float) -> float | None:
        """Give the seconds until the own turn, 0.0 where nobody is before; None, and no turn, where that is longer than the longest."""
        at = max(now, self._free_at)
        if at - now > self._longest_s:
            return None
        self._free_at = at + self._gap_s
        return at - now
