"""Records that existed before us: what was in them stays theirs, whatever the source does later."""

from __future__ import annotations

from tests.stages.rig import lead, rig


async def test_a_value_that_was_there_before_us_is_never_written_over() -> None:
    """A name and an address that a matched person had already are theirs: a later change in the source does not replace them."""
    async with rig() as one:
        there = await one.existing("Thandi Mokoena", "t@x.test")
        await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test"))
        await one.run_dry()
        assert (await one.link("lead", "1")).dest_id == there
        await one.stage(lead("1", name="Thandi A Mokoena", email="new@x.test"))
        await one.run_dry()
        fields = await one.fields("contacts", there)
        assert fields["name"] == "Thandi Mokoena"
        assert sorted(each["value"] for each in fields["emails"]) == ["new@x.test", "t@x.test"]


async def test_two_leads_of_somebody_who_was_there_are_one_in_the_same_batch() -> None:
    """Both are that person: neither is asked about, though the match of the first is not in the book when the second is decided."""
    async with rig() as one:
        there = await one.existing("Thandi Mokoena", "t@x.test")
        await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test"), lead("2", name="Thandi Mokoena", email="t@x.test"))
        await one.run_dry()
        assert not await one.open_items()
        assert [row["id"] for row in one.live("contacts")] == [there]
        assert (await one.link("lead", "2")).is_merged


async def test_what_was_there_stays_however_often_the_source_changes() -> None:
    """Another change in between makes nothing that a matched person had before us ours: not their name, not their address."""
    async with rig() as one:
        there = await one.existing("Thandi Mokoena", "t@x.test")
        for said in (
            {"name": "Thandi Mokoena", "email": "t@x.test"},
            {"name": "Thandi Mokoena", "email": "t@x.test", "number": "0825550142"},
            {"name": "Thandi A Mokoena", "email": "new@x.test", "number": "0825550142"},
            {"name": "Thandi B Mokoena", "email": "newer@x.test", "number": "0825550143"},
        ):
            await one.stage(lead("1", **said))
            await one.run_dry()
        fields = await one.fields("contacts", there)
        assert fields["name"] == "Thandi Mokoena"
        assert [(each["value"], each["isPrimary"]) for each in fields["emails"]] == [("t@x.test", True), ("newer@x.test", False)]
        assert [each["value"] for each in fields["phones"]] == ["+27825550143"], "what we brought goes with the source"


async def test_what_people_took_out_of_who_was_there_is_not_put_back() -> None:
    """An address that a matched person had before us and that people removed stays removed when the source changes something else."""
    async with rig() as one:
        there = await one.existing("Thandi Mokoena", "t@x.test")
        await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test"))
        await one.run_dry()
        one.person("edit", "contacts", there, emails=[])
        await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test", number="0825550142"))
        await one.run_dry()
        fields = await one.fields("contacts", there)
        assert (fields.get("emails") or [], [each["value"] for each in fields["phones"]]) == ([], ["+27825550142"])
