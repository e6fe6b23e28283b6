"""
The loop that all stages share: receive, work, send on, close.

A stage ends by closing its end of the stream. When the next stage fails, this one meets BrokenResourceError, an echo of the
real error, and returns quietly, so that each failure arrives once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

In = TypeVar("In")
Out = TypeVar("Out")


async def work(
    receive: MemoryObjectReceiveStream[In],
    send: MemoryObjectSendStream[Out],
    step: Callable[[In], Awaitable[Out | None]],
) -> None:
    """Apply *step* to each envelope until the stream ends; None is not sent on."""
    try:
        async with receive, send:
            async for envelope in receive:
                result = await step(envelope)
                if result is not None:
                    await send.send(result)
    except anyio.BrokenResourceError:
        return


async def finish(receive: MemoryObjectReceiveStream[In], step: Callable[[In], Awaitable[None]]) -> None:
    """Be the last stage: apply *step* to each envelope until the stream ends."""
    async with receive:
        async for envelope in receive:
            await step(envelope)
