"""Pages: StartIndex as number of a page or of a row, and the ways in which a page comes back empty (lead-perfection.md 1.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from streamflow.sandbox.leadperfection.forms import Form, HandlerFault
from streamflow.sandbox.lying import cut

T = TypeVar("T")
_RELIABLE_SIZE = 50


def page(rows: Sequence[T], form: Form, method: str, switches: Mapping[str, Any]) -> Sequence[T]:
    """
    Cut the page a form asks for; numbering begins at 1.

    Raises:
        HandlerFault: PageSize or StartIndex is missing under the switch, or is no number.
    """
    if switches["paging_required"] == "exception" and not (form.has("PageSize") and form.has("StartIndex")):
        raise HandlerFault("Procedure or function expects parameter '@PageSize', which was not supplied.")
    size, index = form.whole("PageSize", 10), form.whole("StartIndex", 1)
    if size < 1 or index < 1:
        return []
    start = index - 1 if mode_of(method, switches) == "row" else (index - 1) * size
    deep, largest = switches["deep_rows"], switches["page_size_max"]
    if (largest is not None and size > largest) or (deep is not None and size > _RELIABLE_SIZE and start >= deep):
        return []
    start, size = cut(start, size, lambda: len(rows))
    return rows[start : start + size]


def mode_of(method: str, switches: Mapping[str, Any]) -> str:
    """Give what StartIndex counts for a method: page or row."""
    modes = switches["start_index"]
    return str(modes.get(method, "page") if isinstance(modes, dict) else modes)
