"""Looking for what a part of a source record had before, right before something is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from streamflow.model import ADOPTED, DestId, Fields, Intent, Kind, Link, Op, Ref, kind_of
from streamflow.platforms.destination import Reader
from streamflow.stages.formerly import adopted, doubled, line_in, remembered, restored, taken_away
from streamflow.store.change import Audit, PutLink, PutLookup
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


def write(op: Op, dest_id: DestId | None, kind: Kind = "notes") -> Intent:
    return Intent(id="1-1", ref=NOTE, op=op, dest_kind=kind, fields={}, dest_id=dest_id)


@pytest.mark.parametrize(("intent", "now", "remembers"), [
    (write(Op.DELETE, "5-notes"), None, line("5-notes", NOTE)),
    (write(Op.UPDATE, "5-notes"), Link(ref=NOTE, dest_kind="notes", dest_id="6-notes", base={"body": "x"}, ours=False, before={}),
     Link(ref=NOTE, dest_kind="notes", dest_id="5-notes", base={"body": "x"}, ours=False, before={})),
    (write(Op.UPDATE, "5-notes"), line("5-notes", NOTE), None),
    (write(Op.CREATE, "5-notes"), line("6-notes", NOTE), None),
    (write(Op.DELETE, None), None, None),
    (write(Op.DELETE, "5-tasks", "tasks"), None, None),
], ids=["a part that went", "a text made anew", "changed in place", "made", "nothing named", "nothing that comes back"])
def test_what_a_write_of_ours_removed_is_remembered(intent: Intent, now: Link | None, remembers: Link | None) -> None:
    """Whatever people can take out of the trash is known as what it was, also a text that stands in another record by now."""
    changes = taken_away(intent, now)
    assert [line_in(each.info) for each in changes if isinstance(each, PutLookup)] == ([] if remembers is None else [remembers])
    assert len(changes) == (remembers is not None)


def test_what_an_earlier_run_made_is_followed_and_told() -> None:
    """It counts as there before this run, with nothing of it ours; the audit says whose it is and why. A double of it is asked about."""
    put, told = adopted("contacts", "7-contacts", ONE, "it bears the mark")
    assert isinstance(put, PutLink)
    assert put.link == Link(
        ref=ONE, dest_kind="contacts", dest_id="7-contacts", base={}, ours=False, before={}, verified="verified", phase=ADOPTED,
    )
    assert isinstance(told, Audit)
    entry = told.entry
    assert (entry.actor, entry.action, entry.kind, entry.key, entry.dest_id, entry.note) == (
        "streamflow", "link", "lead", "1", "7-contacts", "it bears the mark",
    )
    item = doubled(ONE, "8-contacts", "7-contacts", "two bear it")
    assert (item.id, item.cause, item.kind, item.key) == ("doubled:8-contacts", "doubled_marker", "lead", "1")
    assert (item.reason, item.decisions, item.suggested) == ("two bear it", ("accept",), "accept")
    assert item.details == {"dest_id": "8-contacts", "first": "7-contacts"}
