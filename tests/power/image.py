"""
What the machine boots from, made here out of Debian's packages and the pinned dependencies: a kernel, a first file system in memory with
the few modules it needs, and a root that is only ever read. The daemon is this tree's, compiled beforehand: an emulated processor is slow.
"""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.flow.box import REPOSITORY

TOOLS = ("qemu-system-x86_64", "mmdebstrap", "mke2fs", "e2fsck", "debugfs")
PACKAGES = ("python3-minimal", "libpython3-stdlib", "ca-certificates", "socat", "e2fsprogs", "busybox-static", "linux-image-cloud-amd64")
MODULES = (
    "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "virtio_console", "failover",
    "net_failover", "virtio_net",
)  # fmt: skip
"""In the order of what needs what. The file system is in Debian's kernel itself."""
SPARED = ("boot", "usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache", "var/lib/apt")
SITE = "opt/streamflow"     # as `LIFE` names it
_SECONDS = 600.0
_ROOM_MB = 48

FIRST = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in {modules}; do insmod /lib/$module.ko; done
mount -t ext4 -o ro /dev/vda /new
for each in proc sys dev; do mount --move /$each /new/$each; done
exec switch_root /new /sbin/life
"""

LIFE = """#!/bin/busybox sh
# As a machine does that comes up after a power cut: the journal is gone through, then everything goes on. The host is at 127.9.0.2.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH=/opt/streamflow HOME=/ STREAMFLOW_DEBUG=1
b() { /bin/busybox "$@"; }
b mount -t tmpfs tmpfs /run
b mount -t tmpfs tmpfs /tmp
e2fsck -p /dev/vdb > /tmp/fsck 2>&1
code=$?
b cat /tmp/fsck
echo "FSCK $code"
if [ $code -lt 4 ] && b mount -t ext4 /dev/vdb /state && b mount -t ext4 -o ro /dev/vdc /etc/streamflow; then
  # Plain http is for this machine alone, as far as the configuration goes: a part of what is called so lies beyond the wire here.
  b ip link set lo up
  b ip addr del 127.0.0.1/8 dev lo
  b ip addr add 127.0.0.1/32 dev lo
  for one in all eth0; do echo 1 > /proc/sys/net/ipv4/conf/$one/route_localnet; done
  b ip addr add 127.9.0.15/24 dev eth0
  b ip link set eth0 up
  socat TCP-LISTEN:8000,fork,reuseaddr UNIX-CONNECT:/run/control.sock 2> /dev/null &
  echo "UP"
  python3 -m streamflow.cli -c /etc/streamflow/streamflow.toml run > $(b ls /dev/vport*p1) 2>&1
  code=$?
  b umount /state
  echo "EXIT $code"
fi
b sync
b poweroff -f
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The three files."""

    kernel: Path
    first: Path
    root: Path


def wanting() -> list[str]:
    """Name what is missing here to make an image and boot it."""
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=_path())]
    return [*missing, *(["root"] if os.geteuid() else [])]


def build(folder: Path) -> Image:
    """Make the image in a folder, or take the one that is there; fetches packages from Debian and wheels by their pinned hashes."""
    image = Image(kernel=folder / "kernel", first=folder / "first.gz", root=folder / "root.img")
    if image.root.exists():
        return image
    folder.mkdir(parents=True, exist_ok=True)
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    run("mmdebstrap", "--quiet", "--variant=extract", f"--include={','.join(PACKAGES)}", "bookworm", str(tree))
    shutil.copy(next((tree / "boot").glob("vmlinuz-*")), image.kernel)
    image.first.write_bytes(gzip.compress(_first(tree), 1))
    _furnish(tree)
    for name in (*SPARED, "lib/modules"):
        shutil.rmtree(tree / name, ignore_errors=True)
    new = folder / "new.img"
    make_disk(new, tree, megabytes=_megabytes(tree) + _ROOM_MB)
    new.rename(image.root)     # there only when it is whole
    shutil.rmtree(tree)
    return image


def make_disk(path: Path, tree: Path | None, *, megabytes: int) -> None:
    """Make a file system in a file, with a journal where it is empty, else of what is in a folder."""
    path.unlink(missing_ok=True)
    what = () if tree is None else ("-O", "^has_journal", "-d", str(tree))
    run("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-E", "root_owner=0:0,nodiscard", *what, str(path), f"{megabytes}M")


def run(*words: str, most: int = 0) -> str:
    """Run a tool; gives what it said. One that ends with a higher code than *most* fails."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, env={**os.environ, "PATH": _path()}, check=False)
    assert done.returncode <= most, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _megabytes(tree: Path) -> int:
    return sum(-(-each.lstat().st_size // 4096) * 4096 + 4096 for each in tree.rglob("*")) >> 20


def _furnish(tree: Path) -> None:
    """Put the daemon and what it needs into the root, installed and compiled."""
    version = run("chroot", str(tree), "/usr/bin/python3", "-c", "import sys; print('.'.join(map(str, sys.version_info[:2])))").strip()
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    install = (
        *pip, "install", "--target", str(tree / SITE), "--no-deps", "--no-compile", "--only-binary", ":all:", "--python-version", version,
    )
    run(*install, "--require-hashes", "-r", str(REPOSITORY / "requirements" / "base.txt"))
    with tempfile.TemporaryDirectory() as copy:     # what is left of an earlier build beside the sources would be packed too
        shutil.copytree(REPOSITORY / "streamflow", Path(copy) / "streamflow", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, copy)
        run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", copy, copy)
        run(*install, *map(str, Path(copy).glob("*.whl")))
    # Some files of other packages are for other versions and do not compile: that is no fault.
    compiling = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", f"/{SITE}", f"/usr/lib/python{version}")
    run("chroot", str(tree), "/usr/bin/python3", *compiling, most=1)
    for name in ("proc", "sys", "dev", "run", "tmp", "state", "etc/streamflow"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    (tree / "sbin" / "life").write_text(LIFE, encoding="utf-8")
    (tree / "sbin" / "life").chmod(0o755)


# ------------------------------------------------------------------------------------------------ the file system in memory


def _first(tree: Path) -> bytes:
    """Give an archive with a shell, the modules and what is done first."""
    modules = {path.name: path for path in (tree / "lib" / "modules").rglob("*.ko")}
    folders = [_entry(name, stat.S_IFDIR | 0o755) for name in ("bin", "dev", "lib", "new", "proc", "sys")]
    files = [
        _entry("init", stat.S_IFREG | 0o755, FIRST.format(modules=" ".join(MODULES)).encode()),
        _entry("bin/busybox", stat.S_IFREG | 0o755, (tree / "bin" / "busybox").read_bytes()),
        *(_entry(f"lib/{name}.ko", stat.S_IFREG | 0o644, modules[f"{name}.ko"].read_bytes()) for name in MODULES),
    ]
    console = _entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    return b"".join((*folders, *files, console, _entry("TRAILER!!!", 0)))


def _entry(name: str, mode: int, data: bytes = b"", *, device: tuple[int, int] = (0, 0)) -> bytes:
    """Give one entry of a cpio archive of the form "newc", which is what a kernel unpacks."""
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name.encode() + b"\0"
    return _filled(head) + _filled(data)


def _filled(part: bytes) -> bytes:
    return part + bytes(-len(part) % 4)
