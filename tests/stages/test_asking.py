"""What belongs to one record and never comes: a gap of that record, never the end of the pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from streamflow.errors import PlatformUnavailable, ProtocolMismatch, StreamflowError, Unreachable
from streamflow.model import Key, Kind, Page, Record
from streamflow.platforms.source import Stream
from streamflow.stages.extract import Intake
from streamflow.store.memory import MemoryLedger
from tests.wire.virtual import VirtualClock

NOTES = Stream(kind="note", reader="api", parent="lead")


class Mute:
    """A source that never answers for some parents."""

    def __init__(self, error: type[StreamflowError], *keys: Key) -> None:
        self.keys = set(keys)
        self.bare: set[Key] = set()      # parents that have no rows any more
        self._error = error

    async def children(self, kind: Kind, parent: Key) -> Page:
        if parent in self.keys:
            raise self._error("nobody answers")
        rows = () if parent in self.bare else (Record(kind=kind, key=f"n{parent}", data={}, digest="x", parent=parent),)
        return Page(kind=kind, records=rows, next=None)


async def reading(source: Mute) -> Intake:
    """Read into a ledger that knows four leads."""
    ledger = MemoryLedger(clock=VirtualClock())
    await ledger.stage([Record(kind="lead", key=f"p{n}", data={}, digest="x") for n in range(4)], scan="leads", changes=[])

    async def permit() -> bool:
        return True

    return Intake(ledger=ledger, source=source, permit=permit, on_page=lambda *_: None)  # type: ignore[arg-type]


async def group(*parents: Key) -> AsyncIterator[Sequence[Key]]:
    yield list(parents)


@pytest.mark.parametrize("error", [PlatformUnavailable, ProtocolMismatch])
async def test_what_one_parent_never_answers_is_its_own_affair(error: type[StreamflowError]) -> None:
    """Asked with others or by itself it is named and left out, as long as others are answered; all that can be read is."""
    intake = await reading(Mute(error, "p1"))
    together = await intake.scan_children(NOTES, group("p0", "p1", "p2"), scan="one", name="sweep:note")
    assert (together.ended, together.complete, together.unread, together.read) == (True, False, ["p1"], 2)
    alone = await intake.scan_children(NOTES, group("p1"), scan="two", name="sweep:note")
    assert (alone.complete, alone.unread) == (False, ["p1"])


async def test_what_was_not_answered_for_is_not_missed() -> None:
    """Rows that were known of a parent who is not answered for now are not absent; those of the others are."""
    source = Mute(PlatformUnavailable)
    intake = await reading(source)
    await intake.scan_children(NOTES, group("p0", "p1", "p2"), scan="one", name="sweep:note")
    source.keys, source.bare = {"p1"}, {"p2"}
    tally = await intake.scan_children(NOTES, group("p0", "p1", "p2"), scan="two", name="sweep:note")
    held = await intake._ledger.staged("note", ["np0", "np1", "np2"])
    assert {key: each.missing_scans for key, each in held.items()} == {"np0": 0, "np1": 0, "np2": 1}
    assert tally.missed == 1


@pytest.mark.parametrize(("error", "keys"), [(PlatformUnavailable, ("p0", "p1", "p2", "p3")), (Unreachable, ("p1",))])
async def test_nobody_s_answer_is_everybody_s_affair(error: type[StreamflowError], keys: tuple[Key, ...]) -> None:
    """Where no parent is answered, or nobody can be asked, the pass fails as a whole and is read again."""
    intake = await reading(Mute(error, *keys))
    with pytest.raises((error, ExceptionGroup)):
        await intake.scan_children(NOTES, group("p1", "p2"), scan="one", name="sweep:note")
