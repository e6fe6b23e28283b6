"""Decisions that name a record, and what a trace says of them: through the desk that the socket and the command line ask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamflow.daemon.desk import Desk
from streamflow.errors import NotFound, UsageError
from streamflow.migration.life import State
from streamflow.migration.owners import OwnersGate
from streamflow.model import IntentState, Op, QueueItem
from streamflow.store.change import DropLink, Enqueue, PutIntent
from tests.migration.rig import ASK_CUTOVER, Voyage, voyage


def desk(trip: Voyage) -> Desk:
    supervisor: Any = SimpleNamespace(m=trip.m, work=trip.work, owners=OwnersGate(trip.m))
    return Desk(supervisor, picture=None, reports=None, limiters={}, stop=lambda: None, set_cap=lambda *_: None)  # type: ignore[arg-type]


async def ask(trip: Voyage, cause: str, kind: str, key: str, *decisions: str) -> str:
    item = QueueItem(id=f"{cause}:{kind}:{key}", cause=cause, kind=kind, key=key, reason="?", decisions=decisions)
    await trip.ledger.commit([Enqueue(item=item)])
    return item.id


async def test_a_target_nobody_knows_is_refused_and_leaves_the_question_open(tmp_path: Path) -> None:
    """No target, one of another kind, one that does not exist and the record itself: each is refused by name, nothing is decided."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        lead = trip.source_rows("leads")[0]["leadid"]
        person = next(iter(trip.live("contacts")))
        company = next(iter(trip.live("accounts")))
        parent = await ask(trip, "unknown_parent", "note", "n1", "reparent:<kind>:<key>", "waive", "retry")
        who = await ask(trip, "several_candidates", "lead", lead, "separate", "merge:123", "match:9-contacts")
        doubt = await ask(trip, "in_doubt", "lead", lead, "recreate", "adopt:<destination id>", "waive")
        refused = [
            (parent, "reparent", UsageError), (parent, "reparent:foo", UsageError), (parent, "reparent:note:n1", UsageError),
            (parent, "reparent:lead:no-such", NotFound), (parent, "waive:now", UsageError), (parent, "take", UsageError),
            (who, "merge:", UsageError), (who, "merge:no-such", NotFound), (who, f"merge:{lead}", UsageError),
            (who, "match:5", UsageError), (who, f"match:{company}", UsageError), (who, "match:999999-contacts", NotFound),
            (doubt, "adopt:", UsageError), (doubt, "adopt:999999-contacts", NotFound),
        ]  # fmt: skip
        for item, decision, error in refused:
            with pytest.raises(error) as caught:
                await desk(trip).queue_resolve(actor="uid:7", id=item, decision=decision)
            assert caught.value.hint, decision
            assert (await trip.ledger.item(item)).state == "open", decision
        for item, decision in ((parent, f"reparent:lead:{lead} "), (who, f"match:{person}"), (doubt, f"adopt:{person}")):
            assert (await desk(trip).queue_resolve(actor="uid:7", id=item, decision=decision))["result"] == "resolved"
        assert (await trip.ledger.item(parent)).decision == f"reparent:lead:{lead}"


async def ask_of_a_write(trip: Voyage, note: str) -> str:
    """Ask about a second making of a note, as about one whose outcome nobody knows."""
    made = next(each for each in await trip.ledger.intents_of("note", note) if each.op is Op.CREATE)
    lost = replace(made, id=f"lost-{note}", state=IntentState.PARKED, dest_id=None)
    item = QueueItem(
        id=f"doubt:{lost.id}", cause="in_doubt", kind="note", key=note, reason="?", details={"intent": lost.id},
        decisions=("recreate", "adopt:<destination id>", "waive"),
    )  # fmt: skip
    await trip.ledger.commit([PutIntent(intent=lost), Enqueue(item=item)])
    return item.id


async def test_a_text_of_another_record_is_adopted_by_none(tmp_path: Path) -> None:
    """What a note became, or was just said to be, is no other note's: the answer is refused, and says whose it is."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        lines = {line.ref.key: line async for page in trip.ledger.crosswalk(dest_kind="notes") for line in page if line.ref.kind == "note"}
        first, second, third, *_ = lines.values()
        await trip.ledger.commit([DropLink(ref=third.ref)])
        items = [await ask_of_a_write(trip, line.ref.key) for line in (first, second)]
        with pytest.raises(UsageError, match=f"{second.dest_id} is what note {second.ref.key} became"):
            await desk(trip).queue_resolve(actor="uid:7", id=items[0], decision=f"adopt:{second.dest_id}")
        await desk(trip).queue_resolve(actor="uid:7", id=items[1], decision=f"adopt:{third.dest_id}")
        with pytest.raises(UsageError, match=f"{third.dest_id} is what note {second.ref.key} became"):
            await desk(trip).queue_resolve(actor="uid:7", id=items[0], decision=f"adopt:{third.dest_id}")
        assert (await trip.ledger.item(items[0])).state == "open"
        await desk(trip).queue_resolve(actor="uid:7", id=items[0], decision="recreate")


async def test_a_trace_tells_where_a_person_put_a_record(tmp_path: Path) -> None:
    """A note without a known lead, given to one by a decision: its trace shows it under that one; kinds it names are the pair's."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        model, note = next(iter((await trip.staged("note")).values())).record, "n777"
        data = {**model.data, "noteid": note, "leadid": "777777", "lead_email": ""}
        await trip.ledger.stage([replace(model, key=note, data=data, digest="d", parent="777777")], scan="s", changes=[])
        await trip.work.deliver_all()
        assert (await trip.staged("note"))[note].waiting_on == "lead:777777"
        homes = [link.ref.key async for links in trip.ledger.crosswalk(dest_kind="contacts") for link in links if not link.is_merged]
        home = homes[0]
        [item] = [each for each in await trip.items("unknown_parent") if each.key == note]
        await desk(trip).queue_resolve(actor="uid:7", id=item.id, decision=f"reparent:lead:{home}")
        shown = await desk(trip).trace(kind="note", key=note)
        assert home in {draft["fields"]["link:parent"]["key"] for draft in shown["map"]["drafts"]}
        with pytest.raises(NotFound) as unknown:
            await desk(trip).trace(kind="leed", key="1")
        assert set(unknown.value.hint.removeprefix("kinds are ").split(", ")) == {plan.kind for plan in trip.m.pair.kinds}
