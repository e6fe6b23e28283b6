"""Values that follow from other records: people who show what hangs on them, and deals that pass from an inquiry to its quote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from streamflow.clock import SystemClock
from streamflow.mapping.uplinks import uplinks_of
from streamflow.model import Disposition, Key, Kind, Page, Record, RecordState, Ref
from streamflow.platforms.source import Source, Stream
from streamflow.sandbox.nutshell import admin
from streamflow.stages.extract import Intake
from streamflow.stages.vanished import Vanished
from streamflow.store.base import Ledger
from streamflow.store.change import Finish
from streamflow.store.memory import MemoryLedger
from tests.mapping.porch import PORCH, client, document, inquiry, quote
from tests.stages.rig import Rig, rig
from tests.stages.test_extract import yes


@asynccontextmanager
async def porch(**more: Any) -> AsyncIterator[Rig]:
    """A run from the made-up source with deals of their own."""
    async with rig(pair=PORCH, **more) as one:
        yield one


async def shown(one: Rig, *labels: str) -> list[Any]:
    """Custom fields of the one person there is."""
    [row] = one.live("contacts")
    fields = await one.fields("contacts", str(row["id"]))
    return [fields.get(f"custom:{label}") for label in labels]


async def deals(one: Rig) -> dict[str, str]:
    """Names of the deals that are there, by marker."""
    found = [await one.fields("leads", str(row["id"])) for row in one.live("leads")]
    return {str(fields.get("custom:Streamflow ID")): str(fields["description"]) for fields in found}


# ------------------------------------------------------------------------------------------------ reading


class Quotes:
    """A source that shows the quotes it is told to."""

    def __init__(self) -> None:
        self.shown: list[Record] = []

    def _page(self) -> Page:
        return Page(kind="quote", records=tuple(self.shown), next=None)

    async def pages(self, kind: str, start: str | None) -> AsyncIterator[Page]:
        yield self._page()

    async def children(self, kind: str, parent: Key) -> Page:
        return self._page()


def version(version: int, key: str, parent: str, /, **data: Any) -> Record:
    return replace(quote(key, **{"clientid": parent, "step": "", **data}), parent=parent, digest=str(version))


async def reopened(ledger: Ledger, kind: Kind) -> list[Key]:
    """Name what waits to be delivered, and have it delivered."""
    found = await ledger.pending(kind, limit=100)
    await ledger.commit([
        Finish(kind=kind, key=each.record.key, seq=each.seq, disposition=Disposition.CREATED) for each in found
    ])  # fmt: skip
    return sorted(each.record.key for each in found)


async def mothers() -> AsyncIterator[Sequence[Key]]:
    yield ["c1", "c2"]


@pytest.mark.parametrize("way", ["scan", "scan_children"])
async def test_a_parent_comes_again_with_its_child(way: str) -> None:
    """A new, changed, moved, vanished or returned child opens its parents and its inquiry again; the same one, or one pass, does not."""
    ledger, source = MemoryLedger(clock=SystemClock()), Quotes()
    intake = Intake(ledger=ledger, source=cast(Source, source), permit=yes, on_page=lambda kind, count: None)
    intake.uplinked.links = uplinks_of(document(), PORCH)
    stream = Stream(kind="quote", reader="api", refers_to="client")
    passes = iter(range(100))

    async def read(*shown: Record) -> tuple[list[Key], list[Key]]:
        source.shown, name = list(shown), f"quote:{next(passes)}"
        if way == "scan":
            await intake.scan(stream, scan=name)
        else:
            await intake.scan_children(stream, mothers(), scan=name, name="sweep:quote")
        return await reopened(ledger, "client"), await reopened(ledger, "inquiry")

    await ledger.stage([client("c1"), client("c2"), inquiry("i1", "c1"), inquiry("i2", "c1")], scan="client:1")
    await reopened(ledger, "client"), await reopened(ledger, "inquiry")
    other = version(1, "q2", "c2")
    assert await read(version(1, "q1", "c1", inquiryid="i1"), other) == (["c1", "c2"], ["i1"])
    assert await read(version(1, "q1", "c1", inquiryid="i1"), other) == ([], [])
    assert await read(version(2, "q1", "c1", inquiryid="i2"), other) == (["c1"], ["i1", "i2"])
    assert await read(version(3, "q1", "c2", inquiryid="i2"), other) == (["c1", "c2"], ["i2"])
    assert await read(other) == ([], [])
    assert await read(other) == (["c2"], ["i2"])
    assert await read(other) == ([], [])
    assert await read(version(3, "q1", "c2", inquiryid="i2"), other) == (["c2"], ["i2"])


async def test_a_parent_comes_again_whatever_became_of_it() -> None:
    """A parent at work, held or never read is no obstacle; its work under the former child finishes nothing."""
    ledger = MemoryLedger(clock=SystemClock())
    source = Quotes()
    intake = Intake(ledger=ledger, source=cast(Source, source), permit=yes, on_page=lambda kind, count: None)
    intake.uplinked.links = uplinks_of(document(), PORCH)
    await ledger.stage([client("c1"), client("c2")], scan="client:1")
    before = await ledger.staged("client", ["c1", "c2"])
    held = Finish(kind="client", key="c2", seq=before["c2"].seq, state=RecordState.HELD, disposition=Disposition.FLAGGED)
    await ledger.commit([held])
    source.shown = [version(1, "q1", "c1"), version(1, "q2", "c2"), version(1, "q3", "nobody")]
    await intake.scan(Stream(kind="quote", reader="api"), scan="quote:1")
    await ledger.commit([Finish(kind="client", key="c1", seq=before["c1"].seq, disposition=Disposition.CREATED)])
    assert await reopened(ledger, "client") == ["c1", "c2"]


# ------------------------------------------------------------------------------------------------ people


async def test_a_person_shows_what_hangs_on_it() -> None:
    """All numbers of its quotes and the newest inquiry's verdict stand on the person and follow what the source adds."""
    async with porch() as one:
        await one.stage(client("c1"), inquiry("i1", "c1"), version(1, "q9", "c1"))
        await one.run_dry()
        assert await shown(one, "Source System ID", "Newest Inquiry", "Lead Flag") == ["q9", "Hot", "Customer"]
        await one.stage(version(1, "q10", "c1"), inquiry("i2", "c1", made="2026-08-01 08:00:00", verdict="Cold"))
        await one.run_dry()
        assert await shown(one, "Source System ID", "Newest Inquiry") == ["q9, q10", "Cold"]
        assert sorted(await deals(one)) == ["po:quote:q10", "po:quote:q9"]
        person = (await one.link("client", "c1")).dest_id
        assert [each["links"]["contacts"] for each in one.live("leads")] == [[person]] * 2
        assert await one.verify() == {"verified": 7}


async def test_a_shared_person_shows_what_hangs_on_all_who_share_it() -> None:
    """Two clients who are one person: numbers of both, and the newest inquiry whosever it is."""
    async with porch() as one:
        await one.stage(
            client("c1", email="d@x.test"), client("c2", email="d@x.test"), version(1, "q1", "c1"), version(1, "q2", "c2"),
            inquiry("i1", "c1"), inquiry("i2", "c2", made="2026-08-01 08:00:00", verdict="Cold"),
        )  # fmt: skip
        await one.run_dry()
        assert await shown(one, "Source System ID", "Newest Inquiry") == ["q1, q2", "Cold"]
        await one.stage(inquiry("i3", "c2", made="2026-09-01 08:00:00", verdict="Lost"), version(1, "q3", "c2"))
        await one.run_dry()
        assert await shown(one, "Source System ID", "Newest Inquiry") == ["q1, q2, q3", "Lost"]
        person = (await one.link("client", "c1")).dest_id
        assert [each["links"]["contacts"] for each in one.live("leads")] == [[person]] * 3


# ------------------------------------------------------------------------------------------------ deals


@pytest.mark.parametrize("way", ["patch", "rpc", "none"])
async def test_deals_have_stage_outcome_value_and_what_does_not_fit(way: str) -> None:
    """A quote won is a won deal in its stage, where one can be set, with its value; lines that no field takes are a note on the deal."""
    async with porch(switches={"lead_stage_write": way}, flags={"lead_stage_write": way}) as one:
        admin.act(one.site, {"do": "add_stageset", "values": {"name": "Field", "stages": ["Talk", "Measure"]}})
        await one.stage(client("c1"), version(1, "q1", "c1", state="Paid", step="Measure", extra="kept"))
        await one.run_dry()
        line = await one.link("quote", "q1")
        fields = await one.fields("leads", line.dest_id)
        assert (fields["status"], float(fields["manualValue"])) == ("won", 14250.0)
        reference = await one.nutshell.schema.reference()
        assert fields["stage"] == reference.stages[f"{reference.stagesets['field']}/{'talk' if way == 'none' else 'measure'}"]
        one.clock.account.advance(6.0)
        assert await one.verify() == {"verified": 3}
        [note] = one.live("notes")
        assert note["links"]["parent"] == line.dest_id
        assert "kept" in note["body"]


async def test_a_deal_goes_through_the_stages_its_status_stands_for() -> None:
    """From where new deals begin, over a status that stands for no stage, to the next one; nobody is asked about what nobody chose."""
    async with porch(flags={"lead_stage_write": "patch"}) as one:
        admin.act(one.site, {"do": "add_stageset", "values": {"name": "Field", "stages": ["Talk", "Measure", "Ordered"]}})
        await one.stage(client("c1"), version(1, "q1", "c1"))
        await one.run_dry()
        names = {str(row["id"]): str(row["name"]) for row in one.live("stages")}
        told = []
        for number, step in enumerate(("Measure", "", "Ordered"), start=2):
            await one.stage(version(number, "q1", "c1", step=step))
            await one.run_dry()
            [row] = one.live("leads")
            told.append(names[row["links"]["stage"]])
        assert told == ["Measure", "Measure", "Ordered"]
        assert await one.open_items("conflict") == []
        one.clock.account.advance(6.0)
        assert await one.verify() == {"verified": 3}


async def test_a_deal_that_people_moved_stays_where_they_put_it() -> None:
    """Whatever stage its status comes to stand for: theirs is kept and told."""
    async with porch(flags={"lead_stage_write": "patch"}) as one:
        admin.act(one.site, {"do": "add_stageset", "values": {"name": "Field", "stages": ["Talk", "Measure"]}})
        await one.stage(client("c1"), version(1, "q1", "c1"))
        await one.run_dry()
        line = await one.link("quote", "q1")
        theirs = next(str(row["id"]) for row in one.live("stages") if row["name"] == "Quoted")
        one.person("edit", "leads", line.dest_id, links={"stage": theirs})
        await one.stage(version(2, "q1", "c1", step="Measure"))
        await one.run_dry()
        [row] = one.live("leads")
        assert row["links"]["stage"] == theirs
        assert any(":stage:" in item for item in await one.open_items("conflict"))


async def test_an_open_deal_becomes_that_of_the_first_quote() -> None:
    """The inquiry's deal goes on as the first quote's, with what people did to it; later quotes have deals of their own."""
    async with porch(unqualified="lead", rule="always") as one:
        await one.stage(client("c1"), inquiry("i1", "c1"))
        await one.run_dry()
        assert await deals(one) == {"po:inquiry:i1": "New windows"}
        line = await one.link("inquiry", "i1")
        one.person("edit", "leads", line.dest_id, manualValue="7.00")
        await one.stage(version(1, "q2", "c1", inquiryid="i1"), version(1, "q10", "c1", inquiryid="i1", number="SECOND"))
        await one.run_dry()
        assert await deals(one) == {"po:quote:q2": "ORL-26-1044 – Windows", "po:quote:q10": "SECOND – Windows"}
        assert (await one.link("quote", "q2")).dest_id == line.dest_id
        assert await one.ledger.links([Ref("inquiry", "i1")]) == {}
        assert [item.partition("manualValue")[1] for item in await one.open_items("conflict")] == ["manualValue"]
        [told] = [row for row in one.live("notes") if "inquiry:i1" in row["body"]]
        assert told["links"]["parent"] == (await one.link("client", "c1")).dest_id
        assert await one.dispositions("inquiry") == {Disposition.CREATED: 1}
        assert await one.dispositions("quote") == {Disposition.CREATED: 2}
        await one.stage(inquiry("i1", "c1", wish="Old windows"))
        await one.run_dry()
        assert len(await deals(one)) == 2


async def test_a_deal_that_was_gone_when_it_passed_on_is_as_we_wrote_it_when_it_is_back() -> None:
    """People delete an inquiry's deal, it is read back, and a quote comes: brought back, it becomes that quote's, and nobody is asked."""
    async with porch(unqualified="lead", rule="always") as one:
        await one.stage(client("c1"), inquiry("i1", "c1"))
        await one.run_dry()
        line = await one.link("inquiry", "i1")
        one.person("delete", "leads", line.dest_id)
        vanished = Vanished(ledger=one.ledger, reader=one.nutshell.reader)
        await vanished.look("leads", [line.dest_id])
        for _ in range(3):
            await one.verify()
        bare = {"step": "", "steps": [], "number": "", "made": "", "amount": "", "state": ""}    # nothing of it is a note on its deal
        await one.stage(version(1, "q1", "c1", inquiryid="i1", **bare))
        await one.run_dry()
        assert (await one.link("quote", "q1")).dest_id == line.dest_id
        one.person("undelete", "leads", line.dest_id)
        await vanished.returned("leads", [line.dest_id])
        await one.run_dry()
        assert await deals(one) == {"po:quote:q1": "Windows"}
        assert not await one.open_items("conflict")


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
async def test_a_quote_waits_for_the_outcome_of_its_inquiry(fault: str) -> None:
    """While it is unknown whether the inquiry's deal was made nothing is made beside it; there is one deal in the end."""
    async with porch(unqualified="lead", rule="always", switches={"search_lag_s": 5.0}) as one:
        one.switch(**{fault: {"match": "POST /rest/leads", "times": 1}})
        await one.stage(client("c1"), inquiry("i1", "c1"))
        await one.deliver()
        assert await one.ledger.open_intents()
        await one.stage(version(1, "q1", "c1", inquiryid="i1"))
        await one.deliver()
        assert (await one.staged("quote", "q1")).state is RecordState.PARKED
        for _ in range(12):
            one.clock.account.advance(2.0)
            await one.resolve_doubts()
            await one.deliver()
        await one.run_dry()
        assert await deals(one) == {"po:quote:q1": "ORL-26-1044 – Windows"}
        assert not await one.open_items()


async def test_a_restart_between_does_not_double() -> None:
    """A quote that is delivered anew after its line was moved goes on with that line."""
    async with porch(unqualified="lead", rule="always") as one:
        await one.stage(client("c1"), inquiry("i1", "c1"))
        await one.run_dry()
        await one.stage(version(1, "q1", "c1", inquiryid="i1"))
        one.switch(reset_before={"match": "PATCH /rest/leads", "times": 1})
        await one.deliver()
        await one.restart()
        await one.run_dry()
        assert await deals(one) == {"po:quote:q1": "ORL-26-1044 – Windows"}
