"""
The spec-drafting probe: asks the functions that an operator names once each, and keeps the form of what they answer.

Rules (leadtrekker.md 2.3): never a name of a write; only names from the operator's list; one call every two seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson

from streamflow.clock import Clock
from streamflow.errors import AccessRefused, PlatformUnavailable, StreamflowError, UsageError
from streamflow.platforms.entry import Drafted, SourceSettings, Wire
from streamflow.platforms.leadtrekker.doors import DOORS
from streamflow.platforms.leadtrekker.drafting import Look, candidates, draft, look_at, report
from streamflow.platforms.spec import CALL_NAME, PlatformSpec, is_write
from streamflow.wire.backoff import Patience
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Request
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


class FunctionProbe:
    """Drafts the spec of an account from what its functions answer."""

    def assumed(self, settings: SourceSettings) -> tuple[str, ...]:
        """Give the functions that the shipped spec assumes."""
        return tuple(dict.fromkeys(each.list.function for each in _spec_of(settings).streams.values() if each.list is not None))

    def refuse_writes(self, functions: Sequence[str]) -> None:
        """Raise UsageError for a list that is empty or holds a name that is none, or is named like a write; before anything is sent."""
        refuse_writes(functions)

    async def draft(self, functions: Sequence[str], settings: SourceSettings, clock: Clock, heard: Callable[[str], None]) -> Drafted:
        """Ask each function once; *heard* is told of each answer in a line. Raises what `look` does."""
        spec = _spec_of(settings)
        looks = await look(functions, settings=settings, clock=clock, heard=lambda one: heard(_line(one)))
        found = {each.kind: each.confirmed for each in candidates(looks, spec)}
        streams = {kind: found.get(kind, False) for kind, each in spec.streams.items() if each.role != "file"}
        return Drafted(answers=report(looks, spec), toml=draft(looks, spec), confirmed=streams)


async def look(
    functions: Sequence[str], *, settings: SourceSettings, clock: Clock, heard: Callable[[Look], None] = lambda look: None
) -> list[Look]:
    """
    Ask each function once with `{}`, in order; *heard* is told of each answer as it comes.

    Raises UsageError as `refuse_writes` does; AccessRefused as soon as the key is refused; PlatformUnavailable when already the first
    does not answer.
    """
    refuse_writes(functions)
    spec = _spec_of(settings)
    wire = Wire(limiter=PacedLimiter(clock, rate_per_s=RATE_PER_S, burst=1, max_in_flight=1), clock=clock)
    found: list[Look] = []
    async with DOORS.session(spec, settings, wire, Patience(attempts=1)) as session:
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


def _spec_of(settings: SourceSettings) -> PlatformSpec:
    return DOORS.load_spec(replace(settings, reader="api"))


def _line(one: Look) -> str:
    rows = ", ".join(f"{each.count} records at {each.path}" for each in one.rows)
    return f"{one.function}: status {one.status or 'none'}{', ' + rows if rows else ''}{', ' + one.verdict if one.verdict else ''}"


def _any_answer(outcome: Outcome) -> CallVerdict:
    """Take every answer that came whole: here the refusals are what is looked for."""
    return CallVerdict.OK if outcome.response is not None and outcome.failure is None else judge_read(outcome)


def _refused(one: Look, spec: PlatformSpec) -> StreamflowError:
    said = f": {one.said}" if one.said else ""
    hint = "nothing more was asked; check the key under [source], and whether the account may use the API"
    return AccessRefused(f"{one.function} refused the key, status {one.status}{said}", hint=hint, platform=spec.platform)
