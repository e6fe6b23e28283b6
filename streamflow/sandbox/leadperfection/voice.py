"""How Lead Perfection says what the shared faults have it say (lead-perfection.md 1.5): pages for server faults, lists for all else."""

from __future__ import annotations

from streamflow.sandbox.rules import Asked
from streamflow.sandbox.voice import JSON, TITLES, Body, PlainVoice

SIGN_IN = "<!DOCTYPE html><html><head><title>LeadPerfection</title></head><body><h1>Sign in</h1></body></html>"
_FAULT = "<body><h1>Server Error in '/' Application.</h1></body>"
_DENIED = '{"Message":"Authorization has been denied for this request."}'
_EXCEPTION = '{{"message":"Exception Occured","error":"{0}","status":null}}'


class LeadPerfectionVoice(PlainVoice):
    """The vendor's error page, its exception object, and bare lists."""

    def error(self, status: int) -> Body:
        """Give the page of a web server that fails."""
        title = {429: "Too Many Requests", 503: "Service Unavailable"}.get(status, "Runtime Error")
        return "text/html", f"<!DOCTYPE html><html><head><title>{title}</title></head>{_FAULT}</html>"

    def denied(self, status: int, asked: Asked) -> Body:
        """Give the words for a bad token or a missing right."""
        return (JSON, _DENIED) if status in (401, 403) else (JSON, f'{{"Message":"{TITLES.get(status, "Error")}"}}')

    def refusal(self, status: int, asked: Asked) -> Body:
        """Give the exception of a row that cannot be converted."""
        return JSON, _EXCEPTION.format("Conversion failed when converting the row.")

    def error_200(self, asked: Asked) -> Body:
        """Give the exception object."""
        return JSON, _EXCEPTION.format("Timeout expired.")

    def page(self) -> Body:
        """Give the sign-in page."""
        return "text/html", SIGN_IN
