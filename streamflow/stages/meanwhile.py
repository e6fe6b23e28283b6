"""
What others did between the reading of the facts a batch was planned from and its writes.

Rule 1: a record that changed since it was read is not written to: it comes again and is read anew.
Rule 2: what slips into the moment between the last look and the write is told afterwards, with what was there, and asked about.
Rule 3: the feed may be late, and may tell one event behind those that came after it. So a write is looked after only when the account has
had the time in which it is known to show everything, from where the feed stood before the record was read, and again until the write
itself is among what is told.

A look is a call to the feed, whatever it is asked about. Looks before writes follow each other from where the last one ended, and one
serves the waves of the next few seconds: what slips in there falls under rule 2. One look afterwards serves all writes that are due.
What is still to be looked after is in the ledger with what the writes came to, so that whoever runs the stages next does it; the switch
waits for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.clock import Clock
from streamflow.model import Cursor, DestId, Kind, Op
from streamflow.platforms.destination import Feed, Happening, position_of
from streamflow.stages.batch import Write
from streamflow.stages.overwritten import Done, items_of, ours_among
from streamflow.stages.unknown import REMADE_KINDS
from streamflow.store.change import Change, Enqueue

GOOD_FOR_S: Final = 5.0      # seconds for which a look serves the waves that follow it
KEPT_EVENTS: Final = 50      # of one record
OVERDUE_S: Final = 60.0      # after which a look before a write takes along what is due
AWAITED_S: Final = 120.0     # for which the switch waits for a write of ours that does not show in the feed
LATEST_S: Final = 600.0      # after which a write that never showed is no longer looked for
LEFT_AT_MOST: Final = 5      # times in a row that a write is planned anew since its record reads otherwise


@dataclass(slots=True)
class Meanwhile:
    """
    The looks of the stages, run after run; *edited* names what we changed ourselves, for those who read next.

    *told_within_s* gives the seconds within which the account is known to show everything that happens.
    """

    feed: Feed
    clock: Clock
    told_within_s: Callable[[], float] = lambda: 0.0
    edited: set[DestId] = field(default_factory=set)
    worked_on: set[DestId] = field(default_factory=set)      # what the destination did not let us remove, since somebody had changed it
    _positions: dict[Kind, Cursor] = field(default_factory=dict)                 # up to where each kind was looked at
    _starts: dict[Kind, Cursor] = field(default_factory=dict)                    # and from where on
    _looked_at: dict[Kind, float] = field(default_factory=dict)                  # monotonic
    _events: dict[DestId, dict[int, Happening]] = field(default_factory=dict)    # changes since the first look, by position
    _unlooked: dict[str, Done] = field(default_factory=dict)                     # by intent
    _again_at: dict[str, float] = field(default_factory=dict)                    # by intent, Unix seconds; where it had not shown yet
    _found: list[Change] = field(default_factory=list)                           # by the looks, and not in the ledger yet
    _otherwise: dict[DestId, int] = field(default_factory=dict)                  # times in a row it read otherwise right before a write

    async def moved(self, asked: Mapping[DestId, Kind], seen: Cursor, *, at_once: bool = False) -> set[DestId]:
        """Which of these records, read when the feed stood at *seen*, somebody changed since."""
        if not asked or not seen:
            return set()
        kinds, now = {kind for kind in asked.values() if self.feed.carries(kind)}, self.clock.monotonic()
        is_old = any(now - self._looked_at.get(kind, float("-inf")) > GOOD_FOR_S or not self._reaches(kind, seen) for kind in kinds)
        if kinds and (at_once or is_old):
            due = self._due()
            is_overdue = any(self._due_at(each) <= self.clock.steady().timestamp() - OVERDUE_S for each in due)
            await self._look(kinds, seen, due if is_overdue else ())
        return {dest_id for dest_id in asked if self._since(dest_id, seen)}

    def puts_off(self, dest_id: DestId, *, is_other: bool) -> bool:
        """
        Say whether a record that reads otherwise at the last moment is left for another plan.

        It is so many times: two ways of reading that never agree must not hold it up for good. Then it is written, and looked after.
        """
        times = self._otherwise.pop(dest_id, 0)
        if not is_other or times >= LEFT_AT_MOST:
            return False
        self._otherwise[dest_id] = times + 1
        return True

    def wrote(self, done: Done) -> list[Change]:
        """Note an update, to be looked after; gives what is to be committed with its confirmation."""
        self.edited.add(done.dest_id)
        if not done.seen or not self.feed.carries(done.dest_kind):
            return []
        self._unlooked[done.id] = done
        return [done.noted]

    def recall(self, noted: Mapping[str, Any]) -> None:
        """Take up what an earlier start of the daemon wrote and did not look after, from the settings under `UNLOOKED`."""
        self._unlooked |= {done.id: done for done in (Done.from_setting(name, value) for name, value in noted.items())}

    @property
    def left_s(self) -> float:
        """Give after how many seconds to look again before anything is switched; 0.0 when nothing is waited for any more."""
        now = self.clock.steady().timestamp()
        held_s = max(AWAITED_S, self.told_within_s())
        awaited = [self._due_at(each) for each in self._unlooked.values() if self._age_s(each) < held_s]
        return max(0.1, min(awaited) - now) if awaited else 0.0

    async def finish(self) -> list[Change]:
        """Look after the writes that are due, all in one look, and give what is to be noted of it and asked."""
        if due := self._due():
            await self._look(set(), "", due)
        return self.take()

    async def forget(self) -> None:
        """
        Begin a new run of the stages: who reads from now on needs no looks from before; what is still to be looked after is read anew.

        A position of the feed that is older than our own edits would tell them as somebody's.
        """
        if self.edited:
            await self.feed.cursor(fresh=True)
        for held in (self.edited, self._positions, self._starts, self._looked_at, self._events):
            held.clear()

    def take(self) -> list[Change]:
        """Give what is to be asked by now, and what is looked after."""
        found, self._found = self._found, []
        return found

    # --- what is due

    def _age_s(self, done: Done) -> float:
        """Seconds since a write; one from the future was noted under a clock that was wrong, and is as old as can be."""
        age_s = self.clock.steady().timestamp() - done.at
        return age_s if age_s >= 0.0 else float("inf")

    def _due_at(self, done: Done) -> float:
        if self._age_s(done) >= LATEST_S:
            return 0.0
        return self._again_at.get(done.id, done.at + self.told_within_s())

    def _due(self) -> list[Done]:
        now = self.clock.steady().timestamp()
        return [each for each in self._unlooked.values() if self._due_at(each) <= now]

    # --- looking

    def _reaches(self, kind: Kind, seen: Cursor) -> bool:
        """Say whether the looks at a kind began no later than *seen*."""
        return kind in self._starts and position_of(self._starts[kind]) <= position_of(seen)

    def _since(self, dest_id: DestId, seen: Cursor) -> list[Happening]:
        return [event for place, event in sorted(self._events.get(dest_id, {}).items()) if place > position_of(seen)]

    async def _look(self, kinds: Collection[Kind], seen: Cursor, due: Sequence[Done]) -> None:
        begun, begun_s = self.clock.steady().timestamp(), self.clock.monotonic()
        carried = [each for each in due if self.feed.carries(each.dest_kind)]
        if starts := [*(self._positions[kind] if self._reaches(kind, seen) else seen for kind in kinds), *(each.seen for each in carried)]:
            start, asked = min(starts, key=position_of), sorted({*kinds, *(each.dest_kind for each in carried)})
            reached = await self._read(start, asked)
            for kind in asked:
                joins = kind in self._starts and position_of(start) <= position_of(self._positions[kind])
                self._starts[kind] = min(self._starts[kind], start, key=position_of) if joins else start
                self._positions[kind] = max(self._positions[kind], reached, key=position_of) if joins else reached
                self._looked_at[kind] = begun_s
        for each in due:
            self._settle(each, begun)

    def _settle(self, done: Done, begun: float) -> None:
        """End the looking after of a write that has shown, or that cannot; else put it off."""
        age_s = self._age_s(done)
        is_last = age_s >= LATEST_S or done.dest_kind in REMADE_KINDS or not self.feed.carries(done.dest_kind)
        events = self._since(done.dest_id, done.seen)
        ours = ours_among(done, events, guess=is_last)
        if not ours and not is_last:
            self._again_at[done.id] = begun + max(GOOD_FOR_S, age_s / 2)
            return
        if self._unlooked.pop(done.id, None) is not None:      # two looks at the same time tell it twice
            self._again_at.pop(done.id, None)
            self._found += [*(Enqueue(item=item) for item in items_of(done, events, ours)), done.over]

    async def _read(self, start: Cursor, kinds: Sequence[Kind]) -> Cursor:
        reached = start
        async for page, position in self.feed.changed(start, kinds):
            reached = position
            for event in page:
                for dest_id in event.ids if event.action != "create" else ():
                    self._note(dest_id, event)
        return reached

    def _note(self, dest_id: DestId, event: Happening) -> None:
        held = self._events.setdefault(dest_id, {})
        held[position_of(event.id)] = dataclasses.replace(event, payloads={})
        if len(held) > KEPT_EVENTS:
            del held[min(held)]


def targets(writes: Iterable[Write | None]) -> dict[DestId, Kind]:
    """Name the records that were read before it was decided to change or remove them, with their kinds."""
    return {
        write.dest_id: write.dest_kind for write in writes
        if write is not None and write.op is not Op.CREATE and write.dest_id is not None
    }
