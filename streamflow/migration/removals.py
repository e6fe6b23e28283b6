"""
What a rollback removed a moment ago, and bringing it back.

Between the last look at a record and its removal somebody may have worked on it. Removing is soft for most kinds: what the events show
afterwards to have been touched is restored, its relations with it, and spared like anything else that people touched; and before it
what it hangs on, where that was removed as well. Likewise what people have hung something on: where the events tell of work on records
of kinds that hang on others, what was removed meanwhile is asked about once, when nothing more can be told of it.
What is still to be looked after is in the ledger (`Reversal`), so that whoever comes after a start that ended here does it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from streamflow.errors import NotFound, RecordRejected
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.outside import hang
from streamflow.migration.reversal import Reversal
from streamflow.migration.ties import RELATIONS, Ties
from streamflow.migration.touched import Touches
from streamflow.model import AuditEntry, DestId, Fields, Link
from streamflow.store.change import Audit, PutLink
from streamflow.wire.spread import spread

KEPT = 480      # removals are looked after for so many more, and for as long as the feed may show late what happened before
RECORDS = ("link:accounts", "link:contacts")
"""Relations that lead to records, which may be gone."""


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
    ties: Ties
    concerned: set[DestId] = field(default_factory=set)
    _held: dict[DestId, Reversal] = field(default_factory=dict)     # the oldest first
    _held_since: dict[DestId, float] = field(default_factory=dict)  # monotonic
    _doubted: set[DestId] = field(default_factory=set)              # on which people may have hung something a moment before
    _looks: tuple[float, float] = (float("-inf"), float("-inf"))    # monotonic, when the one before the last and the last began

    @property
    def unsettled_s(self) -> float:
        """Give after how many seconds nothing more is told of what is looked after; 0 when that is so already, or nothing is."""
        return left_s(self._held_since, self.touches.told_within_s, self.migration.clock.monotonic())

    @property
    def held(self) -> Collection[DestId]:
        """Give what is looked after."""
        return self._held.keys()

    def hold(self, removed: Iterable[Reversal], *, is_recalled: bool = False) -> None:
        """Remember what was removed; *is_recalled*: by an earlier start, and nobody knows what was told since."""
        for each in removed:
            self._held[each.link.dest_id] = each
            self._held_since[each.link.dest_id] = self.migration.clock.monotonic()
            if is_recalled:
                self._doubted.add(each.link.dest_id)

    def doubt(self) -> None:
        """Hear that the last look told of records that may hang on others: on what was removed since these may have been made or tied."""
        since = self._looks[0] - self.touches.told_within_s
        self._doubted |= {dest_id for dest_id, at in self._held_since.items() if at >= since}

    async def look(self) -> list[Saved]:
        """Take in what happened since the last look (`concerned`); brings back what was touched before it was removed."""
        self._looks = self._looks[1], self.migration.clock.monotonic()
        self.concerned = await self.touches.look(removed=self._held.keys())
        touched = {each: self.touches.by_others(self._held[each].link) for each in sorted(self.concerned & self._held.keys())}
        reasons = {dest_id: f"changed by people since: {reason}" for dest_id, reason in touched.items() if reason}
        return [each for dest_id, reason in reasons.items() for each in await self._save(dest_id, reason)]

    async def settle(self, *, is_last: bool = False) -> list[Saved]:
        """Ask about what the looks tell nothing more of, brings back what people have hung something on, and lets go of the oldest."""
        settled = float("inf") if is_last else self._looks[1] - self.touches.told_within_s
        due = {dest_id for dest_id, at in self._held_since.items() if at <= settled}
        doubted = sorted(due & self._doubted)
        answers = await spread(lambda dest_id: self.ties.found(self._held[dest_id]), doubted)
        hung = {dest_id: found for dest_id, found in zip(doubted, answers, strict=True) if found}
        self._doubted -= due
        saved = await self.bring_back(hung)
        await self._forget([dest_id for dest_id in list(self._held)[:-KEPT] if dest_id in due])
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
        self._doubted.discard(dest_id)
        return self._held.pop(dest_id)

    async def _save(self, dest_id: DestId, reason: str) -> list[Saved]:
        """Bring back one of those that are held, after what it hangs on of them."""
        if dest_id not in self._held:
            return []
        removal = self._let_go(dest_id)
        hung_on = tuple(await self.ties.found(removal))
        removal = replace(removal, fields=await self.ties.related(removal), hung=hung_on, is_told=True)
        await self.migration.ledger.commit([removal.noted])     # once it is restored nothing may tell of that any more
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
        lost = [*await self._relate(removal), *(f"{each} hangs on it no more" for each in await self.ties.renew(removal, removal.hung))]
        but = f"; but {', '.join(lost)}" if lost else ""
        await self._told(removal, "kept", f"removed a moment too soon ({reason}); restored{but}")
        return Saved(link=link, fields=removal.fields, is_back=True, reason=f"{reason}{but}")

    async def _relate(self, removal: Reversal) -> list[str]:
        """Relate a restored record to what it was related to; says of what that it cannot be any more."""
        destination, link = self.migration.destination, removal.link
        lost: list[str] = []
        for name, wanted, gone in await self._relations(removal.fields):
            lost += [f"{name} {each} is gone" for each in gone]
            try:
                if wanted:
                    now = await destination.reader.read(link.dest_kind, [link.dest_id], custom=False)
                    await destination.writer.update(link.dest_kind, link.dest_id, {name: wanted}, now=now.get(link.dest_id, {}))
            except (NotFound, RecordRejected) as error:
                lost.append(f"{name} cannot be set again: {error.message}")
        return lost

    async def _relations(self, fields: Fields) -> list[tuple[str, list[str], list[str]]]:
        """Give by what relation a record is related anew, to what, and what of that is gone by now."""
        found: list[tuple[str, list[str], list[str]]] = []
        for name in RELATIONS:
            value = list(fields.get(name) or ())
            there: Collection[str] = value
            if name in RECORDS and value:
                there = await self.migration.destination.reader.read(name.removeprefix("link:"), sorted(value), custom=False)
            if value:
                found.append((name, [each for each in value if each in there], [each for each in value if each not in there]))
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
