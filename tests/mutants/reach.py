"""Which test comes by which line of the modules under trial, and how much work each is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeAlias

Line: TypeAlias = tuple[str, int]
"""Path of a module, and a line in it."""


@dataclass(slots=True)
class Reach:
    """What one test came by, while it passed."""

    work_s: float = 0.0      # of the processor, so that a busy machine chooses no other tests
    lines: set[Line] = field(default_factory=set)


@contextmanager
def watched(paths: Collection[str]) -> Iterator[Reach]:
    """Note every line of these modules that is come by, in whatever thread."""
    found = Reach()

    def called(frame: FrameType, event: str, _about: Any) -> Any:
        path = frame.f_code.co_filename
        if path not in paths:
            return None
        seen = found.lines

        def passed(frame: FrameType, event: str, _about: Any) -> Any:
            seen.add((path, frame.f_lineno))
            return passed

        seen.add((path, frame.f_lineno))
        return passed

    begun = time.process_time()
    threading.settrace(called)
    sys.settrace(called)
    try:
        yield found
    finally:
        sys.settrace(None)
        threading.settrace(None)    # type: ignore[arg-type]  # that is how it is taken back
        found.work_s = time.process_time() - begun
