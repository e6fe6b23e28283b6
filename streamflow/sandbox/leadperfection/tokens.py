"""Tokens: given for a user's credentials, good for a time, and only at the host that gave them (lead-perfection.md 1.2)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What `/token` wants beside grant_type=password."""

    username: str = "migration"
    password: str = field(default="sandbox-lp-password", repr=False)
    clientid: str = "sunroof"
    appkey: str = field(default="6f1c0d9e-0000-4000-8000-5a4db0c5a4db", repr=False)


class Tokens:
    """The tokens a server gave; each knows its host and its last second."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.given = 0
        self._good: dict[str, tuple[str, float]] = {}

    def issue(self, form: Mapping[str, str], *, host: str, now: float, lifetime_s: float) -> str | None:
        """Give a new token for right credentials, else None."""
        wanted = {
            "username": self.credentials.username, "password": self.credentials.password, "clientid": self.credentials.clientid,
            "appkey": self.credentials.appkey, "grant_type": "password",
        }  # fmt: skip
        if any(form.get(name) != value for name, value in wanted.items()):
            return None
        self.given += 1
        token = secrets.token_urlsafe(24)
        self._good[token] = (host, now + lifetime_s)
        return token

    def is_good(self, authorization: str, *, host: str, now: float) -> bool:
        """Say whether a request to *host* at Unix second *now* may pass."""
        kind, _, token = authorization.partition(" ")
        known = self._good.get(token.strip())
        return kind.lower() == "bearer" and known is not None and known[0] == host and now < known[1]

    def revoke(self) -> int:
        """Let every token be bad from now on; give how many those were."""
        count = len(self._good)
        self._good.clear()
        return count


def reply(token: str, *, lifetime_s: float, form: str, has_type: bool) -> dict[str, Any]:
    """Give the body of `/token`; *form* says how, or whether, it tells the lifetime."""
    body: dict[str, Any] = {"access_token": token, **({"token_type": "bearer"} if has_type else {})}
    if form != "absent":
        body["expires_in"] = int(lifetime_s) if form == "number" else str(int(lifetime_s))
    return body
