"""Export snapshots that cannot be trusted: refused with what to do, and nothing is taken from them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow_bad.rig import Pair, Place, assert_clear, place_at, running_daemon, running_pair


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A pair whose source is read from files."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        with running_pair(Path(folder) / "pair", "--records", "60", "--gates", "ask", "--reader", "files") as found:
            yield found


@pytest.fixture
def place(pair: Pair) -> Iterator[Place]:
    """A place with an inbox of its own."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        place = place_at(Path(folder) / "p", pair)
        shutil.copytree(pair.dir / "inbox", place.dir / "inbox")
        yield place.edit((str(pair.dir / "inbox"), str(place.dir / "inbox")))


def newest(place: Place) -> Path:
    """Give the snapshot."""
    return max((place.dir / "inbox").iterdir())


def test_without_manifest(place: Place) -> None:
    """A folder without a manifest is still being written: nothing is read, and that is told."""
    (newest(place) / "manifest.json").unlink()
    assert_clear(place.cli("run"), 78, "no complete snapshot in the inbox")
    assert place.cli("check").code == 78


def test_wrong_hash(place: Place) -> None:
    """A table that is not what the manifest says is named, and not one row of it is taken."""
    manifest = newest(place) / "manifest.json"
    document = json.loads(manifest.read_bytes())
    for entry in document["files"]:
        if entry["file"].endswith(".csv"):
            entry["sha256"] = "0" * 64
            break
    manifest.write_text(json.dumps(document), encoding="utf-8")
    assert_clear(place.cli("run"), 78, entry["file"], "SHA-256 differs", "copy it again")


def test_cut_file(place: Place) -> None:
    """A table that was cut while it was copied is found before anything is read from it."""
    table = max(newest(place).glob("*.csv"), key=lambda path: path.stat().st_size)
    table.write_bytes(table.read_bytes()[: table.stat().st_size // 2])
    assert_clear(place.cli("run"), 78, table.name, "copy it again")
    said = place.cli("check")
    assert said.code == 78
    assert table.name in said.out


def test_cut_manifest(place: Place) -> None:
    """A manifest that was cut is told as such."""
    manifest = newest(place) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-40])
    assert_clear(place.cli("run"), 78, "manifest", "cut short")


def test_missing_file(place: Place) -> None:
    """A file that the manifest names and the folder lacks is told."""
    table = max(newest(place).glob("*.csv"), key=lambda path: path.stat().st_size)
    table.unlink()
    assert_clear(place.cli("run"), 78, table.name, "copy the whole export again")


def test_no_inbox(place: Place) -> None:
    """An inbox that is not there is told with the setting."""
    shutil.rmtree(place.dir / "inbox")
    assert_clear(place.cli("run"), 69, "inbox folder does not exist", "source.inbox")


def test_mended(place: Place) -> None:
    """Once a whole snapshot is there, the same state directory goes on."""
    manifest = newest(place) / "manifest.json"
    content = manifest.read_bytes()
    manifest.unlink()
    assert place.cli("run").code == 78
    manifest.write_bytes(content)
    with running_daemon(place) as daemon:
        status = daemon.gate("map")
        assert status["streams"]["lead"]["read"] > 0
