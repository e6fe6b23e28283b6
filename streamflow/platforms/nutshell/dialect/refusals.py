"""What a refusal says: REST error envelopes, bare strings, HTML pages, JSON-RPC errors in a 200 (nutshell.md 1.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from streamflow.errors import AccessRefused, NotFound, PlanLimit, ProtocolMismatch, RecordRejected, StreamflowError
from streamflow.platforms.nutshell.dialect.envelope import tells_errors
from streamflow.wire.message import Response
from streamflow.wire.refusal import Explanation, scrubbed
from streamflow.wire.verdict import CallVerdict, Outcome, judge_read, judge_write

_PLAN = re.compile(r"\b(your plan|plan (allows|limit)|upgrade|subscription|open[- ]lead limit|limit reached)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title>([^<]{1,120})</title>", re.IGNORECASE)
_GONE = re.compile(r"not found|does not exist|no such|deleted|invalid .{0,20}id\b", re.IGNORECASE)
_NO_METHOD = -32601


def explain(response: Response) -> Explanation:
    """Give the platform's title and the field it names; detail is left out, since it repeats values."""
    data = response.data
    if isinstance(data, dict) and isinstance(data.get("errors"), list) and data["errors"] and isinstance(data["errors"][0], dict):
        error = data["errors"][0]
        title = str(error.get("title") or error.get("detail") or "")
        return _explained(title, str(error.get("field") or ""))
    if isinstance(data, dict) and isinstance(data.get("message"), str):
        return _explained(data["message"], "")
    if isinstance(data, str):
        return _explained(data, "")
    match = _TITLE.search(response.body[:4000].decode("utf-8", "replace"))
    return _explained(match[1], "") if match else Explanation()


def _explained(text: str, field: str) -> Explanation:
    return Explanation(text=text, field=field, is_plan=bool(_PLAN.search(text)))


def names_media_type(error: RecordRejected) -> bool:
    """Say whether a 400 asks for another media type."""
    return "json-patch+json" in error.message or "application/json" in error.message


def rpc_error(data: Any) -> dict[str, Any] | None:
    """Give the `error` object of a JSON-RPC answer, None when it is a result."""
    error = data.get("error") if isinstance(data, dict) else None
    if error is None:
        return None
    return error if isinstance(error, dict) else {"code": 0, "message": str(error)}


def rpc_refusal(error: dict[str, Any], method: str) -> StreamflowError:
    """Give the error for a JSON-RPC application error; it was answered, so the call was surely not applied."""
    code, message = error.get("code"), str(error.get("message") or "")
    what = f"JSON-RPC {method} answered error {code}: {scrubbed(message)}"
    if code == _NO_METHOD:
        return ProtocolMismatch(what, platform="nutshell", hint="this method does not exist; the flag rpc_methods says what does")
    if code in (401, 403):
        return AccessRefused(what, platform="nutshell", hint="the user of the key lacks a permission")
    if code == 402 or _PLAN.search(message):
        return PlanLimit(what, platform="nutshell", hint="the plan of the account does not allow more of this")
    if code == 404 or _GONE.search(message):
        return NotFound(what, platform="nutshell")
    return RecordRejected(what, platform="nutshell", status=code if isinstance(code, int) else 0)


def judge_rest_write(outcome: Outcome) -> CallVerdict:
    """Judge a write by REST: with errors in a 2xx nobody knows."""
    verdict = judge_write(outcome)
    is_denied = verdict is CallVerdict.OK and outcome.response is not None and tells_errors(outcome.response.data)
    return CallVerdict.UNCERTAIN if is_denied else verdict


def judge_rpc_read(outcome: Outcome) -> CallVerdict:
    """Judge a JSON-RPC question: an answer without `result` and `error` cannot be read; server errors may pass."""
    verdict = judge_read(outcome)
    if verdict is CallVerdict.OK and not _is_rpc(outcome):
        return CallVerdict.TRANSIENT
    if verdict is CallVerdict.OK and outcome.response is not None:
        error = rpc_error(outcome.response.data)
        if error is not None and error.get("code") in (429, 503):
            return CallVerdict.THROTTLED
        if error is not None and _is_servers_own(error):
            return CallVerdict.TRANSIENT
    return verdict


def judge_rpc_write(outcome: Outcome) -> CallVerdict:
    """Judge a JSON-RPC write: without `result` or `error`, and with a server's own error, nobody knows."""
    verdict = judge_write(outcome)
    if verdict is not CallVerdict.OK or outcome.response is None:
        return verdict
    if not _is_rpc(outcome):
        return CallVerdict.UNCERTAIN
    error = rpc_error(outcome.response.data)
    if error is None:
        return CallVerdict.OK
    if error.get("code") == 429:
        return CallVerdict.THROTTLED
    return CallVerdict.UNCERTAIN if _is_servers_own(error) else CallVerdict.OK


def _is_servers_own(error: Mapping[str, Any]) -> bool:
    """Say whether the server failed, which says nothing of what was asked."""
    code = error.get("code")
    return isinstance(code, int) and (code >= 500 or code in (-32603, -32000))


def _is_rpc(outcome: Outcome) -> bool:
    data = outcome.response.data if outcome.response is not None else None
    return isinstance(data, dict) and ("result" in data or data.get("error") is not None)
