"""The unit as it ships, under a real service manager: it starts, is confined, drains, is restarted when it hangs, and keeps its limits."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.flow_bad.rig import Daemon, Pair
from tests.service.machine import CONFIG, UNIT, Machine, configure
from tests.storm.verdicts import assert_moved, in_backfill

pytestmark = pytest.mark.timeout(400)     # the first of them pays for the machine

READY_S, DRAIN_S = 2.0, 10.0
WATCHDOG_S = 4
STROKES = 6          # a limit of starts would be at five
TROUBLE = "Traceback"


@pytest.fixture
def daemon(machine: Machine, tmp_path: Path) -> Daemon:
    log = tmp_path / "log"
    log.write_bytes(b"")
    return machine.daemon(log)


def started(machine: Machine) -> float:
    """Start the unit; gives the seconds until it said that it is ready."""
    before = time.monotonic()
    machine.run("systemctl", "start", UNIT)
    return time.monotonic() - before


def slack(machine: Machine) -> float:
    """Give how long a start may take here: two seconds, or more on a machine so busy that the bare program takes long to come up."""
    before = time.monotonic()
    machine.run("/opt/streamflow/bin/streamflow", "-c", CONFIG, "status", check=False)
    return max(READY_S, 4 * (time.monotonic() - before))


def told(name: str, figure: float, unit: str) -> None:
    """Show a figure where the command's output is not captured."""
    print(f"measured: {name} {figure:.1f} {unit}")  # noqa: T201


def goes_on(machine: Machine, daemon: Daemon, pair: Pair) -> None:
    """See that the run comes to the gate of the switch, with every record there once and the audit whole."""
    pair.destination(latency_ms=0)
    daemon.until(lambda status: (status["gate"] or {}).get("name") == "cutover", "the gate of the switch", timeout_s=90.0)
    assert_moved(pair)
    machine.run("/opt/streamflow/bin/streamflow", "-c", CONFIG, "audit", "verify")
    assert TROUBLE not in machine.journal()


def test_it_is_ready_soon_and_confined(machine: Machine, daemon: Daemon, pair: Pair) -> None:
    """READY within two seconds, no root, no capability, seccomp on, one writable place, and the keys in files of its own alone."""
    ready_s = started(machine)
    told("ready", ready_s, "s")
    assert ready_s <= slack(machine)
    assert machine.shown("ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}
    pid = machine.main_pid()
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    assert "0" not in status["Uid"].split()
    assert {int(status[key], 16) for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    assert next(line.split()[4:6] for line in limits if line.startswith("Max core file size")) == ["0", "0"]

    inside = Path(f"/proc/{pid}/root")
    for closed in ("etc", "usr", "opt/streamflow", "var", "root", "home"):
        with pytest.raises(OSError):  # noqa: PT011  # read-only, hidden or not there: each is closed
            (inside / closed / "probe").write_text("")
    (inside / "var/lib/streamflow/probe").write_text("")
    (inside / "var/lib/streamflow/probe").unlink()

    keys = [(pair.dir / "keys" / f"{name}.key").read_text().strip() for name in ("leadtrekker", "nutshell")]
    for name, key in zip(("source", "destination"), keys, strict=True):
        given = inside / "run/credentials" / UNIT / name
        assert (given.read_text().strip(), given.stat().st_mode & 0o777) == (key, 0o400)
    goes_on(machine, daemon, pair)
    public = Path(f"/proc/{pid}/environ").read_text() + Path(f"/proc/{pid}/cmdline").read_text() + machine.journal()
    public += machine.run("systemctl", "show", UNIT) + machine.run("systemctl", "status", UNIT)
    assert [name for name, key in zip(("source", "destination"), keys, strict=True) if key in public] == []
    assert "tail" in machine.shown("StatusText")["StatusText"]


def test_a_stop_drains(machine: Machine, daemon: Daemon, pair: Pair) -> None:
    """A stop in the middle of writing ends in order within ten seconds, and the next start goes on with nobody twice."""
    started(machine)
    in_backfill(daemon, pair)
    before = time.monotonic()
    machine.run("systemctl", "stop", UNIT)
    took_s = time.monotonic() - before
    told("drained", took_s, "s")
    assert took_s <= DRAIN_S
    assert machine.shown("ActiveState", "Result") == {"ActiveState": "inactive", "Result": "success"}
    assert "daemon.drained" in machine.journal()
    assert f"{UNIT}: Deactivated successfully." in machine.journal()
    started(machine)
    goes_on(machine, daemon, pair)


def test_a_daemon_that_hangs_is_restarted(machine: Machine, daemon: Daemon, pair: Pair) -> None:
    """A process that stands still is ended by the watchdog and up again, where the run goes on with nobody twice."""
    configure(machine, pair, drop_in=[f"WatchdogSec={WATCHDOG_S}"])
    started(machine)
    in_backfill(daemon, pair)
    rest_s = int(machine.shown("RestartUSec")["RestartUSec"].removesuffix("s"))
    first = machine.main_pid()
    os.kill(first, signal.SIGSTOP)
    before = time.monotonic()
    while machine.shown("NRestarts", "SubState") != {"NRestarts": "1", "SubState": "running"}:
        assert time.monotonic() < before + 60.0, machine.journal()
        time.sleep(0.1)
    took_s = time.monotonic() - before
    told(f"restarted after a hang, WatchdogSec={WATCHDOG_S} and RestartSec={rest_s} included", took_s, "s")
    assert took_s <= WATCHDOG_S + rest_s + slack(machine)
    assert machine.main_pid() not in (0, first)
    assert "Watchdog timeout" in machine.journal()
    goes_on(machine, daemon, pair)


def test_limits_are_kept(machine: Machine, daemon: Daemon, pair: Pair) -> None:
    """A run takes far less than the unit allows; under too small a limit the kernel ends the daemon, which goes on with more."""
    started(machine)
    assert machine.group("memory.limit_in_bytes", "memory.max") == 512 * 2**20
    assert machine.group("pids.max") == 64
    in_backfill(daemon, pair)
    configure(machine, pair, drop_in=["MemoryMax=40M"])
    machine.run("systemctl", "restart", UNIT, check=False)
    deadline = time.monotonic() + 30.0
    while machine.shown("NRestarts")["NRestarts"] == "0":
        assert time.monotonic() < deadline, machine.journal()
        time.sleep(0.1)
    assert "status=9/KILL" in machine.journal()
    machine.run("systemctl", "stop", UNIT)
    configure(machine, pair)
    machine.run("systemctl", "reset-failed", UNIT, check=False)
    started(machine)
    goes_on(machine, daemon, pair)
    peak = machine.group("memory.max_usage_in_bytes", "memory.peak") / 2**20
    told("peak memory of the unit's control group", peak, "MB")
    assert peak < 256


def test_a_fault_that_a_restart_cannot_mend_is_left_alone(machine: Machine) -> None:
    """A configuration that does not hold ends with 78 and one clear message, and is not tried again."""
    config = machine.root / CONFIG.lstrip("/")
    config.write_text(config.read_text(encoding="utf-8").replace('platform = "nutshell"', 'platform = "nutshel"'), encoding="utf-8")
    machine.run("systemctl", "start", UNIT, check=False)
    wanted = {"Result": "exit-code", "ExecMainStatus": "78", "NRestarts": "0", "ActiveState": "failed"}
    assert machine.shown(*wanted) == wanted, machine.journal()
    assert "hint: " in machine.journal()


def test_however_often_it_is_struck_it_is_up_again(machine: Machine, daemon: Daemon, pair: Pair) -> None:
    """The manager never gives up: after more ends than it would bear by itself the run still goes on without anybody's help."""
    configure(machine, pair, drop_in=["RestartSec=1"])
    started(machine)
    for stroke in range(1, STROKES + 1):
        os.kill(machine.main_pid(), signal.SIGKILL)
        deadline = time.monotonic() + 60.0
        while machine.shown("NRestarts", "SubState") != {"NRestarts": str(stroke), "SubState": "running"}:
            assert time.monotonic() < deadline, machine.journal()
            time.sleep(0.1)
    goes_on(machine, daemon, pair)


def test_a_reload_reads_the_settings_anew(machine: Machine, daemon: Daemon, pair: Pair) -> None:
    """`systemctl reload` reaches the daemon through all its walls, and the same process goes on."""
    started(machine)
    first = machine.main_pid()
    machine.run("systemctl", "reload", UNIT)
    deadline = time.monotonic() + 20.0
    while '"settings.' not in machine.journal():
        assert time.monotonic() < deadline, machine.journal()
        time.sleep(0.1)
    assert machine.main_pid() == first
    goes_on(machine, daemon, pair)
