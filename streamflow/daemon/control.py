"""
The control socket: HTTP/1.1 with JSON over a unix socket.

Rule 1: who speaks is told by the kernel (SO_PEERCRED), never by the request; strangers learn nothing but that they are refused, and who
may only look gives no order.
Rule 2: whatever arrives, the answer is one JSON error and the daemon goes on. Size, time and number of clients are bounded.
Rule 3: an order that arrived is in the audit before it is carried out, and again if it comes to nothing.
Rule 4: no verb lives here; `routes` has the table, the operator the deeds.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import structlog
from aiohttp import web

from streamflow.daemon.answers import INTERNAL, dump, error_body, event_frame, refusal
from streamflow.daemon.events import Events
from streamflow.daemon.jobs import Jobs
from streamflow.daemon.operator import Operator
from streamflow.daemon.orders import words
from streamflow.daemon.routes import EVENTS_PATH, Params, Route, arguments, find, is_jobs, jobs_at
from streamflow.daemon.socket_file import listening
from streamflow.errors import StreamflowError, UsageError

MAX_BODY_BYTES = 1_048_576
MAX_CLIENTS = 64
ROOM = 400                   # for newcomers while all places are taken by clients that have not asked yet
GRACE_S = 0.25               # within which such a newcomer asks, or has to go
BACKLOG = 256
IDLE_TIMEOUT_S = 10.0        # for a whole request head to arrive, and between requests
BODY_TIMEOUT_S = 10.0
VERB_TIMEOUT_S = 60.0
SEND_TIMEOUT_S = 10.0
HEARTBEAT_S = 15.0

_log = structlog.get_logger()
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "streamflow"}


class Control:
    """Answers requests of allowed users by calling the operator."""

    def __init__(
        self, operator: Operator, events: Events, jobs: Jobs, *, allowed_uids: frozenset[int], looking_uids: frozenset[int] = frozenset(),
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        self._operator = operator
        self._events = events
        self.jobs = jobs
        self._allowed_uids = allowed_uids
        self._looking_uids = looking_uids
        self.idle_timeout_s = idle_timeout_s

    async def end(self) -> None:
        """Tell the audit what of the orders was only counted so far."""
        try:
            await self._operator.orders_end()
        except StreamflowError as error:
            _log.error("control.orders_not_kept", error=error)

    def close(self) -> None:
        """End the event streams, so that their clients do not hold up the end."""
        self._events.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; never raises but for a client that went away."""
        uid = _peer_uid(request)
        if uid is None or uid not in self._allowed_uids | self._looking_uids:
            _log.warning("control.refused", uid=uid)
            hint = "run the command as the daemon's user, or put your user id into [control] allow_uids, or look_uids to ask only"
            body = error_body("forbidden", "this user may not speak to the daemon", hint)
            return _answer(403, body, close=True)
        try:
            if request.method == "GET" and request.rel_url.raw_path == EVENTS_PATH:
                return await self._stream(request)
            if request.method == "GET" and is_jobs(request.rel_url.raw_path):
                return _answer(200, dump(await jobs_at(request.rel_url.raw_path, self.jobs)))
            return await self._call(request, f"uid:{uid}", may_order=uid in self._allowed_uids)
        except StreamflowError as error:
            status, body = refusal(error)
            if status == 500:
                _log.error("control.verb_failed", path=request.path, code=error.code, error=error)
            return _answer(status, body)
        except web.HTTPRequestEntityTooLarge:
            return _answer(413, error_body("too_large", f"the body is larger than {MAX_BODY_BYTES} bytes"), close=True)
        except TimeoutError:
            body = error_body("timeout", "the daemon did not manage this in time", "ask again, see `streamflow status`")
            return _answer(503, body, close=True)
        except ConnectionError:
            raise
        except Exception as error:  # the last line: one bad verb must not take the socket down
            _log.error("control.verb_crashed", path=request.path, error=error)
            return _answer(500, error_body(*INTERNAL))

    async def _call(self, request: web.BaseRequest, actor: str, *, may_order: bool) -> web.Response:
        found = find(request.method, request.rel_url.raw_path)
        if found.route is None and found.allowed:
            body = error_body("method", f"{request.method[:16]} does not fit here", "use " + " or ".join(found.allowed))
            return _answer(405, body, allow=", ".join(found.allowed), close=True)
        if found.route is None:
            return _answer(404, error_body("not_found", "unknown verb", found.hint), close=True)
        if found.route.is_order and not may_order:
            _log.warning("control.order_refused", path=found.route.path, actor=actor)
            with anyio.fail_after(VERB_TIMEOUT_S):
                await self._tell_refusal(found.route, actor, "forbidden")
            hint = "ask somebody who may, or put your user id into [control] allow_uids"
            return _answer(403, error_body("forbidden", "this user may look and give no orders", hint), close=True)
        with anyio.fail_after(BODY_TIMEOUT_S):
            raw = await _read(request)
        try:
            with anyio.fail_after(VERB_TIMEOUT_S):
                values = await self._taken(found.route, actor, found.params, request.rel_url.query, raw)
                result = await self._carry_out(found.route, actor, values)
        except TimeoutError as error:
            await self._came_to_nothing(found.route, actor, error)
            raise
        if found.route.is_order:
            _log.info("control.verb", path=found.route.path, actor=actor, result=str(result.get("result", "")))
        return _answer(200, dump(result))

    async def _taken(self, route: Route, actor: str, path: Mapping[str, str], query: Mapping[str, str], raw: bytes) -> Params:
        """Give the parameters, checked; an order is in the audit from here on, whatever becomes of it."""
        try:
            wrong, values = None, arguments(route, path, query, raw)
        except UsageError as error:
            wrong, values = error, dict(path)
        if route.is_order:
            await self._operator.ordered(actor=actor, order=route.path, said=words(values))
        async with self._told(route, actor):
            if wrong is not None:
                raise wrong
            return values if route.check is None else await route.check(self._operator, values)

    async def _carry_out(self, route: Route, actor: str, values: Params) -> Any:
        """Call the operator; a verb that may take long is a job, which goes on when nobody waits for it any more."""
        async def deed() -> Any:
            async with self._told(route, actor):
                return await route.call(self._operator, actor, values)

        name = route.job(values)
        if not name:
            return await deed()
        return await self.jobs.answer(name, deed, by=actor, wait_s=values["wait_s"], keep=route.is_order)

    @asynccontextmanager
    async def _told(self, route: Route, actor: str) -> AsyncIterator[None]:
        """See to it that an order which comes to nothing in this block is in the audit, with why."""
        try:
            yield
        except Exception as error:
            await self._came_to_nothing(route, actor, error)
            raise

    async def _came_to_nothing(self, route: Route, actor: str, error: Exception) -> None:
        if not route.is_order:
            return
        code = error.code if isinstance(error, StreamflowError) else "timeout" if isinstance(error, TimeoutError) else "internal"
        await self._tell_refusal(route, actor, code)

    async def _tell_refusal(self, route: Route, actor: str, code: str) -> None:
        try:
            await self._operator.refused(actor=actor, order=route.path, code=code)
        except StreamflowError as trouble:
            _log.error("control.refusal_not_kept", path=route.path, code=code, error=trouble)     # whoever asked is told the first one

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        after = _last_event_id(request)
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream; charset=utf-8"})
        with self._events.listen(after=after) as listener:
            await response.prepare(request)
            await _send(response, b": streamflow events\nretry: 2000\n\n")
            events = listener.events()
            # One pending read is kept across heartbeats: cancelling it could swallow an event.
            async with anyio.create_task_group() as group:
                lock = anyio.Lock()
                group.start_soon(_heartbeat, response, lock, group.cancel_scope)
                try:
                    async for event in events:
                        async with lock:
                            await _send(response, event_frame(event))
                    async with lock:
                        await _send(response, b"event: end\ndata: {}\n\n")
                except (ConnectionError, TimeoutError):
                    pass  # the reader went away or stopped reading; it may come back with its last id
                group.cancel_scope.cancel()
        response.force_close()
        return response


async def _heartbeat(response: web.StreamResponse, lock: anyio.Lock, scope: anyio.CancelScope) -> None:
    while True:
        await anyio.sleep(HEARTBEAT_S)
        try:
            async with lock:
                await _send(response, b": still here\n\n")
        except (ConnectionError, TimeoutError):
            scope.cancel()
            return


async def _send(response: web.StreamResponse, data: bytes) -> None:
    with anyio.fail_after(SEND_TIMEOUT_S):
        await response.write(data)


async def _read(request: web.BaseRequest) -> bytes:
    # Read in pieces: a body without a length is bounded too, before it is held.
    parts, size_bytes = [], 0
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, request.content_length or 0)
    try:
        async for part in request.content.iter_chunked(65_536):
            size_bytes += len(part)
            if size_bytes > MAX_BODY_BYTES:
                raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, size_bytes)
            parts.append(part)
    except web.RequestPayloadError:
        raise UsageError("the body cannot be read as sent", hint="send plain JSON with a right Content-Length") from None
    return b"".join(parts)


def _last_event_id(request: web.BaseRequest) -> int | None:
    text = request.headers.get("Last-Event-ID") or request.rel_url.query.get("after")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise UsageError("the last event id is not a number", hint="send the id of the last event received")
    return int(text)


def _answer(status: int, body: bytes, *, close: bool = False, allow: str = "") -> web.Response:
    headers = dict(_HEADERS, Allow=allow) if allow else _HEADERS
    response = web.Response(status=status, body=body, content_type="application/json", charset="utf-8", headers=headers)
    if close:
        response.force_close()
    return response


def _peer_uid(request: web.BaseRequest) -> int | None:
    transport = request.transport
    peer = transport.get_extra_info("socket") if transport is not None else None
    if peer is None:
        return None
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", credentials)[1]
    return uid


class _Connection(web.RequestHandler):
    """
    A connection that answers garbage in JSON too, and counts against the number of clients.

    Nobody is shut out by connections that ask for nothing: while those take all places, a newcomer may still ask, only at once.
    """

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._manager is None:
            return
        others = [each for each in self._manager.connections if each is not self and not each._force_close]
        silent = [each for each in others if _is_silent(each)]
        if len(others) - len(silent) >= MAX_CLIENTS:
            self.force_close()
        elif len(others) >= MAX_CLIENTS + ROOM:
            silent[0].force_close()
        elif len(others) >= MAX_CLIENTS:
            self._loop.call_later(GRACE_S, self._end_if_silent)

    def _end_if_silent(self) -> None:
        if self._manager is not None and _is_silent(self):
            self.force_close()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio reads the answer, the base class just gives none
        # `printf ... | nc -U` ends its side before it reads: what was asked still gets its answer, then the connection ends.
        if self._waiter is not None and not self._waiter.done():
            return False
        self.close()
        return True

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        # Reached for what is no HTTP, and for failures outside any verb; the message may echo what was sent, so it is not used.
        if request.writer is None or request.writer.output_size > 0:
            raise ConnectionError("part of an answer was sent already")
        if status >= 500:
            _log.error("control.request_failed", status=status, error=exc)
            return _answer(500, error_body(*INTERNAL), close=True)
        body = error_body("usage", "this is not an HTTP/1.1 request that can be read", "try curl --unix-socket")
        return _answer(status, body, close=True)


def _is_silent(connection: web.RequestHandler) -> bool:
    """Say whether a client has not (or not wholly) sent a request yet; one that waits for its answer or for events is none."""
    request = connection._current_request
    return not connection._messages if request is None else not request.content.is_eof()


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


@asynccontextmanager
async def control_socket(control: Control, path: Path, *, shared: bool = False) -> AsyncIterator[None]:
    """
    Serve *control* on the unix socket *path* until the block ends, then give open requests a moment and close.

    Raises ConfigError or UsageError as `socket_file.listening` does.
    """
    with listening(path, shared=shared) as server_socket:
        options: dict[str, Any] = {"access_log": None, "lingering_time": 0.5, "tcp_keepalive": False}
        server = _Server(control.handle, keepalive_timeout=control.idle_timeout_s, **options)
        runner = web.ServerRunner(server, shutdown_timeout=2.0)
        await runner.setup()
        try:
            async with control.jobs.running():
                await web.SockSite(runner, server_socket, backlog=BACKLOG).start()
                yield
        finally:
            control.close()
            with anyio.CancelScope(shield=True):
                await runner.cleanup()
                await control.end()


def allowed(uids: tuple[int, ...], looking: tuple[int, ...] = ()) -> tuple[frozenset[int], frozenset[int], bool]:
    """
    Give the user ids that may order (the daemon's own always), and those that may only look.

    And whether the socket must be open to foreign users for that.
    """
    own = os.geteuid()
    return frozenset({own, *uids}), frozenset(looking) - {own, *uids}, any(uid not in (0, own) for uid in (*uids, *looking))
