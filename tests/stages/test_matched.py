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
