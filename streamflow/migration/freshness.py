"""
Which parents have moved on: a new child moves the time of its parent and nothing else that a digest would show.

Rule: times are those of the source's own clock, looked at with an overlap, since a change may show late; (time, key) tells what
was seen before.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from streamflow.model import Cursor, Key, Kind, Page, Record
from streamflow.platforms.source import Source, Stream

FORM = "%Y-%m-%d %H:%M:%S"


@dataclass(slots=True)
class Moves:
    """What one pass over a kind of parents showed, against what was kept of the pass before."""

    newest: str = ""                                        # the latest time seen before this pass
    seen: dict[Key, str] = field(default_factory=dict)      # within the overlap before it
    overlap_s: float = 0.0
    moved: dict[Key, None] = field(default_factory=dict)
    _times: dict[Key, str] = field(default_factory=dict)
    _latest: str = ""
    _room: int = 1000                                       # times kept before those that left the overlap are dropped

    @classmethod
    def against(cls, kept: Mapping[str, Any] | None, *, overlap_s: float) -> Moves:
        """Begin a pass; nothing kept: this is the first one, and everything is asked anyway."""
        return cls(newest=str((kept or {}).get("newest", "")), seen=dict((kept or {}).get("seen", {})), overlap_s=overlap_s)

    def look(self, record: Record) -> None:
        """Take in one record of the pass."""
        at = record.changed_at
        if not at:
            return
        if self.newest and at >= _earlier(self.newest, self.overlap_s) and self.seen.get(record.key) != at:
            self.moved[record.key] = None
        self._latest = max(self._latest, at)
        if at >= _earlier(self._latest, self.overlap_s):
            self._times[record.key] = at
            if len(self._times) > self._room:
                edge = _earlier(self._latest, self.overlap_s)
                self._times = {key: time for key, time in self._times.items() if time >= edge}
                self._room = max(self._room, 2 * len(self._times))

    def kept(self) -> dict[str, Any]:
        """Give what the next pass must know."""
        newest = max(self.newest, self._latest)
        edge = _earlier(newest, self.overlap_s) if newest else ""
        return {"newest": newest, "seen": {key: at for key, at in self._times.items() if at >= edge}}


def _earlier(at: str, seconds: float) -> str:
    try:
        return (datetime.strptime(at, FORM) - timedelta(seconds=seconds)).strftime(FORM)
    except ValueError:
        return at   # a time the source wrote in another form still sorts after itself


class NotingSource:
    """A source as the intake reads it, that shows each record of a pass to whoever follows the moves of its kind."""

    def __init__(
        self, source: Source, look: Callable[[Sequence[Record]], Awaitable[None]],
        look_at_list: Callable[[Kind, Sequence[Record]], None], *, forewarn: Callable[[Kind], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._forewarn = forewarn     # hears of a list before it is asked for
        self._source = source
        self._look = look         # is shown all records of a page before anybody else has them
        self._look_at_list = look_at_list     # the same, of lists alone, with the kind whose list it is
        self.moves: dict[Kind, Moves] = {}
        self._lookers: dict[Kind, Callable[[Record], None]] = {}

    @contextmanager
    def shown_to(self, kind: Kind, look: Callable[[Record], None]) -> Iterator[None]:
        """Show each record of this kind to one more who looks, inside the block."""
        self._lookers[kind] = look
        try:
            yield
        finally:
            del self._lookers[kind]

    async def pages(self, kind: Kind, start: Cursor | None) -> AsyncGenerator[Page, None]:
        await self._forewarn(kind)
        async with aclosing(self._source.pages(kind, start)) as pages:
            async for page in pages:
                await self._look(page.records)
                self._look_at_list(kind, page.records)
                if kind in self.moves:
                    for record in page.records:
                        if record.kind == kind:
                            self.moves[kind].look(record)
                if kind in self._lookers:
                    for record in page.records:
                        if record.kind == kind:
                            self._lookers[kind](record)
                yield page

    async def children(self, kind: Kind, parent: Key) -> Page:
        page = await self._source.children(kind, parent)
        await self._look(page.records)
        return page

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def parents_of(streams: list[Stream]) -> set[Kind]:
    """Give the kinds whose children are asked by parent."""
    return {stream.parent for stream in streams if stream.parent is not None}
