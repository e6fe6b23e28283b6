"""The Nutshell doors against the simulated account: what is written, what is read back, what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from streamflow.clock import SystemClock
from streamflow.errors import AccessRefused, InvariantBroken, NotFound, PlanLimit, ProtocolMismatch, RecordRejected, Throttled, Uncertain
from streamflow.model import Fields, Verdict
from streamflow.platforms.destination import Destination, FieldSpec
from streamflow.platforms.nutshell import platform
from streamflow.platforms.nutshell.lead_actions import LeadActions
from streamflow.sandbox.nutshell.admin import act
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import DELTA, NORMAL, at_priority
from streamflow.wire.spread import spread

from .nutshell_rig import ADMIN, OTHER, Rig, rig

NIA: Fields = {
    "name": "Nia Okafor van Wyk",
    "description": "Facilities lead",
    "custom:Streamflow ID": "lt:lead:48213",
    "emails": [
        {"name": "email", "value": "Nia@Example.com", "isPrimary": True},
        {"name": "shared", "value": "info@x.test", "isPrimary": False},
    ],
    "phones": [{"name": "mobile", "value": "+27825550101", "isPrimary": True}],
    "addresses": [{"name": "work", "isPrimary": True, "value": {"address_1": "14 Loop St", "city": "Cape Town", "postalCode": "8001"}}],
}


async def _fields(made: Rig) -> None:
    for entity in ("accounts", "contacts", "leads"):
        await made.nutshell.schema.define(FieldSpec(entity=entity, label="Streamflow ID", family="text"))
    made.calls()


def _differences(made: Rig, kind: str, wanted: Fields, held: Fields) -> dict[str, Verdict]:
    verdicts = {name: made.nutshell.reader.compare(kind, name, value, held.get(name)) for name, value in wanted.items()}
    return {name: v for name, v in verdicts.items() if v not in (Verdict.EQUAL, Verdict.NORMALISED)}


async def _one(made: Rig, kind: str, dest_id: str, *, custom: bool = True) -> Fields:
    return (await made.nutshell.reader.read(kind, [dest_id], custom=custom))[dest_id]


async def test_it_is_a_destination() -> None:
    """The doors fit the protocol, and the entry point describes the platform."""
    async with rig() as made:
        destination: Destination = made.nutshell
        assert destination.name == platform().name == "nutshell"


async def test_every_kind_is_made_by_one_call_and_read_back() -> None:
    """Companies, people, notes, activities and tasks take one POST each and read back as they were meant."""
    async with rig() as made:
        await _fields(made)
        writer, owner = made.nutshell.writer, made.site.user_by_email(ADMIN)
        assert owner is not None
        account: Fields = {"name": "Blueberry", "custom:Streamflow ID": "lt:company:9", "link:owner": owner["id"]}
        account_id = await writer.create("accounts", account)
        contact: Fields = {**NIA, "link:accounts": [account_id], "link:owner": owner["id"]}
        contact_id = await writer.create("contacts", contact)
        note: Fields = {"body": "[2026-05-12 by P. Nel]\na < b & c\n[sf:lt:note:1]", "link:parent": contact_id}
        note_id = await writer.create("notes", note)
        activity: Fields = {
            "name": "Call",
            "description": "Duration: 60\n[sf:lt:call:1]",
            "activityType": "1-activityTypes",
            "startTime": 1_600_000_000,
            "endTime": 1_600_000_060,
            "isLogged": True,
            "link:participants": [contact_id, owner["id"]],
        }
        activity["activityType"] = (await made.nutshell.schema.reference()).activity_types["phone call"]
        made.calls()
        activity_id = await writer.create("activities", activity)
        task: Fields = {
            "title": "Ring back",
            "description": "x\n[sf:lt:reminder:1]",
            "dueTime": 1_900_000_000,
            "link:relatedEntity": contact_id,
            "link:assignee": owner["id"],
        }
        task_id = await writer.create("tasks", task)
        assert made.calls() == ["POST activities", "POST tasks"]
        for kind, dest_id, wanted in (
            ("accounts", account_id, account),
            ("contacts", contact_id, contact),
            ("notes", note_id, note),
            ("activities", activity_id, activity),
            ("tasks", task_id, task),
        ):
            assert _differences(made, kind, wanted, await _one(made, kind, dest_id)) == {}, kind


async def test_a_lead_takes_only_the_actions_asked_for() -> None:
    """A plain lead is one call; pipeline, stage and outcome are a call each and stick."""
    async with rig(flags={"lead_stage_write": "patch"}) as made:
        await _fields(made)
        reference = await made.nutshell.schema.reference()
        assert reference.outcomes["lost"] == reference.outcomes["lost on price"], "no outcome has the name, so its status finds one"
        person = await made.nutshell.writer.create("contacts", NIA)
        made.calls()
        lead: Fields = {"description": "Roof", "manualValue": "12500.5", "dueTime": 1_900_000_000, "link:contacts": [person]}
        plain = await made.nutshell.writer.create("leads", lead)
        assert made.calls() == ["POST leads"]
        begun = await _one(made, "leads", plain)
        assert _differences(made, "leads", lead, begun) == {}
        assert begun["stage"] == reference.first_stages[""] == reference.first_stages[str(begun["stageset"])], "where it begins by itself"
        stageset = reference.stagesets["repairs"]
        wanted = {**lead, "stageset": stageset, "stage": reference.stages[f"{stageset}/inspected"], "outcome": reference.outcomes["won"]}
        made.calls()
        full = await made.nutshell.writer.create("leads", wanted)
        assert made.calls() == ["POST leads", "POST leads/{id}/stageset", "PATCH leads/{id}", "POST leads/{id}/status"]
        assert _differences(made, "leads", wanted, await _one(made, "leads", full)) == {}
        assert "old pipeline" not in reference.stagesets


@pytest.mark.parametrize("switches", [{"cf_patch_path": "name"}, {"phone_value_form": "string"}])
async def test_updates_change_only_what_is_named(switches: dict[str, Any]) -> None:
    """One PATCH changes the named fields and single links; everything else stays."""
    async with rig(switches=switches) as made:
        await _fields(made)
        writer = made.nutshell.writer
        first, second = await writer.create("accounts", {"name": "A"}), await writer.create("accounts", {"name": "B"})
        contact = await writer.create("contacts", {**NIA, "link:accounts": [first]})
        now = await _one(made, "contacts", contact)
        made.calls()
        changes: Fields = {
            "firstName": "Nia",
            "lastName": "Okafor van Wyk",
            "jobTitle": "Boss",
            "custom:Streamflow ID": "lt:lead:1",
            "phones": [{"name": "work", "value": "+27215550100", "isPrimary": True}],
            "link:accounts": [first, second],
        }
        assert await writer.update("contacts", contact, changes, now=now) == contact
        assert made.calls() == ["PATCH contacts/{id}"]
        after = await _one(made, "contacts", contact)
        assert _differences(made, "contacts", {**now, **changes}, after) == {}
        await writer.update("contacts", contact, {"link:accounts": [second], "description": None}, now=after)
        last = await _one(made, "contacts", contact)
        assert last["link:accounts"] == [second]
        assert "description" not in last
        assert await writer.update("contacts", contact, {}, now=last) == contact


async def test_one_bad_value_keeps_no_other_back() -> None:
    """When a PATCH is refused for one field, the others are applied and the refusal names the field."""
    async with rig(switches={"contact_name_patch": False, "patch_atomic": True}) as made:
        contact = await made.nutshell.writer.create("contacts", NIA)
        changes: Fields = {"jobTitle": "Boss", "description": "new"}
        with pytest.raises(RecordRejected) as caught:
            await made.nutshell.writer.update("contacts", contact, changes, now=NIA)
        assert caught.value.field == "jobTitle"
        assert made.stored("contacts", contact)["description"] == "new"


async def test_names_go_whole_where_parts_cannot_be_written() -> None:
    """With the flag off, first and last name are written as one name."""
    async with rig(switches={"contact_name_patch": False}, flags={"contact_name_patch": False}) as made:
        contact = await made.nutshell.writer.create("contacts", {"firstName": "Ann", "lastName": "Lee"})
        await made.nutshell.writer.update("contacts", contact, {"lastName": "Low"}, now={"firstName": "Ann", "lastName": "Lee"})
        assert made.stored("contacts", contact)["name"] == "Ann Low"


async def test_an_activity_update_keeps_what_people_added() -> None:
    """A PUT replaces all, so participants, place and log note that people added meanwhile are sent along."""
    async with rig() as made:
        writer = made.nutshell.writer
        person = await writer.create("contacts", NIA)
        types = (await made.nutshell.schema.reference()).activity_types
        fields: Fields = {"name": "Call", "activityType": types["phone call"], "startTime": 1_600_000_000, "endTime": 1_600_000_060}
        activity = await writer.create("activities", {**fields, "isLogged": True, "link:participants": [person]})
        colleague = made.site.user_by_email(OTHER)
        assert colleague is not None
        parts = {"participants": [person, colleague["id"]]}
        values = {"location": "Roof", "links": parts, "transcription": "hello"}
        act(made.site, {"as": OTHER, "do": "edit", "kind": "activities", "id": activity, "values": values})
        await writer.update("activities", activity, {"name": "Call back"}, now=fields)
        held = made.stored("activities", activity)
        assert (held["name"], held["location"], held["transcription"]) == ("Call back", "Roof", "hello")
        assert held["links"]["participants"] == [person, colleague["id"]]
        await writer.delete("activities", activity)
        assert not made.live("activities") or activity not in [r["id"] for r in made.live("activities")]
        with pytest.raises(NotFound):
            await writer.update("activities", activity, {"name": "x"}, now=fields)


async def test_notes_are_edited_or_made_anew_but_never_twice() -> None:
    """With editNote the id stays; without it the note is replaced; the old text is never left beside the new."""
    async with rig(switches={"note_edit": "none"}) as made:
        writer = made.nutshell.writer
        person = await writer.create("contacts", NIA)
        now: Fields = {"body": "old\n[sf:lt:note:1]", "link:parent": person}
        note = await writer.create("notes", now)
        anew = await writer.update("notes", note, {"body": "new\n[sf:lt:note:1]"}, now=now)
        assert anew != note
        bodies = [r["body"] for r in made.live("notes") if r["links"]["parent"] == person]
        assert bodies == ["new\n[sf:lt:note:1]"]
        made.switch(note_max_chars=5)
        with pytest.raises(RecordRejected):
            await writer.update("notes", anew, {"body": "longer than that"}, now={**now, "body": bodies[0]})
        assert [r["body"] for r in made.live("notes") if r["links"]["parent"] == person] == bodies
    async with rig(flags={"note_edit": "rpc_24h"}) as made:
        writer = made.nutshell.writer
        person = await writer.create("contacts", NIA)
        now = {"body": "old", "link:parent": person}
        note = await writer.create("notes", now)
        assert await writer.update("notes", note, {"body": "new"}, now=now) == note
        assert made.stored("notes", note)["body"] == "new"


@pytest.mark.parametrize("media", ["json-patch+json", "json"])
async def test_tasks_are_reassigned_and_edited(media: str) -> None:
    """The assignee goes by PATCH in whichever media type is wanted, which is remembered; the rest by JSON-RPC or made anew."""
    async with rig(switches={"tasks_patch_media": media}) as made:
        writer, colleague = made.nutshell.writer, made.site.user_by_email(OTHER)
        assert colleague is not None
        person = await writer.create("contacts", NIA)
        now: Fields = {"title": "Ring", "link:relatedEntity": person, "dueTime": 1_900_000_000}
        task = await writer.create("tasks", now)
        assert await writer.update("tasks", task, {"link:assignee": colleague["id"]}, now=now) == task
        assert made.stored("tasks", task)["links"]["assignee"] == colleague["id"]
        assert made.nutshell.flags.tasks_patch_media == media
        assert await writer.update("tasks", task, {"title": "Call", "dueTime": 1_900_000_060}, now=now) == task
        assert (await _one(made, "tasks", task))["dueTime"] == 1_900_000_060
        made.switch(rpc_enabled=False)
        anew = await writer.update("tasks", task, {"title": "Again"}, now=dict(await _one(made, "tasks", task)))
        assert anew != task
        assert [r["title"] for r in made.live("tasks") if r["links"].get("relatedEntity") == person] == ["Again"]
        await writer.delete("tasks", anew)
        with pytest.raises(RecordRejected):
            await writer.restore("tasks", anew)


async def test_delete_restore_and_gone() -> None:
    """Deleted and merged records are missing from what is read; restore brings one back; a second delete says NotFound."""
    for form in ("record", "404"):
        async with rig(switches={"deleted_get": form}) as made:
            reader, writer = made.nutshell.reader, made.nutshell.writer
            ids = [await writer.create("contacts", {"name": f"P {n}"}) for n in range(4)]
            await writer.delete("contacts", ids[1])
            assert list(await reader.read("contacts", ids, custom=False)) == [ids[0], ids[2], ids[3]]
            with pytest.raises(NotFound):
                await writer.delete("contacts", ids[1])
            await writer.restore("contacts", ids[1])
            assert list(await reader.read("contacts", ids, custom=False)) == ids
            assert await reader.read("contacts", ["999999-contacts"], custom=True) == {}


@pytest.mark.parametrize("form", ["text", "null", "number", "nan", "doubled", "deep", "bytes"])
async def test_what_is_no_answer_confirms_nothing_and_is_asked_for_again(form: str) -> None:
    """A create answered with something that is no answer is uncertain, under no made-up id; a read is asked anew, and right then."""
    async with rig() as made:
        made.switch(odd_200={"path": "POST /rest/contacts", "form": form, "after": True, "times": 1})
        with pytest.raises(Uncertain):
            await made.nutshell.writer.create("contacts", NIA)
        [stored] = [row for row in made.live("contacts") if row["name"] == NIA["name"]]
        made.switch(odd_200={"path": "GET *", "form": form, "times": 1})
        assert list(await made.nutshell.reader.read("contacts", [stored["id"]], custom=False)) == [stored["id"]]
        made.switch(odd_200={"path": "GET *", "form": form})
        with pytest.raises(ProtocolMismatch):
            await made.nutshell.reader.read("contacts", [stored["id"]], custom=False)


async def test_errors_with_a_good_status_confirm_and_deny_nothing() -> None:
    """A 200 that tells an error leaves a change and a removal in doubt, and its empty list is not that of the records."""
    async with rig() as made:
        writer, reader = made.nutshell.writer, made.nutshell.reader
        dest_id = await writer.create("contacts", NIA)
        made.switch(error_200={"path": ["DELETE *", "PATCH *"], "times": 2})
        with pytest.raises(Uncertain):
            await writer.delete("contacts", dest_id)
        with pytest.raises(Uncertain):
            await writer.update("contacts", dest_id, {"description": "new"}, now={"description": ""})
        assert dest_id in {row["id"] for row in made.live("contacts")}
        made.switch(error_200={"path": "GET *", "times": 1})
        assert list(await reader.read("contacts", [dest_id], custom=False)) == [dest_id]
        await writer.delete("contacts", dest_id)
        assert dest_id not in {row["id"] for row in made.live("contacts")}


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("lies", "there"), [(1, True), (2, True), (3, False)])
async def test_one_answer_that_leaves_a_record_out_is_not_believed(number: int, lies: int, there: bool) -> None:
    """A record that an empty list does not show was not deleted by that: it is asked for alone, and gone is what is absent each time."""
    async with rig() as made:
        reader = made.nutshell.reader
        ids = [await made.nutshell.writer.create("contacts", {"name": f"P {n}"}) for n in range(number)]
        made.switch(empty_200={"match": ids[0], "times": lies})
        assert list(await reader.read("contacts", ids, custom=False)) == (ids if there else ids[1:])


@pytest.mark.parametrize(
    ("switches", "most"),
    [({}, 4), ({"multi_get_missing": "404"}, 40), ({"multi_get_max": 1}, 400), ({"multi_get_max": 7}, 60)],
)
async def test_reading_back_shares_calls(switches: dict[str, Any], most: int) -> None:
    """120 records take few calls; servers that refuse unknown ids or several ids are read all the same, and that is remembered."""
    async with rig(switches=switches) as made:
        ids = [await made.nutshell.writer.create("contacts", {"name": f"P {n}"}) for n in range(119)]
        made.calls()
        found = await made.nutshell.reader.read("contacts", [*ids, "999999-contacts"], custom=False)
        assert list(found) == ids
        assert len(made.calls()) <= most
        if switches.get("multi_get_max") == 1:
            assert made.nutshell.flags.multi_get("contacts") == 1
            await made.nutshell.reader.read("contacts", ids[:10], custom=False)
            assert len(made.calls()) == 10


@pytest.mark.parametrize(
    ("switches", "flags", "route"),
    [
        ({"payload_custom_fields": True}, {"payload_custom_fields": True}, "payload"),
        ({}, {}, "rpc"),
        ({"rpc_whole_records": False}, {}, "single"),
        ({"rpc_enabled": False}, {"rpc_find_custom_fields": False}, "single"),
    ],
)
async def test_everything_is_read_once_with_custom_fields_by_each_route(
    switches: dict[str, Any], flags: dict[str, Any], route: str
) -> None:
    """All live records come once, with their custom values, whichever route the account allows."""
    async with rig(switches=switches, flags=flags) as made:
        await _fields(made)
        ids = [
            await made.nutshell.writer.create("contacts", {"name": f"P {n}", "custom:Streamflow ID": f"lt:lead:{n}"}) for n in range(130)
        ]
        await made.nutshell.writer.delete("contacts", ids[5])
        made.calls()
        seen: list[str] = []
        customs: dict[str, Any] = {}
        async for page in made.nutshell.reader.everything("contacts", custom=True):
            seen.extend(page)
            customs.update({i: fields.get("custom:Streamflow ID") for i, fields in page.items()})
        assert len(seen) == len(set(seen)) == len(made.live("contacts"))
        assert all(customs[i] == f"lt:lead:{n}" for n, i in enumerate(ids) if n != 5)
        assert made.nutshell.reader.routes[route] > 0
        if route != "single":
            assert len(made.calls()) < 20


async def test_rows_that_leave_a_list_while_it_is_read_hide_no_others() -> None:
    """When a record is deleted between two pages, the one that slipped past the edge is still found, and none comes twice."""
    async with rig() as made:
        ids = [
            await made.nutshell.writer.create("notes", {"body": f"n {n}", "link:parent": made.live("contacts")[0]["id"]})
            for n in range(510)
        ]
        seen: list[str] = []
        async for page in made.nutshell.reader.everything("notes", custom=False):
            if not seen:
                await made.nutshell.writer.delete("notes", ids[-1])
            seen.extend(page)
        assert len(seen) == len(set(seen))
        assert set(seen) >= {r["id"] for r in made.live("notes")}


@pytest.mark.parametrize("cf_filter", ["exact", "fuzzy"])
async def test_find_compares_exactly(cf_filter: str) -> None:
    """Only records that carry the very marker are found, however fuzzy the filter; near ones are not."""
    async with rig(switches={"cf_filter": cf_filter}) as made:
        await _fields(made)
        writer, reader = made.nutshell.writer, made.nutshell.reader
        ids = {
            m: await writer.create("contacts", {"name": "P", "custom:Streamflow ID": m}) for m in ("lt:lead:4", "lt:lead:48", "lt:lead:482")
        }
        assert await reader.find("contacts", "lt:lead:4", {}) == [ids["lt:lead:4"]]
        await writer.delete("contacts", ids["lt:lead:48"])
        assert await reader.find("contacts", "lt:lead:48", {}) == []
        person = ids["lt:lead:4"]
        note = await writer.create("notes", {"body": "a\n[sf:lt:note:1]", "link:parent": person})
        await writer.create("notes", {"body": "a [sf:lt:note:1] inside\n[sf:lt:note:12]", "link:parent": person})
        assert await reader.find("notes", "[sf:lt:note:1]", {"link:parent": person}) == [note]
        assert await reader.find("notes", "[sf:lt:note:1]", {}) == [note]
        kind = (await made.nutshell.schema.reference()).activity_types["meeting"]
        fields: Fields = {"name": "M", "description": "d\n[sf:lt:call:7]", "activityType": kind, "startTime": 1, "endTime": 2}
        activity = await writer.create("activities", {**fields, "link:participants": [person]})
        assert await reader.find("activities", "[sf:lt:call:7]", {"link:participants": [person]}) == [activity]
        task = await writer.create("tasks", {"title": "T", "description": "[sf:lt:reminder:3]", "link:relatedEntity": person})
        assert await reader.find("tasks", "[sf:lt:reminder:3]", {"link:relatedEntity": person}) == [task]
        assert await reader.find("tasks", "[sf:lt:reminder:4]", {"link:relatedEntity": person}) == []


async def test_find_without_the_field_finds_nothing() -> None:
    """Where the marker field does not exist, an ignored filter does not make every record a candidate."""
    async with rig() as made:
        assert await made.nutshell.reader.find("contacts", "lt:lead:1", {}) == []
        assert set(made.calls()) == {"GET contacts/customfields/attributes"}


async def test_uncertain_writes_are_sent_once() -> None:
    """A reset after the commit leaves one record and an Uncertain; a garbled answer and a 500 likewise; a 429 makes nothing."""
    async with rig() as made:
        for fault in (
            {"reset_after": {"times": 1}},
            {"garble_after": {"times": 1}},
            {"fail_5xx": {"times": 1, "after": True, "status": 500}},
        ):
            before = len(made.live("contacts"))
            made.switch(**fault)
            with pytest.raises(Uncertain):
                await made.nutshell.writer.create("contacts", NIA)
            assert len(made.live("contacts")) == before + 1
        before = len(made.live("contacts"))
        made.switch(rate_per_s=0.5, burst=1, retry_after_s=1)
        made.site.faults.throttle()
        with pytest.raises(Throttled):
            await made.nutshell.writer.create("contacts", NIA)
        assert len(made.live("contacts")) == before


async def test_impersonation_writes_in_the_authors_name() -> None:
    """With the flag on, notes carry their author; a user who is switched off or unknown falls back to the configured one."""
    async with rig(key="sandbox-impersonate-key", impersonate=True, flags={"impersonation": True}) as made:
        ben, finn, ana = (made.site.user_by_email(e) for e in (OTHER, "finn.former@blueberry.test", ADMIN))
        assert ben
        assert finn
        assert ana
        person = await made.nutshell.writer.create("contacts", NIA)
        for author, creator in ((ben["id"], ben["id"]), (finn["id"], ana["id"]), ("999-users", ana["id"]), (None, ana["id"])):
            note = await made.nutshell.writer.create("notes", {"body": "x", "link:parent": person}, author=author)
            assert made.stored("notes", note)["creator"] == creator


async def test_plan_caps_pause_and_bad_keys_stop() -> None:
    """A refusal that speaks of the plan is a PlanLimit; a web-only key is AccessRefused and stops after two."""
    async with rig(plan={"open_leads": 0}) as made:
        person = await made.nutshell.writer.create("contacts", NIA)
        with pytest.raises(PlanLimit):
            await made.nutshell.writer.create("leads", {"description": "x", "link:contacts": [person]})
    async with rig(key="sandbox-web-key") as made:
        for _ in range(4):
            with pytest.raises(AccessRefused):
                await made.nutshell.schema.check()
        assert len(made.attempts) == 2


async def test_refused_leads_in_a_row_look_like_the_plan() -> None:
    """The same wordless refusal of different leads becomes a PlanLimit at the third."""
    async with rig() as made:
        made.switch(fail_5xx={"status": 400, "match": "POST /rest/leads"})
        person = await made.nutshell.writer.create("contacts", NIA)
        kinds = []
        for n in range(3):
            with pytest.raises((RecordRejected, PlanLimit)) as caught:
                await made.nutshell.writer.create("leads", {"description": f"x {n}", "link:contacts": [person]})
            kinds.append(type(caught.value))
        assert kinds == [RecordRejected, RecordRejected, PlanLimit]


@pytest.mark.parametrize("form", ["400", "402", "403"])
async def test_a_full_plan_is_told_from_a_lost_permission(form: str) -> None:
    """At the cap one more lead, made or reopened, is a PlanLimit in whatever form it is refused; all else goes on."""
    async with rig(plan={"open_leads": 1}, switches={"plan_refusal": form}, existing={"leads": 0}) as made:
        writer, reference = made.nutshell.writer, await made.nutshell.schema.reference()
        person = await writer.create("contacts", NIA)
        closed = await writer.create("leads", {"description": "a", "link:contacts": [person], "outcome": reference.outcomes["won"]})
        await writer.create("leads", {"description": "b", "link:contacts": [person]})
        with pytest.raises(PlanLimit) as caught:
            await writer.create("leads", {"description": "c", "link:contacts": [person]})
        assert caught.value.hint
        with pytest.raises(PlanLimit):
            await writer.update("leads", closed, {"outcome": None}, now=await _one(made, "leads", closed))
        assert await writer.create("notes", {"body": "x", "link:parent": person})


@pytest.mark.parametrize("lost", ["right", "user"])
async def test_a_lost_permission_stops_in_its_own_words(lost: str) -> None:
    """A 403 for every sort of record, or to a user who was switched off, is no matter of the plan."""
    async with rig() as made:
        writer = made.nutshell.writer
        person = await writer.create("contacts", NIA)
        made.switch(fail_5xx={"status": 403, "match": "POST /rest/"})
        if lost == "right":
            with pytest.raises(AccessRefused):
                await writer.create("notes", {"body": "x", "link:parent": person})
        else:
            me = made.site.user_by_email(ADMIN)
            assert me is not None
            me["isEnabled"] = False
        with pytest.raises(AccessRefused) as caught:
            await writer.create("leads", {"description": "x", "link:contacts": [person]})
        assert "permission" in caught.value.hint or "key" in caught.value.hint


async def test_a_full_plan_costs_nobody_their_name() -> None:
    """A lead refused for the plan in its author's name was not refused for the name: later ones carry it."""
    key = {"key": "sandbox-impersonate-key", "impersonate": True, "flags": {"impersonation": True}}
    async with rig(**key, plan={"open_leads": 0}, switches={"plan_refusal": "403"}, existing={"leads": 0}) as made:  # type: ignore[arg-type]
        ben = made.site.user_by_email(OTHER)
        assert ben is not None
        person = await made.nutshell.writer.create("contacts", NIA)
        with pytest.raises(PlanLimit):
            await made.nutshell.writer.create("leads", {"description": "x", "link:contacts": [person]}, author=ben["id"])
        made.site.plan["open_leads"] = None
        lead = await made.nutshell.writer.create("leads", {"description": "x", "link:contacts": [person]}, author=ben["id"])
        assert made.stored("leads", lead)["creator"] == ben["id"]


async def test_a_lead_that_was_made_stays_made() -> None:
    """When the pipeline is refused after the create, the id is still answered."""
    async with rig() as made:
        person = await made.nutshell.writer.create("contacts", NIA)
        dest_id = await made.nutshell.writer.create("leads", {"description": "x", "link:contacts": [person], "stageset": "999-stagesets"})
        assert made.stored("leads", dest_id)["description"] == "x"


async def test_a_bug_behind_a_create_is_no_refused_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks within us after a lead was made is raised, not logged and left to read-back as what the platform refuses is."""
    async with rig() as made:
        person = await made.nutshell.writer.create("contacts", NIA)

        async def breaks(*_: object) -> None:
            raise InvariantBroken("no id where there must be one")

        monkeypatch.setattr(LeadActions, "_do", breaks)
        with pytest.raises(InvariantBroken):
            await made.nutshell.writer.create("leads", {"description": "x", "link:contacts": [person], "stageset": "1-stagesets"})


async def test_errors_tell_no_values() -> None:
    """A refusal names what was refused and shows nothing of the record or the key."""
    async with rig() as made:
        with pytest.raises(RecordRejected) as caught:
            await made.nutshell.writer.create("contacts", {**NIA, "link:owner": "999-users"})
        shown = f"{caught.value} {caught.value.hint} {caught.value!r}"
        for secret in ("Nia", "Okafor", "example.com", "sandbox-key"):
            assert secret not in shown
        assert caught.value.status == 400


async def test_an_honest_pace_earns_no_429() -> None:
    """300 calls at 200 a second against a bucket of 20 that refills as fast: none is refused."""
    async with rig(switches={"rate_per_s": 200, "burst": 20}) as made:
        made.nutshell.session.limiter = PacedLimiter(SystemClock(), rate_per_s=200.0)
        contacts = [{"name": f"P {n}"} for n in range(300)]
        await spread(lambda fields: made.nutshell.writer.create("contacts", fields), contacts, width=12)
        assert made.site.faults.log.count_429 == 0


async def test_the_place_in_line_follows_the_task() -> None:
    """Calls made within a block of another priority wait in that line, child tasks included."""
    asked: list[int] = []

    class Watching(PacedLimiter):
        async def enter(self, priority: int) -> None:
            asked.append(priority)
            await super().enter(priority)

    async with rig() as made:
        made.nutshell.session.limiter = Watching(SystemClock(), rate_per_s=1_000)
        with at_priority(DELTA):
            await made.nutshell.reader.read("contacts", [f"{n}-contacts" for n in range(60)], custom=False)
        await made.nutshell.feed.cursor()
    assert asked[0] == asked[1] == DELTA
    assert asked[-1] == NORMAL


@pytest.mark.parametrize("way", ["patch", "rpc", "none"])
async def test_a_lead_moves_closes_and_reopens(way: str) -> None:
    """Stage and outcome follow the changes; what is so already is not sent again; an outcome taken away reopens."""
    async with rig(switches={"lead_stage_write": way}, flags={"lead_stage_write": way}) as made:
        reference = await made.nutshell.schema.reference()
        person = await made.nutshell.writer.create("contacts", NIA)
        lead = await made.nutshell.writer.create("leads", {"description": "x", "link:contacts": [person]})
        now = await _one(made, "leads", lead)
        stage = reference.stages[f"{reference.stagesets['sales']}/quoted"]
        changes = {"stage": stage, "stageset": now["stageset"], "outcome": reference.outcomes["won"], "description": "y"}
        made.calls()
        await made.nutshell.writer.update("leads", lead, changes, now=now)
        asked = made.calls()
        assert "POST leads/{id}/stageset" not in asked
        after = await _one(made, "leads", lead)
        assert (after["description"], after["status"]) == ("y", "won")
        assert (after["stage"] == stage) is (way != "none")
        await made.nutshell.writer.update("leads", lead, {"outcome": None}, now=after)
        assert (await _one(made, "leads", lead))["status"] == "open"
