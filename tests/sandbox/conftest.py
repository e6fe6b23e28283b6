"""A simulated Nutshell on a real loopback socket, with a small client that speaks plain HTTP to it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.nutshell import Site, make_app, open_site

ADMIN = "ana.admin@blueberry.test"
PATCH_MEDIA = "application/json-patch+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer: status, headers, raw text and, when it is JSON, its body."""

    status: int
    headers: Any
    text: str
    body: Any


@dataclass(slots=True)
class Nutshell:
    """Talks to one simulated account; `user` and `key` are the Basic credentials."""

    client: Any
    site: Site
    clock: ManualClock
    user: str = ADMIN
    key: str = "sandbox-key"

    async def call(self, method: str, path: str, body: Any = None, media: str | None = None, **kwargs: Any) -> Got:
        headers = dict(kwargs.pop("headers", {}))
        if body is not None:
            kwargs["data"] = body if isinstance(body, bytes) else json.dumps(body)
            headers["Content-Type"] = media or ("application/json" if method != "PATCH" else PATCH_MEDIA)
        if self.user:
            headers["Authorization"] = "Basic " + b64encode(f"{self.user}:{self.key}".encode()).decode()
        async with self.client.request(method, path, headers=headers, **kwargs) as response:
            text = await response.text()
            is_json = response.content_type == "application/json" and text
            return Got(
                status=response.status, headers=response.headers, text=text, body=json.loads(text) if is_json else None
            )

    async def get(self, path: str, **params: Any) -> Got:
        return await self.call("GET", f"/rest{path}", params=params)

    async def post(self, path: str, body: Any = None, **kwargs: Any) -> Got:
        return await self.call("POST", f"/rest{path}", body, **kwargs)

    async def patch(self, path: str, *operations: dict[str, Any], media: str | None = None) -> Got:
        return await self.call("PATCH", f"/rest{path}", list(operations), media)

    async def delete(self, path: str) -> Got:
        return await self.call("DELETE", f"/rest{path}")

    async def rpc(self, method: str, **params: Any) -> dict[str, Any]:
        got = await self.call("POST", "/api/v1/json", {"jsonrpc": "2.0", "id": "t", "method": method, "params": params})
        assert got.status == 200
        answer: dict[str, Any] = got.body
        return answer

    async def switch(self, **switches: Any) -> Got:
        return await self.call("POST", "/_sandbox/switches", switches)

    async def act(self, do: str, **order: Any) -> dict[str, Any]:
        got = await self.call("POST", "/_sandbox/act", {"do": do, **order})
        assert got.status == 200, got.text
        record: dict[str, Any] = got.body["record"]
        return record

    async def contact(self, name: str = "Nia Okafor", **values: Any) -> dict[str, Any]:
        got = await self.post("/contacts", {"contacts": [{"name": name, **values}]})
        assert got.status == 200, got.text
        made: dict[str, Any] = got.body["contacts"][0]
        return made

    async def account(self, name: str = "Blueberry", **values: Any) -> dict[str, Any]:
        got = await self.post("/accounts", {"accounts": [{"name": name, **values}]})
        assert got.status == 201, got.text
        made: dict[str, Any] = got.body["accounts"][0]
        return made

    async def lead(self, contact: str, description: str = "Roof repair", **values: Any) -> dict[str, Any]:
        links = {"contacts": [contact], **values.pop("links", {})}
        got = await self.post("/leads", {"leads": [{"description": description, "links": links, **values}]})
        assert got.status == 201, got.text
        made: dict[str, Any] = got.body["leads"][0]
        return made

    async def field(self, entity: str, name: str, kind: str = "String", **more: Any) -> Got:
        return await self.post(f"/{entity}/customfield", {"name": name, "type": kind, **more})


OpenNutshell = Callable[..., Awaitable[Nutshell]]


@pytest.fixture
async def open_nutshell() -> AsyncIterator[OpenNutshell]:
    """Return a function that starts an account; keywords are switches, `config` the other settings."""
    async with AsyncExitStack() as stack:

        async def start(config: dict[str, Any] | None = None, **switches: Any) -> Nutshell:
            clock = ManualClock()
            site = open_site({**(config or {}), "switches": {"search_lag_s": 0, **switches}}, clock=clock)
            client = await stack.enter_async_context(TestClient(TestServer(make_app(site=site))))
            return Nutshell(client, site, clock)

        yield start


@pytest.fixture
async def nutshell(open_nutshell: OpenNutshell) -> Nutshell:
    """Return an account with default switches, but an index that does not lag."""
    return await open_nutshell()
