"""
Reading what changed where records do not carry the time that is filtered by, and reading the latest part again where edits move no time.

Rule 1: the mark is when the last drained read began, by the source's wall clock; each read begins an overlap before it, which has room for
clocks that differ, and before that as far as the source may show a change late (`settle_s`). It moves with the last page, and only if
nothing was left out or a person gave that up.
Rule 2: where our clock was set meanwhile the earlier of both times counts: what is read twice is known, what a mark went past is not read
before the sweep.
Rule 3: what moves no time of change is found by reading the latest part of the whole list again, and by the sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from streamflow.clock import iso
from streamflow.migration.context import Migration
from streamflow.migration.freshness import FORM
from streamflow.migration.horizon import settle_of
from streamflow.model import Cursor, Kind
from streamflow.platforms.source import Stream
from streamflow.stages.extract import Intake
from streamflow.stages.tally import CHANGED, RECENT, Tally
from streamflow.store.change import Change, MoveMark


class ClockedFeed:
    """Reads such streams in the rounds of the tail, and keeps their marks."""

    def __init__(self, migration: Migration, intake: Intake) -> None:
        self._m = migration
        self._intake = intake

    @staticmethod
    def serves(stream: Stream) -> bool:
        """Say whether a stream is read so."""
        return stream.by_clock or stream.has_recent

    async def read(self, stream: Stream, *, scan: str) -> Tally | None:
        """Read what changed, and what is due of the latest part; None where no whole list was drained yet."""
        mark = await self._m.ledger.mark(_changed(stream.kind))
        if mark is None:
            return None
        tally = Tally(ended=True)
        begun = self._wall_clock()
        back_s = (stream.overlap_s or 0.0) + await settle_of(self._m, stream.kind)
        since = datetime.strptime(min(mark.cursor, begun), FORM) - timedelta(seconds=back_s)
        cursor = self._m.source.changes_from(stream.kind, since) if stream.overlap_s is not None else None
        if cursor is not None:
            tally.take(await self._followed(stream, cursor, scan, MoveMark(name=_changed(stream.kind), cursor=begun), CHANGED))
        if stream.has_recent and tally.ended and await self._is_due(stream.kind):
            moved = MoveMark(name=_recent(stream.kind), cursor=iso(self._m.clock.now()))
            cursor = self._m.source.recent_from(stream.kind)
            if cursor is not None:
                tally.take(await self._followed(stream, cursor, f"{scan}:recent", moved, RECENT))
        return tally

    async def whole(self, stream: Stream, *, scan: str, names_touched: bool) -> Tally:
        """Read the whole list; the marks are set to when it was begun, be it in an earlier start of the daemon."""
        local, at = (await self._begun(stream.kind, scan)).split("|")

        async def drained() -> Sequence[Change]:
            return [MoveMark(name=_changed(stream.kind), cursor=local), MoveMark(name=_recent(stream.kind), cursor=at)]

        return await self._intake.scan(stream, scan=scan, closing=drained, names_touched=names_touched)

    # --- below

    async def _followed(self, stream: Stream, cursor: Cursor, scan: str, move: MoveMark, part: str) -> Tally:
        async def drained() -> Sequence[Change]:
            return [move]

        return await self._intake.follow(stream, cursor, scan=scan, closing=drained, part=part)

    async def _begun(self, kind: Kind, scan: str) -> str:
        """Give when the pass of this name began, and note it if it begins now."""
        known = await self._m.ledger.mark(f"begun:{kind}")
        if known is not None and known.note.get("scan") == scan:
            return known.cursor
        begun = f"{self._wall_clock()}|{iso(self._m.clock.now())}"
        await self._m.ledger.commit([MoveMark(name=f"begun:{kind}", cursor=begun, note={"scan": scan})])
        return begun

    async def _is_due(self, kind: Kind) -> bool:
        mark = await self._m.ledger.mark(_recent(kind))
        return mark is None or self._m.waits.passed_s(_recent(kind), mark.cursor) >= self._m.terms.rescan_every_s

    def _wall_clock(self) -> str:
        return min(self._m.clock.now(), self._m.clock.steady()).astimezone(ZoneInfo(self._m.terms.timezone)).strftime(FORM)


def _changed(kind: Kind) -> str:
    return f"delta:{kind}"


def _recent(kind: Kind) -> str:
    return f"recent:{kind}"
