"""
Reads of what is known to exist, where an empty answer may mean anything: no rows, a fault, a right that is missing.

Rule: an empty answer is believed once one of a few records seen before was shown again. That none of them is there any more is possible
and so unlikely that a fault is the better guess; the reader asks again later.
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

    def begin(self, kind: Kind) -> None:
        """A reading of a stream begins."""
        self._shown.discard(kind)

    async def empty(self, kind: Kind) -> None:
        """Make sure of an empty answer of a list; of several in a row the first is enough. Raises PlatformUnavailable as `ask` does."""
        if self._spec.streams[kind].canary and kind not in self._shown:
            await self.ask(kind)
            self._shown.add(kind)

    def saw(self, page: Page) -> None:
        """Take note of one record of a page."""
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
        known = self._known.get(root, [])
        for key in known:
            if await self._named(root, key) is not None:
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
