"""Recognising our own records: the field "Streamflow ID", or the last line of a text (nutshell.md 5.3)."""

from __future__ import annotations

import html
from typing import Any

from streamflow.model import Fields

MARKER_FIELD = "Streamflow ID"
TEXT_FIELD = {"notes": "body", "activities": "description", "tasks": "description"}


def carries(kind: str, fields: Fields, marker: str) -> bool:
    """Say whether a record read back carries exactly this marker."""
    if kind in TEXT_FIELD:
        return last_line(fields.get(TEXT_FIELD[kind])) in (marker.strip(), f"[sf:{marker.strip()}]")
    return str(fields.get(f"custom:{MARKER_FIELD}") or "").strip() == marker


def last_line(text: Any) -> str:
    """Give the last line that is not blank, as people see it."""
    lines = html.unescape(str(text or "")).replace("\r", "\n").strip().split("\n")
    return lines[-1].strip()
