"""
Deciding what is to be written: identity, references, and the comparison with what is there.

This stage collects facts (crosswalk, staged parents, open writes, present values of records to be changed) in few calls and
hands them to plain functions. It sends nothing.

Rule: what is under way is noted before the facts are read. A record or destination record that another batch was writing to when
the collecting began is left for the next pass, since what was read of it may be old.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from streamflow.ledger_names import UNDONE
from streamflow.mapping.compiled import Mapper
from streamflow.mapping.identity import Match, Merge, Review
from streamflow.model import (
    Cursor,
    DestId,
    Disposition,
    Draft,
    Fields,
    IntentState,
    Key,
    Kind,
    Link,
    Op,
    Ref,
    name_of,
)
from streamflow.platforms.destination import Reader
from streamflow.stages.batch import Mapped, Plan, Resolved, Write
from streamflow.stages.conflicts import answers_for
from streamflow.stages.directory import Directory
from streamflow.stages.disposition import disposition_of, ground_of, reason_of
from streamflow.stages.firms import match_firms
from streamflow.stages.formerly import dropped, restored, taken_again
from streamflow.stages.groups import Groups
from streamflow.stages.heirs import Heirs
from streamflow.stages.in_part import NOTHING, Sent, sent_in_part
from streamflow.stages.job import Job
from streamflow.stages.kept import unnamed
from streamflow.stages.kin import hanging_on
from streamflow.stages.meanwhile import Meanwhile
from streamflow.stages.parents import Parents, derive
from streamflow.stages.people import decided_match, headless_plan, is_circular, is_left_out, lent_note, review_plan
from streamflow.stages.planning import (
    Facts,
    Waiting,
    create_writes,
    finish_of,
    issue_items,
    question_plan,
    refs_in,
    resolve_links,
    wait_plan,
    waiting_for,
    waiting_for_gone,
)
from streamflow.stages.sharing import with_shared
from streamflow.stages.stale import beside, remove_stale, stale_answers, stale_parts, surviving, without_moving
from streamflow.stages.succession import Succession
from streamflow.stages.undecided import Undecided, clear, lost_of, outcomes_awaited, undecided
from streamflow.stages.updating import base_after, create_part, is_settled, leave_to_others, left_out, update_part
from streamflow.stages.vanished import Vanished
from streamflow.store.base import Ledger
from streamflow.store.change import Change, DropLookup, Reopen


class Resolver:
    """Turns mapped batches into plans."""

    def __init__(
        self, *, ledger: Ledger, reader: Reader, mapper: Mapper, directory: Directory, busy: set[str] | None = None,
        meanwhile: Meanwhile | None = None, edits: Callable[[Kind], bool] = lambda _kind: False,
        fills: Callable[[Kind], Collection[str]] = lambda _kind: (), vanished: Vanished | None = None,
    ) -> None:  # fmt: skip
        self.busy: set[str] = busy if busy is not None else set()   # shared with the loader, which takes out what it has written
        self._ledger = ledger
        self._reader = reader
        self._meanwhile = meanwhile
        self._edits = edits
        self._fills = fills
        self._mapper = mapper
        self._directory = directory
        self._groups = Groups(ledger, mapper, directory)
        self._parents = Parents(ledger, mapper, directory)
        self._vanished = vanished if vanished is not None else Vanished(ledger=ledger, reader=reader)
        self._heirs = Heirs(ledger)
        self._succession = Succession(ledger, mapper, directory)
        self._any_parked = True

    async def begin(self) -> None:
        """Start a pass: nothing is under way, and what stands in its way is looked up once."""
        self.busy.clear()   # a pass that failed may have left entries
        await self._vanished.recall()
        await self._heirs.recall()
        self._any_parked = (await self._ledger.intent_counts()).get(IntentState.PARKED, 0) > 0

    async def resolve(self, batch: Mapped) -> Resolved:
        """Plan every record of a batch."""
        held = frozenset(self.busy)
        keys = [staged.record.key for staged, _ in batch.jobs]
        doubts = await undecided(self._ledger, batch.kind, keys, any_parked=self._any_parked)
        doubts = replace(doubts, lost=await lost_of(self._ledger, self._reader, doubts, self._directory))
        jobs, plans = await self._open(batch, doubts, held)
        if jobs and (waiting := await self._succession.take(jobs, any_parked=self._any_parked)):
            plans |= waiting
            jobs = [job for job in jobs if job.staged.record.key not in waiting]
        if batch.kind == self._directory.roles.person:
            await self._groups.identify(jobs)
            waiting = outcomes_awaited(jobs, doubts, epoch=self._ledger.epoch)
            plans |= waiting
            jobs = [job for job in jobs if job.staged.record.key not in waiting]
        elif batch.kind == self._directory.roles.company:
            await match_firms(jobs, self._ledger, self._directory)
        links = await self._links(jobs)
        parents = await self._parents.missing(jobs, links)
        facts = Facts(
            links=links, now={}, parents=parents, directory=self._directory, compare=self._reader.compare, busy=self.busy,
            held=held | doubts.dest_ids, edits=self._edits, fills=self._fills, gone=self._vanished.gone,
            disputes=self._mapper.disputes, worked_on=self._meanwhile.worked_on if self._meanwhile is not None else (),
        )
        facts = replace(facts, sent=await self._sent(jobs, facts))
        seen, now = await self._present_values(jobs, facts)
        facts = replace(facts, now=now)
        facts = replace(facts, told=await self._told(jobs, facts))
        if await self._have_gone(jobs, facts) or await self._have_merged(jobs, facts):
            return await self.resolve(batch)     # their lines lead elsewhere now, or they are somebody else
        for job in jobs:
            plans[job.staged.record.key] = await self._plan(job, facts)
        await self._leave_what_is_back(jobs, plans)
        return Resolved(kind=batch.kind, plans=tuple(plans[key] for key in keys), seen=seen)

    async def _open(self, batch: Mapped, doubts: Undecided, held: frozenset[str]) -> tuple[list[Job], dict[Key, Plan]]:
        """Make the jobs of a batch; records that cannot be looked at now have their plan at once."""
        own: dict[Key, dict[str, Link]] = {}
        for link in await self._ledger.links_of(batch.kind, [staged.record.key for staged, _ in batch.jobs]):
            own.setdefault(link.ref.key, {})[link.ref.part] = link
        jobs: list[Job] = []
        plans: dict[Key, Plan] = {}
        for staged, derived in batch.jobs:
            key = staged.record.key
            ended = clear(staged, doubts, self._directory, epoch=self._ledger.epoch)
            if name_of(batch.kind, key) in held or ended is not None:
                plans[key] = ended or Plan(staged=staged)
                continue
            if not derived.drafts and derived.filtered is None:
                derived = derive(staged, derived, self._mapper, self._directory)
            job = Job(staged=staged, derived=derived, drafts=list(derived.drafts), own=own.get(key, {}))
            job.changes = [*issue_items(staged, derived.issues)]
            self._succession.let_go(job)
            self._heirs.follow(job)
            job.set_aside_other_kinds()
            jobs.append(job)
        return jobs, plans

    # ------------------------------------------------------------------------------------------ facts

    async def _links(self, jobs: Sequence[Job]) -> dict[Ref, Link]:
        wanted = {ref for job in jobs for draft in job.drafts for ref in refs_in(draft.fields)}
        wanted |= {Ref(job.staged.record.kind, job.group[0]) for job in jobs if job.group}
        links = dict(await self._ledger.links(sorted(wanted))) if wanted else {}
        for job in jobs:
            for part, link in job.own.items():
                links[Ref(job.staged.record.kind, job.staged.record.key, part)] = link
            if isinstance(job.decision, Match):
                ref = Ref(job.staged.record.kind, job.staged.record.key)
                job.own[""] = links[ref] = Link(
                    ref=ref, dest_kind=job.drafts[0].kind, dest_id=job.decision.dest_id, base={}, ours=False, before={},
                )
        return links

    async def _sent(self, jobs: Sequence[Job], facts: Facts) -> dict[Ref, Sent]:
        """Give what updates of parts that are there may have left in them without ever being confirmed."""
        targets = [self._target(job, draft, facts) for job in jobs for draft in job.drafts]
        lines = {link.ref: link for link in targets if link is not None and (link.base or link.before)}
        if not lines or not (await self._ledger.intent_counts()).keys() & {IntentState.ABANDONED, IntentState.REJECTED}:
            return {}
        found: dict[Ref, Sent] = {}
        for kind in sorted({ref.kind for ref in lines}):
            own = {ref: line for ref, line in lines.items() if ref.kind == kind}
            intents = await self._ledger.intents_by_key(kind, sorted({ref.key for ref in own}))
            found |= {ref: sent_in_part(line, intents.get(ref.key, ())) for ref, line in own.items()}
        return {ref: sent for ref, sent in found.items() if sent}

    async def _present_values(self, jobs: Sequence[Job], facts: Facts) -> tuple[Cursor, dict[DestId, Fields]]:
        """Read the destination records that are to be changed, custom fields only where one differs; with the feed's position before."""
        plain: dict[Kind, set[DestId]] = {}
        custom: dict[Kind, set[DestId]] = {}
        for job in jobs:
            for draft, link, fields in self._to_be_changed(job, facts):
                differing = {name for name in {**fields, **link.base} if fields.get(name) != link.base.get(name)}
                differing |= facts.sent.get(link.ref, NOTHING).keys()
                is_custom = any("custom:" in name for name in differing)
                (custom if is_custom else plain).setdefault(draft.kind, set()).add(link.dest_id)
            for link in stale_parts(job.own.values(), job.drafts):
                is_custom = any(name.startswith("custom:") for name in link.base)
                (custom if is_custom else plain).setdefault(link.dest_kind, set()).add(link.dest_id)
            for _, main in beside(job.own):     # a double goes only where the other one is there
                plain.setdefault(main.dest_kind, set()).add(main.dest_id)
        now: dict[DestId, Fields] = {}
        seen = await self._position({dest_id for ids in [*plain.values(), *custom.values()] for dest_id in ids})
        for kind, ids in plain.items():
            now.update(await self._reader.read(kind, sorted(ids - custom.get(kind, set())), custom=False))
        for kind, ids in custom.items():
            now.update(await self._reader.read(kind, sorted(ids), custom=True))
        return seen, now

    async def _told(self, jobs: Sequence[Job], facts: Facts) -> dict[str, Mapping[str, Any]]:
        """Give the details of the questions that were answered about what is to be changed or removed."""
        changed = [(link, fields) for job in jobs for _, link, fields in self._to_be_changed(job, facts)]
        answered = {name for link, fields in changed for name in answers_for(link, fields, facts)}
        for job in jobs:
            answered |= set(stale_answers(stale_parts(job.own.values(), job.drafts), facts))
        items = [await self._ledger.item(name) for name in sorted(answered)]
        return {item.id: item.details for item in items if item is not None}

    async def _position(self, ids: set[DestId]) -> Cursor:
        """The feed's position before records are read; one of some seconds ago will do where we ourselves changed none of them since."""
        if self._meanwhile is None or not ids:
            return ""
        return await self._meanwhile.feed.cursor(fresh=any(dest_id in self._meanwhile.edited for dest_id in ids))

    async def _have_gone(self, jobs: Sequence[Job], facts: Facts) -> bool:
        """Look what became of records that were there before us and that nobody has any more whom they were just taken for."""
        fresh = [job for job in jobs if isinstance(job.decision, Match)]
        asked = {link.dest_id for job in fresh for _, link, _ in self._to_be_changed(job, facts)} - facts.now.keys()
        lines = [job.main for job in fresh if job.main is not None and job.main.dest_id in asked]
        decided = {line.ref for line in lines if decided_match(line.ref, self._directory)}
        kinds = sorted({line.dest_kind for line in lines})
        return any([
            await self._vanished.taken_for(kind, [line for line in lines if line.dest_kind == kind], decided=decided) for kind in kinds
        ])

    async def _have_merged(self, jobs: Sequence[Job], facts: Facts) -> bool:
        """Look what became of records that were to be changed and are not there, or are named no more; say whether a line has changed."""
        lost: dict[Ref, set[DestId]] = {}
        for job in jobs:
            for _, link, _ in self._to_be_changed(job, facts):
                now = facts.now.get(link.dest_id)
                if missing := {link.dest_id} if now is None else unnamed(link.base, now):
                    lost.setdefault(link.ref, set()).update(missing)
        return bool(lost) and await self._vanished.follow(lost)

    def _to_be_changed(self, job: Job, facts: Facts) -> Iterator[tuple[Draft, Link, Fields]]:
        """Give the parts that are there and of which the source asks for something new, with what it asks for."""
        for draft in job.drafts:
            link = self._target(job, draft, facts)
            fields = resolve_links(draft, job.staged, facts)
            if link is not None and not isinstance(fields, Waiting) and not is_settled(link, fields, facts):
                yield draft, link, fields

    def _target(self, job: Job, draft: Draft, facts: Facts) -> Link | None:
        """The line of the crosswalk a draft updates: its own, or the head's where the record was merged."""
        link = job.own.get(draft.part)
        if link is not None and link.is_merged and job.group and draft.part == "":
            return facts.links.get(Ref(job.staged.record.kind, job.group[0]), link)
        return link

    # ------------------------------------------------------------------------------------------ the plan

    async def _plan(self, job: Job, facts: Facts) -> Plan:
        staged = job.staged
        if job.derived.filtered is not None and not job.own:
            finish = finish_of(staged, disposition=Disposition.FILTERED, reason=job.derived.filtered)
            return Plan(staged=staged, changes=tuple(job.changes), finish=finish, disposition=Disposition.FILTERED)
        if not job.derived.drafts and job.derived.filtered is None:
            return self._hold(job)
        if isinstance(job.decision, Review):
            plan = review_plan(staged, job.decision, self._directory)
            return replace(plan, changes=(*job.changes, *plan.changes))
        if isinstance(job.decision, Merge) and job.main is None:
            return self._without_head(job, job.decision, facts)
        plan = await self._writes(job, facts)
        if plan.writes:
            self.busy.add(job.name)
        return plan

    def _hold(self, job: Job) -> Plan:
        """Hold a record that the map can make nothing of until a person has looked at it; what was made of it before stays."""
        cause = next((issue.cause for issue in job.derived.issues if issue.is_blocking), "unmappable")
        reason = next((issue.suggestion for issue in job.derived.issues if issue.is_blocking), "the map makes nothing of this record")
        decisions = ("reparent:<kind>:<key>", "retry", "waive") if cause == "unknown_parent" else ("retry", "waive")
        return question_plan(job.staged, cause, reason, self._directory, decisions=decisions, suggested="waive")

    def _without_head(self, job: Job, decision: Merge, facts: Facts) -> Plan:
        """The record waits for the one it joins, unless that one can never be there."""
        kind, key = job.staged.record.kind, job.staged.record.key
        head = Ref(kind, decision.head)
        if head in facts.links:
            return Plan(staged=job.staged)   # matched in this very batch
        waiting, there = waiting_for(head, facts), facts.parents.get(head)
        is_missing = waiting.unknown if there is None else is_left_out(there, self._directory)
        if is_missing or is_circular(key, decision, self._directory, kind):
            return headless_plan(job.staged, decision, self._directory)
        return wait_plan(job.staged, waiting, self._directory)

    async def _writes(self, job: Job, facts: Facts) -> Plan:
        staged, changes = job.staged, list(job.changes)
        if moved := surviving(job.own, facts.now):
            return Plan(staged=staged, changes=(*changes, *moved))
        writes: list[Write] = []
        links: list[Link] = []
        base: Fields = {}
        if job.lent is not None:
            changes.append(await lent_note(self._ledger, staged, job.lent))
        for draft in with_shared(job, self._target(job, job.drafts[0], facts) if job.drafts else None):
            fields = resolve_links(draft, staged, facts)
            if isinstance(fields, Waiting):
                return self._given_up(wait_plan(staged, fields, self._directory), writes)
            ref = Ref(staged.record.kind, staged.record.key, draft.part)
            link = self._target(job, draft, facts)
            if link is None:
                made = create_part(draft, ref, fields, job.own, facts)
                writes += made.writes
                changes += made.changes
                base = fields if draft.part == "" else base
                continue
            if link.is_merged and not (draft.part == "" and staged.record.kind == self._directory.roles.person):
                update = leave_to_others(link, fields, staged)
            else:
                update = update_part(draft, link, fields, staged, facts, joins=isinstance(job.decision, Merge))
            if update.busy:
                return self._given_up(Plan(staged=staged), writes)
            if update.writes and (lost := left_out(link, fields, facts).intersection(facts.gone)):
                return self._given_up(wait_plan(staged, waiting_for_gone(min(lost)), self._directory), [*writes, *update.writes])
            if update.anew and draft.part == "" and link.ref.kind in self._directory.roles.blocking:
                return self._given_up(await self._anew(job, link), writes)
            if update.anew:
                changes += await dropped(self._ledger, link)
                writes += create_writes(draft, link.ref, fields, self._directory)
            changes += await self._heirs.note(job, draft, link, fields) if update.writes or update.links else []
            base = base_after(link, update) if draft.part == "" else base
            writes += update.writes
            links += update.links
            changes += update.changes
        gone = remove_stale(without_moving(stale_parts(job.own.values(), job.drafts), job.derived.instead, base), staged, facts)
        if gone.busy:
            return self._given_up(Plan(staged=staged), writes)
        writes += gone.writes
        changes += gone.changes
        if staged.disposition is Disposition.FLAGGED:
            changes += await self._parents.came(staged)
        if job.decision is not None and job.main is not None and not any(link.ref == job.main.ref for link in links):
            links.insert(0, job.main)
        disposition = disposition_of(job, writes)
        return Plan(
            staged=staged, writes=tuple(writes), changes=tuple(changes), links=tuple(links), disposition=disposition,
            finish=finish_of(staged, disposition=disposition, reason=reason_of(job), ground=ground_of(job)), joined=tuple(job.joined),
        )

    async def _leave_what_is_back(self, jobs: Sequence[Job], plans: dict[Key, Plan]) -> None:
        """Make nothing of what people brought back since it was gone: its line leads there again, and the record comes once more."""
        made = {write.ref: write.dest_kind for plan in plans.values() for write in plan.writes if write.op is Op.CREATE}
        back = await restored(self._ledger, self._reader, made)
        for job in jobs:
            plan = plans[job.staged.record.key]
            mine = {write.ref: back[write.ref] for write in plan.writes if write.ref in back}
            if not mine:
                continue
            lines = [line for part, line in job.own.items() if Ref(job.staged.record.kind, job.staged.record.key, part) in mine]
            changes = [change for line in lines for change in await dropped(self._ledger, line)]
            for ref, dest_id in mine.items():
                changes += await taken_again(self._ledger, made[ref], dest_id)
            plans[job.staged.record.key] = self._given_up(Plan(staged=job.staged, changes=(*job.changes, *changes)), plan.writes)
            self.busy.discard(job.name)

    def _given_up(self, plan: Plan, writes: Sequence[Write]) -> Plan:
        """Give back the destination records that writes of a plan given up would have changed."""
        self.busy.difference_update({write.dest_id for write in writes if write.dest_id is not None})
        return plan

    async def _anew(self, job: Job, gone: Link) -> Plan:
        """
        Let a person or company that was deleted in the destination be made again, since somebody said so.

        All who share it lose their line and decide anew who they are, among those who are there; what belongs to them runs again, to be
        hung onto the new one.
        """
        kind = gone.ref.kind
        sharing = [link for link in await self._ledger.links_to([gone.dest_id]) if link.ref.part == "" and link.ref.kind == kind]
        keys = tuple(dict.fromkeys([job.staged.record.key, *(link.ref.key for link in sharing)]))
        changes: list[Change] = [change for link in sharing for change in await dropped(self._ledger, link)]
        changes += [DropLookup(side="dest", kind=gone.dest_kind, id=gone.dest_id), Reopen(kind=kind, keys=keys)]
        children = await hanging_on(self._ledger, kind, keys)
        changes += [Reopen(kind=child, keys=tuple(found), but=UNDONE) for child, found in children.items()]
        changes += await self._vanished.hung_on(gone.dest_id)
        return Plan(staged=job.staged, changes=(*job.changes, *changes))
