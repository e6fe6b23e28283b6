"""How a destination record is known for one that a write of ours made."""

from __future__ import annotations

from streamflow.model import Fields


def carries_marker(fields: Fields, marker: str) -> bool:
    """Say whether a destination record carries exactly this marker, in its id field or as the last line of its text."""
    if fields.get("custom:Streamflow ID") == marker:
        return True
    for name in ("body", "description"):
        text = fields.get(name)
        if isinstance(text, str) and text.rstrip().rsplit("\n", 1)[-1].strip() == marker:
            return True
    return False
