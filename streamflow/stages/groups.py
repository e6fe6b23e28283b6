"""Several records that are one person: who joins whom, and what is wanted of the person they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from streamflow.mapping.compiled import Mapper
from streamflow.mapping.derived import NO_KIN, Kin
from streamflow.mapping.emails import normal
from streamflow.mapping.identity import Create, Merge, Person, Review
from streamflow.model import DestId, Disposition, Draft, Key, Kind, Link, Record, Ref, Staged
from streamflow.stages.accepted import as_accepted
from streamflow.stages.batch import Joined
from streamflow.stages.directory import Directory
from streamflow.stages.job import Job
from streamflow.stages.kin import Kinship, together
from streamflow.stages.people import Identity, addresses_on
from streamflow.stages.planning import refs_in
from streamflow.store.base import Ledger


class Groups:
    """Decides who is who for the people of a batch and combines what the members of a group want."""

    def __init__(self, ledger: Ledger, mapper: Mapper, directory: Directory) -> None:
        self._ledger = ledger
        self._mapper = mapper
        self._directory = directory
        self._kind = directory.roles.person
        self._identity = Identity(ledger, self._kind)
        self._kinship = Kinship(ledger, mapper)

    async def identify(self, jobs: Sequence[Job]) -> None:
        """Give each new person its decision, and each person its group."""
        known = [job for job in jobs if job.main is not None]
        groups = await self._groups({job.main.dest_id for job in known if job.main is not None})
        await self._lend(known, groups)
        await self._identity.remember([
            (job.staged, self._mapper.person(job.staged.record), groups.get(job.main.dest_id, [job.staged.record.key])[0])
            for job in known if job.main is not None and job.drafts
        ])
        new = [job for job in jobs if job.main is None and job.derived.filtered is None and job.drafts]
        people = [(job.staged, self._mapper.person(job.staged.record)) for job in new]
        decisions = await self._identity.decide(people, self._directory)
        for job in new:
            decision = job.decision = decisions[job.staged.record.key]
            job.lent = None if isinstance(decision, Review) else decision.lent
        heads = {job.decision.head for job in new if isinstance(job.decision, Merge)}
        head_links = await self._ledger.links([Ref(self._kind, key) for key in sorted(heads)])
        groups |= await self._groups({link.dest_id for link in head_links.values()})
        at_work = {job.staged.record.key for job in known}
        for job in jobs:     # who joins one of these comes again: it may bring just what the source takes from the other now
            if not (isinstance(job.decision, Merge) and job.decision.head in at_work):
                _join(job, self._kind, head_links, groups)
        _take_along(new, self._directory)
        await self._combine([job for job in jobs if len(job.group) > 1])

    async def _lend(self, jobs: Sequence[Job], groups: Mapping[DestId, Sequence[Key]]) -> None:
        """Look whether an address that somebody who is there already brings anew is another person's."""
        brought: list[tuple[Staged, Person, DestId]] = []
        heads = await self._ledger.links([Ref(self._kind, _head(groups, job.main)) for job in jobs if job.main and job.main.is_merged])
        for job in jobs:
            if job.main is None or not job.drafts:
                continue
            link = heads.get(Ref(self._kind, _head(groups, job.main)), job.main)
            if link.is_adopted and not link.base:
                continue   # an earlier run wrote them and said whose they are
            held = set(addresses_on(link))
            person = self._mapper.person(job.staged.record)
            fresh = tuple(text for text in person.emails if normal(text) not in held)
            if fresh:
                brought.append((job.staged, replace(person, emails=fresh), job.main.dest_id))
        lent = await self._identity.lent(brought)
        for job in jobs:
            job.lent = lent.get(job.staged.record.key)

    async def _groups(self, dest_ids: Iterable[DestId]) -> dict[DestId, list[Key]]:
        """Records of the person kind that share a destination record, the one that made it first."""
        groups: dict[DestId, list[Key]] = {}
        links = [link for link in await self._ledger.links_to(sorted(dest_ids)) if link.ref.part == "" and link.ref.kind == self._kind]
        for link in sorted(links, key=lambda each: (each.is_merged, each.ref.key)):
            groups.setdefault(link.dest_id, []).append(link.ref.key)
        return groups

    async def _combine(self, jobs: Sequence[Job]) -> None:
        """Where several records are one person, what is wanted of the person follows from all of them, the head's values first."""
        keys = sorted({key for job in jobs for key in job.group})
        staged = await self._ledger.staged(self._kind, keys)
        counting = await as_accepted(self._ledger, staged.values())
        whole = {**staged, **{each.record.key: each for each in [*counting, *(job.staged for job in jobs)]}}
        kin = await self._kinship.of([each.record for each in whole.values()])
        for job in jobs:
            drafts = self._main_drafts([whole[key].record for key in job.group if key in whole], kin)
            wanted = [draft for draft in drafts if draft is not None]
            if wanted and job.drafts:
                job.drafts[0] = replace(wanted[0], fields=self._mapper.combine([draft.fields for draft in wanted]))
            if job.main is not None and job.main.is_merged:
                job.drafts += self._mapper.merged_notes(job.staged.record)

    def _main_drafts(self, members: Sequence[Record], kin: Mapping[Key, Kin]) -> list[Draft | None]:
        """What each member wants of the person; the head, whose values go first, looks at what hangs on any of them."""
        shared = together([kin[member.key] for member in members if member.key in kin])
        seen = [shared, *(kin.get(member.key, NO_KIN) for member in members[1:])]
        drafts = [self._mapper.drafts(member, around).drafts for member, around in zip(members, seen, strict=False)]
        return [next((draft for draft in found if draft.part == ""), None) for found in drafts]


def _take_along(jobs: Sequence[Job], directory: Directory) -> None:
    """
    Let a person who is made now be made with what those say who join it in the same batch: that spares a read and a change of each.

    One that was refused before, or waited, is made by itself; who brings an address of others, or a company of their own, joins later.
    """
    fresh = [job for job in jobs if job.main is None and job.staged.disposition is not Disposition.FAILED and not job.staged.ground]
    heads = {job.staged.record.key: job for job in fresh if isinstance(job.decision, Create)}
    for job in jobs:
        decision = job.decision
        if not isinstance(decision, Merge) or (head := heads.get(decision.head)) is None:
            continue
        if job.lent is not None or not _parents_of(job, directory) <= _parents_of(head, directory):
            continue
        head.joined.append(Joined(staged=job.staged, reason=decision.reason))
        head.group = (head.staged.record.key, *sorted(each.staged.record.key for each in head.joined))     # as `_groups` will have it


def _parents_of(job: Job, directory: Directory) -> set[Ref]:
    return {ref for ref in refs_in(job.drafts[0].fields) if ref.kind in directory.roles.blocking}


def _head(groups: Mapping[DestId, Sequence[Key]], link: Link) -> Key:
    """Name the record that made a person; one just adopted by a decision is in nobody's book yet but its own."""
    return groups.get(link.dest_id, [link.ref.key])[0]


def _join(job: Job, kind: Kind, heads: Mapping[Ref, Link], groups: Mapping[DestId, list[Key]]) -> None:
    key = job.staged.record.key
    if isinstance(job.decision, Merge):
        head = heads.get(Ref(kind, job.decision.head))
        if head is not None:
            job.own[""] = replace(head, ref=Ref(kind, key), base={}, ours=False, before=None, verified="verified")
            job.group = (*dict.fromkeys((*groups.get(head.dest_id, [job.decision.head]), key)),)
    elif job.main is not None:
        job.group = tuple(groups.get(job.main.dest_id, ()))
