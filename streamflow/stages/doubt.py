"""
What becomes of writes whose outcome is unknown.

Rule 1: a record that carries our marker exactly, and is nobody else's in the crosswalk but by people's merging, is the one we meant.
Rule 2: "not there" counts only after the quiet time: client time-out + late-commit bound + measured search lag. Where no lag is known it
never counts: a person decides, and is asked when the write can no longer take effect, since one made again before that may be doubled.
Rule 3: two sightings mean that a double exists already: nobody guesses, a person decides.
Rule 4: an update or delete is judged by reading the record itself, and is over only when it can no longer take effect.
Rule 5: what comes to nothing again and again, while others are taken, is left to a person and no longer sent (`unanswered`).
Rule 6: time counts from when the outcome became unknown, which is in the ledger. It goes by a clock that nobody sets, and no such clock
is known to have gone on while no process ran: what an earlier one left open is waited for anew, from the first look at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from streamflow.clock import Clock, iso
from streamflow.errors import sure
from streamflow.model import (
    OPEN_INTENTS,
    AuditEntry,
    DestId,
    Disposition,
    Ending,
    Fields,
    Intent,
    IntentState,
    Link,
    Op,
    QueueItem,
    RecordState,
    Ref,
    Verdict,
    kind_of,
    name_of,
)
from streamflow.platforms.destination import Feed, Happening, Reader, is_person, position_of
from streamflow.stages.confirmation import brought, forgotten, learnt_late, line_of, meaning_of
from streamflow.stages.formerly import REMOVED, RESTORABLE, dropped, restored, taken_again, taken_away
from streamflow.stages.gone import MERGED
from streamflow.stages.marks import carries_marker
from streamflow.stages.planning import both_ways
from streamflow.stages.removed import removed
from streamflow.stages.reopened import run_along
from streamflow.stages.rewritten import is_text, made_meanwhile, rewritten
from streamflow.stages.unanswered import left_to_a_person, weigh
from streamflow.stages.unknown import REMADE_KINDS, Joiner, outcome_name, since
from streamflow.stages.vanished import as_it_reads, joined, moved_by_merging
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, DropLink, Enqueue, Finish, PutLink, SettleIntent, Wake

AT_ONCE = 2000     # so many outcomes are looked for together
DOUBLED = "doubled"
"""The detail of an item about a write in doubt that says that the same record was found more than once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietTime:
    """The bounds after which a search that says "not there" may be believed; None: no bound is known, park it."""

    timeout_s: float
    late_commit_s: float
    search_lag_s: float | None

    @property
    def seconds(self) -> float | None:
        return None if self.search_lag_s is None else self.late_s + self.search_lag_s

    @property
    def late_s(self) -> float:
        """Seconds after which a write whose outcome is unknown can no longer take effect."""
        return self.timeout_s + self.late_commit_s

    @property
    def decisive_s(self) -> float:
        """Seconds after which "not there" decides something: that it is made again, or without a bound that a person is asked."""
        return self.late_s if self.seconds is None else self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What is decided about one intent; None everywhere means: wait."""

    state: IntentState | None = None
    dest_id: DestId | None = None
    stale_id: DestId | None = None      # the record that an adopted one replaces, when it is still there
    lost: bool = False                  # the record it was about is gone: its line goes too, so that it is made anew
    reason: str = ""
    ending: Ending = Ending.PLAIN
    doubled: bool = False               # the same record was found more than once
    back: DestId | None = None          # what it was to be made again for, and people brought back: that one is followed again
    may_be: tuple[DestId, ...] = ()     # records that nobody can tell from the one that was meant


def rule_create(intent: Intent, sightings: Sequence[DestId], *, waited_s: float, quiet: QuietTime) -> Ruling:
    """Decide about a create from the ids that carry its marker and are not in the crosswalk."""
    if len(sightings) == 1:
        return Ruling(state=IntentState.CONFIRMED, dest_id=sightings[0], reason="found by its marker")
    if len(sightings) > 1:
        return Ruling(
            state=IntentState.PARKED, doubled=True, reason=f"{len(sightings)} records carry the marker: {', '.join(sightings)}",
        )
    if waited_s < quiet.decisive_s:
        return Ruling()
    if quiet.seconds is None:
        return Ruling(state=IntentState.PARKED, reason="no bound for the search lag is known")
    return Ruling(state=IntentState.ABANDONED, reason="not there after the quiet time")


def rule_change(
    intent: Intent, now: Fields | None, replacements: Sequence[DestId], *, applied: bool, waited_s: float, quiet: QuietTime
) -> Ruling:
    """Decide about an update or delete from the record itself (None: gone) and from what may have replaced it."""
    if intent.op is Op.DELETE:
        if now is None:
            return Ruling(state=IntentState.CONFIRMED, dest_id=intent.dest_id, reason="the record is gone")
        return _not_applied("the record is still there", waited_s, quiet)
    if len(replacements) > 1:
        return Ruling(state=IntentState.PARKED, doubled=True, reason=f"{len(replacements)} further records carry the marker")
    if replacements:
        stale = intent.dest_id if now is not None else None
        return Ruling(state=IntentState.CONFIRMED, dest_id=replacements[0], stale_id=stale, reason="re-made under its marker")
    if now is None and intent.dest_kind in REMADE_KINDS:
        return _half_way(waited_s, quiet)
    if now is not None and applied:
        return Ruling(state=IntentState.CONFIRMED, dest_id=intent.dest_id, reason="all values are there")
    return _not_applied("not applied, or in part; it is compared and written anew", waited_s, quiet)


def _not_applied(reason: str, waited_s: float, quiet: QuietTime) -> Ruling:
    """A write that may still take effect is not over: a later one would be overtaken by it."""
    return Ruling(state=IntentState.ABANDONED, reason=reason) if waited_s >= quiet.late_s else Ruling()


def _half_way(waited_s: float, quiet: QuietTime) -> Ruling:
    """The old record is gone and none took its place: it is made anew once that one can no longer appear."""
    if waited_s < quiet.decisive_s:
        return Ruling()
    if quiet.seconds is None:
        return Ruling(state=IntentState.PARKED, reason="it was removed to be made anew, and no bound for the search lag is known")
    return Ruling(state=IntentState.ABANDONED, lost=True, reason="removed and not made anew; it is made again")


def removed_by(intent: Intent, happenings: Iterable[Happening]) -> str:
    """Name who removed last what a write was to change, as the feed does; "" where it tells of no removal."""
    removals = [each for each in happenings if each.action == "delete" and intent.dest_id in each.ids]
    return max(removals, key=lambda each: (each.at, position_of(each.id))).actor if removals else ""


def told_if_lost(intent: Intent, ruling: Ruling) -> Ruling:
    """What serves no change of a source record, such as giving a text back in a rollback, no later pass makes anew: a person is told."""
    if not ruling.lost or intent.seq:
        return ruling
    reason = "removed to be given back as it was, and no new one is there; `trace` tells what it said"
    return Ruling(state=IntentState.PARKED, reason=reason)


class DoubtResolver:
    """Looks for the outcome of open intents; called at start, and from time to time while any are open."""

    def __init__(self, *, ledger: Ledger, reader: Reader, feed: Feed, clock: Clock, quiet: QuietTime) -> None:
        self._ledger = ledger
        self._reader = reader
        self._feed = feed
        self._clock = clock
        self.quiet = quiet
        self._phase = ""
        self._first_look: float | None = None      # monotonic

    async def resolve(self, *, phase: str = "") -> int:
        """Rule on open intents for which the evidence suffices, the oldest first, many at once; answers how many stay open, of all."""
        self._phase = phase
        intents = await self._ledger.open_intents(limit=AT_ONCE)
        if not intents:
            return 0
        self._first_look = self._clock.monotonic() if self._first_look is None else self._first_look
        await self._note_since(intents)
        happenings = await self._happenings(intents)
        for intent in intents:
            ruling = await self._weighed(intent, await self._rule(intent, happenings))
            if ruling.state is not None:
                await self._apply(intent, ruling)
        return await self.count()

    async def count(self) -> int:
        """Say how many outcomes are unknown, looked for or not."""
        counts = await self._ledger.intent_counts()
        return sum(counts.get(state, 0) for state in OPEN_INTENTS)

    async def _note_since(self, intents: Sequence[Intent]) -> None:
        """Writes that a process which is no more had meant are in doubt from now on: it cannot be told when they were sent."""
        at = iso(self._clock.steady())
        unnoted = [intent for intent in intents if since(intent) is None]
        if unnoted:
            await self._ledger.commit([
                SettleIntent(id=intent.id, state=IntentState.IN_DOUBT, reason="the run ended meanwhile", unknown_since=at)
                for intent in unnoted
            ])

    def _waited_s(self, intent: Intent) -> float:
        if intent.epoch != self._ledger.epoch and self._first_look is not None:
            return self._clock.monotonic() - self._first_look
        began = since(intent)
        return 0.0 if began is None else (self._clock.steady() - began) / timedelta(seconds=1)

    async def _happenings(self, intents: Sequence[Intent]) -> Sequence[Happening]:
        cursors = [intent.feed_cursor for intent in intents if intent.feed_cursor and self._feed.carries(intent.dest_kind)]
        if not cursors:
            return ()
        oldest = min(cursors, key=position_of)
        kinds = {intent.dest_kind for intent in intents}
        portions = self._feed.portions(oldest)
        return [event async for portion, _ in portions for event in portion if event.action in ("create", "delete") and event.kind in kinds]

    async def _rule(self, intent: Intent, happenings: Sequence[Happening]) -> Ruling:
        waited_s = self._waited_s(intent)
        if intent.op is not Op.CREATE and intent.dest_id is not None:
            now = (await self._reader.read(intent.dest_kind, [intent.dest_id], custom=_has_custom(intent.fields))).get(intent.dest_id)
            replacements: Sequence[DestId] = ()
            if intent.op is Op.UPDATE and intent.dest_kind in REMADE_KINDS and intent.marker:
                replacements = await self._sightings(intent, happenings, waited_s)
            applied = now is not None and self._is_applied(intent, now)
            ruling = rule_change(intent, now, replacements, applied=applied, waited_s=waited_s, quiet=self.quiet)
            if ruling.lost and is_person(who := removed_by(intent, happenings)) and who != await self._feed.our_user():
                return Ruling(state=IntentState.ABANDONED, reason="not applied: people deleted the record")
            return told_if_lost(intent, await self._unless_removed(intent, happenings, ruling) if ruling.lost else ruling)
        if not intent.marker:
            return Ruling(state=IntentState.PARKED, reason="the write carries no marker to look for")
        ruling = rule_create(intent, await self._sightings(intent, happenings, waited_s), waited_s=waited_s, quiet=self.quiet)
        if ruling.state is not IntentState.ABANDONED:
            return ruling
        return await self._unless_restored(intent, await self._unless_removed(intent, happenings, ruling))

    async def _weighed(self, intent: Intent, ruling: Ruling) -> Ruling:
        """Count a write that did not happen among the tries of its record."""
        if ruling.state is not IntentState.ABANDONED or ruling.lost or ruling.back is not None:
            return ruling
        weighed = await weigh(self._ledger, intent, ruling.reason, now=self._clock.steady())
        return replace(ruling, reason=weighed.reason, ending=weighed.ending)

    def _is_applied(self, intent: Intent, now: Fields) -> bool:
        """All values are there, and lists hold nothing that was to be taken out."""
        return all(both_ways(self._reader.compare, intent.dest_kind, name, value, now.get(name)) for name, value in intent.fields.items())

    async def _sightings(self, intent: Intent, happenings: Sequence[Happening], waited_s: float) -> list[DestId]:
        """
        Live records with the intent's marker that the crosswalk does not know yet.

        The feed shows them first. Lists and searches cost calls for each intent: they are asked when the feed does not tell of this
        kind, and once more at the end, when their "not there" decides.
        """
        suspects = self._suspects(intent, happenings)
        found = await self._carrying(intent, sorted(suspects - await self._known(suspects))) if suspects else []
        is_last = waited_s >= self.quiet.decisive_s
        if not found and (is_last or not self._feed.carries(intent.dest_kind)):
            hits = await self._reader.find(intent.dest_kind, intent.marker, intent.fields)
            known = await self._known(set(hits))
            found = [hit for hit in hits if hit not in known]
        return [each for each in dict.fromkeys(found) if each != intent.dest_id]

    def _suspects(self, intent: Intent, happenings: Sequence[Happening]) -> set[DestId]:
        """Give what was made meanwhile and could be this write."""
        return {
            dest_id
            for event in happenings
            if event.kind == intent.dest_kind and event.action == "create"
            for dest_id in event.ids
            if self._may_be(intent, event.payloads.get(dest_id))
        }

    async def _unless_removed(self, intent: Intent, happenings: Sequence[Happening], ruling: Ruling) -> Ruling:
        """Make nothing again that people removed or merged away before it was found: what became of it then is as of any other."""
        after = position_of(intent.feed_cursor or "")
        suspects = self._suspects(intent, [event for event in happenings if position_of(event.id) > after])
        if not suspects:
            return await self._unless_rewritten(intent, happenings, ruling)
        merged = {name.removeprefix(MERGED) for name in await self._ledger.settings(MERGED)}
        found = await removed(self._reader, intent, suspects - merged - await self._known(suspects))
        if found.made is not None:
            return Ruling(state=IntentState.CONFIRMED, dest_id=found.made, reason="it was made, and removed or merged by people since")
        if found.unclear:
            reason = f"people removed or merged what may be it, and nothing tells any more: {', '.join(found.unclear)}"
            return Ruling(state=IntentState.PARKED, reason=reason)
        return await self._unless_rewritten(intent, happenings, ruling)

    async def _unless_rewritten(self, intent: Intent, happenings: Sequence[Happening], ruling: Ruling) -> Ruling:
        """Make nothing again unasked that may be there without its marker, since people wrote over it."""
        if not intent.seq or not is_text(intent):
            return ruling
        made = made_meanwhile(intent, happenings, (await self._feed.our_user(), intent.author))
        line = (await self._ledger.links([intent.ref])).get(intent.ref) if made else None
        said = {**(line.base if line is not None else {}), **intent.fields}     # a change names only what it changes
        bare = await rewritten(self._reader, intent, said, made - await self._known(made))
        if not bare:
            return ruling
        reason = f"people may have written over what was made, marker and all; this may be it: {', '.join(bare)}"
        return Ruling(state=IntentState.PARKED, reason=reason, may_be=tuple(bare))

    async def _unless_restored(self, intent: Intent, ruling: Ruling) -> Ruling:
        """Make nothing again whose earlier record people brought back meanwhile, heard of or not: to make it again is over."""
        if ruling.state is not IntentState.ABANDONED or (await self._ledger.links([intent.ref])).get(intent.ref) is not None:
            return ruling
        back = (await restored(self._ledger, self._reader, {intent.ref: intent.dest_kind})).get(intent.ref)
        return ruling if back is None else replace(ruling, back=back, reason=f"{ruling.reason}; {back}, which it was before, is back")

    async def _known(self, dest_ids: set[DestId]) -> set[DestId]:
        """
        Those that another record has led to from the beginning; one that people merged others into meanwhile may be what was meant.

        One that was given up or removed before is not: it bears the marker, and people may have brought it back just now.
        """
        before: set[DestId] = set()
        for kind in RESTORABLE & {kind_of(dest_id) for dest_id in dest_ids}:
            before |= {each.id for each in await self._ledger.candidates(kind, {"id": sorted(dest_ids)}, side=REMOVED)}
        links = await self._ledger.links_to(sorted(dest_ids))
        moved = await moved_by_merging(self._ledger) if links else set()
        return before | {link.dest_id for link in links if (link.dest_id, link.ref) not in moved}

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
        if not ids:
            return []
        records = await self._reader.read(intent.dest_kind, ids, custom=True)
        return [dest_id for dest_id, fields in records.items() if carries_marker(fields, intent.marker)]

    # ------------------------------------------------------------------------------------------ carrying it out

    async def _apply(self, intent: Intent, ruling: Ruling) -> None:
        state = sure(ruling.state, "state of a ruling")
        ending = Ending.FOUND if state is IntentState.CONFIRMED else ruling.ending
        changes: list[Change] = [
            SettleIntent(
                id=intent.id, state=state, dest_id=ruling.dest_id, reason=ruling.reason, ending=ending,
                unknown_since=intent.unknown_since or iso(self._clock.steady()),     # what was given up may be there in part
            ),
            Audit(entry=AuditEntry(
                actor="streamflow", action=f"doubt.{state.value}", kind=intent.ref.kind, key=intent.ref.key,
                dest_id=ruling.dest_id or "", note=ruling.reason,
            )),
        ]
        if state is IntentState.PARKED:
            changes += await self._asked(intent, ruling)
        else:
            rests = await left_to_a_person(self._ledger, intent, ruling.reason) if ruling.ending is Ending.GIVEN_UP else []
            changes += [*rests, Wake(on=(outcome_name(intent.id),)), forgotten(intent)]
        if ruling.lost:
            for line in (await self._ledger.links([intent.ref])).values():
                changes += await dropped(self._ledger, line)
        if ruling.back is not None:
            changes += await taken_again(self._ledger, intent.dest_kind, ruling.back)
        if state is IntentState.CONFIRMED:
            changes += await self._adopted(intent, ruling)
            changes.append(Wake(on=(name_of(intent.ref.kind, intent.ref.key),)))
        await self._ledger.commit([*changes, *await run_along(self._ledger, changes)])

    async def _asked(self, intent: Intent, ruling: Ruling) -> list[Change]:
        """Leave the write to a person; until then its record is flagged and waits."""
        kind, key = intent.ref.kind, intent.ref.key
        item = QueueItem(
            id=outcome_name(intent.id), cause="in_doubt", kind=kind, key=key, blocking=True,
            suggested="recreate" if ruling.may_be else "waive",     # a text too many is seen and deleted; one that is lost nobody sees
            reason=f"{intent.dest_kind} {intent.op.value}: {ruling.reason}", decisions=("recreate", "adopt:<destination id>", "waive"),
            details={"marker": intent.marker, "intent": intent.id, DOUBLED: ruling.doubled, **_others(ruling.may_be)},
        )
        staged = (await self._ledger.staged(kind, [key])).get(key)
        finish = Finish(
            kind=kind, key=key, seq=intent.seq, state=RecordState.PARKED, waiting_on=outcome_name(intent.id), reason=ruling.reason,
            disposition=(staged.disposition if staged is not None else None) or Disposition.FLAGGED,
        )
        return [Enqueue(item=item), finish]

    async def _adopted(self, intent: Intent, ruling: Ruling) -> list[Change]:
        """
        Crosswalk lines for a write found to have happened; the record itself runs through the stages again and finds nothing to do.

        A record that was replaced and is still there is kept under a part of its own: nobody asks for it, so it is removed like any
        other part that is dropped, by a write of the same protocol, unless a person changed it.
        """
        dest_id = sure(ruling.dest_id, "record that was adopted")
        if intent.op is Op.DELETE:
            return [DropLink(ref=intent.ref), *taken_away(intent, None)]
        meaning = await meaning_of(self._ledger, intent)
        now = line_of(intent, meaning, dest_id, phase=self._phase or "recovery", at=iso(self._clock.now()))
        if intent.op is Op.CREATE:
            return await self._with_merged(now, meaning.joiners)
        changes = [*brought(now, meaning.joiners), *learnt_late(intent, meaning, at=self._clock.steady().timestamp())]
        line = (await self._ledger.links([intent.ref])).get(intent.ref)
        if ruling.stale_id is None or line is None:
            return [*changes, *taken_away(intent, now)]
        aside = replace(line, ref=Ref(line.ref.kind, line.ref.key, f"{line.ref.part}~{ruling.stale_id}"), verified="verified")
        return [*changes, PutLink(link=aside)]

    async def _with_merged(self, made: Link, joiners: Sequence[Joiner]) -> list[Change]:
        """The line of a record that was made; those that people merged into it before this was known join it, as they would have then."""
        others = [each for each in await self._ledger.links_to([made.dest_id]) if each.ref != made.ref]
        if not others:
            return brought(made, joiners)
        now = (await self._reader.read(made.dest_kind, [made.dest_id], custom=True)).get(made.dest_id, {})
        merged = [PutLink(link=joined(each, made.dest_id)) for each in others if not each.is_merged]
        return [*brought(as_it_reads(made, now, self._reader.compare), joiners), *merged]


def _others(may_be: Sequence[DestId]) -> dict[str, list[DestId]]:
    return {"others": sorted(may_be)} if may_be else {}


def _has_custom(fields: Fields) -> bool:
    return any(name.startswith("custom:") for name in fields)
