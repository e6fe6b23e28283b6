"""The limiter under virtual time."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import BACKFILL, DELTA

from .virtual import Bucket, VirtualClock


async def _hammer(limiter: PacedLimiter, clock: VirtualClock, bucket: Bucket, until_s: float, *, latency_s: float = 0.02) -> None:
    while clock.at < until_s:
        async with limiter.slot():
            if clock.at < until_s:
                bucket.take()
            await clock.sleep(latency_s)


@pytest.mark.parametrize("rate", [10.0, 50.0, 200.0])
@pytest.mark.parametrize("late_s", [0.0, 0.002])
async def test_uses_what_is_allowed_and_no_more(rate: float, late_s: float) -> None:
    """At 10, 50 and 200 calls a second against a bucket of 20: no refusal, at least 99 % used, coarse timers or not."""
    clock = VirtualClock(late_s)
    limiter = PacedLimiter(clock, rate_per_s=rate, max_in_flight=40)
    bucket = Bucket(clock, rate, 20)
    async with clock.passing(), anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(_hammer, limiter, clock, bucket, 20.0)
    assert bucket.refused == 0
    assert len(bucket.accepted) >= 0.99 * rate * 20
    assert len(bucket.accepted) <= rate * 20 + 10


@pytest.mark.parametrize("places", [8, 12])
@pytest.mark.parametrize("rate", [10.0, 50.0, 200.0])
async def test_calls_that_are_held_up_on_the_way_earn_no_refusal(rate: float, places: int) -> None:
    """A server that stood still gets all calls in flight at once and then those that catch up: together no more than it takes."""
    clock = VirtualClock(0.002)
    limiter = PacedLimiter(clock, rate_per_s=rate, max_in_flight=places)
    bucket = Bucket(clock, rate, 20)

    async def ask() -> None:
        while clock.at < 30.0:
            async with limiter.slot():
                stands_until = clock.at - clock.at % 5.0 + 1.5     # the first 1.5 seconds of each five
                await clock.sleep(max(0.02, stands_until - clock.at))
                bucket.take()

    async with clock.passing(), anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(ask)
    assert bucket.refused == 0
    assert len(bucket.accepted) >= 0.7 * rate * 30 * 0.95


@settings(max_examples=25, deadline=None)
@given(
    rate=st.floats(0.5, 100), burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=60),
)  # fmt: skip
def test_never_above_rate_times_span_plus_burst(rate: float, burst: int, pauses: list[float]) -> None:
    """Whatever the arrivals, no span holds more grants than rate x span + burst."""
    grants: list[float] = []

    async def main() -> None:
        clock = VirtualClock()
        limiter = PacedLimiter(clock, rate_per_s=rate, burst=burst, max_in_flight=1000)

        async def call() -> None:
            async with limiter.slot():
                grants.append(clock.at)

        async with clock.passing(), anyio.create_task_group() as tasks:
            for pause in pauses:
                tasks.start_soon(call)
                if pause > 1:
                    await clock.sleep(pause)

    anyio.run(main)
    assert len(grants) == len(pauses)
    for first in range(len(grants)):
        for last in range(first, len(grants)):
            assert last - first + 1 <= rate * (grants[last] - grants[first]) + burst + 1e-6


@pytest.mark.parametrize("stop_s", [0.5, 60.0, 600.0, 86_400.0])
async def test_a_process_that_stood_still_catches_up_with_no_burst(stop_s: float) -> None:
    """After it was stopped for minutes, with a long line before the limiter, no call is one too many for the server."""
    clock = VirtualClock(0.002)
    limiter = PacedLimiter(clock, rate_per_s=10.0, max_in_flight=12)
    bucket = Bucket(clock, 10.0, 10)
    async with clock.passing(), anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(_hammer, limiter, clock, bucket, stop_s + 15.0)
        await clock.sleep(5.0)
        before = len(bucket.accepted)
        clock.at += stop_s     # whoever slept wakes up this much too late
    assert bucket.refused == 0
    assert len(bucket.accepted) - before >= 90


async def test_the_rate_changes_live() -> None:
    """A new rate holds from the next grant on, also for a caller that already sleeps."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=0.01, burst=1)
    times: list[float] = []

    async def call() -> None:
        async with limiter.slot():
            times.append(clock.at)

    async with clock.passing(), anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        tasks.start_soon(call)
        tasks.start_soon(clock.sleep, 5.0)
        await clock.sleep(1.0)
        limiter.set_rate(10.0)
    assert times[0] == 0.0
    assert times[1] <= 5.0


async def test_closing_holds_everybody() -> None:
    """After close_for nobody passes before the time is over, it is shown, and there is no burst afterwards."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=10.0, burst=10, max_in_flight=50)
    times: list[float] = []

    async def call() -> None:
        async with limiter.slot():
            times.append(clock.at)

    limiter.close_for(30.0, "429 answered")
    limiter.close_for(5.0, "shorter")
    stats = limiter.stats()
    assert stats.closed_until is not None
    assert stats.reason == "429 answered"
    async with clock.passing(), anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(call)
    assert times[0] >= 30.0
    assert times[-1] - times[0] >= 0.69
    assert limiter.stats().closed_until is None


async def test_the_urgent_go_first_and_nobody_starves() -> None:
    """Delta calls pass the backfill, and the backfill still gets one grant in nine."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=10.0, burst=1, max_in_flight=100)
    order: list[int] = []

    async def call(priority: int) -> None:
        async with limiter.slot(priority):
            order.append(priority)

    async with clock.passing(), anyio.create_task_group() as tasks:
        for priority in (BACKFILL, BACKFILL, BACKFILL):
            tasks.start_soon(call, priority)
        await clock.sleep(0.01)
        for _ in range(30):
            tasks.start_soon(call, DELTA)
    assert order[0] == BACKFILL             # it was alone
    assert order[1:9] == [DELTA] * 8
    assert order.index(BACKFILL, 1) == 9


async def test_no_more_in_flight_than_allowed_and_leavers_make_room() -> None:
    """Calls in flight stay within the bound, a cancelled waiter leaves no gap, and all get through."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=1000.0, max_in_flight=3)
    busy, most, done = 0, 0, 0

    async def call() -> None:
        nonlocal busy, most, done
        async with limiter.slot():
            busy += 1
            most = max(most, busy)
            try:
                await clock.sleep(0.5)
                done += 1
            finally:
                busy -= 1

    async def impatient() -> None:
        with anyio.move_on_after(0):
            await call()

    async with clock.passing(), anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(call)
            tasks.start_soon(impatient)
    assert most == 3
    assert done >= 10
    assert limiter.stats().in_flight == 0
    assert limiter.stats().waiting == 0


async def test_the_share_tells_how_much_is_used() -> None:
    """The used share is near 1 under full load and 0 at rest."""
    clock = VirtualClock()
    limiter = PacedLimiter(clock, rate_per_s=20.0)
    bucket = Bucket(clock, 20.0, 20)
    async with clock.passing(), anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(_hammer, limiter, clock, bucket, 15.0)
    assert 0.9 <= limiter.stats().used_share <= 1.1
    clock.at += 60
    assert limiter.stats().used_share == 0.0
