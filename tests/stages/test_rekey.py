"""Records whose key the reader made: one for one they go on under a new key, with all that is known of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest

from streamflow.model import Disposition, Intent, IntentState, Key, Op, Page, Record, RecordState, Ref
from streamflow.platforms.source import MADE_KEY, Source, Stream
from streamflow.stages.extract import Intake
from streamflow.stages.formerly import REMOVED, line_in, remembered
from streamflow.stages.gone import WRITTEN, written_name
from streamflow.stages.rekey import alike, judged, successors
from streamflow.store.change import PutIntent, PutLink, PutSetting, SettleIntent
from streamflow.store.memory import MemoryLedger
from tests.stages.test_extract import yes
from tests.store.values import StillClock, finish, link

STREAMS = (
    Stream(kind="client", reader="api"),
    Stream(kind="visit", reader="api", via="client", same_by=("quoteid",), made_of=("quoteid|clientid", "at")),
    Stream(kind="remark", reader="api", via="client", same_by=("quoteid", "text"), rewritten=("text",), made_of=("of", "quoteid", "text")),
)
KEYS = ("~1", "~2", "~3", "7", "8")


def visit(key: str, parent: str = "c1", quote: str = "q1", at: str = "10:00") -> Record:
    return Record(kind="visit", key=key, parent=parent, data={"quoteid": quote, "at": at}, digest=f"{quote} {at}")


def remark(key: str, text: str, quote: str = "q1", parent: str = "c1", **more: str) -> Record:
    data = {"quoteid": quote, "text": text, "of": parent, **more}
    return Record(kind="remark", key=key, parent=parent, data=data, digest=f"{quote} {text} {parent}")


def client(key: str = "c1") -> Record:
    return Record(kind="client", key=key, data={}, digest="c")


class Tree:
    """A source whose pages show clients with all their visits."""

    def __init__(self) -> None:
        self.shown: list[Record] = []
        self.gaps: tuple[str, ...] = ()
        self.clients: tuple[str, ...] = ("c1",)

    async def pages(self, kind: str, start: str | None) -> AsyncIterator[Page]:
        yield Page(kind="client", records=(*map(client, self.clients), *self.shown), next=None, gaps=self.gaps)

    def join(self, known: Record | None, fresh: Record, *, feed: str) -> Record:
        return replace(fresh, data={**(known.data if known is not None else {}), **fresh.data})


class Reading:
    """An intake over that source."""

    def __init__(self) -> None:
        self.source = Tree()
        self.clock = StillClock()
        self.ledger = MemoryLedger(clock=self.clock)
        self.passes = 0
        self.intake = Intake(
            ledger=self.ledger, source=cast(Source, self.source), permit=yes, on_page=lambda kind, count: None, streams=lambda: STREAMS
        )

    async def read(self, *shown: Record, gaps: tuple[str, ...] = (), of: tuple[str, ...] = ("c1",)) -> dict[Key, Any]:
        """Read what is shown, which is all that is *of* these clients; answers the visits that are known, by key, with their time."""
        self.source.shown, self.source.gaps, self.passes = list(shown), gaps, self.passes + 1
        self.source.clients = of
        await self.clock.sleep(60)
        await self.intake.scan(STREAMS[0], scan=f"client:{self.passes}")
        return {key: each.record.data["at"] for key, each in (await self.ledger.staged("visit", KEYS)).items()}

    async def remarks(self) -> dict[Key, Any]:
        """Give the texts of the remarks that are known, by key."""
        return {key: each.record.data["text"] for key, each in (await self.ledger.staged("remark", KEYS)).items()}

    async def homes(self) -> dict[Key, Key | None]:
        """Give the clients of the remarks that are known, by key."""
        return {key: each.record.parent for key, each in (await self.ledger.staged("remark", KEYS)).items()}


@pytest.mark.parametrize(
    ("gone", "fresh", "found"),
    [
        ([visit("~1")], [visit("~2")], [("~1", "~2")]),
        ([visit("~1")], [visit("7")], [("~1", "7")]),
        ([visit("7")], [visit("8")], []),
        ([visit("7")], [visit("~2")], []),
        ([visit("~1")], [visit("~2", quote="q2")], []),
        ([visit("~1")], [visit("~2"), visit("~3")], []),
        ([visit("~1"), visit("~3")], [visit("~2")], []),
        ([visit("~1"), visit("~3", quote="q2")], [visit("7", quote="q2"), visit("~2")], [("~1", "~2"), ("~3", "7")]),
        ([], [visit("~2")], []),
    ],
)
def test_only_one_for_one_is_the_same(gone: list[Record], fresh: list[Record], found: list[tuple[Key, Key]]) -> None:
    """A made key that went and the one key that came for it are one record; whatever could be another one is not."""
    assert successors(gone, fresh, alike(["quoteid"])) == found


async def test_a_visit_put_off_stays_the_same_visit() -> None:
    """Its line, its question and its number of records go on under the new key, and it is delivered again with the new time."""
    reading = Reading()
    await reading.read(visit("~1"))
    held = (await reading.ledger.staged("visit", ["~1"]))["~1"]
    await reading.ledger.commit([
        finish("~1", held.seq, kind="visit"), PutLink(link=link("~1", kind="visit", dest_kind="activities")),
    ])  # fmt: skip
    assert await reading.read(visit("~2", at="15:00")) == {"~2": "15:00"}
    now = (await reading.ledger.staged("visit", ["~2"]))["~2"]
    assert (now.state, now.disposition, now.missing_scans) == (RecordState.PENDING, Disposition.CREATED, 0)
    assert [each.ref for each in await reading.ledger.links_of("visit", ["~1", "~2"])] == [Ref("visit", "~2")]
    assert await reading.read(visit("8", at="15:00")) == {"8": "15:00"}


@pytest.mark.parametrize("known", [False, True])
async def test_whose_a_removed_record_was_is_known_by_the_new_key_too(known: bool) -> None:
    """People take out of the trash what belonged to a remark before it was edited, or read under both keys: it is still that remark's."""
    reading, both = Reading(), [remark("~1", "bare")]
    both += [remark("7", "bare")] if known else []
    await reading.ledger.stage([client(), *both], scan="client:0")
    line = replace(link("~1", kind="remark", dest_kind="notes"), dest_id="9-notes", ref=Ref("remark", "~1", "part"))
    await reading.ledger.commit([remembered(line)])
    await reading.read(remark("7", "bare"))
    assert list(await reading.remarks()) == ["7"]
    [found] = await reading.ledger.candidates("notes", {"id": ["9-notes"]}, side=REMOVED)
    assert line_in(found.info).ref == Ref("remark", "7", "part")


async def test_what_was_ours_of_a_removed_record_is_known_by_the_new_key_too() -> None:
    """People remove the record of a visit, and the visit gets another key: brought back, the record is as we wrote it all the same."""
    reading = Reading()
    await reading.read(visit("~1"))
    staged = (await reading.ledger.staged("visit", ["~1"]))["~1"]
    line = link("~1", kind="visit", dest_kind="leads")
    written = PutSetting(name=written_name(line), value={"name": "as we wrote it"})
    await reading.ledger.commit([finish("~1", staged.seq, kind="visit"), PutLink(link=line), written])
    await reading.read(visit("~2", at="15:00"))
    [now] = await reading.ledger.links_of("visit", ["~2"])
    assert await reading.ledger.settings(WRITTEN) == {written_name(now): {"name": "as we wrote it"}}


async def test_what_is_not_shown_whole_proves_nothing() -> None:
    """A page with gaps, another parent, and a key that is known elsewhere: each stays the record it is."""
    reading = Reading()
    await reading.read(visit("~1"))
    assert await reading.read(visit("~2", at="15:00"), gaps=("slow",)) == {"~1": "10:00", "~2": "15:00"}
    reading = Reading()
    await reading.read(visit("~1"), visit("~3", parent="c2"))
    assert set(await reading.read(visit("~2", parent="c2"))) == {"~1", "~2", "~3"}


async def test_while_a_write_is_open_it_keeps_its_key() -> None:
    """It is staged under the key it has, with what it holds now, and goes by the new one once the outcome is known."""
    reading = Reading()
    await reading.read(visit("~1"))
    meant = Intent(id="i1", ref=Ref("visit", "~1"), op=Op.CREATE, dest_kind="activities", fields={})
    await reading.ledger.commit([PutIntent(intent=meant)])
    assert await reading.read(visit("~2", at="15:00")) == {"~1": "15:00"}
    await reading.ledger.commit([SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="9-activities")])
    assert await reading.read(visit("~2", at="15:00")) == {"~2": "15:00"}


@pytest.mark.parametrize(
    ("first", "then", "left"),
    [
        ([visit("~1"), visit("7", parent="c2")], [visit("7")], {"7": "10:00"}),
        ([visit("~1"), visit("7", quote="")], [visit("7", at="15:00")], {"7": "15:00"}),
        ([visit("7")], [visit("~1")], {"7": "10:00"}),
        ([visit("7", quote="")], [visit("~1")], {"7": "10:00", "~1": "10:00"}),
        ([visit("~2", at="15:00"), visit("7")], [visit("~1")], {"7": "10:00"}),
        ([visit("~1"), visit("7", at="15:00")], [visit("7", at="15:00")], {"~1": "10:00", "7": "15:00"}),
        ([visit("~1"), visit("8", quote="q2")], [visit("8", quote="q2")], {"~1": "10:00", "8": "10:00"}),
        ([visit("~1"), visit("7", parent="c2")], [visit("7"), visit("8")], {"~1": "10:00", "7": "10:00", "8": "10:00"}),
    ],
)
async def test_one_whose_real_key_is_known_already_goes_up_in_it(first: list[Record], then: list[Record], left: dict[Key, str]) -> None:
    """Under one parent, with all the same that its made key is made of, or come to it just now, and one for one; nothing less."""
    reading = Reading()
    for each in first:        # each by itself: nothing ever showed them beside each other
        await reading.ledger.stage([each], scan="before:1")
    assert await reading.read(*then) == left


async def test_a_list_that_tells_no_ids_for_a_while_leaves_one_visit() -> None:
    """Put off while ids are not told, it is read under a made key; once they are told again it is the one visit it was."""
    reading = Reading()
    await reading.read(visit("7"))
    await reading.read(visit("~2", at="15:00"))
    assert await reading.read(visit("7", at="15:00")) == {"7": "15:00"}
    assert await reading.read(visit("7", at="15:00")) == {"7": "15:00"}


async def test_two_that_were_shown_beside_each_other_are_two() -> None:
    """The same enquiry and start, one with an id and one without: when one is shown no more it is gone, and goes up in none."""
    reading = Reading()
    await reading.read(visit("~1"), visit("7"))
    assert await reading.read(visit("7")) == {"~1": "10:00", "7": "10:00"}
    assert await reading.read(visit("~1")) == {"~1": "10:00", "7": "10:00"}


async def test_three_that_were_shown_beside_each_other_are_three() -> None:
    """One without an id beside two that have one: put off, one of the two leaves the others alike, and who is shown no more is gone."""
    reading = Reading()
    await reading.read(visit("~1"), visit("7"), visit("8"))
    assert await reading.read(visit("7"), visit("8", at="11:00")) == {"~1": "10:00", "7": "10:00", "8": "11:00"}


async def test_two_that_were_shown_beside_each_other_are_two_by_whatever_key() -> None:
    """Both are put off, and the one without an id goes by another made key; when the other one comes to that very hour, both stay."""
    reading = Reading()
    await reading.read(visit("~1"), visit("7"))
    assert await reading.read(visit("~2", at="15:00"), visit("7", at="11:00")) == {"~2": "15:00", "7": "11:00"}
    assert await reading.read(visit("7", at="15:00")) == {"~2": "15:00", "7": "15:00"}


@pytest.mark.parametrize("put_off", [visit("~2", at="15:00"), visit("8", at="15:00")])
async def test_one_of_two_that_is_put_off_stays_one_visit(put_off: Record) -> None:
    """The one without an id is put off while the other one stays: it goes on under its new key, and neither is there a third time."""
    reading = Reading()
    await reading.read(visit("~1"), visit("7"))
    assert await reading.read(put_off, visit("7")) == {put_off.key: "15:00", "7": "10:00"}
    assert await reading.read(put_off, visit("7", at="15:00")) == {put_off.key: "15:00", "7": "15:00"}
    assert await reading.read(visit("7", at="15:00")) == {put_off.key: "15:00", "7": "15:00"}


@pytest.mark.parametrize("state", [IntentState.IN_DOUBT, IntentState.PARKED])
@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ([visit("~1"), visit("7", quote="")], visit("7", at="15:00")),
        ([visit("~1"), visit("7", parent="c2")], visit("7")),
        ([visit("~1"), visit("7", at="15:00")], visit("~2", at="15:00")),
    ],
)
async def test_what_cannot_go_up_in_another_just_now_does_so_later(known: list[Record], shown: Record, state: IntentState) -> None:
    """While a write of it is open both stay; afterwards they are one, wherever the other went meanwhile, unless both were shown."""
    for beside in (False, True):
        reading = Reading()
        for each in known:
            await reading.ledger.stage([each], scan="before:1")
        meant = Intent(id="i1", ref=Ref("visit", "~1"), op=Op.CREATE, dest_kind="activities", fields={})
        await reading.ledger.commit([PutIntent(intent=meant)])
        await reading.ledger.commit([SettleIntent(id="i1", state=state)])
        assert {"~1", "7"} <= set(await reading.read(shown))
        now = visit("7", at="16:00")
        assert {"~1", "7"} <= set(await reading.read(*([visit("~1"), now] if beside else [now])))
        await reading.ledger.commit([SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="9-activities")])
        left = await reading.read(visit("7", at="17:00", quote="q2"))
        assert {key: left.get(key) for key in ("~1", "7")} == {"~1": "10:00" if beside else None, "7": "17:00"}
        assert not await reading.ledger.settings("fold:")


def test_what_another_is_to_go_up_in_keeps_its_key() -> None:
    """Whatever a page shows, only made keys change or go up, and only in real ones: what is owed to one of these can be owed for long."""
    chance, folded, rekeyed = Random(7), 0, 0

    def some(make: Any) -> list[Record]:
        keys = chance.sample(KEYS, chance.randint(0, 3))
        return [make(key, chance.choice(("10:00", "11:00")), chance.choice(("q1", "q2", "")), chance.choice(("c1", "c2"))) for key in keys]

    for stream, make in (
        (STREAMS[1], lambda key, at, quote, parent: visit(key, parent, quote, at)),
        (STREAMS[2], lambda key, text, quote, parent: remark(key, text, quote, parent)),
    ):
        for _ in range(4_000):
            known, merged, shown, others = some(make), some(make), some(make), some(make)
            there = {each.key: each for each in (*others, *merged, *known) if each.key in {record.key for record in shown}}
            lately = {each.key for each in known if chance.random() < 0.5}
            found = judged(stream, known, shown, there, lately=lately, merged=merged, apart=chance.sample(KEYS, 1))
            assert all(old.startswith(MADE_KEY) and not new.startswith(MADE_KEY) for old, new in found.folded)
            assert all(old.startswith(MADE_KEY) for old, _ in found.rekeyed)
            folded, rekeyed = folded + len(found.folded), rekeyed + len(found.rekeyed)
    assert min(folded, rekeyed) > 100


async def test_what_was_made_of_both_is_told_and_planned_again() -> None:
    """The line of the made key stands beside that of the real one, which is open again; while a write of either is open nothing changes."""
    reading = Reading()
    for key in ("~1", "7"):
        await reading.ledger.stage([visit(key)], scan="before:1")
        seq = (await reading.ledger.staged("visit", [key]))[key].seq
        await reading.ledger.commit([finish(key, seq, kind="visit"), PutLink(link=link(key, kind="visit", dest_kind="activities"))])
    meant = Intent(id="i1", ref=Ref("visit", "7"), op=Op.UPDATE, dest_kind="activities", fields={}, dest_id="7-activities")
    await reading.ledger.commit([PutIntent(intent=meant)])
    assert await reading.read(visit("7")) == {"~1": "10:00", "7": "10:00"}
    await reading.ledger.commit([SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="7-activities")])
    assert await reading.read(visit("7")) == {"7": "10:00"}
    assert (await reading.ledger.staged("visit", ["7"]))["7"].state is RecordState.PENDING
    lines = {each.ref.part: each.dest_id for each in await reading.ledger.links_of("visit", ["~1", "7"])}
    assert lines == {"": "7-activities", "~~1-activities": "~1-activities"}
    assert [row.entry.action for row in await reading.ledger.audit_of("visit", "~1")] == ["record.folded"]


@pytest.mark.parametrize(
    ("first", "then", "left"),
    [
        ([remark("~1", "one")], [remark("~2", "two")], {"~2": "two"}),
        ([remark("~1", "one"), remark("~3", "three")], [remark("~2", "two"), remark("~3", "three")], {"~2": "two", "~3": "three"}),
        ([remark("~1", "one"), remark("~3", "three")], [remark("7", "one"), remark("~2", "two")], {"7": "one", "~2": "two"}),
        ([remark("~1", "one"), remark("~3", "x", "q2")], [remark("~2", "two"), remark("8", "y", "q2")],
         {"~2": "two", "~3": "x", "8": "y"}),
        ([remark("~1", "one")], [remark("~2", "two", "q2")], {"~1": "one", "~2": "two"}),
        ([remark("~1", "one")], [remark("7", "two")], {"~1": "one", "7": "two"}),
        ([remark("7", "one")], [remark("~2", "two")], {"7": "one", "~2": "two"}),
        ([remark("~1", "one")], [remark("~2", "two"), remark("~3", "three")], {"~1": "one", "~2": "two", "~3": "three"}),
        ([remark("~1", "one"), remark("~3", "three")], [remark("~2", "two")], {"~1": "one", "~2": "two", "~3": "three"}),
    ],
)  # fmt: skip
async def test_a_text_written_anew_is_the_same_remark(first: list[Record], then: list[Record], left: dict[Key, str]) -> None:
    """Where one text went, one came in its place and nothing else accounts for either: it stays one record, with the new text."""
    reading = Reading()
    await reading.read(*first)
    await reading.read(*then)
    assert await reading.remarks() == left


async def test_a_text_that_went_before_another_came_is_another_one() -> None:
    """A reading in between showed neither: the first is gone, the second is new, and neither takes the other's place."""
    reading = Reading()
    await reading.read(remark("~1", "one"))
    await reading.read()
    await reading.read(remark("~2", "two"))
    assert await reading.remarks() == {"~1": "one", "~2": "two"}


async def test_a_text_shown_without_its_key_keeps_what_its_key_told() -> None:
    """Known by its key with author and time, and shown as bare text later: it stays that record, with all that was known of it."""
    reading = Reading()
    await reading.read(remark("7", "one", by="Ana"))
    await reading.read(remark("~1", "one"))
    assert await reading.remarks() == {"7": "one"}
    assert (await reading.ledger.staged("remark", ["7"]))["7"].record.data["by"] == "Ana"


@pytest.mark.parametrize(
    ("had", "shown", "left"),
    [
        ([remark("~1", "one", parent="c2")], [remark("~2", "one")], {"~2": "c1"}),
        ([remark("~1", "one", parent="c2")], [remark("8", "one")], {"8": "c1"}),
        ([remark("8", "one", parent="c2", by="Ana")], [remark("~2", "one")], {"8": "c1"}),
        ([remark("8", "one", parent="c2")], [remark("8", "one")], {"8": "c1"}),
        ([remark("~1", "one", parent="c2")], [remark("~2", "two")], {"~1": "c2", "~2": "c1"}),
        ([remark("~1", "one", "q2", parent="c2")], [remark("~2", "one")], {"~1": "c2", "~2": "c1"}),
    ],
)
async def test_what_a_merged_client_had_goes_on_under_the_other(had: list[Record], shown: list[Record], left: dict[Key, Key]) -> None:
    """A visit that was another client's says that both were merged: its remarks stay what they are, by whatever key they are shown."""
    reading = Reading()
    await reading.read(visit("7", parent="c2"), *had)
    await reading.read(visit("7"), *shown)
    assert await reading.homes() == left
    await reading.read(visit("7"), *shown)
    assert await reading.homes() == left, "and so it stays"
    for each in (await reading.ledger.staged("remark", ["8"])).values():
        assert each.record.data.get("by") == had[0].data.get("by")


async def test_without_a_sign_of_merging_the_same_text_is_another_remark() -> None:
    """Nothing of the other client's is shown here, or that one is shown beside: then both have their own."""
    reading = Reading()
    await reading.read(visit("7"), remark("~1", "one", parent="c2"))
    await reading.read(visit("7"), remark("~2", "one"))
    assert await reading.homes() == {"~1": "c2", "~2": "c1"}
    reading = Reading()
    await reading.read(visit("7", parent="c2"), remark("~1", "one", parent="c2"))
    await reading.read(visit("7"), visit("8", parent="c2"), remark("~2", "one"), of=("c1", "c2"))
    assert await reading.homes() == {"~1": "c2", "~2": "c1"}
