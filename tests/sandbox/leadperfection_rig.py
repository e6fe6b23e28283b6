"""A simulated Lead Perfection on a real loopback socket, and a small client that speaks forms to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.leadperfection.server import SIMULATION, Config, make_app
from streamflow.sandbox.leadperfection.tokens import Credentials

START = 1_795_010_400.0
NOW = datetime(2026, 11, 18, 9, 0)
"""START on the wall clock of New York."""
ALL_TIME = {"startdate": "2000-01-01 00:00:00", "enddate": "2100-01-01 00:00:00"}
ANY = 261_120
PLAIN: dict[str, Any] = {
    "key_case": "contract", "numbers": "text", "booleans": "text", "padding": False, "notes": "objects",
}  # fmt: skip
"""Switches under which replies are as tidy as they get."""
Row = dict[str, Any]


class Wire:
    """A caller of one server, by the API with a token, and by its admin face."""

    def __init__(self, server: TestServer, http: aiohttp.ClientSession, clock: ManualClock) -> None:
        self.server, self.http, self.clock = server, http, clock
        self.simulation = server.app[SIMULATION]
        self.token = ""

    def login(self, **changes: str) -> dict[str, str]:
        """Give the form of a sign-in."""
        right = Credentials()
        return {
            "grant_type": "password", "username": right.username, "password": right.password, "clientid": right.clientid,
            "appkey": right.appkey, **changes,
        }  # fmt: skip

    async def sign_in(self, **headers: str) -> None:
        """Take a token and keep it."""
        status, _, body = await self.send("POST", "/token", data=self.login(), headers=headers)
        assert status == 200
        self.token = body["access_token"]

    async def send(self, verb: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """Send anything; give status, headers and JSON, or text when it is no JSON."""
        async with self.http.request(verb, self.server.make_url(path), **options) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json" and text
            return answer.status, answer.headers, json.loads(text) if is_json else text

    async def call(self, method: str, verb: str = "POST", headers: dict[str, str] | None = None, **form: Any) -> tuple[int, Any]:
        """Call a method, "Controller/Method", with a form; give status and body."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        status, _, body = await self.send(verb, f"/api/{method}", data=form or {"x": ""}, headers=sent)
        return status, body

    async def rows(self, method: str, **form: Any) -> list[Row]:
        """Give the rows of one call; a large page unless said otherwise."""
        status, body = await self.call(method, **{"PageSize": 1000, "StartIndex": 1, **form})
        assert status == 200, body
        assert isinstance(body, list), body
        return body

    async def lead(self, **form: Any) -> list[Row]:
        """Give the rows of GetLead, of all time unless said otherwise."""
        return await self.rows("Customers/GetLead", **{**ALL_TIME, "options": ANY, **form})

    async def by_id(self, cst_id: str) -> Row:
        """Give the one prospect with this id."""
        [row] = await self.rows("Customers/GetLead", cst_id=cst_id)
        return row

    async def appointments(self, first: str = "01/01/2000", last: str = "12/31/2099") -> list[Row]:
        """Give the appointments of a range of days with text."""
        return await self.rows("SalesApi/GetSalesApptDetailDateRange", apptdates=first, apptdatee=last)

    async def admin(self, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        """Call the admin face: POST when there is a body."""
        got, _, answer = await self.send("POST" if body is not None else "GET", f"/_sandbox/{path}", json=body)
        assert got == status, answer
        return answer

    async def switch(self, **switches: Any) -> None:
        """Set switches."""
        await self.admin("switches", switches)

    async def act(self, do: str, kind: str, key: str | None = None, **order: Any) -> str:
        """Do what a person does, and give the id."""
        body = {"do": do, "kind": kind, **({"id": key} if key else {}), **order}
        return str((await self.admin("act", body))["id"])

    async def dump(self, kind: str) -> list[Row]:
        """Give the true state of a kind."""
        async with self.http.get(self.server.make_url(f"/_sandbox/dump?kind={kind}")) as answer:
            return [json.loads(line) for line in (await answer.text()).splitlines()]

    async def example(self, problem: str) -> str:
        """Give the id of a record with a problem."""
        return str((await self.admin("problems?limit=1"))[problem][0][1])


@asynccontextmanager
async def serving(records: int = 400, **switches: Any) -> AsyncIterator[Wire]:
    """Run a server whose clock stands still, with a signed-in caller."""
    clock = ManualClock(START)
    server = TestServer(make_app(Config(seed=7, records=records, now=NOW, switches=switches), clock=clock))
    async with server, aiohttp.ClientSession() as http:
        wire = Wire(server, http, clock)
        await wire.sign_in()
        yield wire
