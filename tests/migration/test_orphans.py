"""Records that belong to nobody are counted and asked about before anything is moved."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from streamflow.clock import SystemClock
from streamflow.migration.context import Migration
from streamflow.migration.orphans import find_orphans
from streamflow.model import Record
from streamflow.platforms.source import Stream
from streamflow.store.change import ResolveItem
from streamflow.store.memory import MemoryLedger
from tests.mapping.porch import PORCH, client, document, quote, scan, visit


def appointment(key: str, **data: Any) -> Record:
    found = visit(visitid=key, **data)
    return replace(found, key=key, digest=key, parent=found.data["clientid"] or None)


async def look(ledger: MemoryLedger, *streams: Stream) -> dict[str, Any]:
    """Give what the scope report says of it."""
    source = SimpleNamespace(streams=lambda: streams)
    stub = cast(Migration, SimpleNamespace(pair=PORCH, ledger=ledger, source=source))
    return (await find_orphans(stub, document())).to_json()


async def test_appointments_without_a_client_are_flagged_before_the_run() -> None:
    """One that names nobody is in the queue, one whose client was not read is told; those of clients, by address too, are neither."""
    ledger = MemoryLedger(clock=SystemClock())
    await ledger.stage([
        client("c7", email="dana@x.test"), appointment("v1"), appointment("v2", clientid=""), appointment("v3", clientid="c9"),
        appointment("v4", clientid="", client_email="Dana@X.test"), appointment("v5", clientid="", client_email="who@x.test"),
        replace(quote("q1"), digest="1"), replace(quote("q2", clientid=""), parent=None, digest="2"), replace(scan(), parent="q1"),
    ], scan="first")  # fmt: skip
    told = await look(ledger)
    assert told["counts"] == [
        {"kind": "quote", "name_nobody": 1, "name_one_not_read": 0}, {"kind": "visit", "name_nobody": 2, "name_one_not_read": 1},
    ]  # fmt: skip
    assert {row["key"]: row["reason"] for row in told["first"]}["v3"] == "it names client c9, which was not read"
    items = {item.id: item for item in await ledger.queue()}
    assert set(items) == {"unknown_parent:quote:q2", "unknown_parent:visit:v2", "unknown_parent:visit:v5"}
    assert items["unknown_parent:visit:v2"].decisions == ("reparent:<kind>:<key>", "retry", "waive")
    await ledger.commit([ResolveItem(id="unknown_parent:visit:v2", decision="waive", by="uid:1")])
    assert (await look(ledger))["counts"] == told["counts"]
    assert len(await ledger.queue()) == 2


async def test_whom_the_source_is_still_asked_about_is_not_flagged() -> None:
    """A record of a stream that can be asked whose it is waits for that answer; once that was in vain it is flagged."""
    ledger = MemoryLedger(clock=SystemClock())
    stream = Stream(kind="visit", reader="api", asks_owner=True)
    await ledger.stage([appointment("v1", clientid=""), appointment("v2", clientid="", belongs_to="nobody")], scan="first")
    assert (await look(ledger, stream))["counts"] == [{"kind": "visit", "name_nobody": 1, "name_one_not_read": 0}]
    assert [item.key for item in await ledger.queue()] == ["v2"]
