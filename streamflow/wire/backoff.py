"""How long to wait before asking again, and when to stop asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from streamflow.wire.verdict import CallVerdict

RETRY_AFTER_CAP_S = 600.0   # what a platform may ask for at most; more is taken for a mistake of its clock or ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How much of a bad time one read bears."""

    attempts: int = 6            # in all, for answers that failed
    throttled: int = 30          # in all, for answers that asked for a slower pace
    base_s: float = 0.5
    cap_s: float = 30.0
    total_s: float = 300.0       # from the first attempt, waiting included


def wait_s(
    attempt: int, verdict: CallVerdict, *, patience: Patience, spent_s: float, retry_after_s: float | None, dice: Callable[[], float]
) -> float | None:
    """
    Give the seconds to step back after attempt number *attempt* (1 is the first), or None to give up.

    *dice* answers 0 to 1; half of each exponential step is jitter. What the platform asked for counts against the patience, but is not
    waited for here: the limiter, closed for that long, holds back whoever steps up again.
    """
    if verdict not in (CallVerdict.TRANSIENT, CallVerdict.ODD, CallVerdict.THROTTLED):
        return None
    most = patience.throttled if verdict is CallVerdict.THROTTLED else patience.attempts
    if attempt >= most:
        return None
    step_s = min(patience.cap_s, patience.base_s * 2.0 ** min(attempt - 1, 30))
    pause_s = step_s * (0.5 + 0.5 * dice())
    return None if spent_s + max(pause_s, retry_after_s or 0.0) > patience.total_s else pause_s


def retry_after_s(header: str | None, now: datetime, *, dated: str | None = None) -> float | None:
    """
    Read a Retry-After header, seconds or an HTTP date, as seconds from *now*; 0 to 600, None when it says nothing usable.

    A date is by the platform's clock, and so is *dated*, the Date of the same answer: between these two no clock of ours has a say.
    """
    if not header or not header.strip():
        return None
    text = header.strip()
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    seconds = float(text) if is_number else _until(text, (_moment(dated) if dated else None) or now)
    return None if seconds is None else min(max(seconds, 0.0), RETRY_AFTER_CAP_S)


def _until(text: str, now: datetime) -> float | None:
    moment = _moment(text)
    return None if moment is None else (moment - now).total_seconds()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
