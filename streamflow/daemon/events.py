"""
What happens in the daemon, as a stream for whoever listens: bounded, replayable for a while, never slowing the daemon.

Rule: publishing never waits. A listener that falls behind loses its place and is told so; it then asks for the status.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from streamflow.clock import Clock, iso

KEPT_EVENTS = 512
LISTENER_BUFFER = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One happening: a running number, a dotted name, small data without personal data."""

    number: int
    at: str
    name: str
    data: Mapping[str, Any]


class Listener:
    """One reader of the stream: the events it missed, then the live ones, until closed or left behind."""

    def __init__(self, missed: list[Event], live: MemoryObjectReceiveStream[Event]) -> None:
        self._missed = missed
        self._live = live

    async def events(self) -> AsyncIterator[Event]:
        """Yield events in order; ends when the bus closes or when this listener fell behind."""
        for event in self._missed:
            yield event
        async for event in self._live:
            yield event


class Events:
    """The bus. Everything runs in one event loop; nothing here blocks."""

    def __init__(self, clock: Clock, *, kept: int = KEPT_EVENTS, buffer: int = LISTENER_BUFFER) -> None:
        self._clock = clock
        self._kept: deque[Event] = deque(maxlen=kept)
        self._buffer = buffer
        self._listeners: set[MemoryObjectSendStream[Event]] = set()
        self._number = 0
        self._is_closed = False

    def publish(self, name: str, **data: Any) -> None:
        """Tell all listeners; one whose buffer is full is dropped."""
        self._number += 1
        event = Event(number=self._number, at=iso(self._clock.now()), name=name, data=data)
        self._kept.append(event)
        for listener in tuple(self._listeners):
            try:
                listener.send_nowait(event)
            except (anyio.WouldBlock, anyio.BrokenResourceError):
                self._drop(listener)

    @contextmanager
    def listen(self, *, after: int | None = None) -> Iterator[Listener]:
        """Listen to events with a number above *after* (None: from now on); older ones are replayed as far as kept."""
        send, receive = anyio.create_memory_object_stream[Event](self._buffer)
        missed = [] if after is None else [event for event in self._kept if event.number > after]
        if self._is_closed:
            send.close()
        else:
            self._listeners.add(send)
        try:
            yield Listener(missed, receive)
        finally:
            self._drop(send)
            receive.close()

    def close(self) -> None:
        """End all listeners after what they already have."""
        self._is_closed = True
        for listener in tuple(self._listeners):
            self._drop(listener)

    def _drop(self, listener: MemoryObjectSendStream[Event]) -> None:
        self._listeners.discard(listener)
        listener.close()
