"""
How late the source shows a change: measured by the reads themselves, stream by stream, from the first pass on and all through the tail.

Rule 1: a change counts as late only as far as that is proved: a complete read that began so long after it did not show it.
Rule 2: clocks that differ are no lateness: the quickest change that was shown tells by how much they differ at the most.
Rule 3: what is measured lengthens what the configuration says (`settle_s`) and never shortens it.
Rule 4: one change alone may be a row that moved between two pages, or an import that bears old times: it counts what two were late by,
and beyond a quarter of an hour nothing does. The sweep is there for these.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from streamflow.migration.context import Migration
from streamflow.migration.freshness import FORM
from streamflow.model import Key, Kind, Record
from streamflow.platforms.source import Stream
from streamflow.stages.tally import Tally
from streamflow.store.change import PutSetting

SHOWN_LATE = "source:shown_late_s"     # setting: kind -> the most that one of its changes was proved to show late
BELIEVED_S = 900.0
AHEAD_S = 300.0                        # a time further ahead of our clock is no time to go by
LEAST_RISE_S = 1.0                     # less more than before is not worth noting
KEPT = 100                             # so many of the last changes are looked back at
MARGIN = 1.25                          # the latest change of all was hardly among those that were seen


def allowance_s(shown_late_s: float) -> float:
    """Give how long to wait for late changes where one was shown so late."""
    return shown_late_s * MARGIN + 1.0 if shown_late_s else 0.0


async def settle_of(migration: Migration, kind: Kind) -> float:
    """Give how late the source may show a change of one kind, in seconds: as configured, or more where more was measured."""
    return max(migration.terms.settle_of(kind), allowance_s((await shown_late(migration)).get(kind, 0.0)))


async def horizon_of(migration: Migration) -> float:
    """Give after how many seconds every kind has shown its changes."""
    return max((migration.terms.horizon_s, *(allowance_s(late_s) for late_s in (await shown_late(migration)).values())))


async def shown_late(migration: Migration) -> Mapping[Kind, float]:
    """Give by kind the most that a change was proved to show late, over all starts."""
    return dict(await migration.ledger.setting(SHOWN_LATE) or {})


async def told(migration: Migration) -> str:
    """Name the kinds that were shown later than the configuration says, "" where none was."""
    found = sorted((await shown_late(migration)).items())
    return "; ".join(
        f"the source showed changes of {kind} records {late_s:.0f} s late, more than the {migration.terms.settle_of(kind):.0f} s that are "
        f"configured (`delta.settle_s`): {allowance_s(late_s):.0f} s are allowed now"
        for kind, late_s in found if allowance_s(late_s) > migration.terms.settle_of(kind)
    )


class Lateness:
    """Watches the reads of whole lists and of what changed; one for each start."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self._stream: Stream | None = None           # being read
        self._begun = migration.clock.steady()          # that read
        self._quickest_s: dict[Kind, float] = {}     # the least between a change and its being shown: clocks differ by no more
        self._unshown_s: defaultdict[Kind, deque[float]] = defaultdict(partial(deque, maxlen=KEPT))
        """How long after a change, by both clocks, a read began that did not show it."""
        self._seen: defaultdict[Kind, dict[Key, datetime]] = defaultdict(dict)    # the latest times: each is looked at once
        self._whole: dict[Kind, datetime] = {}       # when the last complete read began, of the whole list,
        self._latest: dict[Kind, datetime] = {}      # and of any sort

    def begin(self, stream: Stream) -> None:
        """Note that a read begins. A snapshot, and times of change that a stream does not go by, tell nothing."""
        self._stream = None if stream.reader == "files" or stream.by_clock or stream.parent is not None else stream
        self._begun = self._m.clock.steady()

    def look(self, kind: Kind, records: Sequence[Record]) -> None:
        """Look at the records of a page."""
        stream = self._stream
        if stream is None or stream.kind != kind:
            return
        now, seen = self._m.clock.steady(), self._seen[kind]
        for record in records:
            at = self._moment(record.changed_at) if record.kind == kind else None
            if at is None or (waited_s := _between(at, now)) < -AHEAD_S:
                continue
            self._quickest_s[kind] = min(waited_s, self._quickest_s.get(kind, waited_s))
            if waited_s - self._quickest_s[kind] > BELIEVED_S or seen.get(record.key) == at:
                continue
            seen[record.key] = at
            if (gap_s := self._unshown_for(stream, at)) is not None:
                self._unshown_s[kind].append(gap_s)

    async def end(self, tally: Tally, *, is_whole: bool, is_resumed: bool = False) -> None:
        """Note that the read came to its end, and what it proved."""
        stream, self._stream = self._stream, None
        if stream is None or not tally.complete:
            return
        if not is_resumed:           # else a part of it was read long before it began here
            self._latest[stream.kind] = self._begun
            if is_whole:
                self._whole[stream.kind] = self._begun
        oldest_s = self._quickest_s.get(stream.kind, 0.0) + BELIEVED_S
        self._seen[stream.kind] = {key: at for key, at in self._seen[stream.kind].items() if _between(at, self._begun) <= oldest_s}
        before, late_s = await shown_late(self._m), round(self._proved_s(stream.kind), 1)
        if late_s >= before.get(stream.kind, 0.0) + LEAST_RISE_S:
            await self._m.ledger.commit([PutSetting(name=SHOWN_LATE, value={**before, stream.kind: late_s})])
            self._m.log("read.shown_late", kind=stream.kind, horizon_s=late_s)

    def _proved_s(self, kind: Kind) -> float:
        """Give what at least two changes were shown late by."""
        late = sorted(gap_s - self._quickest_s[kind] for gap_s in self._unshown_s[kind])
        believed = [late_s for late_s in late if 0.0 < late_s <= BELIEVED_S]
        return believed[-2] if len(believed) > 1 else 0.0

    def _unshown_for(self, stream: Stream, at: datetime) -> float | None:
        """Give how long after a change the last complete read began that would have shown it; None where that proves nothing."""
        whole, latest = self._whole.get(stream.kind), self._latest.get(stream.kind)
        limit_s = self._quickest_s[stream.kind] + BELIEVED_S
        if latest is not None and latest != whole:
            gap_s = _between(at, latest)
            if gap_s <= min(limit_s, self._quickest_s[stream.kind] + (stream.overlap_s or 0.0)):
                return gap_s
        gap_s = _between(at, whole) if whole is not None else limit_s + 1.0
        return gap_s if gap_s <= limit_s else None

    def _moment(self, text: str | None) -> datetime | None:
        """Read a time of change; None for a day without a time, and for an hour that came twice."""
        try:
            at = datetime.strptime(text or "", FORM).replace(tzinfo=ZoneInfo(self._m.terms.timezone))
        except ValueError:
            return None
        is_twice = at.utcoffset() != at.replace(fold=1).utcoffset()
        return None if is_twice or (at.hour, at.minute, at.second) == (0, 0, 0) else at


def _between(one: datetime, other: datetime) -> float:
    return (other - one) / timedelta(seconds=1)
