"""
What a rollback gave back a moment ago, and people's work that it fell upon.

Between the last look at a record and our write somebody may have changed the very field; there is no write that could be made to hang
on that. What the events show afterwards to have been there in between is given back where ours still stands and the events show it
whole and in the form the record is read in; else it is kept in a question. What is still to be looked after is in the ledger
(`Reversal`), so that whoever comes after a start that ended here does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from streamflow.mapping.catalogue import WITH_CUSTOM_FIELDS
from streamflow.migration.context import Migration
from streamflow.migration.removals import left_s
from streamflow.migration.reversal import Reversal
from streamflow.migration.reversals import Reversals
from streamflow.migration.touched import Touches
from streamflow.migration.undoing import restoring, unconfirmed
from streamflow.model import AuditEntry, Fields, Link, QueueItem
from streamflow.platforms.destination import Happening
from streamflow.stages.overwritten import lost_to
from streamflow.stages.planning import SAME, both_ways
from streamflow.store.change import Audit, Change, Enqueue

KEPT: Final = 480         # restorations are looked after for so many more, and as long as the feed may show late what happened before
LOOKS: Final = 5          # at the end, while the feed does not show our own writes yet
LOOKS_EVERY_S: Final = 1.0
SURELY_WHOLE: Final = 60  # characters: what events show may be cut short, and nobody says where


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """A record that a person changed while it was given its former values, and what became of that."""

    link: Link
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What a person had put into a field before we wrote it."""

    name: str
    theirs: str           # as the events show it
    wanted: Any           # what the field would have been given, had it been seen
    is_plain: bool        # shown whole, and in the form the record is read in
    event: Happening


@dataclass(slots=True)
class Restorations:
    """The latest restorations of a rollback."""

    migration: Migration
    touches: Touches
    reversals: Reversals
    _held: dict[str, Reversal] = field(default_factory=dict)     # by intent, the oldest first
    _held_since: dict[str, float] = field(default_factory=dict)  # monotonic

    @property
    def unsettled_s(self) -> float:
        """Give after how many seconds nothing more is told of what is looked after; 0 when that is so already, or nothing is."""
        return left_s(self._held_since, self.touches.told_within_s, self.migration.clock.monotonic())

    def hold(self, done: Iterable[Reversal]) -> None:
        """Remember what was given back."""
        for each in done:
            self._held[each.id] = each
            self._held_since[each.id] = self.migration.clock.monotonic()
            self.touches.watch(each.link.dest_id, each.seen)

    async def look(self) -> list[Overtaken]:
        """Settle what the looks of `Touches` have shown by now."""
        found: list[Overtaken] = []
        for each in list(self._held.values()):
            changed = lost_to(self.touches.events(each.link.dest_id, each.seen))
            if changed and (lost := self._lost(each, changed, await self._meant(each))):
                found += await self._settle(each, lost)
        settled = self.migration.clock.monotonic() - self.touches.told_within_s
        await self._forget([each for each in list(self._held.values())[:-KEPT] if self._held_since[each.id] <= settled])
        return found

    async def finish(self) -> list[Overtaken]:
        """End the looks, once the feed has shown our own writes or was given the time to."""
        found: list[Overtaken] = []
        for _ in range(LOOKS):
            if not [each for each in self._held.values() if not self.touches.events(each.link.dest_id, each.seen)]:
                break
            await self.migration.clock.sleep(LOOKS_EVERY_S)
            await self.touches.look()
            found += await self.look()
        await self._forget(list(self._held.values()))
        return found

    # --- below

    async def _forget(self, some: Iterable[Reversal], *more: Change) -> None:
        changes = list(more)
        for each in some:
            del self._held[each.id], self._held_since[each.id]
            changes.append(each.over)
            if all(other.link.dest_id != each.link.dest_id for other in self._held.values()):
                self.touches.unwatch(each.link.dest_id)
        await self.migration.ledger.commit(changes)

    async def _meant(self, each: Reversal) -> Fields:
        ref = each.link.ref
        return unconfirmed(each.link, await self.migration.ledger.intents_of(ref.kind, ref.key))

    def _lost(self, each: Reversal, changed: Mapping[str, Happening], meant: Mapping[str, Any]) -> list[Lost]:
        """Name what people put into the fields we wrote, between our reading and our write, and what we would have left of it."""
        compare, link = self.migration.destination.reader.compare, each.link
        events = self.touches.events(link.dest_id, each.seen)
        found: list[Lost] = []
        for attribute, event in changed.items():
            name = next((name for name in each.fields if attribute in (name, name.partition(":")[2])), None)
            if name is None:
                continue
            theirs = event.changes[attribute][1]
            shown = {value for other in events for value in other.changes.get(attribute, ()) if value}
            plain = [value for value in (each.now.get(name), each.fields[name]) if isinstance(value, str) and value]
            whole = [other for value in plain for other in shown if compare(link.dest_kind, name, value, other) in SAME]
            is_plain = bool(whole) and len(theirs) <= max(SURELY_WHOLE, *map(len, whole))
            former = replace(link, before={name: (link.before or {}).get(name)})
            wanted = restoring(former, {name: theirs or None}, compare, meant).fields.get(name, theirs or None)
            if not both_ways(compare, link.dest_kind, name, wanted, each.fields[name]):
                found.append(Lost(name=name, theirs=theirs, wanted=wanted, is_plain=is_plain, event=event))
        return found

    async def _settle(self, each: Reversal, lost: Sequence[Lost]) -> list[Overtaken]:
        """Give back what was lost, or ask; what people changed once more is theirs already."""
        reader, link = self.migration.destination.reader, each.link
        seen = self.touches.position
        now = (await reader.read(link.dest_kind, [link.dest_id], custom=link.dest_kind in WITH_CUSTOM_FIELDS)).get(link.dest_id)
        stands = [
            one for one in lost
            if now is not None and both_ways(reader.compare, link.dest_kind, one.name, now.get(one.name), each.fields[one.name])
        ]
        is_in_vain = link.ref in self.reversals.given_up
        given = {one.name: one.wanted for one in stands if one.is_plain and not is_in_vain}
        if given and now is not None:
            carried = await self.reversals.give_back(each, given, now, seen)
            self.hold(carried.restored)
            if carried.moved:
                return []     # somebody is at it right now: the next look sees what stands then
            given = {} if carried.refused else given
        asked = [one for one in stands if one.name not in given]
        items = [Enqueue(item=_item(each, one)) for one in asked]
        told = [Audit(entry=AuditEntry(
            actor="streamflow", action="rollback.overtaken", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id,
            before=each.fields, after={one.name: one.theirs for one in lost},
            note="; ".join(_sentence(one, given=given, asked=asked) for one in lost),
        ))]
        await self._forget([each], *items, *told)
        names = ", ".join(sorted(one.name for one in lost))
        why = f"kept as people have it now, who changed it at the very moment it was restored: {names}"
        return [Overtaken(link=link, reason=f"{why} (the queue keeps what they had put there)" if asked else why)]


def _sentence(one: Lost, *, given: Fields, asked: Sequence[Lost]) -> str:
    what = "given back" if one.name in given else "asked about" if one in asked else "changed by people once more"
    return f"{one.name} was changed by {one.event.actor} just before it was restored: {what}"


def _item(each: Reversal, one: Lost) -> QueueItem:
    ref = each.link.ref
    return QueueItem(
        id=f"overwritten:{ref.kind}:{ref.key}:{ref.part}:{one.name}:{one.event.id}", cause="conflict", kind=ref.kind, key=ref.key,
        decisions=("accept",), suggested="accept",
        reason=f"{one.name} was changed by a person at the very moment it was given its former value back, and that stands; what they had "
               "put there is kept here",
        details={"field": one.name, "base": each.now.get(one.name), "source": each.fields[one.name], "destination": one.theirs,
                 "dest_id": each.link.dest_id, "by": one.event.actor},
    )  # fmt: skip
