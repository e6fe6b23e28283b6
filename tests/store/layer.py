"""
SQLite's own file layer of this process, with somebody in between: what opens, writes, cuts, syncs and removes files passes through Python.

The open and the removal of SQLite's default file layer are replaced, in each file it opens the calls that write, cut and sync, and of the
calls to the system the one by which it goes about syncing a folder.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3  # noqa: F401  # the library must be there before it is looked for
from collections.abc import Callable
from typing import Any, TypeAlias

METHODS = 19                    # of a file, with the version in the first place
WRITE, TRUNCATE, SYNC = 3, 4, 5
X_OPEN, X_DELETE = 5, 6         # of the file layer, in pointers: three numbers take two, then next, name and data
X_SET_CALL, X_GET_CALL = 18, 19
FOLDER_CALL = b"openDirectory"  # which SQLite does only to sync it

_Open = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
_Write = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_Folder = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_SetCall = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_GetCall = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_Pointers = ctypes.POINTER(ctypes.c_void_p)

Really: TypeAlias = Callable[..., int]
"""The call as the layer itself would do it; answers SQLite's code."""


class Layer:
    """The file layer of this process; what derives from it stands between SQLite and its files. Open files go by numbers."""

    def __init__(self) -> None:
        self._kept: list[Any] = []       # C has no hold on what Python made
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.c_void_p
        self._layer = ctypes.cast(library.sqlite3_vfs_find(None), _Pointers)
        self._methods: dict[int, Any] = {}

    # ------------------------------------------------------------------------------------------ what may be overridden

    def opened(self, file: int, name: str) -> None:
        """Hear of a file that was opened; the name is empty for a temporary one."""

    def writing(self, really: Really, file: int, data: int, size: int, at: int) -> int:
        """Write *size* bytes that lie at the address *data*."""
        return really(file, data, size, at)

    def cutting(self, really: Really, file: int, size: int) -> int:
        """Make the file *size* bytes long."""
        return really(file, size)

    def syncing(self, really: Really, file: int, flags: int) -> int:
        """Bring to the disk what was written to the file."""
        return really(file, flags)

    def removing(self, really: Really, name: str) -> int:
        """Remove the file of that name."""
        return really()

    def syncing_folder(self, really: Really, name: str) -> int:
        """Sync the folder in which the file of that name lies."""
        return really()

    # ------------------------------------------------------------------------------------------ how it comes in between

    def __enter__(self) -> Layer:
        self._originals = self._layer[X_OPEN], self._layer[X_DELETE]
        really_open, really_remove = _Open(self._originals[0]), _Delete(self._originals[1])

        def opening(layer: int, name: int | None, file: int, flags: int, out: int) -> int:
            code = int(really_open(layer, name, file, flags, out))
            if code == 0:
                held = ctypes.cast(file, _Pointers)
                held[0] = ctypes.addressof(self._between(held[0]))
                self.opened(file, ctypes.string_at(name).decode() if name else "")
            return code

        def removing(layer: int, name: bytes, flags: int) -> int:
            return self.removing(lambda: int(really_remove(layer, name, flags)), name.decode())

        self._functions = _Open(opening), _Delete(removing)
        for place, function in zip((X_OPEN, X_DELETE), self._functions, strict=True):
            self._layer[place] = ctypes.cast(function, ctypes.c_void_p).value
        self._between_folders()
        return self

    def __exit__(self, *_: object) -> None:
        self._layer[X_OPEN], self._layer[X_DELETE] = self._originals
        _SetCall(self._layer[X_SET_CALL])(ctypes.addressof(self._layer.contents), FOLDER_CALL, None)

    def _between_folders(self) -> None:
        layer = ctypes.addressof(self._layer.contents)
        really = _Folder(_GetCall(self._layer[X_GET_CALL])(layer, FOLDER_CALL))
        self._folders = _Folder(lambda name, out: self.syncing_folder(lambda: int(really(name, out)), name.decode()))
        _SetCall(self._layer[X_SET_CALL])(layer, FOLDER_CALL, ctypes.cast(self._folders, ctypes.c_void_p).value)

    def _between(self, methods: int | None) -> Any:
        assert methods is not None
        if methods in self._methods:
            return self._methods[methods]
        table = (ctypes.c_void_p * METHODS).from_buffer_copy((ctypes.c_void_p * METHODS).from_address(methods))
        write, truncate, sync = _Write(table[WRITE]), _Truncate(table[TRUNCATE]), _Sync(table[SYNC])
        functions = (
            (WRITE, _Write(lambda file, data, size, at: self.writing(write, file, data, size, at))),
            (TRUNCATE, _Truncate(lambda file, size: self.cutting(truncate, file, size))),
            (SYNC, _Sync(lambda file, flags: self.syncing(sync, file, flags))),
        )
        for place, function in functions:
            table[place] = ctypes.cast(function, ctypes.c_void_p).value
            self._kept.append(function)
        self._methods[methods] = table
        return table
