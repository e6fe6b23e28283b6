"""Questions about what does not come: one for each place or record, put once, and over when a read could have shown it and did."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import cast

import pytest

from streamflow.clock import SystemClock
from streamflow.errors import InvariantBroken, PlatformUnavailable, StoreError, StreamflowError
from streamflow.migration import unread
from streamflow.migration.context import Migration
from streamflow.migration.holes import Holes
from streamflow.model import Key, QueueItem, Record
from streamflow.platforms.source import Stream
from streamflow.stages.tally import CHANGED, RECENT, Tally
from streamflow.store.change import ResolveItem
from streamflow.store.memory import MemoryLedger

CLIENTS = Stream(kind="client", reader="api")
VISITS = Stream(kind="visit", reader="api", refers_to="client")


class Bench:
    """A ledger, and a source that holds some records and cannot give others."""

    def __init__(self, *, there: tuple[Key, ...] = (), held: tuple[Key, ...] = ()) -> None:
        async def one(kind: str, key: Key) -> Record | None:
            if key in held:
                raise PlatformUnavailable("no answer in time")
            return client(key) if key in there else None

        self.ledger = MemoryLedger(clock=SystemClock())
        source = SimpleNamespace(one=one, streams=lambda: [CLIENTS, VISITS])
        self.m = cast(Migration, SimpleNamespace(ledger=self.ledger, source=source, log=lambda *_, **__: None))

    async def read(self, *gaps: str, part: str = "", scan: str = "one", walks: int = 1) -> Tally:
        holes = Counter({str(walk): len(gaps) // walks for walk in range(walks)})
        tally = Tally(ended=True, asked=1, part=part, gaps=Counter(gaps), holes=holes)
        await Holes(self.m).settle(CLIENTS, tally, scan)
        return tally

    async def open(self) -> list[QueueItem]:
        return list(await self.ledger.queue(cause="source_unread"))

    async def waive(self) -> None:
        await self.ledger.commit([ResolveItem(id=item.id, decision="waive", by="uid:7") for item in await self.open()])


def client(key: Key) -> Record:
    return Record(kind="client", key=key, data={}, digest=key)


async def test_a_place_is_asked_about_once_and_each_place_for_itself() -> None:
    """Given up it is not asked about again; another one beside it is, and that alone is told."""
    bench = Bench()
    assert not (await bench.read("row 4 never comes")).given_up
    await bench.waive()
    assert (await bench.read("row 4 never comes")).given_up
    assert await unread.told(bench.m) == ""
    assert not (await bench.read("row 4 never comes", "row 9 never comes")).given_up
    [item] = await bench.open()
    assert "row 9" in item.reason
    assert item.reason == await unread.told(bench.m)
    assert not await unread.is_given_up(bench.m, "client")


async def test_a_read_of_what_changed_does_not_close_what_the_whole_list_left_out() -> None:
    """Only a whole list without a gap does; it closes what was left out of what changed, too, and the next failure is asked about anew."""
    bench = Bench()
    await bench.read("row 4 never comes")
    await bench.read(part=CHANGED)
    assert len(await bench.open()) == 1
    await bench.read("row 1 of what changed never comes", part=CHANGED)
    assert len(await bench.open()) == 2
    await bench.waive()
    await bench.read()
    assert not (await bench.read("row 4 never comes")).given_up


async def test_who_does_not_come_is_named_where_it_is_known() -> None:
    """By being in the ledger, or named by another record, shown by no page and not given by its id; the rest keeps its place for a name."""
    bench = Bench(there=("seen", "moved"), held=("slow", "stranger"))
    await bench.ledger.stage([client(key) for key in ("seen", "slow", "gone", "moved")], scan="zero")
    visit = Record(kind="visit", key="v", data={}, digest="v", parent="stranger")
    await bench.ledger.stage([client("seen"), visit], scan="one")
    tally = await bench.read("row 4 never comes", "row 5 never comes", "again row 4 never comes", "again row 5 never comes", walks=2)
    assert {item.key for item in await bench.open()} == {"slow", "stranger"}
    assert (tally.complete, tally.accounted) == (False, True)
    await bench.waive()
    given_up = await bench.read("row 4 never comes", "row 5 never comes")
    assert given_up.complete
    assert set(given_up.spared["client"]) == {"slow", "stranger", "moved"}, "what is gone is not among what is never missed"
    one_more = await bench.read("row 4 never comes", "row 5 never comes", "row 6 never comes")
    assert not one_more.complete
    [item] = await bench.open()
    assert item.reason.startswith("1 more client records"), "who that is nobody knows"


async def test_nobody_is_named_while_the_source_does_not_answer_at_all() -> None:
    """Where even a record that was just shown does not come, nothing is known of the others, and the pass proves nothing."""
    bench = Bench(held=("seen", "slow"))
    await bench.ledger.stage([client(key) for key in ("seen", "slow")], scan="zero")
    await bench.ledger.stage([client("seen")], scan="one")
    tally = await bench.read("row 2 never comes")
    await bench.waive()
    assert [item.key for item in await bench.ledger.queue(state=None)] == [""]
    again = await bench.read("row 2 never comes")
    assert (tally.accounted, again.given_up, again.complete) == (False, True, False)


async def test_the_latest_part_asks_nothing_new_of_those_given_up_by_name() -> None:
    """It is a part of the whole list, which tells them by their id: as many holes as are given up are none; one more is a question."""
    bench = Bench(there=("seen",), held=("slow",))
    await bench.ledger.stage([client(key) for key in ("seen", "slow")], scan="zero")
    await bench.ledger.stage([client("seen")], scan="one")
    await bench.read("row 2 never comes")
    await bench.waive()
    assert (await bench.read("row 1 of the latest never comes", part=RECENT)).given_up
    assert not await bench.open()
    assert not (await bench.read("row 1 of the latest never comes", "row 3 of the latest never comes", part=RECENT)).given_up
    assert len(await bench.open()) == 2


@pytest.mark.parametrize(
    ("trouble", "is_ours"),
    [(StoreError("the disk is full"), True), (InvariantBroken("a write on the source"), True), (PlatformUnavailable("away"), False)],
)
async def test_trouble_of_our_own_is_not_told_as_a_source_that_is_away(trouble: StreamflowError, is_ours: bool) -> None:
    """Before a cutover the source is asked once more: only what it did not answer is a reason to wait, a bug of ours is raised."""
    bench = Bench()

    async def check() -> dict[str, str]:
        raise trouble

    bench.m.source.check = check  # type: ignore[method-assign]
    if is_ours:
        with pytest.raises(type(trouble), match=trouble.message):
            await unread.look_again(bench.m)
    else:
        assert await unread.look_again(bench.m) == ["the source cannot be asked: away"]
