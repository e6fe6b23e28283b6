"""What is read off a pair instead of being written down: who blocks, what a marker may name, what makes a record unlike others."""

from __future__ import annotations

from typing import Any

import pytest

from streamflow.clock import SystemClock
from streamflow.errors import UsageError
from streamflow.mapping.marker import ref_of
from streamflow.migration.adoption import shapes_of
from streamflow.migration.choosing import stratum
from streamflow.migration.scopes import accepted, wanted_by
from streamflow.model import Link, Record, Ref
from streamflow.stages.directory import home_named
from streamflow.stages.roles import roles_of
from streamflow.store.memory import MemoryLedger
from tests.mapping.builders import PAIR
from tests.mapping.porch import PORCH


def test_markers_name_what_the_maps_of_the_pair_write() -> None:
    """A person's own lead bears a part, a deal of its own record does not; what no map writes is nobody's."""
    assert shapes_of(PAIR) == {("accounts", "company", ""), ("contacts", "lead", ""), ("leads", "lead", "lead")}
    deals = {shape for shape in shapes_of(PORCH) if shape[0] == "leads"}
    assert ("leads", "quote", "") in deals


@pytest.mark.parametrize(
    ("marker", "part"), [("po:quote:7:details", "details"), ("[sf:po:quote:7:details:2/3]", "details:2/3"), ("po:quote:7", "")]
)
def test_every_part_a_map_writes_is_known_by_its_marker(marker: str, part: str) -> None:
    """The note beside a deal is recognised as the deal's, whole or in pieces."""
    assert ref_of(marker, "po") == Ref("quote", "7", part)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({}, ("", "", "", "")),
        ({"status": "New", "statusid": "3", "email": "a@x", "owner_email": "b@x"}, ("New", "", "filled", "filled")),
        ({"statusid": "3", "company": "Karoo", "userid": "27"}, ("3", "filled", "", "filled")),
    ],
)
def test_records_differ_by_what_the_pair_says(data: dict[str, Any], found: tuple[str, ...]) -> None:
    """Of several fields the first filled one speaks; of some only whether they are filled."""
    assert stratum(Record(kind="lead", key="1", data=data, digest=""), PAIR.person) == found


def test_a_home_is_a_record_that_others_hang_on() -> None:
    """A person may name a company, person or deal of this pair as the home of a record, and nothing else."""
    assert home_named("reparent:quote: 7", roles_of(PORCH)) == Ref("quote", "7")
    assert home_named("reparent:quote:7", roles_of(PAIR)) is None
    assert home_named("reparent:note:7", roles_of(PAIR)) is None
    assert home_named("reparent:lead:", roles_of(PAIR)) is None


async def test_a_record_is_undone_with_all_that_hangs_below_it() -> None:
    """What hangs on a deal goes with the person the deal is of, what hangs on another does not; an unknown record is refused."""
    ledger = MemoryLedger(clock=SystemClock())
    for record in (
        Record(kind="client", key="7", data={}, digest="a"),
        Record(kind="quote", key="70", parent="7", data={}, digest="a"),
        Record(kind="scan", key="700", parent="70", data={}, digest="a"),
        Record(kind="scan", key="701", parent="71", data={}, digest="a"),
    ):
        await ledger.stage([record], scan="s")
    with pytest.raises(UsageError, match="no client record has the key 8"):
        await accepted(ledger, PORCH, "record:client:8")
    wanted = await wanted_by(ledger, PORCH, await accepted(ledger, PORCH, "record:client:7"))

    def undone(kind: str, key: str) -> bool:
        return wanted(Link(ref=Ref(kind, key), dest_kind="notes", dest_id="1-notes", base={}, ours=True, before=None))

    assert [undone("client", "7"), undone("quote", "70"), undone("scan", "700"), undone("scan", "701")] == [True, True, True, False]
