"""
What a rollback removed a moment ago, and bringing it back.

Between the last look at a record and its removal somebody may have worked on it. Removing is soft for most kinds: what the events show
afterwards to have been touched is restored, its relations with it, and spared like anything else that people touched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from streamflow.errors import NotFound, RecordRejected
from streamflow.migration.context import Migration
from streamflow.migration.touched import Touches
from streamflow.model import AuditEntry, DestId, Fields, Link
from streamflow.store.base import Audit, PutLink

KEPT_WAVES = 12      # of removals are remembered: the feed may show late what happened before
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
    _waves: deque[dict[DestId, tuple[Link, Fields]]] = field(default_factory=lambda: deque(maxlen=KEPT_WAVES))

    def note(self, links: Sequence[Link], now: Mapping[DestId, Fields]) -> None:
        """Remember what one wave removes."""
        if links:
            self._waves.append({link.dest_id: (link, now.get(link.dest_id) or {}) for link in links})

    async def look(self) -> list[Saved]:
        """Take in what happened since the last look (`concerned`); brings back what was touched before it was removed."""
        removed = {dest_id: found for wave in self._waves for dest_id, found in wave.items()}
        self.concerned = await self.touches.look(removed=removed.keys())
        saved = []
        for dest_id in sorted(self.concerned & removed.keys()):
            link, fields = removed[dest_id]
            reason = self.touches.by_others(link)
            if reason:
                saved.append(await self._bring_back(link, fields, reason))
                for wave in self._waves:
                    wave.pop(dest_id, None)
        return saved

    async def _bring_back(self, link: Link, fields: Fields, reason: str) -> Saved:
        destination = self.migration.destination
        try:
            await destination.writer.restore(link.dest_kind, link.dest_id)
        except (NotFound, RecordRejected) as error:
            await self._told(link, "lost", f"changed just before it was removed ({reason}); it cannot be restored: {error.message}")
            why = f"changed just before it was removed, and cannot be restored: {reason}"
            return Saved(link=link, fields=fields, is_back=False, reason=why)
        for name, value in _relations(fields):
            try:
                now = await destination.reader.read(link.dest_kind, [link.dest_id], custom=False)
                await destination.writer.update(link.dest_kind, link.dest_id, {name: value}, now=now.get(link.dest_id, {}))
            except (NotFound, RecordRejected):
                continue     # what it was related to is gone by now
        await self._told(link, "kept", f"changed just before it was removed ({reason}); restored")
        return Saved(link=link, fields=fields, is_back=True, reason=f"changed by people since: {reason}")

    async def _told(self, link: Link, what: str, note: str) -> None:
        entry = AuditEntry(
            actor="streamflow", action=f"rollback.{what}", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id, note=note,
        )
        await self.migration.ledger.commit([*([PutLink(link=link)] if what == "kept" else []), Audit(entry=entry)])


def _relations(fields: Fields) -> Iterator[tuple[str, object]]:
    for name in RELATIONS:
        if fields.get(name):
            yield name, fields[name]
