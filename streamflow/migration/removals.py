"""
What a rollback removed a moment ago, and bringing it back.

Between the last look at a record and its removal somebody may have worked on it. Removing is soft for most kinds: what the events show
afterwards to have been touched is restored, its relations with it, and spared like anything else that people touched; and before it
what it hangs on, where that was removed as well. What is still to be looked after is in the ledger (`Reversal`), so that whoever comes
after a start that ended here does it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streamflow.errors import NotFound, RecordRejected
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.outside import hang
from streamflow.migration.reversal import Reversal
from streamflow.migration.touched import Touches
from streamflow.model import AuditEntry, DestId, Fields, Link
from streamflow.store.base import Audit, PutLink

KEPT = 480      # removals are looked after for so many more, and for as long as the feed may show late what happened before
RELATIONS = ("link:accounts", "link:contacts", "link:sources", "link:tags")
"""What a restored record comes back without (nutshell.md 7)."""
RECORDS = ("link:accounts", "link:contacts")
"""Those of them that lead to records, which may be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A record that was removed and that somebody had touched."""

    link: Link
    fields: Fields          # as last seen
    reason: str
    is_back: bool


@dataclass(slots=True)
class Removals:
    """The latest removals of a rollback."""

    migration: Migration
    touches: Touches
    concerned: set[DestId] = field(default_factory=set)
    _held: dict[DestId, Reversal] = field(default_factory=dict)     # the oldest first
    _held_since: dict[DestId, float] = field(default_factory=dict)  # monotonic

    @property
    def unsettled_s(self) -> float:
        """Give after how many seconds nothing more is told of what is looked after; 0 when that is so already, or nothing is."""
        return left_s(self._held_since, self.touches.told_within_s, self.migration.clock.monotonic())

    @property
    def held(self) -> Collection[DestId]:
        """Give what is looked after."""
        return self._held.keys()

    def hold(self, removed: Iterable[Reversal]) -> None:
        """Remember what was removed."""
        for each in removed:
            self._held[each.link.dest_id] = each
            self._held_since[each.link.dest_id] = self.migration.clock.monotonic()

    async def look(self) -> list[Saved]:
        """Take in what happened since the last look (`concerned`); brings back what was touched before it was removed."""
        self.concerned = await self.touches.look(removed=self._held.keys())
        touched = {each: self.touches.by_others(self._held[each].link) for each in sorted(self.concerned & self._held.keys())}
        reasons = {dest_id: f"changed by people since: {reason}" for dest_id, reason in touched.items() if reason}
        saved = [each for dest_id, reason in reasons.items() for each in await self._save(dest_id, reason)]
        settled = self.migration.clock.monotonic() - self.touches.told_within_s
        await self._forget([dest_id for dest_id in list(self._held)[:-KEPT] if self._held_since[dest_id] <= settled])
        return saved

    async def bring_back(self, hung: Mapping[DestId, Sequence[DestId]]) -> list[Saved]:
        """Bring back of these what was removed a moment ago: people have hung records on it."""
        reasons = {dest_id: f"people have added records to it: {', '.join(children[:3])}" for dest_id, children in hung.items()}
        return [each for dest_id, reason in reasons.items() for each in await self._save(dest_id, reason)]

    async def finish(self) -> None:
        """End the looks."""
        await self._forget(list(self._held))

    async def _forget(self, dest_ids: Iterable[DestId]) -> None:
        await self.migration.ledger.commit([self._let_go(dest_id).over for dest_id in dest_ids])

    def _let_go(self, dest_id: DestId) -> Reversal:
        del self._held_since[dest_id]
        return self._held.pop(dest_id)

    async def _save(self, dest_id: DestId, reason: str) -> list[Saved]:
        """Bring back one of those that are held, after what it hangs on of them."""
        if dest_id not in self._held:
            return []
        removal = self._let_go(dest_id)
        hung: dict[DestId, list[DestId]] = {}
        hang(hung, dest_id, removal.fields)
        above = [each for each in hung if each in self._held and _is_above(self._held[each].link, removal.link)]
        saved = [one for each in above for one in await self._save(each, f"what people changed hangs on it: {dest_id}")]
        return [*saved, await self._bring_back(removal, reason)]

    async def _bring_back(self, removal: Reversal, reason: str) -> Saved:
        destination, link = self.migration.destination, removal.link
        try:
            await destination.writer.restore(link.dest_kind, link.dest_id)
        except (NotFound, RecordRejected) as error:
            if not await destination.reader.read(link.dest_kind, [link.dest_id], custom=False):     # it may be back already
                await self._told(removal, "lost", f"removed a moment too soon ({reason}); it cannot be restored: {error.message}")
                why = f"removed a moment too soon, and cannot be restored: {reason}"
                return Saved(link=link, fields=removal.fields, is_back=False, reason=why)
        for name, value in await self._relations(removal.fields):
            try:
                now = await destination.reader.read(link.dest_kind, [link.dest_id], custom=False)
                await destination.writer.update(link.dest_kind, link.dest_id, {name: value}, now=now.get(link.dest_id, {}))
            except (NotFound, RecordRejected):
                continue     # what it was related to is gone by now
        await self._told(removal, "kept", f"removed a moment too soon ({reason}); restored")
        return Saved(link=link, fields=removal.fields, is_back=True, reason=reason)

    async def _relations(self, fields: Fields) -> list[tuple[str, object]]:
        """Give what a record is related to anew, without what is gone by now."""
        found: list[tuple[str, object]] = []
        for name in RELATIONS:
            value = fields.get(name)
            if name in RECORDS and value:
                there = await self.migration.destination.reader.read(name.removeprefix("link:"), sorted(value), custom=False)
                value = [each for each in value if each in there]
            if value:
                found.append((name, value))
        return found

    async def _told(self, removal: Reversal, what: str, note: str) -> None:
        link = removal.link
        entry = AuditEntry(
            actor="streamflow", action=f"rollback.{what}", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id, note=note,
        )
        back = [PutLink(link=link)] if what == "kept" else []
        await self.migration.ledger.commit([*back, Audit(entry=entry), removal.over])


def _is_above(link: Link, other: Link) -> bool:
    """Say whether records of the one kind are there before those of the other hang on them."""
    return DEST_ORDER.index(link.dest_kind) < DEST_ORDER.index(other.dest_kind)


def left_s(since: Mapping[str, float], within_s: float, now: float) -> float:
    """Give after how many seconds the latest of these lies so far back; 0 when it does, or there is none."""
    return max(0.0, max(since.values()) + within_s - now) if since else 0.0
