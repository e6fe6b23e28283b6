"""A whole run in the container that ships: no root, no capability, nothing writable but its state, 128 MB."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flow_bad.rig import ROOT, Pair, running_pair
from tests.storm.verdicts import assert_moved

pytestmark = pytest.mark.timeout(900)     # the first test pays for the base and the builds

OPTIONS = ("--records", "60", "--gates", "auto", "--search-lag", "0.2")
LIMIT_MB = 128
ROOM_MB = 112     # of them: a run that only just fits has no room for a larger body
IMAGE = "localhost/streamflow"
SEEN = r"^(?:Uid|Gid|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):.*$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Images and containers in a folder of their own."""

    dir: Path

    def podman(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman."""
        where = (*self._where(), "--tmpdir", str(self.dir / "tmp"), "--cgroup-manager", "cgroupfs", "--runtime", "runc")
        return _done(("podman", *where, *words), check=check)

    def build(self, tag: str, file: Path, context: Path, *options: str) -> None:
        """Build an image anew."""
        word = ("bud", "--no-cache", "--format", "docker", "--isolation", "chroot", "--timestamp", "0", "-t", tag, "-f", str(file))
        _done(("buildah", *self._where(), *word, *options, str(context)))

    def layers(self, tag: str) -> list[str]:
        """Give the digests of an image's layers."""
        found: list[str] = json.loads(self.podman("image", "inspect", tag).stdout)[0]["RootFS"]["Layers"]
        return found

    def _where(self) -> tuple[str, ...]:
        return ("--root", str(self.dir / "root"), "--runroot", str(self.dir / "run"), "--storage-driver", "vfs")


def _done(words: tuple[str, ...], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert not check or done.returncode == 0, (words, done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    return done


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """Build a base out of Debian's packages, since no registry is asked, and on it the image twice."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder, ExitStack() as stack:
        found, base = Store(dir=Path(folder) / "store"), Path(folder) / "base"
        base.mkdir()
        packages = "python3,python3-venv,python-is-python3,ca-certificates"
        _done(("mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm", str(base / "base.tar")))
        (base / "Containerfile").write_text("FROM scratch\nADD base.tar /\n", encoding="utf-8")
        found.build("localhost/base", base / "Containerfile", base)
        stack.callback(found.podman, "rm", "--all", "--force", check=False)

        # What the machine trusts, the build trusts: a company's mirror of packages may have an authority of its own.
        (base / "pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n", encoding="utf-8")
        trust = ("-v", "/etc/ssl/certs:/etc/ssl/certs:ro", "-v", f"{base / 'pip.conf'}:/etc/pip.conf:ro")
        sources = Path(folder) / "sources"
        shutil.copytree(ROOT / "streamflow", sources / "streamflow", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "requirements", sources / "requirements")
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, sources)
        for tag in (IMAGE, f"{IMAGE}-again"):
            found.build(tag, ROOT / "deploy" / "Containerfile", sources, "--build-arg", "BASE=localhost/base", *trust)
        yield found


@pytest.fixture
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder, running_pair(Path(folder) / "pair", *OPTIONS) as found:
        yield found


def begin(store: Store, pair: Pair, name: str) -> None:
    """Start the container with the rights its file asks for, and a smaller memory."""
    config = pair.config.read_text(encoding="utf-8").replace(str(pair.dir / "state"), "/state").replace(str(pair.dir / "inbox"), "/inbox")
    config = config.replace(f'socket = "{pair.dir / "control.sock"}"\n', "")
    secrets: list[str] = []
    for platform, side in {"leadtrekker": "source", "nutshell": "destination"}.items():
        key = pair.dir / "keys" / f"{platform}.key"
        config = config.replace(str(key), f"/etc/streamflow/{side}")
        store.podman("secret", "create", f"{side}-{name}", str(key))
        secrets += ["--secret", f"{side}-{name},target=/etc/streamflow/{side},uid=10001,mode=0400"]
    told = pair.dir / "container.toml"
    told.write_text(config, encoding="utf-8")
    told.chmod(0o644)
    inbox = pair.dir / "inbox"
    for path in (inbox, *inbox.rglob("*")):
        path.chmod(0o755)     # exported files are put there for the daemon to read
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--pids-limit", "64", "--memory", f"{LIMIT_MB}m")
    walls = ("--read-only", "--cap-drop=all", "--security-opt", "no-new-privileges", "--network", "host", "--no-healthcheck")
    volumes = ("-v", f"{told}:/etc/streamflow/streamflow.toml:ro", "-v", f"{inbox}:/inbox:ro", "-v", f"{name}:/state")
    store.podman("run", "--detach", "--name", name, *walls, *limits, *volumes, *secrets, IMAGE)


def test_two_builds_are_one(store: Store) -> None:
    """The same sources on the same base give the same layers."""
    assert store.layers(IMAGE) == store.layers(f"{IMAGE}-again")


def test_the_image_looks_after_itself(store: Store) -> None:
    """Its user is a number and not root, it has a health check, and no key has a place in it."""
    config = json.loads(store.podman("image", "inspect", IMAGE).stdout)[0]
    assert config["User"] == "10001:10001"
    check = config.get("HealthCheck") or config["Healthcheck"]      # releases of podman spell it so and so
    assert check["Test"][:2] == ["CMD", "streamflow"]
    assert not [each for each in config["Config"]["Env"] if re.search("key|secret|password", each, re.IGNORECASE)]


def test_a_whole_run_is_made_without_rights(store: Store, pair: Pair) -> None:
    """From the first read to the end, with 128 MB and no right at all; the kernel ends nothing and every record is there once."""
    begin(store, pair, "whole")
    seen = ""
    peak = 0
    deadline = time.monotonic() + 300.0
    while store.podman("inspect", "--format", "{{.State.Running}}", "whole").stdout.strip() == "true":
        assert time.monotonic() < deadline, store.podman("logs", "whole").stdout[-3000:]
        if not seen:
            seen = store.podman("exec", "whole", "cat", "/proc/1/status", check=False).stdout
            closed = store.podman("exec", "whole", "sh", "-c", "touch /x /etc/x /opt/streamflow/x; touch /state/x", check=False)
            assert closed.stderr.count("Read-only file system") == 3 or not seen
        peak = max(peak, *(int(path.read_text()) for path in _peaks(store)), 0)
        time.sleep(0.5)
    ended = json.loads(store.podman("inspect", "whole").stdout)[0]["State"]
    logs = store.podman("logs", "whole")
    assert (ended["OOMKilled"], ended["ExitCode"] in (0, 1)) == (False, True), logs.stdout[-3000:] + logs.stderr[-3000:]
    assert "Traceback" not in logs.stdout + logs.stderr
    told = dict(line.split(":\t", 1) for line in re.findall(SEEN, seen, re.MULTILINE))
    assert told["Uid"].split() == told["Gid"].split() == ["10001"] * 4
    assert {int(value, 16) for key, value in told.items() if key.startswith("Cap")} == {0}
    assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")
    assert_moved(pair)
    print(f"measured: peak memory of the container {peak / 2**20:.1f} MB")  # noqa: T201
    assert 0 < peak <= ROOM_MB * 2**20


def _peaks(store: Store) -> list[Path]:
    """Give the files in which the kernel keeps the highest memory of the container, of either version of control groups."""
    number = json.loads(store.podman("inspect", "whole").stdout)[0]["Id"]
    names = ("memory.max_usage_in_bytes", "memory.peak")
    return [path for name in names for path in Path("/sys/fs/cgroup").glob(f"**/*{number}*/{name}") if "conmon" not in str(path)]


def test_too_little_memory_ends_the_container_alone(store: Store) -> None:
    """The limit is the kernel's: a process that takes more than it has is killed, which is how the run above was known to stay below."""
    greedy = ("--entrypoint", "/opt/streamflow/bin/python", IMAGE, "-c", "print(len(bytearray(400 * 2**20)))")
    walls = ("--rm", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--memory", f"{LIMIT_MB}m")
    assert store.podman("run", *walls, *greedy, check=False).returncode == 137
