"""The doors of a source's admin face by which its people are set to work, frozen, and told of."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
from aiohttp import web

from streamflow.sandbox.admin_doors import Answer, Door, verb
from streamflow.sandbox.living import Life
from streamflow.sandbox.spoiling import ADMIN_PREFIX


def add_life_doors(app: web.Application, life: Life, still: anyio.Lock) -> None:
    """Add POST life, GET life?since=n and POST freeze; *still* is held while they change something."""
    app.router.add_get(ADMIN_PREFIX + "life", _telling(life))
    app.router.add_post(ADMIN_PREFIX + "life", verb(still, partial(_switch, life)))
    app.router.add_post(ADMIN_PREFIX + "freeze", verb(still, partial(_freeze, life)))


async def _switch(life: Life, body: dict[str, Any]) -> Answer:
    rate = body.get("rate_per_s")
    life.switch(on=bool(body["on"]), rate_per_s=None if rate is None else float(rate))
    return life.snapshot()


async def _freeze(life: Life, body: dict[str, Any]) -> Answer:
    if "on" in body:
        life.freeze(on=bool(body["on"]))
    if "cheat" in body:
        life.cheat(int(body["cheat"]))
    return life.snapshot()


def _telling(life: Life) -> Door:
    async def tell(request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        return web.json_response({**life.snapshot(), "operations": life.done[since:]})

    return tell
