"""Which addresses a session may call: the configured origins and nothing else, paging links included."""

from __future__ import annotations

from collections.abc import Sequence

from yarl import URL

from streamflow.errors import ConfigError, ProtocolMismatch
from streamflow.wire.message import Request


class AddressBook:
    """Builds the address of a request below the base address, or checks the whole URL it brings."""

    def __init__(self, platform: str, base_url: str, also: Sequence[str] = ()) -> None:
        self._platform = platform
        try:
            self._base = URL(base_url)
            self._origins = {self._base.origin(), *(URL(other).origin() for other in also)}
        except (ValueError, TypeError) as error:
            raise ConfigError([f"{platform}: the base address is not an absolute http(s) URL"]) from error
        if self._base.scheme not in ("http", "https") or self._base.user is not None:
            raise ConfigError([f"{platform}: the base address must be http(s) and carry no credentials"])
        self._prefix = self._base.raw_path.rstrip("/")
        self._fixed: dict[str, URL] = {}     # of paths without ids, asked for again and again

    def url(self, request: Request) -> URL:
        """Give where to send the request. Raises ProtocolMismatch for an address that was not configured."""
        if "://" in request.path or request.path.startswith("//"):
            url = self._checked(request.path)
        else:
            url = self._fixed.get(request.path) or self._below(request)
        return url.update_query(list(request.query)) if request.query else url

    def _below(self, request: Request) -> URL:
        url = self._base.with_path(f"{self._prefix}/{request.path.lstrip('/')}")
        if not f"{url.raw_path}/".startswith(f"{self._prefix}/"):
            raise ProtocolMismatch("an address leads out of the configured one", platform=self._platform)
        if request.path == request.endpoint:
            self._fixed[request.path] = url
        return url

    def _checked(self, text: str) -> URL:
        try:
            url = URL(text)
            allowed = url.origin() in self._origins and url.user is None
        except ValueError:
            allowed = False
        if not allowed:
            raise ProtocolMismatch(
                "an answer points to another host; the link was not followed", platform=self._platform,
                hint="paging links must stay on the configured address",
            )  # fmt: skip
        return url.with_fragment(None)
