"""
Finding a pace nobody has published: start low, halve on trouble, never above the cap.

Until trouble is met for the first time the pace doubles, each time it has been used cleanly for a moment; after it, it grows by small
steps. A 429 halves it at once. A few calls that are lost among many good ones are a bad line, not a limit, and cost nothing: after the
first trouble only a third one among the last calls halves the pace. Only use earns growth: a pace that few calls made use of has
proved nothing. Nothing is remembered over a restart, since a limit is shared with others and moves; finding it again takes seconds.

`decide` is plain arithmetic over a state and what was seen since; `AdaptivePace` is the thin part that hears of attempts and turns
the limiter's knobs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from streamflow.clock import Clock
from streamflow.wire.limiter import Limiter
from streamflow.wire.message import Attempt
from streamflow.wire.verdict import CallVerdict

SAMPLE = 50            # clean answers that earn one step up, once trouble was met
STEP_S = 5.0           # at a low pace, so many seconds' worth of them do
RECENT = 20            # calls of which so many must be
MANY = 3               # trouble for it to be more than a bad line
CLIMB_S = 2.0          # of clean answers at the present pace that earn a doubling, before it
LEAST_CLIMB = 10       # answers; fewer say too little at a low pace
LATENCIES = 200        # answers whose time is remembered for the 95th percentile
MIN_LATENCIES = 20
SLOW_FLOOR_S = 0.2     # below this a doubled latency is noise, not trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class PacePolicy:
    """The bounds of the search."""

    cap_per_s: float = 10.0
    cap_in_flight: int = 12
    start_share: float = 0.25        # of the cap
    start_in_flight: int = 4
    step_share: float = 0.1          # of the cap, for each step up after trouble
    rest_s: float = 2.0              # after a cut, trouble of calls already under way does not cut again
    floor_per_s: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceState:
    """Where the search stands."""

    rate_per_s: float
    in_flight: int
    is_climbing: bool = True         # no trouble was met yet
    best_p95_s: float | None = None
    cut_at: float = float("-inf")    # monotonic
    reason: str = ""


def start(policy: PacePolicy) -> PaceState:
    """Give the first pace."""
    rate = min(policy.cap_per_s, max(policy.floor_per_s, 1.0, policy.cap_per_s * policy.start_share))
    return PaceState(rate_per_s=rate, in_flight=min(policy.start_in_flight, policy.cap_in_flight))


def slower(state: PaceState, policy: PacePolicy, *, now: float, reason: str) -> PaceState:
    """Halve the pace, unless it was halved a moment ago."""
    if now - state.cut_at < policy.rest_s:
        return state
    rate = min(policy.cap_per_s, max(policy.floor_per_s, state.rate_per_s / 2))
    return PaceState(rate_per_s=rate, in_flight=max(1, state.in_flight // 2), is_climbing=False, cut_at=now, reason=reason)


def faster(state: PaceState, policy: PacePolicy) -> PaceState:
    """Take one step up to the cap: twice the pace while no trouble was met, a small one afterwards."""
    step_per_s, place = (state.rate_per_s, state.in_flight) if state.is_climbing else (policy.cap_per_s * policy.step_share, 1)
    rate = min(policy.cap_per_s, state.rate_per_s + step_per_s)
    places = min(policy.cap_in_flight, state.in_flight + place)
    at_cap = rate >= policy.cap_per_s
    return replace(state, rate_per_s=rate, in_flight=places, reason="" if at_cap else state.reason)


def price(state: PaceState) -> int:
    """Give how many clean answers earn the next step."""
    if state.is_climbing:
        return max(LEAST_CLIMB, round(state.rate_per_s * CLIMB_S))
    return min(SAMPLE, max(LEAST_CLIMB, round(state.rate_per_s * STEP_S)))


def decide(state: PaceState, policy: PacePolicy, *, p95_s: float | None, now: float) -> PaceState:
    """Judge a run of clean answers: slower when they take twice as long as the best run did, else one step faster."""
    if p95_s is None:
        return faster(state, policy)
    best = state.best_p95_s
    if best is not None and p95_s > 2 * best and p95_s > SLOW_FLOOR_S:
        return slower(state, policy, now=now, reason="answers take twice as long as before")
    return replace(faster(state, policy), best_p95_s=p95_s if best is None else min(best, p95_s))


class AdaptivePace:
    """An attempt hook that steers a limiter. Give it to the session of the platform; with *adaptive* False it only keeps the cap."""

    def __init__(self, limiter: Limiter, clock: Clock, policy: PacePolicy, *, adaptive: bool = True) -> None:
        self._limiter = limiter
        self._clock = clock
        self._policy = policy
        self._adaptive = adaptive
        self._clean = 0
        self._latencies: deque[float] = deque(maxlen=LATENCIES)
        self._recent: deque[bool] = deque(maxlen=RECENT)    # of the last calls, which were trouble
        self._taken_per_s: float | None = None     # the pace that a cap brought down, until there is trouble below it
        self._state = start(policy) if adaptive else PaceState(rate_per_s=policy.cap_per_s, in_flight=policy.cap_in_flight)
        self._apply()

    @property
    def state(self) -> PaceState:
        """Give where the search stands."""
        return self._state

    def set_cap(self, cap_per_s: float) -> None:
        """
        Take a new cap at once; a pace above it comes down, one below it goes on growing.

        What a cap took comes back with a higher one: growth is earned by answers, of which a pace near zero brings none.
        """
        found = self._state.rate_per_s if self._taken_per_s is None else max(self._state.rate_per_s, self._taken_per_s)
        self._policy = replace(self._policy, cap_per_s=cap_per_s)
        rate = min(found, cap_per_s) if self._adaptive else cap_per_s
        self._taken_per_s = found if rate < found else None
        self._state = replace(self._state, rate_per_s=rate)
        self._apply()

    def __call__(self, attempt: Attempt) -> None:
        """Hear of one attempt."""
        if not self._adaptive:
            return
        trouble = _trouble(attempt)
        before = self._state
        if trouble or attempt.status:
            self._recent.append(bool(trouble))
        if trouble:
            self._hear_trouble(trouble, is_told=attempt.status == 429)
        elif attempt.status:
            self._hear_clean(attempt.seconds)
        if self._state is not before:
            self._apply()

    def _hear_trouble(self, reason: str, *, is_told: bool) -> None:
        if not is_told and not self._state.is_climbing and self._recent.count(True) < MANY:
            return
        self._taken_per_s = None
        self._state = slower(self._state, self._policy, now=self._clock.monotonic(), reason=reason)
        self._clean = 0
        self._latencies.clear()
        self._recent.clear()

    def _hear_clean(self, seconds: float) -> None:
        self._latencies.append(seconds)
        self._clean += 1
        if self._clean >= price(self._state):
            self._clean = 0
            self._state = decide(self._state, self._policy, p95_s=_p95(self._latencies), now=self._clock.monotonic())

    def _apply(self) -> None:
        self._limiter.set_rate(self._state.rate_per_s, max_in_flight=self._state.in_flight, reason=self._state.reason)


def _trouble(attempt: Attempt) -> str:
    if attempt.status in (429, 503):
        return f"{attempt.status} answered"
    if attempt.status == 0 and attempt.verdict in (CallVerdict.TRANSIENT, CallVerdict.UNCERTAIN):
        return "a call went unanswered"
    return ""


def _p95(latencies: deque[float]) -> float | None:
    if len(latencies) < MIN_LATENCIES:
        return None
    return sorted(latencies)[int(len(latencies) * 0.95) - 1]
