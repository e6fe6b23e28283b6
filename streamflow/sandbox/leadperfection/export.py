"""Export snapshots: a folder of report files, all fields quoted, and a manifest, last (lead-perfection.md 3.1).

`python -m streamflow.sandbox.leadperfection.export --records 1000 --out DIR` writes one of a generated account.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from streamflow.sandbox.leadperfection import extract as tables
from streamflow.sandbox.leadperfection.account import Account
from streamflow.sandbox.leadperfection.reports import REPORTS
from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.snapshot_folder import folder_name, sha256_of, write_manifest

Names = Literal["vendor", "report"]
Encoding = Literal["utf-8", "utf-8-sig", "cp1252"]


def write_snapshot(
    state: State, inbox: Path, *, stamp: datetime, taken_at: datetime, complete: bool = True, names: Names = "vendor",
    extract: bool = False, encoding: Encoding = "utf-8",
) -> Path:  # fmt: skip
    """
    Write one snapshot into *inbox*/<UTC stamp>/ and give that folder; its manifest appears last and whole.

    Args:
        state: Read once for each file; must stay as it is meanwhile.
        stamp: Moment of the export, aware UTC. Names the folder as YYYYMMDDTHHMMSSZ.
        taken_at: The same on the tenant's wall clock; stands on every row, and in the vendor's names of files.
        complete: What the manifest says; nothing is left out either way.
        names: `vendor`: "_260807150010_Export.csv", told apart by their headers alone; `report`: "133_Job_Status.csv".
        extract: Write the tables of a full extract too (extract.py), for which a vendor would have to be asked.
        encoding: Of all tables; cp1252 turns what it has no letter for into question marks.

    The manifest is {"exported_at", "complete", "files": [{"file", "rows", "sha256", "report"}]}; `report` is the number,
    or null for a table of the extract.

    Raises:
        FileExistsError: there is a snapshot of that second already.
        ValueError: *names* or *encoding* is none of those.
    """
    for what, value, known in (("names", names, get_args(Names)), ("encoding", encoding, get_args(Encoding))):
        if value not in known:
            raise ValueError(f"{what} must be one of {', '.join(known)}, not {value!r}")
    target = inbox / folder_name(stamp)
    target.mkdir(parents=True, exist_ok=False)
    files = []
    for place, report in enumerate(REPORTS):
        mailed = taken_at + timedelta(seconds=place)
        name = f"_{mailed:%y%m%d%H%M%S}_Export.csv" if names == "vendor" else f"{report.number}_{report.name.replace(' ', '_')}.csv"
        rows = report.rows(state, taken_at)
        files.append({**_write(target / name, report.columns, rows, encoding), "report": report.number})
    for kind, columns in tables.COLUMNS.items() if extract else ():
        files.append({**_write(target / f"{kind}.csv", columns, tables.rows(state, kind), encoding), "report": None})
    write_manifest(target, {"exported_at": f"{stamp:%Y-%m-%dT%H:%M:%SZ}", "complete": complete, "files": files})
    return target


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]], encoding: Encoding) -> dict[str, Any]:
    count = 0
    with path.open("w", encoding=encoding, errors="replace" if encoding == "cp1252" else "strict", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_text(row.get(column, "")) for column in columns])
            count += 1
    return {"file": path.name, "rows": count, "sha256": sha256_of(path)}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def main(arguments: list[str] | None = None) -> int:
    """Write one snapshot of a generated account and print its folder."""
    parser = argparse.ArgumentParser(prog="python -m streamflow.sandbox.leadperfection.export", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--timezone", default="America/New_York")
    parser.add_argument("--now", type=datetime.fromisoformat, help="wall clock end of the account's two years; by default, now")
    parser.add_argument("--out", type=Path, required=True, help="the inbox; the snapshot is a folder in it")
    parser.add_argument("--incomplete", action="store_true", help="let the manifest say complete: false")
    parser.add_argument("--names", choices=get_args(Names), default="vendor")
    parser.add_argument("--encoding", choices=get_args(Encoding), default="utf-8")
    parser.add_argument("--extract", action="store_true", help="write the tables of a full extract too")
    given = parser.parse_args(arguments)
    zone = ZoneInfo(given.timezone)
    now = given.now or datetime.now(zone).replace(tzinfo=None)
    state = State(Account(seed=given.seed, records=given.records, now=now), zone=zone)
    folder = write_snapshot(
        state, given.out, stamp=now.replace(tzinfo=zone).astimezone(UTC), taken_at=now, complete=not given.incomplete,
        names=given.names, extract=given.extract, encoding=given.encoding,
    )  # fmt: skip
    print(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
