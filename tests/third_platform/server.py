"""The account at Porch & Sons and the Nutshell account it moves to, served by one thread while real processes ask them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from streamflow.sandbox.nutshell import Site, make_app, open_site

TOKEN = "porch-token-of-the-tests"
FALLBACK = "office@example.co.za"
USERS = [
    {"email": "admin@porch.example", "name": "Ada Admin", "admin": True, "enabled": True},
    {"email": FALLBACK, "name": "Office", "admin": False, "enabled": True},
    {"email": "ben@porch.example", "name": "Ben Okafor", "admin": False, "enabled": True},
]
Rows = list[dict[str, Any]]


def account() -> dict[str, Rows]:
    """Give the account: ten clients, half of them with a visit and a quote; one rep has left."""
    clients: Rows = [
        {
            "clientid": f"c{n}", "fullname": f"Dana {name}", "email": f"dana.{name.lower()}@example.com", "phone1": f"(407) 555-01{n:02}",
            "street": f"{n} Palmetto Ct", "unit": f"Apt {n}", "town": "Sanford", "state": "FL", "zip": "32771",
            "origin": "Referral" if n % 2 else "Home show", "repid": "87" if n % 3 else "99",
            "made": f"2026-0{1 + n % 9}-03 09:00:00", "moved": f"2026-0{1 + n % 9}-04 10:00:00",
        }
        for n, name in enumerate(("Whitlock", "Osei", "Marsh", "Iyer", "Petrov", "Brandt", "Delgado", "Nakamura", "Quist", "Romero"))
    ]  # fmt: skip
    half = [client["clientid"] for client in clients[::2]]
    visits: Rows = [
        {
            "visitid": f"v{n}", "clientid": client, "repid": "87", "start": f"2026-04-1{n} 17:00:00", "product": "Windows",
            "entered": "2026-04-01 08:30:00", "notes": f"gate code {n}180",
        }
        for n, client in enumerate(half)
    ]  # fmt: skip
    quotes: Rows = [
        {
            "quoteid": f"q{n}", "clientid": client, "repid": "87", "number": f"ORL-26-{n}", "product": "Windows",
            "amount": f"{n + 1},250.00", "state": ("Paid", "Dead", "Offered")[n % 3], "made": "2026-04-20 12:00:00",
        }
        for n, client in enumerate(half)
    ]  # fmt: skip
    reps: Rows = [
        {"repid": "87", "fullname": "Ben Okafor", "mail": "ben@porch.example"},
        {"repid": "99", "fullname": "Gone Gil", "mail": "gil@porch.example"},
    ]
    return {"reps": reps, "clients": clients, "visits": visits, "quotes": quotes}


@dataclass(slots=True)
class Served:
    """Where both accounts listen, and what is in them; looked at while nobody asks."""

    rows: dict[str, Rows]
    site: Site
    source_url: str = ""
    destination_url: str = ""
    is_frozen: bool = False
    writes: list[str] = field(default_factory=list)    # anything but a read that the source was asked for

    async def list(self, request: web.Request) -> web.Response:
        """Answer a list, a page at a time where a size is asked for; the only thing the platform's API can do."""
        if request.method != "GET":
            self.writes.append(request.path)
        if request.headers.get("X-Porch-Token") != TOKEN:
            return web.json_response({"error": "who are you"}, status=401)
        rows = self.rows.get(request.match_info["kind"])
        if rows is None:
            return web.json_response({"error": "there is no such list"}, status=404)
        size, page = int(request.query.get("size", len(rows) or 1)), int(request.query.get("page", 1))
        return web.json_response({"items": rows[(page - 1) * size : page * size]})

    async def freeze(self, request: web.Request) -> web.Response:
        """Let people stop writing."""
        self.is_frozen = True
        return web.json_response({})


@contextmanager
def served() -> Iterator[Served]:
    """Serve both accounts on loopback for the length of a block."""
    settings = {"users": USERS, "existing": {"accounts": 0, "contacts": 0, "leads": 0}, "switches": {"search_lag_s": 0.2}}
    both, loop = Served(account(), open_site(settings)), asyncio.new_event_loop()
    source = web.Application()
    source.router.add_route("*", "/v2/{kind}", both.list)
    source.router.add_post("/admin/freeze", both.freeze)
    runners = [web.AppRunner(app, access_log=None) for app in (source, make_app(site=both.site))]
    urls = [loop.run_until_complete(_open(runner)) for runner in runners]
    both.source_url, both.destination_url = urls
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield both
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for runner in runners:
            loop.run_until_complete(runner.cleanup())
        loop.close()


async def _open(runner: web.AppRunner) -> str:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port, *_ = runner.addresses[0]
    return f"http://{host}:{port}"
