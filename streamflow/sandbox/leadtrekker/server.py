"""The simulated Leadtrekker API: POST /api/<function>, an `Apikey` header, base64 leaves (leadtrekker.md 1, 2.1, 5).

The order in which a call is judged: method, key, function, content type, encoding, arguments. The three write functions
exist so that a test can prove that nobody calls them; every call of one is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from itertools import islice
from typing import Any

import orjson
from aiohttp import web

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.faults import Handler
from streamflow.sandbox.leadtrekker.admin import add_routes
from streamflow.sandbox.leadtrekker.codec import CodecError, Record, decode_tree, dress
from streamflow.sandbox.leadtrekker.operation import Operation, OperationRefused
from streamflow.sandbox.leadtrekker.simulation import SIMULATION, Config, Leadtrekker
from streamflow.sandbox.leadtrekker.state import Listed, State
from streamflow.sandbox.lying import cut, lies
from streamflow.sandbox.spoiling import fault_middleware

__all__ = ["SIMULATION", "Config", "make_app"]

LISTS: Mapping[str, str] = {
    "getleads": "leads", "getusers": "users", "getgroups": "groups", "getsources": "sources",
    "getstatuses": "statuses", "getreminders": "reminders",
}  # fmt: skip
CHILD_LISTS: Mapping[str, str] = {"getnotes": "notes", "getcalls": "calls", "getemails": "emails"}
WRITES = ("createlead", "updatestatus", "createattachment")
_DATED: Mapping[str, str] = {"leads": "updated", "notes": "created", "calls": "created", "emails": "sent"}
_STREAM_ROWS = 100
_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


def make_app(config: Config, *, clock: Clock | None = None) -> web.Application:
    """Build the server with its admin face; the account is at `app[SIMULATION]`."""
    simulation = Leadtrekker(config, clock=clock)
    app = web.Application(middlewares=[fault_middleware(simulation.faults), _living], client_max_size=64 * 1024 * 1024)
    app[SIMULATION] = simulation
    add_routes(app, simulation)
    for function in (*LISTS, *CHILD_LISTS, "getlead", *WRITES):
        app.router.add_route("*", f"/api/{function}", _call)  # a route each, so that the call log tells them apart
    app.router.add_route("*", "/api/{function}", _call)
    app.router.add_route("*", "/{tail:.*}", _nothing_here)
    return app


@web.middleware
async def _living(request: web.Request, handler: Handler) -> web.StreamResponse:
    request.app[SIMULATION].catch_up()
    return await handler(request)


async def _nothing_here(request: web.Request) -> web.Response:
    return _html("Not Found", 404)


async def _call(request: web.Request) -> web.StreamResponse:
    simulation = request.app[SIMULATION]
    function = request.path.rsplit("/", 1)[-1]
    switches = simulation.switches
    known = function in (*LISTS, *CHILD_LISTS, "getlead", *WRITES) and function not in switches["missing"]
    refusal = _refuse_caller(request, simulation) or (None if known else _refuse_function(function, switches))
    if refusal is not None:
        return refusal
    try:
        arguments = await _arguments(request, function, strict=switches["strict_base64"])
        if function in WRITES:
            return await _write(simulation, function, arguments)
        if function == "getlead":
            return _one_lead(simulation, arguments)
        return await _list(request, simulation, function, arguments)
    except (CodecError, OperationRefused) as error:
        return _error(str(error))


def _refuse_caller(request: web.Request, simulation: Leadtrekker) -> web.Response | None:
    if request.method != "POST":
        return web.Response(status=405, text="Method Not Allowed", headers={"Allow": "POST"})
    names = {"apikey": ("Apikey",), "legacy": ("api_key",), "either": ("Apikey", "api_key")}
    given = {request.headers.get(name) for name in names[simulation.switches["header"]]}
    if simulation.config.api_key in given:
        return None
    form = simulation.switches["bad_key"]
    return _error("Invalid API key", status=int(form))


def _refuse_function(function: str, switches: Mapping[str, Any]) -> web.Response:
    form = switches["unknown_function"]
    if form == "error":
        return _error("Unknown function")
    return _html("Not Found" if form == "404" else "Leadtrekker", 404 if form == "404" else 200)


async def _arguments(request: web.Request, function: str, *, strict: bool) -> Record:
    body = await request.read()
    if function == "createattachment":
        return _multipart(request.headers.get("Content-Type", ""), body, strict=strict)
    if request.content_type != "application/json":
        raise CodecError("Content-Type must be application/json")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise CodecError("body is not JSON") from None
    if not isinstance(document, dict):
        raise CodecError("body must be a JSON object")
    decoded: Record = decode_tree(document, strict=strict)
    return decoded


def _multipart(content_type: str, body: bytes, *, strict: bool) -> Record:
    """Take apart the form of createattachment: `leadid` is base64, `file` is raw bytes (leadtrekker.md 1.2)."""
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    if not content_type.startswith("multipart/form-data") or not message.is_multipart():
        raise CodecError("Content-Type must be multipart/form-data")
    found: Record = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if name == "leadid" and isinstance(content, bytes):
            found["leadid"] = decode_tree(content.decode("utf-8", "replace").strip(), strict=strict, path="leadid")
        elif name == "file" and isinstance(content, bytes):
            found |= {"name": part.get_filename() or "file", "content": content}
    if found.keys() != {"leadid", "name", "content"}:
        raise CodecError("leadid and file are required")
    return found


async def _write(simulation: Leadtrekker, function: str, arguments: Record) -> web.Response:
    simulation.write_calls[function] += 1
    async with simulation.still:
        if function == "createlead":
            allowed = {"name", "email", "number", "company", "sourceid", "custom_fields"}
            values = {name: value for name, value in arguments.items() if name in allowed}
            key = simulation.write(Operation(do="create", kind="leads", values=values), by="api")
            form = simulation.switches["create_reply"]
            return _json(int(key) if form == "bare" else {form: key})
        if function == "updatestatus":
            leadid = str(arguments.get("leadid", ""))
            values = {"statusid": str(arguments.get("status", ""))}
            simulation.write(Operation(do="edit", kind="leads", key=leadid, values=values), by="api")
            return _json({"leadid": leadid})
        return _json({"attachmentid": _attach(simulation, arguments)})


def _attach(simulation: Leadtrekker, arguments: Record) -> str:
    operation = Operation(do="create", kind="attachments", values=arguments)
    return simulation.write(operation, by="api")


def _one_lead(simulation: Leadtrekker, arguments: Record) -> web.Response:
    leadid = str(arguments.get("leadid", ""))
    found = simulation.state.find("leads", leadid)
    if found is None:
        return _error("Lead not found")
    return _reply(simulation.switches, "leads", [dress(found[1], leadid, simulation.switches)], total=1)


async def _list(request: web.Request, simulation: Leadtrekker, function: str, arguments: Record) -> web.StreamResponse:
    switches, view = simulation.switches, simulation.clock.now()
    kind = LISTS.get(function) or CHILD_LISTS[function]
    if switches["date_filter"] == "refused" and arguments.keys() & {"datefrom", "dateto"}:
        return _error("Unknown parameter datefrom")
    rows: Iterator[Listed] | None = None
    if function in CHILD_LISTS:
        leadid = str(arguments.get("leadid", ""))
        if not leadid:
            return _error("leadid is required")
        if switches["unknown_lead"] == "error" and simulation.state.find("leads", leadid) is None:
            return _error("Lead not found")
        rows = None if lies("no_filter") else simulation.state.children_of(kind, leadid, view=view)
    is_dated = switches["date_filter"] == "honoured" and kind in _DATED and not arguments.keys().isdisjoint({"datefrom", "dateto"})
    if is_dated and not lies("no_filter"):
        rows = _within(rows or simulation.state.listing(kind, view=view), _DATED[kind], arguments)
    if not switches["paging"]:
        return await _stream(request, simulation, kind, rows or simulation.state.listing(kind, view=view))
    number, limit = _page_of(arguments, switches)
    start, limit = cut(number * limit, limit, lambda: simulation.state.total(kind, view=view))
    page, total = _cut(simulation.state, kind, rows, start, limit, switches["order"] == "desc", view)
    return _reply(switches, kind, [dress(record, key, switches) for key, _, record in page], total=total)


def _page_of(arguments: Record, switches: Mapping[str, Any]) -> tuple[int, int]:
    """Give (number of the page from 0, rows in a page); CodecError when they are not whole numbers."""
    try:
        number = int(arguments.get("page", switches["page_base"])) - int(switches["page_base"])
        limit = int(arguments.get("limit", switches["page_size_max"]))
    except (TypeError, ValueError):
        raise CodecError("page and limit must be whole numbers") from None
    if number < 0 or limit < 1:
        raise CodecError("page or limit out of range")
    if switches["repeat_page_after"] is not None:
        number = min(number, switches["repeat_page_after"] - 1)
    return number, min(limit, switches["page_size_max"])


def _cut(
    state: State, kind: str, rows: Iterator[Listed] | None, offset: int, limit: int, newest_first: bool, view: float
) -> tuple[list[Listed], int]:
    """Give one page and the total, of *rows* where the caller selected some, else of the whole kind."""
    if rows is None:
        page = state.page(kind, offset=offset, limit=limit, newest_first=newest_first, view=view)
        return page, state.total(kind, view=view)
    chosen = list(rows)
    return (chosen[::-1] if newest_first else chosen)[offset : offset + limit], len(chosen)


def _within(rows: Iterator[Listed], name: str, arguments: Record) -> Iterator[Listed]:
    """Keep rows between datefrom and dateto, both included; a date without a time means its first or last second."""
    low = _bound(arguments.get("datefrom", ""), "00:00:00")
    high = _bound(arguments.get("dateto", ""), "23:59:59") or "9999"
    return (row for row in rows if low <= str(row[2].get(name, "")) <= high)


def _bound(text: str, time_of_day: str) -> str:
    return f"{text} {time_of_day}" if len(text) == len("2026-01-31") else text.replace("T", " ")


async def _stream(request: web.Request, simulation: Leadtrekker, kind: str, rows: Iterator[Listed]) -> web.StreamResponse:
    """Send every row as one array without ever holding more than a hundred of them."""
    switches = simulation.switches
    answer = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await answer.prepare(request)
    under_key = switches["wrap"] == "key"
    await answer.write(b'{"%s":[' % kind.encode() if under_key else b"[")
    comma = b""
    while chunk := [dress(record, key, switches) for key, _, record in islice(rows, _STREAM_ROWS)]:
        if switches["dump_delay_ms"]:
            await asyncio.sleep(switches["dump_delay_ms"] / 1000)
        await answer.write(comma + orjson.dumps(chunk)[1:-1])
        comma = b","
        await asyncio.sleep(0)  # a long dump must not keep other callers waiting
    await answer.write(b"]}" if under_key else b"]")
    await answer.write_eof()
    return answer


def _reply(switches: Mapping[str, Any], kind: str, rows: list[Record], *, total: int) -> web.Response:
    if switches["wrap"] == "root":
        return _json(rows)
    return _json({kind: rows, "total": total} if switches["report_total"] else {kind: rows})


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json", charset="utf-8")


def _error(message: str, *, status: int = 200) -> web.Response:
    return _json({"error": message}, status=status)


def _html(title: str, status: int) -> web.Response:
    return web.Response(status=status, text=_HTML.format(title), content_type="text/html")
