"""What failed last, for the status: it is told through the next try, until that got further."""

from __future__ import annotations

from streamflow.errors import StreamflowError


class Failing:
    """The last failure of a run; one for its life."""

    def __init__(self) -> None:
        self._why = ""
        self._platform = ""
        self._until = 0.0     # monotonic

    def note(self, error: StreamflowError, *, until: float) -> None:
        """Tell of a failure until *until* (monotonic) at the longest: no try that fails takes longer to do so."""
        self._why = f"the last try failed: {error}"
        self._platform = error.platform
        self._until = until

    def over(self, platform: str = "") -> None:
        """Tell nothing any more: the run got on, or where a platform is named, that one did what was asked of it."""
        if not platform or platform == self._platform:
            self._why = ""

    def told(self, now: float) -> str:
        """Say what failed, "" for nothing."""
        return self._why if now < self._until else ""
