"""
Rows that are asked for by their parent, where the answer may be about another one, or about everybody.

Rule: a parent's rows are believed where they name it, or nobody. Those that name others may be of parents merged into it, which are few
and come each time; and two parents with the very same rows are one only where one was just merged into the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from streamflow.errors import NotObeyed
from streamflow.model import Key, Kind, Page
from streamflow.platforms.spec import PlatformSpec, StreamSpec

MERGED_AT_MOST = 10      # rows of more other parents are not those of one that some were merged into, but everybody's


class Offspring:
    """Asks for the rows of parents by *read*, which gives all of one parent's and what tells them from other rows, and doubts them."""

    def __init__(self, spec: PlatformSpec, read: Callable[[Kind, Key], Awaitable[tuple[Page, bytes]]]) -> None:
        self._spec = spec
        self._read = read
        self._merged: dict[tuple[Kind, Key], frozenset[Key]] = {}     # whose rows a parent has as well, as it said twice
        self._last: dict[Kind, tuple[Key, bytes]] = {}

    async def of(self, kind: Kind, parent: Key) -> Page:
        """Give the rows of one parent. Raises NotObeyed where they are not, or not only, of the one that was asked for."""
        page, digest = await self._checked(kind, parent)
        await self._check_others(kind, parent, page)
        if page.records:
            await self._check_same(kind, parent, digest)
        return page

    async def _checked(self, kind: Kind, parent: Key) -> tuple[Page, bytes]:
        page, digest = await self._read(kind, parent)
        stream = self._spec.streams[kind]
        if len(others(stream, parent, page)) > MERGED_AT_MOST:
            raise NotObeyed(
                "rows of many parents came besides those of the one asked for, so the parameter that names the parent is not obeyed",
                platform=self._spec.platform, stream=kind, hint="correct key_param of this stream",
            )  # fmt: skip
        return page, digest

    async def _check_others(self, kind: Kind, parent: Key, page: Page) -> None:
        """See that rows which name some other parent come again: those of one that was merged into this one do so each time."""
        stream = self._spec.streams[kind]
        named = others(stream, parent, page)
        if named <= self._merged.get((kind, parent), frozenset()):
            return
        if not named <= others(stream, parent, (await self._checked(kind, parent))[0]):
            raise NotObeyed(
                "rows of other parents than the one asked for came, and did not come again, so key_param was not obeyed",
                platform=self._spec.platform, stream=kind, hint="it is asked again; if this goes on, correct key_param of this stream",
            )  # fmt: skip
        self._merged[kind, parent] = named

    async def _check_same(self, kind: Kind, parent: Key, digest: bytes) -> None:
        """See that not any parent has these rows: where the last one asked had the same, it is asked again."""
        other, before = self._last.get(kind, (parent, b""))
        if digest != before or other == parent or (await self._checked(kind, other))[1] != digest:
            self._last[kind] = (parent, digest)     # not where it lied: asked once more, it is held against the same answer
            return
        raise NotObeyed(
            "two parents have exactly the same rows, so the parameter that names the parent is not obeyed", platform=self._spec.platform,
            stream=kind, hint="correct key_param of this stream",
        )  # fmt: skip


def others(stream: StreamSpec, parent: Key, page: Page) -> frozenset[Key]:
    """Give the other parents that rows of a page say they belong to."""
    told = {str(record.data.get(stream.parent_field) or "") for record in page.records if record.kind == stream.kind}
    return frozenset(told - {"", parent})
