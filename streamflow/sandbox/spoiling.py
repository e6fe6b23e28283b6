"""The outermost middleware of a simulated server: faults, limiter and call log around every path but the admin face."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, NamedTuple

from aiohttp import hdrs, web

from streamflow.sandbox.corpus.answer import Spoken, Truth
from streamflow.sandbox.corpus.catalogue import hostile
from streamflow.sandbox.faults import ANSWERS, Faults, Handler
from streamflow.sandbox.forms import within
from streamflow.sandbox.lying import telling
from streamflow.sandbox.rules import Asked
from streamflow.sandbox.voice import JSON, Body

ADMIN_PREFIX = "/_sandbox/"
# A handler may set this to be counted under a name of its own (one path, many methods).
CALL_NAME: web.RequestKey[str] = web.RequestKey("call_name", str)
HANG_S = 120.0
SWELL_BYTES = 80 * 1024 * 1024
_LOOK_S = 0.2
_PIECES = 10
_BLANKS = b" " * (1 << 20)
_AHEAD = 1 << 20       # bytes that may wait to be read by the other side
_AHEAD_S = 0.005


class _Gone(NamedTuple):
    """A request that was left without a whole answer, by the fault that did it."""

    fault: str
    answer: web.StreamResponse


def fault_middleware(faults: Faults) -> Any:
    """Return the middleware."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        await faults.settle()
        if request.path.startswith(ADMIN_PREFIX):
            return await handler(request)
        now = faults.clock.now()
        faults.log.arrive(now)
        asked = Asked(method=request.method, path=request.path, query=request.query_string, body=await request.read())
        try:
            got = await _answered(faults, request, handler, asked)
        except ConnectionError:  # the caller was gone before an answer was begun
            got = _reset(request, "left")
        except asyncio.CancelledError:  # some servers stop working when the caller leaves
            _note(faults, request, "left", now)
            raise
        answer = got.answer if isinstance(got, _Gone) else got
        _note(faults, request, got.fault if isinstance(got, _Gone) else got.status, now, answer.headers.get(hdrs.RETRY_AFTER, ""))
        if faults.switches["clock_skew_s"] and not answer.prepared:
            answer.headers[hdrs.DATE] = formatdate(faults.platform_now(), usegmt=True)
        return answer

    return middleware


def _note(faults: Faults, request: web.Request, status: int | str, now: float, retry_after: str = "") -> None:
    faults.log.finish(
        name=call_name(request), method=request.method, path=request.path_qs, status=status, now=now, answered=faults.clock.now(),
        retry_after=retry_after,
    )  # fmt: skip


async def _answered(faults: Faults, request: web.Request, handler: Handler, asked: Asked) -> web.StreamResponse | _Gone:
    early = await _before(faults, request, handler, asked)
    if early is not None:
        return early
    with telling(faults.lies(asked), faults.told()) as lies:
        answer = await _run(handler, request)
    faults.log.lie(lies.told, lies.possible)
    return await _after(faults, request, answer, asked)


async def _before(faults: Faults, request: web.Request, handler: Handler, asked: Asked) -> web.StreamResponse | _Gone | None:
    """Return what is answered without processing, or None to go on."""
    wait_s = faults.throttle()
    if wait_s > 0:
        return _throttled(faults, wait_s, faults.switches)
    rule = faults.fires("throttle", asked)
    if rule is not None:
        return _throttled(faults, float(rule.get("delay_s", 1.0)), faults.switches | rule)
    if faults.switches["latency_ms"]:
        await asyncio.sleep(within(faults.switches["latency_ms"], faults.chance("latency_ms", asked)) / 1000)
    if faults.fires("reset_before", asked) is not None:
        return _reset(request, "reset_before")
    rule = faults.fires("hang", asked, after=False)
    if rule is not None:
        return await _hang(request, rule)
    rule = faults.fires("late_commit", asked)
    if rule is not None:
        faults.owe(handler, request, float(rule.get("delay_s", faults.switches["commit_delay_s"])))
        return _reset(request, "late_commit")
    return _refused(faults, asked) or await _replaced(faults, request, asked, None)


def _refused(faults: Faults, asked: Asked) -> web.Response | None:
    rule = faults.fires("fail_5xx", asked, after=False)
    if rule is not None:
        return _failed(faults, asked, rule)
    rule = faults.fires("deny", asked)
    if rule is not None:
        status = _status(faults, asked, rule, 401)
        return _said(status, faults.voice.denied(status, asked))
    rule = faults.fires("poison", asked)
    if rule is not None:
        faults.log.refuse(asked.line, asked.body)
        status = _status(faults, asked, rule, 400)
        return _said(status, faults.voice.refusal(status, asked))
    return None


async def _replaced(
    faults: Faults, request: web.Request, asked: Asked, right: web.StreamResponse | None
) -> web.StreamResponse | _Gone | None:
    """Return the answer that is put in the place of the *right* one, if one is; of what was not processed there is none."""
    for name in ANSWERS:
        rule = faults.fires(name, asked, after=right is not None)
        if rule is None:
            continue
        match name:
            case "html_200":
                return _said(200, faults.voice.page())
            case "error_200":
                return _said(200, faults.voice.error_200(asked))
            case "empty_200":
                return _said(200, faults.voice.empty(asked))
            case "blank_200":
                return _said(200, (JSON, ""))
        return await _spoken(faults, request, hostile(rule.get("form"), faults.chance(name, asked), _truth(faults, request, asked, right)))
    return None


def _truth(faults: Faults, request: web.Request, asked: Asked, right: web.StreamResponse | None) -> Truth:
    """Give what a hostile answer is made from: the right one, or where nothing was processed the platform's error with 200."""
    if isinstance(right, web.Response) and isinstance(right.body, bytes) and right.status < 300:
        return Truth(path=request.path_qs, status=right.status, content_type=right.content_type, body=right.body)
    content_type, text = faults.voice.error_200(asked)
    return Truth(path=request.path_qs, content_type=content_type, body=text.encode())


async def _has_taken(line: asyncio.WriteTransport) -> bool:
    """Wait while much of what was written was not read yet; False when nobody listens any more."""
    for _ in range(int(HANG_S / _AHEAD_S)):
        if line.is_closing() or line.get_write_buffer_size() <= _AHEAD:
            break
        await asyncio.sleep(_AHEAD_S)
    return not line.is_closing()


async def _spoken(faults: Faults, request: web.Request, spoken: Spoken) -> _Gone:
    """Send bytes as they are, past all that makes an answer of them."""
    gone, line = _Gone("odd_200", web.Response(status=503)), request.transport   # that one is never sent: the line is closed
    if not isinstance(line, asyncio.Transport):
        return gone
    for piece in spoken.pieces:
        line.write(piece)
        await asyncio.sleep(spoken.pause_s)
        if not await _has_taken(line):
            return gone
    faults.log.spoken += 1
    if spoken.ends == "reset":
        await asyncio.sleep(_AHEAD_S)      # a reset overtakes what was not sent yet
        reset_connection(request)
    left_s = HANG_S if spoken.ends == "hold" else 0.0
    while left_s > 0 and not line.is_closing():
        await asyncio.sleep(_LOOK_S)
        left_s -= _LOOK_S
    line.close()
    return gone


async def _after(faults: Faults, request: web.Request, answer: web.StreamResponse, asked: Asked) -> web.StreamResponse | _Gone:
    """Spoil an answer whose request has been committed."""
    if faults.fires("reset_after", asked) is not None:
        return _reset(request, "reset_after")
    rule = faults.fires("hang", asked, after=True)
    if rule is not None:
        return await _hang(request, rule)
    rule = faults.fires("fail_5xx", asked, after=True)
    if rule is not None:
        return _failed(faults, asked, rule)
    replaced = await _replaced(faults, request, asked, answer)
    if replaced is not None:
        return replaced
    slow = faults.fires("delay_after", asked)
    if slow is not None:
        await asyncio.sleep(float(slow.get("delay_s", 1.0)))
    if not isinstance(answer, web.Response) or answer.status >= 300 or not isinstance(answer.body, bytes):
        return answer
    return await _maimed(faults, request, answer, asked, answer.body)


async def _maimed(faults: Faults, request: web.Request, answer: web.Response, asked: Asked, body: bytes) -> web.StreamResponse | _Gone:
    """Spoil the body of a 2xx, or how it comes."""
    if faults.fires("garble_after", asked) is not None:
        return web.Response(status=answer.status, body=body[: len(body) // 2], content_type=answer.content_type)
    if faults.fires("half_close", asked) is not None:
        half = await _begun(request, answer, len(body))
        await half.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()  # after what was written: an orderly end in the middle
        return _Gone("half_close", half)
    rule = faults.fires("drip", asked)
    if rule is not None:
        return await _dripped(request, answer, body, float(rule.get("delay_s", 5.0)))
    rule = faults.fires("swell", asked)
    if rule is not None:
        return await _swollen(request, answer, body, int(rule.get("bytes", SWELL_BYTES)))
    return answer


async def _begun(request: web.Request, answer: web.Response, length: int) -> web.StreamResponse:
    """Send the head of an answer with so long a body."""
    begun = web.StreamResponse(status=answer.status, headers={hdrs.CONTENT_TYPE: answer.headers.get(hdrs.CONTENT_TYPE, JSON)})
    begun.content_length = length
    await begun.prepare(request)
    return begun


async def _dripped(request: web.Request, answer: web.Response, body: bytes, delay_s: float) -> web.StreamResponse | _Gone:
    slow = await _begun(request, answer, len(body))
    size = max(1, -(-len(body) // _PIECES))
    try:
        for start in range(0, len(body), size):
            await asyncio.sleep(delay_s / _PIECES)
            await slow.write(body[start : start + size])
        await slow.write_eof()
    except ConnectionError:  # nobody waited so long
        return _Gone("drip", slow)
    return slow


async def _swollen(request: web.Request, answer: web.Response, body: bytes, extra: int) -> web.StreamResponse | _Gone:
    """Send a body with blanks before it: still the same JSON."""
    huge = await _begun(request, answer, len(body) + extra)
    try:
        for start in range(0, extra, len(_BLANKS)):
            await huge.write(_BLANKS[: extra - start])
        await huge.write(body)
        await huge.write_eof()
    except ConnectionError:  # nobody wanted so much
        return _Gone("swell", huge)
    return huge


def _reset(request: web.Request, fault: str) -> _Gone:
    reset_connection(request)
    return _Gone(fault, web.Response(status=503))  # never sent: the connection is gone


async def _hang(request: web.Request, rule: Mapping[str, Any]) -> _Gone:
    """Keep the caller waiting; who leaves before is not waited for."""
    left_s = float(rule.get("delay_s", HANG_S))
    while left_s > 0 and request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(min(left_s, _LOOK_S))
        left_s -= _LOOK_S
    return _reset(request, "hang")


def _status(faults: Faults, asked: Asked, rule: Mapping[str, Any], otherwise: int) -> int:
    status = rule.get("status", otherwise)
    if not isinstance(status, list):
        return int(status)
    return int(status[min(int(faults.chance("status", asked) * len(status)), len(status) - 1)])


def _failed(faults: Faults, asked: Asked, rule: Mapping[str, Any]) -> web.Response:
    status = _status(faults, asked, rule, 503)
    wait = _retry_after(faults, str(rule["retry_after"]), float(rule.get("delay_s", 1.0))) if "retry_after" in rule else {}
    return _said(status, faults.voice.error(status), wait)


def _throttled(faults: Faults, wait_s: float, wanted: Mapping[str, Any]) -> web.Response:
    said_s = faults.switches["retry_after_s"]
    wait_s = float(said_s) if said_s is not None else wait_s
    return _said(429, faults.voice.error(429), _retry_after(faults, wanted["retry_after"], wait_s))


def _retry_after(faults: Faults, form: str, wait_s: float) -> dict[str, str]:
    whole_s = max(1, int(wait_s + 0.999))
    match form:
        case "seconds":
            return {hdrs.RETRY_AFTER: str(whole_s)}
        case "date":
            return {hdrs.RETRY_AFTER: formatdate(faults.platform_now() + whole_s, usegmt=True)}
        case "garbled":
            return {hdrs.RETRY_AFTER: "in a while"}
    return {}


def _said(status: int, body: Body, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=body[1], content_type=body[0], headers=headers)


async def _run(handler: Handler, request: web.Request) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as answer:
        return answer


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
