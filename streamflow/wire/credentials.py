"""Credentials that go on each request and into no log, error or repr."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeAlias, runtime_checkable

from streamflow.wire.message import Request, Response
from streamflow.wire.verdict import CallVerdict, Outcome

Judge: TypeAlias = Callable[[Outcome], CallVerdict]
Send: TypeAlias = Callable[[Request, Judge], Awaitable[Response]]


class Masked:
    """A secret text whose repr and str show nothing; whoever holds it sees a renewed one from the next request on."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself; only for putting it on the wire."""
        return self._text

    def renew(self, text: str) -> None:
        """Take another text in its place, as after a key was rotated."""
        self._text = text

    def __repr__(self) -> str:
        return "Masked(***)"

    __str__ = __repr__


class Credentials(Protocol):
    """What a session puts on each request."""

    def headers(self, auth: str | None) -> Mapping[str, str]:
        """Give the headers for the configured identity, or for *auth* where the platform can impersonate."""
        ...


@runtime_checkable
class Renewable(Credentials, Protocol):
    """
    Credentials that have to be fetched and run out; the session asks for it, one at a time.

    Before a call that finds them not ready they are renewed, and once after a read that was refused with those it carried; the read is
    then asked again. Only what is refused after that counts against the credentials.
    """

    def is_ready(self) -> bool:
        """Say whether there is something to send that is not known to have run out."""
        ...

    async def renew(self, send: Send) -> None:
        """
        Fetch anew; *send* asks like a read of the session, without credentials. What was there before is not used again.

        Raises AccessRefused where that is refused, which counts against the credentials too; PlatformUnavailable.
        """
        ...


class NoCredentials:
    """For platforms and tests that ask for none."""

    def headers(self, auth: str | None) -> Mapping[str, str]:
        return {}


class BasicCredentials:
    """HTTP Basic; *auth* replaces the username, the key stays."""

    def __init__(self, username: str, key: Masked) -> None:
        self._username = username
        self._key = key
        self._ready: dict[str, Mapping[str, str]] = {}
        self._ready_for = ""      # the key they were made with

    def headers(self, auth: str | None) -> Mapping[str, str]:
        key = self._key.reveal()
        if key != self._ready_for:
            self._ready.clear()
            self._ready_for = key
        name = auth or self._username
        found = self._ready.get(name)
        if found is None:
            token = base64.b64encode(f"{name}:{key}".encode()).decode("ascii")
            found = self._ready[name] = {"Authorization": f"Basic {token}"}
        return found

    def __repr__(self) -> str:
        return "BasicCredentials(***)"


class HeaderCredentials:
    """One secret in one header, such as `Apikey`, and under an older name of it as well where *also* is not empty."""

    def __init__(self, name: str, value: Masked, *, also: str = "") -> None:
        self._name = name
        self._also = also
        self._value = value

    def headers(self, auth: str | None) -> Mapping[str, str]:
        return {name: self._value.reveal() for name in (self._name, self._also) if name}

    def __repr__(self) -> str:
        return f"HeaderCredentials({self._name}: ***)"
