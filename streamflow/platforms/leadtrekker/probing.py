"""
The spec-drafting probe: asks the functions that an operator names once each, and keeps the form of what they answer.

Rules (leadtrekker.md 2.3): never a name of a write; only names from the operator's list; one call every two seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from streamflow.clock import Clock
from streamflow.errors import AccessRefused, PlatformUnavailable, StreamflowError, UsageError
from streamflow.platforms.leadtrekker.drafting import Look, look_at
from streamflow.platforms.spec import CALL_NAME, PlatformSpec, is_write
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import HeaderCredentials, Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Request
from streamflow.wire.session import SessionSettings, open_session
from streamflow.wire.verdict import CallVerdict, Outcome, judge_read

RATE_PER_S = 0.5


def refuse_writes(functions: Sequence[str]) -> None:
    """Raise UsageError for a list that is empty or holds a name that is none, or is named like a write; before anything is sent."""
    if not functions:
        raise UsageError("no function was named", hint="take the names from the pages of the vendor's own documentation, one a line")
    odd = [name for name in functions if not CALL_NAME.fullmatch(name)]
    writes = [name for name in functions if is_write(name)]
    if odd or writes:
        told = [f"no name of a function: {', '.join(repr(name[:60]) for name in odd)}"] if odd else []
        told += [f"named like a write and never called: {', '.join(writes)}"] if writes else []
        raise UsageError("; ".join(told), hint="nothing was sent; correct the list")


async def look(
    functions: Sequence[str], *, base_url: str, api_key: Masked, spec: PlatformSpec, clock: Clock, ca_file: Path | None = None,
    heard: Callable[[Look], None] = lambda look: None,
) -> list[Look]:  # fmt: skip
    """
    Ask each function once with `{}`, in order; *heard* is told of each answer as it comes.

    Raises UsageError as `refuse_writes` does; AccessRefused as soon as the key is refused; PlatformUnavailable when already the first
    does not answer.
    """
    refuse_writes(functions)
    limiter = PacedLimiter(clock, rate_per_s=RATE_PER_S, burst=1, max_in_flight=1)
    settings = SessionSettings(total_s=spec.timeout_s, body_cap_bytes=spec.body_cap_bytes, patience=Patience(attempts=1))
    found: list[Look] = []
    async with open_session(
        platform=spec.platform, base_url=base_url, credentials=HeaderCredentials(spec.key_header, api_key), limiter=limiter, clock=clock,
        settings=settings, ca_file=ca_file,
    ) as session:  # fmt: skip
        for function in dict.fromkeys(functions):
            request = Request(method="POST", path=function, endpoint=function, body=orjson.dumps({}), expects="any")
            try:
                one = look_at(function, await session.read(request, judge=_any_answer), spec)
            except PlatformUnavailable:
                if not found:
                    raise
                one = Look(function=function)
            if one.verdict == "access":
                raise _refused(one, spec)
            found.append(one)
            heard(one)
    return found


def _any_answer(outcome: Outcome) -> CallVerdict:
    """Take every answer that came whole: here the refusals are what is looked for."""
    return CallVerdict.OK if outcome.response is not None and outcome.failure is None else judge_read(outcome)


def _refused(one: Look, spec: PlatformSpec) -> StreamflowError:
    said = f": {one.said}" if one.said else ""
    hint = "nothing more was asked; check the key under [source], and whether the account may use the API"
    return AccessRefused(f"{one.function} refused the key, status {one.status}{said}", hint=hint, platform=spec.platform)
