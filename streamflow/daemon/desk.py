"""The operator's verbs, carried out: each looks at what is, does it once, and says what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio

from streamflow.clock import iso
from streamflow.daemon.operator import Answer
from streamflow.daemon.orders import Orders
from streamflow.daemon.picture import Picture
from streamflow.daemon.status import Snapshot
from streamflow.daemon.supervisor import Supervisor
from streamflow.daemon.tracing import traced
from streamflow.errors import DoesNotFit, NotFound, UsageError
from streamflow.ledger_names import (
    CLOSED,
    FALLBACK_OWNER,
    LATE,
    MAP_CONFIRMED,
    MAP_PROPOSED,
    OBSERVATION,
    PACES,
    PAUSED,
    SAMPLE_ACCEPTED,
    SAMPLE_KEYS,
)
from streamflow.migration import cutover, targets
from streamflow.migration.context import DEST_ORDER
from streamflow.migration.decided import STAYS, decided_on
from streamflow.migration.late_questions import is_heard
from streamflow.migration.life import State
from streamflow.migration.precheck import precheck
from streamflow.migration.progress import progress
from streamflow.migration.returning import ROLLED_BACK, let_back
from streamflow.migration.rollback import Rollback
from streamflow.migration.rollback_order import ALREADY_ORDERED, ordered, standing
from streamflow.migration.scopes import accepted
from streamflow.model import QueueItem, RecordState, name_of
from streamflow.reports.writer import ReportWriter
from streamflow.stages.reopened import asked_name, run_along
from streamflow.store.change import Change, PutSetting, Reopen, ResolveItem, Wake
from streamflow.wire.limiter import Limiter

REOPENING = ("retry", "take", "merge", "match", "separate", "reparent", "same", "recreate")
"""Decisions after which the record runs through the stages again."""

_NOBODY_GOES_ON = "records whose owner has no user in the destination stay as they are, and the reports name them: see to them by hand"

SHOWN = 1000
"""Spared records that a plan names in its answer; the report has all of them."""


class Desk:
    """Implements `daemon.operator.Operator`."""

    def __init__(
        self, supervisor: Supervisor, picture: Picture, reports: ReportWriter, limiters: Mapping[str, Limiter], stop: Callable[[], None],
        set_cap: Callable[[str, float], None],
    ) -> None:
        self._s = supervisor
        self._m = supervisor.m
        self._picture = picture
        self._reports = reports
        self._limiters = limiters
        self._stop = stop
        self._set_cap = set_cap
        self._orders = Orders(self._m.ledger, self._m.clock)
        self._ordering = anyio.Lock()     # of rollbacks: two at the same moment must not both be the first

    # ------------------------------------------------------------------------------------------ what was ordered

    async def ordered(self, *, actor: str, order: str, said: str) -> None:
        await self._orders.given(actor=actor, order=order, said=said)

    async def refused(self, *, actor: str, order: str, code: str) -> None:
        await self._orders.refused(actor=actor, order=order, code=code)

    async def orders_end(self) -> None:
        await self._orders.end()

    # ------------------------------------------------------------------------------------------ asking

    async def status(self) -> Snapshot:
        return await self._picture.glance()

    async def map_show(self) -> Answer:
        confirmed = await self._m.ledger.setting(MAP_CONFIRMED)
        proposed = await self._m.ledger.setting(MAP_PROPOSED)
        shown = proposed or confirmed
        if shown is None:
            raise DoesNotFit("there is no map yet", hint="the probe has to finish first; see `status`")
        is_confirmed = confirmed is not None and confirmed["digest"] == shown["digest"]
        return {"digest": shown["digest"], "state": "confirmed" if is_confirmed else "proposed", "document": shown["document"]}

    async def owners_show(self) -> Answer:
        owners = await self._s.owners.table()
        return {
            "owners": [
                {
                    "key": each.key, "name": each.name, "email": each.email, "role": each.role, "records": each.total,
                    "match": each.dest_id, "how": each.via,
                }
                for each in owners
            ],
            "unmatched": sum(1 for each in owners if each.total and each.dest_id is None),
            "fallback": await self._m.ledger.setting(FALLBACK_OWNER) or self._m.terms.fallback_owner,
        }

    async def sample_show(self) -> Answer:
        if await self._m.ledger.setting(SAMPLE_KEYS) is None:
            raise DoesNotFit("there is no sample yet", hint="it follows the owners gate; see `status`")
        data = await self._s.sample.report()
        state = "accepted" if await self._m.ledger.setting(SAMPLE_ACCEPTED) else "waiting"
        return {"state": state, "size": data["size"], "counts": data["counts"], "verdicts": data["verdicts"], "diff": data["rows"],
                "report": str(self._m.terms.state_dir / "reports" / "sample.html")}

    async def queue_list(self, *, state: str) -> Answer:
        pages = self._m.ledger.items(state=None if state == "all" else state)
        return {"items": [_item(each) async for page in pages for each in page]}

    async def queue_show(self, *, id: str) -> Answer:
        item = await self._m.ledger.item(id)
        if item is None:
            raise NotFound(f"there is no queue item {id}", hint="`queue list` names them")
        return {**_item(item), "details": dict(item.details), "decision": item.decision, "resolved_by": item.resolved_by}

    async def trace(self, *, kind: str, key: str) -> Answer:
        return await traced(self._m, self._s.work, kind, key)

    async def reports(self) -> Answer:
        await self._s.write_reports()
        return {"folder": str(self._m.terms.state_dir / "reports"), "reports": self._reports.listing()}

    # ------------------------------------------------------------------------------------------ steering

    async def pause(self, *, actor: str, reason: str) -> Answer:
        if self._m.control.paused is not None and not self._m.control.ends_itself:
            return {"result": "already_paused", "reason": self._m.control.paused}
        text = f"by the operator: {reason}" if reason else "by the operator"
        await self._m.decide(actor, "pause", PutSetting(name=PAUSED, value={"reason": text, "by": actor}), note=reason)
        self._m.control.pause(text)
        return {"result": "paused", "reason": text}

    async def resume(self, *, actor: str) -> Answer:
        if self._m.control.paused is None:
            return {"result": "already_running"}
        chain = self._s.chain
        seen, note = (chain.seen(), chain.trouble) if chain is not None else ((), "")
        await self._m.decide(actor, "resume", PutSetting(name=PAUSED, value=None), *seen, note=note)
        if chain is not None:
            chain.answered()
        self._s.work.suspended.clear()
        self._m.control.resume()
        return {"result": "resumed"}

    async def pace(self, *, actor: str, platform: str, rate_per_s: float) -> Answer:
        name = {"source": self._m.source.name, "destination": self._m.destination.name}.get(platform, platform)
        if name not in self._limiters:
            raise UsageError(f"there is no platform {platform!r}", hint=f"known: source, destination, {', '.join(sorted(self._limiters))}")
        if not 0 < rate_per_s <= 10_000:
            raise UsageError("a pace is a number of calls a second above 0", hint="for example `pace destination 5`")
        before = self._limiters[name].stats().rate_per_s
        await self._m.decide(actor, "pace", PutSetting(name=f"{PACES}{name}", value=rate_per_s), note=f"{name} {rate_per_s}")
        self._set_cap(name, rate_per_s)
        return {"result": "set", "platform": name, "rate_per_s": rate_per_s, "before": before}

    async def stop(self, *, actor: str) -> Answer:
        if self._m.control.draining:
            return {"result": "already_stopping"}
        await self._m.decide(actor, "stop")
        self._stop()
        return {"result": "stopping"}

    # ------------------------------------------------------------------------------------------ gates

    async def map_confirm(self, *, actor: str, digest: str) -> Answer:
        return {"result": await self._s.map_gate.confirm(actor, digest), "digest": digest}

    async def map_edit(self, *, actor: str, document: Any) -> Answer:
        if await self._m.ledger.setting(OBSERVATION) is None:
            raise DoesNotFit("the source has not been looked at yet", hint="a map can be given once the probe has finished; see `status`")
        return {"result": "proposed", "digest": await self._s.map_gate.edit(actor, document)}

    async def owners_recheck(self, *, actor: str) -> Answer:
        if self._m.phase.state in (State.PROBE, State.MAP):
            raise DoesNotFit("owners are looked at after the map is confirmed", hint="see `status`")
        async with self._m.closing:
            await self._ensure_open(_NOBODY_GOES_ON)
            await self._s.owners.recheck(actor)
        self._m.control.notify()
        return {"result": "checked", **await self.owners_show()}

    async def owners_fallback(self, *, actor: str, email: str) -> Answer:
        reference = await self._m.destination.schema.reference()
        known = {str(user.get("email") or "").strip().lower() for user in reference.users if user.get("enabled", True)}
        if email.strip().lower() not in known:
            raise UsageError("no enabled user of the destination has this e-mail address", hint="let the admin add the user first")
        async with self._m.closing:
            await self._ensure_open(_NOBODY_GOES_ON)
            await self._m.decide(actor, "owners.fallback", PutSetting(name=FALLBACK_OWNER, value=email.strip()))
            if self._m.phase.state not in (State.PROBE, State.MAP):
                await self._s.owners.recheck(actor)
                self._m.control.notify()
        return {"result": "set", "fallback": email.strip()}

    async def sample_accept(self, *, actor: str) -> Answer:
        return {"result": await self._s.sample.decide(actor, "accept")}

    async def sample_redo(self, *, actor: str) -> Answer:
        return {"result": await self._s.sample.decide(actor, "redo")}

    async def sample_discard(self, *, actor: str) -> Answer:
        return {"result": await self._s.sample.decide(actor, "discard")}

    # ------------------------------------------------------------------------------------------ decisions and the end

    async def queue_resolve(self, *, actor: str, id: str, decision: str) -> Answer:
        item = await self._m.ledger.item(id)
        if item is None:
            raise NotFound(f"there is no queue item {id}", hint="`queue list` names them")
        if item.state == "resolved" and item.decision == decision:
            return {"result": "already_resolved", "id": id, "decision": decision}
        decision = await targets.checked(self._m, item, decision)
        async with self._m.closing:
            await self._take(item, decision, actor)
        return {"result": "resolved", "id": id, "decision": decision}

    async def _take(self, item: QueueItem, decision: str, actor: str) -> None:
        """Take an answer that will be carried out. Raises DoesNotFit where nothing is any more, or where it is not heard."""
        word = decision.partition(":")[0]
        if word not in STAYS:
            await self._ensure_open("do it by hand in the destination; the item stays open, and the reports name it")
            await self._ensure_last(item)      # to leave it as it is stays true
        changes: list[Change] = [ResolveItem(id=item.id, decision=decision, by=actor)]
        changes += [*self._consequences(item, word), *await decided_on(self._m.ledger, item)]
        if word == "waive" and await self._m.ledger.setting(CLOSED) is None and item.key:
            if await self._is_held(item):
                changes.append(Reopen(kind=item.kind, keys=(item.present_key,)))   # it runs once more, and the decision finishes it
            wake = Wake(on=(name_of(item.kind, item.present_key),))     # whoever is the same person need not be left out with it
            changes += [wake, *await run_along(self._m.ledger, [wake])]
        if item.cause == ROLLED_BACK and word == "retry":
            changes += await let_back(self._m.ledger, self._m.pair, str(item.details.get("scope")))
        self._m.decisions[item.id] = decision   # before the commit: what is reopened by it must find it
        present = await self._m.ledger.item(item.present_id)
        if present is None or present.state != "resolved":
            self._m.decisions[item.present_id] = decision     # as the ledger will tell it
        await self._m.decide(actor, "queue.resolved", *changes, note=f"{item.id}: {decision}")

    async def _ensure_last(self, item: QueueItem) -> None:
        """Raise DoesNotFit where a later version of what was written late is asked about by now: nothing would come of this answer."""
        last = await self._m.ledger.setting(asked_name(item.kind, item.present_key)) if item.cause == LATE else None
        if not is_heard(item.id, last):
            raise DoesNotFit("the record was asked about anew since, and only the last question is heard", hint=f"answer {last}")

    async def _ensure_open(self, hint: str) -> None:
        """Raise DoesNotFit with this *hint* once the window after the switch has closed; to be asked under `closing`."""
        if await self._m.ledger.setting(CLOSED) is not None:
            raise DoesNotFit("the window after the switch has closed, and nothing is carried out any more", hint=hint)

    async def _is_held(self, item: QueueItem) -> bool:
        staged = (await self._m.ledger.staged(item.kind, [item.present_key])).get(item.present_key) if item.key else None
        return staged is not None and staged.state in (RecordState.HELD, RecordState.PARKED)

    def _consequences(self, item: QueueItem, word: str) -> list[Change]:
        changes: list[Change] = []
        if word in REOPENING and item.key and item.cause != "company_ambiguous":
            changes.append(Reopen(kind=item.kind, keys=(item.present_key,)))
        if item.cause == "plan_limit":
            self._s.work.suspended.pop(item.kind, None)
        return changes

    async def cutover(self, *, actor: str, freeze_confirmed: bool, dry_run: bool) -> Answer:
        found = await precheck(self._m, asks_both=True)
        if dry_run:
            await self._m.decide(actor, "cutover.checked")
            return {"result": "checked", **found.to_json()}
        if self._m.phase.state not in (State.TAIL, State.CUTOVER, State.WATCH, State.DONE):
            raise DoesNotFit(f"a cutover starts from tail; the migration is in {self._m.phase.state}", hint="see `status`")
        if self._m.phase.state is State.TAIL and not found.may_start:
            raise DoesNotFit("; ".join(found.reasons), hint="`cutover --dry-run` shows this list again")
        return {"result": await cutover.request(self._m, actor, freeze_confirmed=freeze_confirmed)}

    async def cutover_cancel(self, *, actor: str) -> Answer:
        return {"result": await cutover.cancel(self._m, actor)}

    async def verify(self, *, actor: str) -> Answer:
        if self._m.phase.state in (State.PROBE, State.MAP, State.SCHEMA, State.OWNERS):
            raise DoesNotFit("nothing has been written yet", hint="see `status`")
        totals: dict[str, int] = {}
        looked_at, of = 0, sum((await self._m.ledger.link_counts()).values())
        for dest_kind in DEST_ORDER:
            async for links in self._m.ledger.crosswalk(dest_kind=dest_kind):
                looked_at += len(links)
                progress(looked_at, of)
                ours = [link for link in links if not link.is_merged]
                for state, count in (await self._s.work.verifier.check(dest_kind, ours)).items():
                    totals[state] = totals.get(state, 0) + count
        await self._m.decide(actor, "verify", after=totals)
        return {"result": "verified" if not totals.get("differs") else "differs", "links": totals}

    async def rollback_scope(self, *, scope: str) -> str:
        return await accepted(self._m.ledger, self._m.pair, scope)     # refused here and not in the middle

    async def rollback(self, *, actor: str, scope: str, dry_run: bool, confirm: str) -> Answer:
        if dry_run:
            await self._m.decide(actor, "rollback.planned", note=scope)
            return await self._rollback_plan(scope)
        if confirm != self._m.terms.name:
            hint = f"repeat the migration's name: --confirm {self._m.terms.name}"
            raise UsageError("the name given does not confirm this rollback", hint=hint)
        async with self._ordering:
            if known := await standing(self._m.ledger, scope=scope, state=self._m.phase.state):
                return {"result": "already_running" if known == ALREADY_ORDERED else known}
            if self._s.chain is not None and self._s.chain.trouble:
                why = f"{self._s.chain.trouble}, and what is removed rests on the ledger"
                raise DoesNotFit(why, hint="see `status`; `resume` comes first")
            asked = await ordered(self._m.ledger, scope=scope, by=actor, at=iso(self._m.clock.now()), state=self._m.phase.state)
            await self._m.decide(actor, "rollback.requested", *asked, note=scope)
        if self._m.control.paused is not None:
            await self.resume(actor=actor)
        self._s.interrupt()
        return {"result": "started", "scope": scope}

    async def _rollback_plan(self, scope: str) -> Answer:
        """Plan without writing; the whole plan is a report, the answer holds the beginning of what would be spared."""
        tally = await Rollback(self._m).undo(scope, dry_run=True)
        plan = tally.to_json()
        self._m.report("rollback-plan", {"scope": scope, **plan, "records": tally.named})
        spared = plan["spared"]
        told = {name: value for name, value in plan.items() if name != "cannot_be_removed_by_api"}      # the same before and after
        return {
            "result": "planned", "scope": scope, **told, "spared": spared[:SHOWN], "spared_in_all": len(spared),
            "report": str(self._m.terms.state_dir / "reports" / "rollback-plan.html"),
        }


def _item(item: QueueItem) -> dict[str, Any]:
    return {
        "id": item.id, "cause": item.cause, "blocking": item.blocking, "kind": item.kind, "key": item.key, "reason": item.reason,
        "decisions": list(item.decisions), "suggested": item.suggested, "state": item.state,
    }
