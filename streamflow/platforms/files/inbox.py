"""
The folder into which snapshots are put: `inbox/<UTC stamp>/` with tables, attachments and a manifest that comes last.

Rules. A folder without a manifest is still being written and is left alone. The newest complete snapshot is the truth of a sweep; one that
says it is not complete proves nothing and is only mentioned. A newest snapshot that is damaged is an error: an older one is not taken in
its place without anybody noticing. Everything here blocks; callers use a thread.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from streamflow.errors import PlatformUnavailable, ProtocolMismatch
from streamflow.platforms.files.manifest import MANIFEST, FileEntry, Manifest, parse

_COPY_AGAIN = "it was cut or changed: copy it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One export; *id* changes when its content does, and holds no slash."""

    id: str
    folder: Path
    manifest: Manifest

    def tables(self, globs: tuple[str, ...]) -> tuple[FileEntry, ...]:
        """Give the table files that match, in order of name; case does not matter."""
        chosen = [
            entry for entry in self.manifest.files
            if entry.is_table and any(fnmatchcase(entry.name.lower(), glob.lower()) for glob in globs)
        ]  # fmt: skip
        return tuple(sorted(chosen, key=lambda entry: entry.name))

    def path(self, entry: FileEntry) -> Path:
        """Give where the file is. Raises ProtocolMismatch when it is not there or a link leads out of the folder."""
        path = self.folder / entry.name
        if not path.is_file():
            raise self.fault(f"{entry.name} is in the manifest and not in the folder", "copy the whole export again")
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise self.fault(f"{entry.name} leads out of the folder", "put the file itself there, not a link")
        return path

    def fault(self, what: str, hint: str) -> ProtocolMismatch:
        """Give the error for something that is wrong with this snapshot."""
        return ProtocolMismatch(f"snapshot {self.folder.name}: {what}", platform="files", hint=hint)


class Inbox:
    """Finds snapshots and proves that they are whole; remembers what it has read and proved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifests: dict[str, tuple[tuple[int, int], Manifest]] = {}
        self._proved: set[str] = set()
        self.notices: tuple[str, ...] = ()

    def complete(self) -> list[Snapshot]:
        """
        Give all complete snapshots, newest first; what was left aside is said in `notices`.

        Raises:
            PlatformUnavailable: there is no such folder.
            ProtocolMismatch: the newest manifest cannot be used.
        """
        if not self.folder.is_dir():
            raise PlatformUnavailable("the inbox folder does not exist", platform="files", hint="create it, or correct source.inbox")
        found: list[Snapshot] = []
        broken: list[tuple[str, ProtocolMismatch]] = []
        notices: list[str] = []
        for folder in sorted(path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))):
            try:
                manifest = self._manifest(folder)
            except ProtocolMismatch as error:
                broken.append((folder.name, error))
                continue
            if manifest is None:
                notices.append(f"{folder.name}: no {MANIFEST} yet, so it is not read")
            elif not manifest.complete:
                notices.append(f"{folder.name}: its manifest says that it is not complete, so it is not read")
            else:
                found.append(Snapshot(id=f"{folder.name}-{manifest.digest[:12]}", folder=folder, manifest=manifest))
        self._manifests = {name: held for name, held in self._manifests.items() if (self.folder / name).is_dir()}
        found.sort(key=lambda snapshot: (snapshot.manifest.exported_at, snapshot.folder.name), reverse=True)
        for name, fault in broken:
            if not found or name > found[0].folder.name:
                raise fault
            notices.append(f"{name}: its manifest cannot be used; a newer snapshot is there")
        self.notices = tuple(notices)
        return found

    def prove(self, snapshot: Snapshot) -> None:
        """
        See that every file is there and every table is, byte for byte, what the manifest says. Once for each snapshot.

        Attachments are proved when they are read, since that costs as much. Raises ProtocolMismatch.
        """
        if snapshot.id in self._proved:
            return
        for entry in snapshot.manifest.files:
            path = snapshot.path(entry)
            if entry.is_table and sha256_of(path) != entry.sha256:
                raise snapshot.fault(f"{entry.name} is not what the manifest says (SHA-256 differs)", _COPY_AGAIN)
        self._proved.add(snapshot.id)

    def _manifest(self, folder: Path) -> Manifest | None:
        path = folder / MANIFEST
        try:
            state = path.stat()
        except FileNotFoundError:
            return None
        mark = (state.st_mtime_ns, state.st_size)
        known = self._manifests.get(folder.name)
        if known is None or known[0] != mark:
            known = (mark, parse(path.read_bytes(), where=folder.name))
            self._manifests[folder.name] = known
        return known[1]


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
