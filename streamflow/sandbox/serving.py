"""Serving one simulated platform on loopback until a signal, and saying where in one line of JSON."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from aiohttp import web

HOST = "127.0.0.1"
Says = Callable[[list[str]], Mapping[str, Any]]


async def serve(app: web.Application, ports: list[int], says: Says, say: Callable[[str], None]) -> None:
    """
    Listen on 127.0.0.1 and return on SIGTERM or SIGINT.

    Args:
        ports: One listener each; 0 takes a free one.
        says: Makes the ready line from the origins ("http://127.0.0.1:8080"), in the order of *ports*.
        say: Prints it.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            for port in ports:
                await web.TCPSite(runner, HOST, port).start()
            origins = [f"http://{host}:{port}" for host, port, *_ in runner.addresses]
            say(json.dumps({"ready": True, **says(origins)}))
            async for _ in signals:
                break
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()
