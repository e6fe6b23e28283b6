"""
One daemon a state directory: an exclusive lock on a file in it, held as long as the process lives.

Rule: the kernel's lock decides, never the pid written in the file; a killed daemon leaves no lock behind. The file itself stays,
since removing it would let two daemons lock two different files of the same name.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streamflow.errors import DiskRefused, StoreError, is_of_the_disk

LOCK_FILE = "lock"


class DirectoryInUse(StoreError):
    """Another daemon works on this state directory; nothing is wrong with the book."""

    code = "usage"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """
    Hold the directory for this process.

    Raises:
        DirectoryInUse: another process (or another ledger of this one) holds it.
        DiskRefused: the disk is full, fails, or became read-only since a lock was first held there.
        StoreError: the lock file cannot be made.
    """
    path = directory / LOCK_FILE
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        is_new = error.errno == errno.EROFS and not path.exists()     # a disk that fails is asked nothing more
        family = DiskRefused if is_of_the_disk(error, is_new=is_new) else StoreError
        raise family(f"cannot open the lock file {path}: {error.strerror}", hint="check disk, owner and rights") from error
    try:
        _take(handle, directory)
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            hint = "free some space on the disk of the state directory, or check it"
            family = DiskRefused if is_of_the_disk(error) else StoreError
            raise family(f"cannot write the lock file {path}: {error.strerror}", hint=hint) from error
        yield
        with suppress(OSError):     # the kernel's lock goes with the handle in any case
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _take(handle: int, directory: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DirectoryInUse(
            f"another daemon (pid {_pid(handle)}) uses the state directory {directory}",
            hint="talk to that daemon with `streamflow status`, or give this one a state directory of its own",
        ) from error


def _pid(handle: int) -> int:
    text = os.pread(handle, 32, 0).strip()
    return int(text) if text.isdigit() else 0
