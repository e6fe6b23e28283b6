"""The aiohttp application: routes, authentication, error shapes, request ids."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.fault_doors import add_admin_routes
from streamflow.sandbox.nutshell import admin, rpc
from streamflow.sandbox.nutshell.auth import authenticate
from streamflow.sandbox.nutshell.config import complete
from streamflow.sandbox.nutshell.errors import MEDIA_REFUSAL, Refusal, WrongMedia, error_envelope, error_page
from streamflow.sandbox.nutshell.existing import furnish
from streamflow.sandbox.nutshell.routes import ROUTES
from streamflow.sandbox.nutshell.site import Call, Endpoint, Site
from streamflow.sandbox.nutshell.state import Actor
from streamflow.sandbox.nutshell.switches import NUTSHELL_SWITCHES, NutshellFaults
from streamflow.sandbox.rules import Asked
from streamflow.sandbox.spoiling import CALL_NAME, fault_middleware

SITE: web.AppKey[Site] = web.AppKey("site", Site)
ACTOR: web.RequestKey[Actor] = web.RequestKey("actor", Actor)
FURNISHING = {"cf_unknown_name": "refused", "cf_unlisted_choice": "added", "lead_requires_contact": False}
RPC_PATHS = ("/api/v1/json", "/v1/json")
_BODY_MEDIA = ("application/json", "application/json-patch+json")
_MAX_BODY_BYTES = 4 * 1024 * 1024


def open_site(config: Mapping[str, Any] | None = None, *, clock: Clock | None = None) -> Site:
    """Return a furnished account; raises ValueError or SwitchError for settings that do not exist."""
    whole = complete(config)
    faults = NutshellFaults(whole["instance"], clock=clock, seed=int(whole["seed"]))
    site = Site({**whole, "plan": {}}, faults)
    # The customer's own records were there before any switch or cap of the test applies to them.
    faults.merge({"email_activity_type": whole["switches"].get("email_activity_type", False), **FURNISHING})
    try:
        furnish(site)
    except Refusal as refusal:
        raise ValueError(f"existing records: {refusal.title} {refusal.detail or refusal.field or ''}") from None
    faults.merge({name: NUTSHELL_SWITCHES[name] for name in FURNISHING} | whole["switches"])
    faults.profile(whole["faults"])
    site.plan = dict(whole["plan"])
    return site


def make_app(
    config: Mapping[str, Any] | None = None, *, clock: Clock | None = None, site: Site | None = None
) -> web.Application:
    """Return the whole simulated Nutshell: REST, JSON-RPC and the admin face."""
    site = site or open_site(config, clock=clock)
    app = web.Application(
        middlewares=[fault_middleware(site.faults), _nutshell_middleware(site)], client_max_size=_MAX_BODY_BYTES
    )
    app[SITE] = site
    for method, path, endpoint, plural in ROUTES:
        app.router.add_route(method, f"/rest{path}", _handler(site, endpoint, plural))
    for path in RPC_PATHS:
        app.router.add_post(path, _rpc_handler(site))
        app.router.add_get(path, _smd_handler)
    add_admin_routes(app, site.faults, platform="nutshell", dump=lambda: admin.dump(site), act=lambda order: admin.act(site, order))
    numbers = itertools.count(1)

    async def stamp(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["x-nutshell-request-id"] = f"{next(numbers):016x}"

    app.on_response_prepare.append(stamp)
    return app


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _page(status: int) -> web.Response:
    return web.Response(status=status, text=error_page(status), content_type="text/html")


def _refuse(site: Site, refusal: Refusal, plural: str | None) -> web.Response:
    if refusal.status in (401, 403, 404):
        return _page(refusal.status)
    return _json(error_envelope(refusal, plural, site.meta()), refusal.status)


def _nutshell_middleware(site: Site) -> Any:
    """Give aiohttp's own refusals the shapes Nutshell has (nutshell.md 1.7)."""

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith("/_sandbox/"):
            return await handler(request)
        try:
            if request.path.startswith("/rest"):
                request[ACTOR] = authenticate(site, request.headers.get("Authorization"))
            return await handler(request)
        except Refusal as refusal:
            return _refuse(site, refusal, None)
        except web.HTTPMethodNotAllowed:
            return web.Response(status=405, text='"Internal Error"', content_type="text/plain")
        except web.HTTPNotFound:
            return _page(404)

    return middleware


def _handler(
    site: Site, endpoint: Endpoint, plural: str | None
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method in ("POST", "PUT") and request.can_read_body and request.content_type not in _BODY_MEDIA:
            return _json("application/json is required", 400)
        call = Call(
            method=request.method,
            origin=f"{request.scheme}://{request.host}",
            path=request.path,
            params=request.match_info,
            query=request.query,
            content_type=request.content_type,
            raw=await request.read(),
            actor=request[ACTOR],
        )
        try:
            _hold_to_plan(site, call)
            reply = endpoint(site, call)
        except Refusal as refusal:
            return _refuse(site, refusal, plural)
        except WrongMedia:
            return _json(MEDIA_REFUSAL, 400)
        return web.Response(status=reply.status) if reply.body is None else _json(reply.body, reply.status)

    return handler


def _hold_to_plan(site: Site, call: Call) -> None:
    """Refuse a create that the rule of the plan strikes."""
    asked = Asked(method=call.method, path=call.path, query="", body=call.raw)
    if call.method == "POST" and site.faults.fires("plan_limit", asked) is not None:
        form = site.switches["plan_refusal"]
        raise Refusal(400 if form == "locked" else int(form), "Your plan allows no more of these.")


def _rpc_handler(site: Site) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        name = rpc.method_name(raw)
        request[CALL_NAME] = f"RPC {name}"
        actor = None
        if name != "getApiForUsername":
            actor = authenticate(site, request.headers.get("Authorization"), rpc=True)
        body = rpc.answer(site, raw, actor, host=request.host)
        if name.startswith(("get", "find")) and not body.get("error"):
            etag = rpc.etag_of(body["result"])
            if request.headers.get("If-None-Match") == etag:
                return web.Response(status=304, headers={"ETag": etag})
            response = _json(body)
            response.headers["ETag"] = etag
            return response
        return _json(body)

    return handler


async def _smd_handler(_: web.Request) -> web.StreamResponse:
    return _json(rpc.service_description())
