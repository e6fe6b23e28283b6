"""Records that existed before us: what was in them stays theirs, whatever the source does later."""

from __future__ import annotations

import anyio

from streamflow.model import DestId, QueueItem, Ref
from streamflow.store.change import Enqueue
from tests.hanging import HUNG_S
from tests.stages.rig import Rig, lead, note, rig


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


async def people_at_work(one: Rig, do: str) -> tuple[DestId, DestId]:
    """Let people delete somebody of theirs, or merge them into another one, when stock was taken and nothing matched yet."""
    there, other = await one.existing("Thandi Mokoena", "t@x.test"), await one.existing("Thandi M", "tm@x.test")
    one.person(do, "contacts", there, **({"into": other} if do == "merge" else {}))
    await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test", status="Hot"), note("2", "1"))
    await one.run_dry()
    return there, other


async def test_who_was_merged_before_anything_matched_is_followed() -> None:
    """What the source says of them goes to the person who stayed, with what belongs to them, and nobody is asked."""
    async with rig() as one:
        _, other = await people_at_work(one, "merge")
        assert (await one.link("lead", "1")).dest_id == other
        fields = await one.fields("contacts", other)
        assert fields["custom:Lead Status"] == "Hot"
        assert "t@x.test" in [each["value"] for each in fields["emails"]]
        assert [row["links"]["parent"] for row in one.live("notes")] == [other]
        assert not await one.open_items("deleted_at_destination")
        assert await one.verify() == {"verified": 2}


async def test_who_was_deleted_before_anything_matched_is_no_match() -> None:
    """A person of the account's own whom people deleted keeps no source record from being moved."""
    async with rig() as one:
        there, _ = await people_at_work(one, "delete")
        made = (await one.link("lead", "1")).dest_id
        assert made != there
        assert (await one.fields("contacts", made))["custom:Lead Status"] == "Hot"
        assert [row["links"]["parent"] for row in one.live("notes")] == [made]
        assert not await one.open_items()


async def test_who_was_named_and_deleted_is_made_once_somebody_says_so() -> None:
    """A person whom the operator took for the lead's, and who is gone, is asked about; `recreate` makes one of the lead's own."""
    async with rig() as one:
        there = await one.existing("Thandi Mokoena", "t@x.test")
        one.person("delete", "contacts", there)
        await one.ledger.commit([Enqueue(item=QueueItem(
            id="identity:lead:1", cause="several_candidates", kind="lead", key="1", reason="?", decisions=("separate", "match:<id>"),
        ))])  # fmt: skip
        await one.decide("identity:lead:1", f"match:{there}")
        await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test"))
        await one.run_dry()
        [item] = await one.open_items("deleted_at_destination")
        await one.decide(item, "recreate", reopen=Ref("lead", "1"))
        with anyio.fail_after(HUNG_S):
            await one.run_dry()
        assert (await one.link("lead", "1")).dest_id != there
        assert len(one.named("Thandi Mokoena")) == 1


async def named_then_gone(one: Rig, *, beside: int) -> list[DestId]:
    """Let one of several who fit be taken for a lead, people delete them, and somebody say `recreate`; gives the others."""
    there, *others = [await one.existing("Thandi Mokoena", "t@x.test") for _ in range(1 + beside)]
    await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test"), note("2", "1"))
    await one.run_dry()
    await one.decide("identity:lead:1", f"match:{there}", reopen=Ref("lead", "1"))
    await one.run_dry()
    assert (await one.link("lead", "1")).dest_id == there
    one.person("delete", "contacts", there)
    await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test", status="Hot"))
    await one.run_dry()
    [item] = await one.open_items("deleted_at_destination")
    await one.decide(item, "recreate", reopen=Ref("lead", "1"))
    await one.run_dry()
    return others


async def test_nobody_is_made_again_beside_others_who_fit() -> None:
    """Who is to be made again when the one taken for them is gone is asked about once more, by those who are there, and not made before."""
    async with rig() as one:
        others = await named_then_gone(one, beside=2)
        assert sorted(row["id"] for row in one.named("Thandi Mokoena")) == sorted(others)
        [item] = [await one.ledger.item(name) for name in await one.open_items("several_candidates")]
        assert item is not None
        assert {f"match:{each}" for each in others} == set(item.decisions) - {"separate"}
        await one.decide(item.id, f"match:{others[1]}", reopen=Ref("lead", "1"))
        await one.run_dry()
        assert (await one.link("lead", "1")).dest_id == others[1]
        assert (await one.fields("contacts", others[1]))["custom:Lead Status"] == "Hot"
        assert {row["links"]["parent"] for row in one.live("notes")} == {others[1]}


async def test_who_is_made_again_is_the_only_other_one_who_fits() -> None:
    """With one who fits left in the account nothing is made: they are taken for the lead's, as they would be for any lead."""
    async with rig() as one:
        [other] = await named_then_gone(one, beside=1)
        assert (await one.link("lead", "1")).dest_id == other
        assert [row["id"] for row in one.named("Thandi Mokoena")] == [other]


async def test_an_address_beside_theirs_is_read_back_right() -> None:
    """Somebody matched by the phone, who has another address first, has ours as well, and nobody is asked why it is not the first."""
    async with rig() as one:
        phones = [{"name": "work", "value": "+27 82 123 4567", "isPrimary": True}]
        there = await one.existing("Thandi Mokoena", "theirs@x.test", phones=phones)
        await one.stage(lead("1", name="Thandi Mokoena", email="ours@x.test", number="0821234567"))
        await one.run_dry()
        assert (await one.link("lead", "1")).dest_id == there
        fields = await one.fields("contacts", there)
        assert [(each["value"], each["isPrimary"]) for each in fields["emails"]] == [("theirs@x.test", True), ("ours@x.test", False)]
        assert await one.verify() == {"verified": 1}
        assert not await one.open_items()


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
