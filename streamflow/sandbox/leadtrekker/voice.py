"""How Leadtrekker says what the shared faults have it say (leadtrekker.md 1.1, 1.2)."""

from __future__ import annotations

import json

from streamflow.sandbox.rules import Asked
from streamflow.sandbox.voice import JSON, TITLES, Body, PlainVoice


class LeadtrekkerVoice(PlainVoice):
    """{"error"} for refusals, a list under its name without rows."""

    def denied(self, status: int, asked: Asked) -> Body:
        """Give the words for a wrong key, a missing right, or a plan that has none."""
        words = {401: "Invalid API key", 402: "Your plan does not include API access", 403: "No permission for this function"}
        return JSON, json.dumps({"error": words.get(status, TITLES.get(status, "Error"))})

    def refusal(self, status: int, asked: Asked) -> Body:
        """Give the words for a record that cannot be told."""
        return JSON, '{"error":"Record could not be processed"}'

    def empty(self, asked: Asked) -> Body:
        """Give the list that the function has, empty."""
        kind = asked.path.rsplit("/", 1)[-1].removeprefix("get")
        return JSON, json.dumps({kind if kind != "lead" else "leads": []})
