"""
Streams that stopped because their endpoint does not keep to the contract: named, left out, and tried again by themselves.

Rule 1: one endpoint that lies stops its own stream; the others are read and delivered as before. Its mark stays, and a pass that it broke
twice is begun anew, since the guards of a later part do not know what an earlier one was told.
Rule 2: a stop is over when the same sort of pass was read to its end: what a poll of one parent shows says nothing of a read of them all.
Rule 3: one endpoint that does not answer is a matter of its own; a second one in a row means the platform, and ends the round.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streamflow.errors import NotFound, PlatformUnavailable, ProtocolMismatch, StreamflowError, Unreachable
from streamflow.migration.round import Reading
from streamflow.model import Kind
from streamflow.pipeline import first_cause
from streamflow.stages.tally import Tally

POLL, WHOLE = "poll", "whole"
"""Sorts of passes: what changed, and everything."""
WAITS_S = (2.0, 5.0, 10.0, 30.0, 60.0)
AGAIN = 2      # so many failures in a row, and a pass is begun anew
LIES = (ProtocolMismatch, NotFound)


@dataclass(slots=True, kw_only=True)
class _Stop:
    why: str
    failures: int       # in a row, since the pass got on
    again_at: float     # monotonic
    place: str          # how far the pass had come


class Stopped:
    """What stands still at the moment; one for the life of a run. A restart tries everything at once."""

    def __init__(self) -> None:
        self._stops: dict[tuple[Kind, str], _Stop] = {}

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds that are not read, or not completely."""
        return frozenset(kind for kind, _ in self._stops)

    def holds(self, sort: str) -> bool:
        """Say whether a pass of this sort is held up."""
        return any(each == sort for _, each in self._stops)

    def may_try(self, kind: Kind, sort: str, now: float) -> bool:
        """Say whether it is time to ask (again)."""
        stop = self._stops.get((kind, sort))
        return stop is None or now >= stop.again_at

    def failed(self, kind: Kind, sort: str, error: StreamflowError, now: float, *, place: str = "") -> int:
        """Stop a stream, or leave it stopped for longer; answers how often in a row it failed without getting on from its place."""
        before = self._stops.get((kind, sort))
        failures = before.failures + 1 if before is not None and before.place == place else 1
        wait_s = WAITS_S[min(failures, len(WAITS_S)) - 1]
        why = "; ".join(part for part in (str(error), error.hint) if part)
        self._stops[kind, sort] = _Stop(why=why, failures=failures, again_at=now + wait_s, place=place)
        return failures

    def read(self, kind: Kind, sort: str) -> bool:
        """Let a stream go on after a pass; a read of everything covers what changed. Says whether it is not stopped any more."""
        over = [self._stops.pop((kind, each), None) for each in ((POLL, WHOLE) if sort == WHOLE else (POLL,))]
        return any(over) and kind not in self.kinds

    def told(self) -> str:
        """Name each stream, what its endpoint did and what helps, "" when all are read."""
        whys: dict[str, None] = {}
        for (kind, _), stop in sorted(self._stops.items()):
            whys[f"{kind} records are not read, and tried again by themselves ({stop.why})"] = None
        return "; ".join(whys)


class Apart:
    """Reads each stream of a round so that its failure stops it alone; one for each round."""

    def __init__(
        self, stopped: Stopped, reading: Reading, sort: str, *, now: Callable[[], float], log: Callable[..., None], strict: bool = False
    ) -> None:  # fmt: skip
        self._stopped = stopped
        self._reading = reading
        self._sort = sort
        self._now = now
        self._log = log
        self._strict = strict        # everything is needed: a failure ends the round
        self._is_silent = False      # the stream before did not answer

    async def read(
        self, kind: Kind, part: Callable[[], Awaitable[Tally]], *, anew: Callable[[], Awaitable[None]], place: str = ""
    ) -> None:  # fmt: skip
        """
        Read one stream, unless it is stopped and not to be tried yet.

        *place* is how far its pass had come. *anew* is called where what that was told so far is not to be built on. Raises what
        concerns more than this stream.
        """
        if not self._strict and not self._stopped.may_try(kind, self._sort, self._now()):
            self._reading.stopped.add(kind)
            return
        try:
            tally = await _plain(part)
        except (*LIES, PlatformUnavailable) as error:
            is_lie = isinstance(error, LIES)
            if isinstance(error, Unreachable) or (not is_lie and (self._strict or self._is_silent)):
                raise
            self._is_silent = not is_lie
            if self._stop(kind, error, place) >= AGAIN and is_lie:
                await anew()
            if self._strict:
                raise
            return
        self._is_silent = False
        if tally.ended and tally.asked and self._stopped.read(kind, self._sort):
            self._log("stream.goes_on", kind=kind)

    def _stop(self, kind: Kind, error: StreamflowError, place: str) -> int:
        self._reading.stopped.add(kind)
        was_told = kind in self._stopped.kinds
        failures = self._stopped.failed(kind, self._sort, error, self._now(), place=place)
        if not was_told:
            self._log("stream.stopped", kind=kind, code=error.code, reason=str(error))
        return failures


async def _plain(part: Callable[[], Awaitable[Tally]]) -> Tally:
    """Run a part of a round; of several calls that failed side by side the first cause is raised."""
    try:
        return await part()
    except BaseExceptionGroup as failures:
        raise first_cause(failures) from failures
