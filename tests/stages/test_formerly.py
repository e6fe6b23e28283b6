"""Looking for what a part of a source record had before, right before something is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from streamflow.model import DestId, Fields, Kind, Link, Ref, kind_of
from streamflow.platforms.destination import Reader
from streamflow.stages.formerly import remembered, restored
from streamflow.store.memory import MemoryLedger
from tests.store.values import StillClock

ONE, OTHER, NOTE, TASK = Ref("lead", "1"), Ref("lead", "2"), Ref("note", "3"), Ref("task", "4")


class Shelf:
    """A destination that holds some records, and notes which ones it was asked for."""

    def __init__(self, *there: DestId) -> None:
        self.there = there
        self.asked: list[tuple[Kind, Sequence[DestId]]] = []

    async def read(self, kind: Kind, ids: Sequence[DestId], *, custom: bool) -> Mapping[DestId, Fields]:
        self.asked.append((kind, list(ids)))
        return {each: {} for each in ids if each in self.there}


def line(dest_id: DestId, ref: Ref) -> Link:
    return Link(ref=ref, dest_kind=kind_of(dest_id), dest_id=dest_id, base={}, ours=True)


async def looked(ledger: MemoryLedger, shelf: Shelf, wanted: Mapping[Ref, Kind]) -> dict[Ref, DestId]:
    return await restored(ledger, cast(Reader, cast(Any, shelf)), wanted)


async def test_what_never_had_another_costs_no_call() -> None:
    """A first load asks the destination for nothing because of it; where one had another, only that one is asked for."""
    ledger, shelf = MemoryLedger(clock=StillClock()), Shelf("7-contacts")
    wanted: dict[Ref, Kind] = {ONE: "contacts", OTHER: "contacts", NOTE: "notes", TASK: "tasks"}
    assert (await looked(ledger, shelf, wanted), shelf.asked) == ({}, [])
    await ledger.commit([remembered(line("7-contacts", OTHER))])
    assert (await looked(ledger, shelf, wanted), shelf.asked) == ({OTHER: "7-contacts"}, [("contacts", ["7-contacts"])])


async def test_all_that_is_to_be_made_is_looked_for_in_one_call_a_kind() -> None:
    """What was there before and is still gone is made again; of two that are back one is followed, the same one each time."""
    ledger, shelf = MemoryLedger(clock=StillClock()), Shelf("8-contacts", "9-contacts", "5-notes")
    had = {"7-contacts": ONE, "9-contacts": OTHER, "8-contacts": OTHER, "5-notes": NOTE}
    await ledger.commit([remembered(line(dest_id, ref)) for dest_id, ref in had.items()])
    found = await looked(ledger, shelf, {ONE: "contacts", OTHER: "contacts", NOTE: "notes"})
    assert found == {OTHER: "8-contacts", NOTE: "5-notes"}
    assert shelf.asked == [("contacts", ["7-contacts", "8-contacts", "9-contacts"]), ("notes", ["5-notes"])]
