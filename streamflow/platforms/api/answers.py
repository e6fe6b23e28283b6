"""
What answers mean, by the rules of a spec. Pure.

Rules of this file. (1) What an answer means is decided by the ordered rules of the spec (leadtrekker.md 1.1). (2) Only a value at an
expected record path is data: an empty body, a text, or an object without that path is never "no rows".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.spec import Call, ErrorRule
from streamflow.wire.body import Unfit, parse_json
from streamflow.wire.message import Response
from streamflow.wire.refusal import Explanation, scrubbed
from streamflow.wire.verdict import CallVerdict, Outcome, judge_read

_VERDICTS = {
    "access": CallVerdict.AUTH, "missing": CallVerdict.NOT_FOUND, "absent": CallVerdict.OK, "throttled": CallVerdict.THROTTLED,
    "transient": CallVerdict.TRANSIENT, "refused": CallVerdict.PROTOCOL,
}  # fmt: skip


def payload(response: Response) -> tuple[bool, Any]:
    """Give whether the body is JSON, and it; whatever media type it was sent as, since servers of this kind are careless there."""
    if response.is_json:
        return True, response.data
    if response.body.lstrip()[:1] not in (b"{", b"["):
        return False, None
    try:
        return True, parse_json(response.body)
    except (orjson.JSONDecodeError, Unfit):
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
        if asked == "refused" and 200 <= outcome.status < 300 and isinstance(payload(outcome.response)[1], Mapping):
            return CallVerdict.ODD      # a bare text or number may tell that something was done, which must not be done again
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
        case "first_row":
            row = data[0] if isinstance(data, list) and data else None
            told = {str(name).casefold(): value for name, value in row.items()} if isinstance(row, Mapping) else {}
            return str(told.get(rule.path.casefold(), "")).strip().lower() in rule.values
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
