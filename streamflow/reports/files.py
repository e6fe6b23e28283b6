"""Report files: private to the account the daemon runs under, and whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from streamflow.errors import DiskRefused, StoreError, is_of_the_disk

REPORTS = "reports"     # their folder, below the state directory
FOLDER_MODE = 0o700
FILE_MODE = 0o600


def private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter. Raises StoreError."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        path.chmod(FOLDER_MODE)
    except OSError as error:
        raise _refused(path, error) from error


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """
    Open a text file that takes the place of *path* when the block ends well; when it does not, what was there stays.

    A line end is written as given. Raises StoreError when the disk refuses.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, FILE_MODE)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(handle, FILE_MODE)  # a leftover of an interrupted run keeps its mode when opened again
            yield file
            file.flush()
            os.fsync(handle)
        draft.replace(path)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> StoreError:
    family = DiskRefused if is_of_the_disk(error) else StoreError
    return family(
        f"cannot write the report {path.name}: {error.strerror}", hint="look at the disk space and the rights of the state directory"
    )
