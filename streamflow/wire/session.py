"""
The one place where HTTP is spoken as a client.

Rules: credentials go on each request; redirects are never followed; only configured origins are called; bodies are bounded after
decompression; a read is asked again within its patience; a write is sent at most once, and what is not surely refused is Uncertain.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import orjson
from yarl import URL

from streamflow.clock import Clock
from streamflow.errors import AccessRefused, ConfigError, StreamflowError
from streamflow.wire.address import AddressBook
from streamflow.wire.backoff import Patience, retry_after_s, wait_s
from streamflow.wire.body import DEPTH_CAP, TooDeep, TooMany, is_json_type, parse_json
from streamflow.wire.credentials import Credentials, Judge, Renewable
from streamflow.wire.limiter import Limiter
from streamflow.wire.message import Attempt, AttemptHook, Request, Response, current_priority
from streamflow.wire.refusal import NOT_SENT_PAUSE_S, Explain, error_for, unexplained
from streamflow.wire.room import FREE_BYTES, SHARED, Room
from streamflow.wire.strikes import Strikes
from streamflow.wire.verdict import CallVerdict, Failure, Outcome, judge_read, judge_write

CHUNK_BYTES = 65_536
THROTTLE_PAUSE_S = 1.0      # how long a 429 that names no time closes the platform
TAKEN = (CallVerdict.OK, CallVerdict.FORBIDDEN)     # either way whoever asks is known
REQUEST_ID_HEADERS = ("x-nutshell-request-id", "x-request-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """The bounds of every exchange."""

    total_s: float = 60.0
    connect_s: float = 10.0
    read_s: float = 30.0                      # between two pieces of a body
    body_cap_bytes: int = 64 * 1024 * 1024    # after decompression
    depth_cap: int = DEPTH_CAP
    keep_alive_s: float = 30.0
    patience: Patience = field(default_factory=Patience)
    auth_strikes: int = 2                     # refused credentials in a row that stop everything
    auth_rest_s: float = 1.5                  # after which one call may find out whether they are taken again


class Session:
    """All calls to one platform with one set of credentials. Make it with `open_session`."""

    def __init__(
        self, *, platform: str, http: aiohttp.ClientSession, book: AddressBook, credentials: Credentials, limiter: Limiter, clock: Clock,
        settings: SessionSettings, hook: AttemptHook | None, explain: Explain, dice: Callable[[], float], room: Room,
    ) -> None:  # fmt: skip
        self.platform = platform
        self.limiter = limiter
        self._http = http
        self._book = book
        self._credentials = credentials
        self._renewable = credentials if isinstance(credentials, Renewable) else None
        self._renewing = anyio.Lock()
        self._clock = clock
        self._settings = settings
        self._timeout = _timeout(settings, settings.total_s)
        self._hook = hook
        self._explain = explain
        self._dice = dice
        self._strikes = Strikes(limit=settings.auth_strikes, rest_s=settings.auth_rest_s)
        self._room = room
        self._trying = anyio.Lock()
        self._is_trial = False

    async def read(self, request: Request, *, judge: Judge = judge_read) -> Response:
        """
        Ask until there is a definite answer or patience ends; the request must change nothing on the far side.

        *judge* may replace the meaning of answers for platforms that hide errors in a 200. Raises PlatformUnavailable, Throttled,
        AccessRefused, PlanLimit, NotFound, RecordRejected, ProtocolMismatch.
        """
        return await self._ask(request, judge, is_signed=True)

    async def _ask(self, request: Request, judge: Judge, *, is_signed: bool) -> Response:
        started = self._clock.monotonic()
        attempt = 0
        while True:
            attempt += 1
            outcome, verdict, asked_s = await self._exchange(request, judge, is_signed=is_signed, is_read=True)
            if verdict is CallVerdict.OK and outcome.response is not None:
                return outcome.response
            spent_s = self._clock.monotonic() - started
            pause_s = wait_s(attempt, verdict, patience=self._settings.patience, spent_s=spent_s, retry_after_s=asked_s, dice=self._dice)
            if pause_s is None or (request.waits_once and outcome.failure is Failure.TIMEOUT):
                raise self._error(_given_up(verdict, outcome), outcome, request, asked_s, is_write=False)
            await self._clock.sleep(pause_s)

    async def write(self, request: Request, *, judge: Judge = judge_write) -> Response:
        """
        Send once. Returns only when the far side confirmed.

        Raises Uncertain when nobody knows; Throttled (asked to slow down, or no connection: nothing was sent), AccessRefused, PlanLimit,
        NotFound and RecordRejected when it was surely not applied.
        """
        outcome, verdict, asked_s = await self._exchange(request, judge, is_signed=True, is_read=False)
        if verdict is CallVerdict.OK and outcome.response is not None:
            return outcome.response
        raise self._error(verdict, outcome, request, asked_s, is_write=True)

    def forgive(self) -> None:
        """Let calls through again after refused credentials stopped them (the operator mended the key)."""
        self._strikes.forgive()

    # --- one exchange

    async def _exchange(
        self, request: Request, judge: Judge, *, is_signed: bool, is_read: bool
    ) -> tuple[Outcome, CallVerdict, float | None]:
        if not self._strikes.are_out or not is_signed:
            return await self._exchange_now(request, judge, is_signed=is_signed, is_read=is_read)
        async with self._trying:     # one finds out whether the credentials are taken again, for all who come with it
            self._look_at_strikes(request)
            self._is_trial = True
            try:
                return await self._exchange_now(request, judge, is_signed=is_signed, is_read=is_read)
            finally:
                self._is_trial = False

    async def _exchange_now(
        self, request: Request, judge: Judge, *, is_signed: bool, is_read: bool
    ) -> tuple[Outcome, CallVerdict, float | None]:
        carried: dict[str, str] = {}
        if is_signed:
            await self._make_ready()
        result = await self._attempt(request, judge, carried, is_signed=is_signed)
        if result[1] is CallVerdict.AUTH and is_signed and is_read and await self._renewed(request, carried):
            result = await self._attempt(request, judge, carried, is_signed=True)
        self._count_strikes(request, result[1], carried, is_signed=is_signed)
        return result

    async def _attempt(
        self, request: Request, judge: Judge, carried: dict[str, str], *, is_signed: bool
    ) -> tuple[Outcome, CallVerdict, float | None]:
        """Send once when there is a slot, with the credentials of that moment; *carried* is told which these were."""
        url = self._book.url(request)
        priority = request.priority if request.priority is not None else current_priority()
        async with self.limiter.slot(priority):
            carried.clear()
            carried.update(self._credentials.headers(request.auth) if is_signed else {})
            if self._strikes.are_out and not self._is_trial:
                raise self._struck_out()
            begun = self._clock.monotonic()
            outcome = await self._send(request, url, carried)
            seconds = self._clock.monotonic() - begun
        verdict = judge(outcome)
        asked_s = self._obey_pace(outcome, verdict)
        if self._hook is not None:
            self._hook(Attempt(
                platform=self.platform, method=request.method, endpoint=request.endpoint, status=outcome.status, verdict=verdict.value,
                seconds=seconds, request_id=outcome.response.request_id if outcome.response is not None else "",
            ))  # fmt: skip
        return outcome, verdict, asked_s

    # --- credentials that run out

    async def _make_ready(self) -> None:
        if self._renewable is None or self._renewable.is_ready():
            return
        async with self._renewing:
            if not self._renewable.is_ready():
                await self._renewable.renew(partial(self._ask, is_signed=False))

    async def _renewed(self, request: Request, carried: Mapping[str, str]) -> bool:
        """After a refusal, see to it that there is something else to send than what was carried; one fetch for all who were refused."""
        if self._renewable is None or request.auth is not None:
            return False
        async with self._renewing:
            if not self._renewable.is_ready() or self._renewable.headers(None) == carried:
                await self._renewable.renew(partial(self._ask, is_signed=False))
        return True

    # --- one attempt

    async def _send(self, request: Request, url: URL, carried: Mapping[str, str]) -> Outcome:
        try:
            return await self._receive(request, url, carried)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            return Outcome(failure=Failure.NOT_SENT, detail=type(error).__name__)
        except TimeoutError as error:
            return Outcome(failure=Failure.TIMEOUT, detail=type(error).__name__)
        except (aiohttp.ClientError, OSError) as error:
            return Outcome(failure=Failure.BROKEN, detail=type(error).__name__)

    async def _receive(self, request: Request, url: URL, carried: Mapping[str, str]) -> Outcome:
        headers = {"Accept": "application/json, */*;q=0.1", **request.headers, **carried}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        timeout = self._timeout if request.timeout_s is None else _timeout(self._settings, request.timeout_s)
        async with self._http.request(
            request.method, url, data=request.body, headers=headers, allow_redirects=False, timeout=timeout
        ) as answer:
            room = AsyncExitStack()
            try:
                async with room:
                    return self._parsed_or_not(answer, await self._body(answer, room), request)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                failure = Failure.TIMEOUT if isinstance(error, TimeoutError) else Failure.BROKEN
                return Outcome(response=_response(answer, b""), failure=failure, detail=type(error).__name__)

    def _parsed_or_not(self, answer: aiohttp.ClientResponse, body: bytes | None, request: Request) -> Outcome:
        if body is None:
            return Outcome(response=_response(answer, b""), failure=Failure.TOO_LARGE)
        return self._parsed(_response(answer, body), request)

    async def _body(self, answer: aiohttp.ClientResponse, room: AsyncExitStack) -> bytes | None:
        """Read the body; None when it is over the cap. A large one waits for room, which *room* gives back."""
        cap = self._settings.body_cap_bytes
        told = answer.content_length
        if told is not None and told > cap:
            answer.close()
            return None
        if told is not None and "Content-Encoding" not in answer.headers:
            if told > FREE_BYTES:
                await self._take_room(room, told)
            return await answer.read()   # as long as it says, since nothing is unpacked
        pieces: list[bytes] = []
        size = 0
        is_small = True
        async for piece in answer.content.iter_chunked(CHUNK_BYTES):
            size += len(piece)
            if is_small and FREE_BYTES < size <= cap:
                is_small = False
                await self._take_room(room, cap)     # nobody knows how large it will be
            if size > cap:
                answer.close()
                return None
            pieces.append(piece)
        return b"".join(pieces)

    async def _take_room(self, room: AsyncExitStack, size_bytes: int) -> None:
        """Wait for room, no longer than a whole answer may take. Raises TimeoutError."""
        with anyio.fail_after(self._settings.total_s):
            await room.enter_async_context(self._room.held(size_bytes))

    def _parsed(self, response: Response, request: Request) -> Outcome:
        """Read JSON where the answer says it is JSON; a 2xx that should be JSON and is not cannot be read."""
        empty = not response.body.strip()
        if is_json_type(response.content_type) and not empty:
            try:
                data = parse_json(response.body, depth_cap=self._settings.depth_cap)
            except TooDeep:
                return Outcome(response=response, failure=Failure.TOO_DEEP)
            except TooMany as error:
                return Outcome(response=response, failure=Failure.TOO_MANY, detail=str(error))
            except orjson.JSONDecodeError:
                if response.status < 300 and request.expects == "json":
                    return Outcome(response=response, failure=Failure.UNREADABLE, detail="not JSON")
                return Outcome(response=response)
            if response.status < 300 and request.holds is not None and not request.holds(data):
                return Outcome(response=response, failure=Failure.UNREADABLE, detail="JSON of another shape")
            return Outcome(response=replace(response, data=data, is_json=True))
        if 200 <= response.status < 300 and request.expects == "json" and (not empty or request.holds is not None):
            detail = "no body" if empty else "another media type than JSON"
            return Outcome(response=response, failure=Failure.UNREADABLE, detail=detail)
        return Outcome(response=response)

    # --- consequences

    def _obey_pace(self, outcome: Outcome, verdict: CallVerdict) -> float | None:
        """Close the platform for everybody when the answer asks for it; gives the seconds asked for."""
        if outcome.failure is Failure.NOT_SENT:
            self.limiter.close_for(NOT_SENT_PAUSE_S, "no connection")
        if outcome.response is None:
            return None
        headers = outcome.response.headers
        asked_s = retry_after_s(headers.get("retry-after"), self._clock.now(), dated=headers.get("date"))
        if verdict is CallVerdict.THROTTLED or (asked_s is not None and outcome.status >= 500):
            self.limiter.close_for(asked_s if asked_s is not None else THROTTLE_PAUSE_S, f"{outcome.status} answered")
            return asked_s
        return None

    def _look_at_strikes(self, request: Request) -> None:
        """After refused credentials let through one call from time to time, and whatever carries a key put in their place."""
        if not self._strikes.are_out:
            return
        is_own = self._renewable is None and request.auth is None     # what is fetched, or another's, is no mended key
        if is_own and self._strikes.forgive_others(self._credentials.headers(None)):
            return
        if not self._strikes.may_be_tried(self._clock.monotonic()):
            raise self._struck_out()

    def _struck_out(self) -> AccessRefused:
        what = "the credentials were refused repeatedly, so nothing more is sent"
        return AccessRefused(what, platform=self.platform, hint="mend the key")

    def _count_strikes(self, request: Request, verdict: CallVerdict, carried: Mapping[str, str], *, is_signed: bool) -> None:
        """
        Only the configured identity counts: an impersonated user may have been switched off, which stops nobody else.

        That something could be fetched to send is no sign yet that it will be taken.
        """
        if request.auth is not None:
            return
        if verdict is CallVerdict.AUTH:
            self._strikes.refused(carried, at=self._clock.monotonic())
        elif verdict in TAKEN and is_signed:
            self._strikes.forgive()

    def _error(self, verdict: CallVerdict, outcome: Outcome, request: Request, asked_s: float | None, *, is_write: bool) -> StreamflowError:
        return error_for(
            verdict, outcome, request, platform=self.platform, explain=self._explain, is_write=is_write, retry_after_s=asked_s
        )


def _timeout(settings: SessionSettings, total_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_s, sock_connect=settings.connect_s, sock_read=settings.read_s)


def _given_up(verdict: CallVerdict, outcome: Outcome) -> CallVerdict:
    """What is answered and stays unreadable however often it is asked for is a breach of the contract, not a bad line."""
    is_answered = outcome.failure in (Failure.UNREADABLE, Failure.TOO_DEEP, Failure.TOO_MANY)
    return CallVerdict.PROTOCOL if verdict is CallVerdict.ODD or (verdict is CallVerdict.TRANSIENT and is_answered) else verdict


def _response(answer: aiohttp.ClientResponse, body: bytes) -> Response:
    return Response(
        status=answer.status, headers=answer.headers, body=body, content_type=answer.headers.get("Content-Type", ""),
        request_id=_request_id(answer),
    )  # fmt: skip


def _request_id(answer: aiohttp.ClientResponse) -> str:
    for name in REQUEST_ID_HEADERS:
        if name in answer.headers:
            return answer.headers[name]
    return ""


@cache
def _tls(ca_file: str | Path | None) -> ssl.SSLContext:
    """Make the context of all platforms that trust these certificates, once: reading them takes longer than a hundred calls."""
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(["the file of trusted certificates cannot be read"]) from error


class _CleanLines(aiohttp.TCPConnector):
    """Keeps lines open, but none on which something came that nobody had asked for: it would be taken for the next call's answer."""

    async def _get(self, key: Any, traces: Any) -> Any:
        while (line := await super()._get(key, traces)) is not None:
            if line.protocol is None or not line.protocol.should_close:
                return line
            line.close()
        return None


@asynccontextmanager
async def open_session(
    *, platform: str, base_url: str, credentials: Credentials, limiter: Limiter, clock: Clock, also: Sequence[str] = (),
    settings: SessionSettings | None = None, hook: AttemptHook | None = None, explain: Explain = unexplained,
    ca_file: str | Path | None = None, dice: Callable[[], float] | None = None, room: Room = SHARED,
) -> AsyncIterator[Session]:  # fmt: skip
    """
    Open the session of a platform and close its connections at the end.

    Args:
        base_url: Requests are sent below it; its origin is the only one called.
        also: Further absolute URLs whose origins may be called (a second face of the same platform).
        ca_file: PEM bundle to trust instead of the system's.
        dice: Gives 0 to 1 for the jitter of waits.
        room: What large bodies of all sessions together may hold while they are received and read.
    """
    bounds = settings or SessionSettings()
    book = AddressBook(platform, base_url, also)
    connector = _CleanLines(limit=0, ssl=_tls(ca_file), keepalive_timeout=bounds.keep_alive_s)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, headers={"User-Agent": "streamflow"},
        skip_auto_headers=("Content-Type",),
    ) as http:  # fmt: skip
        # aiohttp repeats PUT and DELETE by itself when a kept connection turns out closed; a write is sent at most once.
        http._retry_connection = False
        yield Session(
            platform=platform, http=http, book=book, credentials=credentials, limiter=limiter, clock=clock, settings=bounds, hook=hook,
            explain=explain, dice=dice or random.random, room=room,
        )  # fmt: skip
