"""
Whether the destination follows the source closely enough for a switch: by lag, by backlog, and by the last complete sweep.

Rule: an account on which people work all day never rests, so readiness does not ask for a round that finds nothing new. It asks that
whatever was found has been carried over soon, that the backlog does not grow, and that everything was read completely not long ago;
the drain, not the precheck, proves that nothing is left.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

ROUNDS = 3                # so many rounds in a row with a growing backlog are a trend
LEAST_LAG_S = 60.0
SWEEP_GRACE_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What stands against a switch as far as following goes, with the figures it was judged by."""

    reasons: tuple[str, ...] = ()
    lag_s: float | None = None         # the destination shows the source as it was so long ago at the latest; None: not known yet
    sweep_age_s: float | None = None   # since the beginning of the last complete sweep

    @property
    def is_ready(self) -> bool:
        return not self.reasons

    def facts(self) -> dict[str, Any]:
        return {
            "lag_s": None if self.lag_s is None else round(self.lag_s, 1),
            "sweep_age_s": None if self.sweep_age_s is None else round(self.sweep_age_s, 1),
        }


@dataclass(slots=True, kw_only=True)
class Following:
    """How the tail keeps up, round by round."""

    as_of: datetime | None = None      # all that the source showed up to here has been carried over
    swept_at: datetime | None = None   # when the last complete sweep began
    sweep_took_s: float = 0.0
    trouble: str = ""                  # what went wrong in the last round
    backlogs: deque[int] = field(default_factory=lambda: deque(maxlen=ROUNDS + 1))

    def round_ended(self, *, begun: datetime, pending: int, trouble: str) -> None:
        """Take in one round: when it began to read, and how much it left undelivered."""
        self.trouble = trouble
        self.backlogs.append(pending)
        if not trouble and not pending:
            self.as_of = begun

    def judge(self, *, now: datetime, lag_limit_s: float, sweep_every_s: float, batch_size: int) -> Readiness:
        """Say how it stands at this moment. Pure."""
        lag_s = None if self.as_of is None else (now - self.as_of) / timedelta(seconds=1)
        sweep_age_s = None if self.swept_at is None else (now - self.swept_at) / timedelta(seconds=1)
        reasons = []
        if self.trouble:
            reasons.append(self.trouble)
        if lag_s is None:
            reasons.append("no round of the delta window has carried over all it found since the start; wait for the first")
        elif lag_s > lag_limit_s:
            reasons.append(f"the destination is {lag_s:.0f} s behind the source; a switch may start below {lag_limit_s:.0f} s")
        if self._is_growing(batch_size):
            reasons.append(f"the backlog grows from round to round ({', '.join(map(str, self.backlogs))} records): raise the pace")
        sweep_limit_s = 2 * (sweep_every_s + self.sweep_took_s) + SWEEP_GRACE_S
        if sweep_age_s is not None and sweep_age_s > sweep_limit_s:
            reasons.append(f"everything was last read completely {sweep_age_s:.0f} s ago, above {sweep_limit_s:.0f} s: wait for the sweep")
        return Readiness(reasons=tuple(reasons), lag_s=lag_s, sweep_age_s=sweep_age_s)

    def _is_growing(self, batch_size: int) -> bool:
        seen = list(self.backlogs)
        is_rising = len(seen) > ROUNDS and all(one < other for one, other in pairwise(seen))
        return is_rising and seen[-1] > batch_size


def lag_limit_s(*, cutover_deadline_s: float, poll_s: float) -> float:
    """
    Give how far the destination may be behind when a switch starts.

    The drain has to read and deliver again what a round does, and to read everything once: a quarter of the deadline leaves room.
    """
    return max(LEAST_LAG_S, 3 * poll_s, cutover_deadline_s / 4)
