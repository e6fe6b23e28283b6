"""A daemon that may have few threads: as a user of its own, since the system counts them by user and spares root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tests.flow_bad.rig import PLAIN, Daemon, Place

_CAPS = "-all,+dac_override,+dac_read_search"     # so that it reads the program and the keys wherever they are


@dataclass(frozen=True, slots=True)
class Crowded:
    """How a daemon is run so that its threads are counted."""

    uid: int

    @property
    def user(self) -> Sequence[str]:
        """Give the words before a command that is run as this user."""
        user = (f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups")
        return ("setpriv", *user, f"--inh-caps={_CAPS}", f"--ambient-caps={_CAPS}", "--")

    @property
    def by(self) -> Sequence[str]:
        """Give the daemon's command, with as many threads as it likes."""
        return (*self.user, *PLAIN)

    def limited(self, threads: int) -> Sequence[str]:
        """Give the daemon's command with so many threads from the start."""
        return (*self.user, "prlimit", f"--nproc={threads}:", "--", *PLAIN)

    def stop(self, daemon: Daemon) -> None:
        """Let a daemon that runs have no more threads than it has."""
        held = len(os.listdir(f"/proc/{daemon.process.pid}/task"))
        subprocess.run([*self.user, "prlimit", "--pid", str(daemon.process.pid), f"--nproc={held}:"], check=True, timeout=10.0)


def crowded(place: Place) -> Crowded:
    """Give a place to a user that nobody else is; root may still speak to its daemon."""
    assert os.geteuid() == 0, "run this as root: the system counts threads by user, and another user has to be become"
    found = Crowded(61_000 + os.getpid() % 4_000)
    place.set("control", "allow_uids = [0]")
    place.dir.parent.chmod(0o711)
    for path in (place.dir, *place.dir.rglob("*")):
        os.chown(path, found.uid, found.uid, follow_symlinks=False)
    return found
