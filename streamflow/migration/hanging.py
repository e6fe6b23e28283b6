"""
What stays in a rollback and hangs on what would go.

Rule 1: it is looked for in the lists when a rollback begins, and from then on among what the events tell of people's records; of which
no events tell, in the lists again.
Rule 2: lists lag behind: what they show of others' records is read by itself before it is believed, and an empty one is not believed.
Rule 3: what was hung on a record just before that was removed may not show it any more (`ties`); what hangs on nothing then is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streamflow.errors import TransientError
from streamflow.migration.context import DEST_ORDER, Migration
from streamflow.migration.outside import READ_AT_ONCE, Hung, Outside, hang
from streamflow.migration.removals import Removals
from streamflow.migration.scopes import Wanted, everything
from streamflow.migration.ties import HANGING_KINDS, Ties
from streamflow.migration.touched import Touches
from streamflow.model import DestId, Fields, Kind, Link, kind_of
from streamflow.stages.kept import known

NEVER_ALONE: tuple[Kind, ...] = ("leads", "contacts")
"""Kinds that may hang on nothing that is removed and yet hardly ever show nothing at all: a deal without a person or company is odd."""


class Hanging:
    """What hangs where: records of people, and those of ours that stay."""

    def __init__(self, migration: Migration, touches: Touches, removals: Removals, outside: Outside, ties: Ties) -> None:
        self._m = migration
        self._touches = touches
        self._removals = removals
        self._outside = outside
        self._ties = ties
        self._wanted: Wanted = everything
        self._on: Hung = {}
        self._orphans: Hung = {}                 # on what was removed a moment ago
        self._ours: set[DestId] = set()          # of ours, outside the scope
        self._alone: set[DestId] = set()         # people's, told of while ours were removed, that show nothing they hang on

    def begin(self, wanted: Wanted) -> None:
        """Forget what was found, for the scope to come."""
        self._wanted = wanted
        for held in (self._on, self._orphans, self._ours, self._alone):
            held.clear()

    def on(self, dest_id: DestId) -> list[DestId]:
        """Give what stays and hangs on a record."""
        return self._on.get(dest_id, [])

    @property
    def ours(self) -> frozenset[DestId]:
        """Give which of them are records of ours outside the scope."""
        return frozenset(self._ours)

    def orphans(self) -> Hung:
        """Give what hangs on records that were removed a moment ago, once."""
        found, self._orphans = self._orphans, {}
        return found

    def keep(self, link: Link, fields: Fields) -> None:
        """Let what a record hangs on stay as it does; of a part of the run it is outside from here on."""
        hang(self._on, link.dest_id, fields)
        if self._wanted is not everything:
            self._ours.add(link.dest_id)
            self._outside.keep(link)

    async def read_lists(self) -> None:
        """Look for notes, activities, tasks, leads and people that the crosswalk does not know, and those of ours outside the scope."""
        for kind in HANGING_KINDS:
            await self._read_list(kind)

    async def read_untold(self) -> None:
        """Look once more through the lists of kinds of which no events tell; of ours there is nothing left in them by then."""
        for kind in HANGING_KINDS:
            if not self._m.destination.feed.carries(kind):
                await self._read_list(kind)

    async def _read_list(self, kind: Kind) -> None:
        is_empty = True
        async for page in self._m.destination.reader.everything(kind, custom=False):
            is_empty = is_empty and not page
            links = await self._m.ledger.links_to(list(page))
            outside = {link.dest_id for link in links if not self._wanted(link)}
            self._ours |= outside
            going = {link.dest_id for link in links} - outside
            staying: Hung = {}
            strange: Hung = {}
            for dest_id, fields in page.items():
                if dest_id not in going:
                    hang(staying if dest_id in outside else strange, dest_id, fields)
            await self._note(staying)
            await self._note(await self._as_read(kind, strange))
        if self._wanted is not everything:
            unshown = await self._outside.look(kind, self._wanted, self._on)
            self._ours.update(*unshown.values())
            await self._note(unshown)
        if is_empty:
            await self._believe_empty(kind)

    async def look(self) -> bool:
        """Take in what the last look at the events told of people's records; answers whether it told of any."""
        others = self._touches.others()
        for kind in HANGING_KINDS:
            told = {dest_id for dest_id, of_kind in others.items() if of_kind == kind}
            hung = await self._read(kind, told)
            await self._note(hung)
            if kind in NEVER_ALONE and self._removals.held:
                self._alone = (self._alone | told) - _children(hung)
        return any(kind in HANGING_KINDS for kind in others.values())

    async def unclear(self) -> list[DestId]:
        """Give people's records that hang on nothing and came while ours were removed, where nothing tells whether they did hang on one."""
        found: list[DestId] = []
        for kind in NEVER_ALONE if not self._ties.knows_all else ("leads",):
            told = sorted(each for each in self._alone if each.endswith(f"-{kind}"))
            live = await self._live(kind, told)
            found += [each for each in live if each not in _children(_hung(live))]
        return found

    async def untied(self, links: Sequence[Link], now: Mapping[DestId, Fields]) -> tuple[set[DestId], set[DestId]]:
        """
        Give what records of ours were tied to, are not any more, and is no more: who deleted that did nothing to them.

        Then those of these records that lack something which is there: it may have come back since they were read.
        """
        missing: dict[Kind, set[DestId]] = {}
        lacking: dict[DestId, set[DestId]] = {}      # what is missing -> who was tied to it
        for link in links:
            before: Hung = {}
            hang(before, link.dest_id, known(link.base) if link.ours and link.dest_id in now else {})
            after: Hung = {}
            hang(after, link.dest_id, now.get(link.dest_id, {}))
            for dest_id in before.keys() - after.keys():
                missing.setdefault(kind_of(dest_id), set()).add(dest_id)
                lacking.setdefault(dest_id, set()).add(link.dest_id)
        gone: set[DestId] = set()
        back: set[DestId] = set()
        for kind, ids in missing.items():
            if kind in DEST_ORDER:
                there = await self._m.destination.reader.read(kind, sorted(ids), custom=False)
                gone |= ids - there.keys()
                back |= {each for dest_id in there for each in lacking[dest_id]}
        return gone, back

    async def _as_read(self, kind: Kind, hung: Hung) -> Hung:
        """Give what truly hangs on records of ours, of what a list shows: it may still show what was removed a moment ago."""
        parents = await self._parents(hung) | (hung.keys() & self._removals.held)
        return await self._read(kind, {child for parent in parents for child in hung[parent]})

    async def _read(self, kind: Kind, dest_ids: Iterable[DestId]) -> Hung:
        return _hung(await self._live(kind, sorted(dest_ids)))

    async def _live(self, kind: Kind, ids: Sequence[DestId]) -> dict[DestId, Fields]:
        found: dict[DestId, Fields] = {}
        for start in range(0, len(ids), READ_AT_ONCE):
            found |= await self._m.destination.reader.read(kind, ids[start : start + READ_AT_ONCE], custom=False)
        return found

    async def _note(self, hung: Hung) -> None:
        for parents, noted in ((await self._parents(hung), self._on), (hung.keys() & self._removals.held, self._orphans)):
            for parent in parents:
                known = noted.setdefault(parent, [])
                known += [each for each in hung[parent] if each not in known]

    async def _parents(self, hung: Hung) -> set[DestId]:
        """Give which are records of ours; in a part of the run also people's records that we completed."""
        links = await self._m.ledger.links_to(sorted(hung)) if hung else ()
        return {link.dest_id for link in links if link.ours or self._wanted is not everything}

    async def _believe_empty(self, kind: Kind) -> None:
        """Believe that there is no record of a kind at all only where ours are not there either: people's may hang on what is removed."""
        async for page in self._m.ledger.crosswalk(dest_kind=kind):
            ids = sorted({link.dest_id for link in page})[:READ_AT_ONCE]
            if await self._m.destination.reader.read(kind, ids, custom=False):
                raise TransientError(f"the list of {kind} is empty, and records of it are there: it is not believed")
            return


def _hung(found: Mapping[DestId, Fields]) -> Hung:
    hung: Hung = {}
    for dest_id, fields in found.items():
        hang(hung, dest_id, fields)
    return hung


def _children(hung: Hung) -> set[DestId]:
    return {child for children in hung.values() for child in children}
