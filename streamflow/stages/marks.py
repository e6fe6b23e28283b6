"""How a destination record is known for one that a write of ours made."""

from __future__ import annotations

from streamflow.mapping.items import is_blank
from streamflow.mapping.marker import FIELD, marker_in
from streamflow.model import Fields


def carries_marker(fields: Fields, marker: str) -> bool:
    """Say whether a destination record carries exactly this marker, in its id field or as the last line of its text."""
    if fields.get(FIELD) == marker:
        return True
    for name in ("body", "description"):
        text = fields.get(name)
        if isinstance(text, str) and text.rstrip().rsplit("\n", 1)[-1].strip() == marker:
            return True
    return False


def bears_marker(fields: Fields) -> bool:
    """Say whether a destination record carries the marker of any source record, read with its custom fields."""
    texts = [fields.get(name) for name in ("body", "description")]
    return not is_blank(fields.get(FIELD)) or any(isinstance(text, str) and marker_in(text) is not None for text in texts)
