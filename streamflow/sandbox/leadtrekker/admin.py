"""The admin face of the simulated Leadtrekker, under /_sandbox/: what only a test or the launcher may know and do.

| call | does |
| --- | --- |
| GET/POST switches, GET log, POST log/reset | shared by both platforms |
| GET dump?kind=leads | the true state of a kind, one JSON object a line |
| GET state | life, counts per kind, calls of write functions, the account's clock |
| POST act | {"do", "kind", "id", "values", "silent", "force"}: what a person does in the app |
| POST life, GET life?since=n | {"on", "rate_per_s"}; everything that was done, with seq above n |
| POST freeze | {"on": true}, and {"cheat": n}: n writes although it is frozen |
| POST export | {"folder", "form", "complete", "attachments_only", "dialect": {...}}: writes a snapshot, answers its folder |
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import anyio.to_thread
import orjson
from aiohttp import web

from streamflow.sandbox.faults import ADMIN_PREFIX, add_admin_routes
from streamflow.sandbox.leadtrekker.export import _write_attachments, _write_manifest, write_snapshot
from streamflow.sandbox.leadtrekker.export_dialect import Dialect
from streamflow.sandbox.leadtrekker.operation import Operation
from streamflow.sandbox.leadtrekker.simulation import Leadtrekker
from streamflow.sandbox.leadtrekker.state import KINDS, REFERENCE_KINDS, State, local_text

Answer = Mapping[str, Any]
Verb = Callable[[Leadtrekker, dict[str, Any]], Awaitable[Answer]]
_DUMP_LINES = 200


def add_routes(app: web.Application, simulation: Leadtrekker) -> None:
    """Add the whole admin face to *app*."""
    # Registered before the shared ones, so that these two answer: a dump that streams and an act that waits its turn.
    app.router.add_get(ADMIN_PREFIX + "dump", _dumping(simulation))
    app.router.add_post(ADMIN_PREFIX + "act", _verb(simulation, _act))
    add_admin_routes(app, simulation.faults, dump=dict, act=lambda _: {})
    app.router.add_get(ADMIN_PREFIX + "state", _stating(simulation))
    app.router.add_get(ADMIN_PREFIX + "life", _telling(simulation))
    app.router.add_post(ADMIN_PREFIX + "life", _verb(simulation, _life))
    app.router.add_post(ADMIN_PREFIX + "freeze", _verb(simulation, _freeze))
    app.router.add_post(ADMIN_PREFIX + "export", _verb(simulation, _export))


def _verb(simulation: Leadtrekker, verb: Verb) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Give a handler that runs *verb* while nothing else changes the state; its faults answer 400 with a reason."""

    async def handle(request: web.Request) -> web.Response:
        try:
            body = orjson.loads(await request.read() or b"{}")
            if not isinstance(body, dict):
                raise ValueError("the body must be a JSON object")
            async with simulation.still:
                return web.json_response(await verb(simulation, body))
        except (ValueError, KeyError, TypeError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    return handle


async def _act(simulation: Leadtrekker, body: dict[str, Any]) -> Answer:
    operation = Operation(
        do=str(body.get("do")), kind=str(body.get("kind")), key=str(body["id"]) if "id" in body else None,
        values=dict(body.get("values") or {}), silent=bool(body.get("silent")),
    )  # fmt: skip
    key = simulation.write(operation, by="act", force=bool(body.get("force")))
    found = simulation.state.find(operation.kind, key)
    return {"id": key, "record": found[1] if found else None, "after_freeze": simulation.life.is_frozen}


async def _life(simulation: Leadtrekker, body: dict[str, Any]) -> Answer:
    rate = body.get("rate_per_s")
    simulation.life.switch(on=bool(body["on"]), rate_per_s=None if rate is None else float(rate))
    return simulation.life.snapshot()


async def _freeze(simulation: Leadtrekker, body: dict[str, Any]) -> Answer:
    if "on" in body:
        simulation.life.freeze(on=bool(body["on"]))
    if "cheat" in body:
        simulation.life.cheat(int(body["cheat"]))
    return simulation.life.snapshot()


async def _export(simulation: Leadtrekker, body: dict[str, Any]) -> Answer:
    unknown = sorted(body.keys() - {"folder", "form", "complete", "attachments_only", "dialect"})
    if unknown:
        raise ValueError(f"export does not know {', '.join(unknown)}")
    stamp = datetime.fromtimestamp(simulation.clock.now(), UTC).replace(microsecond=0)
    inbox = Path(body["folder"])
    while (inbox / f"{stamp:%Y%m%dT%H%M%SZ}").exists():  # two exports within a second
        stamp += timedelta(seconds=1)
    folder = await anyio.to_thread.run_sync(_write_export, simulation.state, inbox, stamp, body)
    return {"folder": str(folder)}


def _write_export(state: State, inbox: Path, stamp: datetime, body: dict[str, Any]) -> Path:
    complete = bool(body.get("complete", True))
    if body.get("attachments_only"):
        target = inbox / f"{stamp:%Y%m%dT%H%M%SZ}"
        target.mkdir(parents=True)
        files = _write_attachments(state, target)
        exported_at = f"{stamp:%Y-%m-%dT%H:%M:%SZ}"
        _write_manifest(target, {"exported_at": exported_at, "complete": complete, "files": files})
        return target
    form, dialect = body.get("form", "csv"), Dialect(**body.get("dialect", {}))
    if form not in ("csv", "xlsx"):
        raise ValueError(f"form must be csv or xlsx, not {form!r}")
    return write_snapshot(state, inbox, stamp=stamp, complete=complete, form=form, dialect=dialect)


def _dumping(simulation: Leadtrekker) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def dump(request: web.Request) -> web.StreamResponse:
        kind = request.query.get("kind", "")
        if kind not in (*KINDS, *REFERENCE_KINDS):
            message = f"kind must be one of {', '.join((*KINDS, *REFERENCE_KINDS))}"
            return web.json_response({"error": message}, status=400)
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        records = simulation.state.iter_records(kind)
        while lines := b"".join(orjson.dumps(record) + b"\n" for record in islice(records, _DUMP_LINES)):
            await answer.write(lines)
            await asyncio.sleep(0)  # a long dump must not keep other callers waiting
        await answer.write_eof()
        return answer

    return dump


def _stating(simulation: Leadtrekker) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def state(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "life": simulation.life.snapshot(),
                "frozen": simulation.life.is_frozen,
                "counts": simulation.state.counts(),
                "write_calls": dict(simulation.write_calls),
                "now": local_text(simulation.clock.now()),
            }
        )

    return state


def _telling(simulation: Leadtrekker) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def life(request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        return web.json_response({**simulation.life.snapshot(), "operations": simulation.life.done[since:]})

    return life
