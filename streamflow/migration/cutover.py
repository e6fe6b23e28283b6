"""
The switch: precheck → freeze → drain → verify → switch.

Rule 1: each step is persisted before it is acted on, may be repeated, and is shown.
Rule 2: until the switch is recorded, every failure and the deadline lead back to tailing; nothing is half switched.
Rule 3: in freeze mode the drain ends only when complete passes, begun at least one horizon after the freeze, are quiet twice in a row.
Rule 4: the switch is one transaction: state, receipt, audit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from streamflow.clock import from_iso, iso
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.life import State
from streamflow.migration.work import Work
from streamflow.model import AuditEntry, RecordState
from streamflow.store.base import Audit, PutSetting

QUIET_PASSES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Precheck:
    """Whether a cutover may start, with every reason against it."""

    reasons: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def may_start(self) -> bool:
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.may_start, "reasons": list(self.reasons), **self.facts}


async def precheck(migration: Migration) -> Precheck:
    """Collect every reason against a cutover; writes nothing."""
    ledger = migration.ledger
    reasons: list[str] = []
    if migration.phase.state not in (State.TAIL, State.CUTOVER):
        reasons.append(f"the migration is in {migration.phase.state}: a cutover starts from tail")
    blocking = [item for item in await ledger.queue() if item.blocking]
    if blocking:
        reasons.append(f"{len(blocking)} queue items block the cutover: resolve them (`queue list`)")
    doubts = len(await ledger.open_intents(limit=1000))
    if doubts:
        reasons.append(f"the outcome of {doubts} writes is not known yet")
    pending = sum(count.count for count in await ledger.counts() if count.state is RecordState.PENDING)
    links = await ledger.link_counts()
    differs = sum(count for (_, _, state), count in links.items() if state == "differs")
    if differs:
        reasons.append(f"{differs} records read back differently from what was written (`report`)")
    backlog_limit = 10 * migration.terms.batch_size
    if pending > backlog_limit:
        reasons.append(f"{pending} records are not delivered yet; wait until fewer than {backlog_limit} are")
    return Precheck(reasons=tuple(reasons), facts={"pending": pending, "in_doubt": doubts, "blocking": len(blocking), "differs": differs})


class TimedOut(Exception):
    """The deadline passed before the switch."""


class Cutover:
    """Runs one attempt; its steps are kept in the setting "cutover"."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work

    async def run(self) -> State:
        """Carry on with the attempt the ledger knows of; answers WATCH when switched, TAIL when it was given up."""
        try:
            while True:
                plan = await self._plan()
                if plan.get("cancelled"):
                    return await self._back("cancelled by the operator")
                step = plan["step"]
                if step == "switched":
                    return State.WATCH
                self._check_deadline(plan)
                await getattr(self, f"_{step}")(plan)
        except TimedOut:
            return await self._back(f"not done within {self._m.terms.cutover_deadline_s:.0f} s")
        except GivenUp as reason:
            return await self._back(str(reason))

    async def _plan(self) -> dict[str, Any]:
        return dict(await self._m.ledger.setting("cutover") or {})

    async def _step(self, plan: dict[str, Any], step: str, **more: Any) -> None:
        now = iso(self._m.clock.now())
        plan = {**plan, "step": step, **more, "times": {**plan.get("times", {}), step: now}}
        entry = AuditEntry(actor="streamflow", action=f"cutover.{step}")
        await self._m.ledger.commit([PutSetting(name="cutover", value=plan), Audit(entry=entry)])
        self._m.log("cutover.step", step=step)

    def _check_deadline(self, plan: Mapping[str, Any]) -> None:
        started = from_iso(plan["started_at"])
        if self._m.clock.now() - started > timedelta(seconds=self._m.terms.cutover_deadline_s):
            raise TimedOut

    async def _precheck(self, plan: dict[str, Any]) -> None:
        await self._m.explain("cutover: checking")
        found = await precheck(self._m)
        if not found.may_start:
            raise GivenUp("; ".join(found.reasons))
        await self._step(plan, "freeze")

    async def _freeze(self, plan: dict[str, Any]) -> None:
        """People stop writing to the source; somebody must say that they have."""
        if self._m.terms.cutover_mode == "live" or plan.get("freeze_confirmed"):
            await self._step(plan, "drain", frozen_at=iso(self._m.clock.now()), quiet=0)
            return
        await self._m.explain("cutover: waiting until the write freeze on the source is confirmed")
        async with self._m.at_gate(
            "freeze", "people must stop writing to the source now", "run `cutover --freeze-confirmed` when nobody writes any more"
        ):
            await self._m.control.wait(1.0)

    async def _drain(self, plan: dict[str, Any]) -> None:
        """Complete passes until nothing new shows up, the first begun one horizon after the freeze."""
        horizon = timedelta(seconds=self._m.terms.settle_s)
        wait_s = (from_iso(plan["frozen_at"]) + horizon - self._m.clock.now()) / timedelta(seconds=1)
        if wait_s > 0:
            await self._m.explain(f"cutover: draining; the source may still show late changes for {wait_s:.0f} s")
            await self._m.control.wait(min(wait_s, 1.0))
            return
        if await self._needs_export(plan):
            return
        await self._m.explain(f"cutover: draining (complete pass {plan['quiet'] + 1} of {QUIET_PASSES})")
        reading = await self._work.reader.everything("drain")
        await self._work.deliver_all()
        await self._work.settle_doubts()
        if not reading.is_complete:
            return
        pending = sum(count.count for count in await self._m.ledger.counts() if count.state is RecordState.PENDING)
        quiet = plan["quiet"] + 1 if reading.is_quiet and not pending else 0
        open_writes = len(await self._m.ledger.open_intents(limit=10))
        if quiet >= QUIET_PASSES and not open_writes:
            await self._step({**plan, "quiet": quiet}, "verify")
        else:
            await self._m.ledger.commit([PutSetting(name="cutover", value={**plan, "quiet": min(quiet, QUIET_PASSES)})])

    async def _needs_export(self, plan: Mapping[str, Any]) -> bool:
        """Where the records come from files, the last snapshot must have been taken after the freeze; wait for it."""
        if not any(stream.reader == "files" and stream.role == "record" for stream in self._m.source.streams()):
            return False
        await self._m.source.refresh()
        taken = self._m.source.exported_at
        if taken is not None and taken >= from_iso(plan["frozen_at"]):
            return False
        await self._m.explain("cutover: waiting for an export taken after the freeze")
        async with self._m.at_gate(
            "export", "the last snapshot was exported before the freeze", "export everything once more and put the folder with its manifest into the inbox"
        ):
            await self._m.control.wait(1.0)
        return True

    async def _verify(self, plan: dict[str, Any]) -> None:
        await self._m.explain("cutover: reading everything back that is not verified yet")
        for kind in DEST_ORDER:
            await self._work.verifier.settle(kind)
        found = await precheck(self._m)
        if not found.may_start:
            raise GivenUp("; ".join(found.reasons) + "; a rollback is offered (`rollback --dry-run`)")
        await self._step(plan, "switch")

    async def _switch(self, plan: dict[str, Any]) -> None:
        """One transaction: from here on Nutshell is the system of record."""
        now = iso(self._m.clock.now())
        counts = {f"{count.kind}:{count.disposition or count.state}": count.count for count in await self._m.ledger.counts()}
        receipt = {"switched_at": now, "frozen_at": plan["frozen_at"], "counts": counts, "by": plan.get("by", "")}
        receipt["id"] = hashlib.sha256(orjson.dumps(receipt, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
        entry = AuditEntry(actor=str(plan.get("by") or "streamflow"), action="cutover.switched", after=receipt, note="destination is the system of record")
        done = {**plan, "step": "switched", "times": {**plan.get("times", {}), "switched": now}}
        await self._m.ledger.commit([
            PutSetting(name="cutover", value=done), PutSetting(name="switched", value=receipt), Audit(entry=entry),
        ])
        self._m.log("cutover.switched", receipt=receipt["id"])

    async def _back(self, reason: str) -> State:
        plan = await self._plan()
        await self._m.ledger.commit([
            PutSetting(name="cutover", value=None),
            PutSetting(name="cutover:last", value={"reason": reason, "at": iso(self._m.clock.now()), "steps": plan.get("times", {})}),
            Audit(entry=AuditEntry(actor="streamflow", action="cutover.given_up", note=reason)),
        ])
        self._m.log("cutover.given_up", reason=reason)
        return State.TAIL


class GivenUp(Exception):
    """A step found a reason against the switch; its text is shown."""


async def request(migration: Migration, actor: str, *, freeze_confirmed: bool) -> str:
    """Record the operator's wish for a cutover; answers "started", "already_running", "freeze_confirmed" or "already_switched"."""
    if await migration.ledger.setting("switched"):
        return "already_switched"
    plan = await migration.ledger.setting("cutover")
    if plan:
        if freeze_confirmed and not plan.get("freeze_confirmed"):
            await migration.decide(actor, "cutover.freeze_confirmed", PutSetting(name="cutover", value={**plan, "freeze_confirmed": True}))
            return "freeze_confirmed"
        return "already_running"
    now = iso(migration.clock.now())
    value = {"step": "precheck", "started_at": now, "by": actor, "freeze_confirmed": freeze_confirmed, "times": {"precheck": now}}
    await migration.decide(actor, "cutover.requested", PutSetting(name="cutover", value=value))
    return "started"


async def cancel(migration: Migration, actor: str) -> str:
    """Take the wish back; the attempt ends at its next step."""
    plan = await migration.ledger.setting("cutover")
    if not plan or plan.get("step") == "switched":
        return "not_running"
    await migration.decide(actor, "cutover.cancelled", PutSetting(name="cutover", value={**plan, "cancelled": True}))
    return "cancelled"
