"""
What an answer, or the lack of one, means.

A read may be asked again, so its question is "again, or give up?". A write may not, so its question is "surely applied,
surely not applied, or nobody knows?". Whatever is not sure is UNCERTAIN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from streamflow.wire.message import Response


class CallVerdict(StrEnum):
    """What one exchange means for the caller."""

    OK = "ok"
    TRANSIENT = "transient"      # read: ask again. write: not sent at all, so surely not applied
    ODD = "odd"                  # read: a failure told with a good status: ask again, and outside the contract if it stays
    THROTTLED = "throttled"      # surely not processed; slower
    AUTH = "auth"                # the credentials are not taken
    FORBIDDEN = "forbidden"      # the credentials are taken and this is not allowed
    PLAN = "plan"                # the plan does not allow it
    NOT_FOUND = "not_found"
    INVALID = "invalid"          # refused for what it contains
    CONFLICT = "conflict"
    PROTOCOL = "protocol"        # outside the contract: asking again will not help
    UNCERTAIN = "uncertain"      # writes only: outcome unknown


class Failure(StrEnum):
    """Why there is no usable answer."""

    NOT_SENT = "not_sent"        # refused, unknown host, TLS failure, connect time-out: no byte of the request left
    TIMEOUT = "timeout"
    BROKEN = "broken"            # reset, closed early, cut body
    TOO_LARGE = "too_large"      # body over the cap
    UNREADABLE = "unreadable"    # 2xx whose body is not what was asked for
    TOO_DEEP = "too_deep"        # JSON nested beyond the cap
    TOO_MANY = "too_many"        # JSON of more values than there is memory for


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt: an answer, or a failure, or both (a 2xx that cannot be read)."""

    response: Response | None = None
    failure: Failure | None = None
    detail: str = ""             # class names and our own words only, never values

    @property
    def status(self) -> int:
        """Give the HTTP status, 0 when no answer came."""
        return self.response.status if self.response is not None else 0


_BY_STATUS = {
    400: CallVerdict.INVALID, 401: CallVerdict.AUTH, 402: CallVerdict.PLAN, 403: CallVerdict.FORBIDDEN,
    404: CallVerdict.NOT_FOUND, 405: CallVerdict.INVALID, 409: CallVerdict.CONFLICT, 410: CallVerdict.NOT_FOUND,
    413: CallVerdict.INVALID, 414: CallVerdict.INVALID, 415: CallVerdict.INVALID, 422: CallVerdict.INVALID,
    429: CallVerdict.THROTTLED,
}  # fmt: skip
# A refusal by one of these is made before anything is done; 408 is not among them: the request may have been read.

_READ_FAILURES = {
    Failure.NOT_SENT: CallVerdict.TRANSIENT, Failure.TIMEOUT: CallVerdict.TRANSIENT, Failure.BROKEN: CallVerdict.TRANSIENT,
    Failure.UNREADABLE: CallVerdict.TRANSIENT, Failure.TOO_LARGE: CallVerdict.PROTOCOL, Failure.TOO_DEEP: CallVerdict.TRANSIENT,
    Failure.TOO_MANY: CallVerdict.TRANSIENT,
}  # fmt: skip


def judge_read(outcome: Outcome) -> CallVerdict:
    """Say what an attempt to read means: OK, ask again (TRANSIENT, THROTTLED), or a definite refusal."""
    if outcome.failure is not None:
        return _READ_FAILURES[outcome.failure]
    status = outcome.status
    if 200 <= status < 300:
        return CallVerdict.OK
    if status >= 500 or status == 408:
        return CallVerdict.TRANSIENT
    return _BY_STATUS.get(status, CallVerdict.PROTOCOL)


def judge_write(outcome: Outcome) -> CallVerdict:
    """Say what an attempt to write means: OK (applied), TRANSIENT and the refusals (surely not applied), or UNCERTAIN."""
    if outcome.failure is Failure.NOT_SENT:
        return CallVerdict.TRANSIENT
    if outcome.failure is not None:
        # An answer with a refusing status is a refusal even when its body is cut or odd.
        return _BY_STATUS.get(outcome.status, CallVerdict.UNCERTAIN)
    if 200 <= outcome.status < 300:
        return CallVerdict.OK
    return _BY_STATUS.get(outcome.status, CallVerdict.UNCERTAIN)
