"""The whole crosswalk as CSV (and JSON lines): page by page, in bounded memory, for any number of records."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

import orjson

from streamflow.model import Link
from streamflow.reports.files import replacing
from streamflow.reports.writer import ReportWriter
from streamflow.store.base import Ledger

NAME: Final = "crosswalk"
COLUMNS: Final = (
    "source_kind",
    "source_key",
    "part",
    "destination_kind",
    "destination_id",
    "relation",
    "verified",
    "phase",
    "written_at",
)
_SUMS: Final = ("lines", "ours", "matched", "merged", "verified", "differs", "unreadable", "pending")


def relation(link: Link) -> str:
    """Say how a destination record came to stand for a source record: "ours" (we created it), "merged" or "matched"."""
    return "ours" if link.ours else "merged" if link.is_merged else "matched"


def line(link: Link) -> dict[str, str]:
    """Give one line of the crosswalk by column."""
    return {
        "source_kind": link.ref.kind,
        "source_key": link.ref.key,
        "part": link.ref.part,
        "destination_kind": link.dest_kind,
        "destination_id": link.dest_id,
        "relation": relation(link),
        "verified": link.verified,
        "phase": link.phase,
        "written_at": link.written_at,
    }


async def write_crosswalk(ledger: Ledger, writer: ReportWriter, *, json_lines: Path | None = None) -> dict[str, Any]:
    """
    Write crosswalk.csv in order of source kind and key, and crosswalk.json and .html with its sums; answers the sums.

    *json_lines*: also write each line as JSON into this file. Raises StoreError when the disk refuses.
    """
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    with writer.rows(NAME, COLUMNS) as table:
        async for page in ledger.crosswalk():
            lines = [line(link) for link in page]
            table.add(lines)
            for each in lines:
                sums[f"{each['source_kind']} → {each['destination_kind']}"].update(("lines", each["relation"], each["verified"]))
        count = table.count
    if json_lines is not None:
        await write_json_lines(ledger, json_lines)
    # Objects, not a list of rows: the CSV of this report is the crosswalk itself
    by = {name: {column: found[column] for column in _SUMS} for name, found in sorted(sums.items())}
    data = {"lines": count, "file": f"{NAME}.csv", "by_kind": by}
    writer(NAME, data)
    return data


async def write_json_lines(ledger: Ledger, path: Path) -> None:
    """Write the crosswalk as JSON lines."""
    with replacing(path) as file:
        async for page in ledger.crosswalk():
            file.writelines(f"{orjson.dumps(line(link)).decode()}\n" for link in page)
