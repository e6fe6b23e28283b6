"""
What others did between the reading of the facts a batch was planned from and its writes.

Rule 1: a record that changed since it was read is not written to: it comes again and is read anew.
Rule 2: what slips into the moment between the last look and the write is told afterwards, with what was there, and asked about.

A look is one call to the feed, whatever it is asked about. The feed may be late: rule 2 then finds nothing, and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamflow.model import Cursor, DestId, Op, QueueItem, Staged
from streamflow.platforms.base import Feed, Happening
from streamflow.stages.batch import Plan, Write

PEOPLE: Final = "-users"


@dataclass(slots=True)
class Meanwhile:
    """The looks of one batch; *seen* is the feed's position before its facts were read, "" when nothing was read."""

    feed: Feed
    seen: Cursor = ""
    _written: set[DestId] = field(default_factory=set)

    async def moved(self, ids: Iterable[DestId]) -> set[DestId]:
        """Which of these records somebody changed since they were read; those this batch wrote to itself are left out."""
        asked = set(ids) - self._written
        return {dest_id for event in await self._events(asked) for dest_id in event.ids} & asked

    async def overwritten(self, done: Sequence[tuple[Plan, Write]]) -> list[QueueItem]:
        """Ask about what people put into the very fields that were then written; *done* are confirmed updates of records that were read."""
        ids = {write.dest_id for _, write in done if write.dest_id is not None} - self._written
        events = await self._events(ids)
        self._written |= ids
        return [
            _item(plan.staged, write, attribute, lost)
            for plan, write in done if write.dest_id in ids
            for attribute, lost in lost_to([event for event in events if write.dest_id in event.ids]).items()
        ]

    async def _events(self, ids: set[DestId]) -> list[Happening]:
        if not self.seen or not ids:
            return []
        found = [event async for page in self.feed.changed(self.seen) for event in page if ids.intersection(event.ids)]
        return sorted(found, key=lambda event: (event.at, _number(event)))


def targets(writes: Iterable[Write | None]) -> set[DestId]:
    """Name the records that were read before it was decided to change or remove them."""
    return {write.dest_id for write in writes if write is not None and write.op is not Op.CREATE and write.dest_id is not None}


def lost_to(events: Sequence[Happening]) -> dict[str, Happening]:
    """
    Give what people had changed just before we wrote it, by attribute; *events* of one record, oldest first.

    Ours is the last one of a program, or where we write under the name of a person the last of all; only what both changed is lost.
    """
    programs = [event for event in events if not event.actor.endswith(PEOPLE)]
    ours = programs[-1] if programs else events[-1] if events else None
    if ours is None:
        return {}
    before = [event for event in events[: events.index(ours)] if event.actor.endswith(PEOPLE)]
    return {attribute: event for event in before for attribute in event.changes if attribute in ours.changes}


def _item(staged: Staged, write: Write, attribute: str, lost: Happening) -> QueueItem:
    record = staged.record
    name = next((name for name in write.fields if attribute in (name, name.partition(":")[2])), attribute)
    return QueueItem(
        id=f"overwritten:{record.kind}:{record.key}:{write.ref.part}:{attribute}:{lost.id}", cause="conflict", kind=record.kind,
        key=record.key, decisions=("accept",), suggested="accept",
        reason=f"{name} was changed by a person at the very moment it was written, and ours stands; what they had put there is kept here",
        details={"field": name, "base": write.now.get(name), "source": write.fields.get(name), "destination": lost.changes[attribute][1],
                 "dest_id": write.dest_id, "by": lost.actor},
    )


def _number(event: Happening) -> int:
    digits = event.id.partition("-")[0]
    return int(digits) if digits.isdigit() else 0
