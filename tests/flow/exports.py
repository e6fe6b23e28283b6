"""In runs by files: somebody who exports the source once more while the tail goes on, so that what people did since is read there."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing

from tests.flow.box import Box

_READ = "snapshot:"
"""So begin the settings that say which export a kind was read from."""


class Exports:
    """One export in the tail; the freeze waits until all of it was read: what is not read by then is read in the switch."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._read_before: Mapping[str, str] | None = None

    def attend(self) -> bool:
        """Export, or look whether that was read; says whether it still was not."""
        now = self._read()
        if self._read_before is None:
            self._read_before = now
            self._box.export()
        return any(now.get(kind) == snapshot for kind, snapshot in self._read_before.items())

    def _read(self) -> Mapping[str, str]:
        with closing(sqlite3.connect(f"file:{self._box.state / 'ledger.sqlite'}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT name, value FROM setting WHERE name LIKE ?", (f"{_READ}%",)))
