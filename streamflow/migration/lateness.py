"""
How late the source shows its changes, as far as it can be seen: what the configuration says of it may be too little.

Rule 1: by the source's own clock alone. When a pass over a list began, the newest time the source had shown of anything was past; a change
of an earlier time that this pass did not show and the next one does was held back for the difference at least.
Rule 2: only changes since this start began to look are counted: of earlier ones nobody knows when they were shown first. A time further
back than CREDIBLE is no lateness: the record was brought along from elsewhere, or its date was set by hand.
Rule 3: the most that was seen is kept, and half as much again is waited for where less was told: a pass sees only that a change was not
there yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from streamflow.migration.freshness import FORM
from streamflow.model import Key, Kind, Record

CREDIBLE = timedelta(minutes=15)
MARGIN = 1.5
_ROOM = 1_000       # times kept before those that are of no use any more are dropped
Times: TypeAlias = set[tuple[Key, str]]


@dataclass(slots=True)
class _Pass:
    """One pass over a list; *begun* is the newest time the source had shown when it began, "" for none."""

    begun: str
    times: Times = field(default_factory=set)


@dataclass(slots=True)
class _Watched:
    """A kind as this start has seen it."""

    since: str                 # changes from here on are counted
    begun: str                 # of the last pass that showed everything
    seen: Times = field(default_factory=set)


@dataclass(slots=True)
class Lateness:
    """What was measured; `most_s` by kind. Times are texts as records carry them, which sort as they follow each other."""

    most_s: dict[Kind, float] = field(default_factory=dict)
    _newest: str = ""
    _open: dict[Kind, _Pass] = field(default_factory=dict)
    _watched: dict[Kind, _Watched] = field(default_factory=dict)

    def at_least(self, told_s: float, kind: Kind | None = None) -> float:
        """Give for how many seconds a change of a kind (None: of any) may not show, with what the operator *told* of it."""
        seen_s = max(self.most_s.values(), default=0.0) if kind is None else self.most_s.get(kind, 0.0)
        return max(told_s, MARGIN * seen_s)

    def look(self, kind: Kind, records: Iterable[Record], *, now: str) -> None:
        """Take in a page of the pass under way; a time that lies ahead of *now* tells nothing."""
        run = self._open.setdefault(kind, _Pass(self._newest))
        edge, is_counted = _before(run.begun, 2 * CREDIBLE), kind in self._watched
        for record in records:
            at = record.changed_at or ""
            if record.kind != kind or not edge <= at <= now or not at:
                continue
            self._newest = max(self._newest, at)
            if is_counted or run.begun:
                run.times.add((record.key, at))
        if len(run.times) > _ROOM:
            run.times = self._recent(run.times)

    def close(self, kind: Kind, *, is_whole: bool) -> float | None:
        """End the pass; gives the seconds when a change came later than any before it. One that left something out proves nothing."""
        run, known = self._open.pop(kind, None), self._watched.get(kind)
        if run is None or not run.begun:
            return None
        if known is None:
            if is_whole:
                self._watched[kind] = _Watched(since=run.begun, begun=run.begun, seen=run.times)
            return None
        late_s = max((_behind_s(known, at) for _, at in run.times - known.seen), default=0.0)
        known.seen = self._recent(known.seen | run.times)
        known.begun = run.begun if is_whole else known.begun
        if late_s <= self.most_s.get(kind, 0.0):
            return None
        self.most_s[kind] = late_s
        return late_s

    def _recent(self, times: Times) -> Times:
        """Drop what is older than any lateness that is believed, twice over."""
        edge = _before(self._newest, 2 * CREDIBLE)
        return {each for each in times if each[1] >= edge}


def _behind_s(known: _Watched, at: str) -> float:
    """Give for how long a change was not shown that the last pass should have shown; 0 where it could not."""
    if not max(known.since, _before(known.begun, CREDIBLE)) <= at < known.begun:
        return 0.0
    try:
        return (datetime.strptime(known.begun, FORM) - datetime.strptime(at, FORM)) / timedelta(seconds=1)
    except ValueError:
        return 0.0      # written in another form, which sorts and tells no seconds


def _before(at: str, stretch: timedelta) -> str:
    try:
        return (datetime.strptime(at, FORM) - stretch).strftime(FORM)
    except ValueError:
        return ""
