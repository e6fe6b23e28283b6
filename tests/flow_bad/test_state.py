"""The state directory: whose it is, in what state it is found, and that a refusal leaves it as it was."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, Place, assert_clear, place_at, running_daemon

HEADER_VERSION_AT = 60   # of user_version in SQLite's file header


@pytest.fixture
def begun(place: Place) -> Place:
    """A place whose migration has come to the map gate and was stopped in order."""
    with running_daemon(place) as daemon:
        daemon.gate("map")
        assert daemon.ask("POST", "/v1/stop")[0] == 200
        assert daemon.end() == 0
    return place


def test_file_of_another_application(place: Place) -> None:
    """A database that is not ours is refused and not changed by a byte."""
    place.state.mkdir(mode=0o700)
    with sqlite3.connect(place.state / "ledger.sqlite") as other:
        other.execute("CREATE TABLE accounts (id)")
    before = place.snapshot()
    for command in ("run", "check"):
        said = place.cli(command)
        assert said.code == 78
        assert "is not a ledger of streamflow" in said.err + said.out
    assert_clear(place.cli("run"), 78, "migration.state_dir", "name another state directory")
    assert place.snapshot() == before


def test_newer_version(begun: Place) -> None:
    """A ledger of a newer streamflow is refused, with what to install."""
    ledger = begun.state / "ledger.sqlite"
    with ledger.open("r+b") as file:
        file.seek(HEADER_VERSION_AT)
        file.write((99).to_bytes(4, "big"))
    before = begun.snapshot()
    assert_clear(begun.cli("run"), 78, "newer streamflow", "version 99")
    assert begun.snapshot() == before


def test_corrupt_bytes(begun: Place) -> None:
    """A damaged ledger stops the start with what to do, and stays as evidence."""
    ledger = begun.state / "ledger.sqlite"
    size = ledger.stat().st_size
    with ledger.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(min(size, 200_000) - 4096))
    before = begun.snapshot()
    assert_clear(begun.cli("run"), 78, "damaged", "backup")
    assert begun.snapshot() == before


def test_cut_file(begun: Place) -> None:
    """A ledger that was cut is damaged too, not empty."""
    ledger = begun.state / "ledger.sqlite"
    os.truncate(ledger, ledger.stat().st_size // 2)
    assert_clear(begun.cli("run"), 78, "damaged")
    os.truncate(ledger, 0)
    assert_clear(begun.cli("run"), 78, "is not a ledger")


def test_another_account(begun: Place) -> None:
    """A state directory is used for the accounts it began with; every difference is told, by `check` as well."""
    begun.line("name", 'name = "other"').line("timezone", 'timezone = "Europe/Berlin"')
    before = begun.snapshot()
    said = begun.cli("check", "--json")
    assert said.code == 78
    assert any("belongs to 'sandbox'" in each["detail"] for each in said.body["findings"] if each["subject"] == "state")
    assert_clear(begun.cli("run"), 78, "2 faults", "migration.name", "source.timezone", "'Africa/Johannesburg'")
    after = begun.snapshot()
    assert after.keys() == before.keys()
    begun.line("name", 'name = "sandbox"').line("timezone", 'timezone = "Africa/Johannesburg"')
    with running_daemon(begun) as daemon:
        daemon.gate("map")


def test_not_a_folder(place: Place) -> None:
    """A file in the place of the folder is told, by both commands."""
    place.state.write_text("hello", encoding="utf-8")
    assert_clear(place.cli("run"), 78, "state")
    assert place.cli("check").code == 78
    assert place.state.read_text(encoding="utf-8") == "hello"


@pytest.mark.parametrize("folder", ["/proc/streamflow", "/dev/null/streamflow"])
def test_a_place_where_nothing_can_be_made(place: Place, folder: str) -> None:
    """Where no folder can be made, whoever asks, that is told with the setting and the reason of the system."""
    place.line("state_dir", f'state_dir = "{folder}"')
    assert_clear(place.cli("run"), 78, "migration.state_dir", f"cannot use the state directory {folder}", "owner and rights")


def test_folder_that_others_use(place: Place) -> None:
    """A folder with other people's files is never taken and closed to them."""
    place.state.mkdir(mode=0o755)
    place.state.chmod(0o755)
    (place.state / "thesis.txt").write_text("important", encoding="utf-8")
    assert_clear(place.cli("run"), 78, "thesis.txt", "empty or not there yet")
    assert (place.state.stat().st_mode & 0o777, [path.name for path in place.state.iterdir()]) == (0o755, ["thesis.txt"])


def modes(folder: Path) -> dict[str, str]:
    """Give the rights of everything below a folder, and of itself, that anybody else has any."""
    every = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): f"{path.lstat().st_mode & 0o7777:04o}" for path in every if path.lstat().st_mode & 0o077}


def test_closed_to_others(begun: Place) -> None:
    """Whatever the daemon makes is its owner's alone, whatever mask it is started under; what stands open is closed at the start."""
    assert modes(begun.state) == {}
    opened = begun.state / "files" / "10001"
    opened.mkdir(parents=True)
    (opened / "quote.pdf").write_text("offer", encoding="utf-8")
    for path in (begun.state, begun.state / "files", opened, begun.state / "reports"):
        path.chmod(0o755)
    for path in (opened / "quote.pdf", begun.state / "ledger.sqlite", begun.state / "lock", begun.state / "reports" / "scope.json"):
        path.chmod(0o644)
    with running_daemon(begun) as daemon:
        daemon.gate("map")
        assert modes(begun.state) == {}
        assert begun.socket.stat().st_mode & 0o777 == 0o600


def test_second_daemon(begun: Place, pair: Pair, tmp_path: Path) -> None:
    """A second daemon is sent away with the first one's pid, which works on undisturbed."""
    with running_daemon(begun) as daemon:
        daemon.gate("map")
        assert_clear(begun.cli("run"), 75, f"pid {daemon.process.pid}", "streamflow status")
        assert begun.cli("check").code == 0, "looking is allowed"
        # The same socket under another state directory is not taken over either.
        other = place_at(begun.dir / "q", pair)
        other.line("socket", f'socket = "{begun.socket}"')
        assert_clear(other.cli("run"), 75, "another daemon answers")
        assert daemon.status()["phase"] == "map"


def test_socket_path(place: Place) -> None:
    """A control socket that cannot be is a fault of the configuration; a missing folder is made for its owner alone."""
    place.line("socket", f'socket = "/tmp/{"x" * 120}/c.sock"')
    assert_clear(place.cli("run"), 78, "control.socket", "at most 107")
    (place.dir / "file").write_text("", encoding="utf-8")
    place.line("socket", f'socket = "{place.dir}/file/c.sock"')
    assert_clear(place.cli("run"), 78, "control.socket", "cannot be used")
    place.line("socket", f'socket = "{place.dir}/file"')
    assert_clear(place.cli("run"), 78, "is not a socket")
    assert (place.dir / "file").read_text(encoding="utf-8") == ""
    place.line("socket", 'socket = "new/control.sock"')
    place.edit(("new/control.sock", str(place.dir / "new" / "control.sock")))
    with running_daemon(Place(dir=place.dir)) as daemon:
        deadline_words = ("daemon.started",)
        while not all(word in daemon.words() for word in deadline_words):
            assert daemon.process.poll() is None, daemon.words()
        assert (place.dir / "new").stat().st_mode & 0o777 == 0o700


def test_metrics_port_taken(place: Place) -> None:
    """A port in use is told with the setting; the migration that was begun is not harmed by it."""
    with running_daemon(place) as daemon:
        taken = daemon.gate("map")["listen"]["metrics"]
        other = place_at(place.dir / "q", Pair(dir=place.dir, config=place.config, source_admin="", destination_admin="", before={}))
        other.line("listen", f'listen = "{taken}"')
        assert_clear(other.cli("run"), 78, "metrics.listen", taken, "another port")
        other.line("listen", 'listen = "127.0.0.1:0"')
        with running_daemon(other) as second:
            second.gate("map")


def test_commands_without_a_daemon(place: Place) -> None:
    """Every order that needs a daemon says that none runs and how to start one; reports and audit need none."""
    for words in (("status",), ("pause",), ("map", "show"), ("queue", "list"), ("cutover",), ("verify",)):
        assert_clear(place.cli(*words), 75, "no daemon answers", "streamflow run")
    assert place.cli("report").code == 0
    assert_clear(place.cli("audit", "verify"), 64, "no state folder")
