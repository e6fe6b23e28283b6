"""The picture of a migration in moments that a good run does not come to."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from streamflow.clock import SystemClock, iso
from streamflow.daemon.book import read_book
from streamflow.daemon.metrics import Metrics
from streamflow.daemon.picture import CallCount, Picture
from streamflow.migration.control import Control
from streamflow.migration.failing import Failing
from streamflow.migration.life import Phase, State
from streamflow.migration.stopped import Stopped
from streamflow.migration.waits import Waits
from streamflow.model import Disposition, Intent, IntentState, Op, QueueItem, Record, RecordState, Ref
from streamflow.pipeline import Gauges
from streamflow.stages.doubt import DOUBLED
from streamflow.store.change import Enqueue, Finish, PutIntent, ResolveItem, SettleIntent
from streamflow.store.memory import MemoryLedger
from streamflow.wire.limiter import PacedLimiter
from tests.mapping.builders import PAIR
from tests.store.values import StillClock

CLOCK = SystemClock()


def migration(folder: Path, **more: Any) -> Any:
    """Give what a picture looks at, without any platform."""
    return SimpleNamespace(**{
        "ledger": MemoryLedger(clock=CLOCK), "clock": CLOCK, "control": Control(), "gauges": Gauges(), "gate": None,
        "pair": PAIR, "stopped": Stopped(), "failing": Failing(), "waits": Waits(CLOCK),
        "terms": SimpleNamespace(state_dir=folder, cutover_deadline_s=60.0),
        "phase": Phase(state=State.TAIL, reason="following", since=iso(CLOCK.now())), **more,
    })  # fmt: skip


def shown(picture: Picture) -> str:
    """Give the metrics as they would be scraped."""
    metrics = Metrics(clock=CLOCK, platforms=("nutshell",), kinds=("lead",), dest_kinds=("contacts",), stages=("load",))
    assert picture.latest is not None
    metrics.observe(picture.latest)
    return metrics.render()[0].decode()


async def test_an_overdue_cutover_is_told(tmp_path: Path) -> None:
    """While a cutover goes on beyond its deadline the metric says so, in no other phase however old."""
    old = iso(CLOCK.now() - timedelta(seconds=61))
    for state, value in ((State.CUTOVER, "1.0"), (State.TAIL, "0.0")):
        picture = Picture(migration(tmp_path, phase=Phase(state=state, reason="", since=old)), {}, CallCount())
        await picture.take()
        assert f"streamflow_cutover_overdue {value}" in shown(picture)


async def test_a_pause_that_nobody_asked_for_is_told(tmp_path: Path) -> None:
    """What holds everything up says what ends it, the next try or a person; a pause that a person asked for is none, nor is one over."""
    m = migration(tmp_path)
    picture = Picture(m, {}, CallCount())

    async def held_up() -> dict[str, str]:
        await picture.take()
        return dict(re.findall(r'streamflow_held_up\{until="(\w+)"\} (\S+)', shown(picture)))

    none = {"retry": "0.0", "person": "0.0"}
    assert await held_up() == none
    m.control.hold_up("the key is refused", ends_itself=True)
    assert await held_up() == {**none, "retry": "1.0"}
    m.control.lift()
    assert await held_up() == none
    m.control.hold_up("a custom field is refused")
    assert await held_up() == {**none, "person": "1.0"}
    m.control.pause("month-end in sales")
    assert await held_up() == none
    m.control.hold_up("a custom field is refused")
    assert await held_up() == none, "it is the person's pause"


async def test_doubles_and_doubts_are_counted(tmp_path: Path) -> None:
    """A write in doubt counts by its kind while it is looked for, as an item while a person is asked; one found twice stays a double."""
    m = migration(tmp_path)
    intent = Intent(
        id="i1", ref=Ref("lead", "1"), op=Op.CREATE, dest_kind="contacts", fields={}, marker="lt:lead:1", seq=1,
    )  # fmt: skip
    await m.ledger.commit([PutIntent(intent=intent), SettleIntent(id="i1", state=IntentState.IN_DOUBT)])
    items = [("doubt:i2", "2 of it: 1-contacts, 2-contacts", True), ("doubt:i3", "no bound for the search lag is known", False)]
    await m.ledger.commit([
        Enqueue(item=QueueItem(
            id=id, cause="in_doubt", kind="lead", key="2", reason=reason, decisions=("waive",), suggested="waive",
            details={DOUBLED: is_doubled},
        ))
        for id, reason, is_doubled in items
    ])
    picture = Picture(m, {}, CallCount())
    await picture.take()
    assert 'streamflow_in_doubt_intents{kind="contacts"} 1.0' in shown(picture)
    assert "streamflow_in_doubt_asked_items 2.0" in shown(picture)
    await m.ledger.commit([ResolveItem(id="doubt:i3", decision="waive", by="uid:1")])
    picture = Picture(m, {}, CallCount())
    await picture.take()
    assert "streamflow_in_doubt_asked_items 1.0" in shown(picture)
    assert "streamflow_duplicates_detected_total 1.0" in shown(picture)


async def test_the_items_about_doubts_are_looked_through_when_there_are_more_of_them() -> None:
    """The book is read each second for months: what was counted once is not read again until something came to it."""
    ledger = MemoryLedger(clock=CLOCK)
    looks: list[object] = []
    queue, items = ledger.queue, ledger.items
    ledger.queue = lambda **named: looks.append(named) or queue(**named)  # type: ignore[method-assign,func-returns-value]
    ledger.items = lambda **named: looks.append(named) or items(**named)  # type: ignore[method-assign,func-returns-value]
    book, doubled = None, []
    for number in (1, 2):
        await ledger.commit([Enqueue(item=QueueItem(
            id=f"doubt:{number}", cause="in_doubt", kind="lead", key="2", reason="2 of it", decisions=("waive",),
            details={DOUBLED: True},
        ))])
        for _ in range(3):
            book = await read_book(ledger, now=0.0, before=book)
            doubled.append(book.doubled)
        await ledger.commit([ResolveItem(id=f"doubt:{number}", decision="waive", by="uid:7")])
    assert doubled == [1, 1, 1, 2, 2, 2]
    assert len(looks) == 2


async def test_batches_that_wait_before_a_stage_are_counted(tmp_path: Path) -> None:
    """The filling of each stream between two stages is seen at the moment of the picture."""
    m = migration(tmp_path)
    send, receive = anyio.create_memory_object_stream[int](2)
    m.gauges._streams["load"] = send
    send.send_nowait(1)
    picture = Picture(m, {}, CallCount())
    await picture.take()
    assert 'streamflow_queue_depth_batches{stage="load"} 1.0' in shown(picture)
    assert 'streamflow_queue_capacity_batches{stage="load"} 2.0' in shown(picture)
    send.close()
    receive.close()


@pytest.mark.parametrize(
    ("state", "disposition", "backlog", "flagged"),
    [
        (RecordState.PARKED, Disposition.FLAGGED, 0, 1),     # waits for a flagged parent
        (RecordState.PARKED, None, 1, 0),                    # waits for the outcome of its write
        (RecordState.HELD, Disposition.FLAGGED, 0, 1),
        (RecordState.DONE, Disposition.CREATED, 0, 0),
    ],
)  # fmt: skip
async def test_a_record_counts_once(
    tmp_path: Path, state: RecordState, disposition: Disposition | None, backlog: int, flagged: int
) -> None:
    """Whatever waits for whatever: a record is in one disposition or in the backlog, never in both, never in none."""
    m = migration(tmp_path)
    await m.ledger.stage([Record(kind="lead", key="1", data={}, digest="d")], scan="lead:1")
    seq = (await m.ledger.staged("lead", ["1"]))["1"].seq
    waiting = "lead:2" if state is RecordState.PARKED else ""
    await m.ledger.commit([Finish(kind="lead", key="1", seq=seq, state=state, disposition=disposition, reason="why", waiting_on=waiting)])
    stream = (await Picture(m, {}, CallCount()).take()).streams["lead"]
    assert (stream.read, stream.backlog, stream.flagged, stream.staged) == (1, backlog, flagged, 0)


@pytest.mark.parametrize(("outcome", "lag_s"), [(IntentState.IN_DOUBT, 40.0), (IntentState.PARKED, 0.0)])
async def test_the_lag_counts_what_waits_for_an_unanswered_write(tmp_path: Path, outcome: IntentState, lag_s: float) -> None:
    """A change whose write was never answered is not there yet, and grows old like one that is still to be written; a person's is not."""
    clock = StillClock()
    m = migration(tmp_path, clock=clock, ledger=MemoryLedger(clock=clock))
    picture = Picture(m, {}, CallCount())
    await picture.take()
    await m.ledger.stage([Record(kind="lead", key="1", data={}, digest="d")], scan="lead:1")
    clock.at += timedelta(seconds=1.0)
    await picture.take()
    seq = (await m.ledger.staged("lead", ["1"]))["1"].seq
    sent = Intent(id="i1", ref=Ref("lead", "1"), op=Op.CREATE, dest_kind="contacts", fields={}, seq=seq)
    waiting = Finish(kind="lead", key="1", seq=seq, state=RecordState.PARKED, reason="", waiting_on="doubt:i1")
    await m.ledger.commit([PutIntent(intent=sent), SettleIntent(id="i1", state=outcome), waiting])
    clock.at += timedelta(seconds=40.0)
    assert (await picture.take()).streams["lead"].lag_s == lag_s


async def test_waits_are_told_by_their_reason(tmp_path: Path) -> None:
    """A platform that asked for silence, and a pace that is used up, both count the seconds that were waited for them."""
    limiter = PacedLimiter(CLOCK, rate_per_s=50.0, burst=1, max_in_flight=4)
    limiter.close_for(0.05, "429 answered")
    for _ in range(3):
        async with limiter.slot():
            pass
    picture = Picture(migration(tmp_path), {"nutshell": limiter}, CallCount())
    waited = (await picture.take()).figures.throttled_s
    assert waited["nutshell", "closed"] >= 0.04
    assert waited["nutshell", "rate"] > 0
