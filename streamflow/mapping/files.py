"""Where the run's archive keeps the bytes of a file."""

from __future__ import annotations

from streamflow.mapping.pair import Pair
from streamflow.model import Record


def archive_path(record: Record, pair: Pair) -> str:
    """Give the path of a file below the state directory: "files/<parent>/<key>", by the shipped rows that name its parent."""
    one = pair.object(record.kind)
    fields = [row.source for row in one.rows if row.transform == "parent"] if one is not None else []
    parent = next((value for field in fields if (value := record.data.get(field))), "unknown")
    return f"files/{parent}/{record.key}"
