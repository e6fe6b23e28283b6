"""Orders in the audit, at a bounded rate."""

from __future__ import annotations

from streamflow.daemon.orders import BURST, PER_S, Orders
from streamflow.model import AuditEntry
from streamflow.store.memory import MemoryLedger
from tests.wire.virtual import VirtualClock


async def entries(ledger: MemoryLedger) -> list[AuditEntry]:
    return [row.entry async for page in ledger.audit() for row in page]


async def test_a_flood_is_counted_and_fills_nothing() -> None:
    """Five hundred bad orders a second for a minute leave some thousand entries, which together tell of each one, by whom and what it was."""
    clock = VirtualClock()
    ledger = MemoryLedger(clock=clock)
    orders = Orders(ledger, clock)
    for _ in range(600):
        for _ in range(50):
            await orders.given(actor="uid:1000", order="/v1/queue/{id}/resolve", said="id=withheld decision=withheld")
            await orders.refused(actor="uid:1000", order="/v1/queue/{id}/resolve", code="usage")
        clock.at += 0.1
    await orders.given(actor="uid:0", order="/v1/stop", said="")
    await orders.end()
    told = await entries(ledger)
    assert len(told) <= BURST + 2 * (60 * PER_S + 2)
    singly = sum(each.action in ("order.given", "order.refused") for each in told)
    counted = sum(sum(each.after.values()) for each in told if each.action == "order.more")
    assert singly + counted == 60_001
    assert all(each.actor == "uid:1000" for each in told if each.action == "order.more" and "resolve" in each.note)
    assert all("/v1/queue/{id}/resolve" in each.note for each in told if each.action == "order.more" and each.actor == "uid:1000")


async def test_after_a_flood_each_order_is_told_again() -> None:
    """Room comes back with time, and what was counted is told with the next order of whoever gave it."""
    clock = VirtualClock()
    ledger = MemoryLedger(clock=clock)
    orders = Orders(ledger, clock)
    for _ in range(BURST + 3):
        await orders.given(actor="uid:1000", order="/v1/pause", said="")
    clock.at += 5.0
    await orders.given(actor="uid:0", order="/v1/resume", said="")
    await orders.given(actor="uid:1000", order="/v1/pace", said="platform=source rate_per_s=2")
    told = [(each.actor, each.action, each.note) for each in (await entries(ledger))[BURST:]]
    assert told == [
        ("uid:0", "order.given", "/v1/resume"),
        ("uid:1000", "order.more", "too fast to be told one by one: 3 × /v1/pause"),
        ("uid:1000", "order.given", "/v1/pace platform=source rate_per_s=2"),
    ]
    await orders.end()
    assert len(await entries(ledger)) == BURST + 3, "nothing is told twice"
