"""The writes of a rollback: meant before they are sent, sent side by side, and noted with what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio

from streamflow.clock import iso
from streamflow.errors import NotFound, RecordRejected, Stale, StreamflowError, Throttled, TransientError, gravest
from streamflow.mapping.catalogue import WITH_CUSTOM_FIELDS
from streamflow.mapping.marker import marker_in
from streamflow.migration.context import Migration
from streamflow.migration.returning import kept_away
from streamflow.migration.reversal import UNDOING, Reversal
from streamflow.migration.scopes import WHOLE
from streamflow.migration.undoing import Step
from streamflow.model import AuditEntry, Cursor, DestId, Ending, Fields, Intent, IntentState, Link, Op, Ref
from streamflow.stages.formerly import RESTORABLE, remembered
from streamflow.stages.gone import written_name
from streamflow.stages.planning import both_ways
from streamflow.stages.stale import LOST_KINDS
from streamflow.stages.written import written_by_us
from streamflow.store.change import Audit, Change, DropLink, DropLookup, PutIntent, PutLink, PutSetting, SettleIntent

TRIES = 8
GIVEN_UP_HERE = "rollback:given_up"
"""The setting that keeps what the rollback under way does not try any more: [[kind, key, part], why]."""
MOVED = "changed by people while it was being restored"
NOTHING_TO_UNDO = "nothing to undo"
"""What the audit says of a line that was let go, where there is no reason to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What became of some steps."""

    refused: dict[Ref, str] = field(default_factory=dict)          # and why
    removed: list[Reversal] = field(default_factory=list)          # to be looked after
    restored: list[Reversal] = field(default_factory=list)         # likewise
    moved: set[Ref] = field(default_factory=set)                   # changed since they were read: nothing was written


class Reversals:
    """Carries out what was decided of lines of the crosswalk."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self.given_up: dict[Ref, str] = {}     # what was sent in vain so often that it is left, and why
        self._in_vain: set[Ref] = set()        # what the last start sent and that did not happen: not sent together with others

    async def carry_out(self, steps: Sequence[Step], now: Mapping[DestId, Fields], scope: str, seen: Cursor = "") -> Carried:
        """
        Carry out the steps of some links in a rollback of *scope*, their writes side by side; read when the feed stood at *seen*.

        Raises the first error that leaves an outcome unknown; the next start finds it out (`recall`).
        """
        kept = await self._kept_away(scope, [step.link.ref for step in steps if step.action in ("forget", "delete", "restore")])
        await self._m.ledger.commit([
            change for step in steps if step.action == "forget"
            for change in (
                *_forgotten(step.link, scope, is_gone=step.link.dest_id not in now), *kept.get(step.link.ref, ()),
                _entry(step.link, step.action, step.reason or NOTHING_TO_UNDO),
            )
        ])
        writes = [self._reversal(step, now, scope, seen) for step in steps if step.action in ("delete", "restore")]
        return await self._carry(writes, now, kept)

    async def give_back(self, restored: Reversal, fields: Fields, now: Fields, seen: Cursor) -> Carried:
        """Write what people had put where we restored something; *now* was read when the feed stood at *seen*. Raises as `carry_out`."""
        link = restored.link
        write = Reversal(
            id=self._next(), link=link, action="give_back", fields=fields, scope=restored.scope, now=_held(fields, now), seen=seen,
        )
        return await self._carry([write], {link.dest_id: now}, {})

    async def _carry(self, writes: Sequence[Reversal], now: Mapping[DestId, Fields], kept: Mapping[Ref, Sequence[Change]]) -> Carried:
        """Mean, send and note some writes."""
        await self._m.ledger.commit([
            change for each in writes
            for change in (PutIntent(intent=self._intent(each, now.get(each.link.dest_id) or {})), each.noted)
        ])
        answers, failures = await self._send_all(writes, now)
        carried = Carried()
        changes: list[Change] = []
        for each in writes:
            if (answer := answers.get(each.id)) is None:
                continue     # its intent stays open: the next start looks what became of it
            refusal, dest_id = answer
            if refusal == MOVED:
                carried.moved.add(each.link.ref)
                changes += [SettleIntent(id=each.id, state=IntentState.ABANDONED, reason="changed since it was read"), each.over]
                continue
            if refusal:
                carried.refused[each.link.ref] = refusal
                changes += _refused(each, refusal)
                continue
            done = replace(each, link=replace(each.link, dest_id=dest_id))
            follows = _undone(done, kept) if each.action != "give_back" else []
            changes += [SettleIntent(id=each.id, state=IntentState.CONFIRMED, dest_id=dest_id), *follows, *_told(done)]
            if each.action == "delete":
                carried.removed.append(done)
            elif each.seen:
                carried.restored.append(done)
        await self._m.ledger.commit(changes)
        if failures:
            raise gravest(failures)
        return carried

    async def _send_all(
        self, writes: Sequence[Reversal], now: Mapping[DestId, Fields]
    ) -> tuple[dict[str, tuple[str, DestId]], list[StreamflowError]]:
        """Send some writes of one kind; gives by their ids what `_send` answers, and the errors that leave an outcome unknown."""
        gone = [each for each in writes if each.action == "delete"]
        answers: dict[str, tuple[str, DestId]] = {}
        failures: list[StreamflowError] = []

        async def one(reversal: Reversal) -> None:
            try:
                answers[reversal.id] = await self._send(reversal, now.get(reversal.link.dest_id) or {})
            except StreamflowError as error:
                failures.append(error)

        apart = any(each.link.ref in self._in_vain for each in gone)
        if gone and not apart and await self._m.destination.writer.delete_all(gone[0].link.dest_kind, [each.link.dest_id for each in gone]):
            answers |= {each.id: ("", each.link.dest_id) for each in gone}
        async with anyio.create_task_group() as group:
            for each in writes:
                if each.id not in answers:
                    group.start_soon(one, each)
        return answers, failures

    async def recall(self) -> list[Reversal]:
        """
        Tell what an earlier start did without hearing of it, once no outcome is unknown; answers what is to be looked after.

        A restored line stays: it is let go when it is planned again.
        """
        unlooked: list[Reversal] = []
        changes: list[Change] = []
        self.given_up = {Ref(*name): why for name, why in await self._m.ledger.setting(GIVEN_UP_HERE) or []}
        for name, value in (await self._m.ledger.settings(UNDOING)).items():
            noted = Reversal.from_setting(name, value)
            reversal = noted if noted.is_told else await self._happened(noted)
            if reversal is None:
                changes.append(noted.over)
                continue
            if reversal.action == "delete" or reversal.seen:
                unlooked.append(reversal)
            if reversal.action == "delete":
                kept = await self._kept_away(reversal.scope, [reversal.link.ref])
                changes += [] if reversal.is_told else _undone(reversal, kept)
            changes += [] if reversal.is_told else _told(reversal)
        kept_up = [[[ref.kind, ref.key, ref.part], why] for ref, why in sorted(self.given_up.items())]
        await self._m.ledger.commit([*changes, PutSetting(name=GIVEN_UP_HERE, value=kept_up or None)])
        return unlooked

    async def _happened(self, reversal: Reversal) -> Reversal | None:
        """Give what happened, with the id that the record has now; None when it did not, which is noted."""
        ref = reversal.link.ref
        for intent in await self._m.ledger.intents_of(ref.kind, ref.key):
            if intent.id != reversal.id:
                continue
            if intent.state is IntentState.CONFIRMED:
                return replace(reversal, link=replace(reversal.link, dest_id=intent.dest_id or reversal.link.dest_id))
            self._in_vain.add(ref)
            if intent.ending is Ending.GIVEN_UP:
                self.given_up[ref] = f"{reversal.action}: {intent.reason}"
        return None

    async def _kept_away(self, scope: str, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Change]]:
        """Give what keeps these away once they are undone in part; the whole run ends the migration anyway."""
        return {} if scope == WHOLE else await kept_away(self._m.ledger, scope, refs)

    def _next(self) -> str:
        return f"{self._m.ledger.epoch}-{next(self._m.numbers):07d}"

    def _reversal(self, step: Step, now: Mapping[DestId, Fields], scope: str, seen: Cursor) -> Reversal:
        held = now.get(step.link.dest_id) or {}
        related = {name: value for name, value in held.items() if name.startswith("link:")}
        if step.action == "delete":
            return Reversal(id=self._next(), link=step.link, action=step.action, scope=scope, fields=related, seen=seen)
        looks = seen if seen and self._m.destination.feed.carries(step.link.dest_kind) else ""
        return Reversal(
            id=self._next(), link=step.link, action=step.action, scope=scope, fields=step.fields, now=_held(step.fields, held), seen=looks,
            left=step.reason,
        )

    def _intent(self, reversal: Reversal, now: Fields) -> Intent:
        link, is_removal = reversal.link, reversal.action == "delete"
        return Intent(
            id=reversal.id, ref=link.ref, op=Op.DELETE if is_removal else Op.UPDATE, dest_kind=link.dest_kind,
            fields={} if is_removal else reversal.fields, marker=_marker(now), dest_id=link.dest_id, meant_at=iso(self._m.clock.steady()),
            epoch=self._m.ledger.epoch,
        )

    async def _send(self, reversal: Reversal, now: Fields) -> tuple[str, DestId]:
        """
        Send one write; answers the refusal, "" when it is done, and the id the record has then (a note may have been made anew).

        Values are not sent a second time over what people changed meanwhile: then the refusal is `MOVED`.
        An unknown outcome is raised and looked up at the next try, never said again at once: the first one may still be carried out,
        after the second was confirmed and a person has changed the record, or has brought it back.
        """
        writer, link, dest_id = self._m.destination.writer, reversal.link, reversal.link.dest_id
        for attempt in range(TRIES):
            if attempt and reversal.action != "delete" and await self._has_moved(reversal):
                return MOVED, dest_id
            try:
                if reversal.action == "delete":
                    await self._delete(link)
                else:
                    dest_id = await writer.update(link.dest_kind, dest_id, reversal.fields, now=now)
            except NotFound:
                return ("" if reversal.action == "delete" else MOVED), dest_id   # gone is what was wanted, or what people did meanwhile
            except Stale as error:
                return f"changed by people since: {error.message}", dest_id
            except RecordRejected as error:
                return f"the destination refuses it: {error.message}", dest_id
            except (Throttled, TransientError):
                if attempt == TRIES - 1:
                    raise
                await self._m.clock.sleep(min(10.0, 0.25 * 2**attempt))
                continue
            return "", dest_id
        raise AssertionError("the last attempt answers or raises")

    async def _has_moved(self, reversal: Reversal) -> bool:
        """Say whether what a write is to replace is not there any more as it was read."""
        reader, link = self._m.destination.reader, reversal.link
        found = await reader.read(link.dest_kind, [link.dest_id], custom=link.dest_kind in WITH_CUSTOM_FIELDS)
        now = found.get(link.dest_id)
        return now is not None and any(
            not both_ways(reader.compare, link.dest_kind, name, value, now.get(name)) for name, value in reversal.now.items()
        )

    async def _delete(self, link: Link) -> None:
        writer = self._m.destination.writer
        if link.dest_kind in LOST_KINDS and link.written_at:
            intents = await self._m.ledger.intents_of(link.ref.kind, link.ref.key)
            await writer.delete_unchanged(link.dest_kind, link.dest_id, written_by_us(link.dest_id, intents, last=link.written_at))
        else:
            await writer.delete(link.dest_kind, link.dest_id)


def _held(fields: Fields, now: Fields) -> Fields:
    return {name: now.get(name) for name in fields}


def _marker(now: Fields) -> str:
    """Give the marker of a text of ours, by which it is found again if it had to be made anew; "" where it bears none."""
    return next((found for name in ("body", "description") if (found := marker_in(str(now.get(name) or "")))), "")


def _let_go(link: Link, *, is_gone: bool = False) -> list[Change]:
    """
    Take a line out of the crosswalk; a source record without a destination record leads no others any more.

    A record of an earlier run that is there as before goes on being known, as it was when this run found it.
    """
    over = PutSetting(name=written_name(link), value=None)     # what was ours of it, kept while it was gone
    if link.is_adopted and not is_gone:
        return [PutLink(link=replace(link, base={}, before={}, verified="verified")), over]
    nameless = [DropLookup(side="src", kind=link.ref.kind, id=link.ref.key)] if link.ref.part == "" else []
    return [DropLink(ref=link.ref), *nameless, over]


def _undone(reversal: Reversal, kept: Mapping[Ref, Sequence[Change]]) -> list[Change]:
    """Give what the ledger is to say of a record from now on: what is removed is found by nobody."""
    link = reversal.link
    is_gone = reversal.action == "delete"
    gone: list[Change] = [DropLookup(side="dest", kind=link.dest_kind, id=link.dest_id)] if is_gone else []
    back = _remembered(link, reversal.scope) if is_gone else []
    return [*gone, *back, *_let_go(link), *kept.get(link.ref, ())]


def _forgotten(link: Link, scope: str, *, is_gone: bool) -> list[Change]:
    """Let go of a line of which nothing is to be undone: what people had deleted is remembered, what is there was theirs, or is shared."""
    return [*_let_go(link, is_gone=is_gone), *(_remembered(link, scope) if is_gone and not link.is_merged else [])]


def _remembered(link: Link, scope: str) -> list[Change]:
    """Remember what a record that is gone was to us: people may bring it back while the migration goes on."""
    return [remembered(link)] if scope != WHOLE and link.dest_kind in RESTORABLE else []


def _told(reversal: Reversal) -> list[Change]:
    """Tell that it happened, and what was left; it is then still to be looked after, where that can be done."""
    entry = _entry(reversal.link, reversal.action, "done", given=reversal.fields)
    left = [_entry(reversal.link, "left", reversal.left)] if reversal.left else []
    return [entry, *left, replace(reversal, is_told=True).noted if reversal.action == "delete" or reversal.seen else reversal.over]


def _refused(reversal: Reversal, why: str) -> list[Change]:
    return [
        SettleIntent(id=reversal.id, state=IntentState.REJECTED, reason=why),
        _entry(reversal.link, reversal.action, f"refused: {why}", given=reversal.fields), reversal.over,
    ]


def _entry(link: Link, action: str, note: str, given: Fields | None = None) -> Audit:
    return Audit(entry=AuditEntry(
        actor="streamflow", action=f"rollback.{action}", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id,
        before=link.base if action == "delete" else None, after=(given or None) if action != "delete" else None, note=note,
    ))
