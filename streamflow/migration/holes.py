"""
What is behind the gaps of a list: which records do not come, and what may still be said of the others.

Rule 1: a record is known to be held back when a whole list does not show it, it does not come by its own id, and another one does.
Rule 2: a gap hides no more than what it was given up for. Where every known record was shown, or was asked for by its id, the pass
proves absence of the others; what does not come itself is never proved absent, nor is what belongs to it.
Rule 3: where it cannot be found out the gap keeps its place for a name, and the pass proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from streamflow.errors import UNANSWERED, NotFound, ProtocolMismatch
from streamflow.migration import unread
from streamflow.migration.context import Migration
from streamflow.model import Key, Kind
from streamflow.platforms.source import Stream
from streamflow.stages.tally import RECENT, Tally

ASKED_AT_MOST = 500      # by their id, for the gaps of one pass


class Holes:
    """Looks into the gaps of lists once they were read to their end, and tells of them."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self._resigned: set[Kind] = set()      # kinds of which the source knows something given up

    async def forewarn(self, kind: Kind) -> None:
        """Tell the source whom nobody waits for any more, before it is asked for a list."""
        keys = await unread.given_up_by_name(self._m, kind)
        if keys or kind in self._resigned:
            self._m.source.resign(kind, keys)
            self._resigned.add(kind)

    async def settle(self, stream: Stream, tally: Tally, scan: str) -> None:
        """Name what does not come, put it to a person, and note in the tally what was given up."""
        if tally.gaps and not tally.part:
            await self._name(stream, tally, scan)
        if tally.part == RECENT and 0 < sum(tally.gaps.values()) <= len(await unread.given_up_by_name(self._m, stream.kind)):
            tally.given_up = True      # those are surely in it or not; all of it is in the whole list, which will tell them by name
            return
        await unread.tell(self._m, stream, tally)
        tally.given_up = bool(tally.gaps) and await unread.is_given_up(self._m, stream.kind, tally.part)
        if tally.complete and not tally.part:
            await unread.close_parts(self._m, stream.kind)

    async def _name(self, stream: Stream, tally: Tally, scan: str) -> None:
        kind = stream.kind
        missing = list(dict.fromkeys([*await unread.named(self._m, kind), *await self._m.ledger.unseen(kind, scan=scan)]))
        if len(missing) > ASKED_AT_MOST:
            return
        strangers = await self._strangers(kind, besides=missing, most=ASKED_AT_MOST - len(missing))
        there: list[Key] = []
        held: list[Key] = []
        for key in [*missing, *strangers]:
            try:
                there += [key] if await self._m.source.one(kind, key) is not None else []
            except UNANSWERED:
                if not await self._answers(kind, besides=missing):
                    return
                held.append(key)
            except (NotFound, ProtocolMismatch):      # cannot be asked so, or does not tell
                return
        tally.named, tally.accounted = held, True
        tally.spared = {kind: [*held, *there]}

    async def _strangers(self, kind: Kind, *, besides: Collection[Key], most: int) -> list[Key]:
        """Give records that were never read, and that others name as theirs which do not come with them."""
        found: dict[Key, None] = {}
        for stream in self._m.source.streams():
            if stream.refers_to != kind or (stream.via == kind and not stream.fed_by):
                continue
            async for page in self._m.ledger.every(stream.kind):
                keys = [each.record.parent for each in page if each.record.parent]
                known = await self._m.ledger.staged(kind, keys)
                found.update(dict.fromkeys(key for key in keys if key not in known and key not in besides))
                if len(found) >= most:
                    return list(found)[:most]
        return list(found)

    async def _answers(self, kind: Kind, *, besides: Sequence[Key]) -> bool:
        """Say whether a record that was shown comes by its id, so that not to come is the affair of one record."""
        for key in await self._m.ledger.keys(kind, limit=len(besides) + 1):
            if key not in besides:
                try:
                    return await self._m.source.one(kind, key) is not None
                except UNANSWERED:
                    return False
        return False
