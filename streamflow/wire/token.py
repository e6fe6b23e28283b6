"""A bearer token that is had for a user's name and password and lives for some hours: OAuth's password grant, with what platforms add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from streamflow.clock import Clock
from streamflow.wire.body import Unfit, parse_json
from streamflow.wire.credentials import Masked, Send
from streamflow.wire.message import Request, Response
from streamflow.wire.verdict import CallVerdict, Outcome, judge_read

FORM = "application/x-www-form-urlencoded"


class PasswordToken:
    """
    Fetches its token from one address and is for the session of that host alone (lead-perfection.md 1.2).

    A token is renewed before it runs out: after what the answer says, never more than *cap_s* after it came, and *unsaid_s* where the
    answer says nothing. There is no refresh token; the credentials are posted again. An answer without a token refuses the credentials,
    unless it *passes*: what the platform says of itself, and of nobody's credentials, is asked again.
    """

    def __init__(
        self, url: str, form: Mapping[str, str | Masked], *, clock: Clock, cap_s: float = 82_800.0, unsaid_s: float = 3_600.0,
        early_s: float = 60.0, passes: Callable[[Response], bool] = lambda response: False,
    ) -> None:  # fmt: skip
        self._url = url
        self._form = form
        self._clock = clock
        self._cap_s = cap_s
        self._unsaid_s = unsaid_s
        self._early_s = early_s
        self._passes = passes
        self._token: Masked | None = None
        self._until = 0.0      # monotonic

    def headers(self, auth: str | None) -> Mapping[str, str]:
        return {} if self._token is None else {"Authorization": f"Bearer {self._token.reveal()}"}

    def is_ready(self) -> bool:
        return self._token is not None and self._clock.monotonic() < self._until

    async def renew(self, send: Send) -> None:
        self._token = None
        plain = {name: value.reveal() if isinstance(value, Masked) else value for name, value in self._form.items()}
        asked_at = self._clock.monotonic()
        response = await send(Request(
            method="POST", path=self._url, endpoint="token", body=urlencode(plain).encode("ascii"), content_type=FORM, expects="any",
        ), self._judge)  # fmt: skip
        given = _object(response) or {}
        self._token = Masked(str(given["access_token"]))
        lifetime_s = min(lifetime(given.get("expires_in"), unsaid_s=self._unsaid_s), self._cap_s)
        self._until = asked_at + max(lifetime_s - self._early_s, lifetime_s / 2)

    def _judge(self, outcome: Outcome) -> CallVerdict:
        verdict, response = judge_token(outcome), outcome.response
        if verdict is CallVerdict.AUTH and response is not None and 200 <= response.status < 300 and self._passes(response):
            return CallVerdict.TRANSIENT
        return verdict

    def __repr__(self) -> str:
        return "PasswordToken(***)"


def judge_token(outcome: Outcome) -> CallVerdict:
    """
    Say what an answer to a request for a token means.

    No answer, a page that is no JSON and trouble of the server are passing; every other answer without a token refuses the credentials.
    """
    verdict = judge_read(outcome)
    if outcome.response is None or outcome.failure is not None or verdict in (CallVerdict.TRANSIENT, CallVerdict.THROTTLED):
        return verdict
    given = _object(outcome.response)
    if verdict is CallVerdict.OK and given is None:
        return CallVerdict.TRANSIENT
    has_token = given is not None and isinstance(given.get("access_token"), str) and bool(given["access_token"])
    return CallVerdict.OK if verdict is CallVerdict.OK and has_token else CallVerdict.AUTH


def lifetime(told: Any, *, unsaid_s: float) -> float:
    """Give the seconds a token lives by its `expires_in`, a number or its text; *unsaid_s* where that says nothing usable."""
    try:
        seconds = float(told)
    except (TypeError, ValueError):
        return unsaid_s
    return seconds if 0 < seconds < float("inf") else unsaid_s


def _object(response: Response) -> Mapping[str, Any] | None:
    try:
        data = response.data if response.is_json else parse_json(response.body)
    except (orjson.JSONDecodeError, Unfit):
        return None
    return data if isinstance(data, Mapping) else None
