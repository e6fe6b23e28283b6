"""
The verbs of the control socket as one table: method, path, what the body may hold, and the call of the operator.

Pure but for the calls themselves; knows nothing of sockets.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import unquote

import orjson

from streamflow.daemon.jobs import Jobs
from streamflow.daemon.operator import Operator
from streamflow.errors import UsageError
from streamflow.spelling import near
from streamflow.wire.body import DEPTH_CAP, TooDeep, TooMany, parse_json

Params: TypeAlias = Mapping[str, Any]
Call: TypeAlias = Callable[[Operator, str, Params], Awaitable[Any]]
Check: TypeAlias = Callable[[Operator, Params], Awaitable[Params]]
WAIT_S = 20.0          # for the answer of a long verb, unless the question says otherwise
MOST_CHARS = 2_000     # of a text: it is kept in ledger and audit, and an order may come often
MAX_WAIT_S = 45.0      # below what a verb may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One key of a body: its type, whether it must be there, else its default."""

    type: type
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One verb. Parts of the path in braces become parameters."""

    method: str
    path: str
    call: Call
    body: Mapping[str, Param] = field(default_factory=dict)
    job: Callable[[Params], str] = lambda params: ""    # the name of the job by which a verb that may take long is carried out
    check: Check | None = None      # what only the operator can tell of the parameters, before a job is made of them

    @property
    def is_order(self) -> bool:
        """Say whether it may change something, so that it belongs into the audit."""
        return self.method == "POST"

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """Give the parameters in a split path, or None when it is another path."""
        own = self.path.strip("/").split("/")
        if len(own) != len(parts):
            return None
        found = {}
        for mine, theirs in zip(own, parts, strict=True):
            if mine.startswith("{"):
                found[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return found


async def _status(operator: Operator, _actor: str, _params: Params) -> Any:
    return (await operator.status()).to_json()


async def _scoped(operator: Operator, params: Params) -> Params:
    return {**params, "scope": await operator.rollback_scope(scope=params["scope"])}


_TEXT = Param(type=str, required=True)
_FLAG = Param(type=bool, default=False)
_WAIT = Param(type=float, default=WAIT_S)

ROUTES: tuple[Route, ...] = (
    Route(method="GET", path="/v1/status", call=_status),
    Route(method="GET", path="/v1/map", call=lambda o, a, p: o.map_show()),
    Route(method="GET", path="/v1/owners", call=lambda o, a, p: o.owners_show()),
    Route(
        method="GET", path="/v1/sample", call=lambda o, a, p: o.sample_show(), body={"wait_s": _WAIT}, job=lambda p: "sample",
    ),
    Route(
        method="GET",
        path="/v1/queue",
        call=lambda o, a, p: o.queue_list(state=_queue_state(p["state"])),
        body={"state": Param(type=str, default="open")},
    ),
    Route(method="GET", path="/v1/queue/{id}", call=lambda o, a, p: o.queue_show(id=p["id"])),
    Route(method="GET", path="/v1/records/{kind}/{key}", call=lambda o, a, p: o.trace(kind=p["kind"], key=p["key"])),
    Route(
        method="GET", path="/v1/reports", call=lambda o, a, p: o.reports(), body={"wait_s": _WAIT}, job=lambda p: "reports",
    ),
    Route(
        method="POST",
        path="/v1/pause",
        call=lambda o, a, p: o.pause(actor=a, reason=p["reason"]),
        body={"reason": Param(type=str, default="by operator")},
    ),
    Route(method="POST", path="/v1/resume", call=lambda o, a, p: o.resume(actor=a)),
    Route(
        method="POST",
        path="/v1/pace",
        call=lambda o, a, p: o.pace(actor=a, platform=p["platform"], rate_per_s=_rate(p["rate_per_s"])),
        body={"platform": _TEXT, "rate_per_s": Param(type=float, required=True)},
    ),
    Route(method="POST", path="/v1/map/confirm", call=lambda o, a, p: o.map_confirm(actor=a, digest=p["digest"]), body={"digest": _TEXT}),
    Route(
        method="POST",
        path="/v1/map/edit",
        call=lambda o, a, p: o.map_edit(actor=a, document=p["document"]),
        body={"document": Param(type=object, required=True)},
    ),
    Route(method="POST", path="/v1/owners/recheck", call=lambda o, a, p: o.owners_recheck(actor=a)),
    Route(
        method="POST",
        path="/v1/owners/fallback",
        call=lambda o, a, p: o.owners_fallback(actor=a, email=p["email"]),
        body={"email": _TEXT},
    ),
    Route(method="POST", path="/v1/sample/accept", call=lambda o, a, p: o.sample_accept(actor=a)),
    Route(method="POST", path="/v1/sample/redo", call=lambda o, a, p: o.sample_redo(actor=a)),
    Route(method="POST", path="/v1/sample/discard", call=lambda o, a, p: o.sample_discard(actor=a)),
    Route(
        method="POST",
        path="/v1/queue/{id}/resolve",
        call=lambda o, a, p: o.queue_resolve(actor=a, id=p["id"], decision=p["decision"]),
        body={"decision": _TEXT},
    ),
    Route(
        method="POST",
        path="/v1/cutover",
        call=lambda o, a, p: o.cutover(actor=a, freeze_confirmed=p["freeze_confirmed"], dry_run=p["dry_run"]),
        body={"freeze_confirmed": _FLAG, "dry_run": _FLAG},
    ),
    Route(method="POST", path="/v1/cutover/cancel", call=lambda o, a, p: o.cutover_cancel(actor=a)),
    Route(
        method="POST", path="/v1/verify", call=lambda o, a, p: o.verify(actor=a), body={"wait_s": _WAIT}, job=lambda p: "verify",
    ),
    Route(
        method="POST",
        path="/v1/rollback",
        call=lambda o, a, p: o.rollback(actor=a, scope=p["scope"], dry_run=p["dry_run"], confirm=p["confirm"]),
        body={"scope": Param(type=str, default="run"), "dry_run": _FLAG, "confirm": Param(type=str, default=""), "wait_s": _WAIT},
        job=lambda p: f"rollback-plan:{p['scope']}" if p["dry_run"] else "",
        check=_scoped,
    ),
    Route(method="POST", path="/v1/stop", call=lambda o, a, p: o.stop(actor=a)),
)
EVENTS_PATH = "/v1/events"
JOBS_PATH = "/v1/jobs"


async def jobs_at(path: str, jobs: Jobs) -> Any:
    """Answer what is asked under `JOBS_PATH`: all jobs, or the one that the rest of the path names. Raises NotFound."""
    name = unquote(path.removeprefix(JOBS_PATH).strip("/"))
    return await jobs.show(name) if name else await jobs.listing()


def is_jobs(raw_path: str) -> bool:
    """Say whether a path is that of the jobs or of one of them."""
    return raw_path == JOBS_PATH or raw_path.startswith(f"{JOBS_PATH}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a request leads: a route with the parameters of its path, or the methods that path would take, or nothing."""

    route: Route | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    hint: str = ""


def find(method: str, raw_path: str) -> Found:
    """Look up a request by method and raw (still quoted) path."""
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    allowed = []
    for route in ROUTES:
        params = route.match(parts)
        if params is None:
            continue
        if route.method == method:
            return Found(route=route, params=params)
        allowed.append(route.method)
    if raw_path == EVENTS_PATH or is_jobs(raw_path):
        allowed.append("GET")
    paths = [route.path for route in ROUTES] + [EVENTS_PATH, JOBS_PATH]
    return Found(allowed=tuple(allowed), hint=near("/" + "/".join(parts), paths).strip() or "see `streamflow --help` for the verbs")


def arguments(route: Route, path_params: Mapping[str, str], query: Mapping[str, str], raw: bytes) -> dict[str, Any]:
    """Check and complete what came with a request. Raises UsageError naming the first thing that is wrong."""
    given = _query(route, query) if route.method == "GET" else _body(raw)
    for name in given:
        if name not in route.body:
            known = ", ".join(route.body) or "nothing"
            raise UsageError(f'"{name[:60]}" is not known here{near(name, route.body)}', hint=f"{route.method} {route.path} takes: {known}")
    values: dict[str, Any] = dict(path_params)
    for name, param in route.body.items():
        values[name] = _value(name, param, given)
    if not 0.0 <= values.get("wait_s", 0.0) <= MAX_WAIT_S:
        raise UsageError('"wait_s" is out of bounds', hint=f"give seconds from 0 to {MAX_WAIT_S:.0f}; the job goes on after them")
    return values


def _query(route: Route, query: Mapping[str, str]) -> dict[str, Any]:
    """Read numbers out of a query, where everything is text."""
    given: dict[str, Any] = dict(query)
    for name, param in route.body.items():
        if param.type is float and name in given:
            try:
                given[name] = float(query[name])
            except ValueError:
                continue      # told as the wrong type
    return given


def _value(name: str, param: Param, given: Mapping[str, Any]) -> Any:
    if name not in given:
        if param.required:
            raise UsageError(f'"{name}" is missing', hint=f"give it as {_word(param.type)}")
        return param.default
    value = given[name]
    if param.type is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, param.type) or (param.type is float and isinstance(value, bool)):
        raise UsageError(f'"{name}" has the wrong type', hint=f"give it as {_word(param.type)}")
    if isinstance(value, str) and len(value) > MOST_CHARS:
        raise UsageError(f'"{name}" is too long', hint=f"at most {MOST_CHARS:,} characters")
    if param.required and value == "":
        raise UsageError(f'"{name}" is empty')
    return value


def _body(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        value = parse_json(raw)
    except TooDeep:
        raise UsageError("the body is nested too deep", hint=f"at most {DEPTH_CAP} levels") from None
    except (orjson.JSONDecodeError, TooMany):
        raise UsageError("the body is not JSON", hint='send an object such as {"reason": "lunch"}, or nothing') from None
    if not isinstance(value, dict):
        raise UsageError("the body is not a JSON object", hint='send an object such as {"reason": "lunch"}, or nothing')
    return value


def _rate(value: float) -> float:
    if not math.isfinite(value) or value <= 0 or value > 10_000:
        raise UsageError("rate_per_s is out of bounds", hint="give a number above 0, at most 10000; `pause` stops everything")
    return value


def _queue_state(value: str) -> str:
    if value not in ("open", "resolved", "all"):
        raise UsageError('"state" is unknown', hint="open, resolved or all")
    return value


def _word(kind: type) -> str:
    return {str: "a text", bool: "true or false", float: "a number"}.get(kind, "a JSON value")
