"""The CLI's end of the control socket: JSON in, JSON out, refusals as errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from streamflow.errors import AccessRefused, StreamflowError, UsageError

# aiohttp is taken in by those who ask: commands that ask nobody would spend most of their time on it.
if TYPE_CHECKING:
    import aiohttp

ANSWER_TIMEOUT_S = 70.0   # above the daemon's own limit for a verb
CONNECT_TIMEOUT_S = 5.0
MAX_EVENT_BYTES = 1_048_576


class DaemonNotRunning(StreamflowError):
    """Nobody answers on the control socket."""

    code = "not_running"


class Refusal(StreamflowError):
    """The daemon refused; code, message and hint are its own."""

    def __init__(self, status: int, code: str, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


class DaemonClient:
    """Speaks with one daemon. Every method raises DaemonNotRunning, AccessRefused or Refusal; `post` UsageError for what is no text."""

    def __init__(self, session: aiohttp.ClientSession, path: Path) -> None:
        self._session = session
        self._path = path

    async def get(self, path: str, **query: str) -> Any:
        """Ask, e.g. `get("/v1/status")`."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, **body: Any) -> Any:
        """Order, e.g. `post("/v1/pause", reason="lunch")`."""
        try:
            data = orjson.dumps(body)
        except orjson.JSONEncodeError as error:
            raise _no_text() from error
        return await self._ask("POST", path, data=data)

    async def events(self, *, after: int | None = None) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        """Yield (name, data) of what happens from now on, until the daemon ends."""
        import aiohttp

        query = {} if after is None else {"after": str(after)}
        timeout = aiohttp.ClientTimeout(total=None, sock_read=120.0)
        async with self._reached(), self._session.get("http://daemon/v1/events", params=query, timeout=timeout) as response:
            if response.status != 200:
                raise _refusal(response.status, await response.read())
            name = ""
            async for raw in response.content:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name:
                    yield name, orjson.loads(line.removeprefix("data: "))
                    name = ""

    async def _ask(self, method: str, path: str, **kwargs: Any) -> Any:
        async with self._reached(), self._session.request(method, f"http://daemon{path}", **kwargs) as response:
            raw = await response.read()
            if response.status != 200:
                raise _refusal(response.status, raw)
            return orjson.loads(raw)

    @asynccontextmanager
    async def _reached(self) -> AsyncIterator[None]:
        import aiohttp

        start_hint = "start it with `streamflow run`, or look at its log (`journalctl -u streamflow`) for why it ended"
        try:
            yield
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PermissionError):
                hint = "run the command as the daemon's user (or with sudo)"
                raise AccessRefused(f"no permission to use the control socket {self._path}", hint=hint) from error
            raise DaemonNotRunning(f"no daemon answers on {self._path}", hint=start_hint) from error
        except TimeoutError as error:
            raise DaemonNotRunning(f"the daemon on {self._path} does not answer in time", hint="try again; see its log") from error
        except aiohttp.ClientError as error:
            raise DaemonNotRunning(f"the daemon on {self._path} ended while it was asked", hint=start_hint) from error


@asynccontextmanager
async def connect(path: Path) -> AsyncIterator[DaemonClient]:
    """Open a client of the control socket at *path*; the first question shows whether somebody answers."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)), timeout=timeout, read_bufsize=MAX_EVENT_BYTES) as session:
        yield DaemonClient(session, path)


def part(text: str) -> str:
    """Quote one part of a path. Raises UsageError for what a terminal gave in another encoding."""
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise _no_text() from error


def _no_text() -> UsageError:
    return UsageError("what was given holds signs that are no text", hint="type it in UTF-8 (see `locale`)")


def _refusal(status: int, raw: bytes) -> Refusal:
    try:
        error = orjson.loads(raw)["error"]
        return Refusal(status, str(error["code"]), str(error["message"]), str(error.get("hint", "")))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Refusal(status, "internal", f"the answer of the daemon cannot be understood (HTTP {status})", "is this the right socket?")
