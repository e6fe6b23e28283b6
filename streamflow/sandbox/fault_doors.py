"""The doors of every admin face, under /_sandbox/: switches, profiles of faults, log, dump, and what a person does.

| call | does |
| --- | --- |
| GET/POST switches | what can be changed while the server runs; all or nothing |
| POST profile | {"name": "flaky"} or {"set": switches}: the faults of a profile in the place of the last one's; "calm" or {} ends them |
| GET log, POST log/reset | every call and how it ended |
| GET dump, POST act | the true state, and what people do to it |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from streamflow.sandbox.faults import Faults
from streamflow.sandbox.profiles import ProfileError, read_profile
from streamflow.sandbox.spoiling import ADMIN_PREFIX

Dump = Callable[[], Mapping[str, Any]]
Act = Callable[[dict[str, Any]], Mapping[str, Any]]


def add_admin_routes(app: web.Application, faults: Faults, *, platform: str, dump: Dump, act: Act) -> None:
    """Add them; `act` may raise ValueError or KeyError for a 400, *platform* is its name in profiles."""

    async def get_log(_: web.Request) -> web.Response:
        return web.json_response(faults.log.snapshot())

    async def reset_log(_: web.Request) -> web.Response:
        faults.log.reset()
        return web.json_response({"reset": True})

    async def get_dump(_: web.Request) -> web.Response:
        return web.json_response(dump())

    async def post_act(request: web.Request) -> web.Response:
        try:
            return web.json_response(act(await request.json()))
        except (KeyError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    app.router.add_get(ADMIN_PREFIX + "log", get_log)
    app.router.add_post(ADMIN_PREFIX + "log/reset", reset_log)
    app.router.add_get(ADMIN_PREFIX + "dump", get_dump)
    app.router.add_post(ADMIN_PREFIX + "act", post_act)
    _add_switch_doors(app, faults, platform)


def _add_switch_doors(app: web.Application, faults: Faults, platform: str) -> None:
    async def get_switches(_: web.Request) -> web.Response:
        return web.json_response(faults.switches)

    async def post_switches(request: web.Request) -> web.Response:
        try:
            faults.merge(await request.json())
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(faults.switches)

    async def post_profile(request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            if not isinstance(wanted, dict) or len(wanted.keys() & {"name", "set"}) != 1 or len(wanted) != 1:
                raise ProfileError('give {"name": a shipped profile} or {"set": switches}')
            faults.profile(wanted["set"] if "set" in wanted else read_profile(str(wanted["name"]))[platform])
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(faults.switches)

    app.router.add_get(ADMIN_PREFIX + "switches", get_switches)
    app.router.add_post(ADMIN_PREFIX + "switches", post_switches)
    app.router.add_post(ADMIN_PREFIX + "profile", post_profile)
