"""Reading lists page by page (nutshell.md 1.9)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.envelope import rows, total
from streamflow.wire.paging import PageGuard, page_digest

PAGE_ROWS = 500
RPC_ROWS = 100
SORTED = ("accounts", "contacts", "leads")
PLURALS = {"accounts": "Accounts", "contacts": "Contacts", "leads": "Leads"}


class ListPass:
    """One pass over a REST list. Afterwards `shrank` says whether rows left the list meanwhile, so that some may have slipped through."""

    def __init__(self, calls: Calls, kind: str, filters: Sequence[tuple[str, str]] = (), *, size: int = PAGE_ROWS) -> None:
        self._calls = calls
        self._kind = kind
        self._filters = tuple(filters)
        self._size = size
        self.shrank = False

    async def pages(self) -> AsyncIterator[list[dict[str, Any]]]:
        """
        Yield pages until an empty one; oldest first where the list can be sorted, so that new rows come at the end.

        An empty page where there should be rows (at the very beginning, behind a full page, or by the list's own count) is asked for again.
        """
        guard = PageGuard(self._kind, platform="nutshell", size=self._size)
        last: int | None = None
        page, shown, width, is_again = 0, 0, self._size, False
        while True:
            query = [*self._filters, ("page[limit]", str(self._size)), ("page[page]", str(page))]
            if self._kind in SORTED:
                query.append(("sort", "createdTime"))
            data = await self._calls.get(self._kind, query=query)
            found = rows(data, self._kind)
            held = total(data)
            self.shrank = self.shrank or (last is not None and held is not None and held < last)
            last = held if held is not None else last
            if not found:
                if is_again and shown == 0 and held and not self._filters:
                    raise ProtocolMismatch(
                        f"a list of {self._kind} shows nobody and counts {held}: it is not believed", platform="nutshell",
                        hint="look whether the account shows them in its web app",
                    )  # fmt: skip
                if is_again or (width < self._size and (held is None or shown >= held)):
                    return
                is_again = True
                continue
            guard.asked(str(page))
            guard.seen([str(row.get("id")) for row in found], page_digest(found))
            yield found
            page, shown, width, is_again = page + 1, shown + len(found), len(found), False


async def rpc_pages(calls: Calls, kind: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield pages of whole records by JSON-RPC find*, 1-based, a hundred each (8); what comes may still be stubs."""
    guard = PageGuard(f"{kind} (rpc)", platform="nutshell", size=RPC_ROWS)
    page = 1
    while True:
        params = {"query": {}, "orderBy": "createdTime", "orderDirection": "ASC", "limit": RPC_ROWS, "page": page, "stubResponses": False}
        if kind == "leads":
            params["query"] = {"filter": 2}   # all, not mine or my team's
        result = await calls.ask(f"find{PLURALS[kind]}", params)
        found = rows(result, kind)
        if not found:
            return
        guard.asked(str(page))
        guard.seen([str(row.get("id")) for row in found], page_digest(found))
        yield found
        page += 1
