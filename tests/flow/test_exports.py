"""The export that somebody makes in the tail of a run by files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.flow.box import Box
from tests.flow.exports import Exports


class Exported(Box):
    """A sandbox in name, which counts exports."""

    times = 0

    def export(self) -> None:
        """Count one."""
        type(self).times += 1


def _read(state: Path, **snapshots: str) -> None:
    with closing(sqlite3.connect(state / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        ledger.executemany("REPLACE INTO setting VALUES (?, ?)", [(f"snapshot:{kind}", name) for kind, name in snapshots.items()])


def test_the_freeze_waits_until_all_of_an_export_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one export, and nobody stops writing before every kind that was read from the last one was read from this one."""
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(Exported, "times", 0)
    exports = Exports(Exported(dir=tmp_path, source_admin="", destination_admin=""))
    _read(tmp_path / "state", lead="one", note="one")
    assert exports.attend()
    _read(tmp_path / "state", lead="two")
    assert exports.attend()
    _read(tmp_path / "state", note="two")
    assert not exports.attend()
    assert Exported.times == 1
