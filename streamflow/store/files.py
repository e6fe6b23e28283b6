"""
The ledger's file: made whole or not at all, looked at before it is trusted, brought to the present version in one step.

Rule 1: a file that is not ours, not sound or newer than this program is refused as it is, not a byte of it changed.
Rule 2: a new ledger is built beside its place and moved there when complete, so that a crash leaves either none or a whole one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

import aiosqlite
import anyio

from streamflow.errors import DiskRefused, StoreError, is_of_the_disk
from streamflow.store.connection import connect, damaged, is_malformed, refusal
from streamflow.store.queries import migrations, schema

LEDGER_FILE = "ledger.sqlite"
APPLICATION_ID = 0x5374_666C   # "Stfl", in the file's header
VERSION = 5
_MAGIC = b"SQLite format 3\0"
_LOOK = "PRAGMA quick_check(5)"


def own_directory(directory: Path, *, create: bool) -> None:
    """Make the state directory if asked to, and keep it to its owner (0700)."""
    try:
        if create:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not directory.is_dir():
            raise StoreError(f"there is no state directory {directory}", hint="check the path, or start a migration first")
        if create and directory.stat().st_mode & 0o077:
            directory.chmod(0o700)
    except OSError as error:
        family = DiskRefused if is_of_the_disk(error, is_new=True) else StoreError
        raise family(f"cannot use the state directory {directory}: {error.strerror}", hint="check disk, owner and rights") from error


def own_files(path: Path) -> None:
    """Keep the ledger's files to their owner (0600); SQLite gives its side files the rights of the main one."""
    for suffix in ("", "-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.chmod(0o600)


def own_tree(directory: Path) -> int:
    """
    Close everything in the state directory to others: folders 0700, files 0600; answers how many had to be repaired.

    Sockets keep the mode they were given, links are left alone and not followed. Raises StoreError for what cannot be repaired.
    """
    repaired, waiting = 0, [directory]
    try:
        while waiting:
            folder = waiting.pop()
            repaired += _own(folder, folder.stat().st_mode, 0o700)
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False):
                        repaired += _own(Path(entry.path), entry.stat(follow_symlinks=False).st_mode, 0o600)
    except OSError as error:
        family = DiskRefused if is_of_the_disk(error) else StoreError
        raise family(f"cannot close {error.filename} to others: {error.strerror}", hint="check disk, owner and rights") from error
    return repaired


def _own(path: Path, mode: int, wanted: int) -> bool:
    """Take every right from a file or folder that *wanted* does not give."""
    if not mode & 0o7777 & ~wanted:
        return False
    path.chmod(mode & wanted)
    return True


async def make(path: Path, *, at: str) -> None:
    """Build an empty ledger of the present version at *path*."""
    draft = path.with_name(path.name + ".new")
    try:
        for suffix in ("", "-journal", "-wal", "-shm"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)  # what a crash of an earlier attempt left
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        raw = await connect(draft, writable=True)
        try:
            await raw.executescript(f"BEGIN IMMEDIATE;\n{schema()}")
            await raw.execute_fetchall("INSERT INTO book VALUES (1, 0, 0, ?)", (at,))
            await raw.execute_fetchall(f"PRAGMA application_id = {APPLICATION_ID}")
            await raw.execute_fetchall(f"PRAGMA user_version = {VERSION}")
            await raw.execute_fetchall("COMMIT")
            await raw.execute_fetchall("PRAGMA journal_mode = WAL")
        finally:
            with anyio.CancelScope(shield=True):
                await raw.close()
        draft.rename(path)
        _sync_directory(path.parent)
    except sqlite3.Error as error:
        raise refusal(error, "cannot be made", draft) from error
    except OSError as error:
        family = DiskRefused if is_of_the_disk(error) else StoreError
        raise family(f"the ledger cannot be made: {error.strerror}", hint=f"check disk, owner and rights of {path.parent}") from error


async def examine(path: Path, *, whole: bool = True) -> int:
    """
    Look at a file through a connection that cannot write, and answer its version; at every page of it, or its head alone if not *whole*.

    Raises:
        StoreError: it is not a ledger, is damaged, or belongs to a newer streamflow.
    """
    _refuse_foreign(path)
    raw = await connect(path, writable=False)
    try:
        [(version,)] = await raw.execute_fetchall("PRAGMA user_version")
        if version > VERSION:
            raise StoreError(
                f"{path} was written by a newer streamflow (version {version} of the ledger, this one knows {VERSION})",
                hint="install the newer streamflow again; the file was not touched",
            )
        faults = await _faults(raw) if whole else []
    except sqlite3.Error as error:
        raise refusal(error, "cannot be examined", path) from error
    finally:
        with anyio.CancelScope(shield=True):
            await raw.close()
    if faults:
        raise damaged(path, f"{path} is damaged: {len(faults)} faults or more")
    return int(version)


async def migrate(raw: aiosqlite.Connection, path: Path, version: int, *, target: int, steps: Mapping[int, str]) -> None:
    """Bring the file from *version* to *target*, each step in one transaction with its new version number."""
    for reached in range(version + 1, target + 1):
        if reached not in steps:
            raise StoreError(f"the ledger is of version {version} and no way leads to {reached}", hint="a bug: a migration was not shipped")
        try:
            await raw.executescript(f"BEGIN IMMEDIATE;\n{steps[reached]}\n;PRAGMA user_version = {reached};\nCOMMIT;")
        except sqlite3.Error as error:
            with anyio.CancelScope(shield=True):
                await raw.rollback()
            raise refusal(error, f"cannot be brought to version {reached}", path) from error


async def open_sound(path: Path) -> aiosqlite.Connection:
    """Examine a ledger, open it for writing and bring it to the present version."""
    version = await examine(path)
    own_files(path)
    raw = await connect(path, writable=True)
    try:
        await migrate(raw, path, version, target=VERSION, steps=migrations())
        own_files(path)
    except BaseException:     # cancelled as well: nobody else would close it
        with anyio.CancelScope(shield=True):
            await raw.close()
        raise
    return raw


async def _faults(raw: aiosqlite.Connection) -> list[str]:
    """
    Look at every page, and answer what is wrong with the file.

    SQLite's own look ends with an error at an entry of the audit that is no JSON any more, since the columns made of it are read too. Such
    a ledger is looked at table by table, and the entry left to whoever follows the chain, who names it.
    """
    try:
        return _told(await raw.execute_fetchall(_LOOK))
    except sqlite3.OperationalError as error:
        if not is_malformed(error):
            raise
    await raw.execute_fetchall("SELECT sum(length(entry) + length(hash)) FROM audit")
    others = await raw.execute_fetchall("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'audit'")
    return [fault for (table,) in others for fault in _told(await raw.execute_fetchall(f"PRAGMA quick_check('{table}')"))]


def _told(rows: Iterable[sqlite3.Row]) -> list[str]:
    return [row[0] for row in rows if row[0] != "ok"]


def _refuse_foreign(path: Path) -> None:
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        family = DiskRefused if is_of_the_disk(error) else StoreError
        raise family(f"{path} cannot be read: {error.strerror}", hint="check disk, owner and rights") from error
    is_sqlite = len(header) == 100 and header.startswith(_MAGIC)
    if not is_sqlite or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreError(f"{path} is not a ledger of streamflow", hint="name another state directory; the file was not touched")


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
