"""
The sample gate: some hundred records, chosen to cover what the account holds, moved for real and shown field by field.

Accepted, they stay as the first of the run; on *redo* or *discard* they are removed again.

Rule: a verdict stays in the ledger until it is carried out to its end, so that a removal that was interrupted goes on as a removal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from streamflow.errors import UsageError
from streamflow.ledger_names import MAP_CONFIRMED, SAMPLE_ACCEPTED, SAMPLE_KEYS
from streamflow.mapping.pair import Role
from streamflow.migration import drift
from streamflow.migration.choosing import choose_sample
from streamflow.migration.companies import AMBIGUOUS, CompanyTable
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.differences import SampleReport, sample_report
from streamflow.migration.life import State
from streamflow.migration.reversals import GIVEN_UP_HERE
from streamflow.migration.rollback import Rollback
from streamflow.migration.work import Work
from streamflow.model import Key, Kind, Ref
from streamflow.reports.rows import Rows
from streamflow.stages.pending import ChosenBatches
from streamflow.stages.verify import Marks
from streamflow.store.change import Change, MarkVerified, PutSetting, Reopen, ResolveItem

_SHOWN, _VERDICT = "sample:shown", "sample:verdict"     # settings: by which map it was moved; what was said of it
ANSWERS = {"accept": "accepted", "redo": "redoing", "discard": "discarding"}


class SampleGate:
    """Chooses, moves, shows, waits."""

    def __init__(self, migration: Migration, work: Work) -> None:
        self._m = migration
        self._work = work
        self._shown: SampleReport | None = None      # read from the destination once; the ledger keeps values of differing fields only

    async def run(self) -> State:
        """Answer BACKFILL when the sample is accepted, MAP when it is discarded or the map has changed."""
        while not await self._m.ledger.setting(SAMPLE_ACCEPTED):
            verdict = await self._m.ledger.setting(_VERDICT)
            if verdict in ("redo", "discard"):
                await self._undo(verdict)
            elif await self._work.map_has_moved() and not await self._is_shown():
                return State.MAP
            elif verdict == "accept" and await self._is_shown():
                await self._m.ledger.commit([
                    PutSetting(name=SAMPLE_ACCEPTED, value=True), PutSetting(name=_VERDICT, value=None),
                    PutSetting(name=_SHOWN, value=None),
                ])
            elif await self._is_shown() and not self._m.asks("sample") and await self._is_by_this_map():
                await self.decide("streamflow", "accept")
            elif await self._is_shown():
                await self._wait()
            else:
                await self._prepare()
        return State.BACKFILL

    async def _is_shown(self) -> bool:
        """Say whether the sample was moved to its end; only then can it be judged."""
        return await self._m.ledger.setting(_SHOWN) is not None

    async def _is_by_this_map(self) -> bool:
        """Say whether the sample shown was moved by the map that is confirmed now."""
        confirmed = await self._m.ledger.setting(MAP_CONFIRMED) or {}
        return bool(await self._m.ledger.setting(_SHOWN) == confirmed.get("digest"))

    async def _prepare(self) -> None:
        await self._hold_for_companies()
        if not await drift.stands(self._m):
            return
        digest = str((await self._m.ledger.setting(MAP_CONFIRMED))["digest"])
        await self._move()
        await self._m.ledger.commit([PutSetting(name=_SHOWN, value=digest)])

    async def _hold_for_companies(self) -> None:
        """People wait until companies that look alike are decided or waived (the data-quality gate)."""
        await self._work.refresh_companies()
        table = await self._work.companies()
        await table.queue_ambiguous()
        self._quality(table)
        if not self._m.asks("sample"):
            async for page in self._m.ledger.items(cause=AMBIGUOUS):
                for item in page:
                    waived = ResolveItem(id=item.id, decision="waive", by="gates.sample = auto")
                    await self._m.decide("streamflow", "queue.resolved", waived, note=item.id)
        await self._stand_at(
            "companies", "companies that look alike wait for a decision", passed=self._companies_are_decided,
            what="companies that look alike must be decided or waived before people are moved",
            how="see `queue list`, then `queue resolve ID --as separate|same|waive`",
        )
        await self._work.refresh_companies()

    def _quality(self, table: CompanyTable) -> None:
        rows = Rows({"text": row.text, "count": row.count, "cluster": row.cluster or "", "name": row.name, "reason": row.reason}
                    for row in table.companies.table())
        pairs = Rows({"one": pair.names[0], "other": pair.names[1], "reason": pair.reason} for pair in table.companies.ambiguous())
        if self._m.pair.company is not None:
            self._m.report("companies", {"rows": rows, "ambiguous": pairs})

    async def _move(self) -> None:
        chosen = await self._m.ledger.setting(SAMPLE_KEYS)
        if chosen is None:
            chosen = await choose_sample(self._m, (await self._work.companies()).key_of)
            await self._m.ledger.commit([PutSetting(name=SAMPLE_KEYS, value=chosen)])
        await self._m.explain("moving the sample")
        await self._work.wait_for_doubts()
        await self._work.watch.follow()     # the map may have been looked at for days
        await self._work.wake_parked()
        pipeline = await self._work.pipeline()
        for kind in self._m.pair.in_role(Role.FILE):
            await self._work.archive.fill(kind, chosen.get(kind) or [])
        for kind in self._m.pair.order:
            await pipeline.deliver(kind, self._batches(kind, chosen.get(kind) or []))
            self._m.control.check()
        await self._work.wait_for_doubts()
        await self._m.explain("reading the sample back")
        marks: Marks = {}
        for dest_kind in DEST_ORDER:
            await self._work.verifier.settle(dest_kind, marks=marks)
        self._shown = None
        await self.report(marks)

    def _batches(self, kind: Kind, keys: list[Key]) -> ChosenBatches:
        return ChosenBatches(
            ledger=self._m.ledger, kind=kind, keys=keys, size=self._m.terms.batch_size, permit=self._m.control.permit,
        )

    async def report(self, marks: Mapping[Ref, MarkVerified] | None = None) -> SampleReport:
        """The field-level diff: source value, expected, actual, verdict for every field of the sample; *marks* need no second read."""
        if self._shown is None:
            chosen = await self._m.ledger.setting(SAMPLE_KEYS) or {}
            self._shown = await sample_report(self._m, await self._work.document(), chosen, marks or {})
            self._m.report("sample", self._shown)
        return self._shown

    async def _wait(self) -> None:
        await self._stand_at(
            "sample", "the sample waits to be looked at", passed=self._is_judged,
            what="a sample has been moved; look at the records and the diff report",
            how="`sample show`, then `sample accept`, `sample redo` (after `map edit` and `map confirm`), or `sample discard`",
        )

    async def _stand_at(self, gate: str, reason: str, *, what: str, how: str, passed: Callable[[], Awaitable[bool]]) -> None:
        with self._m.gates():
            while True:
                looked = self._m.control.look()
                if await passed():
                    return
                await self._m.explain(reason)
                self._m.show_gate(gate, what, how)
                await self._m.control.wait(None, since=looked)

    async def _companies_are_decided(self) -> bool:
        return not any((state, cause) == ("open", AMBIGUOUS) for state, cause, _ in await self._m.ledger.queue_counts())

    async def _is_judged(self) -> bool:
        return await self._m.ledger.setting(_VERDICT) is not None

    async def decide(self, actor: str, verdict: str) -> str:
        """
        Record what the operator says of the sample; the same word twice says nothing new.

        Raises UsageError when there is nothing to judge (yet), when it is being removed, or when it was moved by another map than
        the one that is confirmed now.
        """
        if await self._m.ledger.setting(SAMPLE_ACCEPTED):
            if verdict == "accept":
                return "already_accepted"
            raise UsageError("the sample was accepted before", hint="a rollback undoes it together with the run")
        if self._m.phase.state is not State.SAMPLE:
            raise UsageError(f"there is no sample to decide on in {self._m.phase.state}", hint="see `status`")
        known = await self._m.ledger.setting(_VERDICT)
        if known in ("redo", "discard") and known != verdict:
            raise UsageError("the sample is being removed", hint="wait until the next one is shown; see `status`")
        shown = await self._m.ledger.setting(_SHOWN)
        if shown is None and known is None:
            raise UsageError("the sample has not been moved yet", hint="wait for the sample gate; see `status`")
        if verdict == "accept" and not await self._is_by_this_map():
            raise UsageError("another map was confirmed since the sample was moved", hint="`sample redo` shows what that map makes of it")
        if known != verdict:
            await self._m.decide(actor, f"gate.sample.{verdict}", PutSetting(name=_VERDICT, value=verdict))
        return ANSWERS[verdict]

    async def _undo(self, verdict: str) -> None:
        """Remove the sample again; what people touched meanwhile is spared and listed."""
        await self._m.explain("removing the sample")
        chosen = await self._m.ledger.setting(SAMPLE_KEYS) or {}
        tally = await Rollback(self._m).undo()
        self._m.report("sample-removed", {"verdict": verdict, **tally.to_json()})
        changes: list[Change] = [Reopen(kind=kind, keys=tuple(keys)) for kind, keys in chosen.items() if keys]
        changes += [PutSetting(name=name, value=None) for name in (SAMPLE_KEYS, _SHOWN, _VERDICT)]
        changes.append(PutSetting(name=GIVEN_UP_HERE, value=None))
        if verdict == "discard":
            changes.append(PutSetting(name=MAP_CONFIRMED, value=None))
        await self._m.ledger.commit(changes)
        self._m.pass_gate()
        self._shown = None
