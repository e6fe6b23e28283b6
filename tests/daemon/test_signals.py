"""Signals, sent for real."""

from __future__ import annotations

import os
import signal

import anyio
import pytest

from streamflow.daemon.signals import on_signals


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
async def test_first_drains_second_stops(first: signal.Signals) -> None:
    """The first signal asks for a drain, each further one of either kind for an end at once; SIGHUP only reloads."""
    seen: list[str] = []
    arrived = anyio.Event()

    def note(text: str) -> None:
        seen.append(text)
        arrived.set()

    before = signal.getsignal(signal.SIGTERM)
    with on_signals(drain=lambda n: note(f"drain {n}"), stop=lambda n: note(f"stop {n}"), reload=lambda: note("reload")):
        for sent in (signal.SIGHUP, first, signal.SIGTERM, signal.SIGHUP):
            arrived = anyio.Event()
            os.kill(os.getpid(), sent)
            with anyio.fail_after(5):
                await arrived.wait()
    assert seen == ["reload", f"drain {first.name}", "stop SIGTERM", "reload"]
    assert signal.getsignal(signal.SIGTERM) == before
