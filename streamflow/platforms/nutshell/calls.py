"""The calls the Nutshell client makes, REST and JSON-RPC, over one session."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from streamflow.clock import Clock
from streamflow.errors import NotPermitted, ProtocolMismatch
from streamflow.platforms.nutshell.dialect.envelope import holds_records, is_answer
from streamflow.platforms.nutshell.dialect.refusals import judge_rest_write, judge_rpc_read, judge_rpc_write, rpc_error, rpc_refusal
from streamflow.platforms.nutshell.flags import Flags
from streamflow.wire.message import Request
from streamflow.wire.session import Session

JSON = "application/json"
PATCH = "application/json-patch+json"
RECORDS = frozenset({"accounts", "contacts", "leads", "notes", "activities", "tasks"})
Query = Sequence[tuple[str, str]]


class Calls:
    """What the shells of this folder share: the session, where JSON-RPC lives, and the present flags."""

    def __init__(
        self, session: Session, rpc_url: str, flags: Callable[[], Flags], adopt: Callable[[Mapping[str, Any]], None], clock: Clock
    ) -> None:
        self._session = session
        self._clock = clock
        self._written_at: dict[str, float] = {}   # kind -> monotonic time of our last write by REST
        self._forbidden: set[str] = set()         # kinds whose last create under our own name was not permitted
        self._rpc_url = rpc_url
        self._flags = flags
        self._numbers = itertools.count(1)
        self.adopt = adopt

    @property
    def flags(self) -> Flags:
        """Give the flags as they are now."""
        return self._flags()

    async def get(self, path: str, *, endpoint: str | None = None, query: Query = ()) -> Any:
        """Read by REST; *endpoint* is the path without ids, when it has any. What has not the form of an answer is asked for again."""
        kind, _, rest = (endpoint or path).partition("/")
        holds = holds_records(kind) if kind in RECORDS and rest in ("", "{id}") else is_answer
        request = Request(method="GET", path=path, endpoint=endpoint or path, query=tuple(query), holds=holds)
        return (await self._session.read(request)).data

    async def send(
        self, method: str, path: str, body: Any = None, *, endpoint: str | None = None, auth: str | None = None, media: str = JSON
    ) -> Any:
        """Write by REST, once; gives the parsed answer, None when it has no body."""
        packed = None if body is None else orjson.dumps(body)
        request = Request(method=method, path=path, endpoint=endpoint or path, body=packed, content_type=media, auth=auth)
        is_own_create = method == "POST" and "/" not in path and auth is None
        try:
            data = (await self._session.write(request, judge=judge_rest_write)).data
            self._forbidden -= {path} if is_own_create else set()
            return data
        except NotPermitted:
            self._forbidden |= {path} if is_own_create else set()
            raise
        finally:
            self._written_at[path.partition("/")[0]] = self._clock.monotonic()

    def refuses_but(self, kind: str) -> bool:
        """Say whether the last create of any other kind was not permitted."""
        return bool(self._forbidden - {kind})

    def since_write_s(self, kind: str) -> float:
        """Give how long ago this process last wrote a record of *kind*; without end when it never did."""
        return self._clock.monotonic() - self._written_at.get(kind, float("-inf"))

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Read by JSON-RPC; gives `result`. A find-or-create counts as a read: it may be repeated."""
        response = await self._session.read(self._rpc(method, params, None), judge=judge_rpc_read)
        return _result(response.data, method)

    async def tell(self, method: str, params: Mapping[str, Any], *, auth: str | None = None) -> Any:
        """Write by JSON-RPC, once; gives `result`. An `error` in the answer means it was surely not applied."""
        response = await self._session.write(self._rpc(method, params, auth), judge=judge_rpc_write)
        return _result(response.data, method)

    async def service_description(self) -> tuple[str, ...]:
        """Give the names of the JSON-RPC methods that exist (8)."""
        data = (await self._session.read(Request(method="GET", path=self._rpc_url, endpoint="rpc smd"))).data
        services = data.get("services", data.get("methods")) if isinstance(data, dict) else None
        if not isinstance(services, dict | list):
            raise ProtocolMismatch("the service description lists no methods", platform="nutshell")
        names = services if isinstance(services, dict) else [s.get("name") if isinstance(s, dict) else s for s in services]
        return tuple(sorted(str(name) for name in names))

    def _rpc(self, method: str, params: Mapping[str, Any], auth: str | None) -> Request:
        body = {"jsonrpc": "2.0", "id": f"s{next(self._numbers)}", "method": method, "params": dict(params)}
        return Request(method="POST", path=self._rpc_url, endpoint=f"rpc {method}", body=orjson.dumps(body), auth=auth)


def _result(data: Any, method: str) -> Any:
    error = rpc_error(data)
    if error is not None:
        raise rpc_refusal(error, method)
    return data.get("result") if isinstance(data, dict) else None
