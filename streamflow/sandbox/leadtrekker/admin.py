"""The admin face of the simulated Leadtrekker, under /_sandbox/: what only a test or the launcher may know and do.

| call | does |
| --- | --- |
| GET/POST switches, POST profile, GET log, POST log/reset | shared by all platforms: fault_doors.py |
| GET dump?kind=leads | the true state of a kind, one JSON object a line; `lives_at` names the lead that lists it, where `leadid` does not |
| GET state | life, counts per kind, calls of write functions, the account's clock |
| POST act | {"do", "kind", "id", "values", "silent", "force"}: what a person does in the app |
| POST life, GET life?since=n | {"on", "rate_per_s"}; everything that was done, with seq above n |
| POST freeze | {"on": true}, and {"cheat": n}: n writes although it is frozen |
| POST export | {"folder", "form", "complete", "attachments_only", "dialect": {...}}: writes a snapshot, answers its folder |
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from aiohttp import web

from streamflow.sandbox.admin_doors import Answer, Door, dumping, verb
from streamflow.sandbox.fault_doors import add_admin_routes
from streamflow.sandbox.leadtrekker.export import _write_attachments, write_snapshot
from streamflow.sandbox.leadtrekker.export_dialect import Dialect
from streamflow.sandbox.leadtrekker.operation import Operation
from streamflow.sandbox.leadtrekker.simulation import Leadtrekker
from streamflow.sandbox.leadtrekker.state import KINDS, REFERENCE_KINDS, State, local_text
from streamflow.sandbox.life_doors import add_life_doors
from streamflow.sandbox.snapshot_folder import folder_name, free_stamp, write_manifest
from streamflow.sandbox.spoiling import ADMIN_PREFIX


def add_routes(app: web.Application, simulation: Leadtrekker) -> None:
    """Add the whole admin face to *app*."""
    # Registered before the shared ones, so that these two answer: a dump that streams and an act that waits its turn.
    app.router.add_get(ADMIN_PREFIX + "dump", dumping((*KINDS, *REFERENCE_KINDS), partial(_truth, simulation.state)))
    app.router.add_post(ADMIN_PREFIX + "act", verb(simulation.still, partial(_act, simulation)))
    add_admin_routes(app, simulation.faults, platform="leadtrekker", dump=dict, act=lambda _: {})
    app.router.add_get(ADMIN_PREFIX + "state", _stating(simulation))
    add_life_doors(app, simulation.life, simulation.still)
    app.router.add_post(ADMIN_PREFIX + "export", verb(simulation.still, partial(_export, simulation)))


def _truth(state: State, kind: str) -> Iterator[dict[str, Any]]:
    for _, home, record in state.listing(kind):
        yield record if home in ("", record.get("leadid")) else {**record, "lives_at": home}


async def _act(simulation: Leadtrekker, body: dict[str, Any]) -> Answer:
    operation = Operation(
        do=str(body.get("do")), kind=str(body.get("kind")), key=str(body["id"]) if "id" in body else None,
        values=dict(body.get("values") or {}), silent=bool(body.get("silent")),
    )  # fmt: skip
    key = simulation.write(operation, by="act", force=bool(body.get("force")))
    found = simulation.state.find(operation.kind, key)
    return {"id": key, "record": found[1] if found else None, "after_freeze": simulation.life.is_frozen}


async def _export(simulation: Leadtrekker, body: dict[str, Any]) -> Answer:
    unknown = sorted(body.keys() - {"folder", "form", "complete", "attachments_only", "dialect"})
    if unknown:
        raise ValueError(f"export does not know {', '.join(unknown)}")
    inbox = Path(body["folder"])
    stamp = free_stamp(inbox, datetime.fromtimestamp(simulation.clock.now(), UTC))
    folder = await anyio.to_thread.run_sync(_write_export, simulation.state, inbox, stamp, body)
    return {"folder": str(folder)}


def _write_export(state: State, inbox: Path, stamp: datetime, body: dict[str, Any]) -> Path:
    complete = bool(body.get("complete", True))
    if body.get("attachments_only"):
        target = inbox / folder_name(stamp)
        target.mkdir(parents=True)
        files = _write_attachments(state, target)
        exported_at = f"{stamp:%Y-%m-%dT%H:%M:%SZ}"
        write_manifest(target, {"exported_at": exported_at, "complete": complete, "files": files})
        return target
    form, dialect = body.get("form", "csv"), Dialect(**body.get("dialect", {}))
    if form not in ("csv", "xlsx"):
        raise ValueError(f"form must be csv or xlsx, not {form!r}")
    return write_snapshot(state, inbox, stamp=stamp, complete=complete, form=form, dialect=dialect)


def _stating(simulation: Leadtrekker) -> Door:
    async def state(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "life": simulation.life.snapshot(),
                "frozen": simulation.life.is_frozen,
                "counts": simulation.state.counts(),
                "write_calls": dict(simulation.write_calls),
                "now": local_text(simulation.faults.platform_now()),
            }
        )

    return state
