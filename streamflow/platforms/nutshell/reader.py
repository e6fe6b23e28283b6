"""Reading back, always by the cheapest route the flags allow (nutshell.md 1.4, 1.9, 5.1, 8)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from streamflow.clock import Clock
from streamflow.compact import Numbers
from streamflow.errors import NotFound, RecordRejected
from streamflow.model import DestId, Fields, Kind, Verdict
from streamflow.platforms.destination import HUNG
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.platforms.nutshell.dialect.envelope import is_gone, merged_with, rows
from streamflow.platforms.nutshell.dialect.ids import full_id
from streamflow.platforms.nutshell.dialect.parts import customs_from_wire
from streamflow.platforms.nutshell.dialect.records import flat, many
from streamflow.platforms.nutshell.feed import NutshellFeed
from streamflow.platforms.nutshell.finder import Finder
from streamflow.platforms.nutshell.flags import ENTITIES
from streamflow.platforms.nutshell.listing import Listings
from streamflow.platforms.nutshell.pages import ListPass, rpc_pages
from streamflow.wire.spread import spread

IDS_CAP_CHARS = 6_000    # of the comma-joined ids; 8 KB is the assumed bound of a whole URL (nutshell.md 13)
LAG_PATIENCE_S = 30.0    # the longest wait for a search to show our last write; what it does not show is read one by one
MERGES = 20              # one into the next, before it counts as a circle
ABSENCES = 2            # how often a record that an answer left out is asked for alone, before it counts as gone
PASSES = 4               # over a list that loses rows while it is read
Found = dict[DestId, Fields]


class NutshellReader:
    """The reading door. `routes` counts calls and records for each way custom fields were read."""

    def __init__(self, calls: Calls, listings: Listings, feed: NutshellFeed, clock: Clock) -> None:
        self._calls = calls
        self._listings = listings
        self._clock = clock
        self._feed = feed
        self._finder = Finder(calls, self)
        self.routes: dict[str, int] = {}

    def route(self, kind: Kind) -> str:
        """Say how whole records of a kind are read back most cheaply: payload, search or single."""
        flags = self._calls.flags
        if kind not in ENTITIES or flags.payload_custom_fields:
            return "payload"
        return "search" if flags.rpc_find_custom_fields and flags.has_rpc(f"find{kind.capitalize()}") else "single"

    # --- by id

    async def read(self, kind: Kind, ids: Sequence[DestId], *, custom: bool) -> Mapping[DestId, Fields]:
        """Read records by id, several a call; what is gone is missing from the answer."""
        wanted = list(dict.fromkeys(ids))
        found: Found = {}
        for part in await spread(lambda chunk: self._rows(kind, chunk), _chunks(wanted, self._calls.flags.multi_get(kind))):
            for row in part:
                if row.get("id") and not is_gone(row):
                    found[str(row["id"])] = flat(kind, row)
        if custom and kind in ENTITIES:
            await self._add_customs(kind, found)
        return {dest_id: found[dest_id] for dest_id in wanted if dest_id in found}

    async def fates(self, kind: Kind, ids: Sequence[DestId]) -> Mapping[DestId, DestId | None]:
        """Give the record that stayed for those merged away, None for deleted ones; live ones are missing from the answer."""
        held: dict[DestId, dict[str, Any]] = {}
        wanted = list(dict.fromkeys(ids))
        for _ in range(MERGES):
            asked = [dest_id for dest_id in wanted if dest_id not in held]
            if not asked:
                break
            parts = await spread(lambda chunk: self._rows(kind, chunk), _chunks(asked, self._calls.flags.multi_get(kind)))
            held |= {dest_id: {} for dest_id in asked} | {str(row["id"]): row for part in parts for row in part if row.get("id")}
            wanted = list(dict.fromkeys(each for dest_id in asked if (each := merged_with(held[dest_id])) is not None))
        fates: dict[DestId, DestId | None] = {}
        for dest_id in ids:
            at: DestId | None = dest_id
            for _ in range(MERGES):
                at = merged_with(held.get(at or "", {})) if at is not None else None
                if at is None or (held.get(at) and not is_gone(held[at])):
                    break
            if not held[dest_id] or is_gone(held[dest_id]):
                fates[dest_id] = at if at is not None and held.get(at) and not is_gone(held[at]) else None
        return fates

    async def remains(self, kind: Kind, dest_id: DestId) -> Fields | None:
        """Give a record, removed or not (7), with the people of a company; of other kinds no answer names what hangs on them."""
        found = await self._rows(kind, [dest_id])
        if not found:
            return None
        links = found[0].get("links")
        people = many(links.get("contacts")) if kind == "accounts" and isinstance(links, dict) else []
        return {**flat(kind, found[0]), HUNG: people}

    async def _rows(self, kind: Kind, ids: Sequence[DestId]) -> list[dict[str, Any]]:
        """One GET for all; halved when it is refused: one unknown id may refuse the rest, or these were too many, which is remembered."""
        try:
            found = await self._asked(kind, ids)
        except (NotFound, RecordRejected) as refusal:
            if len(ids) == 1:
                if isinstance(refusal, NotFound):
                    return []
                raise
            if isinstance(refusal, RecordRejected):
                self._take_fewer(kind, len(ids) // 2)
        else:
            told = {str(row.get("id")) for row in found}
            again = await spread(lambda dest_id: self._alone(kind, dest_id), [dest_id for dest_id in ids if dest_id not in told])
            return [*found, *(row for part in again for row in part)]
        middle = len(ids) // 2
        halves = [await self._rows(kind, ids[:middle]), await self._rows(kind, ids[middle:])]
        if len(ids) == 2 and all(halves):
            self._take_fewer(kind, 1)   # both are there, and not together
        return [row for half in halves for row in half]

    async def _asked(self, kind: Kind, ids: Sequence[DestId]) -> list[dict[str, Any]]:
        return rows(await self._calls.get(f"{kind}/{','.join(ids)}", endpoint=f"{kind}/{{id}}"), kind)

    async def _alone(self, kind: Kind, dest_id: DestId) -> list[dict[str, Any]]:
        """Ask again for a record that an answer left out: it is gone when it is refused as unknown, or left out each time."""
        for _ in range(ABSENCES):
            try:
                if found := await self._asked(kind, [dest_id]):
                    return found
            except NotFound:
                return []
        return []

    def _take_fewer(self, kind: Kind, most: int) -> None:
        flags = self._calls.flags
        if most < flags.multi_get(kind):
            self._calls.adopt({"multi_get_kinds": {**flags.multi_get_kinds, kind: most}})

    async def _add_customs(self, kind: Kind, found: Found) -> None:
        if self._calls.flags.payload_custom_fields:
            self._count("payload", len(found))
            return
        ids = list(found)
        for dest_id, customs in zip(ids, await spread(lambda i: self._customs(kind, i), ids), strict=True):
            if customs is None:
                del found[dest_id]
            else:
                found[dest_id].update(customs)

    async def _customs(self, kind: Kind, dest_id: DestId) -> Fields | None:
        """One record's custom values by a call of its own; None when the record is gone. Nothing at all is asked for again."""
        for _ in range(ABSENCES):
            self._count("single", 1)
            try:
                data = await self._calls.get(f"{kind}/{dest_id}/customfields", endpoint=f"{kind}/{{id}}/customfields")
            except NotFound:
                return None
            if found := rows(data, "customFields"):
                return customs_from_wire(found)
        return {}

    def _count(self, route: str, number: int) -> None:
        self.routes[route] = self.routes.get(route, 0) + number

    # --- everything

    async def everything(self, kind: Kind, *, custom: bool) -> AsyncIterator[Mapping[DestId, Fields]]:
        """
        Yield all live records, each once, page by page; lists lag behind writes.

        When rows left the list while it was read, others may have slipped past a page's edge: it is read again for those.
        """
        seen = Numbers()      # texts that stay would also keep the memory of the pages they came with
        for _ in range(PASSES):
            before = await self._feed.newest_deletion()
            shrank = False
            async for page, has_shrunk in self._pass(kind, custom=custom):
                shrank = has_shrunk
                fresh = {dest_id: fields for dest_id, fields in page.items() if not seen[dest_id]}
                for dest_id in fresh:
                    seen[dest_id] = 1
                if fresh:
                    yield fresh
            if not shrank and before == await self._feed.newest_deletion():
                return

    async def _pass(self, kind: Kind, *, custom: bool) -> AsyncIterator[tuple[Found, bool]]:
        flags = self._calls.flags
        apart = custom and kind in ENTITIES and not flags.payload_custom_fields
        if apart and flags.rpc_find_custom_fields and flags.has_rpc(f"find{kind.capitalize()}"):
            async for found in self._rpc_pass(kind):
                yield found, False
            return
        listing = ListPass(self._calls, kind)
        async for page in listing.pages():
            found = {str(row["id"]): flat(kind, row) for row in page if row.get("id") and not is_gone(row)}
            if custom and kind in ENTITIES:
                await self._add_customs(kind, found)
            yield found, listing.shrank
        yield {}, listing.shrank

    async def _rpc_pass(self, kind: Kind) -> AsyncIterator[Found]:
        """Custom fields from whole records by JSON-RPC, the rest by multi-GET: three calls for a hundred records."""
        await self._until_shown(kind)
        async for page in rpc_pages(self._calls, kind):
            whole = {i: row for row in page if (i := full_id(row.get("id"), kind)) and isinstance(row.get("customFields"), dict | list)}
            ids = [i for row in page if (i := full_id(row.get("id"), kind))]
            found = dict(await self.read(kind, ids, custom=False))
            stubs = {i: fields for i, fields in found.items() if i not in whole}
            await self._add_customs(kind, stubs)
            self._count("rpc", len(found) - len(stubs))
            for dest_id in ids:
                if dest_id in whole and dest_id in found:
                    found[dest_id] = {**found[dest_id], **customs_from_wire(whole[dest_id]["customFields"])}
            if page and not whole:
                self._calls.adopt({"rpc_find_custom_fields": False})
            yield {i: fields for i, fields in found.items() if i in whole or i in stubs}

    async def _until_shown(self, kind: Kind) -> None:
        """Wait until the search may be expected to show what we wrote last: each record it misses costs a call of its own."""
        hidden_s = min(self._calls.flags.search_lag_s, LAG_PATIENCE_S) - self._calls.since_write_s(kind)
        if hidden_s > 0:
            await self._clock.sleep(hidden_s)

    # --- finding and judging

    async def find(self, kind: Kind, marker: str, hints: Fields) -> Sequence[DestId]:
        """Give the ids of live records that carry *marker* exactly; lists and searches lag."""
        return await self._finder.find(kind, marker, hints)

    def compare(self, kind: Kind, field: str, expected: Any, actual: Any) -> Verdict:
        """Judge one value read back."""
        return compare(kind, field, expected, actual)

    async def has_field(self, kind: Kind, label: str) -> bool:
        """Say whether a custom field of this name is defined; a filter by an undefined name would let everything through."""
        found = await self._listings.rows(f"{kind}/customfields/attributes", "customFields")
        return any(str(row.get("title") or row.get("name")) == label for row in found)


def _chunks(ids: Sequence[DestId], most: int) -> list[Sequence[DestId]]:
    """Cut ids so that none is over the number or the length allowed."""
    chunks: list[Sequence[DestId]] = []
    held: list[DestId] = []
    chars = 0
    for dest_id in ids:
        if held and (len(held) >= most or chars + len(dest_id) + 1 > IDS_CAP_CHARS):
            chunks.append(held)
            held, chars = [], 0
        held.append(dest_id)
        chars += len(dest_id) + 1
    return [*chunks, held] if held else chunks


