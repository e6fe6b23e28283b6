"""
How to ask Leadtrekker and what its answers mean. Pure.

Rules of this file. (1) Only functions of the allow-list are asked, and never one whose name begins like a write; that is seen before
anything is sent. (2) What an answer means is decided by the ordered rules of the spec (leadtrekker.md 1.1). (3) Only a value at an expected
record path is data: an empty body, a text, or an object without that path is never "no rows".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from streamflow.errors import InvariantBroken, ProtocolMismatch
from streamflow.model import Key
from streamflow.platforms.leadtrekker.codec import encode_leaves
from streamflow.platforms.spec import Call, ErrorRule, PlatformSpec, StreamSpec, Window, is_write
from streamflow.wire.body import TooDeep, parse_json
from streamflow.wire.message import NORMAL, Request, Response
from streamflow.wire.refusal import Explanation, scrubbed
from streamflow.wire.verdict import CallVerdict, Outcome, judge_read

_VERDICTS = {
    "access": CallVerdict.AUTH, "missing": CallVerdict.NOT_FOUND, "absent": CallVerdict.OK, "throttled": CallVerdict.THROTTLED,
    "transient": CallVerdict.TRANSIENT, "refused": CallVerdict.PROTOCOL,
}  # fmt: skip


def request(spec: PlatformSpec, function: str, params: Mapping[str, str], *, priority: int = NORMAL) -> Request:
    """
    Build the call of a read function: POST, a JSON object with base64 leaves, `{}` when there is nothing to say.

    Raises:
        InvariantBroken: the function is a write by its name, or not on the allow-list of the spec.
    """
    if is_write(function):
        raise InvariantBroken("a function that begins like a write was about to be called on the source", platform=spec.platform)
    if function not in spec.calls():
        raise InvariantBroken("a function outside the allow-list was about to be called on the source", platform=spec.platform)
    return Request(
        method="POST", path=function, endpoint=function, body=orjson.dumps(encode_leaves(dict(params))), priority=priority,
        timeout_s=spec.timeout_s, expects="any",
    )  # fmt: skip


def payload(response: Response) -> tuple[bool, Any]:
    """Give whether the body is JSON, and it; whatever media type it was sent as, since servers of this kind are careless there."""
    if response.is_json:
        return True, response.data
    if response.body.lstrip()[:1] not in (b"{", b"["):
        return False, None
    try:
        return True, parse_json(response.body)
    except (orjson.JSONDecodeError, TooDeep):
        return False, None


def reaction(rules: tuple[ErrorRule, ...], response: Response) -> str:
    """Give what the first rule that fits asks for, or "" when the answer is fine."""
    is_json, data = payload(response)
    return next((rule.then for rule in rules if _fits(rule, response, is_json, data)), "")


def judge(rules: tuple[ErrorRule, ...]) -> Callable[[Outcome], CallVerdict]:
    """Give the judge of this platform's answers for a session; no answer at all is judged as anywhere."""

    def decide(outcome: Outcome) -> CallVerdict:
        if outcome.response is None or outcome.failure is not None:
            return judge_read(outcome)
        asked = reaction(rules, outcome.response)
        if asked == "access" and outcome.status == 403:
            return CallVerdict.FORBIDDEN
        return _VERDICTS[asked] if asked else judge_read(outcome)

    return decide


def explain(response: Response) -> Explanation:
    """Give the platform's own words on a refusal, without values."""
    is_json, data = payload(response)
    if not is_json or not isinstance(data, Mapping):
        return Explanation(text="" if is_json else "the body is not JSON")
    said = data.get("error") or data.get("message") or ""
    return Explanation(text=scrubbed(said) if isinstance(said, str) else "")


def rows_of(call: Call, response: Response, *, stream: str) -> list[Mapping[str, Any]]:
    """
    Give the rows at the first record path that is there; an object of objects counts as a list of them.

    Raises:
        ProtocolMismatch: nothing is there, or something that is not rows.
    """
    data = payload(response)[1]
    for path in call.records_at:
        found = _at(data, path)
        if isinstance(found, Mapping) and found and all(isinstance(row, Mapping) for row in found.values()):
            found = list(found.values())
        elif isinstance(found, Mapping) and call.key_param and path != "$":
            found = [found]
        if isinstance(found, list):
            if not all(isinstance(row, Mapping) for row in found):
                raise _no_rows(call, stream, "an array of something else than records")
            return found
    raise _no_rows(call, stream, f"no records at {' or '.join(call.records_at)}")


def page_params(stream: StreamSpec, number: int) -> dict[str, str]:
    """Give the parameters that ask for page (or offset) *number*."""
    paging = stream.paging
    if paging.style == "none":
        return {}
    params = {paging.page_param: str(number)}
    return params | {paging.size_param: str(paging.size)} if paging.size_param else params


def is_last(stream: StreamSpec, rows: int, *, cap: int | None = None) -> bool:
    """
    Say whether a page of so many rows ends its list.

    *cap* is the most rows the server was seen to give where more were asked for: as many as that never count as a short page.
    """
    paging = stream.paging
    if paging.style == "none" or rows == 0:
        return True
    return paging.stop == "short" and rows < min(paging.short_below, paging.size, cap or paging.size)


def following(stream: StreamSpec, number: int, rows: int) -> int:
    """Give the number of the next page, or the next offset."""
    return number + (rows if stream.paging.style == "offset" else 1)


def window_params(window: Window, since: str) -> dict[str, str]:
    """Give the parameters that select what changed since a local moment of the source."""
    return {window.from_param: since}


def write_cursor(number: int, since: str) -> str:
    """Give a cursor: "7", or "7@2026-05-11 09:00:00" inside a changed-since read."""
    return f"{number}@{since}" if since else str(number)


def read_cursor(stream: StreamSpec, cursor: str | None) -> tuple[int, str]:
    """Give (number, since) of a cursor; None is the beginning. Raises ProtocolMismatch for one that is not ours."""
    if cursor is None:
        return (0 if stream.paging.style == "offset" else stream.paging.first), ""
    number, _, since = cursor.partition("@")
    if not (number.isascii() and number.isdigit()):
        raise ProtocolMismatch("a cursor that this reader did not write", stream=stream.kind, hint="the stream's reader was changed")
    return int(number), since


def owner_params(call: Call, key: Key) -> dict[str, str]:
    """Give the parameters that name one record or the parent of rows."""
    return {call.key_param: key}


def _fits(rule: ErrorRule, response: Response, is_json: bool, data: Any) -> bool:
    match rule.when:
        case "status":
            status = str(response.status)
            return any(status == code or (code.endswith("xx") and status[0] == code[0]) for code in rule.values)
        case "empty":
            return not response.body.strip()
        case "not_json":
            return not is_json
        case "scalar":
            return is_json and not isinstance(data, Mapping | list)
    found = data.get(rule.path) if isinstance(data, Mapping) else None
    if rule.when == "says":
        return found is not None and not isinstance(found, Mapping | list) and str(found).strip().lower() in rule.values
    return bool(found) and (rule.matches is None or rule.matches.search(found if isinstance(found, str) else str(found)) is not None)


def _at(data: Any, path: str) -> Any:
    if path == "$":
        return data if isinstance(data, list) else None
    if path == "$object":      # the record itself is the root
        return [data] if isinstance(data, Mapping) else None
    for part in path.split("."):
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _no_rows(call: Call, stream: str, what: str) -> ProtocolMismatch:
    return ProtocolMismatch(f"{call.function} answered {what}", stream=stream, hint="correct records_at of this stream, or its function")
