"""
What becomes of writes whose outcome is unknown.

Rule 1: a record that carries our marker exactly, and is nobody else's in the crosswalk, is the one we meant: adopt it.
Rule 2: "not there" counts only after the quiet time: client time-out + late-commit bound + measured search lag.
Rule 3: two sightings mean that a double exists already: nobody guesses, a person decides.
Rule 4: an update or delete is judged by reading the record itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from streamflow.clock import Clock, from_iso, iso
from streamflow.model import AuditEntry, DestId, Fields, Intent, IntentState, Link, Op, QueueItem, Verdict
from streamflow.platforms.base import Feed, Happening, Reader
from streamflow.store.base import Audit, Change, DropLink, Enqueue, Ledger, PutLink, SettleIntent, Wake


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietTime:
    """The bounds after which a search that says "not there" may be believed; None: no bound is known, park it."""

    timeout_s: float
    late_commit_s: float
    search_lag_s: float | None

    @property
    def seconds(self) -> float | None:
        return None if self.search_lag_s is None else self.timeout_s + self.late_commit_s + self.search_lag_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What is decided about one intent; None everywhere means: wait."""

    state: IntentState | None = None
    dest_id: DestId | None = None
    stale_id: DestId | None = None      # the record that an adopted one replaces
    reason: str = ""


def rule_create(intent: Intent, sightings: Sequence[DestId], *, waited_s: float, quiet: QuietTime) -> Ruling:
    """Decide about a create from the ids that carry its marker and are not in the crosswalk."""
    if len(sightings) == 1:
        return Ruling(state=IntentState.CONFIRMED, dest_id=sightings[0], reason="found by its marker")
    if len(sightings) > 1:
        return Ruling(state=IntentState.PARKED, reason=f"{len(sightings)} records carry the marker: {', '.join(sightings)}")
    if quiet.seconds is None:
        return Ruling(state=IntentState.PARKED, reason="no bound for the search lag is known")
    if waited_s >= quiet.seconds:
        return Ruling(state=IntentState.ABANDONED, reason="not there after the quiet time")
    return Ruling()


def rule_change(intent: Intent, now: Fields | None, replacements: Sequence[DestId], *, applied: bool) -> Ruling:
    """Decide about an update or delete from the record itself (None: gone) and from what may have replaced it."""
    if intent.op is Op.DELETE:
        if now is None:
            return Ruling(state=IntentState.CONFIRMED, dest_id=intent.dest_id, reason="the record is gone")
        return Ruling(state=IntentState.ABANDONED, reason="the record is still there")
    if len(replacements) == 1:
        return Ruling(state=IntentState.CONFIRMED, dest_id=replacements[0], stale_id=intent.dest_id, reason="re-made under its marker")
    if len(replacements) > 1:
        return Ruling(state=IntentState.PARKED, reason=f"{len(replacements)} further records carry the marker")
    if now is not None and applied:
        return Ruling(state=IntentState.CONFIRMED, dest_id=intent.dest_id, reason="all values are there")
    return Ruling(state=IntentState.ABANDONED, reason="not applied, or in part; it is compared and written anew")


class DoubtResolver:
    """Looks for the outcome of open intents; called at start, and from time to time while any are open."""

    def __init__(self, *, ledger: Ledger, reader: Reader, feed: Feed, clock: Clock, quiet: QuietTime, phase: str = "") -> None:
        self._ledger = ledger
        self._reader = reader
        self._feed = feed
        self._clock = clock
        self.quiet = quiet
        self._phase = phase

    async def resolve(self, *, phase: str = "") -> int:
        """Rule on every open intent for which the evidence suffices; answers how many stay open."""
        self._phase = phase
        intents = await self._ledger.open_intents(limit=2000)
        if not intents:
            return 0
        happenings = await self._happenings(intents)
        left = 0
        for intent in intents:
            ruling = await self._rule(intent, happenings)
            if ruling.state is None:
                left += 1
            else:
                await self._apply(intent, ruling)
        return left

    async def _happenings(self, intents: Sequence[Intent]) -> Sequence[Happening]:
        cursors = [intent.feed_cursor for intent in intents if intent.feed_cursor and self._feed.carries(intent.dest_kind)]
        if not cursors:
            return ()
        oldest = min(cursors, key=_position)
        seen, _ = await self._feed.since(oldest)
        return seen

    async def _rule(self, intent: Intent, happenings: Sequence[Happening]) -> Ruling:
        if intent.op in (Op.DELETE, Op.UPDATE) and intent.dest_id is not None:
            now = (await self._reader.read(intent.dest_kind, [intent.dest_id], custom=_has_custom(intent.fields))).get(intent.dest_id)
            replacements: Sequence[DestId] = ()
            if intent.op is Op.UPDATE and intent.dest_kind in ("notes", "tasks"):
                replacements = await self._sightings(intent, happenings)
            applied = now is not None and all(
                self._reader.compare(intent.dest_kind, name, value, now.get(name)) in (Verdict.EQUAL, Verdict.NORMALISED)
                for name, value in intent.fields.items()
            )
            return rule_change(intent, now, replacements, applied=applied)
        if not intent.marker:
            return Ruling(state=IntentState.PARKED, reason="the write carries no marker to look for")
        waited_s = (self._clock.now() - from_iso(intent.meant_at)) / timedelta(seconds=1)
        return rule_create(intent, await self._sightings(intent, happenings), waited_s=waited_s, quiet=self.quiet)

    async def _sightings(self, intent: Intent, happenings: Sequence[Happening]) -> list[DestId]:
        """Live records with the intent's marker that the crosswalk does not know yet."""
        suspects = {
            dest_id
            for event in happenings
            if event.kind == intent.dest_kind and event.action == "create"
            for dest_id in event.ids
            if self._may_be(intent, event.payloads.get(dest_id))
        }
        known = {link.dest_id for link in await self._ledger.links_to(sorted(suspects))}
        found = await self._carrying(intent, sorted(suspects - known)) if suspects - known else []
        if not found:
            hits = await self._reader.find(intent.dest_kind, intent.marker, intent.fields)
            known = {link.dest_id for link in await self._ledger.links_to(list(hits))}
            found = [hit for hit in hits if hit not in known]
        return [each for each in dict.fromkeys(found) if each != intent.dest_id]

    def _may_be(self, intent: Intent, payload: Fields | None) -> bool:
        """Say whether an event's payload could be this write, so that only likely ones are read back."""
        if payload is None:
            return True
        leading = {"notes": "body", "tasks": "title", "leads": "description"}.get(intent.dest_kind, "name")
        if leading not in payload or leading not in intent.fields:
            return True
        verdict = self._reader.compare(intent.dest_kind, leading, intent.fields[leading], payload[leading])
        return verdict in (Verdict.EQUAL, Verdict.NORMALISED)

    async def _carrying(self, intent: Intent, ids: Sequence[DestId]) -> list[DestId]:
        records = await self._reader.read(intent.dest_kind, ids, custom=True)
        return [dest_id for dest_id, fields in records.items() if carries_marker(fields, intent.marker)]

    async def _apply(self, intent: Intent, ruling: Ruling) -> None:
        assert ruling.state is not None
        record = f"{intent.ref.kind}:{intent.ref.key}"
        changes: list[Change] = [
            SettleIntent(id=intent.id, state=ruling.state, dest_id=ruling.dest_id, reason=ruling.reason),
            Audit(entry=AuditEntry(
                actor="streamflow", action=f"doubt.{ruling.state.value}", kind=intent.ref.kind, key=intent.ref.key,
                dest_id=ruling.dest_id or "", note=ruling.reason,
            )),
        ]
        if ruling.state is IntentState.PARKED:
            changes.append(Enqueue(item=QueueItem(
                id=f"doubt:{intent.id}", cause="in_doubt", kind=intent.ref.kind, key=intent.ref.key, blocking=True,
                reason=f"{intent.dest_kind} {intent.op.value}: {ruling.reason}", decisions=("recreate", "adopt", "waive"), suggested="waive",
                details={"marker": intent.marker, "intent": intent.id},
            )))
        else:
            changes.append(Wake(on=(f"doubt:{intent.id}",)))
        if ruling.state is IntentState.CONFIRMED:
            changes += await self._adopted(intent, ruling)
            changes.append(Wake(on=(record,)))
        await self._ledger.commit(changes)

    async def _adopted(self, intent: Intent, ruling: Ruling) -> list[Change]:
        """Crosswalk lines for a write found to have happened; the record itself runs through the stages again and finds nothing to do."""
        assert ruling.dest_id is not None
        if intent.op is Op.DELETE:
            return [DropLink(ref=intent.ref)]
        known = (await self._ledger.links([intent.ref])).get(intent.ref)
        base = {**known.base, **intent.fields} if known is not None else dict(intent.fields)
        ours = known.ours if known is not None else True
        link = Link(
            ref=intent.ref, dest_kind=intent.dest_kind, dest_id=ruling.dest_id, base=base, ours=ours,
            before=known.before if known is not None else None, verified="pending", phase=self._phase or "recovery",
            written_at=iso(self._clock.now()),
        )
        return [PutLink(link=link)]


def carries_marker(fields: Fields, marker: str) -> bool:
    """Say whether a destination record carries exactly this marker, in its id field or as the last line of its text."""
    if fields.get("custom:Streamflow ID") == marker:
        return True
    for name in ("body", "description"):
        text = fields.get(name)
        if isinstance(text, str) and text.rstrip().rsplit("\n", 1)[-1].strip() == marker:
            return True
    return False


def _has_custom(fields: Fields) -> bool:
    return any(name.startswith("custom:") for name in fields)


def _position(cursor: str) -> tuple[int, str]:
    digits = "".join(ch for ch in cursor.split("-", 1)[0] if ch.isdigit())
    return (int(digits) if digits else 0, cursor)
