"""From values and errors to what goes over the control socket. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from streamflow.daemon.events import Event
from streamflow.errors import StreamflowError

_STATUS: Mapping[str, int] = {
    "usage": 400,
    "config": 400,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "access": 502,
    "protocol": 502,
    "unavailable": 503,
    "transient": 503,
    "throttled": 503,
    "disk": 503,
    "ledger_held": 503,
}
INTERNAL = ("internal", "something went wrong inside the daemon", "see the daemon's log; the migration's state is safe")


def dump(value: Any) -> bytes:
    """Write JSON with a closing newline, so that curl's answer ends its line."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS, default=_plain)


def error_body(code: str, message: str, hint: str = "") -> bytes:
    """Write the one form every error of the socket has."""
    return dump({"error": {"code": code, "message": message, "hint": hint}})


def is_foreseen(error: BaseException) -> bool:
    """Say whether an error may be told to whoever asked as it is; own bugs and the ledger's troubles may not."""
    return isinstance(error, StreamflowError) and error.code in _STATUS


def refusal(error: StreamflowError) -> tuple[int, bytes]:
    """Give HTTP status and body for an error the daemon foresaw; own bugs and the ledger's troubles stay without details."""
    status = _STATUS.get(error.code)
    if status is None:
        return 500, error_body(*INTERNAL)
    return status, error_body(error.code, str(error), error.hint)


def event_frame(event: Event) -> bytes:
    """Write one server-sent event."""
    data = orjson.dumps({"at": event.at, **event.data}, default=_plain)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.number, event.name.encode(), data)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        raise TypeError("bytes have no place in an answer")
    return str(value)
