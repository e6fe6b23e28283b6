"""The admin face of the simulated Lead Perfection, under /_sandbox/: what only a test or the launcher may know and do.

| call | does |
| --- | --- |
| GET/POST switches, POST profile, GET log, POST log/reset | shared by all platforms: fault_doors.py |
| GET dump?kind=prospects | the true state of a kind, one JSON object a line, in the names of tree.py |
| GET state | life, counts per kind, calls of write methods, tokens given, the tenant's wall clock |
| GET problems?limit=5 | every problem the generator put in, with examples as [kind, id] |
| POST act | {"do", "kind", "id", "values", "silent", "force"}: what a person does in the app |
| POST life, GET life?since=n | {"on", "rate_per_s"}; everything that was done, with seq above n |
| POST freeze | {"on": true}, and {"cheat": n}: n writes although it is frozen |
| POST tokens | {"revoke": true}: no token given so far is good any more |
| POST export | {"folder", "complete", "names", "extract", "encoding"}: writes the report files, answers their folder |
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from aiohttp import web

from streamflow.sandbox.admin_doors import Answer, Door, dumping, verb
from streamflow.sandbox.fault_doors import add_admin_routes
from streamflow.sandbox.leadperfection.export import write_snapshot
from streamflow.sandbox.leadperfection.operation import Operation
from streamflow.sandbox.leadperfection.plan import KINDS, text_of
from streamflow.sandbox.leadperfection.simulation import LeadPerfection
from streamflow.sandbox.life_doors import add_life_doors
from streamflow.sandbox.snapshot_folder import free_stamp
from streamflow.sandbox.spoiling import ADMIN_PREFIX


def add_routes(app: web.Application, simulation: LeadPerfection) -> None:
    """Add the whole admin face to *app*."""
    # Registered before the shared ones, so that these two answer: a dump that streams and an act that waits its turn.
    app.router.add_get(ADMIN_PREFIX + "dump", dumping(KINDS, simulation.state.iter_records))
    verbs = {"act": _act, "tokens": _tokens, "export": _export}
    for name, does in verbs.items():
        app.router.add_post(ADMIN_PREFIX + name, verb(simulation.still, partial(does, simulation)))
    add_admin_routes(app, simulation.faults, platform="lead_perfection", dump=dict, act=lambda _: {})
    app.router.add_get(ADMIN_PREFIX + "state", _stating(simulation))
    app.router.add_get(ADMIN_PREFIX + "problems", _listing_problems(simulation))
    add_life_doors(app, simulation.life, simulation.still)


async def _act(simulation: LeadPerfection, body: dict[str, Any]) -> Answer:
    operation = Operation(
        do=str(body.get("do")), kind=str(body.get("kind")), key=str(body["id"]) if "id" in body else None,
        values=dict(body.get("values") or {}), silent=bool(body.get("silent")),
        touches_leads=simulation.switches["prospect_edits"] == "lead",
    )  # fmt: skip
    key = simulation.write(operation, by="act", force=bool(body.get("force")))
    found = simulation.state.find(operation.kind, key) if operation.kind != "calls" else None
    return {"id": key, "record": found[1] if found else None, "after_freeze": simulation.life.is_frozen}


async def _tokens(simulation: LeadPerfection, body: dict[str, Any]) -> Answer:
    return {"revoked": simulation.tokens.revoke() if body.get("revoke") else 0}


async def _export(simulation: LeadPerfection, body: dict[str, Any]) -> Answer:
    unknown = sorted(body.keys() - {"folder", "complete", "names", "extract", "encoding"})
    if unknown:
        raise ValueError(f"export does not know {', '.join(unknown)}")
    inbox = Path(body["folder"])
    stamp = free_stamp(inbox, datetime.fromtimestamp(simulation.clock.now(), UTC))
    write = partial(
        write_snapshot, simulation.state, inbox, stamp=stamp, taken_at=simulation.wall_clock(),
        complete=bool(body.get("complete", True)), names=body.get("names", "vendor"), extract=bool(body.get("extract")),
        encoding=body.get("encoding", "utf-8"),
    )  # fmt: skip
    return {"folder": str(await anyio.to_thread.run_sync(write))}


def _stating(simulation: LeadPerfection) -> Door:
    async def state(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "life": simulation.life.snapshot(),
                "frozen": simulation.life.is_frozen,
                "counts": simulation.state.counts(),
                "write_calls": dict(simulation.write_calls),
                "tokens_given": simulation.tokens.given,
                "now": text_of(simulation.wall_clock()),
            }
        )

    return state


def _listing_problems(simulation: LeadPerfection) -> Door:
    async def problems(request: web.Request) -> web.Response:
        return web.json_response(simulation.state.account.problems(int(request.query.get("limit", "5"))))

    return problems
