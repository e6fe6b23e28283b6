"""
The switch: precheck → freeze → drain → verify → switch.

Rule 1: each step is persisted before it is acted on, may be repeated, and is shown.
Rule 2: until the switch is recorded, every failure and the deadline lead back to tailing; nothing is half switched.
Rule 3: in freeze mode the drain ends only when two passes in a row, begun at least one horizon after the freeze, were quiet: a pass over
what shows as changed, then a complete one over everything, children of every parent included. One complete pass is enough, since nothing
can be written any more and nothing can show late any more: a second one would read the same again. If it finds anything all the same (a
silent edit from before the freeze, or somebody who has not stopped), both are read again; and what it misses for the first time is looked
for once more, since only two complete passes prove that a record is gone; where the records come from files, the last export has to do.
The horizon goes by no clock that can be set: a start that comes upon a drain waits through it once more.
Rule 4: the switch is one transaction: state, receipt, audit.
Rule 5: what the operator says while a step runs goes before what the step has in hand.
Rule 6: nothing is switched before the destination had the time to tell what people did there under our last writes.
Rule 7: what somebody writes in the source after the confirmed freeze is not lost: what a pass still reads is carried over, and all is read
again; what is written behind the last pass is asked about by the watch (watch.py), with a window of 0 days only what one look at what shows
as changed finds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import orjson

from streamflow.clock import from_iso, iso
from streamflow.ledger_names import BEFORE_SWITCH, CUTOVER, CUTOVER_GIVEN_UP, SWITCHED
from streamflow.migration import absence, aftermath, leftovers, unread
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.counting import CAUSE, count_again
from streamflow.migration.heirs import follow_merges
from streamflow.migration.horizon import horizon_of
from streamflow.migration.life import State
from streamflow.migration.precheck import pending_records, precheck
from streamflow.migration.round import Reading
from streamflow.migration.work import Work
from streamflow.model import AuditEntry
from streamflow.store.change import Audit, Change, PutSetting
from streamflow.wire.message import DELTA, at_priority

CHANGED, EVERYTHING = "what changed", "everything"
PASSES = {"freeze": (CHANGED, EVERYTHING), "live": (EVERYTHING,)}
"""What has to be read quietly, one after the other; while people go on writing a pass that brings next to nothing has to do."""
LIVE_CHANGES = 10   # so few changes in a complete pass over a source in use, and it has converged
REST_S = 5.0        # between two looks at something that did not get on

Plan: TypeAlias = dict[str, Any]
"""The attempt as the ledger holds it: step, started_at, by, freeze_confirmed, frozen_at, quiet, looked_again, times, cancelled."""


class TimedOut(Exception):
    """The deadline passed before the switch."""


class Cutover:
    """Runs one attempt; its steps are kept in the setting "cutover"."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work
        self._steps: Mapping[str, Callable[[Plan], Awaitable[None]]] = {
            "precheck": self._precheck, "freeze": self._freeze, "drain": self._drain, "verify": self._verify, "switch": self._switch,
        }

    async def run(self) -> State:
        """Carry on with the attempt the ledger knows of; answers WATCH when switched, TAIL when it was given up."""
        try:
            with self._m.gates():
                return await self._steps_of_plan()
        except TimedOut:
            return await self._back(f"not done within {self._m.terms.cutover_deadline_s:.0f} s; it was at: {self._m.phase.reason}")
        except GivenUp as reason:
            return await self._back(str(reason))

    async def _steps_of_plan(self) -> State:
        while True:
            await self._m.control.permit()
            self._m.control.check()
            plan = await self._plan()
            if not plan:
                return State.TAIL   # it was given up just before a restart
            if plan["step"] == "switched":
                return State.WATCH
            self._look_up(plan)
            if await self._work.map_has_moved():
                raise GivenUp("the map that was confirmed is not in force any more")
            with at_priority(DELTA):
                await self._steps[plan["step"]](plan)

    async def _plan(self) -> Plan:
        return dict(await self._m.ledger.setting(CUTOVER) or {})

    async def _keep(self, step: str, **more: Any) -> None:
        """Renew the plan as it is now: what the operator said meanwhile stays, and a cancelled one goes no further."""
        async with self._m.cutover_lock:
            plan = await self._plan()
            if plan.get("cancelled"):
                return
            changes: list[Change] = []
            if step != plan["step"]:
                self._m.gate = None
                more["times"] = {**plan.get("times", {}), step: iso(self._m.clock.now())}
                changes.append(Audit(entry=AuditEntry(actor="streamflow", action=f"cutover.{step}")))
                self._m.log("cutover.step", step=step)
            await self._m.ledger.commit([PutSetting(name=CUTOVER, value={**plan, "step": step, **more}), *changes])

    def _look_up(self, plan: Plan) -> None:
        """Leave when the operator has cancelled or the deadline has passed."""
        if plan.get("cancelled") or self._m.cutover_cancelled:
            raise GivenUp("cancelled by the operator")
        if self._m.waits.passed_s("cutover", plan["started_at"]) > self._m.terms.cutover_deadline_s:
            raise TimedOut

    async def _precheck(self, plan: Plan) -> None:
        await self._m.explain("cutover: checking")
        found = await precheck(self._m, asks_both=True)
        if not found.may_start:
            raise GivenUp("; ".join(found.reasons))
        await self._keep("freeze")

    async def _freeze(self, plan: Plan) -> None:
        """People stop writing to the source; somebody must say that they have."""
        if self._m.terms.cutover_mode == "live" or plan.get("freeze_confirmed"):
            await self._work.reader.give_up_round("drain")   # of an earlier attempt: what it read came before this freeze
            await self._keep("drain", frozen_at=iso(self._m.clock.now()), quiet=0)
            return
        await self._m.explain("cutover: waiting until the write freeze on the source is confirmed")
        self._m.show_gate(
            "freeze", "people must stop writing to the source now", "run `cutover --freeze-confirmed` when nobody writes any more"
        )
        await self._m.control.wait(1.0)

    async def _drain(self, plan: Plan) -> None:
        """Passes until nothing new shows up, the first begun one horizon after the freeze."""
        horizon_s = await horizon_of(self._m)
        wait_s = horizon_s - self._m.waits.waited_s("freeze", plan["frozen_at"])
        if wait_s > 0:
            await self._m.explain(f"cutover: draining; for {horizon_s:.0f} s from the freeze on the source may show late changes")
            await self._m.control.wait(min(wait_s, 1.0))
            return
        passes = PASSES["live" if self._m.terms.cutover_mode == "live" else "freeze"]
        if plan["quiet"] < len(passes) and not await self._needs_export(plan):
            await self._pass(plan, passes[plan["quiet"]])
        elif plan["quiet"] >= len(passes) and await self._is_settled():
            await self._count(plan)
            await self._keep("verify")

    async def _count(self, plan: Plan) -> None:
        """Count the source once more, past the ledger; what does not hold stands against the switch in the next step."""
        await self._m.explain("cutover: counting the source")
        counted = await count_again(
            self._m, self._work.reader, plan.get("shown", {}), frozen_at=plan["frozen_at"], look_up=lambda: self._look_up(plan)
        )
        self._m.log("cutover.counted", **{each.kind: each.source for each in counted})
        self._m.control.check()

    async def _pass(self, plan: Plan, what: str) -> None:
        left = "; ".join(each for each in (self._m.stopped.told(), await unread.told(self._m)) if each)
        await self._m.explain(f"cutover: draining (reading {what}){f'; {left}' if left else ''}")
        more: dict[str, Any] = {}
        with self._work.reader.broken_by(lambda _: self._look_up(plan)):
            if what == EVERYTHING:
                reading = await self._work.reader.everything("drain")
                more = await self._look_for_missing(plan, reading)
                plan["shown"] = {kind: tally.shown for kind, tally in reading.tallies.items()}
            else:
                reading = await self._work.reader.poll(self._poll_number())
        await self._work.watch.follow()
        await follow_merges(self._m)
        await self._work.deliver_all()
        await self._work.settle_doubts()
        pending = await pending_records(self._m)
        is_quiet = reading.is_complete and not pending and self._is_calm(reading) and not more
        await self._keep("drain", quiet=plan["quiet"] + 1 if is_quiet else 0, shown=plan.get("shown", {}), **more)
        if pending or not reading.is_complete:
            why = [f"{pending} records cannot be delivered yet"] if pending else []
            trouble = self._work.reader.snapshots.trouble
            all_left = (self._m.stopped.told(), trouble, await unread.told(self._m), await absence.told(self._m))
            why += [each for each in all_left if each]
            await self._m.explain(f"cutover: draining; {'; '.join(why) or 'not everything was read'}")
            await self._m.control.wait(min(self._m.terms.poll_s, REST_S))   # reading again at once would tell nothing new

    async def _look_for_missing(self, plan: Plan, reading: Reading) -> dict[str, Any]:
        """Queue what is gone; what only this pass has missed asks for one more complete pass, once an attempt."""
        missed_once = await self._work.reader.suspects(reading, is_final=True)
        return {"looked_again": True} if missed_once and not plan.get("looked_again") else {}

    def _poll_number(self) -> int:
        """Give a number that no poll of this start had before."""
        return int(self._m.clock.monotonic() * 1000)

    def _is_calm(self, reading: Reading) -> bool:
        if self._m.terms.cutover_mode == "live":
            return not reading.is_resumed and reading.changes <= LIVE_CHANGES
        return reading.is_quiet

    async def _is_settled(self) -> bool:
        """Say whether all was carried over and the outcome of every write is known; nothing needs to be read again for that."""
        left = await self._work.settle_doubts()
        if left:
            await self._m.explain(f"cutover: waiting for the outcome of {left} writes that was left unknown")
            await self._m.control.wait(min(self._m.terms.poll_s, REST_S))
            return False
        if not await pending_records(self._m):
            return True
        await self._work.deliver_all()     # a write that turned out not to have happened is still to be made
        pending = await pending_records(self._m)
        if pending:
            await self._m.explain(f"cutover: draining; {pending} records cannot be delivered yet")
            await self._m.control.wait(min(self._m.terms.poll_s, REST_S))
        return False      # what was written just now may be in doubt in its turn

    async def _needs_export(self, plan: Plan) -> bool:
        """Where the records come from files, the last snapshot must have been taken after the freeze; wait for it."""
        if not any(stream.reader == "files" and stream.role == "record" for stream in self._m.source.streams()):
            return False
        await self._work.reader.snapshots.newest()
        taken, trouble = self._m.source.exported_at, self._work.reader.snapshots.trouble
        if taken is not None and taken >= from_iso(plan["frozen_at"]) and not trouble:
            self._m.gate = None
            return False
        await self._m.explain(f"cutover: waiting for an export taken after the freeze{f'; {trouble}' if trouble else ''}")
        self._m.show_gate(
            "export", "the last snapshot was exported before the freeze",
            "export everything once more and put the folder with its manifest into the inbox",
        )
        await self._m.control.wait(1.0)
        return True

    async def _verify(self, plan: Plan) -> None:
        if self._m.terms.cutover_mode == "live":
            await self._last_changes()
        await self._m.explain("cutover: reading everything back that is not verified yet")
        for kind in DEST_ORDER:
            await self._work.verifier.settle(kind)
        await leftovers.try_again(self._m)
        found = await precheck(self._m)
        items = await self._m.ledger.queue(cause=CAUSE)
        uncounted = [f"{item.reason} (`queue resolve {item.id} --as waive` lets it pass)" for item in items]
        if not found.may_start or uncounted:
            raise GivenUp("; ".join((*found.reasons, *uncounted)) + "; a rollback is offered (`rollback --dry-run`)")
        await self._keep("switch")

    async def _last_changes(self) -> None:
        """The last short pass of a live cutover; what comes after it is found in the watch."""
        await self._m.explain("cutover: taking the last changes")
        await self._work.reader.poll(self._poll_number())
        await self._work.deliver_all()
        await self._work.settle_doubts()

    async def _switch(self, plan: Plan) -> None:
        """One transaction: from here on the destination is the system of record. Nothing is written in this step, so the wait is once."""
        if not await aftermath.outlasted(self._m, "cutover"):
            return
        if await pending_records(self._m):     # somebody's answer let it run again since the drain: behind the switch it would be late
            await self._keep("drain")
            return
        counts = {f"{count.kind}:{count.disposition or count.state}": count.count for count in await self._m.ledger.counts()}
        async with self._m.cutover_lock:
            plan = await self._plan()
            if plan.get("cancelled"):
                return
            now = iso(self._m.clock.now())
            receipt = {"switched_at": now, "frozen_at": plan["frozen_at"], "counts": counts, "by": plan.get("by", "")}
            receipt["id"] = hashlib.sha256(orjson.dumps(receipt, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
            actor = str(plan.get("by") or "streamflow")
            entry = AuditEntry(actor=actor, action="cutover.switched", after=receipt, note="destination is the system of record")
            done = {**plan, "step": "switched", "times": {**plan.get("times", {}), "switched": now}}
            await self._m.ledger.commit([
                PutSetting(name=CUTOVER, value=done), PutSetting(name=SWITCHED, value=receipt), Audit(entry=entry),
                PutSetting(name=BEFORE_SWITCH, value=await self._answered_later(now) or None),
            ])
        self._m.log("cutover.switched", receipt=receipt["id"])

    async def _answered_later(self, now: str) -> list[str]:
        """
        Name what was answered by now and seems to be answered later: the watch takes what is answered after the switch for decisions.

        Also what is about no record: that an undone part of the run is to come back was decided for what was undone then.
        """
        pages = self._m.ledger.items(state="resolved")
        return [item.id async for page in pages for item in page if item.resolved_at >= now]

    async def _back(self, reason: str) -> State:
        async with self._m.cutover_lock:
            plan = await self._plan()
            self._m.cutover_cancelled = False
            await self._m.ledger.commit([
                PutSetting(name=CUTOVER, value=None),
                PutSetting(name=CUTOVER_GIVEN_UP, value={"reason": reason, "at": iso(self._m.clock.now()), "steps": plan.get("times", {})}),
                Audit(entry=AuditEntry(actor="streamflow", action="cutover.given_up", note=reason)),
            ])
        self._m.log("cutover.given_up", reason=reason)
        return State.TAIL


class GivenUp(Exception):
    """A step found a reason against the switch; its text is shown."""


async def request(migration: Migration, actor: str, *, freeze_confirmed: bool) -> str:
    """Record the operator's wish for a cutover; answers "started", "already_running", "freeze_confirmed" or "already_switched"."""
    if await migration.ledger.setting(SWITCHED):
        return "already_switched"
    async with migration.cutover_lock:
        plan = await migration.ledger.setting(CUTOVER)
        if plan:
            if freeze_confirmed and not plan.get("freeze_confirmed"):
                confirmed = PutSetting(name=CUTOVER, value={**plan, "freeze_confirmed": True})
                await migration.decide(actor, "cutover.freeze_confirmed", confirmed)
                return "freeze_confirmed"
            return "already_running"
        now = iso(migration.clock.now())
        value = {"step": "precheck", "started_at": now, "by": actor, "freeze_confirmed": freeze_confirmed, "times": {"precheck": now}}
        migration.cutover_cancelled = False
        word = "freeze confirmed" if freeze_confirmed else ""
        await migration.decide(actor, "cutover.requested", PutSetting(name=CUTOVER, value=value), note=word)
    return "started"


async def cancel(migration: Migration, actor: str) -> str:
    """Take the wish back; the attempt ends at its next step or page."""
    async with migration.cutover_lock:
        plan = await migration.ledger.setting(CUTOVER)
        if not plan or plan.get("step") == "switched":
            return "not_running"
        migration.cutover_cancelled = True
        await migration.decide(actor, "cutover.cancelled", PutSetting(name=CUTOVER, value={**plan, "cancelled": True}))
    return "cancelled"
