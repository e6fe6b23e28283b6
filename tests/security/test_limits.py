"""What a hostile server can make the daemon hold: bodies that unpack to far more, that never end, that nest without end."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamflow.cli.gates import read_document
from streamflow.errors import ConfigError, StreamflowError, UsageError
from streamflow.migration.proposal import read_map_file
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import BasicCredentials, Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Request
from streamflow.wire.session import Session, SessionSettings, open_session
from tests.platforms.leadtrekker_rig import HastyClock

CAP = 1_000_000
UNPACKED = 80_000_000
HELD = 32_000_000
"""Bytes above what was there before: the cap, what the library unpacks at once, and what the small server in here needs."""


@cache
def _bombs() -> dict[str, bytes]:
    blanks = b" " * UNPACKED
    return {"gzip": gzip.compress(blanks, 6), "deflate": zlib.compress(blanks, 6)}


@asynccontextmanager
async def _asking(body: bytes) -> AsyncIterator[Session]:
    """Ask a server that gives this body in whatever encoding the path names."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Encoding": request.path.rpartition("/")[2], "Content-Type": "application/json"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    clock = HastyClock()
    settings = SessionSettings(body_cap_bytes=CAP, patience=Patience(attempts=1))
    async with TestServer(app, host="127.0.0.1") as server, open_session(
        platform="test", base_url=str(server.make_url("/rest")), credentials=BasicCredentials("a@x.test", Masked("k")),
        limiter=PacedLimiter(clock, rate_per_s=1_000, burst=100), clock=clock, settings=settings,
    ) as session:  # fmt: skip
        yield session


async def _held(session: Session, encoding: str, why: str | None = None) -> int:
    """Give the bytes that were held at most while an answer was refused, for that reason where one is named."""
    tracemalloc.start()
    try:
        with pytest.raises(StreamflowError, match=why):
            await session.read(Request(method="GET", path=encoding, endpoint="contacts"))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_unpacks_to_far_more_is_not_held(encoding: str) -> None:
    """Eighty megabytes of blanks in eighty kilobytes end the call at the cap; memory does not follow them."""
    async with _asking(_bombs()[encoding]) as session:
        assert await _held(session, encoding, "too large") < HELD


async def test_a_body_packed_twice_is_no_way_around_the_cap() -> None:
    """Where a server names an encoding twice, or one that nobody knows, what cannot be read is an error, not a second unpacking."""
    async with _asking(gzip.compress(_bombs()["gzip"])) as session:
        for encoding in ("gzip,gzip", "gzip, deflate", "x-unknown"):
            assert await _held(session, encoding) < HELD


@pytest.mark.parametrize(("name", "text"), [
    ("map.json", "[" * 100_000), ("map.json", '{"objects": ' * 200 + "1" + "}" * 200), ("map.toml", "a = " + "[" * 100_000),
    ("map.toml", "a = " + "9" * 10_000),
])  # fmt: skip
def test_a_map_nested_without_end_is_refused(tmp_path: Path, name: str, text: str) -> None:
    """A map file made of brackets is one clear error, for the daemon and for the command line."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"map\.file"):
        read_map_file(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_document(str(path))
