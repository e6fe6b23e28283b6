"""
Room for the bodies of answers that are received at the same time, whatever platform they come from.

Rule 1: what one call may hold says nothing of twenty calls at once. Small bodies come in freely; a larger one first waits until there is
room for all that it may become, and gives it back when it has been read.
Rule 2: room is asked for once a body, and given in the order it was asked for, so that nobody who holds some waits for more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

FREE_BYTES = 1024 * 1024
"""Of each body: what nearly all answers stay below (a page of 500 rows with sixty short fields is about as much)."""
ROOM_BYTES = 128 * 1024 * 1024
"""Of all larger bodies together: two of the largest, of the 512 MiB that the service is allowed (`MemoryMax`)."""


class Room:
    """Bytes that may be held at once; who asks for more than there ever is gets all of it, alone."""

    def __init__(self, size_bytes: int = ROOM_BYTES) -> None:
        self._size_bytes = size_bytes
        self._left_bytes = size_bytes
        self._line: deque[tuple[int, anyio.Event]] = deque()

    @property
    def left_bytes(self) -> int:
        """What nobody holds."""
        return self._left_bytes

    @asynccontextmanager
    async def held(self, size_bytes: int) -> AsyncIterator[None]:
        """Wait for room, and hold it for the length of the block."""
        wanted = min(size_bytes, self._size_bytes)
        await self._wait(wanted)
        try:
            yield
        finally:
            self._left_bytes += wanted
            self._call()

    async def _wait(self, wanted: int) -> None:
        if not self._line and wanted <= self._left_bytes:
            self._left_bytes -= wanted
            return
        mine = (wanted, anyio.Event())
        self._line.append(mine)
        try:
            await mine[1].wait()
        except BaseException:
            if mine in self._line:
                self._line.remove(mine)
            else:     # it was given at the very moment of leaving
                self._left_bytes += wanted
            self._call()
            raise

    def _call(self) -> None:
        """Give room to those who are next and fit."""
        while self._line and self._line[0][0] <= self._left_bytes:
            wanted, event = self._line.popleft()
            self._left_bytes -= wanted
            event.set()


SHARED = Room()
"""The room of this process: what is allowed is allowed to all its sessions together."""
