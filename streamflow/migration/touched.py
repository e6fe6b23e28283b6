"""
Who besides us worked on records of ours, by the destination's own account of what happened.

Rule 1: whoever made a record of ours is us, or an author in whose name we wrote; anybody else who changed it is somebody else.
Rule 2: where we write under a name that a person may also work under, what came well after our last write is the person's.
Rule 3: of records that are watched, each event since a position is held: who changed what, in which order.
Rule 4: an event may show behind those that came after it. So each look begins well before the end of the last one: as far back as the
account is known to show things late, by its own clock, and further once an event was seen to be later.
Rule 5: what people made or changed besides may hang on records of ours by now: it is named to whoever removes them.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from streamflow.clock import from_iso
from streamflow.migration.context import Migration
from streamflow.model import Cursor, DestId, Kind, Link
from streamflow.platforms.destination import Happening, is_person, position_of
from streamflow.stages.differences import WRITTEN_AS

FIRST: Final = "feed:first"
"""Setting: the position of the feed before anything was written."""
SLACK_S: Final = 120      # by which two clocks may differ
BACK_S: Final = 20.0      # by which a look begins before the end of the last one, where nothing longer is known
GRAIN_S: Final = 5.0      # to which the destination may round its times
MARGIN: Final = 1.25      # the latest event of all was hardly among those that were seen
BELIEVED_S: Final = 600.0   # an event that is later than that bears an old time


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Something that was done to a record."""

    kind: str
    actor: str
    at: int                             # Unix seconds, of the destination's clock
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A page of the feed that a look ended with: a later look begins before it."""

    position: Cursor                    # after it
    at: int                             # its latest event, Unix seconds of the destination's clock
    places: frozenset[int]


@dataclass(slots=True)
class Touches:
    """Reads the feed once from the beginning of the migration, then what came since; holds what concerns records of the crosswalk."""

    migration: Migration
    _cursor: Cursor = ""
    _start: Cursor = ""                                                       # where the next look begins
    _recent: deque[Told] = field(default_factory=deque)                       # what came since there
    _newest_at: int = 0
    _late_s: float = 0.0                                                      # the most that an event was seen to be late
    _others: dict[DestId, tuple[Kind, int]] = field(default_factory=dict)     # not ours, with the time of the event
    _told: dict[DestId, Kind] = field(default_factory=dict)                   # of them, those that were asked for
    _makers: set[str] = field(default_factory=set)
    _traces: dict[DestId, dict[str, Trace]] = field(default_factory=dict)     # by actor, the latest
    _watched: dict[DestId, int] = field(default_factory=dict)                 # since which position of the feed
    _events: dict[DestId, dict[int, Happening]] = field(default_factory=dict)     # of the watched, by position

    @property
    def position(self) -> Cursor:
        """Up to where the last look has told everything that does not come late; "" before the first."""
        return self._cursor

    @property
    def begins(self) -> Cursor:
        """From where the next look begins: what happens from now on, and all that is told late by then, comes after it."""
        return self._start

    @property
    def told_within_s(self) -> float:
        """Within how many seconds everything that happens is told: as the account is known to lag, or more where more was seen."""
        seen_s = self._late_s * MARGIN + 1.0 if self._late_s else 0.0
        return max(self.migration.destination.flags.search_lag_s, seen_s)

    def watch(self, dest_id: DestId, seen: Cursor) -> None:
        """Hold the events of a record from here on; *seen* is no later than the last look."""
        self._watched[dest_id] = min(position_of(seen), self._watched.get(dest_id, position_of(seen)))

    def unwatch(self, dest_id: DestId) -> None:
        """Hold them no more."""
        self._watched.pop(dest_id, None)
        self._events.pop(dest_id, None)

    def events(self, dest_id: DestId, seen: Cursor) -> list[Happening]:
        """Give what happened to a watched record since a position, oldest first."""
        return [event for place, event in sorted(self._events.get(dest_id, {}).items()) if place > position_of(seen)]

    def others(self) -> dict[DestId, Kind]:
        """Give the records besides ours that were made or changed since this was asked last; of the time before the first look the end."""
        found = {dest_id: kind for dest_id, (kind, _) in self._others.items()}
        self._others.clear()
        self._told.update(found)
        return found

    def told(self, kind: Kind) -> set[DestId]:
        """Give the records of a kind that `others` has ever given."""
        return {dest_id for dest_id, of_kind in self._told.items() if of_kind == kind}

    async def look(self, *, removed: Collection[DestId] = ()) -> set[DestId]:
        """Take in what is new since the last look; answers which records that concerns. *removed* left the crosswalk just now."""
        feed, is_first = self.migration.destination.feed, not self._start
        start = self._start or str(await self.migration.ledger.setting(FIRST) or "")
        if not start:
            return set()
        following = await feed.cursor(fresh=True)
        known = {place for page in self._recent for place in page.places}
        recent: deque[Told] = deque()
        concerned: set[DestId] = set()
        newest_at, back_s = self._newest_at, max(BACK_S, self.told_within_s) + GRAIN_S
        async for page, position in feed.changed(start):
            concerned |= await self._take(page, removed, known)
            newest_at = max(newest_at, *(event.at for event in page)) if page else newest_at
            places = frozenset(position_of(event.id) for event in page)
            recent.append(Told(position=position, at=max((event.at for event in page), default=0), places=places))
            while recent and recent[0].at < newest_at - back_s:
                start = recent.popleft().position
            if is_first:
                self._others = {each: (kind, at) for each, (kind, at) in self._others.items() if at >= newest_at - back_s}
        self._start, self._recent, self._newest_at = start, recent, newest_at
        self._cursor = following     # what came while we read is told again, which does no harm
        return concerned

    async def _take(self, events: Iterable[Happening], removed: Collection[DestId], known: Collection[int]) -> set[DestId]:
        pairs = [(dest_id, event) for event in events if event.action != "delete" for dest_id in event.ids]
        named = sorted({dest_id for dest_id, _ in pairs})
        ours = {link.dest_id for link in await self.migration.ledger.links_to(named) if not link.is_merged} if named else set()
        concerned: set[DestId] = set()
        for dest_id, event in pairs:
            if self._watched.get(dest_id, place := position_of(event.id)) < place:
                self._events.setdefault(dest_id, {})[place] = dataclasses.replace(event, payloads={})
            if place in known:
                continue
            self._time(event)
            if dest_id not in ours and dest_id not in removed:
                if event.actor not in self._makers or is_person(event.actor):
                    self._others[dest_id] = (event.kind, event.at)
                continue
            if event.action == "create":
                self._makers.add(event.actor)
                continue
            concerned.add(dest_id)
            held = self._traces.setdefault(dest_id, {})
            if event.actor not in held or held[event.actor].at <= event.at:
                held[event.actor] = Trace(kind=event.kind, actor=event.actor, at=event.at, fields=tuple(event.changes)[:3])
        return concerned

    def _time(self, event: Happening) -> None:
        """Learn from an event that an earlier look should have told: it was not there when a younger one was."""
        late_s = self._newest_at - event.at
        if position_of(event.id) <= position_of(self._cursor) and self._late_s < late_s <= BELIEVED_S:
            self._late_s = late_s

    def by_others(self, link: Link) -> str:
        """Say what others did to a record of ours, for the list of what was spared; "" when nobody was there."""
        traces = [trace for trace in self._traces.get(link.dest_id, {}).values() if self._is_others(trace, link)]
        if not traces:
            return ""
        last = max(traces, key=lambda trace: trace.at)
        when = datetime.fromtimestamp(last.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"{', '.join(last.fields) or 'something'} by {last.actor} at {when}"

    def _is_others(self, trace: Trace, link: Link) -> bool:
        if trace.actor not in self._makers:
            return True
        if not is_person(trace.actor):
            return False
        is_program = any(not is_person(maker) for maker in self._makers)
        if is_program and trace.kind not in WRITTEN_AS:
            return True
        return bool(link.written_at) and trace.at > from_iso(link.written_at).timestamp() + SLACK_S
