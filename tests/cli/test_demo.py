"""The demo's part as operator, and the sandbox as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from daemon.fake_operator import SNAPSHOT, served, short_folder

from streamflow.cli import demo
from streamflow.cli.demo_view import View
from streamflow.daemon.client import connect
from streamflow.sandbox.launcher import Sandbox
from tests.hanging import HUNG_S

ENVIRON = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "SSL_CERT_FILE": os.devnull}


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path


async def test_freezes_then_cuts_over_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In tailing, people are stopped first, then the cutover is ordered, each exactly once, however often it looks."""
    done: list[str] = []
    monkeypatch.setattr(demo, "TAIL_BEFORE_FREEZE_S", 0.0)
    monkeypatch.setattr(demo, "_freeze", done.append)
    sandbox = Sandbox(
        dir=folder, config_path=folder / "c", source_url="", source_admin="http://s/_sandbox/", destination_url="", destination_admin="",
        rpc_url="", pids=(),
    )  # fmt: skip
    story, view = demo._Story(), View(quiet=True)
    async with served(folder) as daemon, connect(daemon.path) as client:
        await demo._step(client, sandbox, story, view)
        assert (done, daemon.operator.asked) == ([], [])
        daemon.operator.snapshot = replace(SNAPSHOT, phase="tail")
        for _ in range(3):
            await demo._step(client, sandbox, story, view)
            daemon.operator.snapshot = replace(SNAPSHOT, phase="tail")
        assert done == ["http://s/_sandbox/freeze"]
        [(verb, given)] = daemon.operator.asked
    assert (verb, given["freeze_confirmed"], given["dry_run"]) == ("cutover", True, False)


def test_last_words(tmp_path: Path) -> None:
    """The error a daemon ended with is found in its log, whichever form it was told in."""
    log = tmp_path / "daemon.log"
    assert demo.last_words(log) == ""
    log.write_text('{"level":"error","event":"phase.failed","error":"nutshell: refused"}\n{"level":"info","event":"daemon.stopped"}\n')
    assert demo.last_words(log) == "phase.failed: nutshell: refused"
    log.write_text("streamflow: no key\n  hint: make one\n")
    assert demo.last_words(log) == "no key"


def _lives(pid: int) -> bool:
    """Say whether a process runs; a zombie that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _until(wanted: Callable[[], bool], what: str, timeout_s: float = HUNG_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not wanted():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_demo_that_is_ended_leaves_no_process(folder: Path, number: signal.Signals) -> None:
    """However the demo ends in the middle, its daemon and both simulated platforms end with it."""
    keep = folder / "d"
    command = [sys.executable, "-m", "streamflow.cli", "demo", "--records", "20", "--keep", str(keep)]
    pids: list[int] = []
    with subprocess.Popen(command, env=ENVIRON, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            _until((keep / "control.sock").exists, "the daemon's socket")
            pids += json.loads((keep / "sandbox.json").read_text())["pids"]
            pids.append(int((keep / "state" / "lock").read_text()))
            assert all(map(_lives, pids))
            process.send_signal(number)
            assert process.wait(timeout=HUNG_S) == (-number if number is signal.SIGKILL else 128 + number)
            _until(lambda: not any(map(_lives, pids)), f"still there: {[pid for pid in pids if _lives(pid)]}")
        finally:
            process.kill()
            for pid in filter(_lives, pids):
                os.kill(pid, signal.SIGKILL)


def test_sandbox_as_a_process(tmp_path: Path) -> None:
    """The sandbox says where it is in one line of JSON, leaves a configuration that loads, and ends on SIGTERM."""
    command = [sys.executable, "-m", "streamflow.cli", "sandbox", "--dir", str(tmp_path / "s"), "--records", "20"]
    with subprocess.Popen(command, env=ENVIRON, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        check = [sys.executable, "-m", "streamflow.cli", "status", "-c", told["config"]]
        assert subprocess.run(check, env=ENVIRON, capture_output=True, timeout=HUNG_S, check=False).returncode == 75
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=HUNG_S) == 0
    again = [*command[:4], "--pair", "acme-nutshell"]
    assert subprocess.run(again, env=ENVIRON, capture_output=True, timeout=HUNG_S, check=False).returncode == 64
