"""Calls go to the configured hosts alone: no redirect, link, token address or proxy of the environment takes them elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamflow.errors import ProtocolMismatch, StreamflowError
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import BasicCredentials, Credentials, Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Request
from streamflow.wire.session import Session, SessionSettings, open_session
from streamflow.wire.token import PasswordToken
from tests.platforms.leadtrekker_rig import HastyClock

KEY = "canary-of-the-key"
PASSWORD = "canary-of-the-password"
SETTINGS = SessionSettings(patience=Patience(attempts=2, base_s=0.001, cap_s=0.002))


@dataclass(slots=True)
class Two:
    """The configured host, and another one that nobody may be sent to; what reached each."""

    home: str = ""
    stranger: str = ""
    status: int = 307
    at_home: list[str] = field(default_factory=list)
    at_stranger: list[str] = field(default_factory=list)

    async def send_on(self, request: web.Request) -> web.StreamResponse:
        """Answer with a redirect to the stranger, body and link included."""
        self.at_home.append(request.path)
        link = f"{self.stranger}{request.path}"
        return web.json_response({"next": link}, status=self.status, headers={"Location": link, "Refresh": f"0; url={link}"})

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take whatever comes."""
        self.at_stranger.append(f"{request.path} {request.headers.get('Authorization')} {await request.text()}")
        return web.json_response({"access_token": "x", "contacts": []})


@asynccontextmanager
async def _two() -> AsyncIterator[Two]:
    both = Two()
    home, stranger = web.Application(), web.Application()
    home.router.add_route("*", "/{tail:.*}", both.send_on)
    stranger.router.add_route("*", "/{tail:.*}", both.take)
    async with TestServer(home, host="127.0.0.1") as one, TestServer(stranger, host="127.0.0.1") as other:
        both.home, both.stranger = str(one.make_url("")).rstrip("/"), str(other.make_url("")).rstrip("/")
        yield both


@asynccontextmanager
async def _session(both: Two, credentials: Credentials | None = None) -> AsyncIterator[Session]:
    clock = HastyClock()
    async with open_session(
        platform="test", base_url=f"{both.home}/rest", credentials=credentials or BasicCredentials("a@x.test", Masked(KEY)),
        limiter=PacedLimiter(clock, rate_per_s=1_000, burst=100), clock=clock, settings=SETTINGS,
    ) as session:  # fmt: skip
        yield session


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed(status: int) -> None:
    """Neither a read nor a write goes where a redirect points, whichever of its kinds; the key stays here."""
    async with _two() as both, _session(both) as session:
        both.status = status
        with pytest.raises(StreamflowError):
            await session.read(Request(method="GET", path="contacts", endpoint="contacts"))
        with pytest.raises(StreamflowError):
            await session.write(Request(method="POST", path="contacts", endpoint="contacts", body=b"{}"))
    assert both.at_home
    assert both.at_stranger == []


async def test_a_paging_link_to_another_host_is_not_called() -> None:
    """A link that an answer brought is called on the configured host alone, port and scheme included."""
    async with _two() as both, _session(both) as session:
        port = both.home.rpartition(":")[2]
        for link in (f"{both.stranger}/rest/contacts", f"https://127.0.0.1:{port}/rest", f"http://localhost:{port}/rest", f"http://a@127.0.0.1:{port}/"):
            with pytest.raises(ProtocolMismatch, match="another host"):
                await session.read(Request(method="GET", path=link, endpoint="contacts"))
    assert (both.at_home, both.at_stranger) == ([], [])


@pytest.mark.parametrize("status", [302, 307])
async def test_a_password_is_not_posted_after_a_redirect(status: int) -> None:
    """Where the address of the token sends on, the password is not sent after it."""
    async with _two() as both:
        both.status = status
        token = PasswordToken(f"{both.home}/token", {"password": Masked(PASSWORD)}, clock=HastyClock())
        async with _session(both, token) as session:
            with pytest.raises(StreamflowError) as caught:
                await session.read(Request(method="GET", path="contacts", endpoint="contacts"))
    assert set(both.at_home) == {"/token"}
    assert both.at_stranger == []
    assert PASSWORD not in f"{caught.value!r} {caught.value} {caught.value.hint}"


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that somebody left in the environment, and a netrc, send no call and no key anywhere else."""
    async with _two() as both:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, both.stranger)
        both.status = 200
        async with _session(both) as session:
            assert (await session.read(Request(method="GET", path="contacts", endpoint="contacts"))).status == 200
    assert (both.at_home, both.at_stranger) == (["/rest/contacts"], [])
