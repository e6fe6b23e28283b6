"""
Undoing: in reverse order of kinds, resumable, previewable.

Rule 1: deleted is only what we created and nobody has touched since; what carries records of people is touched.
Rule 2: what existed before us gets back the values that people last had there, field by field, where our value is still there.
Rule 3: everything else is spared and listed with its reason, and so is what a spared record hangs on.
Rule 4: a dry run makes the same plan that a run carries out.
Rule 5: what was done is read back; the report tells what that showed.
Rule 6: the destination's events are asked before every wave of writes, and what turns out to have been touched just before it was
removed is brought back, as is what people have hung a record on meanwhile; it ends when the events can tell no more of it. What is to
get its former values is read once more right before, and looked after likewise: what a person had put there in between is given back,
or asked about.
Rule 7: undone in part, what stays keeps what it hangs on and what it shares, and who made that keeps its line in the crosswalk, so that
what comes later still finds its way there; what is undone stays away until the source changes it.
Rule 8: of the whole run, what is no record of the crosswalk goes last (`beside`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from streamflow.ledger_names import CLOSED, CUTOVER, PAUSED, ROLLBACK, ROLLBACK_RESULT, SWITCHED
from streamflow.mapping.catalogue import WITH_CUSTOM_FIELDS
from streamflow.migration import aftermath
from streamflow.migration.absorbed import Absorbed
from streamflow.migration.beside import NOTHING_BESIDE, Beside
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.hanging import Hanging
from streamflow.migration.life import AFTER_A_PART, State
from streamflow.migration.outside import READ_AT_ONCE, Outside
from streamflow.migration.progress import progress
from streamflow.migration.proof import Proof
from streamflow.migration.removals import Removals, Saved
from streamflow.migration.restorations import Restorations
from streamflow.migration.returning import undone_item
from streamflow.migration.reversals import GIVEN_UP_HERE, MOVED, Carried, Reversals
from streamflow.migration.scopes import WHOLE, Wanted, checked, everything, wanted_by
from streamflow.migration.ties import Ties
from streamflow.migration.touched import Touches
from streamflow.migration.undoing import GONE, Step, plan_step, unconfirmed
from streamflow.migration.work import Work
from streamflow.model import AuditEntry, DestId, Fields, Kind, Link, QueueItem, Ref
from streamflow.stages.gone import WRITTEN, written_name
from streamflow.stages.kept import known
from streamflow.stages.overwritten import OVERWRITTEN, with_lost
from streamflow.store.change import Audit, Change, Enqueue, PutSetting

NAMED = 10_000      # records that a plan tells by name; the rest of a larger one is counted
ROUNDS = 4          # for a record that people change while it is being restored
LOOKS_EVERY_S = 2.0


@dataclass(slots=True)
class Tally:
    """What a rollback did or would do."""

    deleted: int = 0
    restored: int = 0
    gone: int = 0
    spared: list[dict[str, str]] = field(default_factory=list)
    unclear: list[DestId] = field(default_factory=list)     # people's records that may have hung on what was removed
    named: list[dict[str, str]] = field(default_factory=list)     # of a plan: the records to be removed and restored, the first `NAMED`
    beside: dict[str, Any] = field(default_factory=lambda: dict(NOTHING_BESIDE))     # of the whole run: what is no record of the crosswalk

    def to_json(self) -> dict[str, Any]:
        counts = {"deleted": self.deleted, "restored": self.restored, "gone_already": self.gone}
        return {**counts, "spared": self.spared, "unclear": self.unclear, **self.beside}

    def name(self, step: Step) -> None:
        """Note by name what is to happen to a record."""
        if step.action in ("delete", "restore") and len(self.named) < NAMED:
            link = step.link
            fields = ", ".join(sorted(step.fields))
            self.named.append({
                "action": step.action, "kind": link.dest_kind, "id": link.dest_id, "source": f"{link.ref.kind}:{link.ref.key}",
                "fields": fields,
            })

    def spare(self, link: Link, reason: str) -> None:
        self.spared.append({"kind": link.dest_kind, "id": link.dest_id, "source": f"{link.ref.kind}:{link.ref.key}", "reason": reason})


class Rollback:
    """Undoes a run, or the part of it that a scope names."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self._absorbed = Absorbed(migration)
        self._touches = Touches(migration)
        self._reversals = Reversals(migration)
        self._ties = Ties(migration, self._reversals)
        self._removals = Removals(migration, self._touches, self._ties)
        self._restorations = Restorations(migration, self._touches, self._reversals)
        self._scope = WHOLE
        self._wanted: Wanted = everything
        self._outside = Outside(migration)
        self._hanging = Hanging(migration, self._touches, self._removals, self._outside, self._ties)
        self._beside = Beside(migration, self._touches)
        self._written: Mapping[str, Any] = {}      # what was ours of records that were gone when they were read back (`gone.written_name`)

    async def undo(self, scope: str = WHOLE, *, dry_run: bool = False) -> Tally:
        """Undo what the scope names; what was interrupted is simply planned again from what is left. Raises UsageError for no scope."""
        self._scope, self._wanted = scope, await wanted_by(self._m.ledger, self._m.pair, scope)
        self._outside.clear()
        self._hanging.begin(self._wanted)
        self._written = await self._m.ledger.settings(WRITTEN)
        tally = Tally()
        looked_at, of = 0, sum((await self._m.ledger.link_counts()).values())
        if not dry_run:
            await self._recall(tally)
        await self._look(tally, dry_run=dry_run)     # of what an earlier start removed; the first look tells of everybody's work
        await self._hanging.read_lists()
        if scope == WHOLE:
            await self._beside.begin(dry_run=dry_run)
        await self._absorbed.recall()
        lost = await self._lost()
        await self._look(tally, dry_run=dry_run)     # what came while the lists were read
        for dest_kind in reversed(DEST_ORDER):
            if looked_at and not dry_run:
                await self._hanging.read_untold()
            async for page in self._m.ledger.crosswalk(dest_kind=dest_kind):
                looked_at += len(page)
                progress(looked_at, of)
                links = [with_lost(self._as_written(link), lost.get(link.dest_id, ())) for link in page if self._wanted(link)]
                for start in range(0, len(links), READ_AT_ONCE):
                    await self._undo_some(dest_kind, links[start : start + READ_AT_ONCE], tally, dry_run=dry_run)
                    if not dry_run:
                        await self._m.control.permit()
                        self._m.control.check()
                if not dry_run:
                    await self._m.explain(f"rolling back {dest_kind}: {tally.deleted} removed, {len(tally.spared)} spared")
        await self._end(tally, dry_run=dry_run)
        return tally

    async def _lost(self) -> dict[DestId, list[QueueItem]]:
        """Give the questions about what people had put under our writes, by the record, the oldest first."""
        found: dict[DestId, list[QueueItem]] = defaultdict(list)
        async for page in self._m.ledger.items(state=None, cause="conflict"):
            for item in page:
                if item.id.startswith(OVERWRITTEN):
                    found[DestId(item.details["dest_id"])].append(item)
        return found

    async def _end(self, tally: Tally, *, dry_run: bool) -> None:
        """Look after what was written last; of the whole run see to what it left besides."""
        if not dry_run:
            await self._outlast(tally)
            await self._removals.finish()
            for overtaken in await self._restorations.finish():
                tally.spare(overtaken.link, overtaken.reason)
        if self._scope == WHOLE:
            spared = {each["id"] for each in tally.spared if each["kind"] == "leads"}
            tally.beside = await self._beside.plan(spared) if dry_run else await self._beside.carry_out(spared)

    async def _recall(self, tally: Tally) -> None:
        """Take up what earlier starts left, so that nothing stays in doubt and nothing is not looked after."""
        await Work(self._m).wait_for_doubts()
        recalled = await self._reversals.recall()
        removed = [each for each in recalled if each.action == "delete"]
        self._removals.hold(removed, is_recalled=True)
        self._restorations.hold(each for each in recalled if each.action != "delete")
        tally.deleted += len(removed)

    async def _look(self, tally: Tally, *, dry_run: bool) -> None:
        """Take in what happened meanwhile; a dry run brings nothing back."""
        if dry_run:
            await self._touches.look()
            await self._hanging.look()
        else:
            await self._save(tally)

    async def _save(self, tally: Tally) -> None:
        """Take in what happened meanwhile; what was removed a moment too soon comes back and is spared, with what it hangs on."""
        touched = await self._removals.look()
        if await self._hanging.look():
            self._removals.doubt()
        self._spare([*touched, *await self._removals.bring_back(self._hanging.orphans()), *await self._removals.settle()], tally)
        for overtaken in await self._restorations.look():
            tally.spare(overtaken.link, overtaken.reason)

    def _spare(self, saved: Sequence[Saved], tally: Tally) -> None:
        for each in saved:
            tally.deleted -= each.is_back
            tally.spare(each.link, each.reason)
            if each.is_back:
                self._hanging.keep(each.link, each.fields)

    async def _outlast(self, tally: Tally) -> None:
        """Look on until the events can tell nothing more of what was removed and restored last."""
        await self._save(tally)
        while left_s := max(self._removals.unsettled_s, self._restorations.unsettled_s, await aftermath.look_after(self._m)):
            await self._m.explain("rolling back: waiting for what the destination may tell late")
            await self._m.clock.sleep(min(left_s, LOOKS_EVERY_S))
            await self._m.control.permit()
            self._m.control.check()
            await self._save(tally)
        await self._hanging.read_untold()
        self._spare([*await self._removals.bring_back(self._hanging.orphans()), *await self._removals.settle(is_last=True)], tally)
        tally.unclear = await self._hanging.unclear()

    async def _undo_some(
        self, dest_kind: Kind, links: Sequence[Link], tally: Tally, *, dry_run: bool
    ) -> None:
        if not links:
            return
        reader = self._m.destination.reader
        now: dict[DestId, Fields] = {}

        async def read(dest_ids: Collection[DestId]) -> None:
            for dest_id in dest_ids:
                now.pop(dest_id, None)
            now.update(await reader.read(dest_kind, sorted(dest_ids), custom=dest_kind in WITH_CUSTOM_FIELDS))

        await read({link.dest_id for link in links})
        if not dry_run:
            await self._save(tally)     # after the reading: who edits from here on is seen by the next look
            if moved := self._removals.concerned & {link.dest_id for link in links}:
                await read(moved)
        await self._absorbed.look(dest_kind, sorted({link.dest_id for link in links} - now.keys()))
        gone, back = await self._hanging.untied(links, now)
        if back:
            await read(back)
        staying = await self._staying(links)
        filled = self._m.destination.writer.fills(dest_kind)
        steps = [
            plan_step(
                link, now.get(link.dest_id), reader.compare, foreign=self._hanging.on(link.dest_id), staying=staying.get(link.dest_id, ()),
                ours=self._hanging.ours, meant=await self._meant(link), touched_by=self._touches.by_others(link),
                belongs=await self._outside.belongs(link), gone=gone, filled=filled,
            )
            for link in links
        ]
        steps = [self._unless_in_vain(step) for step in self._absorbed.judged(steps)]
        carried = Carried()
        if not dry_run:
            carried = await self._reversals.carry_out(
                [step for step in steps if step.action != "restore"], now, self._scope, self._touches.begins
            )
            self._removals.hold(carried.removed)
            restores, refused = await self._restore([step.link for step in steps if step.action == "restore"])
            carried.refused.update(refused)
            steps = [*(step for step in steps if step.action != "restore"), *restores]
        for step in steps:
            self._beside.planned(step)
            if dry_run:
                tally.name(step)
            if reason := carried.refused.get(step.link.ref) or (step.reason if step.action in ("spare", "restore", "forget") else ""):
                if reason == GONE:
                    tally.gone += 1
                else:
                    tally.spare(step.link, reason)
            if step.action == "spare" or step.link.ref in carried.refused:
                self._hanging.keep(step.link, now.get(step.link.dest_id) or {})
                continue
            tally.deleted += step.action == "delete"
            tally.restored += step.action == "restore"

    def _as_written(self, link: Link) -> Link:
        """Give the line of a record of theirs with what we wrote there: back again, it holds that, heard of or not."""
        base = self._written.get(written_name(link)) if link.is_matched else None
        return link if base is None else replace(link, base=base)

    def _unless_in_vain(self, step: Step) -> Step:
        """Spare what was sent so often without ever happening: it must not hold up the rest."""
        why = self._reversals.given_up.get(step.link.ref)
        return replace(step, action="spare", reason=why) if why and step.action in ("delete", "restore") else step

    async def _restore(self, links: Sequence[Link]) -> tuple[list[Step], dict[Ref, str]]:
        """Give records their former values as they are right now; answers what came of each, and which of them were refused and why."""
        over: dict[Ref, Step] = {}
        refused: dict[Ref, str] = {}
        left, reader = list(links), self._m.destination.reader
        for _ in range(ROUNDS):
            if not left:
                break
            kind, seen = left[0].dest_kind, self._touches.position
            now = await reader.read(kind, sorted({link.dest_id for link in left}), custom=kind in WITH_CUSTOM_FIELDS)
            steps = [
                plan_step(
                    link, now.get(link.dest_id), reader.compare, foreign=(), meant=await self._meant(link),
                    belongs=await self._outside.belongs(link),
                )
                for link in left
            ]
            carried = await self._reversals.carry_out(steps, now, self._scope, seen)
            self._restorations.hold(carried.restored)
            refused |= carried.refused
            over |= {step.link.ref: step for step in steps}
            left = [link for link in left if link.ref in carried.moved]
        return list(over.values()), {**refused, **{link.ref: MOVED for link in left}}

    async def _staying(self, links: Sequence[Link]) -> dict[DestId, list[Ref]]:
        """Give the source records outside the scope that share these destination records."""
        if self._wanted is everything:
            return {}
        found: dict[DestId, list[Ref]] = defaultdict(list)
        for link in await self._m.ledger.links_to(sorted({link.dest_id for link in links})):
            if not self._wanted(link):
                found[link.dest_id].append(link.ref)
        return found

    async def _meant(self, link: Link) -> Fields:
        if not link.is_matched or not link.before or not set(link.before) - set(known(link.base)):
            return {}
        return unconfirmed(link, await self._m.ledger.intents_of(link.ref.kind, link.ref.key))

    # ------------------------------------------------------------------------------------------ the whole run

    async def carry_on(self) -> State:
        """Carry out what was asked for; answers where the life goes on: at its end, or after a part of the run where it was."""
        plan = dict(await self._m.ledger.setting(ROLLBACK) or {})
        await self.run(plan)
        if checked(str(plan.get("scope") or WHOLE), self._m.pair) == WHOLE:
            return State.ROLLED_BACK
        back = State.WATCH if await self._m.ledger.setting(SWITCHED) else AFTER_A_PART[State(plan["asked_in"])]
        back = State.DONE if await self._m.ledger.setting(CLOSED) else back
        over: list[Change] = [PutSetting(name=ROLLBACK, value=None), Enqueue(item=undone_item(plan))]
        if back is State.TAIL:
            over.append(PutSetting(name=CUTOVER, value=None))     # an attempt that was under way is given up
        if paused := plan.get("paused"):     # an operator's pause is theirs to end: it was only put off
            over.append(PutSetting(name=PAUSED, value=paused))
            self._m.control.pause(str(paused["reason"]))
        await self._m.enter(back, f"{plan['scope']} was rolled back", *over)
        return back

    async def run(self, plan: dict[str, Any]) -> Tally:
        """Carry out the rollback the ledger knows of; its report counts what earlier starts did as well."""
        scope = checked(str(plan.get("scope") or WHOLE), self._m.pair)
        tally = await self.undo(scope)
        await self._m.explain("rolling back: reading back what was removed and restored")
        proof = await Proof(self._m).read()
        spared = proof.with_left(tally.spared)
        result = {"scope": scope, **tally.to_json(), **proof.to_json(), "spared": spared, "in_doubt": await self._unresolved()}
        self._m.report("rollback", result)
        await self._m.ledger.commit([
            PutSetting(name=ROLLBACK_RESULT, value=result), PutSetting(name=GIVEN_UP_HERE, value=None),
            Audit(entry=AuditEntry(actor=str(plan.get("by") or "streamflow"), action="rollback.done", note=scope, after={
                "deleted": result["deleted"], "restored": result["restored"], "spared": len(spared)})),
        ])
        return tally

    async def _unresolved(self) -> list[dict[str, str]]:
        """Writes of which nobody knows whether they happened: whoever decides must look for them by hand."""
        return [
            {"item": item.id, "kind": item.kind, "key": item.key, "reason": item.reason}
            for item in await self._m.ledger.queue(cause="in_doubt")
        ]
