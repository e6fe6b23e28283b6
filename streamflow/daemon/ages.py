"""How long things have been waiting: from the ledger's change numbers to seconds, and from progress to an estimate."""

from __future__ import annotations

from bisect import bisect_left

KEPT_LOOKS = 2000
STILL_S = 30.0       # nothing done for so long: nobody can say when it will be
LEAST_SPAN_S = 2.0   # shorter spans tell nothing of a pace


class Ages:
    """
    Remembers when which change number had been handed out, so that the age of a waiting change can be told.

    What was waiting before this start is as old as the start at least. Looks are kept ever further apart, so memory is bounded and an
    age is wrong by a thousandth of the run at most.
    """

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._times: list[float] = []
        self._apart_s = 0.0      # how far apart looks are kept

    def look(self, number: int, now: float) -> None:
        """Note the last number handed out; *now* is monotonic."""
        if self._numbers and (number <= self._numbers[-1] or now - self._times[-1] < self._apart_s):
            return
        self._numbers.append(number)
        self._times.append(now)
        if len(self._numbers) > KEPT_LOOKS:
            del self._numbers[1::2], self._times[1::2]
            self._apart_s = (self._times[-1] - self._times[0]) / len(self._times)

    def age_s(self, number: int, now: float) -> float:
        """Give for how many seconds a change of this number has been there."""
        at = bisect_left(self._numbers, number)
        return max(0.0, now - self._times[min(at, len(self._times) - 1)]) if self._times else 0.0


class Etas:
    """Estimates by kind from the pace of what was done between two looks."""

    def __init__(self) -> None:
        self._looks: dict[str, tuple[float, int]] = {}
        self._etas: dict[str, float | None] = {}

    def look(self, kind: str, *, done: int, left: int, now: float) -> float | None:
        """Give the seconds left for a kind at its present pace: 0 when nothing is left, None while nobody can say."""
        at, before = self._looks.get(kind, (now, done))
        if left == 0:
            self._looks[kind], self._etas[kind] = (now, done), 0.0
        elif done > before and now - at >= LEAST_SPAN_S:
            self._etas[kind] = left * (now - at) / (done - before)
            self._looks[kind] = (now, done)
        elif kind not in self._looks or done < before or now - at >= STILL_S:
            self._looks[kind], self._etas[kind] = (now, done), None
        return self._etas.get(kind)
