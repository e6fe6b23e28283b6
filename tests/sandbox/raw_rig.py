"""The three simulated platforms behind one small caller that speaks HTTP byte by byte: what came, and how the line ended."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp.test_utils import TestServer

from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.faults import Faults
from streamflow.sandbox.leadperfection import server as leadperfection
from streamflow.sandbox.leadtrekker import server as leadtrekker
from streamflow.sandbox.nutshell import make_app, open_site
from tests.sandbox.leadperfection_rig import ALL_TIME, ANY, PLAIN
from tests.sandbox.leadperfection_rig import START as LP_START

PLATFORMS = ("nutshell", "leadtrekker", "lead_perfection")
NUT = "Basic " + b64encode(b"ana.admin@blueberry.test:sandbox-key").decode()
NOW = datetime(2026, 11, 18, 9, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came back: no status when nothing did; `is_reset` when the line broke instead of ending."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    is_reset: bool

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Raw:
    """A caller of one platform."""

    def __init__(self, platform: str, server: TestServer, faults: Faults, clock: ManualClock) -> None:
        self.platform, self.server, self.faults, self.clock = platform, server, faults, clock
        self.token = ""

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Heard:
        """Send one request on a line of its own and listen to the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        got, is_reset = b"", False
        try:
            while piece := await reader.read(1 << 16):
                got += piece
        except ConnectionResetError:
            is_reset = True
        finally:
            writer.close()
        head, _, rest = got.partition(b"\r\n\r\n")
        first, *others = head.decode("latin-1").split("\r\n")
        names = {name.lower(): value for name, _, value in (line.partition(": ") for line in others)}
        return Heard(status=int(first.split()[1]) if first else None, headers=names, body=rest, is_reset=is_reset)

    async def rows(self, page: int = 1, size: int = 5, **more: str) -> Heard:
        """Ask for one page of leads, people or prospects; *page* counts from 1."""
        if self.platform == "nutshell":
            asked = urlencode({"page[limit]": size, "page[page]": page - 1, "sort": "createdTime", **more}, safe="[]")
            return await self.send("GET", f"/rest/contacts?{asked}", Authorization=NUT)
        if self.platform == "leadtrekker":
            return await self.function("getleads", page=page, limit=size, **more)
        form = {**ALL_TIME, "options": ANY, "PageSize": size, "StartIndex": page, **more}
        return await self.form("/api/Customers/GetLead", form, Authorization=f"Bearer {self.token}")

    async def function(self, name: str, **arguments: object) -> Heard:
        """Call a function of Leadtrekker."""
        body = {key: b64encode(str(value).encode()).decode() for key, value in arguments.items()}
        return await self.send("POST", f"/api/{name}", json.dumps(body).encode(), Apikey="sandbox-lt-key", Content_Type="application/json")

    async def form(self, path: str, form: Mapping[str, object], **headers: str) -> Heard:
        """Send a form to Lead Perfection."""
        return await self.send("POST", path, urlencode(form).encode(), Content_Type="application/x-www-form-urlencoded", **headers)

    async def create(self, name: str = "Nia Okafor") -> Heard:
        """Make a person in Nutshell."""
        body = json.dumps({"contacts": [{"name": name}]}).encode()
        return await self.send("POST", "/rest/contacts", body, Authorization=NUT, Content_Type="application/json")

    async def admin(self, path: str, body: Any = None) -> Any:
        """Call the admin face; POST when there is a body."""
        sent = b"" if body is None else json.dumps(body).encode()
        heard = await self.send("GET" if body is None else "POST", f"/_sandbox/{path}", sent, Content_Type="application/json")
        assert heard.status == 200, heard.body
        return heard.json

    async def switch(self, **switches: Any) -> None:
        """Set switches by the admin face."""
        await self.admin("switches", switches)

    def keys(self, heard: Heard) -> list[str]:
        """Give the ids of the rows of a list."""
        assert heard.status == 200, heard.body
        if self.platform == "lead_perfection":
            return [row["cst_id"] for row in heard.json]
        kind, field = ("contacts", "id") if self.platform == "nutshell" else ("leads", "leadid")
        return [row[field] for row in heard.json[kind]]


@asynccontextmanager
async def raw(platform: str, **switches: Any) -> AsyncIterator[Raw]:
    """Run one platform with a few records and a clock that stands still."""
    clock = ManualClock(LP_START)
    if platform == "nutshell":
        site = open_site({"switches": {"search_lag_s": 0, **switches}, "existing": {"contacts": 30}}, clock=clock)
        app, faults = make_app(site=site), site.faults
    elif platform == "leadtrekker":
        app = leadtrekker.make_app(leadtrekker.Config(seed=7, records=200, now=NOW, switches=switches), clock=clock)
        faults = app[leadtrekker.SIMULATION].faults
    else:
        app = leadperfection.make_app(leadperfection.Config(seed=7, records=300, now=NOW, switches={**PLAIN, **switches}), clock=clock)
        faults = app[leadperfection.SIMULATION].faults
    async with TestServer(app) as server:
        caller = Raw(platform, server, faults, clock)
        if platform == "lead_perfection":
            right = app[leadperfection.SIMULATION].config.credentials
            login = {"username": right.username, "password": right.password, "clientid": right.clientid, "appkey": right.appkey}
            caller.token = (await caller.form("/token", {"grant_type": "password", **login})).json["access_token"]
        yield caller
