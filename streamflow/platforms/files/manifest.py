"""The manifest of a snapshot: which files, how many rows, which SHA-256, whether it is the whole account. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import orjson

from streamflow.errors import ProtocolMismatch

MANIFEST = "manifest.json"
TABLES = (".csv", ".tsv", ".txt", ".xlsx")
_HEX = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a snapshot as its manifest vows it to be."""

    name: str                # relative to the folder, with /
    sha256: str              # lower case
    rows: int | None         # without header and totals row; None when not said

    @property
    def is_table(self) -> bool:
        """Say whether the file holds rows."""
        return "/" not in self.name and self.name.lower().endswith(TABLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a manifest says; *digest* names its content, so that a snapshot changed in place is another snapshot."""

    exported_at: datetime    # aware UTC
    complete: bool
    files: tuple[FileEntry, ...]
    digest: str


def parse(content: bytes, *, where: str) -> Manifest:
    """
    Read {"exported_at", "complete", "files": [{"file", "rows", "sha256"}]}.

    Raises:
        ProtocolMismatch: lists everything that is wrong; *where* names the snapshot in the message.
    """
    faults: list[str] = []
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, Mapping):
        raise _mismatch(where, ["it is not a JSON object (cut short while it was copied?)"])
    exported_at = _moment(document.get("exported_at"), faults)
    complete = document.get("complete")
    if not isinstance(complete, bool):
        faults.append("complete: expected true or false")
    files = document.get("files")
    if not isinstance(files, list):
        faults.append("files: expected a list")
        files = []
    entries = tuple(entry for number, item in enumerate(files) if (entry := _entry(item, f"files[{number}]", faults)))
    for name, times in Counter(entry.name for entry in entries).items():
        if times > 1:
            faults.append(f"files: {name!r} is named {times} times")
    if faults:
        raise _mismatch(where, faults)
    return Manifest(exported_at=exported_at, complete=bool(complete), files=entries, digest=sha256(content).hexdigest())


def is_inside(name: str) -> bool:
    """Say whether a path stays inside its folder on every system: relative, without "..", drive or backslash."""
    path = PurePosixPath(name)
    parts = name.split("/")
    return not (
        path.is_absolute() or "\\" in name or "\0" in name or PureWindowsPath(name).drive or any(part in ("", ".", "..") for part in parts)
    )


def _entry(item: Any, path: str, faults: list[str]) -> FileEntry | None:
    if not isinstance(item, Mapping) or not isinstance(item.get("file"), str):
        faults.append(f"{path}: expected an object with file, rows and sha256")
        return None
    name, digest, rows = item["file"], item.get("sha256"), item.get("rows")
    before = len(faults)
    if not is_inside(name):
        faults.append(f"{path}: {name!r} points outside the snapshot")
    if not isinstance(digest, str) or not _HEX.fullmatch(digest):
        faults.append(f"{path}.sha256: expected 64 hexadecimal digits")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 0):
        faults.append(f"{path}.rows: expected a whole number")
    return FileEntry(name=name, sha256=str(digest).lower(), rows=rows) if len(faults) == before else None


def _moment(value: Any, faults: list[str]) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        faults.append("exported_at: expected a moment such as 2026-05-11T09:00:00Z")
        return datetime.min.replace(tzinfo=UTC)


def _mismatch(where: str, faults: list[str]) -> ProtocolMismatch:
    shown = "; ".join(faults[:10]) + (f"; and {len(faults) - 10} more" if len(faults) > 10 else "")
    return ProtocolMismatch(
        f"manifest of snapshot {where} cannot be used: {shown}", platform="files",
        hint="export again into a new folder, and write the manifest last",
    )  # fmt: skip
