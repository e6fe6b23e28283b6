"""
Reads of what is known to exist, where an empty answer may mean anything: no rows, a fault, a right that is missing.

Rule: an empty answer is believed once one of a few records seen before was shown again. That none of them is there any more is possible
and so unlikely that a fault is the better guess; the reader asks again later. A whole list that shows not one record,
although rows of another stream held some, is believed once it shows one of those by id: a user may lack the right to one call alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from streamflow.errors import PlatformUnavailable
from streamflow.model import Key, Kind, Page, Record
from streamflow.platforms.spec import PlatformSpec

WITNESSES = 3      # people may have deleted one since


class Canaries:
    """Keeps a few keys of each stream that asks for it, from the records it last saw."""

    def __init__(self, spec: PlatformSpec, named: Callable[[Kind, Key], Awaitable[Record | None]]) -> None:
        self._spec = spec
        self._named = named
        self._known: dict[Kind, list[Key]] = {}
        self._shown: set[Kind] = set()      # of streams that are answered with nothing now, and are believed
        self._nested: dict[Kind, list[Key]] = {}      # of streams with a list of their own, what rows of others held last
        self._bare: set[Kind] = set()       # of whole lists that are being read, those that have shown no record yet

    def begin(self, kind: Kind, *, is_whole: bool = False) -> None:
        """A reading of a stream begins; *is_whole*: of all of its list, from the beginning."""
        self._shown.discard(kind)
        (self._bare.add if is_whole else self._bare.discard)(kind)
        if is_whole:
            for each in {record for record in self._nested if self._root(record) == kind}:
                del self._nested[each]

    async def end(self, kind: Kind) -> None:
        """A reading of a stream is at its end. Raises PlatformUnavailable where a whole list had nothing, though there is something."""
        if kind in self._bare:
            self._bare.discard(kind)
            await self._ask(kind, self._nested.get(kind, []))

    async def empty(self, kind: Kind) -> None:
        """Make sure of an empty answer of a list; of several in a row the first is enough. Raises PlatformUnavailable as `ask` does."""
        if self._spec.streams[kind].canary and kind not in self._shown:
            await self.ask(kind)
            self._shown.add(kind)

    def saw(self, page: Page) -> None:
        """Take note of one record of a page, and of what came with it."""
        if page.records:
            self._bare.discard(page.kind)
        for record in page.records:
            stream = self._spec.streams[record.kind]
            if record.kind != page.kind and stream.list is not None and stream.one is not None and not stream.via:
                self._nested[record.kind] = [record.key, *self._nested.get(record.kind, ())][:WITNESSES]
        if not self._spec.streams[page.kind].canary:
            return
        if page.records:
            self._shown.discard(page.kind)
        key = next((record.key for record in page.records if record.kind == page.kind), None)
        if key is not None:
            others = [each for each in self._known.get(page.kind, ()) if each != key]
            self._known[page.kind] = [key, *others][:WITNESSES]

    async def ask(self, kind: Kind) -> None:
        """Make sure that records are shown at all. Raises PlatformUnavailable where none of those seen before is."""
        root = self._root(kind)
        await self._ask(root, self._known.get(root, []))

    async def _ask(self, kind: Kind, known: list[Key]) -> None:
        for key in known:
            if await self._named(kind, key) is not None:
                return
        if known:
            raise PlatformUnavailable(
                "the platform shows nothing, not even what was seen before", platform=self._spec.platform, stream=kind,
                hint="its empty answers stand for a fault, or its user has lost a right",
            )  # fmt: skip

    def _root(self, kind: Kind) -> Kind:
        stream = self._spec.streams[kind]
        if stream.canary:
            return kind
        return stream.via or next((each for each, other in self._spec.streams.items() if other.canary), kind)
