"""The log of this process, kept for a test and given back after it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from streamflow.daemon import log


@contextmanager
def own_log() -> Iterator[io.BytesIO]:
    """Give where `log.configure` may write to; whatever it set up is taken away at the end."""
    try:
        yield io.BytesIO()
    finally:
        structlog.reset_defaults()
        for handler in tuple(logging.getLogger().handlers):
            if isinstance(handler, log._FromLibrary):
                logging.getLogger().removeHandler(handler)
