"""The results of long verbs in the ledger: one setting a job, the last one counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from streamflow.daemon.answers import dump
from streamflow.store.base import Ledger
from streamflow.store.change import PutSetting

_PREFIX = "job:"


class LedgerShelf:
    """Implements `daemon.jobs.Shelf`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def keep(self, name: str, job: Mapping[str, Any]) -> None:
        """Keep how a job ended."""
        await self._ledger.commit([PutSetting(name=f"{_PREFIX}{name}", value=orjson.loads(dump(job)))])

    async def kept(self) -> Mapping[str, Mapping[str, Any]]:
        """Give what was kept, by name."""
        return {name.removeprefix(_PREFIX): value for name, value in (await self._ledger.settings(_PREFIX)).items()}
