"""The adaptive pace as it steers a limiter, and asking several things at once."""

from __future__ import annotations

import anyio
import pytest

from streamflow.errors import InvariantBroken, NotFound
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt
from streamflow.wire.pace import MANY, SAMPLE, AdaptivePace, PacePolicy, price
from streamflow.wire.spread import spread

from .virtual import VirtualClock


def _attempt(status: int = 200, verdict: str = "ok", seconds: float = 0.05) -> Attempt:
    return Attempt(platform="p", method="GET", endpoint="e", status=status, verdict=verdict, seconds=seconds)


def test_it_starts_low_grows_with_clean_answers_and_halves_on_trouble() -> None:
    """The limiter follows: a quarter of the cap, a step per run of clean answers, half after a 429, 503 or silence, never above the cap."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1.0)
    pace = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=20.0))
    assert limiter.stats().rate_per_s == 5.0
    for _ in range(SAMPLE * 30):
        pace(_attempt())
    assert limiter.stats().rate_per_s == 20.0
    for status, verdict in ((429, "throttled"), (503, "transient"), (0, "uncertain")):
        clock.at += 10
        before = limiter.stats().rate_per_s
        for _ in range(MANY):     # of the same moment: one cut
            pace(_attempt(status, verdict))
        assert limiter.stats().rate_per_s == before / 2
        assert limiter.stats().reason
    pace.set_cap(1.0)
    assert limiter.stats().rate_per_s == 1.0


@pytest.mark.parametrize("low", [1e-300, 0.001, 1.0])
def test_a_cap_that_is_raised_again_gives_back_the_pace_it_took(low: float) -> None:
    """Who sets a cap far too low and corrects it has the former pace at once, and what trouble had taught is not forgotten."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1.0)
    pace = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=20.0))
    for _ in range(SAMPLE * 30):
        pace(_attempt())
    clock.at += 10
    pace(_attempt(429, "throttled"))
    assert limiter.stats().rate_per_s == 10.0
    for cap, rate in ((low, low), (low / 2, low / 2), (5.0, 5.0), (100.0, 10.0)):
        pace.set_cap(cap)
        assert limiter.stats().rate_per_s == rate
    pace.set_cap(8.0)
    clock.at += 10
    pace(_attempt(429, "throttled"))
    pace.set_cap(20.0)
    assert limiter.stats().rate_per_s == 4.0, "what was learned below a cap counts"


@pytest.mark.parametrize("cap", [0.05, 0.15])
def test_a_cap_below_the_least_pace_is_kept_as_well(cap: float) -> None:
    """However low a cap is set, neither the start nor trouble takes the pace above it."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1.0)
    pace = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=cap))
    assert limiter.stats().rate_per_s <= cap
    clock.at += 10
    pace(_attempt(429, "throttled"))
    assert 0 < limiter.stats().rate_per_s <= cap


def test_the_cap_is_found_in_seconds_until_there_is_trouble() -> None:
    """Fully used, a pace is at its cap within eight seconds, whatever the cap; once trouble was met a second's answers earn no step."""
    for cap in (10.0, 50.0, 200.0):
        clock = VirtualClock()
        limiter = PacedLimiter(clock, rate_per_s=1.0)
        pace = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=cap))
        while limiter.stats().rate_per_s < cap:
            clock.at += 1 / limiter.stats().rate_per_s
            pace(_attempt())
        assert clock.at <= 8.0
        pace(_attempt(429, "throttled"))
        for _ in range(price(pace.state) - 1):
            pace(_attempt())
        assert limiter.stats().rate_per_s == cap / 2
        pace(_attempt())
        assert limiter.stats().rate_per_s == pytest.approx(cap * 0.6)


def _at_cap(limiter: PacedLimiter, clock: VirtualClock) -> AdaptivePace:
    """Give a pace that met its first trouble and is back at a cap of 100."""
    pace = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=100.0))
    pace(_attempt(429, "throttled"))
    while limiter.stats().rate_per_s < 100.0:
        clock.at += 1 / limiter.stats().rate_per_s
        pace(_attempt())
    clock.at += 10
    return pace


@pytest.mark.parametrize("every", [11, 40])
def test_a_bad_line_is_no_limit(every: int) -> None:
    """A call lost here and there does not wear the pace down, however long it goes on; three of twenty halve it."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1.0)
    pace = _at_cap(limiter, clock)
    for number in range(1, 4001):
        clock.at += 0.01
        pace(_attempt(0, "uncertain") if number % every == 0 else _attempt())
        assert limiter.stats().rate_per_s == 100.0
    for _ in range(MANY):
        pace(_attempt(0, "uncertain"))
    assert limiter.stats().rate_per_s == 50.0


def test_one_refusal_for_the_rate_is_enough() -> None:
    """What the platform itself calls too fast halves the pace at once, also a single time among many good calls."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1.0)
    pace = _at_cap(limiter, clock)
    pace(_attempt())
    pace(_attempt(429, "throttled"))
    assert limiter.stats().rate_per_s == 50.0


def test_after_an_outage_the_pace_comes_back_soon() -> None:
    """Worn down to next to nothing while nobody answered, it is at half its cap within two minutes of somebody doing so."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1.0)
    pace = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=10.0))
    for _ in range(60):
        clock.at += 3
        pace(_attempt(0, "transient"))
    assert limiter.stats().rate_per_s == 0.2
    ended_at = clock.at
    while limiter.stats().rate_per_s < 5.0:
        clock.at += 1 / limiter.stats().rate_per_s
        pace(_attempt())
    assert clock.at - ended_at <= 120


def test_answers_that_take_twice_as_long_slow_it_down() -> None:
    """A doubled 95th percentile is trouble, even without a refusal."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1.0)
    pace = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=20.0))
    for _ in range(SAMPLE * 4):
        pace(_attempt(seconds=0.3))
    before = limiter.stats().rate_per_s
    for _ in range(SAMPLE * 4):
        pace(_attempt(seconds=1.5))
    assert limiter.stats().rate_per_s < before


def test_a_fixed_pace_stays_where_it_is_put() -> None:
    """Not adaptive: the cap is the pace, whatever happens."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1.0)
    pace = AdaptivePace(limiter, clock, PacePolicy(cap_per_s=20.0), adaptive=False)
    pace(_attempt(429, "throttled"))
    assert limiter.stats().rate_per_s == 20.0
    pace.set_cap(7.0)
    assert limiter.stats().rate_per_s == 7.0


async def test_spread_keeps_order_and_width_and_raises_one_plain_error() -> None:
    """Answers come in the order of the items, never more than the width at once; an error comes bare and ends the rest."""
    busy, most = 0, 0

    async def ask(item: int) -> int:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        for _ in range(item % 3 + 1):
            await anyio.lowlevel.checkpoint()
        busy -= 1
        if item == 99:
            raise NotFound("gone")
        return item * 2

    assert await spread(ask, list(range(20)), width=4) == [n * 2 for n in range(20)]
    assert most == 4
    assert await spread(ask, []) == []
    with pytest.raises(NotFound):
        await spread(ask, [1, 99, 2])


async def test_of_several_failures_at_once_our_own_is_heard() -> None:
    """What breaks within us beside an address that is not there is not lost behind it."""

    async def ask(item: int) -> int:
        raise InvariantBroken("no id where there must be one") if item else NotFound("gone")

    with pytest.raises(InvariantBroken):
        await spread(ask, [0, 1])
