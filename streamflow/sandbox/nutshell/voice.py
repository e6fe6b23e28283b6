"""How Nutshell says what the shared faults have it say (nutshell.md 1.5, 1.7, 8): pages, envelopes, and errors within a JSON-RPC 200."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from streamflow.sandbox.nutshell.envelope import counts
from streamflow.sandbox.nutshell.errors import Refusal, error_envelope, error_page
from streamflow.sandbox.rules import Asked
from streamflow.sandbox.voice import JSON, TITLES, Body, PlainVoice

_PLURALS = {"activitytypes": "activityTypes", "accounttypes": "accountTypes", "audiences": "emAudiences", "customfield": "customFields"}


class NutshellVoice(PlainVoice):
    """
    The shapes of both faces.

    Args:
        meta: What each envelope starts with.
    """

    def __init__(self, meta: Mapping[str, Any]) -> None:
        self._meta = {name: meta[name] for name in ("instanceId", "siteId")}

    def denied(self, status: int, asked: Asked) -> Body:
        """Give the HTML page that refusals of keys and rights have."""
        return "text/html", error_page(status)

    def refusal(self, status: int, asked: Asked) -> Body:
        """Give an envelope with `errors`."""
        if _is_rpc(asked):
            return _rpc(asked, error={"code": status, "message": "Validation failed", "data": None})
        refused = Refusal(status, "Validation failed", detail="This record cannot be saved.")
        return JSON, json.dumps(error_envelope(refused, _plural(asked), dict(self._meta)))

    def error_200(self, asked: Asked) -> Body:
        """Give `errors`, or the `error` of a call, with 200."""
        if _is_rpc(asked):
            return _rpc(asked, error={"code": 500, "message": TITLES[500], "data": None})
        return JSON, json.dumps(error_envelope(Refusal(500, TITLES[500]), _plural(asked), dict(self._meta)))

    def empty(self, asked: Asked) -> Body:
        """Give an envelope without rows."""
        if _is_rpc(asked):
            return _rpc(asked, result=[])
        return JSON, json.dumps({"meta": {**self._meta, **counts(0, 0)}, "links": {}, _plural(asked): []})


def _is_rpc(asked: Asked) -> bool:
    return asked.path.endswith("/v1/json")


def _plural(asked: Asked) -> str:
    parts = asked.path.removeprefix("/rest/").split("/")
    if "customfields" in parts:     # a record's own, or the definitions of a kind
        return "customFields"
    name = next((part for part in reversed(parts) if part in _PLURALS), parts[0])
    return _PLURALS.get(name, name)


def _rpc(asked: Asked, *, result: Any = None, error: Any = None) -> Body:
    try:
        call_id = json.loads(asked.body).get("id")
    except (ValueError, AttributeError):
        call_id = None
    return JSON, json.dumps({"id": call_id, "jsonrpc": "2.0", "result": result, "error": error})
