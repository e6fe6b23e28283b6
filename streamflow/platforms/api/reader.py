"""The reader by API: a thin shell that asks through a session; what to ask and what it means is decided beside it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from streamflow.clock import Clock
from streamflow.errors import UNANSWERED, NotFound, PlatformUnavailable, ProtocolMismatch, StreamflowError, Unreachable
from streamflow.model import Cursor, Key, Kind, Page, Record
from streamflow.platforms.api import answers, paging, windows
from streamflow.platforms.api.canary import Canaries
from streamflow.platforms.api.forms import Companion, Completed, Dialect, Raw, Wait, ensure_read
from streamflow.platforms.api.listing import HELD_BACK, Learned, Listing
from streamflow.platforms.api.offspring import Offspring
from streamflow.platforms.api.strays import Strays, Told
from streamflow.platforms.api.walk import Place, Walk
from streamflow.platforms.rows.canon import Canon, Pass, squeezed
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.rows.unfold import Unfolder, joined, own
from streamflow.platforms.rows.values import text_of
from streamflow.platforms.spec import Call, OwnerCall, PlatformSpec, StreamSpec
from streamflow.wire.message import BACKFILL, NORMAL, Response
from streamflow.wire.paging import page_digest
from streamflow.wire.session import Session

LOOKS = 3
LOOK_AGAIN_S = 1.0


class ApiReader:
    """Reads streams by calls. Raises NotFound for a stream whose function the platform does not know."""

    def __init__(
        self, session: Session, spec: PlatformSpec, canons: Mapping[Kind, Canon], roster: Roster, *, dialect: Dialect, clock: Clock,
        companion: Companion | None = None,
    ) -> None:  # fmt: skip
        self._session = session
        self._spec = spec
        self._roster = roster
        self._dialect = dialect
        self._clock = clock
        self._companion = companion
        self._unfolders = {kind: Unfolder(spec, canons, kind) for kind in spec.streams}
        self._canaries = Canaries(spec, self._named_record)
        self._learned = Learned()
        self._resigned: dict[Kind, frozenset[Key]] = {}      # what a person gave up
        self._stuck: set[tuple[Kind, Place]] = set()         # pages that did not come, and were read row by row
        self._offspring = Offspring(spec, self._children)
        self._strays = Strays(spec, self._told_owner)

    async def pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        """
        Yield the pages of a whole list, or of what changed, from *start*; the last has next None and may be empty.

        A stretch that is read by windows is one list: each is drained before the next, and one that holds too much is cut first. A page
        that never comes, or is refused each time, is read row by row; what of it does not come by itself either is a gap.
        """
        stream = self._spec.streams[kind]
        call = _named(stream.list, stream)
        walk = self._walk(stream)
        place = self._begin(walk, kind, start)
        listing = self._listing(stream, call, walk.confined(place), learns=True)
        memory = Pass()
        self._canaries.begin(kind, is_whole=start is None)
        while True:
            try:
                rows, number, gaps = await self._read(stream, walk, listing, place)
            except (PlatformUnavailable, ProtocolMismatch) as error:
                usual = walk.usual(place)
                if usual is None or (walk.is_paged and not isinstance(error, UNANSWERED)):     # not for being too much
                    raise
                place, listing = usual, self._listing(stream, call, walk.confined(usual), learns=True)
                continue
            shorter = await _cut(stream, walk, listing, place, number, rows=len(rows))
            following = shorter or walk.following(place, number, rows=len(rows) + len(gaps))
            if shorter is None:
                if not rows and not gaps:
                    await self._canaries.empty(kind)
                given = await self._completed(kind, rows, are_changed=place.is_of_changes)
                cursor = following.cursor if following is not None else None
                page = self._unfolders[kind].page(given.rows, next_cursor=cursor, roster=self._roster, memory=memory)
                listing.took(own(page), rows)
                self._canaries.saw(page)
                if following is None:
                    await self._canaries.end(kind)
                if gaps or given.gaps:      # told by a page before, since the rows of this one are whole
                    yield Page(kind=kind, records=(), next=place.cursor, gaps=(*gaps, *given.gaps), walk=place.part)
                yield page
            if following is None:
                return
            if following.span != place.span:
                listing = self._listing(stream, call, walk.confined(following), learns=True)
            place = following

    async def _read(
        self, stream: StreamSpec, walk: Walk, listing: Listing, place: Place
    ) -> tuple[Sequence[Raw], int | None, tuple[str, ...]]:
        """Give a page's rows, the number of the next page, and what of it does not come."""
        try:
            rows, number = await listing.page(place.number, wait=self._patience(stream.kind, place))
            self._stuck.discard((stream.kind, place))
            return rows, number, ()
        except Unreachable:
            raise
        except UNANSWERED:
            if place.span is None or walk.usual(place) is not None or not walk.is_paged or stream.paging.size == 1:
                raise
            rows, number, held_back = await listing.page_by_rows(place.number)
            if not held_back:
                return rows, number, ()
            if not place.is_of_changes:      # those windows move on
                self._stuck.add((stream.kind, place))
            said = windows.told(place.span)      # never how it failed: the same place has the same reason in each pass
            return rows, number, tuple(f"row {row + 1} of the {stream.kind} records {said} never comes" for row in held_back)

    def _patience(self, kind: Kind, place: Place) -> Wait:
        """Say how long a page is waited for: briefly where it did not come before for the sake of what was given up since."""
        if not self._resigned.get(kind) or place.span is None:
            return Wait.FULLY
        return Wait.BRIEFLY if (kind, place) in self._stuck else Wait.ONCE

    async def _completed(self, kind: Kind, rows: Sequence[Raw], *, are_changed: bool) -> Completed:
        """Let the platform's own companion look up what rows lack, where it has one."""
        if self._companion is None or not rows:
            return Completed(rows=rows)
        return await self._companion.complete(kind, rows, self._look_up, are_changed=are_changed)

    async def _look_up(self, kind: Kind, params: Mapping[str, str], *, by_id: bool = False) -> Sequence[Raw]:
        stream = self._spec.streams[kind]
        call = _named(stream.list, stream)
        if by_id and stream.one is not None:      # where a record asked for by its id may stand, this one may as well
            call = replace(call, records_at=stream.one.records_at)
        rows = await self._rows(stream, call, {**call.params, **params}, priority=BACKFILL)
        return [self._telling(row, (stream.key,), kind) for row in rows] if by_id else rows

    async def children(self, kind: Kind, parent: Key) -> Page:
        """Read all rows of one parent, over several calls where they are paged."""
        return await self._offspring.of(kind, parent)

    async def one(self, kind: Kind, key: Key) -> Record | None:
        """Read one record by its id; None when the source says that it is not there."""
        found = await self._named_record(kind, key)
        if found is None:
            await self._canaries.ask(kind)
        return found

    async def _named_record(self, kind: Kind, key: Key) -> Record | None:
        stream = self._spec.streams[kind]
        call = stream.one
        if call is None:
            raise NotFound("the platform cannot be asked for one record", platform=self._spec.platform, stream=kind)
        wait = Wait.BRIEFLY if key in self._resigned.get(kind, ()) else Wait.FULLY
        response = await self._ask(stream, call, {**call.params, **paging.owner_params(call, key)}, priority=NORMAL, wait=wait)
        if answers.reaction(self._spec.errors, response) == "absent":
            return None
        root = stream.via or kind
        rows = self._dialect.rows(call, response, stream=kind)
        if kind != root:      # of the row itself nothing is looked up beside
            rows = (await self._completed(root, rows, are_changed=True)).rows
        page = self._page(root, rows, None, Pass())
        found = next((record for record in page.records if record.kind == kind and record.key == key), None)
        if found is None and (page.records or page.rejects):
            raise ProtocolMismatch("another record came than was asked for", platform=self._spec.platform, stream=kind)
        return found

    async def owner_of(self, record: Record) -> Mapping[str, str] | None:
        """Ask whose a record is that does not say it (`Strays.owner_of`)."""
        return await self._strays.owner_of(record)

    async def _told_owner(self, stream: StreamSpec, rule: OwnerCall, key: Key) -> Told:
        rows = await self._rows(stream, rule.call, {**rule.call.params, rule.call.key_param: key}, priority=NORMAL)
        if not rows:
            await self._canaries.ask(stream.kind)
            return dict.fromkeys(rule.take, ""), True
        given = {squeezed(str(name)): value for name, value in self._telling(rows[0], tuple(rule.take.values()), stream.kind).items()}
        told = self._page(stream.refers_to or stream.kind, rows[:1], None, Pass()).records
        is_named = any(record.data.get(rule.field) == key for record in told)
        return {here: text_of(given.get(squeezed(there))).strip() for here, there in rule.take.items()}, is_named

    async def look(self, kind: Kind, parent: Key | None) -> str:
        """
        Ask a stream and say "ok" or why it cannot be read; an answer outside the contract may be a slip, and is asked for again.

        *parent* is the key of some record to ask a child stream with; None: there is none, so nothing can be asked. Raises
        AccessRefused, and PlatformUnavailable where no answer came.
        """
        for attempt in range(1, LOOKS):
            try:
                return await self._look(kind, parent)
            except ProtocolMismatch:
                await self._clock.sleep(LOOK_AGAIN_S * attempt)
        try:
            return await self._look(kind, parent)
        except ProtocolMismatch as error:
            return f"cannot be read: {error.message}"

    async def _look(self, kind: Kind, parent: Key | None) -> str:
        stream = self._spec.streams[kind]
        try:
            call = _named(stream.list, stream)
            if stream.parent is not None and parent is None:
                return "ok"
            walk = self._walk(stream)
            place = self._begin(walk, kind, None)
            params = {**call.params, **walk.confined(place), **paging.page_params(stream, place.number)}
            if stream.parent is not None and parent is not None:
                params |= paging.owner_params(call, parent)
            rows = await self._some(stream, call, params, is_paged=walk.is_paged)
            if stream.canary and not rows and not await self._rows(stream, call, params, priority=NORMAL):
                return f"cannot be read: {call.function} shows not one record: its user lacks the right, or the account is empty"
        except NotFound as error:
            return f"not available: {error.message}"
        return "ok"

    async def _some(self, stream: StreamSpec, call: Call, params: Mapping[str, str], *, is_paged: bool) -> Sequence[Raw]:
        """Give the first page, or where it does not come one of its first rows: one that never comes is no fault of the stream."""
        asked = [params]
        if is_paged and stream.paging.size > 1:
            asked += [{**params, **paging.row_params(stream, skipped)} for skipped in range(HELD_BACK)]
        for each in asked[:-1]:
            try:
                return await self._rows(stream, call, each, priority=NORMAL)
            except Unreachable:
                raise
            except UNANSWERED:
                continue
        return await self._rows(stream, call, asked[-1], priority=NORMAL)

    def resign(self, kind: Kind, keys: Collection[Key]) -> None:
        """Wait only briefly for these records of a kind, and for the pages that did not come for their sake."""
        self._resigned[kind] = frozenset(keys)

    def forgive(self) -> None:
        """Let calls through again after a call that can be done without was refused."""
        self._session.forgive()

    def recent_from(self, kind: Kind) -> Cursor | None:
        """Give the cursor at which the latest part of a whole list begins; None where the spec names none."""
        return self._walk(self._spec.streams[kind]).recent()

    def window_from(self, kind: Kind, since: datetime) -> Cursor | None:
        """Give the cursor of a changed-since read (naive, by the source's wall clock); None when the stream has no such filter."""
        return self._walk(self._spec.streams[kind]).changed(since)

    # --- places

    def _walk(self, stream: StreamSpec) -> Walk:
        zone = ZoneInfo(stream.timezone)
        return Walk(stream, learned=self._learned, now=lambda: self._clock.now().astimezone(zone).replace(tzinfo=None))

    def _begin(self, walk: Walk, kind: Kind, cursor: Cursor | None) -> Place:
        return walk.begin(cursor, quiet_to=self._companion.begins(kind) if self._companion is not None else None)

    # --- calls

    def _listing(self, stream: StreamSpec, call: Call, fixed: Mapping[str, str], *, learns: bool = False) -> Listing:
        ask = partial(self._asked, stream, call, fixed)
        return Listing(
            ask, stream, function=call.function, platform=self._spec.platform, learned=self._learned, learns=learns,
            is_whole=learns and not fixed, resigned=len(self._resigned.get(stream.kind, ())),
        )

    async def _asked(
        self, stream: StreamSpec, call: Call, fixed: Mapping[str, str], params: Mapping[str, str], *, wait: Wait = Wait.FULLY
    ) -> Sequence[Raw]:
        return await self._rows(stream, call, {**call.params, **fixed, **params}, priority=BACKFILL, wait=wait)

    async def _rows(
        self, stream: StreamSpec, call: Call, params: Mapping[str, str], *, priority: int, wait: Wait = Wait.FULLY
    ) -> Sequence[Raw]:
        response = await self._ask(stream, call, params, priority=priority, wait=wait)
        if answers.reaction(self._spec.errors, response) == "absent":
            if stream.parent is not None:      # the parent is gone, and so are its children
                return []
            raise ProtocolMismatch("a list was answered as if a record were missing", platform=self._spec.platform, stream=stream.kind)
        return self._dialect.rows(call, response, stream=stream.kind)

    async def _ask(
        self, stream: StreamSpec, call: Call, params: Mapping[str, str], *, priority: int, wait: Wait = Wait.FULLY
    ) -> Response:
        ensure_read(self._spec, call.function)
        request = self._dialect.request(self._spec, call, params, priority=priority)
        if wait is not Wait.FULLY:
            timeout_s = min(self._spec.brief_s, self._spec.timeout_s) if wait is Wait.BRIEFLY else request.timeout_s
            request = replace(request, timeout_s=timeout_s, waits_once=True)
        try:
            response = await self._session.read(request, judge=self._dialect.judge)
        except NotFound as error:
            raise NotFound(
                f"the platform has no function {call.function}", platform=self._spec.platform, stream=stream.kind,
                hint="name the right one under [source.streams], read this stream from files, or leave it out",
            ) from error  # fmt: skip
        except StreamflowError as error:
            error.stream = error.stream or stream.kind
            raise
        return response

    def _telling(self, row: Raw, fields: Sequence[str], kind: Kind) -> Raw:
        """Give a row as it is. Raises ProtocolMismatch where it has none of *fields*: words about a fault are no record."""
        if {squeezed(str(name)) for name in row}.isdisjoint(map(squeezed, fields)):
            raise ProtocolMismatch(f"an answer by id is without {' and '.join(fields)}", platform=self._spec.platform, stream=kind)
        return row

    def _page(self, kind: Kind, rows: Sequence[Raw], parent: Key | None, memory: Pass) -> Page:
        return self._unfolders[kind].page(rows, next_cursor=None, roster=self._roster, memory=memory, parent=parent)

    async def _children(self, kind: Kind, parent: Key) -> tuple[Page, bytes]:
        """Give all rows of one parent as one page, and what tells them from other rows."""
        stream = self._spec.streams[kind]
        call = _named(stream.list, stream)
        listing = self._listing(stream, call, paging.owner_params(call, parent))
        number: int | None = paging.first_number(stream)
        memory = Pass()
        pages: list[Page] = []
        rows: list[Raw] = []
        while number is not None:
            found, number = await listing.page(number)
            pages.append(self._page(kind, found, parent, memory))
            listing.took(own(pages[-1]), found)
            rows += found
        return joined(pages), page_digest(rows)


async def _cut(stream: StreamSpec, walk: Walk, listing: Listing, place: Place, number: int | None, *, rows: int) -> Place | None:
    """
    Give the first half of a window that holds more than it may, if it is to be cut; else None.

    One that came by pages shows it when its first page goes on; one that came at once is read again in halves if it had grown.
    """
    half = walk.half(place)
    if half is None or stream.window is None:
        return None
    if not walk.is_paged:
        return half if rows > stream.window.split_rows and walk.usual(place) is not None else None
    return half if number is not None and await listing.holds_more_than(stream.window.split_rows) else None


def _named(call: Call | None, stream: StreamSpec) -> Call:
    if call is None:
        raise NotFound("no read function is known", stream=stream.kind, hint="name it under [source.streams], or read it from files")
    return call
