"""Misbehaviour on request: rate limit, latency, resets, 5xx and late commits, with a log of every call.

Both simulated platforms put `fault_middleware` outermost and call `add_admin_routes`. The admin face under
`/_sandbox/` is never subject to faults or authentication.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Protocol

from aiohttp import hdrs, web

ADMIN_PREFIX = "/_sandbox/"
RULE_NAMES = ("throttle", "reset_before", "reset_after", "fail_5xx", "garble_after", "delay_after", "late_commit")
RULE_KEYS = {"probability", "match", "body", "times", "status", "after", "delay_s"}

FAULT_SWITCHES: dict[str, Any] = {
    "rate_per_s": None,  # refill of the token bucket; null means no limit
    "burst": 20,
    "retry_after": "seconds",  # "seconds" | "date" | "none"
    "retry_after_s": None,  # what Retry-After says; null means the time to the next token
    "throttle": None,  # {"delay_s": n}: a 429 that asks for n seconds, whatever is left in the bucket; nothing processed
    "latency_ms": 0,
    "reset_before": None,  # connection reset, nothing processed
    "reset_after": None,  # connection reset, the handler has committed
    "fail_5xx": None,  # {"status": 503, "after": false}; "after": true commits first
    "garble_after": None,  # a 2xx whose body is cut in half
    "delay_after": None,  # {"delay_s": n}: commits, then answers late
    "late_commit": None,  # {"delay_s": n}: reset now, the handler runs only delay_s later
    "commit_delay_s": 5.0,  # default of late_commit's delay_s
}

# A handler may set this to be counted under a name of its own (one path, many methods).
CALL_NAME: web.RequestKey[str] = web.RequestKey("call_name", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Clock(Protocol):
    """Where a simulated server reads the time of day, in Unix seconds."""

    def now(self) -> float:
        """Return Unix seconds; must not go backwards."""
        ...


class SystemClock:
    """The real time of day."""

    def now(self) -> float:
        """Return Unix seconds."""
        return time.time()


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return Unix seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._now += seconds


class SwitchError(ValueError):
    """A switch that does not exist, or a value it cannot take."""


class TokenBucket:
    """Holds up to `burst` tokens and refills at `rate_per_s`; both may change between calls."""

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = float(burst)
        self._burst = float(burst)
        self._at = now

    def take(self, rate_per_s: float, burst: float, now: float) -> float:
        """Take one token and return 0.0, or return the seconds until there will be one."""
        if burst > self._burst:
            self.tokens += burst - self._burst
        self._burst = float(burst)
        self.tokens = min(self._burst, self.tokens + max(0.0, now - self._at) * rate_per_s)
        self._at = max(self._at, now)
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / rate_per_s if rate_per_s > 0 else 3600.0


class CallLog:
    """Counts every call and keeps the last few; `snapshot` is what `GET /_sandbox/log` answers."""

    def __init__(self, keep: int = 1000) -> None:
        self._keep = keep
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.calls: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.last: deque[dict[str, Any]] = deque(maxlen=self._keep)
        self.max_rate_seen = 0
        self.count_429 = 0
        self._arrivals: deque[float] = deque()

    def arrive(self, now: float) -> None:
        """Count one arrival in the sliding window of one second."""
        self._arrivals.append(now)
        while self._arrivals and self._arrivals[0] <= now - 1.0:
            self._arrivals.popleft()
        self.max_rate_seen = max(self.max_rate_seen, len(self._arrivals))

    def finish(self, *, name: str, method: str, path: str, status: int | str, now: float) -> None:
        """Record how a call ended; `status` is a number, or the fault's name when nothing was answered."""
        self.calls[name] += 1
        self.statuses[str(status)] += 1
        if status == 429:
            self.count_429 += 1
        self.last.append({"name": name, "method": method, "path": path, "status": status, "time": now})

    def snapshot(self) -> dict[str, Any]:
        """Return the log as plain JSON values."""
        return {
            "total": sum(self.calls.values()),
            "calls": dict(self.calls),
            "statuses": dict(self.statuses),
            "faults": dict(self.faults),
            "last": list(self.last),
            "max_rate_seen": self.max_rate_seen,
            "count_429": self.count_429,
        }


@dataclass(slots=True)
class _Late:
    """A request whose commit is owed."""

    due: float
    handler: Handler
    request: web.Request


class Faults:
    """The live switches of one simulated server, its bucket, its seeded dice and its call log.

    `switches` is one flat dict: `FAULT_SWITCHES` plus whatever the platform adds. Handlers read it on every call, so
    a change by the admin face holds from the next request on.
    """

    def __init__(
        self,
        platform_switches: Mapping[str, Any] | None = None,
        *,
        clock: Clock | None = None,
        seed: int = 7,
        error_body: Callable[[int], tuple[str, str]] | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.switches: dict[str, Any] = {**FAULT_SWITCHES, **(platform_switches or {})}
        self.log = CallLog()
        self.error_body = error_body or _plain_error_body
        self._dice = random.Random(seed)
        self._bucket = TokenBucket(float(self.switches["burst"]), self.clock.now())
        self._late: list[_Late] = []

    def merge(self, changes: Mapping[str, Any]) -> None:
        """Merge `changes` into the switches; all or nothing.

        Raises SwitchError for an unknown name or a malformed rule.
        """
        unknown = sorted(set(changes) - set(self.switches))
        if unknown:
            raise SwitchError(f"no such switch: {', '.join(unknown)}")
        for name in RULE_NAMES:
            if name in changes:
                _check_rule(name, changes[name])
        self.switches.update({k: dict(v) if isinstance(v, dict) else v for k, v in changes.items()})

    def throttle(self) -> float:
        """Take a token; return seconds to wait, 0.0 when the call may pass."""
        rate = self.switches["rate_per_s"]
        if not rate:
            return 0.0
        return self._bucket.take(float(rate), float(self.switches["burst"]), self.clock.now())

    def fires(self, name: str, line: str, body: bytes) -> dict[str, Any] | None:
        """Return the rule `name` when it strikes this request, and use up one of its `times`."""
        rule: dict[str, Any] | None = self.switches.get(name)
        if not rule or str(rule.get("match", "")) not in line or str(rule.get("body", "")).encode() not in body:
            return None
        times = rule.get("times")
        if times is not None and times <= 0:
            return None
        if self._dice.random() >= float(rule.get("probability", 1.0)):
            return None
        if times is not None:
            rule["times"] = times - 1
        self.log.faults[name] += 1
        return rule

    def owe(self, handler: Handler, request: web.Request, delay_s: float) -> None:
        """Remember a request that commits only `delay_s` from now."""
        self._late.append(_Late(self.clock.now() + delay_s, handler, request))

    async def settle(self) -> None:
        """Run every owed commit whose time has come, oldest first; its answer goes nowhere."""
        if not self._late:
            return
        now = self.clock.now()
        due = sorted((x for x in self._late if x.due <= now), key=lambda x: x.due)
        self._late = [x for x in self._late if x.due > now]
        for late in due:
            try:
                await late.handler(late.request)
            except web.HTTPException:  # a refusal nobody hears
                continue


def _check_rule(name: str, rule: object) -> None:
    if rule is None:
        return
    if not isinstance(rule, dict):
        raise SwitchError(f"{name} must be null or an object")
    unknown = sorted(set(rule) - RULE_KEYS)
    if unknown:
        raise SwitchError(f"{name} does not know {', '.join(unknown)}; it takes {', '.join(sorted(RULE_KEYS))}")


def _plain_error_body(status: int) -> tuple[str, str]:
    titles = {429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}
    return "application/json", f'{{"code":{status},"message":"{titles.get(status, "Error")}"}}'


def call_name(request: web.Request) -> str:
    """Return "METHOD path-template", or the name the handler put in `request[CALL_NAME]`."""
    named: str | None = request.get(CALL_NAME)
    if named:
        return named
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else '(no such path)'}"


def reset_connection(request: web.Request) -> None:
    """Close the client's connection with a TCP reset and without an answer."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _error(faults: Faults, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    content_type, text = faults.error_body(status)
    return web.Response(status=status, text=text, content_type=content_type, headers=headers)


def _throttled(faults: Faults, wait_s: float) -> web.Response:
    form = faults.switches["retry_after"]
    said_s = faults.switches["retry_after_s"]
    wait_s = float(said_s) if said_s is not None else wait_s
    whole_s = max(1, int(wait_s + 0.999))
    headers: dict[str, str] = {}
    if form == "seconds":
        headers[hdrs.RETRY_AFTER] = str(whole_s)
    elif form == "date":
        headers[hdrs.RETRY_AFTER] = formatdate(faults.clock.now() + whole_s, usegmt=True)
    return _error(faults, 429, headers)


async def _before(faults: Faults, request: web.Request, handler: Handler, line: str) -> web.StreamResponse | str | None:
    """Return an answer, or the name of the fault that left none, or None to go on."""
    wait_s = faults.throttle()
    if wait_s > 0:
        return _throttled(faults, wait_s)
    body = await request.read()
    rule = faults.fires("throttle", line, body)
    if rule:
        return _throttled(faults, float(rule.get("delay_s", 1.0)))
    if faults.switches["latency_ms"]:
        await asyncio.sleep(float(faults.switches["latency_ms"]) / 1000)
    if faults.fires("reset_before", line, body):
        return "reset_before"
    late = faults.fires("late_commit", line, body)
    if late:
        faults.owe(handler, request, float(late.get("delay_s", faults.switches["commit_delay_s"])))
        return "late_commit"
    rule = faults.switches["fail_5xx"]
    if rule and not rule.get("after"):
        struck = faults.fires("fail_5xx", line, body)
        if struck:
            return _error(faults, int(struck.get("status", 503)))
    return None


async def _after(
    faults: Faults, request: web.Request, answer: web.StreamResponse, line: str
) -> web.StreamResponse | str:
    """Spoil an answer whose request has been committed."""
    body = await request.read()
    if faults.fires("reset_after", line, body):
        return "reset_after"
    rule = faults.switches["fail_5xx"]
    if rule and rule.get("after"):
        struck = faults.fires("fail_5xx", line, body)
        if struck:
            return _error(faults, int(struck.get("status", 503)))
    slow = faults.fires("delay_after", line, body)
    if slow:
        await asyncio.sleep(float(slow.get("delay_s", 1.0)))
    if isinstance(answer, web.Response) and answer.status < 300 and faults.fires("garble_after", line, body):
        text = answer.text or ""
        return web.Response(status=answer.status, text=text[: len(text) // 2], content_type=answer.content_type)
    return answer


async def _run(handler: Handler, request: web.Request) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as answer:
        return answer


def fault_middleware(faults: Faults) -> Any:
    """Return the outermost middleware: faults, limiter and call log around every path but the admin face."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        await faults.settle()
        if request.path.startswith(ADMIN_PREFIX):
            return await handler(request)
        now = faults.clock.now()
        faults.log.arrive(now)
        line = f"{request.method} {request.path_qs}"
        answer = await _before(faults, request, handler, line)
        if answer is None:
            answer = await _after(faults, request, await _run(handler, request), line)
        status = answer if isinstance(answer, str) else answer.status
        faults.log.finish(name=call_name(request), method=request.method, path=request.path_qs, status=status, now=now)
        if isinstance(answer, str):
            reset_connection(request)
            return web.Response(status=503)  # never sent: the connection is gone
        return answer

    return middleware


Dump = Callable[[], Mapping[str, Any]]
Act = Callable[[dict[str, Any]], Mapping[str, Any]]


def add_admin_routes(app: web.Application, faults: Faults, *, dump: Dump, act: Act) -> None:
    """Add `/_sandbox/{switches,log,log/reset,dump,act}`; `act` may raise ValueError or KeyError for a 400."""

    async def get_switches(_: web.Request) -> web.Response:
        return web.json_response(faults.switches)

    async def post_switches(request: web.Request) -> web.Response:
        try:
            faults.merge(await request.json())
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(faults.switches)

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

    app.router.add_get(ADMIN_PREFIX + "switches", get_switches)
    app.router.add_post(ADMIN_PREFIX + "switches", post_switches)
    app.router.add_get(ADMIN_PREFIX + "log", get_log)
    app.router.add_post(ADMIN_PREFIX + "log/reset", reset_log)
    app.router.add_get(ADMIN_PREFIX + "dump", get_dump)
    app.router.add_post(ADMIN_PREFIX + "act", post_act)
