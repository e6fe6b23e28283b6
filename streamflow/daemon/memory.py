"""How this process keeps its memory small: what the collector looks at, and when free memory goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from typing import Final

# Of mallopt(3) in the C library of GNU systems
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8

_LARGE_BYTES: Final = 256 << 10
_SPARE_BYTES: Final = 1 << 20


def settle() -> None:
    """To be called once, when everything is imported and no thread has been started yet."""
    _settle_collector()
    _settle_allocator()


def _settle_collector() -> None:
    """
    Let the collector look at what a run makes and at nothing else, and not at every turn.

    What was imported stays as long as the process. Records on their way form no cycles: a collection each few hundred new objects,
    which is the rule, found next to nothing and took a twelfth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 10)


def _settle_allocator() -> None:
    """
    Let large pieces go back to the system as soon as they are free, and let all threads share what is kept.

    By itself the library raises its idea of "large" to the largest piece it ever freed, and keeps everything smaller: one page of a
    list, which takes several megabytes while it is parsed, stays with the process for good, once for each thread that read one.
    Where the library is another one, nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _SPARE_BYTES)
        mallopt(_ARENA_MAX, 1)
