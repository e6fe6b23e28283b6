"""
A machine of its own for the shipped unit: systemd as its first process, by systemd-nspawn, on the programs of this one.

Its root is a folder made here: `/usr` and the interpreter are this machine's, read-only, everything else is new. The network is shared, so
that the daemon in it reaches the simulated accounts on loopback. User ids are its own in name only (`identity`), which is what lets its
systemd hold limits of memory and tasks where this machine's control groups are of the first version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.flow_bad.rig import ROOT, Daemon, Pair, Place

UNIT = "streamflow.service"
CONFIG = "/etc/streamflow/streamflow.toml"
PYTHON = "/opt/python/bin/python3"
BOOT_S = 30.0
GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A booted machine: orders are given in it as root."""

    name: str
    root: Path
    process: subprocess.Popen[bytes]
    leader: int

    def run(self, *words: str, check: bool = True, timeout_s: float = 120.0) -> str:
        """Run a command in it; gives what it printed."""
        inside = ("nsenter", "-t", str(self.leader), "-m", "-p", "-u", "-i", "-C", *words)
        done = subprocess.run(
            inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s, env={"PATH": "/usr/sbin:/usr/bin"}
        )
        assert not check or done.returncode == 0, (words, done.returncode, done.stdout, self.journal() if "start" in words else "")
        return done.stdout

    def shown(self, *keys: str) -> Mapping[str, str]:
        """Give properties of the unit as the manager knows them."""
        lines = self.run("systemctl", "show", UNIT, f"--property={','.join(keys)}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self) -> str:
        """Give what the unit wrote and what the manager says of it."""
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", UNIT, check=False)

    def main_pid(self) -> int:
        """Give the daemon's process, as this machine numbers it; 0 while there is none."""
        inside = self.shown("MainPID")["MainPID"]
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                numbers = next(line.split()[1:] for line in status.read_text().splitlines() if line.startswith("NSpid:"))
            except (OSError, StopIteration):
                continue     # ended meanwhile
            if len(numbers) > 1 and numbers[1] == inside and _descends(int(numbers[0]), self.leader):
                return int(numbers[0])
        return 0

    def daemon(self, log: Path) -> Daemon:
        """Give a way to ask the daemon through its socket, from outside."""
        return Daemon(Place(dir=Path(f"/proc/{self.leader}/root/run/streamflow")), self.process, log)

    def group(self, *names: str) -> int:
        """Read the first of these numbers of the daemon's control group that there is, in any controller and of either version."""
        for name in names:
            for path in sorted(GROUPS.rglob(f"{UNIT}/{name}")):
                if self.name in path.parts or not (GROUPS / "memory").exists():
                    return int(path.read_text())
        raise AssertionError(f"the unit has no control group with {names}")


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


# ------------------------------------------------------------------------------------------------ building and booting


def lay_out(root: Path) -> None:
    """Make the root of a machine, with the unit as it ships."""
    folders = "usr etc/systemd/system etc/streamflow etc/ld.so.conf.d var srv tmp run proc sys dev root opt/python wheels"
    for name in folders.split():
        (root / name).mkdir(parents=True)
    for library in Path("/etc/ld.so.conf.d").glob("*.conf"):
        (root / "etc/ld.so.conf.d" / library.name).write_bytes(library.read_bytes())
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    etc = {
        "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "group": "root:x:0:\nnogroup:x:65534:\n",
        "nsswitch.conf": "passwd: files systemd\ngroup: files systemd\nhosts: files dns\n",
        # An interpreter that brings its own library looks for it where it was built, which is not here.
        "ld.so.conf": f"/opt/python/lib\n{Path('/etc/ld.so.conf').read_text(encoding='utf-8')}",
        "hosts": "127.0.0.1 localhost\n",
        "os-release": "ID=streamflow-test\n",
        "machine-id": "5f" * 16 + "\n",
        f"systemd/system/{UNIT}": (ROOT / "deploy" / UNIT).read_text(encoding="utf-8"),
    }
    for name, text in etc.items():
        (root / "etc" / name).write_text(text, encoding="utf-8")


def wheels(folder: Path) -> None:
    """Bring the package of this tree and the dependencies of the daemon, pinned by hash, into a folder."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    subprocess.run(
        (*pip, "download", "--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / "requirements" / "base.txt"), "-d", str(folder)),
        check=True, timeout=300,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as copy:     # what is left of an earlier build beside the sources would be packed too
        shutil.copytree(ROOT / "streamflow", Path(copy) / "streamflow", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy)
        subprocess.run((*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), copy), check=True, timeout=120)


@contextmanager
def booted(root: Path, wheel_house: Path) -> Iterator[Machine]:
    """Boot a machine for the length of a block, and install streamflow in it as the unit expects it."""
    own = f"streamflow-{os.getpid()}"
    joined = [GROUPS / name / own for name in ("memory", "pids") if (GROUPS / name / "cgroup.procs").exists()]
    for group in joined:
        group.mkdir()
    join = "".join(f"echo $$ > {group}/cgroup.procs; " for group in joined)
    command = (
        "systemd-nspawn", "--directory", str(root), f"--machine={own}", "--bind-ro=/usr", f"--bind-ro={sys.base_prefix}:/opt/python",
        f"--bind-ro={wheel_house}:/wheels", "--register=no", "--keep-unit", "--private-users=identity", "--console=pipe", "--boot",
        "--", "--unit=basic.target",
    )  # fmt: skip
    with (root / "console.log").open("wb") as console:
        process = subprocess.Popen(
            ("sh", "-c", f'{join}exec "$@"', "sh", *command), stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            start_new_session=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    try:
        machine = Machine(name=own, root=root, process=process, leader=_leader(process, root))
        _until_up(machine)
        machine.run("ldconfig")
        machine.run(PYTHON, "-m", "venv", "/opt/streamflow")
        packed = sorted(f"/wheels/{wheel.name}" for wheel in wheel_house.glob("*.whl"))
        machine.run("/opt/streamflow/bin/pip", "install", "--quiet", "--no-deps", *packed)     # all that is pinned lies there
        yield machine
    finally:
        process.terminate()     # nspawn asks its systemd for an orderly end
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for group in joined:
            _remove(group)


def _leader(process: subprocess.Popen[bytes], root: Path) -> int:
    """Wait for the machine's first process; gives it as this machine numbers it."""
    deadline = time.monotonic() + BOOT_S
    while time.monotonic() < deadline and process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
        time.sleep(0.05)
    raise AssertionError(f"systemd did not start: {(root / 'console.log').read_text()}")


def _until_up(machine: Machine) -> None:
    deadline = time.monotonic() + BOOT_S
    while machine.run("systemctl", "is-active", "basic.target", check=False).strip() != "active":
        assert time.monotonic() < deadline, (machine.root / "console.log").read_text()
        time.sleep(0.1)


def _remove(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        os.rmdir(folder)


# ------------------------------------------------------------------------------------------------ the unit


def configure(machine: Machine, pair: Pair, *, drop_in: Sequence[str] = ()) -> None:
    """Do as the unit's head says: a configuration without secrets, two keys that root alone can read; *drop_in* changes [Service]."""
    etc = machine.root / "etc"
    keys = {"leadtrekker": "source", "nutshell": "destination"}
    text = pair.config.read_text(encoding="utf-8").replace(str(pair.dir / "state"), "/var/lib/streamflow")
    text = text.replace(str(pair.dir / "inbox"), "/srv/inbox")
    shutil.copytree(pair.dir / "inbox", machine.root / "srv" / "inbox", dirs_exist_ok=True)
    machine.run("chmod", "-R", "a+rX", "/srv/inbox")     # exported files are put there for the daemon to read
    text = text.replace(f'"{pair.dir / "control.sock"}"', '"/run/streamflow/control.sock"\nallow_uids = [0]')
    for platform, name in keys.items():
        key = pair.dir / "keys" / f"{platform}.key"
        text = text.replace(str(key), f"$CREDENTIALS_DIRECTORY/{name}")
        (etc / "streamflow" / f"{name}.key").write_bytes(key.read_bytes())
        (etc / "streamflow" / f"{name}.key").chmod(0o600)
    (etc / "streamflow" / "streamflow.toml").write_text(text, encoding="utf-8")
    changes = etc / "systemd" / "system" / f"{UNIT}.d" / "test.conf"
    changes.parent.mkdir(exist_ok=True)
    changes.write_text("\n".join(("[Service]", *drop_in)) + "\n", encoding="utf-8")
    machine.run("systemctl", "daemon-reload")


def forget(machine: Machine) -> None:
    """End the unit and take its state away."""
    machine.run("systemctl", "stop", UNIT, check=False)
    machine.run("systemctl", "reset-failed", UNIT, check=False)
    machine.run("sh", "-c", "rm -rf /var/lib/private/streamflow /var/lib/streamflow; journalctl --rotate --vacuum-time=1us --quiet")
