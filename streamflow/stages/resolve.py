"""
Look-ups and decisions for a batch: collects facts from ledger and destination, then lets `planning` decide.

Runs as a single worker in order, so that of two records that are the same person the first one leads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from streamflow.mapping.companies import normal_form
from streamflow.mapping.compiled import Mapper
from streamflow.mapping.derived import Derived
from streamflow.mapping.emails import normal
from streamflow.mapping.identity import Create, Decision, Match, Merge, Review
from streamflow.model import DestId, Disposition, Draft, Fields, Key, Kind, Link, Op, QueueItem, RecordState, Ref, Staged
from streamflow.platforms.base import Reader
from streamflow.stages.batch import Mapped, Plan, Resolved, Write
from streamflow.stages.directory import BLOCKING_KINDS, Directory
from streamflow.stages.people import Identity, review_plan, shared_note, with_shared_addresses
from streamflow.stages.planning import (
    Facts,
    Update,
    Waiting,
    create_writes,
    finish_of,
    issue_items,
    refs_in,
    resolve_links,
    stale_parts,
    update_part,
    wait_plan,
)
from streamflow.store.base import Change, Enqueue, Ledger

PERSON_KIND: Kind = "lead"


@dataclass(slots=True, kw_only=True)
class Job:
    """One record on its way through resolution."""

    staged: Staged
    derived: Derived
    drafts: list[Draft]
    own: dict[str, Link]                        # part -> line of the crosswalk
    decision: Decision | None = None
    group: tuple[Key, ...] = ()                 # records that share the destination record, head first
    changes: list[Change] = field(default_factory=list)

    @property
    def main(self) -> Link | None:
        return self.own.get("")


class Resolver:
    """Turns mapped batches into plans."""

    def __init__(
        self, *, ledger: Ledger, reader: Reader, mapper: Mapper, directory: Directory, busy: set[DestId] | None = None
    ) -> None:
        self.busy: set[DestId] = busy if busy is not None else set()   # shared with the loader, which takes out what it has written
        self._ledger = ledger
        self._reader = reader
        self._mapper = mapper
        self._directory = directory
        self._identity = Identity(ledger)

    async def resolve(self, batch: Mapped) -> Resolved:
        """Plan every record of a batch."""
        jobs = await self._jobs(batch)
        if batch.kind == PERSON_KIND:
            await self._identify(jobs)
        elif batch.kind == "company":
            await self._match_companies(jobs)
        links = await self._links(jobs)
        parents = await self._parents(jobs, links)
        await self._adopt_strays(jobs, links, parents)
        facts = Facts(links=links, now={}, parents=parents, directory=self._directory, compare=self._reader.compare, busy=self.busy)
        now = await self._present_values(jobs, facts)
        facts = replace(facts, now=now)
        plans = tuple(self._plan(job, facts) for job in jobs)
        return Resolved(number=batch.number, kind=batch.kind, plans=plans)

    async def _jobs(self, batch: Mapped) -> list[Job]:
        own: dict[Key, dict[str, Link]] = {}
        for link in await self._ledger.links_of(batch.kind, [staged.record.key for staged, _ in batch.jobs]):
            own.setdefault(link.ref.key, {})[link.ref.part] = link
        return [
            Job(staged=staged, derived=derived, drafts=list(derived.drafts), own=own.get(staged.record.key, {}),
                changes=list(issue_items(staged, derived.issues)))
            for staged, derived in batch.jobs
        ]

    # ------------------------------------------------------------------------------------------ who is who

    async def _identify(self, jobs: Sequence[Job]) -> None:
        new = [job for job in jobs if job.main is None and job.derived.filtered is None and job.drafts]
        people = [(job.staged, self._mapper.person(job.staged.record)) for job in new]
        decisions = await self._identity.decide(people, self._directory.decisions)
        for job in new:
            job.decision = decisions[job.staged.record.key]
        heads = {job.decision.head for job in new if isinstance(job.decision, Merge)}
        head_links = await self._ledger.links([Ref(PERSON_KIND, key) for key in sorted(heads)])
        dest_ids = {job.main.dest_id for job in jobs if job.main is not None} | {link.dest_id for link in head_links.values()}
        groups = await self._groups(dest_ids)
        for job in jobs:
            self._join(job, head_links, groups)
        await self._combine([job for job in jobs if len(job.group) > 1])

    async def _groups(self, dest_ids: Iterable[DestId]) -> dict[DestId, list[Key]]:
        """Records of the person kind that share a destination record, the one that made it first."""
        groups: dict[DestId, list[Key]] = {}
        links = [link for link in await self._ledger.links_to(sorted(dest_ids)) if link.ref.part == "" and link.ref.kind == PERSON_KIND]
        for link in sorted(links, key=lambda each: (each.is_merged, each.ref.key)):
            groups.setdefault(link.dest_id, []).append(link.ref.key)
        return groups

    def _join(self, job: Job, heads: Mapping[Ref, Link], groups: Mapping[DestId, list[Key]]) -> None:
        key = job.staged.record.key
        if isinstance(job.decision, Merge):
            head = heads.get(Ref(PERSON_KIND, job.decision.head))
            if head is not None:
                job.own[""] = replace(head, ref=Ref(PERSON_KIND, key), base={}, ours=False, before=None, verified="verified")
                job.group = (*dict.fromkeys((*groups.get(head.dest_id, [job.decision.head]), key)),)
        elif job.main is not None:
            job.group = tuple(groups.get(job.main.dest_id, ()))

    async def _combine(self, jobs: Sequence[Job]) -> None:
        """Where several leads are one person, what is wanted of the person follows from all of them, the head's values first."""
        keys = sorted({key for job in jobs for key in job.group})
        staged = await self._ledger.staged(PERSON_KIND, keys)
        fresh = {job.staged.record.key: job.staged for job in jobs}
        for job in jobs:
            members = [fresh.get(key) or staged.get(key) for key in job.group]
            drafts = [self._main_draft(member) for member in members if member is not None]
            wanted = [draft for draft in drafts if draft is not None]
            if wanted and job.drafts:
                job.drafts[0] = replace(wanted[0], fields=combine([draft.fields for draft in wanted]))
            if job.main is not None and job.main.is_merged:
                job.drafts += self._mapper.merged_notes(job.staged.record)

    def _main_draft(self, staged: Staged) -> Draft | None:
        return next((draft for draft in self._mapper.drafts(staged.record).drafts if draft.part == ""), None)

    async def _match_companies(self, jobs: Sequence[Job]) -> None:
        new = [job for job in jobs if job.main is None and job.drafts]
        forms = {job.staged.record.key: normal_form(str(job.drafts[0].fields.get("name", ""))) for job in new}
        found = await self._ledger.candidates("accounts", {"name": sorted(set(forms.values()))}, side="dest")
        taken = {link.dest_id for link in await self._ledger.links_to(sorted({each.id for each in found}))}
        for job in new:
            ids = sorted({each.id for each in found if each.value == forms[job.staged.record.key]} - taken)
            decided = self._directory.decisions.get(f"identity:company:{job.staged.record.key}", "")
            if decided.startswith("match:"):
                ids = [decided.removeprefix("match:")]
            elif decided == "separate":
                ids = []
            if len(ids) == 1:
                job.decision = Match(dest_id=ids[0], reason="a company of that name exists")
            elif ids:
                job.decision = Review(
                    cause="several_companies", reason="more than one company of that name exists in the destination",
                    decisions=(*(f"match:{each}" for each in ids), "separate"), suggested=f"match:{ids[0]}",
                )

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

    async def _parents(self, jobs: Sequence[Job], links: Mapping[Ref, Link]) -> dict[Ref, Staged]:
        missing: dict[Kind, set[Key]] = {}
        for job in jobs:
            for draft in job.drafts:
                for ref in refs_in(draft.fields):
                    if ref not in links and ref.kind in BLOCKING_KINDS:
                        missing.setdefault(ref.kind, set()).add(ref.key)
        found: dict[Ref, Staged] = {}
        for kind, keys in missing.items():
            for key, staged in (await self._ledger.staged(kind, sorted(keys))).items():
                found[Ref(kind, key)] = staged
        return found

    async def _adopt_strays(self, jobs: Sequence[Job], links: dict[Ref, Link], parents: dict[Ref, Staged]) -> None:
        """
        Give children of a record that nobody knows (merged away in the source) to the one the source shows them under.

        The source's own listing proves where they live now; without it the address of the person is the second proof.
        """
        for job in jobs:
            strays = {ref for draft in job.drafts for ref in refs_in(draft.fields) if ref.kind in BLOCKING_KINDS and ref not in links}
            for ref in strays - parents.keys():
                home = await self._home_of(job, ref)
                if home is None:
                    continue
                link = (await self._ledger.links([home])).get(home)
                if link is not None:
                    links[ref] = link
                elif (staged := (await self._ledger.staged(home.kind, [home.key])).get(home.key)) is not None:
                    parents[ref] = staged

    async def _home_of(self, job: Job, stray: Ref) -> Ref | None:
        decided = self._directory.decisions.get(f"unknown_parent:{job.staged.record.kind}:{job.staged.record.key}", "")
        if decided.startswith("reparent:"):
            _, kind, key = decided.split(":", 2)
            return Ref(kind, key)
        parent = job.staged.record.parent
        if parent is not None and parent != stray.key:
            return Ref(stray.kind, parent)
        address = str(job.staged.record.data.get("lead_email") or "").strip()
        if stray.kind != PERSON_KIND or "@" not in address:
            return None
        found = await self._ledger.candidates(PERSON_KIND, {"email": [normal(address)]}, side="src")
        heads = {str(each.info.get("head") or each.id) for each in found}
        return Ref(PERSON_KIND, heads.pop()) if len(heads) == 1 else None

    async def _present_values(self, jobs: Sequence[Job], facts: Facts) -> dict[DestId, Fields]:
        """Read the destination records that are to be changed, custom fields only where one of them differs."""
        plain: dict[Kind, set[DestId]] = {}
        custom: dict[Kind, set[DestId]] = {}
        for job in jobs:
            for draft in job.drafts:
                link = self._target(job, draft, facts)
                fields = resolve_links(draft, job.staged, facts)
                if link is None or isinstance(fields, Waiting):
                    continue
                differing = {name for name in {**fields, **link.base} if fields.get(name) != link.base.get(name)}
                if differing:
                    is_custom = any(name.startswith("custom:") for name in differing)
                    (custom if is_custom else plain).setdefault(draft.kind, set()).add(link.dest_id)
            for link in stale_parts(job.own.values(), job.drafts):
                plain.setdefault(link.dest_kind, set()).add(link.dest_id)
        now: dict[DestId, Fields] = {}
        for kind, ids in plain.items():
            now.update(await self._reader.read(kind, sorted(ids - custom.get(kind, set())), custom=False))
        for kind, ids in custom.items():
            now.update(await self._reader.read(kind, sorted(ids), custom=True))
        return now

    def _target(self, job: Job, draft: Draft, facts: Facts) -> Link | None:
        """The line of the crosswalk a draft updates: its own, or the head's where the record was merged."""
        link = job.own.get(draft.part)
        if link is not None and link.is_merged:
            return facts.links.get(Ref(job.staged.record.kind, job.group[0])) if job.group else None
        return link

    # ------------------------------------------------------------------------------------------ the plan

    def _plan(self, job: Job, facts: Facts) -> Plan:
        staged = job.staged
        if job.derived.filtered is not None and not job.own:
            finish = finish_of(staged, disposition=Disposition.FILTERED, reason=job.derived.filtered)
            return Plan(staged=staged, changes=tuple(job.changes), finish=finish, disposition=Disposition.FILTERED)
        if not job.drafts and not job.own:
            return self._hold(job)
        if isinstance(job.decision, Review):
            plan = review_plan(staged, job.decision)
            return replace(plan, changes=(*job.changes, *plan.changes))
        if isinstance(job.decision, Merge) and job.main is None:
            return wait_plan(staged, self._head_waiting(job.decision, facts))
        return self._writes(job, facts)

    def _hold(self, job: Job) -> Plan:
        """Hold a record that the map can make nothing of until a person has looked at it."""
        record = job.staged.record
        cause = next((issue.cause for issue in job.derived.issues if issue.is_blocking), "unmappable")
        reason = next((issue.suggestion for issue in job.derived.issues if issue.is_blocking), "the map makes nothing of this record")
        item = QueueItem(
            id=f"{cause}:{record.kind}:{record.key}", cause=cause, kind=record.kind, key=record.key, reason=reason,
            decisions=("reparent:<kind>:<key>", "retry", "waive") if cause == "unknown_parent" else ("retry", "waive"), suggested="waive",
        )
        finish = finish_of(job.staged, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason=reason)
        return Plan(staged=job.staged, changes=(Enqueue(item=item),), finish=finish, disposition=Disposition.FLAGGED)

    def _head_waiting(self, decision: Merge, facts: Facts) -> Waiting:
        return Waiting(reason="the same person is under way")

    def _writes(self, job: Job, facts: Facts) -> Plan:
        staged, changes = job.staged, list(job.changes)
        writes: list[Write] = []
        links: list[Link] = []
        if isinstance(job.decision, Create) and (note := shared_note(staged, job.decision)) is not None:
            changes.append(note)
        for draft in self._prepared(job):
            fields = resolve_links(draft, staged, facts)
            if isinstance(fields, Waiting):
                return wait_plan(staged, fields)
            ref = Ref(staged.record.kind, staged.record.key, draft.part)
            link = self._target(job, draft, facts)
            if link is None:
                writes += create_writes(draft, ref, fields, self._directory)
                continue
            update = update_part(draft, link, fields, staged, facts)
            if update.busy:
                return Plan(staged=staged)
            writes += update.writes
            links += update.links
            changes += update.changes
        gone = self._stale(job, facts)
        if gone.busy:
            return Plan(staged=staged)
        writes += gone.writes
        changes += gone.changes
        is_new = job.decision is not None
        if is_new and job.main is not None and not any(link.ref == job.main.ref for link in links):
            links.insert(0, job.main)
        disposition = self._disposition(job, writes)
        return Plan(
            staged=staged, writes=tuple(writes), changes=tuple(changes), links=tuple(links), disposition=disposition,
            finish=finish_of(staged, disposition=disposition, reason=self._reason(job)),
        )

    def _prepared(self, job: Job) -> list[Draft]:
        """The drafts with shared addresses labelled, as decided now or when the record was made."""
        shared: list[str] = list(job.decision.shared) if isinstance(job.decision, Create) else []
        if job.main is not None:
            shared += [str(each.get("value", "")) for each in job.main.base.get("emails") or [] if each.get("name") == "shared"]
        if not shared or not job.drafts:
            return job.drafts
        main: dict[str, Any] = with_shared_addresses(dict(job.drafts[0].fields), shared)
        return [replace(job.drafts[0], fields=main), *job.drafts[1:]]

    def _stale(self, job: Job, facts: Facts) -> Update:
        """Remove parts of ours that the record no longer has (a text that became shorter); what a person changed stays."""
        writes: list[Write] = []
        changes: list[Change] = []
        for link in stale_parts(job.own.values(), job.drafts):
            now = facts.now.get(link.dest_id)
            if now is None or not link.ours:
                continue
            if not all(self._reader.compare(link.dest_kind, name, value, now.get(name)) in ("equal", "normalised")
                       for name, value in link.base.items() if name in now):
                changes.append(Enqueue(item=_kept_part(job.staged, link)))
                continue
            writes.append(Write(op=Op.DELETE, ref=link.ref, dest_kind=link.dest_kind, fields={}, dest_id=link.dest_id, now=dict(now)))
        return Update(writes=tuple(writes), changes=tuple(changes))

    def _disposition(self, job: Job, writes: Sequence[Write]) -> Disposition:
        before = job.staged.disposition
        if job.main is not None and job.main.is_merged:
            return Disposition.MERGED
        if before in (Disposition.CREATED, Disposition.UPDATED):
            return before
        if isinstance(job.decision, Match) or (job.main is not None and job.main.is_matched):
            return Disposition.UPDATED if any(write.ref.part == "" for write in writes) else Disposition.MATCHED
        return Disposition.CREATED

    def _reason(self, job: Job) -> str:
        if isinstance(job.decision, Merge | Match):
            return job.decision.reason
        return job.staged.reason if job.staged.state is not RecordState.HELD and job.main is not None else ""


def combine(members: Sequence[Fields]) -> Fields:
    """Join what several leads want of one person: the head's values, blanks filled by the others in order, addresses and numbers of all."""
    result: Fields = dict(members[0])
    for fields in members[1:]:
        for name, value in fields.items():
            if name in ("emails", "phones"):
                result[name] = _joined(result.get(name) or [], value or [])
            elif name == "link:accounts":
                result[name] = list(dict.fromkeys([*(result.get(name) or []), *(value or [])]))
            elif result.get(name) in (None, "", [], {}) and name != "custom:Streamflow ID":
                result[name] = value
    return result


def _joined(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {str(each.get("value", "")).strip().lower() for each in mine}
    added = [{**each, "isPrimary": not mine and bool(each.get("isPrimary"))} for each in theirs
             if str(each.get("value", "")).strip().lower() not in known]
    return [*mine, *added]


def _kept_part(staged: Staged, link: Link) -> QueueItem:
    record = staged.record
    return QueueItem(
        id=f"conflict:{record.kind}:{record.key}:{link.ref.part}:part", cause="conflict", kind=record.kind, key=record.key,
        reason=f"{link.dest_id} is no longer in the source, but a person changed it; it was left", decisions=("keep",), suggested="keep",
        details={"dest_id": link.dest_id},
    )
