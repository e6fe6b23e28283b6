"""
Writing, by the protocol for a destination without idempotency keys.

Rule 1: an intent is durable before its first byte is sent; a batch shares the commit.
Rule 2: a definite answer confirms or rejects; anything else is in doubt and is never repeated blindly.
Rule 3: outcome, crosswalk, disposition and audit of a batch are one transaction.
Rule 4: the second write of a record starts only after the first is confirmed.
Rule 5: outcomes known when the run is cut short are kept; what was under way then is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import assert_never

import anyio

from streamflow.clock import Clock, iso
from streamflow.errors import (
    OURS,
    InvariantBroken,
    MadeLocked,
    NotFound,
    PlatformUnavailable,
    RecordRejected,
    Stale,
    StreamflowError,
    Throttled,
    TransientError,
    Uncertain,
    gravest,
    sure,
)
from streamflow.model import DestId, Intent, IntentState, Kind, Link, Op, Ref, kind_of
from streamflow.platforms.destination import Feed, Reader, Writer
from streamflow.stages.batch import Loaded, Resolved, Write
from streamflow.stages.gone import GONE_KINDS
from streamflow.stages.meanwhile import Meanwhile, targets
from streamflow.stages.overwritten import Done
from streamflow.stages.progress import Outcome, Progress, fill_refs, names_under_way, opening, perhaps_their_own, settle
from streamflow.stages.questions import next_question, repeated
from streamflow.stages.reopened import run_along
from streamflow.stages.rereading import reads_otherwise
from streamflow.stages.unanswered import left_to_a_person, weigh, weigh_overtaken
from streamflow.stages.unknown import REMADE_KINDS, meaning_name
from streamflow.stages.vanished import Vanished
from streamflow.stages.written import written_by_us
from streamflow.store.base import Ledger
from streamflow.store.change import Change, DropLink, PutIntent, PutSetting

SAVE_S = 10.0  # the longest that keeping known outcomes may hold up a run that is cut short
OVERTAKEN = "changed since it was read"
PATIENCE = 12  # times a write that was surely not applied is offered again before the platform counts as away


class Loader:
    """Carries out the plans of batches; several batches may be under way at once."""

    def __init__(
        self, *, ledger: Ledger, writer: Writer, feed: Feed, clock: Clock, phase: Callable[[], str], numbers: Iterator[int],
        busy: set[str] | None = None, meanwhile: Meanwhile | None = None,
        vanished: Vanished | None = None, rereader: Reader | None = None,
    ) -> None:  # fmt: skip
        self._vanished = vanished
        self._rereader = rereader     # None: what the feed tells has to do
        self._busy: set[str] = busy if busy is not None else set()
        self._ledger = ledger
        self._writer = writer
        self._feed = feed
        self._meanwhile = meanwhile if meanwhile is not None else Meanwhile(feed, clock)
        self._clock = clock
        self._phase = phase
        self._numbers = numbers       # one run of numbers a start of the daemon: intent ids never repeat

    async def load(self, batch: Resolved) -> Loaded:
        """
        Write a batch in waves and answer what waits for verification.

        Raises the first error that concerns more than one record (access, plan, platform away, broken contract), after everything
        that is known by then has been kept; what was not sent stays pending.
        """
        tracks = [Progress(plan, seen=batch.seen) for plan in batch.plans]
        changes: list[Change] = []
        await self._leave_moved(tracks)
        for track in tracks:
            changes += opening(track.plan) if not track.stopped else []
        written: dict[Ref, Link] = {}
        failure: StreamflowError | None = None
        wave, meant = await self._mean(tracks, changes)
        while wave:
            await self._keep([*changes, *meant])
            changes, failure = await self._carry_out(wave, written)
            wave, meant = ([], []) if failure is not None else await self._following(tracks, changes)
        await self._keep(changes)
        self._busy.difference_update(names_under_way(batch))
        if failure is not None:
            raise failure
        return Loaded(
            kind=batch.kind,
            finished=sum(1 for track in tracks if track.has_moved),
            written=tuple(written.values()),
        )

    async def finish(self) -> None:
        """End a pass: look after what is due by now."""
        await self._ledger.commit(await self._meanwhile.finish())

    async def _leave_moved(self, tracks: Sequence[Progress]) -> None:
        """Stop the plans whose next record somebody changed since it was read: they stay pending and are made anew."""
        read = [track for track in tracks if track.next is not None and track.next.dest_id not in track.ids.values()]
        moved = await self._meanwhile.moved(targets(track.next for track in read), tracks[0].seen if tracks else "")
        for track in tracks:
            track.stopped = track.stopped or (track.next is not None and track.next.dest_id in moved)

    async def _following(self, tracks: Sequence[Progress], changes: Sequence[Change]) -> tuple[list[Progress], list[Change]]:
        """Look before the next wave as before the first; where that fails, what is known of the last one (*changes*) is kept."""
        try:
            await self._leave_moved(tracks)
            return await self._mean(tracks, changes)
        except BaseException:     # a run cut short as well: who forgets a confirmed create has to search for it
            await self._keep(changes)
            raise

    async def _keep(self, changes: Sequence[Change]) -> None:
        """Commit what is known; a run that is cut short waits for it, as long as the ledger lets a transaction take."""
        with anyio.CancelScope(shield=True):
            await self._commit(changes)

    async def _commit(self, changes: Sequence[Change]) -> None:
        await self._ledger.commit([*changes, *await run_along(self._ledger, changes)])

    async def _mean(self, tracks: Sequence[Progress], changes: Sequence[Change]) -> tuple[list[Progress], list[Change]]:
        """Give the next write of each plan that goes on, and what makes these durable beside *changes*; nothing is committed here."""
        wave = [track for track in tracks if track.next is not None]
        if not wave:
            return [], []
        creates = [track.next.ref for track in wave if track.next is not None and track.next.op is Op.CREATE]
        doubles = (await self._ledger.links(creates)).keys() - {change.ref for change in changes if isinstance(change, DropLink)}
        if doubles:
            double = min(doubles)
            raise InvariantBroken(f"{double.kind} {double.key} was to be made a second time", hint="a bug: report it; nothing was sent")
        cursor, at = await self._feed.cursor(), iso(self._clock.steady())
        meant: list[Change] = []
        for track in wave:
            track.intent = self._intent(track, cursor, at)
            meant.append(PutIntent(intent=track.intent))
            if track.meaning.is_kept_for(track.intent):
                meant.append(PutSetting(name=meaning_name(track.intent), value=track.meaning.to_json()))
        return wave, meant

    async def _carry_out(self, wave: Sequence[Progress], written: dict[Ref, Link]) -> tuple[list[Change], StreamflowError | None]:
        """Send a wave; answers what is to be noted of it, and the error that stops the rest."""
        outcomes: list[Outcome | None] = [None] * len(wave)
        try:
            await self._send(wave, outcomes)
            await self._weigh(wave, outcomes)
        except BaseException:     # a cancellation as well: the answers that came before it are known
            with anyio.move_on_after(SAVE_S, shield=True):
                await self._commit(await self._settled(wave, outcomes, written))
            raise
        failures = [each.error for each in outcomes if each is not None and each.error is not None and each.stops]
        with anyio.CancelScope(shield=True):
            changes = await self._settled(wave, outcomes, written)
        return [*changes, *self._meanwhile.take()], gravest(failures) if failures else None

    async def _weigh(self, wave: Sequence[Progress], outcomes: list[Outcome | None]) -> None:
        """Tell what single records meet from what all do: that stops the run, the rest of a wave shows that it is not so."""
        for place, track, beside in perhaps_their_own(wave, outcomes):
            outcome, intent = sure(outcomes[place], "outcome of a write"), sure(track.intent, "intent")
            error = sure(outcome.error, "error of an outcome")
            now = self._clock.steady()
            weighed = (
                await weigh_overtaken(self._ledger, intent, error.message, now=now) if isinstance(error, Stale)
                else await weigh(self._ledger, intent, error.message, now=now, others=beside)
            )
            outcomes[place] = replace(outcome, weighed=weighed)      # what counts for nothing as well: a bad hour begins with it

    async def _settled(self, wave: Sequence[Progress], outcomes: Sequence[Outcome | None], written: dict[Ref, Link]) -> list[Change]:
        changes: list[Change] = []
        at, since, phase = iso(self._clock.now()), iso(self._clock.steady()), self._phase()
        for track, outcome in zip(wave, outcomes, strict=True):
            if outcome is None:
                continue
            if outcome.state is IntentState.REJECTED:
                track.question = await self._question(track)
            write, intent = track.next, track.intent
            is_done = outcome.state is IntentState.CONFIRMED and write is not None and write.op is Op.UPDATE and bool(write.dest_id)
            if is_done and write is not None and intent is not None:
                at_s = self._clock.steady().timestamp()
                done = Done.of(intent, seen=track.seen, now=write.now, before=write.before, at=at_s)
                changes += self._meanwhile.wrote(done)
            changes += settle(track, outcome, phase=phase, at=at, since=since, written=written)
            if intent is not None and outcome.weighed is not None and outcome.weighed.is_last:
                changes += await left_to_a_person(self._ledger, intent, outcome.weighed.reason)
        return changes

    async def _question(self, track: Progress) -> str:
        """Name the queue item of a refusal: one that was answered stays answered, so a new refusal is a new question."""
        write, record = sure(track.next, "write"), track.plan.staged.record
        names = repeated(f"rejected:{record.kind}:{record.key}:{write.ref.part}")
        return (await next_question(self._ledger, names)).name

    def _intent(self, track: Progress, cursor: str, at: str) -> Intent:
        write = sure(track.next, "write")
        dest_id = write.dest_id or (track.ids.get(write.ref) if write.op is not Op.CREATE else None)
        return Intent(
            id=f"{self._ledger.epoch}-{next(self._numbers):07d}",
            ref=write.ref,
            op=write.op,
            dest_kind=write.dest_kind,
            fields=fill_refs(write.fields, track.ids),
            marker=write.marker,
            dest_id=dest_id,
            author=write.author,
            seq=track.plan.staged.seq,
            feed_cursor=cursor,
            meant_at=at,
            epoch=self._ledger.epoch,
        )

    async def _send(self, wave: Sequence[Progress], outcomes: list[Outcome | None]) -> None:
        async def one(index: int, track: Progress) -> None:
            outcomes[index] = await self._attempt(track)

        async with anyio.create_task_group() as group:
            for index, track in enumerate(wave):
                group.start_soon(one, index, track)

    async def _attempt(self, track: Progress) -> Outcome:
        """Send one write; only one that was surely not applied is offered again."""
        write, intent = sure(track.next, "write"), sure(track.intent, "intent")
        refused: StreamflowError | None = None
        for attempt in range(PATIENCE):
            if unsent := await (self._moved_since(track) if attempt else self._is_another(track)):
                return Outcome(state=IntentState.ABANDONED, dest_id=intent.dest_id, unsent=unsent)
            try:
                return Outcome(state=IntentState.CONFIRMED, dest_id=await self._call(write, intent))
            except Throttled as error:
                refused = error
                await self._clock.sleep(min(error.retry_after_s or 0.0, 1.0))   # the limiter holds back the rest
            except TransientError as error:
                refused = error
                await self._clock.sleep(min(30.0, 0.25 * 2**attempt))
            except Uncertain as error:
                return Outcome(state=IntentState.IN_DOUBT, dest_id=intent.dest_id, error=error)
            except Stale as error:
                if intent.op is Op.DELETE and intent.dest_id is not None:
                    self._meanwhile.worked_on.add(intent.dest_id)     # it may read as we left it: whoever plans anew is to ask
                return Outcome(state=IntentState.ABANDONED, dest_id=intent.dest_id, error=error)
            except RecordRejected as error:
                is_outdated = await self._is_about_vanished(intent)     # then it is planned anew with what is known now
                state = IntentState.ABANDONED if is_outdated else IntentState.REJECTED
                return Outcome(state=state, dest_id=intent.dest_id, error=error)
            except NotFound as error:
                state = IntentState.CONFIRMED if intent.op is Op.DELETE else IntentState.ABANDONED
                return Outcome(state=state, dest_id=intent.dest_id, error=None if intent.op is Op.DELETE else error)
            except MadeLocked as error:     # made all the same: it is kept, and the rest of its kind waits
                return Outcome(state=IntentState.CONFIRMED, dest_id=error.dest_id, error=error)
            except InvariantBroken as error:     # perhaps behind a create that was confirmed: it is looked for
                state = IntentState.IN_DOUBT if intent.op is Op.CREATE else _surely_not(intent)
                return Outcome(state=state, dest_id=intent.dest_id, error=error)
            except StreamflowError as error:
                return Outcome(state=_surely_not(intent), dest_id=intent.dest_id, error=error)
        away = PlatformUnavailable(
            f"the destination refused to take a write {PATIENCE} times ({refused})", hint="it goes on by itself when the platform recovers"
        )
        return Outcome(state=_surely_not(intent), dest_id=intent.dest_id, error=away)

    async def _is_about_vanished(self, intent: Intent) -> bool:
        """Say whether a refused write names a record that people deleted or merged away; where it went is noted."""
        named: dict[Kind, set[DestId]] = {}
        for name, value in intent.fields.items():
            for each in (value if isinstance(value, list) else [value]) if name.startswith("link:") else ():
                if isinstance(each, str) and (kind := kind_of(each)) in GONE_KINDS:
                    named.setdefault(kind, set()).add(each)
        if self._vanished is None:
            return False
        try:
            return any([await self._vanished.look(kind, ids) for kind, ids in named.items()])
        except OURS:
            raise
        except StreamflowError:
            return False     # the refusal is what is known

    async def _is_another(self, track: Progress) -> str:
        """
        Say why it is not sent where the record reads otherwise than when the write was decided, else "".

        One that the plan itself has changed is not read.
        """
        write = track.next
        if write is None or write.dest_id is None or self._rereader is None or write.dest_id in track.ids.values():
            return ""
        try:
            is_other = await reads_otherwise(self._rereader, write)
        except OURS:
            raise
        except StreamflowError:
            return ""     # the write itself meets whatever that was
        return OVERTAKEN if self._meanwhile.puts_off(write.dest_id, is_other=is_other) else ""

    async def _moved_since(self, track: Progress) -> str:
        """
        Say why it is not sent where somebody was at the record while a refused write waited to be offered again, else "".

        What is remade looks for itself.
        """
        write = track.next
        if write is None or write.dest_kind in REMADE_KINDS:
            return ""
        try:
            return OVERTAKEN if await self._meanwhile.moved(targets([write]), track.seen, at_once=True) else ""
        except OURS:
            raise
        except StreamflowError as error:     # the record comes again, nothing was written
            return f"nobody could tell whether it {OVERTAKEN} ({error.message})"

    async def _call(self, write: Write, intent: Intent) -> DestId:
        if write.op is Op.CREATE:
            return await self._writer.create(write.dest_kind, intent.fields, author=write.author)
        dest_id = sure(intent.dest_id, "record to write to")
        if write.op is Op.UPDATE:
            more: dict[str, bool] = {"force": True} if write.force else {}
            return await self._writer.update(write.dest_kind, dest_id, intent.fields, now=write.now, author=write.author, **more)
        if write.op is not Op.DELETE:
            assert_never(write.op)
        if write.since:
            intents = await self._ledger.intents_of(write.ref.kind, write.ref.key)
            await self._writer.delete_unchanged(write.dest_kind, dest_id, written_by_us(dest_id, intents, last=write.since))
        else:
            await self._writer.delete(write.dest_kind, dest_id)
        return dest_id


def _surely_not(intent: Intent) -> IntentState:
    """What a write comes to that was refused unseen. Of a kind that is replaced whole the old one may be deleted and no new one made."""
    remade = intent.op is Op.UPDATE and intent.dest_kind in REMADE_KINDS
    return IntentState.IN_DOUBT if remade else IntentState.ABANDONED
