"""
The settled feed: reading only what changed, where the source can be asked so, behind a mark that moves when nothing can show late.

Rule 1: times are those the source's records carry, so that no clock but its own counts. The mark is the newest time seen, less the
horizon; each read begins an overlap before it, and (time, key) tells what was seen before.
Rule 2: mark and records are one transaction, that of the last page: what was not drained does not count.
Rule 3: a filter is assumed until it has shown itself. Each answer must hold what was seen to change lately, and nothing older than asked
for; one that does not is not used again in this start, and the whole list is read in its place.
Rule 4: only whole lists prove what is gone, and find silent edits: the sweep goes on as without a filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from streamflow.errors import NoProperAnswer, NotFound, ProtocolMismatch, QuestionRefused
from streamflow.ledger_names import read_mark
from streamflow.migration.context import Migration
from streamflow.migration.freshness import FORM, NotingSource
from streamflow.migration.horizon import settle_of
from streamflow.model import Key, Kind, Record
from streamflow.platforms.source import Stream
from streamflow.stages.extract import Intake
from streamflow.stages.tally import Tally
from streamflow.store.base import Mark
from streamflow.store.change import Change, MoveMark

SLACK = timedelta(days=1)     # filters that take a date only begin at its first second
FEW = 5                       # so many records may have gone from the source since they were seen
PRUNE_AT = 10_000


class FilterLies(Exception):
    """The filter by time of change does not do what it is said to do."""


@dataclass(slots=True, kw_only=True)
class Times:
    """The times of change that one pass showed; of a whole list only those near its newest are kept, of a window all."""

    keep: timedelta | None
    seen: dict[Key, datetime] = field(default_factory=dict)
    newest: datetime | None = None
    oldest: datetime | None = None
    ceiling: datetime             # the source's wall clock now: a time beyond it is no time to go by

    def look(self, record: Record) -> None:
        """Take in one record of the pass."""
        at = moment(record.changed_at)
        if at is None:
            return
        self.oldest = at if self.oldest is None else min(at, self.oldest)
        self.newest = max(min(at, self.ceiling), self.newest or min(at, self.ceiling))
        if self.keep is None or at >= self.newest - self.keep:
            self.seen[record.key] = at
            if self.keep is not None and len(self.seen) % PRUNE_AT == 0:
                self.seen = {key: each for key, each in self.seen.items() if each >= self.newest - self.keep}


class SettledFeed:
    """Reads by windows of change where that can be trusted, and keeps the marks they begin at."""

    def __init__(self, migration: Migration, noting: NotingSource, intake: Intake) -> None:
        self._m = migration
        self._noting = noting
        self._intake = intake
        self.distrusted: dict[Kind, str] = {}     # why a filter is not used any more, by kind

    def told(self) -> str:
        """Say which filters turned out not to be what they are said to be, "" when none did."""
        return "; ".join(f"{kind} records are read as a whole list each round: {why}" for kind, why in sorted(self.distrusted.items()))

    async def read(self, stream: Stream, *, scan: str) -> Tally | None:
        """Read what changed since the mark; None where the whole list has to be read: no filter, no mark yet, or none to be trusted."""
        mark = await self._m.ledger.mark(_name(stream.kind))
        if stream.overlap_s is None or mark is None or stream.kind in self.distrusted:
            return None
        since = _read(mark) - timedelta(seconds=stream.overlap_s)
        cursor = self._m.source.changes_from(stream.kind, since)
        if cursor is None:
            return None
        times = self._times(None)
        try:
            with self._noting.shown_to(stream.kind, times.look):
                return await self._intake.follow(stream, cursor, scan=scan, closing=lambda: self._drained(stream, mark, since, times))
        except (FilterLies, ProtocolMismatch) as error:
            why = str(error) if isinstance(error, FilterLies) else f"the source does not take a filter by time of change: {error}"
            self.distrusted[stream.kind] = why
            self._m.log("read.filter_distrusted", kind=stream.kind, reason=why)
            return None

    async def whole(self, stream: Stream, *, scan: str, names_touched: bool = True) -> Tally:
        """Read the whole list; one that was read from its beginning sets the mark for the reads of changes that follow."""
        before = await self._m.ledger.mark(read_mark(stream.kind))
        is_resumed = before is not None and before.note.get("scan") == scan
        if stream.overlap_s is None or is_resumed:
            return await self._intake.scan(stream, scan=scan, names_touched=names_touched)
        times = self._times(timedelta(seconds=stream.overlap_s + await settle_of(self._m, stream.kind)))

        async def drained() -> Sequence[Change]:
            return await self._moved(stream, times, None)

        with self._noting.shown_to(stream.kind, times.look):
            return await self._intake.scan(stream, scan=scan, closing=drained, names_touched=names_touched)

    # --- below

    def _times(self, keep: timedelta | None) -> Times:
        return Times(keep=keep, ceiling=self._m.clock.now().astimezone(ZoneInfo(self._m.terms.timezone)).replace(tzinfo=None))

    async def _drained(self, stream: Stream, mark: Mark, since: datetime, times: Times) -> Sequence[Change]:
        """Look whether the answer is to be trusted, before its last page and the mark are committed. Raises FilterLies."""
        if times.oldest is not None and times.oldest < since - SLACK:
            raise FilterLies("its filter by time of change is not obeyed, older records came along")
        known: dict[Key, str] = dict(mark.note.get("seen") or {})
        expected = [key for key, at in known.items() if (then := moment(at)) is not None and then >= since]
        missing = [key for key in expected if key not in times.seen]
        if len(missing) > FEW or [key for key in missing if await self._is_there(stream.kind, key, since)]:
            raise FilterLies("its filter by time of change leaves out records that did change")
        moves = self._noting.moves.get(stream.kind)
        if moves is not None:
            moves.moved.update(dict.fromkeys(key for key, at in times.seen.items() if known.get(key) != at.strftime(FORM)))
        return await self._moved(stream, times, mark)

    async def _is_there(self, kind: Kind, key: Key, since: datetime) -> bool:
        try:
            record = await self._m.source.one(kind, key)
        except (NotFound, QuestionRefused, NoProperAnswer):
            return True     # nobody can tell: the whole list will
        at = moment(record.changed_at) if record is not None else None
        return at is not None and at >= since

    async def _moved(self, stream: Stream, times: Times, before: Mark | None) -> list[Change]:
        """
        Move the mark to a horizon before the newest time; a read of changes never moves it back.

        A whole list (*before* None) sets it anew, be it earlier: where the settle time has grown, or what changed last is gone.
        """
        if times.newest is None:
            return []
        to = times.newest - timedelta(seconds=await settle_of(self._m, stream.kind))
        to = max(to, _read(before)) if before is not None else to
        edge = to - timedelta(seconds=stream.overlap_s or 0.0)
        seen = {key: at.strftime(FORM) for key, at in times.seen.items() if at >= edge}
        return [MoveMark(name=_name(stream.kind), cursor=to.strftime(FORM), note={"seen": seen})]


def moment(text: str | None) -> datetime | None:
    """Read a time of change as canonical records carry it: naive, by the source's wall clock; None for what is none."""
    try:
        return datetime.strptime(text, FORM) if text else None
    except ValueError:
        return None


def _read(mark: Mark) -> datetime:
    return datetime.strptime(mark.cursor, FORM)


def _name(kind: Kind) -> str:
    return f"settled:{kind}"
