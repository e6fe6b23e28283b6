"""What of a deal has no field of its own: in one long field or in a note beside it, in one place whatever becomes of the record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streamflow.model import Ref
from streamflow.platforms.destination import FieldSpec
from tests.mapping.porch import PORCH, client, inquiry, quote
from tests.stages.rig import Rig, rig

LABEL = "Porch details"
ROOM = 120
SHORT, OTHER, LONG = "measured", "measured twice", "told at length " * 20


@asynccontextmanager
async def porch(*, room: int = ROOM, flags: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[Rig]:
    """A run into an account whose deals have a long field that keeps *room* characters; a client and a quote are there."""
    found = {"long_text_max_chars": room, **(flags or {})}
    async with rig(pair=PORCH, flags=found, details_field=LABEL, **more) as one:
        await one.nutshell.schema.define(FieldSpec(entity="leads", label=LABEL, family="long"))
        await one.stage(client())
        yield one


async def told(one: Rig) -> tuple[str, list[str]]:
    """Give the long field of the one deal there is, and the texts of the notes beside it."""
    [row] = one.live("leads")
    field = (await one.fields("leads", str(row["id"]))).get(f"custom:{LABEL}") or ""
    return str(field), [str(each["body"]) for each in one.live("notes") if each["links"]["parent"] == row["id"]]


async def staged(one: Rig, text: str) -> None:
    """Have the quote say this of its steps, and deliver it."""
    await one.stage(quote(steps=[{"code": "S", "remark": text}] if text else []))
    await one.run_dry()


def milestones(text: str) -> str:
    return f"Milestones: code: S; remark: {text.strip()}"


async def test_what_has_no_field_comes_with_the_deal() -> None:
    """One create writes the deal with all its lines; no note is made, and it reads back as meant."""
    async with porch() as one:
        await one.run_dry()
        one.calls()
        await staged(one, SHORT)
        made = [call for call in one.calls() if call.startswith("POST /rest/") or call.split()[1] in ("leads", "notes")]
        assert not any("notes" in call for call in made), made
        assert await told(one) == (milestones(SHORT), [])
        assert set(await one.verify()) == {"verified"}


@pytest.mark.parametrize("note_edit", ["rpc_24h", "none"])
async def test_a_text_that_grows_and_shrinks_stands_in_one_place(note_edit: str) -> None:
    """Too long for the field it is a note, short again the field, gone it is in neither; a change of the field is one of that field."""
    async with porch(flags={"note_edit": note_edit}) as one:
        await staged(one, SHORT)
        await staged(one, OTHER)
        assert await told(one) == (milestones(OTHER), [])
        await staged(one, LONG)
        field, [note] = await told(one)
        assert (field, milestones(LONG) in note) == ("", True)
        await staged(one, SHORT)
        assert await told(one) == (milestones(SHORT), [])
        await staged(one, "")
        assert await told(one) == ("", [])
        one.clock.account.advance(10.0)
        assert set(await one.verify()) == {"verified"}
        assert not await one.open_items("conflict")


async def test_an_account_without_such_a_field_has_the_note() -> None:
    """Nothing known of long fields: the note; once one is known to keep the text, the field takes over and the note goes, and back."""
    async with porch(room=0) as one:
        await staged(one, SHORT)
        field, [note] = await told(one)
        assert (field, milestones(SHORT) in note) == ("", True)
        one.nutshell.adopt({"long_text_max_chars": ROOM})
        await staged(one, OTHER)
        assert await told(one) == (milestones(OTHER), [])
        one.nutshell.adopt({"long_text_max_chars": 0})
        await staged(one, SHORT)
        field, [note] = await told(one)
        assert (field, milestones(SHORT) in note) == ("", True)


async def test_what_people_wrote_in_the_field_stays() -> None:
    """A change of the source is asked about, as with every field, and by decision it is written."""
    async with porch() as one:
        await staged(one, SHORT)
        dest_id = (await one.link("quote", "q1")).dest_id
        one.person("edit", "leads", dest_id, customFields={LABEL: "Ours: call first"})
        await staged(one, OTHER)
        assert await told(one) == ("Ours: call first", [])
        [item] = await one.open_items("conflict")
        await one.decide(item, "take", reopen=Ref("quote", "q1"))
        await one.run_dry()
        assert await told(one) == (milestones(OTHER), [])


async def test_the_note_stays_as_long_as_the_field_is_a_persons() -> None:
    """Somebody filled the field while the text was a note: the note is not taken away until the field may be written."""
    async with porch(room=0) as one:
        await staged(one, SHORT)
        dest_id = (await one.link("quote", "q1")).dest_id
        one.person("edit", "leads", dest_id, customFields={LABEL: "Ours: call first"})
        one.nutshell.adopt({"long_text_max_chars": ROOM})
        await staged(one, OTHER)
        field, notes = await told(one)
        assert (field, len(notes)) == ("Ours: call first", 1)
        [item] = await one.open_items("conflict")
        await one.decide(item, "take", reopen=Ref("quote", "q1"))
        await one.run_dry()
        assert await told(one) == (milestones(OTHER), [])


async def test_what_an_inquiry_said_of_its_deal_gives_way_to_the_quote() -> None:
    """A deal that passes on has the lines of the record it is of now; the other one's are a note on the person."""
    async with porch(unqualified="lead", rule="always") as one:
        await one.stage(inquiry(odd="from the fair"))
        await one.run_dry()
        assert await told(one) == ("odd: from the fair", [])
        await one.stage(quote(inquiryid="i1", steps=[{"code": "S", "remark": SHORT}]))
        await one.run_dry()
        assert await told(one) == (milestones(SHORT), [])
        [note] = one.live("notes")
        assert ("from the fair" in note["body"], note["links"]["parent"]) == (True, one.live("contacts")[0]["id"])
