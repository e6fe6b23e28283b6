"""
The file of the control socket: a safe folder, no stranger's file removed, permissions right from its first moment.

Plain system calls; they touch the local disk once at start and once at the end.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streamflow.daemon.exits import AlreadyRunning
from streamflow.errors import ConfigError, DiskRefused, StreamflowError, is_of_the_disk

PROBE_TIMEOUT_S = 1.0
OWNER_ONLY = 0o600
SHARED = 0o666  # only with foreign users on the allow-list; the kernel-told uid decides then


@contextmanager
def listening(path: Path, *, shared: bool = False) -> Iterator[socket.socket]:
    """
    Give a listening unix socket at *path*, and remove the file afterwards if it is still ours.

    A missing folder is made with mode 0700. With *shared* other users may connect (and are judged by uid).

    Raises:
        ConfigError: the folder is not safe, or something that is no socket is in the way.
        DiskRefused: the disk is full or fails.
        AlreadyRunning: another daemon answers there.
    """
    _check_folder(path.parent)
    _clear(path)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _bind(server, path, SHARED if shared else OWNER_ONLY)
        inode = path.lstat().st_ino
        try:
            yield server
        finally:
            _remove(path, inode)
    finally:
        server.close()


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.stat()
    except OSError as error:
        hint = "choose a folder that the daemon's user can write"
        raise _refusal(error, f"the folder {folder} cannot be used", hint) from error
    if info.st_uid not in (0, os.geteuid()):
        raise _fault(f"the folder {folder} belongs to another user", "use a folder of the daemon's user or of root")
    if info.st_mode & 0o022 and not info.st_mode & stat.S_ISVTX:
        raise _fault(f"the folder {folder} can be written by others", f"chmod go-w {folder}")


def _clear(path: Path) -> None:
    try:
        info = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(info.st_mode):
        raise _fault(f"{path} exists and is not a socket", "move it away, or choose another path; it was not touched")
    if _answers(path):
        hint = "one daemon a migration: see `streamflow status`, or choose another socket"
        raise AlreadyRunning(f"another daemon answers on {path}", hint=hint)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refusal(error, f"{path} cannot be taken over", "choose another path under [control] socket") from error


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # full, slow or forbidden: somebody holds it
        return True


def _bind(server: socket.socket, path: Path, mode: int) -> None:
    # The mask makes the file private from its first moment; chmod then sets exactly what was meant.
    before = os.umask(0o177)
    try:
        server.bind(str(path))
    except OSError as error:
        raise _refusal(error, f"cannot listen on {path}", "choose another path under [control] socket") from error
    finally:
        os.umask(before)
    path.chmod(mode)
    server.listen(64)
    server.setblocking(False)


def _remove(path: Path, inode: int) -> None:
    # What stays is cleared by the next start; how this one ends is not to be hidden by it, on a disk that takes no more.
    with suppress(OSError):
        if path.lstat().st_ino == inode:
            path.unlink()


def _refusal(error: OSError, what: str, hint: str) -> StreamflowError:
    """Tell what the system refused: a disk that is full or fails may be better at the next start, all else is for the configuration."""
    if is_of_the_disk(error, is_new=True):
        return DiskRefused(f"control.socket: {what}: {error.strerror}", hint="make room on its disk, or mend it, then start again")
    return _fault(f"{what}: {error.strerror}", hint)


def _fault(text: str, hint: str) -> ConfigError:
    return ConfigError([f"control.socket: {text}"], hint=hint)
