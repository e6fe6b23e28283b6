"""Both answers to what the contract leaves open: whichever the account gives, everything arrives, or somebody is asked about it."""

from __future__ import annotations

from typing import Any

import pytest

from streamflow.model import Ref
from tests.stages.rig import Rig, call, lead, note, reminder, rig

MESSAGE = "A long text that somebody wrote about the roof and more"
STORY = "A long note " * 10
ALL = {"contacts": 3, "leads": 3, "notes": 1, "activities": 1, "tasks": 1}


async def moved(one: Rig) -> dict[str, int]:
    """Move three leads with what hangs on them, and count what there is then."""
    one.settings.update(unqualified="lead", rule="always")
    await one.stage(lead("1", userid="87", custom={"Message": MESSAGE}), lead("3", number="call me"))
    await one.stage(lead("2", email="nobody at x", number="0825550101"))
    await one.stage(note("5", "1", STORY), call("7", "1"), reminder("8", "2"))
    await one.run_dry()
    return {kind: len(one.live(kind)) for kind in ALL}


async def asked(one: Rig) -> set[tuple[str, str]]:
    """What a person is asked, but for the marred address and number that are told in any account."""
    return {(item.cause, item.key) for item in await one.ledger.queue(state="open")} - {("bad_email", "2"), ("bad_phone", "3")}


@pytest.mark.parametrize("switches", [
    {"batch_create_max": 10}, {"email_check": "refused"}, {"email_check": "dropped"}, {"phone_country": "US"}, {"default_page_size": 2},
    {"unknown_filter": "refused"}, {"create_links_ignored": ["owner"]}, {"create_links_ignored": ["contacts", "accounts"]},
    {"cf_value_forms": "typed"},
    {"job_title_needs_account": True}, {"cf_unknown_name": "refused"}, {"cf_unlisted_choice": "ignored"}, {"cf_filter": "exact"},
    {"events_twice": 0.5}, {"events_late": {"share": 0.5, "delay_s": 1}},
], ids=lambda switches: "-".join(f"{name}={value}" for name, value in switches.items()))  # fmt: skip
async def test_an_account_of_another_sort_gets_the_same(switches: dict[str, Any]) -> None:
    """Everything is made once and reads back as it was meant, and nobody is asked anything more than in a plain account."""
    async with rig(switches=switches) as one:
        assert await moved(one) == ALL
        assert await one.verify() == {"verified": 9}
        assert await asked(one) == set()
        assert {row["phones"][0]["value"]["E164"] for row in one.live("contacts") if row.get("phones")} == {"+27825550101"}


@pytest.mark.parametrize(("switches", "gone", "cause", "key", "made"), [
    ({"cf_text_max": 30}, "", "rejected", "1", {**ALL, "contacts": 2, "leads": 2, "notes": 0, "activities": 0}),
    ({"cf_unknown_name": "refused"}, "Message", "rejected", "1", {**ALL, "contacts": 2, "leads": 2, "notes": 0, "activities": 0}),
    ({"cf_unknown_name": "ignored"}, "Message", "read_back_differs", "1", ALL),
    ({"note_max_chars": 60, "note_over_limit": "refused"}, "", "rejected", "5", {**ALL, "notes": 0}),
    ({"note_max_chars": 60, "note_over_limit": "truncated"}, "", "read_back_differs", "5", ALL),
], ids=["text too long", "unknown field refused", "unknown field ignored", "note refused", "note cut"])  # fmt: skip
async def test_what_an_account_does_not_take_is_asked_about(
    switches: dict[str, Any], gone: str, cause: str, key: str, made: dict[str, int]
) -> None:
    """A value that is refused, ignored or cut stands in the queue under its record, whole in the ledger; what can be made is made."""
    async with rig(switches=switches) as one:
        for field in [row for row in one.site.state.table("customFields").values() if row["title"] == gone]:
            one.site.state.drop("customFields", field["id"])
        assert await moved(one) == made
        await one.verify()
        assert (cause, key) in await asked(one)
        held = (await one.staged("lead", "1")).record.data["custom"]["Message"], (await one.staged("note", "5")).record.data["note"]
        assert held == (MESSAGE, STORY)


async def test_what_an_account_takes_after_all_follows() -> None:
    """A record refused for a value is there, with all that hangs on it, once the account takes it and a person says so."""
    async with rig(switches={"cf_text_max": 30}) as one:
        await moved(one)
        one.switch(cf_text_max=None)
        for item in await one.ledger.queue(state="open"):
            if item.cause in ("rejected", "unknown_parent"):
                await one.decide(item.id, "retry", reopen=Ref(item.kind, item.key))
        await one.run_dry()
        assert {kind: len(one.live(kind)) for kind in ALL} == ALL
