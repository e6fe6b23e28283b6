"""From a verdict to the error a caller meets: what happened, to what class of address, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from streamflow.errors import (
    AccessRefused,
    NoProperAnswer,
    NotFound,
    NotPermitted,
    PlanLimit,
    PlatformUnavailable,
    QuestionRefused,
    RecordRejected,
    StreamflowError,
    Throttled,
    Uncertain,
    Unreachable,
)
from streamflow.wire.message import Request, Response
from streamflow.wire.verdict import CallVerdict, Failure, Outcome

NOT_SENT_PAUSE_S = 1.0   # how long a connection that cannot be made closes the platform
_PERSONAL = re.compile(r"""[^\s"'<>]+@[^\s"'<>]+|"[^"]*"|'[^']*'|\+?\d[\d\s().-]{4,}\d|https?://\S+""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a platform says about a refusal, without values."""

    text: str = ""
    field: str = ""
    is_plan: bool = False


Explain: TypeAlias = Callable[[Response], Explanation]


def unexplained(response: Response) -> Explanation:
    """Explain nothing; for platforms whose refusals have no known shape."""
    return Explanation()


def scrubbed(text: str, *, cap: int = 160) -> str:
    """Give a platform's own words with everything that may be somebody's data (addresses, numbers, quoted parts) left out."""
    return _PERSONAL.sub("…", " ".join(text.split()))[:cap]


def error_for(
    verdict: CallVerdict, outcome: Outcome, request: Request, *, platform: str, explain: Explain, is_write: bool,
    retry_after_s: float | None = None,
) -> StreamflowError:  # fmt: skip
    """Give the error for an exchange that is not OK."""
    said = explain(outcome.response) if outcome.response is not None else Explanation()
    what = _what(outcome, request, said)
    if verdict is CallVerdict.UNCERTAIN:
        return Uncertain(f"{what}; it may have been applied", platform=platform, hint="it is resolved by reading back, never repeated")
    if verdict is CallVerdict.THROTTLED:
        return Throttled(what, retry_after_s=retry_after_s, platform=platform, hint="lower the pace if this goes on")
    if verdict is CallVerdict.TRANSIENT:
        if is_write:
            hint = "check the network and the address"
            return Throttled(f"{what}; nothing was sent", retry_after_s=NOT_SENT_PAUSE_S, platform=platform, hint=hint)
        away = Unreachable if outcome.failure is Failure.NOT_SENT else PlatformUnavailable
        return away(what, platform=platform, hint="it goes on by itself when the platform answers again")
    if verdict is CallVerdict.AUTH:
        return AccessRefused(what, platform=platform, hint="check the user name and the key; was the key revoked?")
    if verdict is CallVerdict.PLAN or (said.is_plan and verdict in (CallVerdict.FORBIDDEN, CallVerdict.INVALID)):
        return PlanLimit(what, platform=platform, hint="the plan of the account does not allow more of this")
    if verdict is CallVerdict.FORBIDDEN:
        return NotPermitted(what, platform=platform, hint="the user of the key lacks a permission")
    if verdict is CallVerdict.NOT_FOUND:
        return NotFound(what, platform=platform)
    if verdict in (CallVerdict.INVALID, CallVerdict.CONFLICT):
        return RecordRejected(what, field=said.field, status=outcome.status, platform=platform, hint=_field_hint(said.field))
    refused = QuestionRefused if 400 <= outcome.status < 500 else NoProperAnswer
    return refused(what, platform=platform, hint="the answer is outside the contract; has the platform changed?")


def _what(outcome: Outcome, request: Request, said: Explanation) -> str:
    place = f"{request.method} {request.endpoint}"
    if outcome.status:
        text = f"{place} answered {outcome.status}"
    else:
        text = f"{place} got no answer"
    if outcome.failure is not None:
        text += f" ({outcome.failure.value.replace('_', ' ')}{': ' + outcome.detail if outcome.detail else ''})"
    if said.text:
        text += f": {scrubbed(said.text)}"
    if outcome.response is not None and outcome.response.request_id:
        text += f" [request {outcome.response.request_id[:64]}]"
    return text


def _field_hint(field: str) -> str:
    return f"look at the field {field} of this record" if field else "look at this record's values"
