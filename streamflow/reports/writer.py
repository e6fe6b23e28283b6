"""
Writes reports: JSON is the truth, HTML is for people, CSV for rows.

Rule: a report is a picture of one moment and may be written again at any time; the last one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from streamflow.clock import Clock, iso
from streamflow.errors import InvariantBroken
from streamflow.reports.about import about
from streamflow.reports.document import pieces, plain
from streamflow.reports.files import private_folder, replacing
from streamflow.reports.layout import row_lists
from streamflow.reports.page import index_page, report_page
from streamflow.reports.tables import Table, columns_of

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,80}")
_AT: Final = re.compile(rb'"generated_at":\s*"([^"]+)"')
_HEAD_BYTES: Final = 4096
_INDEX: Final = "index"
TABLES: Final = "tables"  # folder of the further tables of a report


class ReportWriter:
    """
    Writes the reports of one migration into one folder (0700, files 0600, each replaced as a whole).

    The first list of rows of a report (or the one its texts name) becomes <name>.csv, further ones tables/<name>.<path>.csv.
    Raises StoreError when the disk refuses.
    """

    def __init__(self, folder: Path, migration_name: str, clock: Clock) -> None:
        self._folder = folder
        self._migration = migration_name
        self._clock = clock

    @property
    def folder(self) -> Path:
        """Where the reports are."""
        return self._folder

    def __call__(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a report under *name* (lower case, digits, hyphens) and renew the index."""
        if not _NAME.fullmatch(name) or name == _INDEX:
            raise InvariantBroken(f"{name!r} cannot be the name of a report", hint="a bug: lower case, digits and hyphens only")
        at = iso(self._clock.now())
        data = plain(data)  # pages and tables show exactly what the JSON says
        private_folder(self._folder)
        tables = self._tables(name, data)
        page = report_page(name, about(name), data, migration=self._migration, generated_at=at, tables=tables)
        self._put(f"{name}.html", page)
        with replacing(self._folder / f"{name}.json") as file:
            file.writelines(pieces({"report": name, "migration": self._migration, "generated_at": at, "data": data}))
        self._index(at)

    @contextmanager
    def rows(self, name: str, columns: Sequence[str]) -> Iterator[Table]:
        """Open <name>.csv for more rows than should be held at once; it appears when the block ends well."""
        private_folder(self._folder)
        with replacing(self._folder / f"{name}.csv") as file:
            yield Table(file, columns)

    def listing(self) -> list[dict[str, Any]]:
        """Give all reports as {"name", "title", "json", "html", "csv", "at"}, paths as text or None, in the order of the index."""
        found = [path for path in self._folder.glob("*.json") if _NAME.fullmatch(path.stem)] if self._folder.is_dir() else []
        found.sort(key=lambda path: (about(path.stem).order, path.stem))
        return [
            {
                "name": path.stem,
                "title": about(path.stem).title,
                "json": str(path),
                "html": _there(path.with_suffix(".html")),
                "csv": _there(path.with_suffix(".csv")),
                "at": _written_at(path),
            }
            for path in found
        ]

    def _tables(self, name: str, data: Mapping[str, Any]) -> dict[str, str]:
        """Write every list of rows as CSV; answers path → file."""
        lists = dict(row_lists(data))
        wanted = about(name).main or "rows"
        main = wanted if wanted in lists else next(iter(lists), "")
        files: dict[str, str] = {}
        for path, rows in lists.items():
            if path != main and not rows:
                (self._folder / TABLES / f"{name}.{_safe(path)}.csv").unlink(missing_ok=True)  # of an earlier moment
                continue
            file = f"{name}.csv" if path == main else f"{TABLES}/{name}.{_safe(path)}.csv"
            if path != main:
                private_folder(self._folder / TABLES)
            with replacing(self._folder / file) as opened:
                Table(opened, columns_of(rows)).add(rows)
            files[path] = file
        return files

    def _index(self, at: str) -> None:
        listed = [
            {
                **report,
                "intro": about(report["name"]).intro,
                **{form: Path(report[form]).name if report[form] else None for form in ("json", "html", "csv")},
            }
            for report in self.listing()
        ]
        self._put(f"{_INDEX}.html", index_page(listed, migration=self._migration, generated_at=at))

    def _put(self, file: str, text: str) -> None:
        with replacing(self._folder / file) as opened:
            opened.write(text)


def _safe(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", path)[:80]


def _there(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def _written_at(path: Path) -> str:
    with path.open("rb") as file:
        found = _AT.search(file.read(_HEAD_BYTES))
    return found[1].decode() if found else ""
