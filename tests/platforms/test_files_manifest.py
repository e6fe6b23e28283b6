"""Snapshots are read only when they are whole: manifests, hashes, and what is said when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.errors import PlatformUnavailable, ProtocolMismatch
from streamflow.platforms.files.inbox import Inbox
from streamflow.platforms.files.manifest import is_inside, parse
from tests.platforms.leadtrekker_rig import write_folder

LEADS = "leadid,name\n1,Thandi\n"


def manifest(**changed: Any) -> bytes:
    """Give a manifest of one file with parts replaced."""
    entry = {"file": "leads.csv", "rows": 1, "sha256": "0" * 64}
    return json.dumps({"exported_at": "2026-06-01T08:00:00+02:00", "complete": True, "files": [entry]} | changed).encode()


def test_a_good_manifest_is_read() -> None:
    """Moments become UTC, names and hashes are as written, the digest names the content."""
    found = parse(manifest(), where="x")
    assert (found.exported_at.isoformat(), found.complete) == ("2026-06-01T06:00:00+00:00", True)
    assert (found.files[0].name, found.files[0].rows, found.files[0].is_table) == ("leads.csv", 1, True)
    assert found.digest != parse(manifest(complete=False), where="x").digest


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"files": [', "not a JSON object"),
        (b"[]", "not a JSON object"),
        (manifest(exported_at="yesterday"), "exported_at: expected a moment"),
        (manifest(exported_at="0001-01-01T00:00:00+23:59"), "exported_at: expected a moment"),
        (manifest(complete="yes"), "complete: expected true or false"),
        (manifest(files={}), "files: expected a list"),
        (manifest(files=["leads.csv"]), "files[0]: expected an object"),
        (manifest(files=[{"file": "leads.csv", "sha256": "abc"}]), "files[0].sha256: expected 64"),
        (manifest(files=[{"file": "leads.csv", "rows": -1, "sha256": "0" * 64}]), "files[0].rows: expected a whole number"),
        (manifest(files=[{"file": "../x.csv", "rows": 1, "sha256": "0" * 64}]), "'../x.csv' points outside"),
        (manifest(files=[{"file": "/etc/passwd", "sha256": "0" * 64}]), "points outside"),
        (manifest(files=[{"file": "a.csv", "sha256": "0" * 64}] * 2), "'a.csv' is named 2 times"),
    ],
)
def test_each_fault_of_a_manifest_is_named(content: bytes, said: str) -> None:
    """The message says which part is wrong and what to do."""
    with pytest.raises(ProtocolMismatch) as caught:
        parse(content, where="20260601T080000Z")
    assert said in caught.value.message
    assert "20260601T080000Z" in caught.value.message
    assert caught.value.hint


@given(st.text(max_size=20))
def test_no_accepted_name_leaves_the_folder(name: str) -> None:
    """Whatever is accepted stays below the folder when it is joined to it."""
    if is_inside(name):
        joined = Path("/inbox/snapshot") / name
        assert joined.is_relative_to("/inbox/snapshot")
        assert ".." not in joined.parts


def test_folders_without_manifest_are_left_alone(tmp_path: Path) -> None:
    """A folder that is being written is not read, and that is said."""
    (tmp_path / "20260601T080000Z").mkdir()
    inbox = Inbox(tmp_path)
    assert inbox.complete() == []
    assert inbox.notices == ("20260601T080000Z: no manifest.json yet, so it is not read",)


def test_newest_complete_snapshot_goes_first(tmp_path: Path) -> None:
    """Order is by when it was exported; an incomplete one proves nothing and is only mentioned."""
    write_folder(tmp_path / "a", {"leads.csv": LEADS}, exported_at="2026-06-02T00:00:00Z")
    write_folder(tmp_path / "b", {"leads.csv": LEADS}, exported_at="2026-06-01T00:00:00Z")
    write_folder(tmp_path / "c", {"leads.csv": LEADS}, exported_at="2026-06-03T00:00:00Z", complete=False)
    inbox = Inbox(tmp_path)
    assert [snapshot.folder.name for snapshot in inbox.complete()] == ["a", "b"]
    assert inbox.notices == ("c: its manifest says that it is not complete, so it is not read",)


def test_the_id_of_a_snapshot_follows_its_content(tmp_path: Path) -> None:
    """The same folder with other content is another snapshot; ids hold no slash."""
    folder = write_folder(tmp_path / "a", {"leads.csv": LEADS})
    inbox = Inbox(tmp_path)
    first = inbox.complete()[0].id
    assert inbox.complete()[0].id == first
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text().replace("08:00:00Z", "09:00:00.5Z"))
    assert inbox.complete()[0].id != first
    assert "/" not in first


def test_a_broken_newest_manifest_is_an_error_and_an_old_one_a_notice(tmp_path: Path) -> None:
    """An older snapshot is never silently taken in place of a damaged newer one."""
    write_folder(tmp_path / "20260602", {"leads.csv": LEADS})
    (tmp_path / "20260601").mkdir()
    (tmp_path / "20260601" / "manifest.json").write_text("{")
    inbox = Inbox(tmp_path)
    assert len(inbox.complete()) == 1
    assert "20260601: its manifest cannot be used" in inbox.notices[0]
    (tmp_path / "20260603").mkdir()
    (tmp_path / "20260603" / "manifest.json").write_text("{")
    with pytest.raises(ProtocolMismatch, match="20260603"):
        inbox.complete()


def test_missing_inbox_is_said(tmp_path: Path) -> None:
    """A mistyped path is not an empty inbox."""
    with pytest.raises(PlatformUnavailable) as caught:
        Inbox(tmp_path / "nowhere").complete()
    assert "source.inbox" in caught.value.hint


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "leads.csv").write_text(LEADS[:-4]), "SHA-256 differs"),
        (lambda folder: (folder / "leads.csv").unlink(), "is in the manifest and not in the folder"),
        (lambda folder: ((folder / "leads.csv").unlink(), (folder / "leads.csv").symlink_to("/etc/hostname")), "leads out of the folder"),
    ],
    ids=["cut", "missing", "link"],
)
def test_damaged_snapshots_are_refused(tmp_path: Path, damage: Any, said: str) -> None:
    """A cut, missing or linked file stops the reading with one clear message."""
    folder = write_folder(tmp_path / "20260601T080000Z", {"leads.csv": LEADS})
    inbox = Inbox(tmp_path)
    inbox.prove(inbox.complete()[0])
    damage(folder)
    fresh = Inbox(tmp_path)
    with pytest.raises(ProtocolMismatch) as caught:
        fresh.prove(fresh.complete()[0])
    assert said in caught.value.message
    assert caught.value.hint
