"""Guards for reading lists page by page: a server that repeats itself, stands still or does not listen is an error, not a loop."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import orjson

from streamflow.errors import InvariantBroken, ProtocolMismatch

PAGE_CAP = 200_000
ONE_AND_THE_SAME = 10      # rows of one page under one key: so many are no record that was joined with something and shows repeatedly
MOVED_PAGES = 3      # short pages in a row that hold nothing but rows of the page before: rows that moved, up to here


def page_digest(rows: object) -> bytes:
    """Give a short digest of a page's content; order of rows counts, order of keys does not."""
    return blake2b(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS), digest_size=12).digest()


_NO_ROWS = page_digest([])


class PageGuard:
    """
    Watches one pass over one list.

    Rows that show up again on a later page are fine: rows move while they are read, and where new ones come first the last, short
    page may hold nothing but rows of the page before. A whole page that was there before, a page as long as the one before it
    and none of whose keys is new, many rows under one key, a cursor that comes back, more rows than asked for, or pages without
    end are not. Memory: 12 bytes a page and the keys of one page.
    """

    def __init__(self, stream: str, *, platform: str = "", size: int | None = None, page_cap: int = PAGE_CAP) -> None:
        self._stream = stream
        self._platform = platform
        self._size = size
        self._page_cap = page_cap
        self._digests: set[bytes] = set()
        self._cursors: set[str] = set()
        self._last_keys: frozenset[str] = frozenset()
        self._moved = 0
        self.pages = 0

    def asked(self, cursor: str) -> None:
        """Note where the next page is asked for. Raises InvariantBroken when that place was asked before."""
        if cursor in self._cursors:
            raise InvariantBroken("a cursor did not advance: the page was read already", platform=self._platform, stream=self._stream)
        self._cursors.add(cursor)
        if len(self._cursors) > self._page_cap:
            raise ProtocolMismatch(f"more than {self._page_cap} pages", platform=self._platform, stream=self._stream)

    def seen(self, keys: Sequence[str], digest: bytes) -> None:
        """Note what a page held; *keys* are of its rows that have one. An empty page is always fine. Raises ProtocolMismatch."""
        self.pages += 1
        if digest == _NO_ROWS:
            return
        if self._size is not None and len(keys) > self._size:
            self._fail(f"a page holds {len(keys)} rows where {self._size} were asked for", "the server ignores the page size")
        if digest in self._digests:
            self._fail("a page came twice", "the server ignores the paging parameters or repeats itself")
        self._digests.add(digest)
        if not keys:
            return
        now = frozenset(keys)
        if len(now) == 1 and len(keys) >= ONE_AND_THE_SAME:
            self._fail(f"{len(keys)} rows of a page have one and the same key", "the key of this stream is not what tells its rows apart")
        if not now <= self._last_keys:
            self._last_keys, self._moved = now, 0
            return
        self._moved += 1
        if len(now) == len(self._last_keys) or self._moved > MOVED_PAGES:
            self._fail("a page brought nothing new", "the server stands still")

    def _fail(self, what: str, hint: str) -> None:
        raise ProtocolMismatch(what, hint=hint, platform=self._platform, stream=self._stream)
