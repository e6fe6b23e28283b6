"""A state directory on a file system of its own, in a namespace of mounts that ends with whoever holds it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.flow_bad.rig import PLAIN, Place

SIZE = "24m"
_USER = () if os.geteuid() == 0 else ("--user",)
_MAPPED = ("--map-root-user",) if _USER else ()
_HELD = f'mount -t tmpfs -o mode=700,size={SIZE} tmpfs "$1" && echo mounted && exec sleep infinity'


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """The state directory of a place, as whoever is in the namespace sees it."""

    place: Place
    holder: int     # a process in it

    @property
    def by(self) -> tuple[str, ...]:
        """Give the program that runs the daemon in it."""
        return (*self._inside, *PLAIN)

    @property
    def seen(self) -> Place:
        """Give the place as it is seen from outside."""
        return replace(self.place, dir=Path(f"/proc/{self.holder}/root{self.place.dir}"))

    def fill(self) -> None:
        """Leave no room on the file system."""
        self._run(f'dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null; ! dd if=/dev/zero of="$1/other" bs=4k count=1 2>/dev/null; rm "$1/other"')

    def free(self) -> None:
        """Give the room back."""
        self._run('rm "$1/filler"')

    def close(self) -> None:
        """Let no file be made, changed or removed there any more, but for those that somebody has open."""
        self._run('mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && ! touch "$1/other" 2>/dev/null')

    def open(self) -> None:
        """Make it as it was."""
        self._run('umount "$1"')

    @property
    def _inside(self) -> tuple[str, ...]:
        return ("nsenter", "--target", str(self.holder), "--mount", *_USER)

    def _run(self, script: str) -> None:
        subprocess.run((*self._inside, "sh", "-c", script, "sh", str(self.place.state)), check=True, timeout=20.0)


@contextmanager
def mounted(place: Place) -> Iterator[Mounted]:
    """Put the state directory of a place on a small file system, for the length of a block; as root, or where users may have namespaces."""
    place.state.mkdir(mode=0o700)
    command = ("unshare", "--mount", *_USER, *_MAPPED, "sh", "-c", _HELD, "sh", str(place.state))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "mounted\n"
            yield Mounted(place=place, holder=holder.pid)
        finally:
            holder.kill()
