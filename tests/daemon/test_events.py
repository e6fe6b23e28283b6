"""The event bus: never waits, replays, drops who falls behind."""

from __future__ import annotations

import anyio

from streamflow.clock import SystemClock
from streamflow.daemon.events import Events
from tests.hanging import HUNG_S


async def test_slow_listener_is_dropped_and_others_go_on() -> None:
    """Publishing never waits; a full listener ends after what it has, the others get everything."""
    events = Events(SystemClock(), buffer=2)
    with events.listen() as slow, events.listen() as quick:
        got = []
        stream = quick.events()
        for number in range(4):
            events.publish("tick", number=number)
            got.append((await anext(stream)).data["number"])
        assert got == [0, 1, 2, 3]
        with anyio.fail_after(HUNG_S):
            assert [event.data["number"] async for event in slow.events()] == [0, 1]


async def test_replay_is_bounded() -> None:
    """Only as many missed events are kept as said, newest first to stay."""
    events = Events(SystemClock(), kept=2)
    for number in range(5):
        events.publish("tick", number=number)
    events.close()
    with events.listen(after=0) as late:
        assert [event.number async for event in late.events()] == [4, 5]
