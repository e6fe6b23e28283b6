"""The names under which a question is put, time after time."""

from __future__ import annotations

from itertools import islice

from streamflow.model import QueueItem
from streamflow.stages.questions import next_question, numbered, repeated
from streamflow.store.change import Enqueue, ResolveItem
from streamflow.store.memory import MemoryLedger
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
