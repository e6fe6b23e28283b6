"""
`/metrics`, `/healthz` and `/readyz` over plain HTTP, on loopback unless told otherwise.

Whoever asks has the loop of the migration work for it: answers take turns, each address its own, so that a storm costs little and one at
`/metrics` does not make the health look bad. Whoever waits for an answer asks no more meanwhile: a refusal at once would slow nobody down.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import anyio
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from streamflow.config import Listen
from streamflow.daemon.answers import dump
from streamflow.daemon.metrics import Metrics
from streamflow.daemon.turns import Turns
from streamflow.errors import ConfigError

Reasons: TypeAlias = Callable[[], Sequence[str]]
"""Gives what is wrong in a few words each; empty means all is well. Asks nobody outside the process."""

ANSWERS_PER_S = 10.0
"""At each address; a Prometheus asks every few seconds."""
LONGEST_S = 10.0
"""The longest wait for a turn: a Prometheus gives up then by default. Whoever would wait longer is told so after it."""
KEPT_S = 1.0
"""For so long a scrape is given again as it was, while the picture behind it is the same: writing it out costs milliseconds."""


class _Scrapes:
    """The last scrape in each format that was asked for."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._kept: dict[str, tuple[float, float, bytes]] = {}      # content type -> when, of which picture, what

    def give(self, accept: str, now: float) -> tuple[bytes, str]:
        """Give (body, content type), made anew when it is of an older picture or too old."""
        content_type = self._metrics.content_type(accept)
        at, picture, body = self._kept.get(content_type, (0.0, -1.0, b""))
        if picture != self._metrics.taken_at or not 0.0 <= now - at < KEPT_S:
            body = self._metrics.render(accept)[0]
            self._kept[content_type] = now, self._metrics.taken_at, body
        return body, content_type


@asynccontextmanager
async def metrics_server(listen: Listen, metrics: Metrics, *, unhealthy: Reasons, unready: Reasons) -> AsyncIterator[str]:
    """
    Serve until the block ends; gives the real address as "host:port", also when port 0 was asked for.

    Raises ConfigError when the address cannot be had.
    """

    scrapes = _Scrapes(metrics)

    async def figures(request: web.Request) -> web.Response:
        body, content_type = scrapes.give(request.headers.get("Accept", ""), anyio.current_time())
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

    app = web.Application(client_max_size=1024, middlewares=[_in_turn()])
    app.on_response_prepare.append(plain)
    app.add_routes([web.get("/metrics", figures), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=75.0)
    await runner.setup()
    try:
        yield await _start(runner, listen)
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()


def _in_turn() -> Middleware:
    """Make whoever asks wait for a turn at the address that is asked for; addresses that are none share theirs."""
    turns: dict[str, Turns] = {}

    @web.middleware
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        name = resource.canonical if resource is not None else ""
        left_s = turns.setdefault(name, Turns(per_s=ANSWERS_PER_S, longest_s=LONGEST_S)).take(anyio.current_time())
        await anyio.sleep(LONGEST_S if left_s is None else left_s)
        if left_s is None:
            return web.Response(status=503, text="too many ask at the same time\n", headers={"Retry-After": "10"})
        return await handler(request)

    return wait


async def _start(runner: web.AppRunner, listen: Listen) -> str:
    try:
        await web.TCPSite(runner, listen.host, listen.port).start()
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and not isinstance(error, socket.gaierror) else "unknown host"
        hint = 'choose another port, 0 for any free one, or "" to switch it off'
        raise ConfigError([f"metrics.listen: cannot listen on {listen}: {reason or 'the address cannot be used'}"], hint=hint) from error
    host, port = runner.addresses[0][:2]
    return str(Listen(host=host, port=port))
