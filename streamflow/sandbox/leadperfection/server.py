"""The simulated Lead Perfection API: `/token`, and POST /api/<Controller>/<Method> with a form (lead-perfection.md 1, 2.1).

The order in which a call is judged: path, verb, token, right, content type, form. Everything but the first four answers 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.faults import Handler
from streamflow.sandbox.leadperfection import tokens
from streamflow.sandbox.leadperfection.admin import add_routes
from streamflow.sandbox.leadperfection.customers import METHODS as CUSTOMERS
from streamflow.sandbox.leadperfection.customers import Answer, Method
from streamflow.sandbox.leadperfection.forms import Form, HandlerFault
from streamflow.sandbox.leadperfection.installer import DOWNLOADS, FILES, INSTALLER
from streamflow.sandbox.leadperfection.sales import LEADS, SALES
from streamflow.sandbox.leadperfection.simulation import SIMULATION, Config, LeadPerfection
from streamflow.sandbox.leadperfection.voice import SIGN_IN
from streamflow.sandbox.leadperfection.writes import WRITES, write
from streamflow.sandbox.rules import Asked
from streamflow.sandbox.spoiling import CALL_NAME, fault_middleware

__all__ = ["SIMULATION", "Config", "make_app"]

READS: Mapping[str, Mapping[str, Method]] = {
    "Customers": CUSTOMERS, "SalesApi": SALES, "Leads": LEADS, "Installer": INSTALLER, "File": FILES, "Downloads": DOWNLOADS,
}  # fmt: skip
FORM = "application/x-www-form-urlencoded"


def make_app(config: Config, *, clock: Clock | None = None) -> web.Application:
    """Build the server with its admin face; the account is at `app[SIMULATION]`."""
    simulation = LeadPerfection(config, clock=clock)
    app = web.Application(middlewares=[fault_middleware(simulation.faults), _living])
    app[SIMULATION] = simulation
    add_routes(app, simulation)
    app.router.add_route("*", "/token", _token)
    app.router.add_route("*", "/api/{controller}/{method}", _call)
    app.router.add_route("*", "/{tail:.*}", _missing)
    return app


@web.middleware
async def _living(request: web.Request, handler: Handler) -> web.StreamResponse:
    simulation = request.app[SIMULATION]
    simulation.catch_up()
    if request.path.startswith("/api/"):
        asked = Asked(method=request.method, path=request.path, query=request.query_string, body=await request.read())
        if simulation.faults.fires("expire_tokens", asked) is not None:
            simulation.tokens.revoke()
        if simulation.faults.fires("result_200", asked) is not None:
            return _json([{"Result": 0, "Message": "Error: try again later"}])
    return await handler(request)


async def _missing(request: web.Request) -> web.Response:
    message = f"No HTTP resource was found that matches the request URI '{request.path}'."
    return _json({"Message": message}, status=404)


async def _token(request: web.Request) -> web.StreamResponse:
    simulation = request.app[SIMULATION]
    if request.method != "POST":
        return web.Response(status=405, headers={"Allow": "POST"})
    if request.content_type != FORM:
        return _json({"error": "unsupported_grant_type"}, status=400)
    form = {name.lower(): str(value) for name, value in (await request.post()).items()}
    lifetime_s = float(simulation.switches["token_lifetime_s"])
    token = simulation.tokens.issue(form, host=request.host, now=simulation.clock.now(), lifetime_s=lifetime_s)
    if token is None:
        status = int(simulation.switches["bad_credentials"])
        return _json({"error": "invalid_grant", "error_description": "The user name or password is incorrect."}, status=status)
    form_of, has_type = simulation.switches["expires_in"], simulation.switches["token_type"] == "bearer"  # noqa: S105 - a word of the protocol
    return _json(tokens.reply(token, lifetime_s=lifetime_s, form=form_of, has_type=has_type))


async def _call(request: web.Request) -> web.StreamResponse:
    simulation = request.app[SIMULATION]
    controller, method = request.match_info["controller"], request.match_info["method"]
    request[CALL_NAME] = f"{request.method} /api/{controller}/{method}"
    is_menu, is_write = (controller, method) == ("Menu", "GetMenu"), method in WRITES.get(controller, ())
    read = READS.get(controller, {}).get(method)
    if not (read or is_write or is_menu or (controller, method) == ("CustomAPI", "CustomAPIMethod")):
        request[CALL_NAME] = f"{request.method} (no such method)"
        return await _missing(request)
    if request.method != ("GET" if is_menu else "POST"):
        message = f"The requested resource does not support http method '{request.method}'."
        return _json({"Message": message}, status=405)
    refusal = _refuse(simulation, request, method)
    if refusal is not None:
        return refusal
    if is_menu:
        return _json([{"key": "1", "value": "Customers"}, {"key": "2", "value": "Sales"}])
    return await _answer(simulation, request, read, method)


async def _answer(simulation: LeadPerfection, request: web.Request, read: Method | None, method: str) -> web.StreamResponse:
    """Run a method; only a form is understood (lead-perfection.md 1.3)."""
    if request.content_type != FORM:
        return _exception("Cannot find column 1.")
    form = Form({name: str(value) for name, value in (await request.post()).items()})
    try:
        if method == "CustomAPIMethod":
            raise HandlerFault("Could not find stored procedure.")
        answer: Answer = await read(simulation, form) if read is not None else await write(simulation, method, form)
    except HandlerFault as fault:
        return _exception(str(fault))
    return answer if isinstance(answer, web.StreamResponse) else _json(answer)


def _refuse(simulation: LeadPerfection, request: web.Request, method: str) -> web.Response | None:
    switches = simulation.switches
    given = request.headers.get("Authorization", "")
    if not simulation.tokens.is_good(given, host=request.host, now=simulation.clock.now()):
        return _denied(switches, int(switches["denied_status"]))
    right = switches["no_right"].get(method)
    if right is None:
        return None
    return _json([]) if right == "empty" else _denied(switches, int(right))


def _denied(switches: Mapping[str, Any], status: int) -> web.Response:
    match switches["denied_body"]:
        case "empty":
            return web.Response(status=status)
        case "html":
            return web.Response(status=status, text=SIGN_IN, content_type="text/html")
    return _json({"Message": "Authorization has been denied for this request."}, status=status)


def _exception(text: str) -> web.Response:
    return _json({"message": "Exception Occured", "error": text, "status": None})


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json", charset="utf-8")
