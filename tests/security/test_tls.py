"""TLS as a platform session speaks it: who cannot prove to be the configured host is told nothing, not even the key."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamflow.clock import SystemClock
from streamflow.daemon.metrics import Metrics
from streamflow.errors import PlatformUnavailable, Throttled
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import BasicCredentials, Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import AttemptHook, Request
from streamflow.wire.session import Session, SessionSettings, _tls, open_session
from tests.platforms.leadtrekker_rig import HastyClock
from tests.runbook import assert_named, values

KEY = "canary-of-the-key"
AGO = datetime.now(UTC) - timedelta(days=1)
GET = Request(method="GET", path="contacts", endpoint="contacts")
TRIES = 2
POST = Request(method="POST", path="contacts", endpoint="contacts", body=b"{}")


@cache
def _authorities() -> tuple[trustme.CA, trustme.CA]:
    return trustme.CA(), trustme.CA()


def _certificate(case: str) -> trustme.LeafCert:
    known, unknown = _authorities()
    if case == "expired":
        return known.issue_cert("127.0.0.1", not_before=AGO - timedelta(days=9), not_after=AGO)
    if case == "not yet":
        return known.issue_cert("127.0.0.1", not_before=AGO + timedelta(days=9), not_after=AGO + timedelta(days=18))
    if case == "wrong host":
        return known.issue_cert("app.nutshell.test", "127.0.0.2")
    return (unknown if case == "unknown authority" else known).issue_cert("127.0.0.1")


@asynccontextmanager
async def _served(case: str, folder: Path, hook: AttemptHook | None = None) -> AsyncIterator[tuple[Session, list[str]]]:
    """Serve HTTPS with the certificate of a case to a session that trusts one authority; gives what reached the server."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization", ""))
        return web.json_response({"contacts": []})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if case == "self-signed":
        chain = folder / "self.pem"
        chain.write_bytes(_authorities()[1].private_key_pem.bytes() + _authorities()[1].cert_pem.bytes())
        context.load_cert_chain(chain)
    else:
        _certificate(case).configure_cert(context)
    bundle = folder / "ca.pem"
    _authorities()[0].cert_pem.write_to_path(str(bundle))
    clock = HastyClock()
    settings = SessionSettings(patience=Patience(attempts=TRIES, base_s=0.001, cap_s=0.002))
    server = TestServer(app, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=context)
    try:
        async with open_session(
            platform="test", base_url=f"https://127.0.0.1:{server.port}/rest", credentials=BasicCredentials("a@x.test", Masked(KEY)),
            limiter=PacedLimiter(clock, rate_per_s=1_000, burst=100), clock=clock, settings=settings, ca_file=bundle, hook=hook,
        ) as session:  # fmt: skip
            yield session, seen
    finally:
        await server.close()


@pytest.mark.parametrize("case", ["expired", "not yet", "wrong host", "unknown authority", "self-signed"])
async def test_a_host_that_cannot_prove_itself_is_told_nothing(case: str, tmp_path: Path) -> None:
    """One that is over, too early, of another host, an unknown authority or itself alone ends the call and counts, the key unsent."""
    metrics = Metrics(clock=SystemClock(), platforms=("test",))
    async with _served(case, tmp_path, metrics) as (session, seen):
        with pytest.raises(PlatformUnavailable) as caught:
            await session.read(GET)
        with pytest.raises(Throttled, match="nothing was sent"):
            await session.write(POST)
    assert seen == []
    assert "CertificateError" in str(caught.value)
    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.hint}"
    series = 'streamflow_http_requests_total{code_class="none",platform="test"}'
    assert_named("F-29", series)
    assert values(metrics.render()[0].decode())[series] == TRIES + 1


async def test_a_host_that_proves_itself_is_spoken_with(tmp_path: Path) -> None:
    """With the named authority the same server is called, so that the refusals above are the certificate's doing."""
    async with _served("right", tmp_path) as (session, seen):
        assert (await session.read(GET)).data == {"contacts": []}
    assert len(seen) == 1


def test_the_context_checks_names_and_refuses_old_protocols() -> None:
    """Verification cannot be switched off: there is one context for all platforms, and it is the strict one."""
    context = _tls(None)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
