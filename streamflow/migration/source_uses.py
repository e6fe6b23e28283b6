"""
Which of our lead sources are named by leads that stay.

Rule 1: lists lag behind: what they show of a source is read by itself before it counts, and what they do not show yet comes from the
events and from what is spared.
Rule 2: a plan counts leads as they will be: without those that are to be removed, and as they are to be restored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from typing import Final

from streamflow.ledger_names import SOURCES_CREATED
from streamflow.migration.context import Migration
from streamflow.migration.outside import READ_AT_ONCE
from streamflow.migration.touched import Touches
from streamflow.migration.undoing import Step
from streamflow.model import DestId, Fields

_LINK: Final = "link:sources"

Uses = dict[DestId, list[DestId]]
"""The leads that name a source, by that source."""


class SourceUses:
    """Looks for leads that name sources of ours."""

    def __init__(self, migration: Migration, touches: Touches) -> None:
        self._m = migration
        self._touches = touches
        self._suspects: set[DestId] = set()                   # leads that are none of ours
        self._restored: dict[DestId, frozenset[str]] = {}     # lead -> what it is to name
        self._unseen: set[DestId] = set()                     # leads that people were at while a source was gone
        self._is_hidden = False

    def begin(self) -> None:
        """Forget what was found."""
        self._suspects.clear()
        self._restored.clear()
        self._unseen.clear()
        self._is_hidden = False

    def planned(self, step: Step) -> None:
        """Take note of what is planned for a record."""
        if step.action == "restore" and _LINK in step.fields:
            self._restored[step.link.dest_id] = _named(step.fields)

    async def look(self) -> None:
        """Look through the list of leads for those that are none of ours and name a source of ours."""
        ours = frozenset(await self._m.ledger.setting(SOURCES_CREATED) or [])
        if not ours:
            return
        async for page in self._m.destination.reader.everything("leads", custom=False):
            naming = [dest_id for dest_id, fields in page.items() if _named(fields) & ours]
            made = {link.dest_id for link in await self._m.ledger.links_to(naming) if link.ours} if naming else set()
            self._suspects.update(dest_id for dest_id in naming if dest_id not in made)

    async def now(self, spared: Iterable[DestId]) -> Uses:
        """Say who names what as it is now, of what `look` and the events have told and of *spared* leads."""
        return await self._read(self._suspects.union(spared, self._touches.told("leads")))

    async def then(self, spared: Iterable[DestId]) -> Uses:
        """Say who will name what once everything is done as planned; *spared* are the leads that the plan leaves as they are."""
        found: Uses = {}
        for source, leads in (await self.now(spared)).items():
            if staying := [each for each in leads if source in self._restored.get(each, (source,))]:
                found[source] = staying
        return found

    def removed(self) -> None:
        """Take note that one is gone: leads do not show any more whether they name it."""
        self._is_hidden = True

    async def settled(self) -> list[DestId]:
        """Wait until the events can tell nothing more of what was until now; answers the leads that people were at since one was gone."""
        await self._m.clock.sleep(self._touches.told_within_s)
        await self._m.control.permit()
        self._m.control.check()
        ids = sorted(self._unseen.union(await self._told_of()))
        self._unseen.clear()
        return [dest_id async for dest_id, _ in self._there(ids)]

    async def named_by(self, leads: Collection[DestId]) -> Uses:
        """Say what these leads name now."""
        return await self._read(leads)

    async def lately(self) -> Uses:
        """Say what those leads name that people made or changed since the events were asked last."""
        ids = await self._told_of()
        self._unseen.update(ids if self._is_hidden else ())
        return await self._read(ids)

    async def _told_of(self) -> list[DestId]:
        await self._touches.look()
        return sorted(dest_id for dest_id, kind in self._touches.others().items() if kind == "leads")

    async def _read(self, leads: Collection[DestId]) -> Uses:
        uses: Uses = {}
        async for dest_id, fields in self._there(leads):
            for source in _named(fields):
                uses.setdefault(source, []).append(dest_id)
        return uses

    async def _there(self, leads: Collection[DestId]) -> AsyncIterator[tuple[DestId, Fields]]:
        ids = sorted(leads)
        for start in range(0, len(ids), READ_AT_ONCE):
            found = await self._m.destination.reader.read("leads", ids[start : start + READ_AT_ONCE], custom=False)
            for dest_id, fields in found.items():
                yield dest_id, fields


def _named(fields: Fields) -> frozenset[str]:
    held = fields.get(_LINK)
    return frozenset(str(each) for each in held) if isinstance(held, list | tuple) else frozenset()
