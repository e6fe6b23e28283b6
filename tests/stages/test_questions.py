"""The names under which a question is put, time after time."""

from __future__ import annotations

from itertools import islice

import pytest

from streamflow.model import QueueItem, RecordState, asked_as
from streamflow.stages.questions import closed, next_question, numbered, repeated
from streamflow.stages.rekey import renamed
from streamflow.store.change import Audit, Enqueue, Reopen, ResolveItem
from streamflow.store.memory import MemoryLedger
from tests.stages.rig import note, rig
from tests.store.values import StillClock


def test_the_names_of_a_question_are_those_that_ledgers_hold() -> None:
    """A ledger of today is read by every later version: the second and third name of a question never change."""
    assert list(islice(repeated("rejected:lead:1:"), 3)) == ["rejected:lead:1:", "rejected:lead:1::again", "rejected:lead:1::again:again"]
    assert list(islice(numbered("unread:note"), 3)) == ["unread:note", "unread:note:2", "unread:note:3"]


async def test_a_question_is_put_anew_only_once_its_answer_is_used_up() -> None:
    """While it is open, or given up, it stands under its name; once answered the next one has a name of its own."""
    ledger = MemoryLedger(clock=StillClock())

    async def ask(name: str) -> None:
        item = QueueItem(id=name, cause="x", kind="note", key="", reason="", decisions=("retry", "waive"))
        await ledger.commit([Enqueue(item=item)])

    assert await next_question(ledger, numbered("x")) == ("x", None, None)
    await ask("x")
    assert (await next_question(ledger, numbered("x"))).name == "x"
    await ledger.commit([ResolveItem(id="x", decision="retry", by="a")])
    found = await next_question(ledger, numbered("x"))
    assert (found.name, found.standing, found.last and found.last.id) == ("x:2", None, "x")
    await ask("x:2")
    await ledger.commit([ResolveItem(id="x:2", decision="waive", by="a")])
    found = await next_question(ledger, numbered("x"))
    assert (found.name, found.standing and found.standing.decision) == ("x:2", "waive")
    assert (await next_question(ledger, numbered("x"), is_over=lambda item: item.state != "open")).name == "x:3"


@pytest.mark.parametrize("is_answered_first", [True, False])
async def test_an_answer_holds_under_the_key_that_the_record_goes_by_now(is_answered_first: bool) -> None:
    """Whoever left a record out has left it out, though the source calls it otherwise since they were asked, or since they answered."""
    async with rig() as one:
        await one.stage(note("made:1", "nobody"))
        await one.run_dry()
        [item] = await one.open_items("unknown_parent")
        if is_answered_first:
            await one.decide(item, "waive")
        assert await renamed(one.ledger, "note", "made:1", "77")
        if not is_answered_first:
            await one.decide(item, "waive")
        await one.ledger.commit([Reopen(kind="note", keys=("77",))])
        await one.run_dry()
        assert (await one.staged("note", "77")).state is RecordState.DONE
        assert not await one.open_items()


def test_a_question_is_named_by_the_present_key_alone() -> None:
    """Only the record's own name in it changes, wherever it stands; a longer key that begins so is another record's."""
    assert asked_as("conflict:note:1::body:1a", "note", "1", "77") == "conflict:note:77::body:1a"
    assert asked_as("rejected:note:1:", "note", "1", "77") == "rejected:note:77:"
    assert asked_as("rejected:note:12:", "note", "1", "77") == "rejected:note:12:"
    assert asked_as("outcome:5-0000001", "note", "1", "77") == "outcome:5-0000001"


def test_a_question_that_closes_by_itself_is_told_in_the_audit() -> None:
    """With the record it was about, and what it was closed by."""
    item = QueueItem(id="gone:lead:1", cause="x", kind="lead", key="1", reason="why", decisions=("keep",))
    answer, told = closed(item, "back")
    assert answer == ResolveItem(id="gone:lead:1", decision="back", by="streamflow")
    assert isinstance(told, Audit)
    entry = told.entry
    assert (entry.actor, entry.action, entry.kind, entry.key) == ("streamflow", "queue.resolved", "lead", "1")
    assert entry.note == "gone:lead:1: back"
