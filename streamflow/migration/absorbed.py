"""What a rollback makes of records that people merged: their work, spared and told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from streamflow.migration.context import Migration
from streamflow.migration.undoing import Step
from streamflow.model import DestId, Kind, Ref
from streamflow.stages.gone import GONE_KINDS, MERGED


class Absorbed:
    """Knows which records were merged into which, those noted while they were followed and those met on the way."""

    def __init__(self, migration: Migration) -> None:
        self._m = migration
        self._into: dict[DestId, list[DestId]] = defaultdict(list)     # survivor -> those merged into it
        self._moved: dict[Ref, DestId] = {}                            # source record -> what was made of it and is merged away
        self._fates: dict[DestId, DestId | None] = {}

    async def recall(self) -> None:
        """Take up what was followed until now."""
        for name, value in (await self._m.ledger.settings(MERGED)).items():
            lost = name.removeprefix(MERGED)
            self._into[value["into"]].append(lost)
            self._moved.update({Ref(*ref): lost for ref in value["refs"]})

    async def look(self, kind: Kind, missing: Sequence[DestId]) -> None:
        """See which of the records that are not there were merged into others without anybody noticing."""
        if kind in GONE_KINDS and missing:
            self._fates |= await self._m.destination.reader.fates(kind, missing)

    def judged(self, steps: Sequence[Step]) -> list[Step]:
        """Spare what others were merged into, and tell what became of those merged away."""
        return [self._judged(step) for step in steps]

    def _judged(self, step: Step) -> Step:
        link = step.link
        if (survivor := self._fates.get(link.dest_id)) is not None and step.action == "forget":
            return replace(step, reason=f"people merged it into {survivor}")
        if link.dest_id in self._into and step.action == "delete":
            return Step(link=link, action="spare", reason=f"people merged others into it: {', '.join(self._into[link.dest_id][:3])}")
        if link.ref in self._moved and step.action == "forget":
            return replace(step, reason=f"people merged {self._moved[link.ref]} into it")
        return step
