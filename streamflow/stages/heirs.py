"""
Records merged at the source: their children show who stayed, and what we made beside the vanished person goes there as well.

Rule 1: a child that moves from one person to another is noted; it is a sign of a merge only once the former parent is gone.
Rule 2: of the vanished one only what hangs on its person (open leads) moves; the person itself stays and is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamflow.model import DestId, Draft, Fields, Link, Ref
from streamflow.stages.job import Job
from streamflow.stages.kept import known
from streamflow.stages.parents import moved
from streamflow.stages.planning import refs_in
from streamflow.store.base import Ledger
from streamflow.store.change import Change, PutSetting

HEIR: Final = "heir:"
"""Prefix of what is noted of a child that moved: {"kind", "from", "to", "at"}."""
SURVIVOR: Final = "survivor:"
"""Prefix of who stayed of two that were merged at the source: {"kind", "from", "to"}."""
PARENT_LINKS: Final = ("link:parent", "link:participants", "link:relatedEntity", "link:contacts")


class Heirs:
    """Notes moves while children are planned, and lets the further parts of a vanished person follow."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._survivors: dict[Ref, Ref] = {}

    async def recall(self) -> None:
        """Take up who stayed, as far as it is settled."""
        found = (await self._ledger.settings(SURVIVOR)).values()
        self._survivors = {Ref(each["kind"], each["from"]): Ref(each["kind"], each["to"]) for each in found}

    def follow(self, job: Job) -> None:
        """Let all parts of a vanished record but the person itself belong to the one that stayed."""
        own = Ref(job.staged.record.kind, job.staged.record.key)
        home = last(self._survivors, own)
        if home != own:
            job.drafts = [draft if draft.part == "" else _rehung(draft, own, home) for draft in job.drafts]

    async def note(self, job: Job, draft: Draft, link: Link, fields: Fields) -> list[Change]:
        """Say from whom a child moves to whom, once its links name another person than those we wrote."""
        if draft.kind == "leads" and draft.part:
            return []   # it stands beside a person, whom it never left by itself
        before, after = _people(known(link.base)), _people(fields)
        homes = list(refs_in({name: draft.fields.get(name) for name in PARENT_LINKS}))
        if not before - after or not after - before:
            return []
        left = [line.ref for line in await self._ledger.links_to(sorted(before - after)) if line.ref.part == ""]
        return [
            PutSetting(name=f"{HEIR}{old.kind}:{old.key}:{new.key}", value={
                "kind": old.kind, "from": old.key, "to": new.key, "at": job.staged.last_seen,
            })
            for old in left for new in homes if new.kind == old.kind and new.key != old.key
        ]


def last(survivors: Mapping[Ref, Ref], ref: Ref) -> Ref:
    """Follow who stayed to the end; a circle ends where it began."""
    seen = {ref}
    while (following := survivors.get(ref)) is not None and following not in seen:
        seen.add(following)
        ref = following
    return ref


def _rehung(draft: Draft, own: Ref, home: Ref) -> Draft:
    return replace(draft, fields={name: moved(value, own, home) for name, value in draft.fields.items()})


def _people(fields: Mapping[str, object]) -> set[DestId]:
    found: set[DestId] = set()
    for name in PARENT_LINKS:
        value = fields.get(name)
        found |= {each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str) and each.endswith("-contacts")}
    return found
