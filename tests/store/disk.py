"""
A disk that fails on order: SQLite's own file layer of this process, with a fault in its writing.

The open call of SQLite's default file layer is replaced, and in each file it opens the calls that write, cut and sync. What they answer
while failing is what the real layer answers for the same trouble of the disk. As a program (`python -m tests.store.disk FILE ARGS…`) it
is the command line of streamflow on such a disk, which the word in FILE makes fail.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import signal
import sqlite3  # noqa: F401  # the library must be there before it is looked for
import sys
from collections.abc import Callable
from typing import Any

METHODS = 19                    # of a file, with the version in the first place
WRITE, TRUNCATE, SYNC = 3, 4, 5
X_OPEN = 5                      # of the file layer, in pointers: three numbers take two, then next, name and data
FULL, IO_WRITE, IO_SYNC, IO_TRUNCATE = 13, 10 | 3 << 8, 10 | 4 << 8, 10 | 6 << 8
WORDS = ("full", "write", "sync", "torn", "kill")
"""How it fails: no room, an error of writing, one of syncing, half a write and then an error, half a write and then the end."""

_Open = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_Write = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_Pointers = ctypes.POINTER(ctypes.c_void_p)


class Disk:
    """The file layer of this process; *how* is asked of each operation ("write", "cut" or "sync") in what way it fails, "" for not."""

    def __init__(self, how: Callable[[str], str]) -> None:
        self._how = how
        self._kept: list[Any] = []       # C has no hold on what Python made
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.c_void_p
        self._layer = ctypes.cast(library.sqlite3_vfs_find(None), _Pointers)
        self._methods: dict[int, Any] = {}

    def __enter__(self) -> Disk:
        self._original = self._layer[X_OPEN]
        really_open = _Open(self._original)

        def opened(layer: int, name: int, file: int, flags: int, out: int) -> int:
            code = int(really_open(layer, name, file, flags, out))
            if code == 0:
                held = ctypes.cast(file, _Pointers)
                held[0] = ctypes.addressof(self._failing(held[0]))
            return code

        self._opened = _Open(opened)
        self._layer[X_OPEN] = ctypes.cast(self._opened, ctypes.c_void_p).value
        return self

    def __exit__(self, *_: object) -> None:
        self._layer[X_OPEN] = self._original
        self._how = lambda _: ""

    def _failing(self, methods: int | None) -> Any:
        assert methods is not None
        if methods in self._methods:
            return self._methods[methods]
        table = (ctypes.c_void_p * METHODS).from_buffer_copy((ctypes.c_void_p * METHODS).from_address(methods))
        write, truncate, sync = _Write(table[WRITE]), _Truncate(table[TRUNCATE]), _Sync(table[SYNC])

        def writing(file: int, data: int, size: int, at: int) -> int:
            how = self._how("write")
            if how in ("torn", "kill"):
                write(file, data, size // 2, at)
                if how == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
            return {"full": FULL, "write": IO_WRITE, "torn": IO_WRITE}.get(how) or int(write(file, data, size, at))

        def cutting(file: int, size: int) -> int:
            return IO_TRUNCATE if self._how("cut") == "write" else int(truncate(file, size))

        def syncing(file: int, flags: int) -> int:
            return IO_SYNC if self._how("sync") == "sync" else int(sync(file, flags))

        for place, function in ((WRITE, _Write(writing)), (TRUNCATE, _Truncate(cutting)), (SYNC, _Sync(syncing))):
            table[place] = ctypes.cast(function, ctypes.c_void_p).value
            self._kept.append(function)
        self._methods[methods] = table
        return table


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
