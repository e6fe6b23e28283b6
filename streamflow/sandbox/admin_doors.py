"""Doors of an admin face that more than one platform has: a verb that waits its turn, and a dump that streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import anyio
import orjson
from aiohttp import web

Answer = Mapping[str, Any]
Door = Callable[[web.Request], Awaitable[web.StreamResponse]]
_DUMP_LINES = 200


def verb(still: anyio.Lock, act: Callable[[dict[str, Any]], Awaitable[Answer]]) -> Door:
    """Give a handler that runs *act* on a JSON object while nothing else changes the state; its faults answer 400 with a reason."""

    async def handle(request: web.Request) -> web.Response:
        try:
            body = orjson.loads(await request.read() or b"{}")
            if not isinstance(body, dict):
                raise ValueError("the body must be a JSON object")
            async with still:
                return web.json_response(await act(body))
        except (ValueError, KeyError, TypeError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    return handle


def dumping(kinds: Sequence[str], records: Callable[[str], Iterator[Any]]) -> Door:
    """Give a handler for `?kind=`: all records of a kind, one JSON object a line."""

    async def dump(request: web.Request) -> web.StreamResponse:
        kind = request.query.get("kind", "")
        if kind not in kinds:
            return web.json_response({"error": f"kind must be one of {', '.join(kinds)}"}, status=400)
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        rows = records(kind)
        while lines := b"".join(orjson.dumps(record) + b"\n" for record in islice(rows, _DUMP_LINES)):
            await answer.write(lines)
            await asyncio.sleep(0)  # a long dump must not keep other callers waiting
        await answer.write_eof()
        return answer

    return dump
