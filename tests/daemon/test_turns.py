"""Turns at the address of the metrics: however many ask, so many are answered in a second, and nobody is held for ever."""

from __future__ import annotations

import time
from itertools import pairwise

import anyio
import anyio.lowlevel
from hypothesis import given
from hypothesis import strategies as st

from streamflow.config import Listen
from streamflow.daemon.health import ANSWERS_PER_S, LONGEST_S, metrics_server
from streamflow.daemon.turns import Turns

from .test_metrics import fetch, make

PER_S, WAIT_S = 20.0, 10.0


@given(gaps=st.lists(st.floats(min_value=0.0, max_value=0.2), max_size=400))
def test_answers_keep_their_pace_and_no_wait_is_longer_than_the_longest(gaps: list[float]) -> None:
    """Turns are as far apart as the pace says, in the order of asking; who would wait too long gets none, and takes none from others."""
    turns, now, given_at = Turns(per_s=PER_S, longest_s=WAIT_S), 0.0, []
    for gap in gaps:
        now += gap
        wait_s = turns.take(now)
        if wait_s is None:
            assert given_at[-1] - now > WAIT_S - 1 / PER_S - 1e-6
        else:
            assert 0.0 <= wait_s <= WAIT_S
            given_at.append(now + wait_s)
    assert all(later - earlier > 1 / PER_S - 1e-6 for earlier, later in pairwise(given_at))


def test_nobody_waits_where_nobody_else_asks() -> None:
    """A scraper that comes now and then is answered at once, also after a storm is over."""
    turns = Turns(per_s=PER_S, longest_s=WAIT_S)
    assert [turns.take(at) for at in (0.0, 15.0, 30.0)] == [0.0, 0.0, 0.0]
    assert None in [turns.take(60.0) for _ in range(1000)]
    assert turns.take(60.0 + WAIT_S + 1.0) == 0.0


async def test_a_storm_of_scrapers_is_answered_in_turn_and_the_health_at_once() -> None:
    """Forty that ask at the same moment are answered one after the other, all of them; the health is told before the last of them."""
    order: list[str] = []

    async def ask(address: str, path: str) -> None:
        assert (await fetch(address, path))[0] == 200
        order.append(path)

    async with metrics_server(Listen(host="127.0.0.1", port=0), make(), unhealthy=list, unready=list) as address:
        begun = time.monotonic()
        async with anyio.create_task_group() as group:
            for _ in range(40):
                group.start_soon(ask, address, "/metrics")
            await anyio.lowlevel.checkpoint()
            group.start_soon(ask, address, "/healthz")
        spent_s = time.monotonic() - begun
    assert 39 / ANSWERS_PER_S <= spent_s <= LONGEST_S
    assert order.index("/healthz") < len(order) - 1
    assert len(order) == 41
