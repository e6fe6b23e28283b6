"""
When refused credentials stop the calls of a session, and what lets them through again. Pure.

Rule 1: so many refusals in a row, and nothing more is sent; the first call that is taken ends the row.
Rule 2: from time to time one call finds out whether the credentials are taken again, for all who come with it.
Rule 3: another key in the place of the one that was refused is tried at once.
"""

from __future__ import annotations

from collections.abc import Mapping


class Strikes:
    """Refusals in a row, for one session. Times are monotonic seconds."""

    def __init__(self, *, limit: int, rest_s: float) -> None:
        self._limit = limit
        self._rest_s = rest_s
        self._count = 0
        self._last_at = 0.0
        self._carried: Mapping[str, str] = {}      # by the last one that was refused

    @property
    def are_out(self) -> bool:
        """Say whether nothing more is to be sent but for a trial."""
        return self._count >= self._limit

    def refused(self, carried: Mapping[str, str], *, at: float) -> None:
        """Count a refusal of these headers."""
        self._count += 1
        self._last_at, self._carried = at, dict(carried)

    def forgive(self) -> None:
        """Begin anew: credentials were taken, or the operator mended them."""
        self._count = 0

    def forgive_others(self, present: Mapping[str, str]) -> bool:
        """Begin anew where other headers would be carried now than those that were refused last; says whether that is so."""
        is_another = present != self._carried
        if is_another:
            self.forgive()
        return is_another

    def may_be_tried(self, now: float) -> bool:
        """Say whether it is time for one call to find out whether the credentials are taken again."""
        return now - self._last_at >= self._rest_s
