"""A state directory on a file system of its own, in a namespace of mounts that ends with whoever holds it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.flow_bad.rig import PLAIN, Place

_AS_ROOT = () if os.geteuid() == 0 else ("--user", "--map-root-user")
_HELD = 'mount -t tmpfs -o ro,mode=700,size=1m tmpfs "$1" && echo mounted && exec sleep infinity'


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """The state directory of a place, as whoever is in the namespace sees it."""

    place: Place
    holder: int     # a process in it

    @property
    def by(self) -> tuple[str, ...]:
        """Give the program that runs the daemon in it."""
        return ("nsenter", "--target", str(self.holder), *_AS_ROOT[:1], "--mount", *PLAIN)

    @property
    def files(self) -> list[Path]:
        """Give what lies in the directory."""
        return list(Path(f"/proc/{self.holder}/root{self.place.state}").iterdir())


@contextmanager
def read_only(place: Place) -> Iterator[Mounted]:
    """Put the state directory of a place on a read-only file system, for the length of a block; as root, or where users may do so."""
    place.state.mkdir(mode=0o700)
    command = ("unshare", *_AS_ROOT, "--mount", "sh", "-c", _HELD, "sh", str(place.state))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "mounted\n"
            yield Mounted(place=place, holder=holder.pid)
        finally:
            holder.kill()
