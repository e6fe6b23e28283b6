"""The writes of a rollback: meant before they are sent, sent side by side, and noted with what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import anyio

from streamflow.clock import from_iso, iso
from streamflow.errors import NotFound, RecordRejected, Stale, StreamflowError, Throttled, TransientError
from streamflow.mapping.marker import marker_in
from streamflow.migration.context import Migration
from streamflow.migration.undoing import Step
from streamflow.model import AuditEntry, DestId, Fields, Intent, IntentState, Link, Op, Ref
from streamflow.stages.updating import LOST_KINDS
from streamflow.store.base import Audit, Change, DropLink, DropLookup, PutIntent, PutLink, SettleIntent

TRIES = 8
NO_RECORD = 0
"""The change number of intents that serve no change of a source record: those of a rollback."""


class Reversals:
    """Carries out what was decided of lines of the crosswalk."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def carry_out(
        self, steps: Sequence[Step], now: Mapping[DestId, Fields], kept_away: Mapping[Ref, Sequence[Change]]
    ) -> dict[Ref, str]:
        """
        Carry out the steps of some links, their writes side by side; answers which were refused and why.

        *kept_away* is committed with what is done of each source record. Raises the first error that leaves an outcome unknown.
        """
        forgotten = [step for step in steps if step.action == "forget"]
        await self._m.ledger.commit([
            change for step in forgotten
            for change in (
                *_let_go(step.link), *kept_away.get(step.link.ref, ()), self._entry(step, step.reason or "nothing to undo"),
            )
        ])
        writes = [
            (step, self._intent(step, now.get(step.link.dest_id) or {})) for step in steps if step.action in ("delete", "restore")
        ]
        if not writes:
            return {}
        await self._m.ledger.commit([PutIntent(intent=intent) for _, intent in writes])
        changes: list[Change] = []
        refused: dict[Ref, str] = {}
        failures: list[StreamflowError] = []

        async def one(step: Step, intent: Intent) -> None:
            try:
                refusal, dest_id = await self._send(step, now.get(step.link.dest_id) or {})
            except StreamflowError as error:
                failures.append(error)   # its intent stays open: the next start looks what became of it
                return
            changes.extend(self._done(replace(step, link=replace(step.link, dest_id=dest_id)), intent, refusal))
            changes.extend(() if refusal else kept_away.get(step.link.ref, ()))
            if refusal:
                refused[step.link.ref] = refusal

        gone = [step.link.dest_id for step, _ in writes if step.action == "delete"]
        together = bool(gone) and await self._m.destination.writer.delete_all(steps[0].link.dest_kind, gone)
        async with anyio.create_task_group() as group:
            for step, intent in writes:
                if together and step.action == "delete":
                    changes.extend([*self._done(step, intent, ""), *kept_away.get(step.link.ref, ())])
                else:
                    group.start_soon(one, step, intent)
        await self._m.ledger.commit(changes)
        if failures:
            raise failures[0]
        return refused

    def _intent(self, step: Step, now: Fields) -> Intent:
        link = step.link
        return Intent(
            id=f"{self._m.ledger.epoch}-{next(self._m.numbers):07d}", ref=link.ref, op=Op.DELETE if step.action == "delete" else Op.UPDATE,
            dest_kind=link.dest_kind, fields=step.fields, marker=_marker(now), dest_id=link.dest_id, meant_at=iso(self._m.clock.now()),
            epoch=self._m.ledger.epoch,
        )

    def _done(self, step: Step, intent: Intent, refusal: str) -> list[Change]:
        link = step.link
        if refusal:
            return [SettleIntent(id=intent.id, state=IntentState.REJECTED, reason=refusal), self._entry(step, f"refused: {refusal}")]
        lookup = [DropLookup(side="dest", kind=link.dest_kind, id=link.dest_id)] if step.action == "delete" else []
        return [
            SettleIntent(id=intent.id, state=IntentState.CONFIRMED, dest_id=link.dest_id), *lookup, *_let_go(link),
            self._entry(step, "done"),
        ]

    def _entry(self, step: Step, note: str) -> Audit:
        link = step.link
        return Audit(entry=AuditEntry(
            actor="streamflow", action=f"rollback.{step.action}", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id,
            before=link.base if step.action == "delete" else None, after=step.fields or None, note=note,
        ))

    async def _send(self, step: Step, now: Fields) -> tuple[str, DestId]:
        """
        Send one write; answers the refusal, "" when it is done, and the id the record has then (a note may have been made anew).

        An unknown outcome is raised and looked up at the next try, never said again at once: the first one may still be carried out,
        after the second was confirmed and a person has changed the record, or has brought it back.
        """
        writer, link, dest_id = self._m.destination.writer, step.link, step.link.dest_id
        for attempt in range(TRIES):
            try:
                if step.action == "delete":
                    await self._delete(link)
                else:
                    dest_id = await writer.update(link.dest_kind, dest_id, step.fields, now=now)
            except NotFound:
                return "", dest_id   # gone is what was wanted
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
        return "", dest_id

    async def _delete(self, link: Link) -> None:
        writer = self._m.destination.writer
        if link.dest_kind in LOST_KINDS and link.written_at:
            await writer.delete_unchanged(link.dest_kind, link.dest_id, from_iso(link.written_at))
        else:
            await writer.delete(link.dest_kind, link.dest_id)


def _marker(now: Fields) -> str:
    """Give the marker of a text of ours, by which it is found again if it had to be made anew; "" where it bears none."""
    return next((found for name in ("body", "description") if (found := marker_in(str(now.get(name) or "")))), "")


def _let_go(link: Link) -> list[Change]:
    """
    Take a line out of the crosswalk; a source record without a destination record leads no others any more.

    A record of an earlier run is there as before and goes on being known, as it was when this run found it.
    """
    if link.is_adopted:
        return [PutLink(link=replace(link, base={}, before={}, verified="verified"))]
    return [DropLink(ref=link.ref), *forget_source(link.ref)]


def forget_source(ref: Ref) -> list[Change]:
    """Let a source record that leads to nothing any more be found by nobody."""
    return [DropLookup(side="src", kind=ref.kind, id=ref.key)] if ref.part == "" else []
