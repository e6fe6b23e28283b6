"""Credentials that are fetched and run out: how often they are asked for, what is asked again, and what counts against them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamflow.clock import SystemClock
from streamflow.errors import AccessRefused, PlatformUnavailable
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import Masked, Renewable
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Request, Response
from streamflow.wire.session import Session, SessionSettings, open_session
from streamflow.wire.token import PasswordToken, judge_token, lifetime
from streamflow.wire.verdict import CallVerdict, Failure, Outcome
from tests.wire.virtual import VirtualClock

PASSWORD = "pa ss&word=1"
SETTINGS = SessionSettings(patience=Patience(attempts=3, base_s=0.001, cap_s=0.002, total_s=5.0))


class Platform:
    """Gives tokens at /token and rows to whoever brings a good one; waits at the gate until all expected callers are there."""

    def __init__(self) -> None:
        self.good: set[str] = set()
        self.given = 0
        self.expires_in: Any = 86_399
        self.token_answers: list[web.Response] = []
        self.calls: list[str] = []
        self.refuses_all = False
        self.crowd = 0
        self.gate = anyio.Event()

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.calls.append("token")
        assert "Authorization" not in request.headers
        if self.token_answers:
            return self.token_answers.pop(0)
        if form.get("password") != PASSWORD or form.get("grant_type") != "password":
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.given += 1
        self.good.add(f"t{self.given}")
        return web.json_response({"access_token": f"t{self.given}", "token_type": "bearer", "expires_in": self.expires_in})

    async def rows(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.calls.append(token)
        if self.crowd and not self.gate.is_set():
            self.crowd -= 1
            if not self.crowd:
                self.gate.set()
            await self.gate.wait()
        if self.refuses_all or token not in self.good:
            return web.json_response({"Message": "Authorization has been denied for this request."}, status=401)
        return web.json_response([{"id": 1}])


@asynccontextmanager
async def opened(*, password: str = PASSWORD, **given: Any) -> AsyncIterator[tuple[Session, Platform]]:
    """Open a session on a platform whose calls are below /api and whose tokens are beside it."""
    platform = Platform()
    app = web.Application()
    app.router.add_post("/token", platform.token)
    app.router.add_route("*", "/api/{tail:.*}", platform.rows)
    async with TestServer(app, host="127.0.0.1") as server:
        clock = given.get("clock") or SystemClock()
        token = PasswordToken(
            str(server.make_url("/token")), {"grant_type": "password", "username": "api", "password": Masked(password)}, clock=clock
        )
        limiter = PacedLimiter(SystemClock(), rate_per_s=10_000, burst=100, max_in_flight=given.get("max_in_flight", 4))
        async with open_session(
            platform="test", base_url=str(server.make_url("/api/")), credentials=token, limiter=limiter, clock=SystemClock(),
            settings=SETTINGS,
        ) as session:  # fmt: skip
            yield session, platform


def call(method: str = "POST") -> Request:
    return Request(method=method, path="Customers/GetLead", endpoint="Customers/GetLead", body=b"a=1")


async def test_a_token_is_fetched_once_before_the_first_call_and_kept() -> None:
    """Many calls at once, with a single slot as well, wait for one token; the credentials travel to the token's address alone."""
    async with opened(max_in_flight=1) as (session, platform):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(session.read, call())
        assert (await session.write(call())).data == [{"id": 1}]
    assert platform.calls == ["token", *["t1"] * 6]


async def test_parallel_calls_at_the_end_of_a_token_cost_one_renewal_and_no_strike() -> None:
    """Two reads refused at the same moment are both answered after one fetch, and so are the calls after them, again and again."""
    async with opened() as (session, platform):
        await session.read(call())
        for round_ in range(3):
            platform.good.clear()
            platform.crowd, platform.gate = 2, anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.read, call())
                tasks.start_soon(session.read, call())
            assert platform.given == round_ + 2
        assert (await session.read(call())).status == 200


async def test_refused_credentials_are_not_tried_for_ever() -> None:
    """A wrong password is refused twice, then nothing more is sent; it is in no message."""
    async with opened(password="wrong-secret") as (session, platform):
        for _ in range(4):
            with pytest.raises(AccessRefused) as caught:
                await session.read(call())
            assert "wrong-secret" not in f"{caught.value} {caught.value.hint}"
    assert platform.calls == ["token", "token"]


async def test_fresh_tokens_that_are_refused_count_as_strikes() -> None:
    """Where every token is given and none is taken, each read is repeated once, and two such reads end it."""
    async with opened() as (session, platform):
        platform.refuses_all = True
        for _ in range(4):
            with pytest.raises(AccessRefused):
                await session.read(call())
    assert platform.calls == ["token", "t1", "token", "t2", "t2", "token", "t3"]


async def test_a_refused_write_is_not_sent_again() -> None:
    """A write with a token that is no longer good is refused after one request; the next read gets a new one."""
    async with opened() as (session, platform):
        await session.read(call())
        platform.good.clear()
        with pytest.raises(AccessRefused):
            await session.write(call())
        assert platform.calls == ["token", "t1", "t1"]
        assert (await session.read(call())).status == 200


async def test_passing_trouble_at_the_token_is_borne() -> None:
    """A 503 and a page of HTML are asked again; when it stays so the platform is unavailable, and no strike is counted."""
    async with opened() as (session, platform):
        platform.token_answers = [web.Response(status=503), web.Response(text="<html>", content_type="text/html")]
        assert (await session.read(call())).status == 200
    async with opened() as (session, platform):
        platform.token_answers = [web.Response(status=503) for _ in range(9)]
        for _ in range(3):
            with pytest.raises(PlatformUnavailable):
                await session.read(call())
        assert (await session.read(call())).status == 200


async def test_a_token_is_renewed_before_it_runs_out() -> None:
    """What the answer says counts, up to the cap; the old token is not sent once its time is over."""
    clock = VirtualClock()
    async with opened(clock=clock) as (session, platform):
        for passed_s, tokens in ((0, 1), (82_000, 1), (82_800, 2)):
            clock.at = float(passed_s)
            await session.read(call())
            assert platform.given == tokens
        platform.expires_in = "120"
        clock.at += 82_800
        await session.read(call())
        clock.at += 61
        await session.read(call())
    assert platform.given == 4
    assert platform.calls[-2:] == ["token", "t4"]


@pytest.mark.parametrize(
    ("told", "seconds"), [(86_399, 86_399.0), ("86399", 86_399.0), (None, 3600.0), ("soon", 3600.0), (0, 3600.0), (-5, 3600.0)]
)
def test_how_long_a_token_lives(told: Any, seconds: float) -> None:
    """A number and its text are believed, anything else is an hour."""
    assert lifetime(told, unsaid_s=3600.0) == seconds


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(response=Response(status=200, body=b'{"access_token":"x"}')), CallVerdict.OK),
        (Outcome(response=Response(status=200, body=b'{"access_token":""}')), CallVerdict.AUTH),
        (Outcome(response=Response(status=200, body=b'["x"]')), CallVerdict.TRANSIENT),
        (Outcome(response=Response(status=200)), CallVerdict.TRANSIENT),
        (Outcome(response=Response(status=400, body=b'{"error":"invalid_grant"}')), CallVerdict.AUTH),
        (Outcome(response=Response(status=404)), CallVerdict.AUTH),
        (Outcome(response=Response(status=429)), CallVerdict.THROTTLED),
        (Outcome(failure=Failure.TIMEOUT), CallVerdict.TRANSIENT),
    ],
)
def test_answers_about_tokens(outcome: Outcome, expected: CallVerdict) -> None:
    """Only a token is fine; refusals are of the credentials, and the rest passes."""
    assert judge_token(outcome) is expected


def test_a_token_shows_nothing_and_is_renewable() -> None:
    """Neither the form nor the token is in a repr."""
    token = PasswordToken("http://h/token", {"password": Masked("x-secret")}, clock=SystemClock())
    assert isinstance(token, Renewable)
    assert "secret" not in repr(token)
