"""
Who besides us worked on records of ours, by the destination's own account of what happened.

Rule 1: whoever made a record of ours is us, or an author in whose name we wrote; anybody else who changed it is somebody else.
Rule 2: where we write under a name that a person may also work under, what came well after our last write is the person's.
Rule 3: of records that are watched, each event since a position is held: who changed what, in which order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from streamflow.clock import from_iso
from streamflow.migration.context import Migration
from streamflow.model import Cursor, DestId, Link
from streamflow.platforms.base import Happening, is_person, position_of
from streamflow.stages.differences import WRITTEN_AS

FIRST: Final = "feed:first"
"""Setting: the position of the feed before anything was written."""
SLACK_S: Final = 120      # by which two clocks may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Something that was done to a record."""

    kind: str
    actor: str
    at: int                             # Unix seconds, of the destination's clock
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Touches:
    """Reads the feed once from the beginning of the migration, then what came since; holds what concerns records of the crosswalk."""

    migration: Migration
    _cursor: Cursor = ""
    _makers: set[str] = field(default_factory=set)
    _traces: dict[DestId, dict[str, Trace]] = field(default_factory=dict)     # by actor, the latest
    _watched: dict[DestId, int] = field(default_factory=dict)                 # since which position of the feed
    _events: dict[DestId, dict[int, Happening]] = field(default_factory=dict)     # of the watched, by position

    @property
    def position(self) -> Cursor:
        """Up to where the last look has told everything; "" before the first."""
        return self._cursor

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

    async def look(self, *, removed: Collection[DestId] = ()) -> set[DestId]:
        """Take in what happened since the last look; answers which records that concerns. *removed* left the crosswalk just now."""
        feed = self.migration.destination.feed
        start = self._cursor or str(await self.migration.ledger.setting(FIRST) or "")
        if not start:
            return set()
        following = await feed.cursor(fresh=True)
        concerned: set[DestId] = set()
        async for page, _ in feed.changed(start):
            concerned |= await self._take(page, removed)
        self._cursor = following     # what came while we read is told again, which does no harm
        return concerned

    async def _take(self, events: Iterable[Happening], removed: Collection[DestId]) -> set[DestId]:
        pairs = [(dest_id, event) for event in events if event.action != "delete" for dest_id in event.ids]
        named = sorted({dest_id for dest_id, _ in pairs})
        ours = {link.dest_id for link in await self.migration.ledger.links_to(named) if not link.is_merged} if named else set()
        concerned: set[DestId] = set()
        for dest_id, event in pairs:
            if self._watched.get(dest_id, place := position_of(event.id)) < place:
                self._events.setdefault(dest_id, {})[place] = dataclasses.replace(event, payloads={})
            if dest_id not in ours and dest_id not in removed:
                continue
            if event.action == "create":
                self._makers.add(event.actor)
                continue
            concerned.add(dest_id)
            held = self._traces.setdefault(dest_id, {})
            if event.actor not in held or held[event.actor].at <= event.at:
                held[event.actor] = Trace(kind=event.kind, actor=event.actor, at=event.at, fields=tuple(event.changes)[:3])
        return concerned

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
