"""
The sample gate: some hundred records, chosen to cover what the account holds, moved for real and shown field by field.

Accepted, they stay as the first of the run; on *redo* or *discard* they are removed again.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from streamflow.errors import UsageError
from streamflow.migration.context import DELIVERY_ORDER, DEST_ORDER, Migration
from streamflow.migration.life import State
from streamflow.migration.rollback import Rollback
from streamflow.migration.work import Work
from streamflow.model import Key, Kind, RecordState, Staged
from streamflow.stages.extract import ChosenBatches
from streamflow.store.base import PutSetting, Reopen, ResolveItem

CHILD_KINDS: tuple[Kind, ...] = ("note", "call", "email", "reminder", "attachment")
LEAD_SHARE = 0.4      # of the sample; the rest are children of these leads
SHOWN_ROWS = 4000


def stratum(staged: Staged) -> tuple[str, ...]:
    """What makes a lead unlike others: status, company or none, e-mail or none, owner or none."""
    data = staged.record.data
    return (
        str(data.get("status") or data.get("statusid") or ""), "company" if data.get("company") else "", "email" if data.get("email") else "",
        "owner" if data.get("userid") or data.get("owner_email") else "",
    )


def choose(strata: dict[tuple[str, ...], list[Key]], size: int, seed: int) -> list[Key]:
    """Take from each stratum in turn, at random but repeatably, until *size* are chosen."""
    dice = random.Random(seed)
    pools = [sorted(keys) for _, keys in sorted(strata.items())]
    for pool in pools:
        dice.shuffle(pool)
    chosen: list[Key] = []
    while len(chosen) < size and any(pools):
        for pool in pools:
            if pool and len(chosen) < size:
                chosen.append(pool.pop())
    return chosen


class SampleGate:
    """Chooses, moves, shows, waits."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work

    async def run(self) -> State:
        """Answer BACKFILL when the sample is accepted, MAP when it is discarded."""
        if await self._m.ledger.setting("sample:accepted"):
            return State.BACKFILL
        while True:
            if await self._work.map_has_moved():
                return State.MAP
            await self._hold_for_companies()
            await self._move()
            if not self._m.asks("sample"):
                await self.decide("streamflow", "accept")
            verdict = await self._wait()
            if verdict == "accept":
                await self._m.ledger.commit([PutSetting(name="sample:accepted", value=True)])
                return State.BACKFILL
            await self._undo()
            if verdict == "discard":
                await self._m.ledger.commit([PutSetting(name="map:confirmed", value=None)])
                return State.MAP

    async def _hold_for_companies(self) -> None:
        """People wait until companies that look alike are decided or waived (the data-quality gate)."""
        await self._work.refresh_companies()
        table = await self._work.companies()
        await table.queue_ambiguous()
        self._quality(table)
        if not self._m.asks("sample"):
            for item in await self._m.ledger.queue():
                if item.cause == "company_ambiguous":
                    await self._m.decide("streamflow", "queue.resolved", ResolveItem(id=item.id, decision="waive", by="gates.sample = auto"))
        while any(item.cause == "company_ambiguous" for item in await self._m.ledger.queue()):
            await self._m.explain("companies that look alike wait for a decision")
            async with self._m.at_gate(
                "companies", "companies that look alike must be decided or waived before people are moved",
                "see `queue list`, then `queue resolve ID --as separate|same|waive`",
            ):
                await self._m.control.wait(None)
        await self._work.refresh_companies()

    def _quality(self, table: Any) -> None:
        rows = [{"text": row.text, "count": row.count, "cluster": row.cluster or "", "name": row.name, "reason": row.reason}
                for row in table.companies.table()]
        pairs = [{"one": pair.names[0], "other": pair.names[1], "reason": pair.reason} for pair in table.companies.ambiguous()]
        self._m.report("companies", {"rows": rows, "ambiguous": pairs})

    async def _move(self) -> None:
        chosen = await self._m.ledger.setting("sample:keys")
        if chosen is None:
            chosen = await self._choose()
            await self._m.ledger.commit([PutSetting(name="sample:keys", value=chosen)])
        await self._m.explain("moving the sample")
        pipeline = await self._work.pipeline()
        await self._work.wait_for_doubts()
        await self._work.archive.fill()
        for kind in DELIVERY_ORDER:
            keys = chosen.get(kind) or []
            await pipeline.deliver(kind, ChosenBatches(
                ledger=self._m.ledger, kind=kind, keys=keys, size=self._m.terms.batch_size, permit=self._m.control.permit,
            ))
            self._m.control.check()
        await self._m.explain("reading the sample back")
        for dest_kind in DEST_ORDER:
            await self._work.verifier.settle(dest_kind)
        await self.report()

    async def _choose(self) -> dict[Kind, list[Key]]:
        strata: dict[tuple[str, ...], list[Key]] = {}
        async for page in self._m.ledger.every("lead"):
            for staged in page:
                if staged.state is RecordState.PENDING:
                    strata.setdefault(stratum(staged), []).append(staged.record.key)
        size = self._m.terms.sample_size
        leads = choose(strata, max(1, int(size * LEAD_SHARE)), self._m.terms.seed)
        chosen: dict[Kind, list[Key]] = {"lead": leads, "company": []}
        table = await self._work.companies()
        found = await self._m.ledger.staged("lead", leads)
        clusters = {table.companies.cluster_of(str(each.record.data.get("company") or "")) for each in found.values()}
        chosen["company"] = sorted(key for key in clusters if key is not None)
        room = size - len(leads)
        per_kind: Counter[Kind] = Counter()
        for lead in leads:
            for kind in CHILD_KINDS:
                for child in await self._m.ledger.children(kind, lead):
                    if per_kind[kind] < room / 3 and sum(per_kind.values()) < room:
                        chosen.setdefault(kind, []).append(child.record.key)
                        per_kind[kind] += 1
        return chosen

    async def report(self) -> dict[str, Any]:
        """The field-level diff: source value, expected, actual, verdict for every field of the sample."""
        chosen = await self._m.ledger.setting("sample:keys") or {}
        rows: list[dict[str, Any]] = []
        counts: Counter[str] = Counter()
        verdicts: Counter[str] = Counter()
        for kind, keys in chosen.items():
            staged = await self._m.ledger.staged(kind, keys)
            for each in staged.values():
                counts[f"{kind}: {each.disposition or each.state}"] += 1
            for key in keys:
                for check in await self._m.ledger.checks_of(kind, key):
                    verdicts[check.verdict.value] += 1
                    if len(rows) < SHOWN_ROWS:
                        rows.append({
                            "kind": kind, "key": key, "part": check.ref.part, "destination": check.dest_id, "field": check.field,
                            "expected": check.expected, "actual": check.actual, "verdict": check.verdict.value,
                        })
        data = {"size": sum(len(keys) for keys in chosen.values()), "counts": dict(counts), "verdicts": dict(verdicts), "rows": rows,
                "seed": self._m.terms.seed}
        self._m.report("sample", data)
        return data

    async def _wait(self) -> str:
        while (verdict := await self._m.ledger.setting("sample:verdict")) is None:
            await self._m.explain("the sample waits to be looked at")
            async with self._m.at_gate(
                "sample", "a sample has been moved; look at the records and the diff report",
                "`sample show`, then `sample accept`, `sample redo` (after `map edit` and `map confirm`), or `sample discard`",
            ):
                await self._m.control.wait(None)
        await self._m.ledger.commit([PutSetting(name="sample:verdict", value=None)])
        return str(verdict)

    async def decide(self, actor: str, verdict: str) -> str:
        """Record what the operator says of the sample."""
        if await self._m.ledger.setting("sample:accepted"):
            if verdict == "accept":
                return "already_accepted"
            raise UsageError("the sample was accepted before", hint="a rollback undoes it together with the run")
        if self._m.phase.state is not State.SAMPLE:
            raise UsageError(f"there is no sample to decide on in {self._m.phase.state}", hint="see `status`")
        await self._m.decide(actor, f"gate.sample.{verdict}", PutSetting(name="sample:verdict", value=verdict))
        return {"accept": "accepted", "redo": "redoing", "discard": "discarding"}[verdict]

    async def _undo(self) -> None:
        """Remove the sample again; what people touched meanwhile is spared and listed."""
        await self._m.explain("removing the sample")
        chosen = await self._m.ledger.setting("sample:keys") or {}
        await Rollback(self._m).undo(lambda link: True)
        await self._m.ledger.commit([Reopen(kind=kind, keys=tuple(keys)) for kind, keys in chosen.items() if keys])
        await self._m.ledger.commit([PutSetting(name="sample:keys", value=None)])
