"""A state directory on a file system of its own, in a namespace of mounts that ends with whoever holds it."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flow_bad.rig import PLAIN, Place

_AS_ROOT = () if os.geteuid() == 0 else ("--user", "--map-root-user")
_HELD = "{} && echo mounted && exec sleep infinity"
_PAGE = bytes(4096)
_LOOP = 'mount -o loop,errors=remount-ro "$2" "$1"'
_GOING_DOWN = 0x8004_587D    # EXT4_IOC_SHUTDOWN
_NOLOGFLUSH = 2              # EXT4_GOING_FLAGS_NOLOGFLUSH: at once, with nothing more brought to the disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """The state directory of a place, as whoever is in the namespace sees it."""

    place: Place
    holder: int     # a process in it

    @property
    def by(self) -> tuple[str, ...]:
        """Give the program that runs the daemon in it."""
        return (*self.inside, *PLAIN)

    @property
    def seen(self) -> Place:
        """Give the place as it is in there, for who is out here."""
        return Place(dir=Path(f"/proc/{self.holder}/root{self.place.dir}"))

    @property
    def files(self) -> list[Path]:
        """Give what lies in the directory."""
        return list(self.seen.state.iterdir())

    def fill(self) -> None:
        """Take every block that is left."""
        with pytest.raises(OSError, match="No space left"):
            _take_all(self._ballast)

    def free(self) -> None:
        """Make room again."""
        self._ballast.unlink()

    def close(self) -> None:
        """Let no file be made, opened for writing or removed any more; those that are open go on."""
        self._do('mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"')
        self._assert_refused(errno.EROFS)

    def open(self) -> None:
        """Undo `close`."""
        self._do('umount "$1"')

    def err(self) -> None:
        """Let ext4 find an error in itself, upon which it is read-only, with whatever is open."""
        self._do('echo 1 > "/sys/fs/ext4/$(basename "$(findmnt --noheadings --output SOURCE "$1")")/trigger_fs_error"')
        self._assert_refused(errno.EROFS)

    def lose(self) -> None:
        """Let the file system lose its disk: nothing that was not synced is there afterwards, and nothing can be read or written."""
        top = os.open(self.seen.state, os.O_RDONLY)
        try:
            fcntl.ioctl(top, _GOING_DOWN, struct.pack("I", _NOLOGFLUSH))
        finally:
            os.close(top)
        self._assert_refused(errno.EIO)

    def mend(self) -> None:
        """Do what an operator does after `err` and `lose`: unmount it, check it, mount it again."""
        self._do(f'umount "$1"; e2fsck -p "$2"; [ $? -le 1 ] && {_LOOP}', str(_image(self.place)))

    @property
    def inside(self) -> tuple[str, ...]:
        """Give the words before a command that is run in it."""
        return ("nsenter", "--target", str(self.holder), *_AS_ROOT[:1], "--mount")

    @property
    def _ballast(self) -> Path:
        return self.seen.state / "ballast"

    def _do(self, script: str, *words: str) -> None:
        command = (*self.inside, "sh", "-c", script, "sh", str(self.place.state), *words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=30.0, check=False)
        assert done.returncode == 0, done.stderr

    def _assert_refused(self, number: int) -> None:
        """See that the fault is really there."""
        with pytest.raises(OSError) as refused:  # noqa: PT011  # what kind of it is seen beneath
            (self.seen.state / "another").touch()
        assert refused.value.errno == number


def _take_all(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(_PAGE)


def _image(place: Place) -> Path:
    return place.dir / "disk.img"


@contextmanager
def _mounted(place: Place, script: str, *words: str) -> Iterator[Mounted]:
    place.state.mkdir(mode=0o700)
    command = ("unshare", *_AS_ROOT, "--mount", "sh", "-c", _HELD.format(script), "sh", str(place.state), *words)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "mounted\n"
            yield Mounted(place=place, holder=holder.pid)
        finally:
            holder.kill()


@contextmanager
def read_only(place: Place) -> Iterator[Mounted]:
    """Put the state directory of a place on a read-only file system, for the length of a block; as root, or where users may do so."""
    with _mounted(place, 'mount -t tmpfs -o ro,mode=700,size=1m tmpfs "$1"') as disk:
        yield disk


@contextmanager
def small(place: Place) -> Iterator[Mounted]:
    """Put it, and the control socket in it, on a small file system that may be filled or closed; as root, or where users may do so."""
    with _mounted(place, 'mount -t tmpfs -o mode=700,size=24m tmpfs "$1"') as disk:
        _move_socket(disk)
        yield disk


@contextmanager
def on_a_disk(place: Place) -> Iterator[Mounted]:
    """Put it, and the control socket in it, on ext4 on a disk that may fail; only root may mount one."""
    assert os.geteuid() == 0, "mounting ext4 is for root alone"
    script = f'mke2fs -q -t ext4 "$2" 24m >&2 && {_LOOP} && chmod 700 "$1"'
    with _mounted(place, script, str(_image(place))) as disk:
        _move_socket(disk)
        yield disk


def _move_socket(disk: Mounted) -> None:
    """Have the socket where it is unless a configuration says otherwise; out here there is a way to it."""
    disk.place.line("socket", f'socket = "{disk.place.state / "control.sock"}"', section="[control]")
    disk.place.socket.symlink_to(disk.seen.state / "control.sock")
