"""What records belong to: parents without a line in the crosswalk, moved ones, and those a person named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streamflow.mapping.compiled import Mapper
from streamflow.mapping.derived import Derived
from streamflow.mapping.identity import Merge
from streamflow.model import Key, Kind, Link, Ref, Staged
from streamflow.stages.directory import Directory, home_named
from streamflow.stages.job import Job
from streamflow.stages.planning import refs_in
from streamflow.stages.questions import closed, repeated
from streamflow.store.base import Ledger
from streamflow.store.change import Change

CAME = "came"
"""The decision by which a question closes itself."""


def named_home(staged: Staged, directory: Directory) -> Ref | None:
    """Give the record that a person named as the one this belongs to."""
    word, _ = directory.last_word(f"unknown_parent:{staged.record.kind}:{staged.record.key}")
    return home_named(word, directory.roles)


def derive(staged: Staged, derived: Derived, mapper: Mapper, directory: Directory) -> Derived:
    """Give a record of which the map could not tell the parent anew, with the one a person named."""
    home = named_home(staged, directory)
    return mapper.drafts(mapper.rehomed(staged.record, home)) if home is not None else derived


class Parents:
    """Looks for what the records of a batch belong to."""

    def __init__(self, ledger: Ledger, mapper: Mapper, directory: Directory) -> None:
        self._ledger = ledger
        self._mapper = mapper
        self._roles = directory.roles
        self._directory = directory

    async def missing(self, jobs: Sequence[Job], links: dict[Ref, Link]) -> dict[Ref, Staged]:
        """Give the staged state of blocking references that have no line in the crosswalk; lines of adopted strays are put into *links*."""
        wanted: dict[Kind, set[Key]] = {}
        for job in jobs:
            refs = {ref for draft in job.drafts for ref in refs_in(draft.fields)}
            if isinstance(job.decision, Merge) and job.main is None:
                refs.add(Ref(self._roles.person, job.decision.head))
            for ref in refs:
                if ref not in links and ref.kind in self._roles.blocking:
                    wanted.setdefault(ref.kind, set()).add(ref.key)
        found: dict[Ref, Staged] = {}
        for kind, keys in wanted.items():
            for key, staged in (await self._ledger.staged(kind, sorted(keys))).items():
                found[Ref(kind, key)] = staged
        await self._adopt_strays(jobs, links, found)
        return found

    async def came(self, staged: Staged) -> list[Change]:
        """Close the question whom a record belongs to that came before its parent did."""
        kind, key = staged.record.kind, staged.record.key
        changes: list[Change] = []
        for name in repeated(f"unknown_parent:{kind}:{key}"):     # as the ledger has them: a plan of this may have come to nothing before
            item = await self._ledger.item(name)
            if item is None:
                break
            if item.state == "open":
                self._directory.decisions[name] = CAME     # should it be asked once more, then under another name
                changes += closed(item, CAME)
        return changes

    async def _adopt_strays(self, jobs: Sequence[Job], links: dict[Ref, Link], parents: dict[Ref, Staged]) -> None:
        """
        Give children of a record that nobody knows (merged away in the source) to the one the source shows them under.

        The source's own listing proves where they live now; without it the address of the person is the second proof. The new home
        holds for this record alone: another child of the same stray may have been given to somebody else.
        """
        for job in jobs:
            strays = {ref for draft in job.drafts for ref in refs_in(draft.fields) if ref.kind in self._roles.blocking and ref not in links}
            for ref in sorted(strays - parents.keys()):
                home = await self._home_of(job, ref)
                if home is None:
                    continue
                job.drafts = [replace(draft, fields={name: moved(value, ref, home) for name, value in draft.fields.items()})
                              for draft in job.drafts]
                link = (await self._ledger.links([home])).get(home)
                if link is not None:
                    links[home] = link
                elif (staged := (await self._ledger.staged(home.kind, [home.key])).get(home.key)) is not None:
                    parents[home] = staged

    async def _home_of(self, job: Job, stray: Ref) -> Ref | None:
        if (named := named_home(job.staged, self._directory)) is not None:
            return named
        parent = job.staged.record.parent
        if parent is not None and parent != stray.key:
            return Ref(stray.kind, parent)
        addresses = self._mapper.parent_addresses(job.staged.record)
        if stray.kind != self._roles.person or not addresses:
            return None
        found = await self._ledger.candidates(self._roles.person, {"email": addresses}, side="src")
        heads = {str(each.info.get("head") or each.id) for each in found}
        return Ref(self._roles.person, heads.pop()) if len(heads) == 1 else None


def moved(value: object, stray: Ref, home: Ref) -> object:
    """Put *home* in the place of *stray* wherever it stands in a link."""
    if isinstance(value, list):
        return [home if each == stray else each for each in value]
    return home if value == stray else value
