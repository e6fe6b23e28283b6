"""What a hostile server can make the daemon hold: bodies that unpack or are read to far more, that never end, that nest without end."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from random import Random

import anyio
import anyio.lowlevel
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamflow.cli.gates import read_document
from streamflow.errors import ConfigError, StreamflowError, UsageError
from streamflow.migration.proposal import read_map_file
from streamflow.wire.backoff import Patience
from streamflow.wire.body import PARSED_CAP_BYTES, parse_json, parsed_bytes
from streamflow.wire.credentials import BasicCredentials, Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Request
from streamflow.wire.room import SHARED, Room
from streamflow.wire.session import Session, SessionSettings, open_session
from tests.platforms.leadtrekker_rig import HastyClock

CAP = 1_000_000
UNPACKED = 80_000_000
PIECE = 65_536
HELD = 32_000_000
"""Bytes above what was there before: the cap, what the library unpacks at once, and what the small server in here needs."""


@cache
def _bombs() -> dict[str, bytes]:
    blanks = b" " * UNPACKED
    return {"gzip": gzip.compress(blanks, 6), "deflate": zlib.compress(blanks, 6)}


class Pieces:
    """Sends a body by pieces, and knows how many were nearly through at once: no more than the reader takes of them."""

    def __init__(self) -> None:
        self._nearly_through = 0
        self.most = 0

    async def __call__(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Answer with it; what is packed is told by its first byte."""
        answer = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        if body[:1] != b"[":
            answer.headers["Content-Encoding"] = "gzip"
        await answer.prepare(request)
        last = len(body) * 9 // 10
        for at in range(0, last, PIECE):
            await answer.write(body[at : min(last, at + PIECE)])
        self._nearly_through += 1
        self.most = max(self.most, self._nearly_through)
        for at in range(last, len(body), PIECE):
            await answer.write(body[at : at + PIECE])
        self._nearly_through -= 1
        return answer


@asynccontextmanager
async def _asking(body: bytes, cap_bytes: int = CAP, room: Room = SHARED, pieces: Pieces | None = None) -> AsyncIterator[Session]:
    """Ask a server that gives this body in whatever encoding the path names."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/small"):
            return web.json_response([])
        if pieces is not None:
            return await pieces(request, body)
        return web.Response(body=body, headers={"Content-Encoding": request.path.rpartition("/")[2], "Content-Type": "application/json"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    clock = HastyClock()
    settings = SessionSettings(body_cap_bytes=cap_bytes, patience=Patience(attempts=1))
    async with TestServer(app, host="127.0.0.1") as server, open_session(
        platform="test", base_url=str(server.make_url("/rest")), credentials=BasicCredentials("a@x.test", Masked("k")),
        limiter=PacedLimiter(clock, rate_per_s=1_000, burst=100), clock=clock, settings=settings, room=room,
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


@pytest.mark.parametrize("row", [b"{},", b"[" * 50 + b"]" * 50 + b","], ids=["objects", "brackets"])
async def test_a_body_that_is_read_as_far_more_is_not_read(row: bytes) -> None:
    """Seven megabytes of rows that hold nothing, under the cap on bytes, are an error that says so; memory does not follow them."""
    body = b'{"contacts":[' + row * (7_000_000 // len(row)) + b"0]}"
    async with _asking(body, cap_bytes=64 * 1024 * 1024) as session:
        assert await _held(session, "identity", "too many: more values than 320 MiB have room for") < HELD


@pytest.mark.parametrize("is_packed", [False, True])
async def test_many_large_bodies_at_once_are_not_held_at_once(is_packed: bool) -> None:
    """Eight bodies of twenty megabytes come in one after the other; small ones wait for none of them, and each is read in the end."""
    text, calls = Random(7).randbytes(10_000_000).hex().encode(), 8
    room, pieces, done = Room(24_000_000), Pieces(), []

    async def one(session: Session, path: str) -> None:
        done.append(sum(map(len, (await session.read(Request(method="GET", path=path, endpoint="contacts"))).data)))

    body = b'["' + text + b'"]'
    async with _asking(gzip.compress(body, 1) if is_packed else body, cap_bytes=22_000_000, room=room, pieces=pieces) as session:
        async with anyio.create_task_group() as group:
            for _ in range(calls):
                group.start_soon(one, session, "large")
        async with room.held(24_000_000):
            await one(session, "small")
    assert done == [len(text)] * calls + [0]
    assert (pieces.most, room.left_bytes) == (1, 24_000_000)


async def test_room_is_given_in_turn_and_given_back() -> None:
    """Nobody passes who came later, who leaves the line takes nothing along, and more than there is means all of it."""
    room, order = Room(100), []

    async def one(name: str, size: int, scope: anyio.CancelScope | None = None) -> None:
        with scope or anyio.CancelScope():
            async with room.held(size):
                order.append(name)
                await anyio.lowlevel.checkpoint()

    leaving = anyio.CancelScope()
    async with anyio.create_task_group() as group:
        async with room.held(60):
            for name, size, scope in (("too much", 1_000, None), ("leaves", 50, leaving), ("small", 10, None), ("last", 100, None)):
                group.start_soon(one, name, size, scope)
                await anyio.wait_all_tasks_blocked()
            leaving.cancel()
            await anyio.wait_all_tasks_blocked()
            assert order == []
    assert (order, room.left_bytes) == (["too much", "small", "last"], 100)


SMALL = 6_000
FORMS: dict[str, bytes] = {
    "objects": b"{}," * SMALL,
    "lists": b"[0]," * SMALL,
    "deep lists": (b"[" * 50 + b"]" * 50 + b",") * (SMALL // 50),
    "deep objects": b"".join((b'{"k%d":' % i) * 50 + b"0" + b"}" * 50 + b"," for i in range(SMALL // 50)),
    "one key": b'{"a":0},' * SMALL,
    "own keys": b"".join(b'{"k%07d":0},' % i for i in range(SMALL)),
    "own keys and values": b"".join(b'{"k%07d":"v%07d"},' % (i, i) for i in range(SMALL)),
    "one large object": b"{" + b",".join(b'"k%07d":"v%07d"' % (i, i) for i in range(SMALL)) + b"},",
    "rows": b'{"a":0,"b":0.5,"c":"","d":"cc","e":null,"f":["x"]},' * (SMALL // 6),
    "texts": b'"ab",' * SMALL,
    "other scripts": '"шш",'.encode() * SMALL,
    "signs": '"😀",'.encode() * SMALL,
    "signs in escapes": rb'"\ud83d\ude00",' * SMALL,
    "a wide text": b'"' + b"a" * 50_000 + '😀",'.encode(),
    "a wide text in escapes": b'"' + b"a" * 50_000 + rb'\uD83D\uDE00",',
    "a less wide text": b'"' + b"a" * 50_000 + rb'\u0448",',
    "numbers": b"0.5,123456789012," * (SMALL // 2),
}


@pytest.mark.parametrize("form", FORMS)
def test_no_body_takes_more_than_is_reckoned(form: str) -> None:
    """What is read from a body takes no more memory than its bytes said beforehand, whatever it is made of."""
    body = b"[" + FORMS[form] + b"0]"
    tracemalloc.start()
    try:
        read = parse_json(body)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert read[-1] == 0
    assert len(body) + taken <= parsed_bytes(body) + 4_096


def test_what_a_platform_may_rightly_say_has_room() -> None:
    """Pages of 500 rows with a thousand fields each, twenty thousand unpaged rows of sixty fields, 60 MB of texts with signs."""
    def rows(count: int, fields: int) -> bytes:
        return (b"{" + b'"FieldName12":"a value",' * fields + b'"x":1},') * count

    for body, times in (rows(500, 1_000), 1), (rows(2_000, 60), 10), ((b'{"text":"' + b"a" * 9_000 + '😀"},'.encode()) * 660, 10):
        assert times * parsed_bytes(body) <= PARSED_CAP_BYTES


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
