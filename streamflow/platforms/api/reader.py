"""The reader by API: a thin shell that asks through a session; what to ask and what it means is `dialect`."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any

from streamflow.errors import NotFound, ProtocolMismatch, StreamflowError
from streamflow.model import Cursor, Key, Kind, Page, Record
from streamflow.platforms.api import answers as dialect
from streamflow.platforms.rows.canon import Canon, Pass
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.spec import Call, PlatformSpec, StreamSpec
from streamflow.wire.message import BACKFILL, NORMAL, Response
from streamflow.wire.paging import PageGuard, page_digest
from streamflow.wire.session import Session

Raw = Mapping[str, Any]


class ApiReader:
    """Reads streams by calls. Raises NotFound for a stream whose function the platform does not know."""

    def __init__(self, session: Session, spec: PlatformSpec, canons: Mapping[Kind, Canon], roster: Roster) -> None:
        self._session = session
        self._spec = spec
        self._canons = canons
        self._roster = roster
        self._judge = dialect.judge(spec.errors)
        self._last_child: dict[Kind, tuple[Key, bytes]] = {}
        self._cap: int | None = None      # rows of a page that was not the last and yet smaller than asked for

    async def pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        """Yield the pages of a whole list from *start*; the last has next None and may be empty."""
        stream = self._spec.streams[kind]
        call = _named(stream.list, stream)
        number, since = dialect.read_cursor(stream, start)
        guard = _guard(stream, self._spec.platform)
        memory = Pass()
        before = 0
        while True:
            guard.asked(str(number))
            params = {**call.params, **dialect.page_params(stream, number)}
            if since and stream.window is not None:
                params |= dialect.window_params(stream.window, since)
            rows = await self._rows(stream, call, params, priority=BACKFILL)
            if rows and 0 < before < stream.paging.size:
                self._cap = max(before, self._cap or 0)
            before = len(rows)
            following = None if dialect.is_last(stream, len(rows), cap=self._cap) else dialect.following(stream, number, len(rows))
            page = self._canons[kind].page(
                rows, next_cursor=None if following is None else dialect.write_cursor(following, since), roster=self._roster, memory=memory
            )
            guard.seen([record.key for record in page.records], page_digest(list(rows)))
            yield page
            if following is None:
                return
            number = following

    async def children(self, kind: Kind, parent: Key) -> Page:
        """Read all rows of one parent, over several calls where they are paged."""
        page, digest = await self._children(kind, parent)
        if page.records:
            await self._check_obeyed(kind, parent, digest)
        return page

    async def one(self, kind: Kind, key: Key) -> Record | None:
        """Read one record by its id; None when the source says that it is not there."""
        stream = self._spec.streams[kind]
        call = stream.one
        if call is None:
            raise NotFound("the platform cannot be asked for one record", platform=self._spec.platform, stream=kind)
        response = await self._ask(stream, call, {**call.params, **dialect.owner_params(call, key)}, priority=NORMAL)
        if dialect.reaction(self._spec.errors, response) == "absent":
            return None
        page = self._page(kind, dialect.rows_of(call, response, stream=kind), None, Pass())
        found = next((record for record in page.records if record.key == key), None)
        if found is None and (page.records or page.rejects):
            raise ProtocolMismatch("another record came than was asked for", platform=self._spec.platform, stream=kind)
        return found

    async def look(self, kind: Kind, parent: Key | None) -> str:
        """
        Ask a stream once and say "ok" or why it cannot be read.

        *parent* is the key of some record to ask a child stream with; None: there is none, so nothing can be asked. Raises
        AccessRefused, and PlatformUnavailable where no answer came.
        """
        stream = self._spec.streams[kind]
        try:
            call = _named(stream.list, stream)
            if stream.parent is not None and parent is None:
                return "ok"
            params = {**call.params, **dialect.page_params(stream, dialect.read_cursor(stream, None)[0])}
            if stream.parent is not None and parent is not None:
                params |= dialect.owner_params(call, parent)
            await self._rows(stream, call, params, priority=NORMAL)
        except NotFound as error:
            return f"not available: {error.message}"
        except ProtocolMismatch as error:
            return f"cannot be read: {error.message}"
        return "ok"

    def window_from(self, kind: Kind, since: datetime) -> Cursor | None:
        """Give the cursor of a changed-since read (naive, by the source's wall clock); None when the stream has no such filter."""
        stream = self._spec.streams[kind]
        if stream.window is None:
            return None
        return dialect.write_cursor(dialect.read_cursor(stream, None)[0], since.strftime(stream.window.format))

    # --- below

    async def _rows(self, stream: StreamSpec, call: Call, params: Mapping[str, str], *, priority: int) -> list[Raw]:
        response = await self._ask(stream, call, params, priority=priority)
        if dialect.reaction(self._spec.errors, response) == "absent":
            if stream.parent is not None:      # the parent is gone, and so are its children
                return []
            raise ProtocolMismatch("a list was answered as if a record were missing", platform=self._spec.platform, stream=stream.kind)
        return dialect.rows_of(call, response, stream=stream.kind)

    async def _ask(self, stream: StreamSpec, call: Call, params: Mapping[str, str], *, priority: int) -> Response:
        request = dialect.request(self._spec, call.function, params, priority=priority)
        try:
            response = await self._session.read(request, judge=self._judge)
        except NotFound as error:
            raise NotFound(
                f"the platform has no function {call.function}", platform=self._spec.platform, stream=stream.kind,
                hint="name the right one under [source.streams], read this stream from files, or leave it out",
            ) from error  # fmt: skip
        except StreamflowError as error:
            error.stream = error.stream or stream.kind
            raise
        return response

    def _page(self, kind: Kind, rows: Sequence[Raw], parent: Key | None, memory: Pass) -> Page:
        return self._canons[kind].page(rows, next_cursor=None, roster=self._roster, memory=memory, parent=parent)

    async def _children(self, kind: Kind, parent: Key) -> tuple[Page, bytes]:
        """Give all rows of one parent as one page, and what tells them from other rows."""
        stream = self._spec.streams[kind]
        call = _named(stream.list, stream)
        number, _ = dialect.read_cursor(stream, None)
        guard = _guard(stream, self._spec.platform)
        memory = Pass()
        pages: list[Page] = []
        rows: list[Raw] = []
        while True:
            guard.asked(str(number))
            params = {**call.params, **dialect.owner_params(call, parent), **dialect.page_params(stream, number)}
            found = await self._rows(stream, call, params, priority=BACKFILL)
            pages.append(self._page(kind, found, parent, memory))
            guard.seen([record.key for record in pages[-1].records], page_digest(list(found)))
            rows += found
            if dialect.is_last(stream, len(found), cap=self._cap):
                return _joined(pages), page_digest(rows)
            number = dialect.following(stream, number, len(found))

    async def _check_obeyed(self, kind: Kind, parent: Key, digest: bytes) -> None:
        """
        Make sure that the server looks at which parent was asked for.

        Two parents with the very same rows are suspicious, and innocent where one was just merged into the other; so the first is asked
        again. Raises ProtocolMismatch when both still have them.
        """
        other, before = self._last_child.get(kind, (parent, b""))
        self._last_child[kind] = (parent, digest)
        if digest != before or other == parent or (await self._children(kind, other))[1] != digest:
            return
        raise ProtocolMismatch(
            "two parents have exactly the same rows, so the parameter that names the parent is not obeyed", platform=self._spec.platform,
            stream=kind, hint="correct key_param of this stream",
        )  # fmt: skip


def _guard(stream: StreamSpec, platform: str) -> PageGuard:
    paged = stream.paging.style != "none"
    return PageGuard(stream.kind, platform=platform, size=stream.paging.size if paged else None, page_cap=stream.paging.max_pages)


def _named(call: Call | None, stream: StreamSpec) -> Call:
    if call is None:
        raise NotFound("no read function is known", stream=stream.kind, hint="name it under [source.streams], or read it from files")
    return call


def _joined(pages: Sequence[Page]) -> Page:
    if len(pages) == 1:
        return pages[0]
    unknown: Counter[str] = Counter()
    for page in pages:
        unknown.update(page.unknown)
    return Page(
        kind=pages[0].kind, records=tuple(record for page in pages for record in page.records), next=None, unknown=dict(unknown),
        rejects=tuple(reason for page in pages for reason in page.rejects),
    )  # fmt: skip
