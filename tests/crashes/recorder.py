"""Writes down everything that is done to the files of one folder: by SQLite through its file layer, by Python through `os`."""

from __future__ import annotations

import ctypes
import hashlib
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.store.layer import Layer, Really

from .operations import Ack, Cut, FolderSync, Moved, Named, Op, Removed, Sync, Write

UNKEPT = ("-shm", "lock")
"""Ends of the names of files that hold nothing after a crash: SQLite's shared memory is built anew, the lock is the kernel's."""


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Recorder(Layer):
    """
    The file layer of this process while it works in *folder*; `ops` grows by each operation that went well.

    *names* are the files that are there already, with their numbers; new ones are counted from *first* on.
    """

    def __init__(self, folder: Path, names: dict[str, int], *, first: int) -> None:
        super().__init__()
        self.ops: list[Op] = []
        self._folder = folder
        self._names = dict(names)
        self._next = first
        self._open: dict[int, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Recorder:
        super().__enter__()
        really_rename, really_unlink, really_fsync = os.rename, os.unlink, os.fsync

        def rename(old: Any, new: Any, **options: Any) -> None:
            really_rename(old, new, **options)
            if self._is_ours(str(old)):
                self._names[Path(new).name] = self._names.pop(Path(old).name)
                self.ops.append(Moved(name=Path(old).name, to=Path(new).name))

        def unlink(path: Any, **options: Any) -> None:
            really_unlink(path, **options)
            self._removed(str(path))

        def fsync(handle: int) -> None:
            if stat.S_ISDIR(os.fstat(handle).st_mode) and os.path.samestat(os.fstat(handle), self._folder.stat()):
                self.ops.append(FolderSync())
            really_fsync(handle)

        for name, function in (("rename", rename), ("unlink", unlink), ("fsync", fsync)):
            self._stack.enter_context(patch.object(os, name, function))
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()
        super().__exit__(*details)
        self._open.clear()       # what is still open is not ours to watch

    def acknowledged(self, turn: int) -> None:
        """Note that the ledger answered, the last whole turn being *turn*."""
        self.ops.append(Ack(turn=turn, seen={name: digest((self._folder / name).read_bytes()) for name in self._names}))

    # ------------------------------------------------------------------------------------------ what SQLite does

    def opened(self, file: int, name: str) -> None:
        self._open.pop(file, None)
        if not name or not self._is_ours(name):
            return
        short = Path(name).name
        if short not in self._names:
            self._names[short] = self._next
            self._next += 1
            self.ops.append(Named(file=self._names[short], name=short))
        self._open[file] = self._names[short]

    def writing(self, really: Really, file: int, data: int, size: int, at: int) -> int:
        code = really(file, data, size, at)
        if code == 0 and file in self._open:
            self.ops.append(Write(file=self._open[file], at=at, data=ctypes.string_at(data, size)))
        return code

    def cutting(self, really: Really, file: int, size: int) -> int:
        code = really(file, size)
        if code == 0 and file in self._open:
            self.ops.append(Cut(file=self._open[file], size=size))
        return code

    def syncing(self, really: Really, file: int, flags: int) -> int:
        # Written down beforehand, since a sync of the folder may come with it, and after it.
        if file in self._open:
            self.ops.append(Sync(file=self._open[file]))
        code = really(file, flags)
        assert code == 0, "the disk of the tests fails"
        return code

    def removing(self, really: Really, name: str) -> int:
        code = really()
        if code == 0:
            self._removed(name)
        return code

    def syncing_folder(self, really: Really, name: str) -> int:
        if self._is_ours(name):
            self.ops.append(FolderSync())
        return really()

    def _removed(self, path: str) -> None:
        if self._is_ours(path) and self._names.pop(Path(path).name, None) is not None:
            self.ops.append(Removed(name=Path(path).name))

    def _is_ours(self, path: str) -> bool:
        return Path(path).parent == self._folder and not path.endswith(UNKEPT)
