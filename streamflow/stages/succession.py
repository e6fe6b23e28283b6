"""
Deals that pass from one record to another: an enquiry's open deal becomes that of the first order made of it.

Rule 1: the record that yields leaves its deal alone; the first of those it yields to takes the line over, with one change of names.
Rule 2: nothing is made beside a deal that may still come to be: while a write of the yielding record is open, its heir waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamflow.mapping.compiled import Mapper
from streamflow.model import AuditEntry, Intent, Key, Kind, Link, Ref
from streamflow.stages.batch import Plan
from streamflow.stages.directory import Directory
from streamflow.stages.gone import written_moved
from streamflow.stages.job import Job
from streamflow.stages.kin import Kinship
from streamflow.stages.undecided import outcome_awaited, undecided
from streamflow.stages.unknown import outcome_name
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, MoveLink


class Succession:
    """Lets go of deals, and takes them over."""

    def __init__(self, ledger: Ledger, mapper: Mapper, directory: Directory) -> None:
        self._ledger = ledger
        self._directory = directory
        self._kinship = Kinship(ledger, mapper)
        plans = mapper.pair.kinds
        self._yielding: Mapping[Kind, Sequence[tuple[Kind, str]]] = {
            heir: [(plan.kind, plan.yields_by) for plan in plans if plan.yields_to == heir] for heir in {plan.yields_to for plan in plans}
        }

    def let_go(self, job: Job) -> None:
        """Leave a deal made before to the record that is the deal now."""
        if job.derived.yielded_to is not None:
            job.own.pop("", None)

    async def take(self, jobs: Sequence[Job], *, any_parked: bool) -> dict[Key, Plan]:
        """Take over the deals of records that yield to these; answers plans of those that have to wait for them."""
        plans: dict[Key, Plan] = {}
        fresh = [job for job in jobs if job.main is None and any(draft.part == "" for draft in job.drafts)]
        for kind, name in self._yielding.get(jobs[0].staged.record.kind, ()) if fresh else ():
            named = {str(job.staged.record.data.get(name) or ""): job for job in fresh}
            heirs = await self._first_heirs(kind, [key for key in named if key])
            doubts = await undecided(self._ledger, kind, heirs, any_parked=any_parked)
            lines = await self._ledger.links([Ref(kind, key) for key in heirs])
            for job in fresh:
                former = Ref(kind, str(job.staged.record.data.get(name) or ""))
                if heirs.get(former.key) != job.staged.record.key:
                    continue
                writes = doubts.by_record.get((former.kind, former.key), ())
                asked = [write for write in writes if not self._is_waived(write)]
                if asked:
                    plans[job.staged.record.key] = outcome_awaited(job.staged, asked[0], self._ledger.epoch)
                elif former in lines and not writes:
                    await self._hand_over(job, lines[former])
        return plans

    async def _hand_over(self, job: Job, line: Link) -> None:
        own = Ref(job.staged.record.kind, job.staged.record.key)
        if line.is_merged or line.dest_kind != job.drafts[0].kind:
            return
        job.own[""] = replace(line, ref=own)
        entry = AuditEntry(
            actor="streamflow", action="link.moved", kind=own.kind, key=own.key, dest_id=line.dest_id,
            before=f"{line.ref.kind}:{line.ref.key}", note="it is the deal now",
        )
        job.changes += [MoveLink(old=line.ref, new=own), *await written_moved(self._ledger, line, own), Audit(entry=entry)]

    def _is_waived(self, write: Intent) -> bool:
        """Say whether a person left the outcome of a write as it is: nothing will come of it, and it stays where it was."""
        return self._directory.last_word(outcome_name(write.id))[0] == "waive"

    async def _first_heirs(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Key]:
        """Give, by record of a kind that yields, the one that takes its place."""
        known = (await self._ledger.staged(kind, keys)).values()
        kin = await self._kinship.of([each.record for each in known])
        return {key: found.heirs[0] for key, found in kin.items() if found.heirs}
