"""`/metrics`, `/healthz` and `/readyz` over plain HTTP, on loopback unless told otherwise."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import anyio
from aiohttp import web

from streamflow.config import Listen
from streamflow.daemon.answers import dump
from streamflow.daemon.metrics import Metrics
from streamflow.errors import ConfigError

Reasons: TypeAlias = Callable[[], Sequence[str]]
"""Gives what is wrong in a few words each; empty means all is well. Asks nobody outside the process."""


@asynccontextmanager
async def metrics_server(listen: Listen, metrics: Metrics, *, unhealthy: Reasons, unready: Reasons) -> AsyncIterator[str]:
    """
    Serve until the block ends; gives the real address as "host:port", also when port 0 was asked for.

    Raises ConfigError when the address cannot be had.
    """

    async def figures(request: web.Request) -> web.Response:
        body, content_type = metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    def answer(reasons: Reasons, word: str) -> web.Response:
        found = list(reasons())
        body = dump({"status": word if not found else f"not {word}", "reasons": found})
        return web.Response(status=503 if found else 200, body=body, content_type="application/json")

    async def healthz(_request: web.Request) -> web.Response:
        return answer(unhealthy, "healthy")

    async def readyz(_request: web.Request) -> web.Response:
        return answer(unready, "ready")

    async def plain(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update({"Server": "streamflow", "X-Content-Type-Options": "nosniff"})

    app = web.Application(client_max_size=1024)
    app.on_response_prepare.append(plain)
    app.add_routes([web.get("/metrics", figures), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=75.0)
    await runner.setup()
    try:
        yield await _start(runner, listen)
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()


async def _start(runner: web.AppRunner, listen: Listen) -> str:
    try:
        await web.TCPSite(runner, listen.host, listen.port).start()
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and not isinstance(error, socket.gaierror) else "unknown host"
        hint = 'choose another port, 0 for any free one, or "" to switch it off'
        raise ConfigError([f"metrics.listen: cannot listen on {listen}: {reason or 'the address cannot be used'}"], hint=hint) from error
    host, port = runner.addresses[0][:2]
    return str(Listen(host=host, port=port))
