"""
The command line of streamflow beneath Debian's libfaketime: FILE holds how far ahead the machine's clocks are, by what the C library says.

MODE says which clocks that are: `wall` alone, as an administrator or a time server sets it; `all` of them, as where a virtual machine stood
still and its host's clocks went on. They only go ahead then: a monotonic clock does not go back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

WALL, ALL = "wall", "all"
_WAIT = b"\0pthread_cond_timedwait\0"


def put_ahead(file: Path, seconds: int) -> None:
    """Set the clocks of whoever goes by *file*, at once and whole: it may be looked at any moment."""
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(f"{seconds:+d}\n", encoding="ascii")
    beside.replace(file)


def library() -> Path:
    """Find the library that tells other times."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    assert found, "no libfaketime on this machine: apt-get install --no-install-recommends libfaketime"
    return found[0]


def by_file(file: Path, mode: str) -> Mapping[str, str]:
    """Give the environment in which a program goes by *file*; times of files are left alone, as a step leaves them."""
    faked = {"LD_PRELOAD": str(library()), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1"}
    if mode == ALL:
        return faked
    return {**faked, "LD_PRELOAD": str(_with_real_waits(file)), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _with_real_waits(file: Path) -> Path:
    """
    Copy the library, its wait for a condition under a name that nobody asks for; gives the copy.

    Where the monotonic clock is left alone it takes (0.9.10) the end of each such wait for long past: whoever waits for the interpreter's
    lock asks for it again at once and without end, and a daemon with a thread for its ledger is ten times as slow.
    """
    content = library().read_bytes()
    assert _WAIT in content, "another libfaketime than the one that is known here: see whether it can be left as it is"
    copy = file.with_name(f"{file.name}.so")
    copy.write_bytes(content.replace(_WAIT, _WAIT.replace(b"wait\0", b"-not\0"), 1))     # the first is the name that others look up
    return copy


if __name__ == "__main__":
    os.execve(  # noqa: S606  # itself, in another environment
        sys.executable, [sys.executable, "-m", "streamflow.cli", *sys.argv[3:]], {**os.environ, **by_file(Path(sys.argv[1]), sys.argv[2])},
    )
