"""The files of records in snapshots: `attachments/<key of the record>/<name>`, listed in order and copied with their hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamflow.platforms.files.inbox import Snapshot, sha256_of

FOLDER = "attachments"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One file: *path* is relative to the snapshot and the same in every snapshot, so its hash is a lasting id."""

    id: str
    owner: str       # the key of the record, as the folder is called
    name: str
    path: str
    size_bytes: int
    sha256: str


def has_attachments(snapshot: Snapshot) -> bool:
    """Say whether the snapshot brought files at all."""
    return (snapshot.folder / FOLDER).is_dir()


def list_paths(snapshot: Snapshot) -> list[str]:
    """Give the relative paths of all files, in order; no links, nothing hidden. Raises ProtocolMismatch for names that are no text."""
    found: list[str] = []
    for owner in sorted(entry.name for entry in os.scandir(snapshot.folder / FOLDER) if entry.is_dir(follow_symlinks=False)):
        names = sorted(
            entry.name for entry in os.scandir(snapshot.folder / FOLDER / owner)
            if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
        )  # fmt: skip
        found += [f"{FOLDER}/{owner}/{name}" for name in names]
    odd = sum(not _is_text(path) for path in found)
    if odd:
        raise snapshot.fault(f"{odd} attachments have names that are not UTF-8", "rename them")
    return found


def read(snapshot: Snapshot, paths: list[str]) -> Iterator[Attachment]:
    """Look at some files: size and hash. Raises ProtocolMismatch when the manifest vowed another hash."""
    vowed = {entry.name: entry.sha256 for entry in snapshot.manifest.files if not entry.is_table}
    for path in paths:
        file = snapshot.folder / path
        digest = sha256_of(file)
        if vowed.get(path, digest) != digest:
            raise snapshot.fault(f"{path} is not what the manifest says (SHA-256 differs)", "it was cut or changed: copy it again")
        _, owner, name = path.split("/", 2)
        yield Attachment(
            id=hashlib.sha256(path.encode()).hexdigest()[:32], owner=owner, name=name, path=path,
            size_bytes=file.stat().st_size, sha256=digest,
        )  # fmt: skip


def _is_text(path: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in path)


def copy(source: Path, target: Path) -> str:
    """Copy a file, whole or not at all, and give the SHA-256 of what was written; the target's folder is made."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(f".{target.name}.part")
    digest = hashlib.sha256()
    with source.open("rb") as reader, part.open("wb") as writer:
        os.fchmod(writer.fileno(), 0o600)
        while piece := reader.read(CHUNK_BYTES):
            digest.update(piece)
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
    part.replace(target)
    return digest.hexdigest()
