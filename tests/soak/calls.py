"""What a platform saw of its caller: each call with its time, held against what was allowed and what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

ON_THE_WAY_S = 1.0
"""So long after an answer that asks for silence a call may come that was sent before it was read."""
BLINK_S = 0.05
"""How much too early a call may come for the two clocks, that of the day and that of waits, to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call at the platform; times are Unix seconds by its clock."""

    came: float
    answered: float
    status: str               # a number, or the fault by which nothing was answered
    name: str = ""            # "METHOD /path"
    retry_after: str = ""     # as it stood in the head

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Call:
        """Read a row of the platform's log."""
        return cls(
            came=float(row["time"]), answered=float(row["answered"]), status=str(row["status"]), name=str(row["name"]),
            retry_after=str(row["retry_after"]),
        )  # fmt: skip

    @property
    def form(self) -> str:
        """Give in which form it asked for silence: "seconds", "date", or "" when it did not in one that can be read."""
        return "" if self.silent_until is None else "seconds" if self.retry_after.isdigit() else "date"

    @property
    def silent_until(self) -> float | None:
        """Give until when it asked for silence; None when it did not, or in words that nobody can read."""
        if self.status not in ("429", "503") or not self.retry_after:
            return None
        if self.retry_after.isdigit():
            return self.answered + int(self.retry_after)
        try:
            return parsedate_to_datetime(self.retry_after).timestamp()
        except ValueError:
            return None


def above(calls: Iterable[Call], *, rate_per_s: float, burst: float) -> int:
    """Count the calls that a bucket of so many, refilled so fast, would not have let in."""
    tokens, at, count = burst, 0.0, 0
    for call in sorted(calls, key=lambda each: each.came):
        tokens = min(burst, tokens + (call.came - at) * rate_per_s)
        at = call.came
        if tokens >= 1.0 - 1e-6:
            tokens -= 1.0
        else:
            count += 1
    return count


def most_per_s(calls: Iterable[Call]) -> int:
    """Give the most calls that came within one second."""
    times = sorted(call.came for call in calls)
    most = first = 0
    for last, came in enumerate(times):
        while times[first] <= came - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def rounds(calls: Iterable[Call], *, first: str, last: str) -> list[float]:
    """Give when each round of looks at the source began: with the *first* of its lists that is asked for after the *last* one was."""
    begun: list[float] = []
    is_over = True
    for call in sorted(calls, key=lambda each: each.came):
        if call.name == last:
            is_over = True
        elif call.name == first and is_over:
            begun.append(call.came)
            is_over = False
    return begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A time for which a platform asked for silence: how many calls were on their way when it began, and how many came in spite of it."""

    begins: float
    ends: float
    form: str
    late: int
    early: int


def silences(calls: Sequence[Call], *, in_flight: int) -> Iterator[Silence]:
    """
    Look at each time of silence by itself.

    On their way can be no more calls than may be in flight beside the one that was answered, and for no longer than a moment.
    """
    ordered = sorted(calls, key=lambda each: each.came)
    for asking in ordered:
        if (until := asking.silent_until) is None:
            continue
        within = [call.came for call in ordered if asking.answered < call.came < until - BLINK_S]
        late = min(in_flight - 1, sum(came <= asking.answered + ON_THE_WAY_S for came in within))
        yield Silence(begins=asking.answered, ends=until, form=asking.form, late=late, early=len(within) - late)
