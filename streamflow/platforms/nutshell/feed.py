"""
What happened to the account, without gaps (nutshell.md 7).

`limit` may keep the newest or the oldest of the matching rows; nobody says which. So a page is never taken for the whole: the span
between it and the last event known is asked for until nothing is left in it, then the span above it.
Deletions are a feed of their own with ids of their own, so the cursor names both: "163-events|57-events".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from streamflow.clock import Clock
from streamflow.errors import NotFound, ProtocolMismatch, RecordRejected
from streamflow.model import Cursor, Kind
from streamflow.platforms.base import Happening
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.events import PAGE, SURELY_WHOLE, happenings, number

LIVE = "events"
DELETED = "events/deleted"
CARRIED = ("accounts", "contacts", "leads", "activities", "notes")
ROUNDS = 100_000
CURSOR_KEPT_S = 15.0    # an older cursor only lets `since` tell more; asking anew before every batch would cost two calls each


class NutshellFeed:
    """The feed door."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._kept: Cursor = ""
        self._kept_at = float("-inf")     # monotonic, when it was asked for

    async def cursor(self, *, fresh: bool = False) -> Cursor:
        """Give a position of both feeds before which everything has been told; unless *fresh* it may be up to `CURSOR_KEPT_S` old."""
        asked_at = self._clock.monotonic()
        if fresh or asked_at - self._kept_at > CURSOR_KEPT_S:
            newest = await self._newest(LIVE)
            self._keep(f"{newest}-events|{await self.newest_deletion()}-events", asked_at)
        return self._kept

    def _keep(self, cursor: Cursor, asked_at: float) -> None:
        if asked_at >= self._kept_at:
            self._kept, self._kept_at = cursor, asked_at

    async def since(self, cursor: Cursor) -> tuple[Sequence[Happening], Cursor]:
        """Give everything after *cursor*, oldest first by time, deletions merged in, and the new position."""
        asked_at = self._clock.monotonic()
        live_at, deleted_at = _parts(cursor)
        live = await self._span(LIVE, live_at)
        deleted = await self._span(DELETED, deleted_at)
        live_to = max([live_at, *(number(event.id) for event in live)])
        deleted_to = max([deleted_at, *(number(event.id) for event in deleted)])
        told = {(event.id, event.action, event.ids) for event in live}
        merged = [*live, *(event for event in deleted if (event.id, event.action, event.ids) not in told)]
        merged.sort(key=lambda event: (event.at, number(event.id)))
        following = f"{live_to}-events|{deleted_to}-events"
        self._keep(following, asked_at)
        return merged, following

    async def changed(self, cursor: Cursor) -> AsyncIterator[Sequence[Happening]]:
        """Yield the events of the live feed after *cursor*, one page held at a time: one call where little happened."""
        async for page in self._pages(LIVE, _parts(cursor)[0]):
            yield page

    def carries(self, kind: Kind) -> bool:
        """Say whether events of this kind appear in the feed; of tasks, tags and sources nothing is documented."""
        return kind in CARRIED

    async def newest_deletion(self) -> int:
        """Give the number of the newest deletion, 0 when there is none or no such feed."""
        try:
            return await self._newest(DELETED)
        except (NotFound, RecordRejected):
            return 0

    async def _newest(self, feed: str) -> int:
        return max((number(event.id) for event in await self._page(feed, None, None, limit=1)), default=0)

    async def _span(self, feed: str, low: int) -> list[Happening]:
        """Everything above *low*; a missing deleted feed tells nothing."""
        found: dict[str, Happening] = {}
        try:
            async for page in self._pages(feed, low):
                found.update((event.id, event) for event in page)
        except (NotFound, RecordRejected):
            if feed == LIVE:
                raise
        return sorted(found.values(), key=lambda event: number(event.id))

    async def _pages(self, feed: str, low: int) -> AsyncIterator[list[Happening]]:
        """Everything above *low*, page by page."""
        for _ in range(ROUNDS):
            page = await self._page(feed, low, None)
            fresh = [event for event in page if number(event.id) > low]
            if not fresh:
                return
            yield fresh
            # A row at or below the bound means the server did not cut above it: the span is whole.
            if len(fresh) < len(page) or len(page) < SURELY_WHOLE:
                return
            async for filling in self._gap(feed, low, number(fresh[0].id)):
                yield filling
            low = number(fresh[-1].id)

    async def _gap(self, feed: str, low: int, high: int) -> AsyncIterator[list[Happening]]:
        """Everything above *low* and below *high*, asked for downwards until nothing is left."""
        for _ in range(ROUNDS):
            page = [event for event in await self._page(feed, low, high - 1) if low < number(event.id) < high]
            if not page:
                return
            yield page
            high = number(page[0].id)
        raise ProtocolMismatch("the events feed has no end", platform="nutshell")

    async def _page(self, feed: str, low: int | None, high: int | None, *, limit: int = PAGE) -> list[Happening]:
        query = [("limit", str(limit))]
        if low is not None:
            query.append(("since_id", f"{low}-events"))
        if high is not None:
            query.append(("max_id", f"{high}-events"))
        if feed == DELETED:
            query.append(("sort", "-change_time"))
        data = await self._calls.get(feed, query=query)
        return happenings(data, action="delete" if feed == DELETED else "")


def _parts(cursor: Cursor) -> tuple[int, int]:
    live, _, deleted = cursor.partition("|")
    return number(live), number(deleted)
