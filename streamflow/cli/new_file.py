"""Files that a command leaves behind: private from their first moment, and never in the place of another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamflow.errors import UsageError

_ANOTHER, _ELSEWHERE = "name another file", "name a file in a folder that you can write"


@contextmanager
def new_file(path: Path, *, another: str = _ANOTHER, hint: str = _ELSEWHERE) -> Iterator[int]:
    """
    Give the descriptor of a file that was not there; one that does not become whole is removed again.

    Raises UsageError where there is one already (with the hint *another*), and where it cannot be made or filled (*hint*).
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)     # a link is not followed either
        try:
            yield descriptor
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise UsageError(f"{path} exists already and was not touched", hint=another) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint=hint) from error


def write_new(path: Path, text: str, *, another: str = _ANOTHER, hint: str = _ELSEWHERE) -> None:
    """Write a text to a file that was not there, its line ends as they are; raises what `new_file` does."""
    with new_file(path, another=another, hint=hint) as descriptor, os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
