"""An emulated machine with the daemon in it: it boots, is asked through its wire, loses its power, and boots again on the same disk."""

from __future__ import annotations

import http.client
import json
import random
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.flow.daemon import Daemon, NotAnswering
from tests.power.device import Device, Trap
from tests.power.image import Image, make_disk, run

DISK_MB = 128
MEMORY_MB = 512
HOST, GUEST = "127.9.0.2", "127.9.0.15"
STATE, CONFIG = "/state/streamflow", "/etc/streamflow"
NAMES = ("keys", "inbox", "owners.csv")
"""What of a sandbox's folder the daemon reads, beside its configuration."""
_ANSWER_S = 60.0
_STOP_S = 120.0
_EXIT = re.compile(rb"^EXIT (\d+)", re.MULTILINE)
_FSCK = re.compile(rb"^FSCK (\d+)", re.MULTILINE)
_UP = b"\nUP"
BAD = 4
"""From which exit code on a file system is not whole again after its journal was gone through."""


class NotWhole(AssertionError):
    """A file system would need a person."""


@dataclass(slots=True, kw_only=True)
class Machine(Daemon):
    """
    One machine; may live several times, on one disk.

    Args:
        folder: For its own things: nothing of them is in the folder of the sandbox, which is searched for what leaked.
    """

    image: Image
    device: Device
    folder: Path
    port: int = 0
    boots: int = 0
    ways: list[str] = field(default_factory=list)     # how each cut treated what was not flushed
    loose: list[int] = field(default_factory=list)    # sectors that each cut could change

    @property
    def console(self) -> Path:
        """Give the file with what the present boot, or the last one, said on its console."""
        return self.folder / f"console-{self.boots}.log"

    def start(self) -> None:
        """Boot."""
        self.boots += 1
        self.port = _free_port()
        self._configure()
        drives = (self._drive("root", f"format=raw,readonly=on,file={self.image.root}"),
                  self._drive("state", f"format=raw,cache=writeback,file=nbd:unix:{self.device.path}"),
                  self._drive("config", f"format=raw,readonly=on,file={self.folder / 'config.img'}"))  # fmt: skip
        net = f"user,id=net,restrict=off,net=127.9.0.0/24,host={HOST},hostfwd=tcp:127.0.0.1:{self.port}-{GUEST}:8000"
        command = (
            "nice", "-n", "19", "qemu-system-x86_64", "-M", "pc", "-cpu", "qemu64", "-accel", "tcg,thread=multi", "-smp", "1",
            "-m", str(MEMORY_MB), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-kernel", str(self.image.kernel), "-initrd", str(self.image.first), "-append", "console=ttyS0 quiet panic=-1",
            "-serial", f"file:{self.console}", *(word for drive in drives for word in drive),
            "-netdev", net, "-device", "virtio-net-pci,netdev=net,romfile=",
            "-chardev", f"file,id=log,path={self.log},append=on", "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=log,nr=1",
        )  # fmt: skip
        with (self.folder / "qemu.log").open("ab") as said:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)

    def pull(self) -> None:
        """Take its power away; what that does to the disk is drawn by `settle`."""
        assert self.process is not None
        self.process.kill()

    def pull_at(self, moment: str, requests: int) -> None:
        """Take its power away now, or as the disk gets the so manieth request of this kind from now on."""
        if moment == "any":
            self.pull()
        else:
            self.device.trap = Trap(moment, requests, self.pull)

    def settle(self, dice: random.Random) -> None:
        """See what the disk is left with, once the machine is gone."""
        assert self.process is not None
        self.process.wait()
        self.device.drain()
        self.device.trap = None
        self.loose.append(self.device.medium.loose)
        self.ways.append(self.device.medium.cut(dice))

    def wait(self, timeout_s: float) -> int:
        """Wait until it is off, and give the daemon's exit code; that of the machine where it lost its power."""
        Daemon.wait(self, timeout_s)
        assert self.process is not None
        if self.process.returncode < 0:
            return self.process.returncode
        said = _EXIT.search(self._said())
        assert said, f"the machine went off by itself: {self.words()}"
        return int(said[1])

    def stop(self) -> None:
        """End it by force if it is not off, and bring what is on its disk to where the daemon of a sandbox has it."""
        if self.process is not None and self.is_running:
            self.process.kill()
        if self.process is not None:
            self.process.wait()
        self.device.drain()
        if self.boots:
            self.take_out(self.box.state)

    def take_out(self, to: Path) -> None:
        """Bring the daemon's state to a folder outside, from a copy of the disk whose journal is gone through. Raises NotWhole."""
        copy = self.folder / "copy.img"
        run("cp", "--sparse=always", str(self.device.medium.path), str(copy))
        try:
            run("e2fsck", "-p", str(copy), most=BAD - 1)
        except AssertionError as error:
            raise NotWhole(f"the file system is not whole again after its journal was gone through: {error.args[0]}") from error
        shutil.rmtree(to, ignore_errors=True)
        taken = self.folder / "taken"
        shutil.rmtree(taken, ignore_errors=True)
        taken.mkdir()
        run("debugfs", "-R", f"rdump {STATE.removeprefix('/state')} {taken}", str(copy))
        if (taken / "streamflow").exists():
            (taken / "streamflow").rename(to)
        copy.unlink()

    def words(self, lines: int = 12) -> str:
        """Give the last of what it said."""
        console = self._said().decode(errors="replace").splitlines()[-lines:]
        return "\n".join((Daemon.words(self, lines), "its console:", *console))

    @property
    def is_whole(self) -> bool:
        """Say whether the file system was whole at this boot, as far as it was looked at yet."""
        said = _FSCK.search(self._said())
        return said is None or int(said[1]) < BAD

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send one request over the wire to the control socket; gives status and JSON. Raises NotAnswering."""
        if _UP not in self._said():
            raise NotAnswering("it boots")
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_S)
        try:
            headers = {"Content-Type": "application/json", "Host": "localhost"}
            line.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            response = line.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            raise NotAnswering(str(error)) from error
        finally:
            line.close()

    def _said(self) -> bytes:
        return self.console.read_bytes() if self.console.exists() else b""

    def _drive(self, name: str, what: str) -> tuple[str, ...]:
        return ("-drive", f"id={name},if=none,{what}", "-device", f"virtio-blk-pci,drive={name}")

    def _configure(self) -> None:
        """Put what the daemon is given on a disk of its own, with the places and addresses of the machine."""
        tree = self.folder / "config"
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir()
        for name in NAMES:
            if (path := self.box.dir / name).is_dir():
                shutil.copytree(path, tree / name)
            elif path.exists():
                shutil.copy(path, tree / name)
        text = self.box.config.read_text(encoding="utf-8").replace("http://127.0.0.1:", f"http://{HOST}:")
        text = text.replace(f'"{self.box.state}"', f'"{STATE}"').replace(str(self.box.dir / "control.sock"), "/run/control.sock")
        (tree / "streamflow.toml").write_text(text.replace(str(self.box.dir), CONFIG), encoding="utf-8")
        make_disk(self.folder / "config.img", tree, megabytes=8)


def new_disk(path: Path) -> Path:
    """Make the disk that survives."""
    make_disk(path, None, megabytes=DISK_MB)
    return path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
