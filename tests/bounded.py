"""Measuring what a function holds at most, without asking the operating system."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Awaitable, Callable


async def peak_of(work: Callable[[], Awaitable[object]]) -> int:
    """Give the bytes of Python objects that *work* held at its height, above what was there before."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        await work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
