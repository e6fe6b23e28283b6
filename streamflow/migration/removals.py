"""
What a rollback removed a moment ago, and bringing it back.

Between the last look at a record and its removal somebody may have worked on it. Removing is soft for most kinds: what the events show
afterwards to have been touched is restored, its relations with it, and spared like anything else that people touched. What is still to
be looked after is in the ledger (`Reversal`), so that whoever comes after a start that ended here does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from streamflow.errors import NotFound, RecordRejected
from streamflow.migration.context import Migration
from streamflow.migration.reversal import Reversal
from streamflow.migration.touched import Touches
from streamflow.model import AuditEntry, DestId, Fields, Link
from streamflow.store.base import Audit, PutLink

KEPT = 480      # removals are looked after for so many more: the feed may show late what happened before
RELATIONS = ("link:accounts", "link:contacts", "link:sources", "link:tags")
"""What a restored record comes back without (nutshell.md 7)."""


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

    def hold(self, removed: Iterable[Reversal]) -> None:
        """Remember what was removed."""
        self._held |= {each.link.dest_id: each for each in removed}

    async def look(self) -> list[Saved]:
        """Take in what happened since the last look (`concerned`); brings back what was touched before it was removed."""
        self.concerned = await self.touches.look(removed=self._held.keys())
        touched = {each: self.touches.by_others(self._held[each].link) for each in sorted(self.concerned & self._held.keys())}
        saved = [await self._bring_back(self._held.pop(dest_id), reason) for dest_id, reason in touched.items() if reason]
        await self._forget(list(self._held)[:-KEPT])
        return saved

    async def finish(self) -> None:
        """End the looks."""
        await self._forget(list(self._held))

    async def _forget(self, dest_ids: Iterable[DestId]) -> None:
        await self.migration.ledger.commit([self._held.pop(dest_id).over for dest_id in dest_ids])

    async def _bring_back(self, removal: Reversal, reason: str) -> Saved:
        destination, link = self.migration.destination, removal.link
        try:
            await destination.writer.restore(link.dest_kind, link.dest_id)
        except (NotFound, RecordRejected) as error:
            if not await destination.reader.read(link.dest_kind, [link.dest_id], custom=False):     # it may be back already
                await self._told(removal, "lost", f"changed just before it was removed ({reason}); it cannot be restored: {error.message}")
                why = f"changed just before it was removed, and cannot be restored: {reason}"
                return Saved(link=link, fields=removal.fields, is_back=False, reason=why)
        for name, value in _relations(removal.fields):
            try:
                now = await destination.reader.read(link.dest_kind, [link.dest_id], custom=False)
                await destination.writer.update(link.dest_kind, link.dest_id, {name: value}, now=now.get(link.dest_id, {}))
            except (NotFound, RecordRejected):
                continue     # what it was related to is gone by now
        await self._told(removal, "kept", f"changed just before it was removed ({reason}); restored")
        return Saved(link=link, fields=removal.fields, is_back=True, reason=f"changed by people since: {reason}")

    async def _told(self, removal: Reversal, what: str, note: str) -> None:
        link = removal.link
        entry = AuditEntry(
            actor="streamflow", action=f"rollback.{what}", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id, note=note,
        )
        back = [PutLink(link=link)] if what == "kept" else []
        await self.migration.ledger.commit([*back, Audit(entry=entry), removal.over])


def _relations(fields: Fields) -> Iterator[tuple[str, object]]:
    for name in RELATIONS:
        if fields.get(name):
            yield name, fields[name]
