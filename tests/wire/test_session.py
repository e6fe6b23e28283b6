"""The session against a server that lies, cuts, stalls and redirects."""

from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamflow.clock import Clock, SystemClock
from streamflow.errors import (
    AccessRefused,
    NotFound,
    NotPermitted,
    PlatformUnavailable,
    ProtocolMismatch,
    RecordRejected,
    StreamflowError,
    Throttled,
    Uncertain,
)
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import BasicCredentials, Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt, Request, Response
from streamflow.wire.session import Session, SessionSettings, open_session
from streamflow.wire.spread import spread
from streamflow.wire.verdict import CallVerdict, Outcome
from tests.hanging import HUNG_S
from tests.platforms.leadtrekker_rig import HastyClock
from tests.wire.virtual import VirtualClock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SETTINGS = SessionSettings(
    total_s=HUNG_S, read_s=HUNG_S, connect_s=HUNG_S, body_cap_bytes=100_000,
    patience=Patience(attempts=3, base_s=0.001, cap_s=0.002, total_s=HUNG_S),
)  # fmt: skip
QUICK = replace(SETTINGS, total_s=0.5, read_s=0.5)
"""For an answer that never comes; what does come would be cut off on a machine that is busy."""
BOMB = gzip.compress(b" " * 5_000_000)


class Liar:
    """A server whose one handler is chosen by the test; counts what reached it."""

    def __init__(self, clock: Clock) -> None:
        self.seen: list[tuple[str, str]] = []
        self.answers: list[Handler] = []
        self.attempts: list[Attempt] = []
        self.url = ""
        self.limiter = PacedLimiter(clock, rate_per_s=10_000, burst=100)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


@asynccontextmanager
async def _lying(
    *answers: Handler, settings: SessionSettings = SETTINGS, clock: Clock | None = None, credentials: BasicCredentials | None = None
) -> AsyncIterator[tuple[Session, Liar]]:
    time = clock or SystemClock()
    liar = Liar(time)
    liar.answers = list(answers)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", liar.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        liar.url = str(server.make_url("/rest"))
        async with open_session(
            platform="test", base_url=liar.url, credentials=credentials or BasicCredentials("a@x.test", Masked("s3cret")),
            limiter=liar.limiter, clock=time, settings=settings, hook=liar.attempts.append,
        ) as session:  # fmt: skip
            yield session, liar


def _get(path: str = "contacts", **more: Any) -> Request:
    return Request(method="GET", path=path, endpoint="contacts", **more)


def _post(method: str = "POST") -> Request:
    return Request(method=method, path="contacts", endpoint="contacts", body=b'{"contacts":[{"name":"Nia Okafor"}]}')


def _json(data: object, status: int = 200, headers: dict[str, str] | None = None) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(data, status=status, headers=headers)

    return answer


def _text(text: str, media: str = "text/html", status: int = 200) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=media, status=status)

    return answer


async def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()


async def _truncated(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"}, status=201)
    await answer.prepare(request)
    await answer.write(b'{"contacts":[{"id"')
    assert request.transport is not None
    request.transport.close()
    return answer


async def _endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    for _ in range(200):
        await answer.write(b"[" + b"1," * 5_000)
    return answer


async def _bomb(_: web.Request) -> web.StreamResponse:
    return web.Response(body=BOMB, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})


async def _stuck(_: web.Request) -> web.StreamResponse:
    await anyio.sleep(2 * HUNG_S)
    return web.json_response({})


async def _elsewhere(request: web.Request) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "/rest/stolen"})


async def test_a_read_goes_on_through_a_bad_moment() -> None:
    """A reset, a 503 and an HTML page with 200 are asked again until the answer comes."""
    patient = SessionSettings(patience=Patience(attempts=6, base_s=0.001, cap_s=0.002))
    async with _lying(_reset, _json({}, 503), _text("<html>busy</html>"), _json({"contacts": [1]}), settings=patient) as (session, liar):
        response = await session.read(_get())
    assert response.data == {"contacts": [1]}
    assert [a.verdict for a in liar.attempts] == ["transient", "transient", "transient", "ok"]
    assert [a.status for a in liar.attempts] == [0, 503, 200, 200]


@pytest.mark.parametrize(
    ("answer", "expected", "calls"),
    [
        (_reset, PlatformUnavailable, 3), (_truncated, PlatformUnavailable, 3), (_stuck, PlatformUnavailable, 3),
        (_json({}, 500), PlatformUnavailable, 3), (_text("<html>"), ProtocolMismatch, 3),
        (_text("{", "application/json"), ProtocolMismatch, 3),
        (_text("<h1>Not Found", status=404), NotFound, 1), (_elsewhere, ProtocolMismatch, 1), (_endless, ProtocolMismatch, 1),
        (_bomb, ProtocolMismatch, 1), (_text("[" * 80 + "]" * 80, "application/json"), ProtocolMismatch, 3),
        (_json({}, 400), RecordRejected, 1),
    ],
)  # fmt: skip
async def test_a_read_ends_with_the_right_error(answer: Handler, expected: type[StreamflowError], calls: int) -> None:
    """Transient answers use up a bounded patience; definite ones are not asked again; nothing foreign is followed."""
    async with _lying(answer, settings=QUICK if answer is _stuck else SETTINGS) as (session, liar):
        with pytest.raises(expected) as caught:
            await session.read(_get())
    assert len(liar.seen) == calls
    assert ("GET", "/rest/stolen") not in liar.seen
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("answer", [_reset, _truncated, _stuck, _json({}, 500), _json({}, 503), _elsewhere, _text("<html>ok", status=200)])
async def test_a_write_is_sent_once_and_left_in_doubt(method: str, answer: Handler) -> None:
    """Whatever is not a definite answer is Uncertain after exactly one request, also on a kept connection."""
    async with _lying(_json({}), answer, settings=QUICK if answer is _stuck else SETTINGS) as (session, liar):
        await session.read(_get())
        with pytest.raises(Uncertain) as caught:
            await session.write(_post(method))
    assert len(liar.seen) == 2
    assert "Nia" not in str(caught.value)


async def test_a_kept_connection_that_was_closed_does_not_repeat_a_delete() -> None:
    """A server that drops the connection after reading the request sees a DELETE once."""
    async with _lying(_json({}), _reset) as (session, liar):
        await session.read(_get())
        with pytest.raises(Uncertain):
            await session.write(Request(method="DELETE", path="contacts/5-contacts", endpoint="contacts/{id}"))
    assert [method for method, _ in liar.seen] == ["GET", "DELETE"]


async def test_a_write_that_never_left_is_surely_not_applied() -> None:
    """No listener: Throttled, never Uncertain, and the platform is closed for a moment."""
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        port = spare.getsockname()[1]      # nobody else listens there while it is held
        limiter = PacedLimiter(SystemClock(), rate_per_s=100)
        async with open_session(
            platform="test", base_url=f"http://127.0.0.1:{port}/rest", credentials=BasicCredentials("a", Masked("b")), limiter=limiter,
            clock=SystemClock(), settings=SETTINGS,
        ) as session:  # fmt: skip
            with pytest.raises(Throttled, match="nothing was sent"):
                await session.write(_post())
    assert limiter.stats().closed_until is not None


async def test_a_429_closes_the_platform_for_everybody() -> None:
    """Retry-After holds all callers; the write is surely not applied and not repeated."""
    async with _lying(_json({}, 429, {"Retry-After": "40"})) as (session, liar):
        with pytest.raises(Throttled) as caught:
            await session.write(_post())
    assert caught.value.retry_after_s == 40.0
    stats = liar.limiter.stats()
    assert stats.closed_until is not None
    assert stats.reason == "429 answered"
    assert len(liar.seen) == 1


async def test_a_throttled_read_waits_and_goes_on() -> None:
    """A 429 without a time closes the platform briefly and the read is asked again."""
    async with _lying(_json({}, 429, {"Retry-After": "0"}), _json([1])) as (session, liar):
        assert (await session.read(_get())).data == [1]
    assert [a.verdict for a in liar.attempts] == ["throttled", "ok"]


async def test_the_limiter_tells_how_long_a_lone_reader_was_shut_out() -> None:
    """What Retry-After asks for is waited out in line, to the second, where the metric counts it, not apart from it."""
    clock = HastyClock()
    patient = replace(SETTINGS, patience=Patience(base_s=0.5))
    async with _lying(_json({}, 429, {"Retry-After": "40"}), _json([1]), settings=patient, clock=clock) as (session, liar):
        begun = clock.monotonic()
        assert (await session.read(_get())).data == [1]
        assert clock.monotonic() - begun == pytest.approx(40.0, abs=1.0)
    assert liar.limiter.stats().waited_s["closed"] == pytest.approx(39.6, abs=0.5)


async def test_two_refused_credentials_stop_everything() -> None:
    """After two 401 in a row nothing more is sent until it is forgiven; an impersonated user's 401 does not count."""
    async with _lying(_text("<html>Unauthorized", status=401)) as (session, liar):
        for _ in range(3):
            with pytest.raises(AccessRefused):
                await session.write(Request(method="POST", path="notes", endpoint="notes", auth="gone@x.test"))
        for _ in range(4):
            with pytest.raises(AccessRefused):
                await session.read(_get())
        assert len(liar.seen) == 5
        session.forgive()
        with pytest.raises(AccessRefused):
            await session.read(_get())
        assert len(liar.seen) == 6


async def test_refused_credentials_are_tried_again_now_and_then_and_a_new_key_at_once() -> None:
    """After a rest one call finds out whether they are taken; another key need not wait; an answer lets everybody through again."""
    clock, key = VirtualClock(), Masked("old")
    refused, taken = _text("<html>Unauthorized", status=401), _json([1])
    answers = [refused] * 4 + [_json([], 403), taken, taken, refused, refused, taken]
    async with _lying(*answers, clock=clock, credentials=BasicCredentials("a", key)) as (session, liar):
        for _ in range(3):     # two get through, then one after each rest
            for _ in range(3):
                with pytest.raises(AccessRefused):
                    await session.read(_get())
            clock.at += SETTINGS.auth_rest_s
        assert len(liar.seen) == 4
        with pytest.raises(NotPermitted):
            await session.read(_get())
        assert [answer.data for answer in await spread(lambda _: session.read(_get()), range(2))] == [[1], [1]]
        for _ in range(3):
            with pytest.raises(AccessRefused):
                await session.read(_get())
        key.renew("new")
        assert (await session.read(_get())).data == [1]
    assert len(liar.seen) == len(answers)


async def test_a_foreign_paging_link_is_not_called() -> None:
    """A link to another host raises before anything is sent there."""
    async with _lying(_json({})) as (session, liar):
        with pytest.raises(ProtocolMismatch):
            await session.read(_get("http://127.0.0.1:9/rest/events"))
        assert (await session.read(_get(liar.url + "/events?x=1"))).status == 200
    assert liar.seen == [("GET", "/rest/events")]


async def test_a_platform_may_judge_its_own_answers() -> None:
    """A judge that finds an error inside a 200 decides, and bodies of other types are handed on when asked for."""

    def judge(outcome: Outcome) -> CallVerdict:
        response = outcome.response or Response(status=0)
        return CallVerdict.OK if response.body.startswith(b"<") else CallVerdict.NOT_FOUND

    async with _lying(_json({"error": "no such function"}), _text("<x>")) as (session, _):
        with pytest.raises(NotFound):
            await session.read(_get(), judge=judge)
        assert (await session.read(_get(expects="any"), judge=judge)).body == b"<x>"


async def test_credentials_go_on_each_request() -> None:
    """The authorisation header is there, follows the impersonated user, and no cookie is kept."""
    seen: list[tuple[str | None, str | None]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append((request.headers.get("Authorization"), request.headers.get("Cookie")))
        response = web.json_response({})
        response.set_cookie("session", "x")
        return response

    async with _lying(answer) as (session, _):
        await session.read(_get())
        await session.read(_get(auth="b@x.test"))
    assert seen[0][0] is not None
    assert seen[0][0] != seen[1][0]
    assert seen[1][1] is None


async def test_cancelling_a_call_gives_its_place_back() -> None:
    """A cancelled call leaves nothing in flight."""
    async with _lying(_stuck) as (session, liar):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.write, _post())
            while not liar.seen:  # noqa: ASYNC110 - it is the server that sees it
                await anyio.sleep(0.005)
            assert liar.limiter.stats().in_flight == 1
            tasks.cancel_scope.cancel()
        assert liar.limiter.stats().in_flight == 0


async def test_a_request_may_bring_its_own_time_limit() -> None:
    """A shorter limit of one request holds for it alone."""
    patient = SessionSettings(total_s=30.0, patience=Patience(attempts=1))
    async with _lying(_stuck, settings=patient) as (session, _):
        with pytest.raises(PlatformUnavailable, match="timeout"):
            await session.read(_get(timeout_s=0.05))
