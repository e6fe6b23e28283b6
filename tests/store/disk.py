"""
A disk that fails on order: SQLite's own file layer of this process, with a fault in its writing.

What it answers while failing is what the real layer answers for the same trouble of the disk. As a program
(`python -m tests.store.disk FILE ARGS…`) it is the command line of streamflow on such a disk, which the word in FILE makes fail.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from .layer import Layer, Really

FULL, IO_WRITE, IO_SYNC, IO_TRUNCATE = 13, 10 | 3 << 8, 10 | 4 << 8, 10 | 6 << 8
WORDS = ("full", "write", "sync", "torn", "kill")
"""How it fails: no room, an error of writing, one of syncing, half a write and then an error, half a write and then the end."""


class Disk(Layer):
    """The file layer of this process; *how* is asked of each operation ("write", "cut" or "sync") in what way it fails, "" for not."""

    def __init__(self, how: Callable[[str], str]) -> None:
        super().__init__()
        self._how = how

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._how = lambda _: ""     # files that are still open are served

    def writing(self, really: Really, file: int, data: int, size: int, at: int) -> int:
        how = self._how("write")
        if how in ("torn", "kill"):
            really(file, data, size // 2, at)
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
        return {"full": FULL, "write": IO_WRITE, "torn": IO_WRITE}.get(how) or really(file, data, size, at)

    def cutting(self, really: Really, file: int, size: int) -> int:
        return IO_TRUNCATE if self._how("cut") == "write" else really(file, size)

    def syncing(self, really: Really, file: int, flags: int) -> int:
        return IO_SYNC if self._how("sync") == "sync" else really(file, flags)


class Nth:
    """Fails, in the way of *word*, the operation with this number (from 1) of those that it concerns, and all after it if *for_good*."""

    def __init__(self, word: str, number: int, *, for_good: bool) -> None:
        self._word, self._number, self._for_good = word, number, for_good
        self._concerns = {"sync": ("sync",), "write": ("write", "cut")}.get(word, ("write",))
        self.count = 0

    def __call__(self, operation: str) -> str:
        self.count += operation in self._concerns
        is_hit = self.count >= self._number if self._for_good else self.count == self._number
        return self._word if is_hit and operation in self._concerns else ""

    @property
    def was_reached(self) -> bool:
        """Say whether the fault came about."""
        return self.count >= self._number


def main() -> int:
    """Run the command line with a disk that fails as the file says at that moment."""
    from streamflow.cli.main import main as command

    said = os.open(sys.argv[1], os.O_RDONLY)
    with Disk(lambda _: os.pread(said, 16, 0).decode().strip()):
        return command(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
