"""Folders of export snapshots: hashes, names that fit, and the manifest that appears last and whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_path(folder: Path, name: str) -> Path:
    """Give a path for *name* in *folder* that is not taken; signs that cannot be in a name become "_"."""
    safe = "".join("_" if sign in '/\\\0' or sign < " " else sign for sign in name)
    path = folder / (safe if safe.strip(". ") else "_")
    stem, suffix = path.stem, path.suffix
    number = 2
    while path.exists():
        path = folder / f"{stem} ({number}){suffix}"
        number += 1
    return path


def write_manifest(target: Path, manifest: Mapping[str, Any]) -> None:
    """Write manifest.json into *target*; a reader that looks at any moment sees all of it or nothing."""
    part = target / ".manifest.json.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target / "manifest.json")


def free_stamp(inbox: Path, moment: datetime) -> datetime:
    """Give *moment*, aware UTC, or the next second for which *inbox* holds no snapshot."""
    stamp = moment.replace(microsecond=0)
    while (inbox / folder_name(stamp)).exists():
        stamp += timedelta(seconds=1)
    return stamp


def folder_name(stamp: datetime) -> str:
    """Give the name of the folder of a snapshot taken at *stamp*, aware UTC."""
    return f"{stamp:%Y%m%dT%H%M%SZ}"
