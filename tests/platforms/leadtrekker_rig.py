"""A simulated Leadtrekker on a loopback socket, servers that lie, and a clock that never makes a test wait."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import anyio
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamflow.model import Page, Record
from streamflow.platforms.entry import SourceSettings, Wire
from streamflow.platforms.leadtrekker.doors import DOORS
from streamflow.platforms.spec import PlatformSpec
from streamflow.platforms.spec_source import SpecSource
from streamflow.sandbox.leadtrekker.server import SIMULATION, Config, make_app
from streamflow.wire.credentials import Masked
from streamflow.wire.limiter import PacedLimiter

KEY = "sandbox-lt-key"
NOW = datetime(2026, 6, 1, 10, 0, 0)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HastyClock:
    """Real clocks, except that whoever sleeps has slept at once and time has moved on by as much."""

    def __init__(self, skipped_s: float = 0.0) -> None:
        self.skipped_s = skipped_s

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skipped_s)

    def monotonic(self) -> float:
        return monotonic() + self.skipped_s

    def steady(self) -> datetime:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        self.skipped_s += max(0.0, seconds)
        await anyio.lowlevel.checkpoint()


def load_spec(streams: Mapping[str, Mapping[str, Any]] | None = None, **given: Any) -> PlatformSpec:
    """Give the shipped spec with overrides."""
    return DOORS.load_spec(SourceSettings(**{"reader": "files", **given, "streams": streams or {}}))


def connect(
    *, base_url: str = "", api_key: str = "", limiter: PacedLimiter | None = None, clock: Any = None, dice: Any = None, hook: Any = None,
    **given: Any,
) -> Any:  # fmt: skip
    """Open a source as the daemon does, from plain values."""
    options = {name: value for name, value in (("base_url", base_url), ("api_key", Masked(api_key) if api_key else "")) if value}
    clock = clock or HastyClock()
    pace = limiter or PacedLimiter(clock, rate_per_s=1.0, max_in_flight=1)
    return DOORS.connect(SourceSettings(options=options, **given), Wire(limiter=pace, clock=clock, hook=hook, dice=dice))


@asynccontextmanager
async def sandbox(*, records: int = 300, seed: int = 7, **switches: Any) -> AsyncIterator[TestServer]:
    """Serve one simulated account."""
    server = TestServer(make_app(Config(seed=seed, records=records, now=NOW, switches=switches)))
    async with server:
        yield server


@asynccontextmanager
async def liar(handler: Handler) -> AsyncIterator[TestServer]:
    """Serve whatever *handler* says, for every path."""
    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{tail:.*}", handler)
    server = TestServer(app)
    async with server:
        yield server


@asynccontextmanager
async def reading(server: TestServer | None, *, key: str = KEY, **given: Any) -> AsyncIterator[SpecSource]:
    """Open a source on a server at a pace that holds nobody up."""
    clock = given.pop("clock", None) or HastyClock()
    limiter = PacedLimiter(clock, rate_per_s=100_000.0, burst=100.0, max_in_flight=8)
    base_url = given.pop("base_url", "") or (str(server.make_url("/api/")) if server is not None else "")
    async with connect(base_url=base_url, api_key=key, limiter=limiter, clock=clock, dice=lambda: 0.0, **given) as source:
        yield source


async def all_pages(source: SpecSource, kind: str, start: str | None = None) -> list[Page]:
    """Read a whole list."""
    return [page async for page in source.pages(kind, start)]


async def all_records(source: SpecSource, kind: str) -> dict[str, Record]:
    """Read a whole list, by key; children asked per parent included."""
    stream = next(stream for stream in source.streams() if stream.kind == kind)
    if stream.parent is None:
        return {record.key: record for page in await all_pages(source, kind) for record in page.records}
    found: dict[str, Record] = {}
    for parent in await all_records(source, stream.parent):
        found |= {record.key: record for record in (await source.children(kind, parent)).records}
    return found


def simulation_of(server: TestServer) -> Any:
    """Give the simulated account behind a server."""
    return server.app[SIMULATION]


def truth(server: TestServer, kind: str) -> list[Mapping[str, Any]]:
    """Give the records of a kind as they truly are."""
    state = simulation_of(server).state
    return [record for _, _, record in state.listing(kind)]


def write_folder(folder: Path, files: Mapping[str, str | bytes], *, exported_at: str = "2026-06-01T08:00:00Z", **manifest: Any) -> Path:
    """Write a snapshot by hand: its files and a manifest, of which any part can be replaced; `rows` is name -> rows."""
    folder.mkdir(parents=True)
    rows = manifest.pop("rows", {})
    entries = []
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        entries.append({"file": name, "rows": rows.get(name), "sha256": hashlib.sha256(data).hexdigest()})
    (folder / "manifest.json").write_text(json.dumps({"exported_at": exported_at, "complete": True, "files": entries} | manifest))
    return folder
