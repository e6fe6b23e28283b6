"""
Undoing: in reverse order of kinds, resumable, previewable.

Rule 1: deleted is only what we created and nobody has touched since; what carries records of people is touched.
Rule 2: what existed before us gets back the values it had, field by field, where our value is still there.
Rule 3: everything else is spared and listed with its reason.
Rule 4: a dry run makes the same plan that a run carries out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamflow.clock import iso
from streamflow.errors import NotFound, RecordRejected, StreamflowError, Throttled, TransientError, Uncertain, UsageError
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.work import Work
from streamflow.model import AuditEntry, DestId, Fields, Intent, IntentState, Kind, Link, Op, Verdict
from streamflow.store.base import Audit, DropLink, DropLookup, PutIntent, PutSetting, SettleIntent

SAME = (Verdict.EQUAL, Verdict.NORMALISED, Verdict.LOSSY, Verdict.UNREADABLE)
READ_AT_ONCE = 40
TRIES = 8


@dataclass(slots=True)
class Tally:
    """What a rollback did or would do."""

    deleted: int = 0
    restored: int = 0
    gone: int = 0
    spared: list[dict[str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"deleted": self.deleted, "restored": self.restored, "gone_already": self.gone, "spared": self.spared}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to happen to one destination record."""

    link: Link
    action: str                    # delete | restore | spare | forget
    fields: Fields = field(default_factory=dict)
    reason: str = ""


def plan_step(link: Link, now: Fields | None, compare: Callable[[Kind, str, Any, Any], Verdict], *, foreign: Sequence[DestId]) -> Step:
    """Decide about one line of the crosswalk from what is there now (None: gone)."""
    if link.is_merged:
        return Step(link=link, action="forget")
    if now is None:
        return Step(link=link, action="forget", reason="gone already")
    if link.is_matched:
        before = link.before or {}
        fields = {
            name: value for name, value in before.items()
            if name in now and (name not in link.base or compare(link.dest_kind, name, link.base.get(name), now.get(name)) in SAME)
        }
        return Step(link=link, action="restore", fields=fields) if fields else Step(link=link, action="forget")
    if foreign:
        return Step(link=link, action="spare", reason=f"people have added records to it: {', '.join(foreign[:3])}")
    touched = [
        name for name, value in link.base.items()
        if name in now and compare(link.dest_kind, name, value, now[name]) not in SAME
    ]
    if touched:
        return Step(link=link, action="spare", reason=f"changed by people since: {', '.join(sorted(touched)[:5])}")
    return Step(link=link, action="delete")


class Rollback:
    """Undoes a run, or the part of it that a filter names."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration

    async def undo(self, wanted: Callable[[Link], bool], *, dry_run: bool = False) -> Tally:
        """Undo every wanted link; what was interrupted is simply planned again from what is left."""
        tally = Tally()
        if not dry_run:
            await self._settle_intents()
        foreign = await self._foreign_children()
        for dest_kind in reversed(DEST_ORDER):
            links: list[Link] = []
            async for page in self._m.ledger.crosswalk(dest_kind=dest_kind):
                links += [link for link in page if wanted(link)]
            for start in range(0, len(links), READ_AT_ONCE):
                chunk = links[start : start + READ_AT_ONCE]
                now = await self._m.destination.reader.read(
                    dest_kind, sorted({link.dest_id for link in chunk}), custom=dest_kind in ("accounts", "contacts", "leads")
                )
                for link in chunk:
                    step = plan_step(
                        link, now.get(link.dest_id), self._m.destination.reader.compare, foreign=foreign.get(link.dest_id, [])
                    )
                    await self._carry_out(step, now.get(link.dest_id) or {}, tally, dry_run=dry_run)
                if not dry_run:
                    await self._m.explain(f"rolling back {dest_kind}: {tally.deleted} removed, {len(tally.spared)} spared")
                    self._m.control.check()
        return tally

    async def _settle_intents(self) -> None:
        """Writes with an unknown outcome are cleared up before anything is undone, so that none is left behind."""
        await Work(self._m).wait_for_doubts()

    async def _foreign_children(self) -> dict[DestId, list[DestId]]:
        """Records that people attached to ours: notes, activities, tasks and leads that the crosswalk does not know."""
        found: dict[DestId, list[DestId]] = {}
        for kind in ("notes", "activities", "tasks", "leads"):
            async for page in self._m.destination.reader.everything(kind, custom=False):
                ours = {link.dest_id for link in await self._m.ledger.links_to(list(page))}
                for dest_id, fields in page.items():
                    if dest_id in ours:
                        continue
                    for name, value in fields.items():
                        if name.startswith("link:") and name not in ("link:owner", "link:assignee", "link:tags", "link:sources"):
                            for target in value if isinstance(value, list) else [value]:
                                if isinstance(target, str):
                                    found.setdefault(target, []).append(dest_id)
        return found

    async def _carry_out(self, step: Step, now: Fields, tally: Tally, *, dry_run: bool) -> None:
        link = step.link
        if step.action == "spare":
            tally.spared.append({"kind": link.dest_kind, "id": link.dest_id, "source": f"{link.ref.kind}:{link.ref.key}", "reason": step.reason})
            return
        if step.action == "forget":
            tally.gone += 1 if step.reason else 0
            if not dry_run:
                await self._m.ledger.commit([DropLink(ref=link.ref), self._entry(step, "nothing to undo")])
            return
        if step.action == "delete":
            tally.deleted += 1
        else:
            tally.restored += 1
        if not dry_run:
            await self._write(step, now)

    def _entry(self, step: Step, note: str) -> Audit:
        link = step.link
        return Audit(entry=AuditEntry(
            actor="streamflow", action=f"rollback.{step.action}", kind=link.ref.kind, key=link.ref.key, dest_id=link.dest_id,
            before=link.base if step.action == "delete" else None, after=step.fields or None, note=note,
        ))

    async def _write(self, step: Step, now: Fields) -> None:
        link = step.link
        op = Op.DELETE if step.action == "delete" else Op.UPDATE
        intent = Intent(
            id=f"{self._m.ledger.epoch}-{next(self._m.numbers):07d}", ref=link.ref, op=op,
            dest_kind=link.dest_kind, fields=step.fields, dest_id=link.dest_id, meant_at=iso(self._m.clock.now()), epoch=self._m.ledger.epoch,
        )
        await self._m.ledger.commit([PutIntent(intent=intent)])
        try:
            await self._send(op, link, step.fields, now)
        except NotFound:
            pass   # gone is what was wanted
        except RecordRejected as error:
            await self._m.ledger.commit([
                SettleIntent(id=intent.id, state=IntentState.REJECTED, reason=error.message), self._entry(step, f"refused: {error.message}"),
            ])
            return
        settled = SettleIntent(id=intent.id, state=IntentState.CONFIRMED, dest_id=link.dest_id)
        lookup = DropLookup(side="dest", kind=link.dest_kind, id=link.dest_id)
        await self._m.ledger.commit([settled, DropLink(ref=link.ref), lookup, self._entry(step, "done")])

    async def _send(self, op: Op, link: Link, fields: Fields, now: Fields) -> None:
        """Deletes and restores say the same thing twice without harm: an unknown outcome is looked at and said again."""
        writer = self._m.destination.writer
        for attempt in range(TRIES):
            try:
                if op is Op.DELETE:
                    await writer.delete(link.dest_kind, link.dest_id)
                else:
                    await writer.update(link.dest_kind, link.dest_id, fields, now=now)
                return
            except (Throttled, TransientError, Uncertain, UsageError):
                if attempt == TRIES - 1:
                    raise
                await self._m.clock.sleep(min(10.0, 0.25 * 2**attempt))

    async def run(self, plan: dict[str, Any]) -> Tally:
        """Carry out the rollback the ledger knows of."""
        tally = await self.undo(scope_filter(str(plan.get("scope") or "run")))
        sources = await self._remove_sources()
        leftovers = {
            "custom_fields": [each for each in await self._m.ledger.setting("fields:defined") or [] if each.get("created") == "yes"],
            "sources": sources,
        }
        self._m.report("rollback", {**tally.to_json(), "cannot_be_removed_by_api": leftovers})
        await self._m.ledger.commit([
            PutSetting(name="rollback:result", value=tally.to_json()),
            Audit(entry=AuditEntry(actor=str(plan.get("by") or "streamflow"), action="rollback.done", after={
                "deleted": tally.deleted, "restored": tally.restored, "spared": len(tally.spared)})),
        ])
        return tally

    async def _remove_sources(self) -> list[DestId]:
        """Remove the lead sources we made, once no lead of ours uses them; answers those that stay."""
        left: list[DestId] = []
        for dest_id in await self._m.ledger.setting("sources:created") or []:
            try:
                await self._m.destination.writer.delete("sources", dest_id)
            except NotFound:
                continue
            except StreamflowError:
                left.append(dest_id)   # listed for the admin; a lead source that stays harms nobody
        await self._m.ledger.commit([PutSetting(name="sources:created", value=left)])
        return left


def scope_filter(scope: str) -> Callable[[Link], bool]:
    """Read a scope; only the whole run can be undone yet. Raises UsageError on any other."""
    if scope != "run":
        raise UsageError(f"the scope {scope!r} cannot be rolled back", hint="leave --scope out: the whole run is undone")
    return lambda link: True
