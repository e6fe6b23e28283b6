"""
How a call travels: the door that each platform's dialect fills, and the requests that dialects build.

Rule of this file: only functions of the spec's allow-list are asked, and never one that is named like a write; that is seen before
anything is sent, and by the reader again, so that no dialect can forget it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlencode

from streamflow.errors import InvariantBroken
from streamflow.model import Kind
from streamflow.platforms.spec import Call, PlatformSpec, is_write
from streamflow.wire.message import Request, Response
from streamflow.wire.verdict import CallVerdict, Outcome

Raw: TypeAlias = Mapping[str, Any]
FORM = "application/x-www-form-urlencoded"


class Wait(Enum):
    """How long an answer is waited for that does not come in time; what fails otherwise is always asked again."""

    FULLY = "fully"        # as long as a spec says, and as often
    ONCE = "once"          # as long, and not again
    BRIEFLY = "briefly"    # a short while, and not again


class Dialect(Protocol):
    """What a reader by API must know of one platform beyond its spec. Pure."""

    def request(self, spec: PlatformSpec, call: Call, params: Mapping[str, str], *, priority: int) -> Request:
        """Build a call: its address, its form and how its parameters are written; `get_request`, `call_request`, `form_request` help."""
        ...

    def judge(self, outcome: Outcome) -> CallVerdict:
        """Say what one exchange means; `answers.judge` does it by the rules of a spec."""
        ...

    def rows(self, call: Call, response: Response, *, stream: str) -> Sequence[Raw]:
        """Give the rows of an answer that was judged fine. Raises ProtocolMismatch where there are none to be found; never guesses."""
        ...


class LookUp(Protocol):
    """Asks the list of a stream with parameters, the fixed ones of its spec added; no paging."""

    async def __call__(self, kind: Kind, params: Mapping[str, str], *, by_id: bool = False) -> Sequence[Raw]:
        """Give the rows; *by_id*: it is asked for what belongs to one id, and what answers has the key of its stream."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Rows with what further reads told of them; those that could not be completed are left out, and *gaps* says why."""

    rows: Sequence[Raw]
    gaps: tuple[str, ...] = ()


class Companion(Protocol):
    """What a platform looks up beside its rows, before records are made of them."""

    async def complete(self, kind: Kind, rows: Sequence[Raw], look_up: LookUp, *, are_changed: bool) -> Completed:
        """
        Give the rows of a stream with what further reads tell of them; rows that need nothing as they are.

        *are_changed*: the rows were asked for as changed, or by their id; else they are a part of a whole list.
        """
        ...

    def begins(self, kind: Kind) -> date | None:
        """Give the first day that rows seen so far tell of a stream that comes at once; None where they tell none."""
        ...


def call_request(spec: PlatformSpec, function: str, body: bytes, *, priority: int, content_type: str = "application/json") -> Request:
    """Build a POST of *body* to a read function. Raises InvariantBroken as `ensure_read` does."""
    ensure_read(spec, function)
    return Request(
        method="POST", path=function, endpoint=function, body=body, content_type=content_type, priority=priority, timeout_s=spec.timeout_s,
        expects="any",
    )  # fmt: skip


def form_request(spec: PlatformSpec, function: str, params: Mapping[str, str], *, priority: int) -> Request:
    """Build a POST with a form-urlencoded body, UTF-8, parameters in the order given."""
    return call_request(spec, function, urlencode(params).encode("ascii"), priority=priority, content_type=FORM)


def get_request(spec: PlatformSpec, function: str, params: Mapping[str, str], *, priority: int) -> Request:
    """Build a GET with its parameters in the address. Raises InvariantBroken as `ensure_read` does."""
    ensure_read(spec, function)
    return Request(
        method="GET", path=function, endpoint=function, query=tuple(params.items()), priority=priority, timeout_s=spec.timeout_s,
        expects="any",
    )  # fmt: skip


def ensure_read(spec: PlatformSpec, function: str) -> None:
    """Raise InvariantBroken for a function that is named like a write, or is not on the allow-list of the spec."""
    if is_write(function):
        raise InvariantBroken("a function that is named like a write was about to be called on the source", platform=spec.platform)
    if function not in spec.calls():
        raise InvariantBroken("a function outside the allow-list was about to be called on the source", platform=spec.platform)
