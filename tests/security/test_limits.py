"""What a hostile server can make the daemon hold: bodies that unpack to far more, that never end, that nest without end."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
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
from streamflow.wire.session import SessionSettings, open_session
from tests.platforms.leadtrekker_rig import HastyClock

CAP = 1_000_000
UNPACKED = 80_000_000
HELD = 32_000_000
"""Bytes above what was there before: the cap, what the library unpacks at once, and what the small server in here needs."""


@cache
def _bombs() -> dict[str, bytes]:
    blanks = b" " * UNPACKED
    return {"gzip": gzip.compress(blanks, 6), "deflate": zlib.compress(blanks, 6)}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_unpacks_to_far_more_is_not_held(encoding: str) -> None:
    """Eighty megabytes of blanks in eighty kilobytes end the call at the cap; memory does not follow them."""
    bomb = _bombs()[encoding]

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": encoding, "Content-Type": "application/json"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    clock = HastyClock()
    settings = SessionSettings(body_cap_bytes=CAP, patience=Patience(attempts=1))
    async with TestServer(app, host="127.0.0.1") as server, open_session(
        platform="test", base_url=str(server.make_url("/rest")), credentials=BasicCredentials("a@x.test", Masked("k")),
        limiter=PacedLimiter(clock, rate_per_s=1_000, burst=100), clock=clock, settings=settings,
    ) as session:  # fmt: skip
        tracemalloc.start()
        try:
            with pytest.raises(StreamflowError, match="too large"):
                await session.read(Request(method="GET", path="contacts", endpoint="contacts"))
            assert tracemalloc.get_traced_memory()[1] < HELD
        finally:
            tracemalloc.stop()


async def test_a_body_packed_twice_is_no_way_around_the_cap() -> None:
    """Where a server names an encoding twice, or one that nobody knows, what cannot be read is an error, not a second unpacking."""
    body = gzip.compress(_bombs()["gzip"])

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
        begun = time.monotonic()
        for encoding in ("gzip,gzip", "gzip, deflate", "x-unknown"):
            with pytest.raises(StreamflowError):
                await session.read(Request(method="GET", path=encoding, endpoint="contacts"))
        assert time.monotonic() - begun < 10.0


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
