"""How a platform says what the shared faults have it say: each has its own shapes for errors, pages and empty lists."""

from __future__ import annotations

import json
from typing import Protocol

from streamflow.sandbox.rules import Asked

Body = tuple[str, str]
"""(content type, text)."""
TITLES = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 429: "Too Many Requests",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
JSON = "application/json"


class Voice(Protocol):
    """The shapes of one platform."""

    def error(self, status: int) -> Body:
        """Give the body of a 429 or 5xx."""
        ...

    def denied(self, status: int, asked: Asked) -> Body:
        """Give the body of a refusal of key, right or plan."""
        ...

    def refusal(self, status: int, asked: Asked) -> Body:
        """Give the body of a refusal of the record in the request."""
        ...

    def error_200(self, asked: Asked) -> Body:
        """Give an error that comes with 200."""
        ...

    def empty(self, asked: Asked) -> Body:
        """Give a list without rows."""
        ...

    def page(self) -> Body:
        """Give a page for people."""
        ...


class PlainVoice:
    """JSON with a code and a message; platforms say otherwise where they do."""

    def error(self, status: int) -> Body:
        """Give {"code", "message"}."""
        return JSON, json.dumps({"code": status, "message": TITLES.get(status, "Error")})

    def denied(self, status: int, asked: Asked) -> Body:
        """Give the same as for any error."""
        return self.error(status)

    def refusal(self, status: int, asked: Asked) -> Body:
        """Give the same as for any error."""
        return self.error(status)

    def error_200(self, asked: Asked) -> Body:
        """Give {"error"}."""
        return JSON, '{"error":"Something went wrong"}'

    def empty(self, asked: Asked) -> Body:
        """Give a bare empty array."""
        return JSON, "[]"

    def page(self) -> Body:
        """Give an HTML page."""
        return "text/html", PAGE.format("Service temporarily unavailable")
