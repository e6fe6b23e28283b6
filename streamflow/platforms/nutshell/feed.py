"""
What happened to the account, without gaps (nutshell.md 7).

`limit` may keep the newest or the oldest of the matching rows; nobody says which. So a page is never taken for the whole: the span
between it and the last event known is asked for until nothing is left in it, then the span above it.
Deletions are a feed of their own with ids of their own, so the cursor names both: "163-events|57-events".
A long absence leaves more events than should be held: where the server shows the newest first, only the bounds of far pages are kept on
the way down, and they are asked for once more on the way up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence

from streamflow.clock import Clock
from streamflow.errors import NotFound, ProtocolMismatch, RecordRejected
from streamflow.model import Cursor, DestId, Kind
from streamflow.platforms.destination import Happening
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.events import PAGE, SURELY_WHOLE, happenings, number
from streamflow.platforms.nutshell.labels import Labels
from streamflow.platforms.nutshell.people import Directory

LIVE = "events"
DELETED = "events/deleted"
CARRIED = ("accounts", "contacts", "leads", "activities", "notes")
ROUNDS = 100_000
HELD_PAGES = 10         # of a gap, while its beginning is looked for
Query = Sequence[tuple[str, str]]
CURSOR_KEPT_S = 15.0    # an older cursor only lets `since` tell more; asking anew before every batch would cost two calls each


class NutshellFeed:
    """The feed door."""

    def __init__(self, calls: Calls, labels: Labels, directory: Directory, clock: Clock) -> None:
        self._calls = calls
        self._labels = labels
        self._directory = directory
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
        told: list[Happening] = []
        following = cursor
        async for portion, position in self.portions(cursor):
            told += portion
            following = position
        return told, following

    async def portions(self, cursor: Cursor) -> AsyncIterator[tuple[Sequence[Happening], Cursor]]:
        """
        Give what `since` gives a few hundred events at a time, each with the position after it; the last portion may be empty.

        Deletions carry no records and are held all at once; they count as told with the last portion.
        """
        asked_at = self._clock.monotonic()
        live_at, deleted_at = _parts(cursor)
        deleted = [event async for page in self._span(DELETED, deleted_at) for event in page]
        deleted_to = max([deleted_at, *(number(event.id) for event in deleted)])
        waiting = {(event.id, event.action, event.ids): event for event in sorted(deleted, key=_place)}
        async for page in self._span(LIVE, live_at):
            for event in page:
                waiting.pop((event.id, event.action, event.ids), None)
            live_at = max(live_at, number(page[-1].id))
            due = [name for name, event in waiting.items() if event.at <= max(each.at for each in page)]
            yield sorted([*page, *(waiting.pop(name) for name in due)], key=_place), f"{live_at}-events|{deleted_at}-events"
        following = f"{live_at}-events|{deleted_to}-events"
        self._keep(following, asked_at)
        yield list(waiting.values()), following

    async def changed(self, cursor: Cursor, kinds: Sequence[Kind] = ()) -> AsyncIterator[tuple[Sequence[Happening], Cursor]]:
        """Yield the events of the live feed after *cursor*, custom fields by their labels: one call where little happened."""
        live_at, deleted_at = _parts(cursor)
        async for page in self._span(LIVE, live_at, [("filters[payload][]", kind) for kind in kinds]):
            yield await self._labels.told(page), f"{number(page[-1].id)}-events|{deleted_at}-events"

    async def about(self, dest_id: DestId, cursor: Cursor) -> Mapping[DestId, int]:
        """Give what events after *cursor* relate to a record, by `entity_id`: itself, and what was made or changed and hangs on it."""
        found: dict[DestId, int] = {}
        async for page in self._span(LIVE, _parts(cursor)[0], [("entity_id", dest_id)]):
            for event in page:
                found.update({each: max(number(event.id), found.get(each, 0)) for each in event.ids})
        return found

    def carries(self, kind: Kind) -> bool:
        """Say whether events of this kind appear in the feed; of tasks, tags and sources nothing is documented."""
        return kind in CARRIED

    async def our_user(self) -> DestId | None:
        """Give the configured user: with a key that may impersonate, what is written in nobody else's name shows as done by that one."""
        row = await self._directory.myself()
        return str(row["id"]) if row is not None else None

    async def newest_deletion(self) -> int:
        """Give the number of the newest deletion, 0 when there is none or no such feed."""
        try:
            return await self._newest(DELETED)
        except (NotFound, RecordRejected):
            return 0

    async def _newest(self, feed: str) -> int:
        return max((number(event.id) for event in await self._page(feed, None, None, limit=1)), default=0)

    async def _span(self, feed: str, low: int, only: Query = ()) -> AsyncIterator[list[Happening]]:
        """Everything above *low* a page at a time, in order of number; a missing deleted feed tells nothing."""
        try:
            for _ in range(ROUNDS):
                page = await self._page(feed, low, None, only)
                fresh = [event for event in page if number(event.id) > low]
                if not fresh:
                    return
                # A row at or below the bound means the server did not cut above it: the span is whole.
                is_cut = len(fresh) == len(page) and len(page) >= SURELY_WHOLE
                if is_cut:
                    async for older in self._gap(feed, low, number(fresh[0].id), only):
                        yield older
                yield fresh
                if not is_cut:
                    return
                low = number(fresh[-1].id)
        except (NotFound, RecordRejected):
            if feed == LIVE:
                raise

    async def _gap(self, feed: str, low: int, high: int, only: Query) -> AsyncIterator[list[Happening]]:
        """Everything above *low* and below *high*: asked for downwards until nothing is left, told upwards."""
        held: deque[list[Happening]] = deque()
        far: list[tuple[int, int]] = []      # first and last number of pages that are not held any more
        for _ in range(ROUNDS):
            found = await self._page(feed, low, high - 1, only) if high - low > 1 else []
            page = [event for event in found if low < number(event.id) < high]
            if not page:
                break
            held.append(page)
            high = number(page[0].id)
            if len(held) > HELD_PAGES:
                dropped = held.popleft()
                far.append((number(dropped[0].id), number(dropped[-1].id)))
        else:
            raise ProtocolMismatch("the events feed has no end", platform="nutshell")
        while held:
            yield held.pop()
        while far:
            first, last = far.pop()
            async for page in self._gap(feed, first - 1, last + 1, only):
                yield page

    async def _page(
        self, feed: str, low: int | None, high: int | None, only: Query = (), *, limit: int | None = None
    ) -> list[Happening]:
        query = [("limit", str(limit or PAGE)), *only]
        if low is not None:
            query.append(("since_id", f"{low}-events"))
        if high is not None:
            query.append(("max_id", f"{high}-events"))
        if feed == DELETED:
            query.append(("sort", "-change_time"))
        data = await self._calls.get(feed, query=query)
        return happenings(data, action="delete" if feed == DELETED else "")


def _place(event: Happening) -> tuple[int, int]:
    return event.at, number(event.id)


def _parts(cursor: Cursor) -> tuple[int, int]:
    live, _, deleted = cursor.partition("|")
    return number(live), number(deleted)
