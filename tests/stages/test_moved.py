"""Whole tables: records whose key is made by the reader stay what they are when people merge their parents in the source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from streamflow.model import Disposition, Intent, IntentState, Key, Op, Page, Record, RecordState, Ref
from streamflow.platforms.source import Source, Stream
from streamflow.stages.extract import Intake
from streamflow.store.change import Change, PutIntent, PutLink, Rekey, SettleIntent
from streamflow.store.memory import MemoryLedger
from tests.platforms.leadperfection.rig import reading as lead_perfection
from tests.platforms.leadtrekker_rig import connect as leadtrekker
from tests.platforms.leadtrekker_rig import write_folder
from tests.stages.test_extract import yes
from tests.store.values import StillClock, finish, link

STREAMS = (
    Stream(kind="client", reader="files"),
    Stream(kind="ring", reader="files", refers_to="client", moved_by=("at", "number|name"), sweepable=False),
    Stream(kind="paper", reader="files", refers_to="client", role="file", moved_by=("sha", "name")),
)


def client(key: Key) -> Record:
    return Record(kind="client", key=key, data={}, digest="c")


def ring(key: Key, parent: Key, at: str = "10:00", number: str = "5") -> Record:
    return Record(kind="ring", key=key, parent=parent, data={"at": at, "number": number, "of": parent}, digest=f"{parent} {at} {number}")


def paper(key: Key, parent: Key, sha: str = "s") -> Record:
    return Record(kind="paper", key=key, parent=parent, data={"sha": sha, "name": "a.pdf", "of": parent}, digest=f"{parent} {sha}")


class Tables:
    """A source of whole tables, one record a page, which may be killed after some of them."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Record]] = {}
        self.pages_read = 0
        self.dies_after: int | None = None
        self.gaps: tuple[str, ...] = ()      # in the tables that are not of clients

    async def pages(self, kind: str, start: str | None) -> AsyncIterator[Page]:
        rows = self.tables.get(kind, [])
        for number in range(int(start or 0), max(len(rows), 1)):
            if self.dies_after is not None and number >= self.dies_after:
                raise KilledError
            self.pages_read += 1
            yield Page(
                kind=kind, records=tuple(rows[number : number + 1]), next=str(number + 1) if number + 1 < len(rows) else None,
                gaps=() if kind == "client" else self.gaps,
            )

    def join(self, known: Record | None, fresh: Record, *, feed: str) -> Record:
        return fresh


class KilledError(Exception):
    """The run ends here."""


class Snapshots:
    """An intake over that source, which reads one snapshot after the other."""

    def __init__(self) -> None:
        self.source = Tables()
        self.clock = StillClock()
        self.ledger = MemoryLedger(clock=self.clock)
        self.passes = 0
        self.intake = Intake(
            ledger=self.ledger, source=cast(Source, self.source), permit=yes, on_page=lambda kind, count: None, streams=lambda: STREAMS
        )

    async def read(self, clients: str, *shown: Record, dies_after: int | None = None) -> dict[Key, Key | None]:
        """Read a snapshot with these clients ("c1 c2") and records; answers whose the records are that are known, by key."""
        self.source.tables = {"client": [client(key) for key in clients.split()]}
        for record in shown:
            self.source.tables.setdefault(record.kind, []).append(record)
        self.passes += 1
        await self.clock.sleep(60)
        await self.intake.scan(STREAMS[0], scan=f"poll:client:{self.passes}")
        self.source.dies_after = dies_after
        for stream in STREAMS[1:]:
            if stream.kind in self.source.tables:
                await self.clock.sleep(1)
                await self._pass(stream)
        return await self.homes()

    async def _pass(self, stream: Stream) -> None:
        scan = f"poll:{stream.kind}:{self.passes}"
        try:
            await self.intake.scan(stream, scan=scan)
        except KilledError:
            self.source.dies_after = None
            await self.intake.scan(stream, scan=scan)

    async def homes(self) -> dict[Key, Key | None]:
        """Give whose each record is, by key."""
        return {
            each.record.key: each.record.parent
            for stream in STREAMS[1:]
            async for page in self.ledger.every(stream.kind)
            for each in page
        }

    async def deliver(self, kind: str, key: Key) -> None:
        """Say that a record was delivered."""
        seq = (await self.ledger.staged(kind, [key]))[key].seq
        await self.ledger.commit([finish(key, seq, kind=kind), PutLink(link=link(key, kind=kind, dest_kind="notes"))])


@pytest.mark.parametrize(("make", "old", "new"), [(ring, "~1", "~2"), (paper, "hash1", "hash2")])
async def test_what_a_merged_client_had_goes_on_under_the_one_that_stayed(make: Any, old: Key, new: Key) -> None:
    """It goes by its new key with its line, is delivered again as it is now, and nothing is left under the old one."""
    reading = Snapshots()
    await reading.read("c1 c2", make(old, "c1"))
    await reading.deliver(make(old, "c1").kind, old)
    assert await reading.read("c2", make(new, "c2")) == {new: "c2"}
    now = (await reading.ledger.staged(make(new, "c2").kind, [new]))[new]
    assert (now.state, now.disposition, now.missing_scans) == (RecordState.PENDING, Disposition.CREATED, 0)
    lines = await reading.ledger.links_of(now.record.kind, [old, new])
    assert [(each.ref.key, each.dest_id) for each in lines] == [(new, f"{old}-notes")]
    assert await reading.read("c2", make(new, "c2")) == {new: "c2"}, "and so it stays"


@pytest.mark.parametrize(
    ("first", "clients", "then", "left"),
    [
        ([ring("~1", "c1")], "c1 c2", [ring("~2", "c2")], {"~1": "c1", "~2": "c2"}),                             # its client is there
        ([ring("~1", "c1")], "c2", [ring("~1", "c1"), ring("~2", "c2")], {"~1": "c1", "~2": "c2"}),              # it is shown itself
        ([ring("~1", "c1")], "c2", [ring("~2", "c2"), ring("~1", "c1")], {"~1": "c1", "~2": "c2"}),              # on a later page
        ([ring("~1", "c1")], "c2 c3", [ring("~2", "c2"), ring("~3", "c3")], {"~1": "c1", "~2": "c2", "~3": "c3"}),   # two came
        ([ring("~1", "c1"), ring("~3", "c3")], "c2", [ring("~2", "c2")], {"~1": "c1", "~3": "c3", "~2": "c2"}),      # two went
        ([ring("~1", "c1")], "c2", [ring("~2", "c2", number="6")], {"~1": "c1", "~2": "c2"}),                    # another number
        ([ring("~1", "c1")], "c2", [ring("7", "c2")], {"~1": "c1", "7": "c2"}),                                  # it has an id of its own
        ([ring("7", "c1")], "c2", [ring("~2", "c2")], {"7": "c1", "~2": "c2"}),                                  # it had one
        ([ring("~1", "c1", at="")], "c2", [ring("~2", "c2", at="")], {"~1": "c1", "~2": "c2"}),                  # nothing to know it by
        ([ring("~1", "c1"), ring("~2", "c2")], "c2", [ring("~2", "c2")], {"~1": "c1", "~2": "c2"}),              # that one was there before
        ([ring("~1", "c1"), ring("~2", "c2")], "c2 c3", [ring("~2", "c2"), ring("~3", "c3")], {"~3": "c3", "~2": "c2"}),
        ([ring("~1", "c1"), ring("~3", "c3")], "c2", [ring("~2", "c2"), ring("~4", "c2", at="11:00")],
         {"~1": "c1", "~3": "c3", "~2": "c2", "~4": "c2"}),
    ],
)  # fmt: skip
async def test_anything_less_is_two_records(first: list[Record], clients: str, then: list[Record], left: dict[Key, Key]) -> None:
    """The former client gone, the former record gone, all else the same, and one for one: else each stays what it is."""
    reading = Snapshots()
    await reading.read("c1 c2 c3", *first)
    assert await reading.read(clients, *then) == left


async def test_a_table_that_was_not_shown_whole_makes_nobody_the_same() -> None:
    """What is missing may be what would have stood against it: two records stay two until a table without a gap says so."""
    reading = Snapshots()
    await reading.read("c1 c2", ring("~1", "c1"))
    reading.source.gaps = ("row 7 cannot be read",)
    assert await reading.read("c2", ring("~2", "c2")) == {"~1": "c1", "~2": "c2"}


async def test_one_that_went_before_the_other_came_is_another_one() -> None:
    """A table in between showed neither: the file was taken away with its client, and the later one is somebody else's."""
    reading = Snapshots()
    await reading.read("c1 c2", paper("h1", "c1"), paper("h9", "c2", sha="t"))
    await reading.read("c2", paper("h9", "c2", sha="t"))
    assert await reading.read("c2", paper("h9", "c2", sha="t"), paper("h2", "c2")) == {"h1": "c1", "h9": "c2", "h2": "c2"}


@pytest.mark.parametrize("dies_after", [0, 1, 2])
async def test_a_pass_cut_short_ends_as_it_would_have(dies_after: int) -> None:
    """Whatever page the run dies before: what is one is one, and what came twice is not taken for one on the way on."""
    reading = Snapshots()
    await reading.read("c1 c2 c3", ring("~1", "c1"), ring("~5", "c1", at="11:00"))
    shown = [ring("~2", "c2"), ring("~6", "c2", at="11:00"), ring("~7", "c3", at="11:00")]
    assert await reading.read("c2 c3", *shown, dies_after=dies_after) == {"~2": "c2", "~5": "c1", "~6": "c2", "~7": "c3"}


async def test_a_run_that_dies_between_the_new_key_and_its_page_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record goes by its new key and its page is not staged: read again, it is that record, and nobody else's."""
    reading = Snapshots()
    await reading.read("c1 c2 c3", ring("~1", "c1"))
    stage = reading.ledger.stage

    async def dies(*given: Any, **more: Any) -> Any:
        if more["scan"].startswith("poll:ring"):
            monkeypatch.setattr(reading.ledger, "stage", stage)
            raise KilledError
        return await stage(*given, **more)

    monkeypatch.setattr(reading.ledger, "stage", dies)
    assert await reading.read("c2 c3", ring("~2", "c2"), ring("~3", "c2", at="11:00")) == {"~2": "c2", "~3": "c2"}


async def test_a_pass_of_clients_whose_misses_were_not_counted_is_proof_too() -> None:
    """The run died after the last page of the clients and before it noted who was missed."""
    reading = Snapshots()
    await reading.read("c1 c2", ring("~1", "c1"))
    reading.intake.miss = nothing  # type: ignore[method-assign]
    assert await reading.read("c2", ring("~2", "c2")) == {"~2": "c2"}


async def nothing(*_: Any, **__: Any) -> None:
    """Note nothing."""


@pytest.mark.parametrize("state", [IntentState.IN_DOUBT, IntentState.PARKED])
async def test_while_a_write_is_open_it_keeps_its_key(state: IntentState) -> None:
    """It is staged under the key it has, as what it is now, and goes by the new one with the next table, once the outcome is known."""
    reading = Snapshots()
    await reading.read("c1 c2", ring("~1", "c1"))
    meant = Intent(id="i1", ref=Ref("ring", "~1"), op=Op.CREATE, dest_kind="notes", fields={})
    await reading.ledger.commit([PutIntent(intent=meant)])
    await reading.ledger.commit([SettleIntent(id="i1", state=state)])
    for _ in range(2):
        assert await reading.read("c2", ring("~2", "c2")) == {"~1": "c2"}
    await reading.ledger.commit([SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="9-notes")])
    ends = end_behind_rename(reading.ledger)
    assert await reading.read("c2", ring("~2", "c2")) == {"~2": "c2"}
    assert ends
    assert not await reading.ledger.settings("rename:"), "what was owed is paid with the rename, wherever the run ends"


def end_behind_rename(ledger: MemoryLedger) -> list[str]:
    """Let the run end at the first commit behind one that changes a key; what is answered fills as that comes."""
    commit, ends = ledger.commit, list[str]()

    async def cut(changes: Iterable[Change]) -> None:
        told = list(changes)
        if ends == ["renamed"]:
            ends.append("ended")
            raise KilledError
        await commit(told)
        if not ends and any(isinstance(each, Rekey) for each in told):
            ends.append("renamed")

    ledger.commit = cut  # type: ignore[method-assign]
    return ends


async def test_a_table_is_looked_through_only_where_it_may_matter() -> None:
    """What is new and like nothing that lost its client costs one reading of the table, as ever."""
    reading = Snapshots()
    await reading.read("c1 c2", ring("~1", "c1"))
    before = reading.source.pages_read
    await reading.read("c2", ring("~3", "c2", at="12:00"), ring("~4", "c2", at="13:00"))
    assert reading.source.pages_read - before == 3


PEOPLE = """leadid,name,email,number,company,source,status,owner_email,created
10007,Ann Lee,ann@example.com,0821234567,,,,,2026-01-01 08:00:00
10037,Anne Lee,anne@example.com,0821234568,,,,,2026-01-02 08:00:00
"""
PHOTO = ("attachments/{}/Site photo.txt", "the roof")
CUSTOMERS = """cst_id,firstname,lastname,email,phone1,address1,city,state,zip,dateadded,lastchanged
400054,Ann,Lee,,9042000001,,,,,2026-01-01T00:00:00,2026-01-01T00:00:00
400001,Anne,Lee,,9042000000,,,,,2026-01-02T00:00:00,2026-01-02T00:00:00
"""
CALLS = (
    "calls.csv",
    'cst_id,calldatetime,phone,resultcode,agent\n{},2026-07-13T00:40:05,9042000000,SET,287\n',
)


@pytest.mark.parametrize(
    ("connect", "kinds", "people", "told", "homes"),
    [
        (partial(leadtrekker, reader="files"), ("lead", "attachment"), ("leads.csv", PEOPLE), PHOTO, ("10037", "10007")),
        (partial(lead_perfection, None, reader="files"), ("prospect", "call"), ("prospects.csv", CUSTOMERS), CALLS, ("400001", "400054")),
    ],
)
async def test_what_a_platform_s_export_shows_after_a_merge_is_what_it_was(
    tmp_path: Path, connect: Any, kinds: tuple[str, str], people: tuple[str, str], told: tuple[str, str], homes: tuple[Key, Key]
) -> None:
    """A file in the folder of another lead, and a call in the row of another customer, whose own is in the export no more."""
    former, stayed = homes
    name, rows = people
    merged = "".join(row for row in rows.splitlines(keepends=True) if former not in row)
    ledger = MemoryLedger(clock=StillClock())
    found: list[dict[Key, Key | None]] = []
    for day, (home, table) in enumerate([(former, rows), (stayed, merged)], 1):
        shown = {name: table, told[0].format(home): told[1].format(home)}
        write_folder(tmp_path / f"2026060{day}T080000Z", shown, exported_at=f"2026-06-0{day}T08:00:00Z")
        async with connect(inbox=tmp_path) as source:
            intake = Intake(ledger=ledger, source=source, permit=yes, on_page=lambda kind, count: None, streams=source.streams)
            for stream in source.streams():
                if stream.kind in kinds:
                    await intake.scan(stream, scan=f"poll:{stream.kind}:{day}")
        found.append({each.record.key: each.record.parent async for page in ledger.every(kinds[1]) for each in page})
    assert [list(each.values()) for each in found] == [[former], [stayed]]
    assert not found[0].keys() & found[1].keys(), "it goes by another key now"
