"""Signals as calls: first stop asks for a drain, a second one for an end at once, SIGHUP for new settings."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPPING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_signals(*, drain: Callable[[str], None], stop: Callable[[str], None], reload: Callable[[], None]) -> Iterator[None]:
    """
    Call *drain* at the first SIGTERM or SIGINT, *stop* at each further one, *reload* at SIGHUP, all inside the event loop.

    The callables get the signal's name; they must not wait (set an event, cancel a scope). Former handling is restored at the end.
    """
    loop = asyncio.get_running_loop()
    is_draining = False

    def first_or_next(name: str) -> None:
        nonlocal is_draining
        if is_draining:
            stop(name)
        else:
            is_draining = True
            drain(name)

    for each in STOPPING:
        loop.add_signal_handler(each, first_or_next, each.name)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        for each in (*STOPPING, signal.SIGHUP):
            loop.remove_signal_handler(each)
