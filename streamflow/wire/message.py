"""What is sent and what comes back, as plain frozen values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

DELTA = 0      # somebody is waiting to see it
NORMAL = 1     # housekeeping: read-back, polls
BACKFILL = 2   # the long haul
_priority: ContextVar[int] = ContextVar("streamflow_priority", default=NORMAL)


@contextmanager
def at_priority(priority: int) -> Iterator[None]:
    """Give every call made in this block, child tasks included, its place in the lines of the limiters (DELTA, NORMAL, BACKFILL)."""
    token = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(token)


def current_priority() -> int:
    """Give the priority of the block this code runs in."""
    return _priority.get()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call about to be made. Its repr shows no values, since those may be somebody's data."""

    method: str
    path: str = field(repr=False)                # below the base address ("contacts/5-contacts"), or a whole URL of an allowed origin
    endpoint: str                                # the class of address without ids ("contacts/{id}"): for metrics and messages
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    priority: int | None = None                  # None: that of the surrounding `at_priority` block
    auth: str | None = field(default=None, repr=False)   # whose credentials, when not the configured ones (impersonation)
    timeout_s: float | None = None
    waits_once: bool = False                     # of a read: an answer that did not come in time is not asked for again
    expects: str = "json"                        # "json": any other 2xx body is unreadable; "any": the body is handed on as it came
    holds: Callable[[Any], bool] | None = field(default=None, repr=False)   # says of a 2xx body's JSON whether it is an answer at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer, read whole. `data` holds the parsed JSON when the body is JSON, else None."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)   # ask for names in lower case
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    data: Any = field(default=None, repr=False)
    is_json: bool = False
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One exchange with a platform as metrics and the pace see it; carries no ids and no values."""

    platform: str
    method: str
    endpoint: str
    status: int          # 0: no answer came
    verdict: str         # a `CallVerdict` value
    seconds: float       # from sending to the end of the body, waiting for a slot left out
    request_id: str = ""


AttemptHook: TypeAlias = Callable[[Attempt], None]


def combined(*hooks: AttemptHook | None) -> AttemptHook:
    """Give one hook that calls all the given ones in order."""
    present = tuple(hook for hook in hooks if hook is not None)

    def call(attempt: Attempt) -> None:
        for hook in present:
            hook(attempt)

    return call
