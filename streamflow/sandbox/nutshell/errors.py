"""The shapes in which Nutshell refuses: error envelopes, HTML pages, bare strings (nutshell.md 1.7)."""

from __future__ import annotations

from typing import Any

_HTML = """<!DOCTYPE html>
<html>
    <head>
        <meta charset="UTF-8" />
        <title>An Error Occurred: {title}</title>
    </head>
    <body>
        <div class="container">
            <h1>Oops! An Error Occurred</h1>
            <h2>The server returned a "{status} {title}".</h2>
        </div>
    </body>
</html>
"""
TITLES = {401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found"}
MEDIA_REFUSAL = "application/json-patch+json is required, see http://jsonapi.org"


class Refusal(Exception):
    """An answer other than success; `status` decides the shape."""

    def __init__(self, status: int, title: str = "", *, detail: str | None = None, field: str | None = None) -> None:
        super().__init__(f"{status} {title}")
        self.status = status
        self.title = title
        self.detail = detail
        self.field = field


class WrongMedia(Exception):
    """A PATCH without the JSON Patch media type: 400 with a bare JSON string."""


class RpcRefusal(Exception):
    """A JSON-RPC application error: transport 200, `error` in the body."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def not_found() -> Refusal:
    """Return the 404 of an unknown path or record (HTML)."""
    return Refusal(404, "Not Found")


def invalid(title: str, *, detail: str | None = None, field: str | None = None) -> Refusal:
    """Return a 400 with an error envelope."""
    return Refusal(400, title, detail=detail, field=field)


def error_page(status: int) -> str:
    """Return the HTML page of a 401, 403 or 404."""
    return _HTML.format(status=status, title=TITLES.get(status, "Error"))


def error_envelope(refusal: Refusal, plural: str | None, meta: dict[str, Any]) -> dict[str, Any]:
    """Return the 400 body: the empty plural array and `errors`."""
    error = {
        "id": None, "type": "errors", "code": None, "detail": refusal.detail, "href": None,
        "status": str(refusal.status), "title": refusal.title, "field": refusal.field,
    }  # fmt: skip
    body: dict[str, Any] = {"meta": meta, "links": {}}
    if plural:
        body[plural] = []
    body["errors"] = [error]
    return body
