"""The command line without a daemon, as real processes: codes, messages, hints."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from streamflow import __version__
from streamflow.cli.main import main
from tests.hanging import HUNG_S

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(Path(__file__).parents[2])}


def run(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streamflow.cli", *words]
    return subprocess.run(command, cwd=folder, env=ENVIRON | environ, capture_output=True, text=True, timeout=HUNG_S, check=False)


def here(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The same within this process, for the many cases that need no process of their own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def told(done: subprocess.CompletedProcess[str]) -> str:
    """Give stderr after checking its shape: one message, a hint, no traceback."""
    assert done.stderr.startswith("streamflow: ")
    assert "\n  hint: " in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_version_and_help(tmp_path: Path) -> None:
    """The version is told, and the help names every command."""
    assert run(tmp_path, "--version").stdout.strip() == f"streamflow {__version__}"
    page = run(tmp_path, "--help").stdout
    for name in ("init", "check", "run", "status", "top", "pause", "resume", "pace", "map", "owners", "sample", "cutover", "queue", "trace",
                 "verify", "report", "audit", "rollback", "purge", "sandbox", "demo"):  # fmt: skip
        assert f"\n    {name} " in page or f"\n    {name}\n" in page, name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stauts",), '"stauts" is not known here (did you mean "status"?)'),
        ((), "required: COMMAND"),
        (("map",), "required: ACTION"),
        (("map", "confirm"), "required: --digest"),
        (("pace", "nutshell"), "required: RATE"),
        (("pause", "--raeson", "x"), "unrecognized arguments"),
    ],
    ids=str,
)
def test_usage(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    """A command line that cannot be understood ends with 64 and says what is wrong."""
    done = here(tmp_path, *words)
    assert done.returncode == 64
    assert message in told(done)


def test_init_writes_once(tmp_path: Path) -> None:
    """A starter is written privately, and a file that exists is never touched."""
    first = run(tmp_path, "init", "leadtrekker-nutshell")
    path = tmp_path / "streamflow.toml"
    assert (first.returncode, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600)
    path.write_text("mine")
    second = here(tmp_path, "init", "leadtrekker-nutshell")
    assert second.returncode == 64
    assert "exists already" in told(second)
    assert path.read_text() == "mine"
    other = here(tmp_path, "init", "lead-perfection-nutshell", "-c", "lp.toml", "--json")
    assert json.loads(other.stdout)["result"] == "written"
    assert here(tmp_path, "init", "salesforce-nutshell").returncode == 64


def test_config_faults_all_at_once(tmp_path: Path) -> None:
    """Check, run and status end with 78 on a broken file and list every fault; programs get them as a list."""
    (tmp_path / "streamflow.toml").write_text('[migration]\nname = ""\n[source]\nplatfrom = "x"\n')
    for command in ("check", "run", "status"):
        done = run(tmp_path, command)
        assert done.returncode == 78
        assert "faults" in told(done)
        for fault in ("migration.name", "migration.state_dir", "source.platfrom", "[destination] is missing"):
            assert fault in done.stderr
    faults = json.loads(here(tmp_path, "--json", "check").stdout)["error"]["faults"]
    assert len(faults) >= 5


def test_missing_config(tmp_path: Path) -> None:
    """Without a file the message names it and how to get one; the variable points elsewhere."""
    done = run(tmp_path, "status")
    assert done.returncode == 78
    assert "streamflow init" in told(done)
    elsewhere = run(tmp_path, "status", STREAMFLOW_CONFIG="/no/such.toml")
    assert "/no/such.toml does not exist" in elsewhere.stderr


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """A folder with a right configuration whose keys are not readable for this user, as for an operator."""
    assert here(tmp_path, "init", "leadtrekker-nutshell").returncode == 0
    return tmp_path


def test_daemon_not_running(configured: Path) -> None:
    """Commands that need the daemon end with 75 and say how to start it; no key file is needed for that."""
    done = run(configured, "status")
    assert done.returncode == 75
    assert "no daemon answers" in told(done)
    assert json.loads(here(configured, "pause", "--json").stdout)["error"]["code"] == "not_running"


def test_local_mistakes_need_no_daemon(configured: Path) -> None:
    """What is wrong on its face is refused before anybody is asked."""
    for words, message in (
        (("pace", "nutshell", "fast"), '"fast" is not a rate'),
        (("rollback",), "must be confirmed"),
        (("rollback", "--confirm", "other"), "is not the name of this migration"),
        (("purge",), "must be confirmed"),
        (("purge", "--confirm", "other"), "is not the name of this migration"),
        (("map", "edit", "gone.json"), "cannot be read"),
        (("queue", "import", "gone.csv"), "cannot be read"),
        (("owners", "fallback", "nobody"), "is not an e-mail address"),
    ):
        done = here(configured, *words)
        assert (done.returncode, message in told(done)) == (64, True), done.stderr


def test_reports_on_disk(configured: Path) -> None:
    """Reports are listed with the daemon down."""
    folder = configured / "state" / "reports"
    folder.mkdir(parents=True)
    (folder / "scope.json").write_text("{}")
    (folder / "scope.html").write_text("")
    done = here(configured, "report", "--json")
    [report] = json.loads(done.stdout)["reports"]
    assert (report["name"], report["csv"], Path(report["html"])) == ("scope", None, folder / "scope.html")


def test_output_into_a_closed_pipe(configured: Path) -> None:
    """A reader that goes away early is no error."""
    command = f"{sys.executable} -m streamflow.cli --help | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=configured, env=ENVIRON, capture_output=True, text=True, timeout=HUNG_S, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


@pytest.mark.parametrize(
    "error", [MemoryError(), orjson.JSONDecodeError("Not enough memory to allocate buffer for parsing", "", 0)], ids=["python", "json"]
)
def test_a_want_of_memory_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Whoever notices it first: it is no bug, more memory and the same command will do, so a service manager tries again."""

    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr("streamflow.cli.main.execute", fail)
    done = here(tmp_path, "status")
    assert done.returncode == 75
    assert "not enough memory" in told(done)
