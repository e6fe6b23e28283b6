"""Where the run's archive keeps the bytes of a file."""

from __future__ import annotations

from hashlib import sha256

from streamflow.mapping.pair import Pair
from streamflow.model import Record

ARCHIVE = "files"         # the folder of the archive, below the state directory
LONGEST_BYTES = 200     # of a part of a path; file systems take 255, and a draft beside it has a longer name


def archive_path(record: Record, pair: Pair) -> str:
    """
    Give the path of a file below the state directory: "files/<parent>/<key>", by the shipped rows that name its parent.

    Both come from the source and may be anything: what would lead to another folder, or is too long for one, is written otherwise.
    """
    one = pair.object(record.kind)
    fields = [row.source for row in one.rows if row.transform == "parent"] if one is not None else []
    parent = next((value for field in fields if (value := record.data.get(field))), "unknown")
    return f"{ARCHIVE}/{_part(str(parent))}/{_part(record.key)}"


def _part(text: str) -> str:
    safe = text.replace("/", "%2F").replace("\0", "%00")
    if not safe.strip("."):
        safe = safe.replace(".", "%2E") or "unknown"
    return safe if len(safe.encode()) <= LONGEST_BYTES else f"~{sha256(text.encode()).hexdigest()}"
