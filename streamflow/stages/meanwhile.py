"""
What others did between the reading of the facts a batch was planned from and its writes.

Rule 1: a record that changed since it was read is not written to: it comes again and is read anew.
Rule 2: what slips into the moment between the last look and the write is told afterwards, with what was there, and asked about.

A look is a call to the feed, whatever it is asked about. Looks follow each other from where the last one ended, and one serves the
waves of the next few seconds: what slips in there falls under rule 2. The feed may be late: then rule 2 finds nothing, and says nothing.
A run of the stages that fails, or is killed, leaves its last writes to be looked after by whoever runs them next: that they are still to be
looked after is in the ledger with what they came to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.clock import Clock
from streamflow.model import Cursor, DestId, Fields, Intent, Kind, Op, QueueItem, Ref
from streamflow.platforms.base import Feed, Happening, is_person, position_of
from streamflow.stages.batch import Write
from streamflow.store.base import Change, Enqueue, PutSetting

GOOD_FOR_S: Final = 5.0      # seconds for which a look serves the waves that follow it
KEPT_EVENTS: Final = 20      # of one record
UNLOOKED: Final = "unlooked:"
"""Prefix of the setting that keeps a confirmed update (`Done.to_json`) by its intent until it was looked after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A confirmed update: what was written, over what, to a record that was read when the feed stood at *seen*."""

    id: str                      # of the intent
    seen: Cursor
    ref: Ref
    dest_kind: Kind
    dest_id: DestId
    fields: Fields
    now: Fields                  # what these fields held when it was read

    @classmethod
    def of(cls, intent: Intent, *, seen: Cursor, now: Mapping[str, Any]) -> Done:
        """Give what is to be looked after once a write is confirmed."""
        assert intent.dest_id is not None
        return cls(
            id=intent.id, seen=seen, ref=intent.ref, dest_kind=intent.dest_kind, dest_id=intent.dest_id, fields=intent.fields,
            now={name: now.get(name) for name in intent.fields},
        )

    @property
    def noted(self) -> Change:
        """What keeps it over a restart; to be committed with its confirmation."""
        value = {
            "seen": self.seen, "ref": [self.ref.kind, self.ref.key, self.ref.part], "dest_kind": self.dest_kind, "dest_id": self.dest_id,
            "fields": self.fields, "now": self.now,
        }
        return PutSetting(name=f"{UNLOOKED}{self.id}", value=value)

    @classmethod
    def from_setting(cls, name: str, value: Mapping[str, Any]) -> Done:
        """Give what was noted."""
        return cls(
            id=name.removeprefix(UNLOOKED), seen=value["seen"], ref=Ref(*value["ref"]), dest_kind=value["dest_kind"],
            dest_id=value["dest_id"], fields=dict(value["fields"]), now=dict(value["now"]),
        )


@dataclass(slots=True)
class Meanwhile:
    """The looks of the stages, run after run; *edited* names what we changed ourselves, for those who read next."""

    feed: Feed
    clock: Clock
    edited: set[DestId] = field(default_factory=set)
    _positions: dict[Kind, Cursor] = field(default_factory=dict)                 # up to where each kind was looked at
    _looked_at: dict[Kind, float] = field(default_factory=dict)                  # monotonic
    _events: dict[DestId, list[Happening]] = field(default_factory=dict)         # changes since the first look
    _unlooked: dict[str, Done] = field(default_factory=dict)                     # by intent
    _found: list[Change] = field(default_factory=list)                           # by the looks, and not in the ledger yet

    async def moved(self, asked: Mapping[DestId, Kind], seen: Cursor, *, at_once: bool = False) -> set[DestId]:
        """Which of these records, read when the feed stood at *seen*, somebody changed since."""
        if not asked or not seen:
            return set()
        kinds, now = {kind for kind in asked.values() if self.feed.carries(kind)}, self.clock.monotonic()
        if kinds and (at_once or any(now - self._looked_at.get(kind, float("-inf")) > GOOD_FOR_S for kind in kinds)):
            await self._look(kinds, seen)
        return {dest_id for dest_id in asked if self._since(dest_id, seen)}

    def wrote(self, done: Done) -> list[Change]:
        """Note an update, to be looked after; gives what is to be committed with its confirmation."""
        self.edited.add(done.dest_id)
        if not done.seen:
            return []
        self._unlooked[done.id] = done
        return [done.noted]

    def recall(self, noted: Mapping[str, Any]) -> None:
        """Take up what an earlier start of the daemon wrote and did not look after, from the settings under `UNLOOKED`."""
        self._unlooked |= {done.id: done for done in (Done.from_setting(name, value) for name, value in noted.items())}

    async def finish(self) -> list[Change]:
        """Look after what was written last, and give what is to be noted of it and asked."""
        if self._unlooked:
            await self._look(set(), next(iter(self._unlooked.values())).seen)
        return self.take()

    async def forget(self) -> None:
        """
        Begin a new run of the stages, once all was looked after: who reads from now on needs no looks from before.

        A position of the feed that is older than our own edits would tell them as somebody's.
        """
        if self.edited:
            await self.feed.cursor(fresh=True)
        for held in (self.edited, self._positions, self._looked_at, self._events):
            held.clear()

    def take(self) -> list[Change]:
        """Give what is to be asked by now, and what is looked after."""
        found, self._found = self._found, []
        return found

    def _since(self, dest_id: DestId, seen: Cursor) -> list[Happening]:
        return [event for event in self._events.get(dest_id, ()) if position_of(event.id) > position_of(seen)]

    async def _look(self, kinds: set[Kind], seen: Cursor) -> None:
        done, self._unlooked = self._unlooked, {}
        asked = sorted(kinds | {each.dest_kind for each in done.values() if self.feed.carries(each.dest_kind)})
        seen = min([seen, *(each.seen for each in done.values())], key=position_of)
        try:
            reached = await self._read(min((self._positions.get(kind, seen) for kind in asked), key=position_of), asked) if asked else ""
        except BaseException:     # a cancelled look too: what was to be looked after is left to the next one
            self._unlooked = {**done, **self._unlooked}
            raise
        self._positions.update(dict.fromkeys(asked, reached))
        self._looked_at.update(dict.fromkeys(asked, self.clock.monotonic()))
        for each in done.values():
            events = self._since(each.dest_id, each.seen)
            self._found += [Enqueue(item=_item(each, attribute, lost)) for attribute, lost in lost_to(events).items()]
            self._found.append(PutSetting(name=f"{UNLOOKED}{each.id}", value=None))

    async def _read(self, start: Cursor, kinds: Sequence[Kind]) -> Cursor:
        reached = start
        async for page, position in self.feed.changed(start, kinds):
            reached = position
            for event in page:
                for dest_id in event.ids if event.action != "create" else ():
                    self._note(dest_id, event)
        return reached

    def _note(self, dest_id: DestId, event: Happening) -> None:
        held = self._events.setdefault(dest_id, [])
        if all(each.id != event.id for each in held):      # two looks at the same time tell it twice
            held[:] = [*held[-KEPT_EVENTS:], dataclasses.replace(event, payloads={})]


def targets(writes: Iterable[Write | None]) -> dict[DestId, Kind]:
    """Name the records that were read before it was decided to change or remove them, with their kinds."""
    return {
        write.dest_id: write.dest_kind for write in writes
        if write is not None and write.op is not Op.CREATE and write.dest_id is not None
    }


def lost_to(events: Sequence[Happening]) -> dict[str, Happening]:
    """
    Give what people had changed just before we wrote it, by attribute; *events* of one record, oldest first.

    Ours is the last one of a program, or where we write under the name of a person the last of all; only what both changed is lost.
    """
    programs = [event for event in events if not is_person(event.actor)]
    ours = programs[-1] if programs else events[-1] if events else None
    if ours is None:
        return {}
    before = [event for event in events[: events.index(ours)] if is_person(event.actor)]
    return {attribute: event for event in before for attribute in event.changes if attribute in ours.changes}


def _item(done: Done, attribute: str, lost: Happening) -> QueueItem:
    ref = done.ref
    name = next((name for name in done.fields if attribute in (name, name.partition(":")[2])), attribute)
    return QueueItem(
        id=f"overwritten:{ref.kind}:{ref.key}:{ref.part}:{attribute}:{lost.id}", cause="conflict", kind=ref.kind, key=ref.key,
        decisions=("accept",), suggested="accept",
        reason=f"{name} was changed by a person at the very moment it was written, and ours stands; what they had put there is kept here",
        details={"field": name, "base": done.now.get(name), "source": done.fields.get(name), "destination": lost.changes[attribute][1],
                 "dest_id": done.dest_id, "by": lost.actor},
    )
