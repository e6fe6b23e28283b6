"""One list under fixed parameters, asked page by page: what its numbers count, where it ends, and guards against going in circles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from streamflow.errors import UNANSWERED, ProtocolMismatch, Unreachable
from streamflow.model import Kind, Record
from streamflow.platforms.api import paging, proof
from streamflow.platforms.api.forms import Raw, Wait
from streamflow.platforms.spec import StreamSpec
from streamflow.wire.paging import PageGuard, page_digest


class Ask(Protocol):
    """Asks the list with the parameters of paging."""

    async def __call__(self, params: Mapping[str, str], *, wait: Wait = Wait.FULLY) -> Sequence[Raw]:
        """Give the rows."""
        ...


EMPTY_PROBES = 2      # so often an empty list is asked for its first row: an empty answer may stand for a fault
HELD_BACK = 3         # so many rows in a row that do not come are no fault of one of them
TRIES = 3      # rows may move between two reads; what does not fit so often in a row is not for that


@dataclass(slots=True)
class Learned:
    """What was found out about the platform while it was read; for one process."""

    cap: int | None = None                                   # rows of a page that was not the last and yet smaller than asked for
    styles: dict[str, str] = field(default_factory=dict)     # function -> what its numbers count, where that was proved
    ends: dict[Kind, list[datetime]] = field(default_factory=dict)         # kind -> where a whole list by windows had to be cut
    _coming: dict[Kind, list[datetime]] = field(default_factory=dict)      # the same, of the reading that is under way

    def page_came(self, before: int, rows: int, *, size: int) -> None:
        """Take note of two pages in a row."""
        if rows and 0 < before < size:
            self.cap = max(before, self.cap or 0)

    def drained(self, kind: Kind, end: datetime | None, *, is_last: bool) -> None:
        """Take note of where a window of a whole list ended, None for one that held nothing; once the last one is read, the ends count."""
        found = self._coming.setdefault(kind, [])
        if end is not None:
            found[:] = [*(each for each in found if each < end), end]      # of one that was broken off nothing is left behind
        if is_last:
            self.ends[kind] = self._coming.pop(kind)[:-1]      # what lies behind the last rows comes with them


class Listing:
    """Asks for one list; *ask* answers the rows for the parameters of paging, all others being its own affair."""

    def __init__(
        self, ask: Ask, stream: StreamSpec, *, function: str, platform: str, learned: Learned, learns: bool = False,
        is_whole: bool = False, resigned: int = 0,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._resigned = resigned      # so many of its rows at most are known not to come, and are waited for briefly
        self._stream = stream
        self._function = function
        self._platform = platform
        self._learned = learned
        self._learns = learns      # whether its pages teach anything: many small lists would not
        self._is_whole = is_whole  # then an empty page is rare, and its silence is worth another call
        self._before = 0
        style, size = stream.paging.style, stream.paging.size
        self._probes_end = stream.paging.prove or style == "row"
        self._guard = PageGuard(
            stream.kind, platform=platform, size=size if style not in ("none", "values") else None, page_cap=stream.paging.max_pages
        )

    async def page(self, number: int, *, wait: Wait = Wait.FULLY) -> tuple[list[Raw], int | None]:
        """
        Give the rows of a page and the number of the next, None where this one ends the list. *wait*: how long for the page itself.

        Raises ProtocolMismatch where the platform pages in no way that is understood, InvariantBroken for a page asked before.
        """
        self._guard.asked(str(number))
        if self._stream.paging.style == "values":
            return await self._valued(number)
        stream = await self._settled(number)
        if stream is None:
            return [], None
        for _ in range(TRIES):
            rows = list(await self._ask(paging.page_params(stream, number), wait=wait))
            if not self._probes_end:
                if not rows and self._is_whole:
                    rows = list(await self._ask(paging.page_params(stream, number)))
                if self._learns:
                    self._learned.page_came(self._before, len(rows), size=stream.paging.size)
                    self._before = len(rows)
                ends = paging.is_last(stream, len(rows), cap=self._learned.cap)
                return rows, None if ends else paging.following(stream, number, len(rows))
            if len(rows) >= stream.paging.size:
                return rows, number + 1
            before = (number - stream.paging.first) * stream.paging.size + len(rows)
            if not any([await self.holds_more_than(before) for _ in range(1 if before else EMPTY_PROBES)]):
                return rows, None
        raise ProtocolMismatch(
            f"a page of {len(rows)} rows came where {stream.paging.size} were asked for, and there are more behind it",
            platform=self._platform, stream=stream.kind, hint="the platform gives fewer rows than it has; lower paging.size of this stream",
        )  # fmt: skip

    async def page_by_rows(self, number: int) -> tuple[list[Raw], int | None, list[int]]:
        """
        Read a page that does not come row by row: its rows, the number of the next, and which rows of the list (from 0) do not come.

        Raises the last failure where several in a row do not come: then it is not for one of them.
        """
        first = (number - self._stream.paging.first) * self._stream.paging.size
        rows: list[Raw] = []
        held_back: list[int] = []
        for skipped in range(first, first + self._stream.paging.size):
            try:
                found = await self._row(skipped, is_doubted=len(held_back) < self._resigned)
            except Unreachable:
                raise
            except UNANSWERED:
                held_back.append(skipped)
                if held_back[-HELD_BACK:] == list(range(skipped - HELD_BACK + 1, skipped + 1)):
                    raise
                continue
            if not found:
                return rows, None, held_back
            rows += found
        return rows, number + 1, held_back

    async def _row(self, skipped: int, *, is_doubted: bool) -> list[Raw]:
        """Ask for one row; one that may be among those which are known not to come is waited for briefly."""
        return list(await self._ask(paging.row_params(self._stream, skipped), wait=Wait.BRIEFLY if is_doubted else Wait.FULLY))

    async def _valued(self, number: int) -> tuple[list[Raw], int | None]:
        """Give the rows for one of the values that a list is asked by, each with that value."""
        rules = self._stream.paging
        value = rules.values[number - rules.first]
        rows = [{**row, rules.into: value} if rules.into else row for row in await self._ask({rules.page_param: value})]
        return rows, number + 1 if number - rules.first + 1 < len(rules.values) else None

    def took(self, records: Sequence[Record], rows: Sequence[Raw]) -> None:
        """Take note of what a page held. Raises ProtocolMismatch where the server repeats itself or stands still."""
        self._guard.seen([record.key for record in records], page_digest(list(rows)))

    async def holds_more_than(self, rows: int) -> bool:
        """Ask for the one row after so many; whether numbers count pages or rows, that is the same row."""
        return bool(await self._ask(paging.row_params(self._stream, rows)))

    async def _settled(self, number: int) -> StreamSpec | None:
        """Give the stream with what its numbers count, proved where a second page is asked for; None: there is no second page."""
        stream = self._stream
        if not stream.paging.prove or number == stream.paging.first:
            return stream
        if self._function not in self._learned.styles:
            style = await self._proved()
            if not style:
                return None
            self._learned.styles[self._function] = style
        return replace(stream, paging=replace(stream.paging, style=self._learned.styles[self._function]))

    async def _proved(self) -> str:
        """Read until the verdict is clear; "" says that the list, of which a whole page was seen, has no second one (any more)."""
        failed: ProtocolMismatch | None = None
        for _ in range(TRIES):
            found = {name: list(await self._ask(params)) for name, params in proof.probes(self._stream.paging).items()}
            try:
                style = proof.verdict(proof.Probes(**found), size=self._stream.paging.size)
            except ProtocolMismatch as error:
                failed = error
                continue
            if style or len(found["first"]) >= self._stream.paging.size:
                return style
        if failed is None:
            return ""
        failed.platform, failed.stream = self._platform, self._stream.kind
        raise failed
