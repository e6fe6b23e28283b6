"""A map that was confirmed holds for two schemas: when one of them moves, nothing is written until a person has confirmed it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamflow.errors import InvariantBroken, PlatformUnavailable, StoreError, StreamflowError
from streamflow.mapping.document import MapDocument, ObjectMap, Row
from streamflow.mapping.document_json import from_json
from streamflow.migration import drift
from streamflow.migration.drift import BASIS, compare, stands, with_rows
from streamflow.migration.life import State
from streamflow.migration.precheck import precheck
from streamflow.migration.proposal import MapGate
from streamflow.platforms.destination import FieldSpec
from tests.migration.rig import ASK_CUTOVER, AUTO, Voyage, in_tail, voyage


async def confirm(trip: Voyage) -> None:
    """A person confirms what is proposed now."""
    await MapGate(trip.m).confirm("uid:7", (await trip.ledger.setting("map:proposed"))["digest"])


async def test_a_used_field_that_is_renamed_in_the_destination_voids_the_map(tmp_path: Path) -> None:
    """Nothing is written without it: the map's gate names field and row even with automatic gates, and what waited comes whole."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        trip.in_destination("rename_custom_field", kind="contacts", values={"name": "Lead Status", "to": "Status of lead"})
        lead = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com", statusid="3")
        people = len(trip.live("contacts"))
        assert await trip.phase() is State.MAP
        assert len(trip.live("contacts")) == people, "no record is written that would lose its status"
        await trip.answering({"map": lambda: confirm(trip)})
        assert "custom field 'Lead Status' of contacts is gone or was renamed (map rows: lead.status" in " ".join(
            data["reason"] for event, data in trip.said if event == "map.void"
        )
        assert trip.gates == ["map"], "a person is asked although the gate is automatic"
        await trip.until(State.TAIL)
        await in_tail(trip)
        [link] = await trip.ledger.links_of("lead", [lead])
        assert (link.verified, "custom:Lead Status" in link.base) == ("verified", True)


async def test_a_cutover_does_not_start_under_a_map_that_does_not_hold(tmp_path: Path) -> None:
    """The precheck names the field that was renamed while nothing was to be written, and writes nothing; the tail then goes to the gate."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        trip.in_destination("rename_custom_field", kind="contacts", values={"name": "Lead Status", "to": "Status of lead"})
        found = await precheck(trip.m, asks_both=True)
        assert any("'Lead Status' of contacts" in reason for reason in found.reasons), found.reasons
        assert await trip.ledger.setting("map:confirmed") is not None
        assert await trip.phase() is State.MAP, "looked at when the tail starts"


@pytest.mark.parametrize(
    ("trouble", "is_ours"),
    [(StoreError("the disk is full"), True), (InvariantBroken("no map"), True), (PlatformUnavailable("away"), False)],
)
async def test_trouble_of_our_own_is_not_told_as_a_destination_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: StreamflowError, is_ours: bool
) -> None:
    """A precheck that cannot read the ledger fails as that; only what the destination did not answer is a reason against a cutover."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        async def fails(*_: object) -> None:
            raise trouble

        monkeypatch.setattr(drift, "find", fails)
        if is_ours:
            with pytest.raises(type(trouble), match=trouble.message):
                await precheck(trip.m, asks_both=True)
        else:
            assert "the destination cannot be asked: away" in (await precheck(trip.m, asks_both=True)).reasons


async def test_a_look_asks_only_for_the_kinds_whose_fields_the_map_uses(tmp_path: Path) -> None:
    """Where the map has no field on companies, theirs are not listed with every look."""
    async with voyage(tmp_path, at=State.BACKFILL, records=30) as trip:
        basis = await trip.ledger.setting(BASIS)
        await trip.set(BASIS, [row for row in basis if row[0] != "accounts"])
        trip.wire("nutshell")
        assert await stands(trip.m)
        assert trip.wire("nutshell") == ["GET contacts/customfields/attributes"]
        await trip.set(BASIS, basis)
        assert await stands(trip.m)
        assert "GET accounts/customfields/attributes" in trip.wire("nutshell")


async def test_fields_the_map_does_not_use_stop_nothing(tmp_path: Path) -> None:
    """Somebody adds a field to the destination: the changes of the source follow as before."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await trip.destination.schema.define(FieldSpec(entity="contacts", label="Shoe size", family="text"))
        lead = trip.in_source("create", "leads", name="Anna Alpha", email="anna.alpha@example.com")
        await in_tail(trip)
        assert trip.m.phase.state is State.TAIL
        assert len(await trip.ledger.links_of("lead", [lead])) == 1
        assert not [reason for reason in (await precheck(trip.m, asks_both=True)).reasons if "map" in reason]


async def test_one_look_at_the_fields_is_enough_for_a_round(tmp_path: Path) -> None:
    """What is delivered soon after the destination's fields were looked at costs no further look, however many deliveries there are."""
    async with voyage(tmp_path, at=State.TAIL, records=20, gates=ASK_CUTOVER, poll_s=900.0) as trip:
        assert await stands(trip.m)
        trip.wire("nutshell")
        for number in range(2):
            trip.in_source("create", "leads", name=f"Anna Alpha{number}", email=f"anna.alpha{number}@example.com")
            await trip.work.reader.everything("again")
            await trip.work.deliver_all()
        made = trip.wire("nutshell")
        assert [line for line in made if "customfields/attributes" in line] == []
        assert sum(line.startswith("POST contacts") for line in made) == 2


async def test_a_new_field_of_the_source_gets_a_row_and_is_asked_about(tmp_path: Path) -> None:
    """A label nobody had seen at the confirmation is not dropped: the map comes back with a row for it, all others as they were."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates={**AUTO, "cutover": "ask"}) as trip:
        await in_tail(trip)
        before = from_json((await trip.ledger.setting("map:confirmed"))["document"], trip.m.pair)
        lead = trip.in_source(
            "create", "leads", name="Anna Alpha", email="anna.alpha@example.com", custom_fields={"Roof colour": "terracotta"}
        )
        assert await trip.phase() is State.MAP
        await trip.answering({"map": lambda: confirm(trip)})
        after = from_json((await trip.ledger.setting("map:confirmed"))["document"], trip.m.pair)
        extra = [(one.source, row.source) for one, row in after.rows() if row not in [each for _, each in before.rows()]]
        assert extra == [("lead", "custom:Roof colour")]
        await trip.until(State.TAIL)
        await in_tail(trip)
        [link] = await trip.ledger.links_of("lead", [lead])
        assert "terracotta" in str(trip.live("contacts")[link.dest_id])


def test_what_counts_as_drift() -> None:
    """Gone, renamed and retyped fields with their rows, source fields without a row; not fields nobody uses, nor kinds nobody maps."""
    people = ObjectMap(source="lead", destination="contacts", cardinality="1:1", rows=(
        Row(source="status", target="custom:Lead Status"), Row(source="custom:Budget", target="custom:Budget", family="money"),
        Row(source="fax", target=None, not_moved="nobody wants it"),
    ))  # fmt: skip
    document = MapDocument(pair="a-b", objects=(people,))
    basis = [["contacts", "Lead Status", "text"], ["contacts", "Budget", "money"]]
    same = [FieldSpec(entity="contacts", label=label, family=family) for _, label, family in basis]
    other = FieldSpec(entity="contacts", label="Other", family="text")

    def drift(now: list[FieldSpec], seen: dict[str, list[str]]) -> str:
        return compare(document, basis=basis, now=now, agreed={"lead": ["old"]}, seen=seen).told()

    assert drift([*same, other], {"lead": ["status", "fax", "old"], "user": ["shoe"]}) == ""
    retyped = [same[0], FieldSpec(entity="contacts", label="Budget", family="text")]
    assert drift(retyped, {}) == "custom field 'Budget' of contacts was money and is text now (map rows: lead.custom:Budget)"
    assert drift(same[1:], {}) == "custom field 'Lead Status' of contacts is gone or was renamed (map rows: lead.status)"
    assert drift(same, {"lead": ["custom:Roof"]}) == "the source has a new field lead.custom:Roof that no row moves"
    fresh = MapDocument(pair="a-b", objects=(ObjectMap(
        source="lead", destination="contacts", cardinality="1:1",
        rows=(Row(source="status", target="x"), Row(source="custom:Roof", target="y")),
    ),))  # fmt: skip
    assert [row.source for _, row in with_rows(document, fresh, [("lead", "custom:Roof")]).rows()] == [
        "status", "custom:Budget", "fax", "custom:Roof",
    ]  # fmt: skip
