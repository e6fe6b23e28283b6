"""Lists of the destination that come back empty though there is something: asked for again, and never a reason to make it twice."""

from __future__ import annotations

from typing import Any

import pytest

from streamflow.errors import TransientError
from streamflow.platforms.destination import FieldSpec
from streamflow.platforms.nutshell import listing
from tests.platforms.nutshell_rig import Rig, rig

TOWN = FieldSpec(entity="contacts", label="Town", family="text")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two looks."""
    monkeypatch.setattr(listing, "AGAIN_S", (0.0, 0.0))


def lying(made: Rig, match: str, times: int) -> None:
    """Let the next answers of some calls be empty."""
    made.switch(empty_200={"match": match, "times": times})


async def test_a_field_that_one_answer_leaves_out_is_not_made_twice() -> None:
    """The list of definitions comes empty: it is asked for again, by a process that knows the field and by one that does not."""
    async with rig() as made:
        await made.nutshell.schema.define(TOWN)
        for times in (1, 2):
            lying(made, "GET /rest/contacts/customfields/attributes", times)
            made.calls()
            await made.nutshell.schema.define(TOWN)
            assert [call for call in made.calls() if call.startswith("POST")] == []


async def test_a_list_that_showed_something_is_never_believed_to_be_empty() -> None:
    """However often it is told so; once it shows something again, all is well."""
    async with rig() as made:
        await made.nutshell.schema.define(TOWN)
        assert await made.nutshell.schema.custom_fields(["contacts"])
        lying(made, "GET /rest/contacts/customfields/attributes", 3)
        with pytest.raises(TransientError, match="not believed"):
            await made.nutshell.schema.define(TOWN)
        assert TOWN.label in {each.label for each in await made.nutshell.schema.custom_fields(["contacts"])}


@pytest.mark.parametrize("path", ["users", "sources", "tags", "stagesets", "stages", "outcomes", "activitytypes"])
async def test_reference_data_outlasts_an_empty_answer(path: str) -> None:
    """Users, pipelines, sources and the like are as they were, though one answer shows none of them."""
    async with rig() as made:
        before = await made.nutshell.schema.reference()
        lying(made, f"GET /rest/{path}", 1)
        assert await made.nutshell.schema.reference() == before


async def test_values_that_one_answer_leaves_out_are_not_taken_for_cleared() -> None:
    """A record's own fields, asked for by a call of their own, come empty once: they are read as they are."""
    flags: dict[str, Any] = {"payload_custom_fields": False}
    async with rig(flags=flags) as made:
        await made.nutshell.schema.define(TOWN)
        dest_id = await made.nutshell.writer.create("contacts", {"name": "Ann Able", "custom:Town": "Sanford"})
        lying(made, f"GET /rest/contacts/{dest_id}/customfields", 1)
        found = await made.nutshell.reader.read("contacts", [dest_id], custom=True)
        assert found[dest_id]["custom:Town"] == "Sanford"


async def test_a_list_of_records_is_whole_in_spite_of_an_empty_page() -> None:
    """An empty first page of records is asked for again."""
    async with rig() as made:
        dest_id = await made.nutshell.writer.create("contacts", {"name": "Ann Able"})
        lying(made, "GET /rest/contacts?", 1)
        shown = [each async for page in made.nutshell.reader.everything("contacts", custom=False) for each in page]
        assert dest_id in shown
