"""Activities, notes, tasks, tags, sources and the reference tables (nutshell.md 4, 6)."""

from __future__ import annotations

import pytest

START = 1_609_514_400


def call_body(person, **more):
    """Return a POST body for a phone call."""
    values = {"name": "Call", "activityType": "1-activityTypes", "startTime": START, "endTime": START + 900}
    return {"activities": [{**values, "links": {"participants": [person]}, **more}]}


async def test_an_activity_keeps_its_past_times_and_splits_participants(nutshell):
    """Old times stay, participants come back by type, the note becomes a note of its own."""
    person = (await nutshell.contact())["id"]
    lead = (await nutshell.lead(person))["id"]
    user = nutshell.site.user_by_email(nutshell.user)["id"]
    body = call_body(person, isLogged=True, note="said yes", links={"participants": [user, person, lead]})
    got = await nutshell.post("/activities", body)
    made = got.body["activities"][0]
    assert (got.status, made["startTime"], made["isLogged"]) == (201, START, True)
    assert (made["links"]["users"], made["links"]["contacts"], made["links"]["leads"]) == ([user], [person], [lead])
    note = (await nutshell.get(f"/notes/{made['links']['logNote']}")).body["notes"][0]
    assert note["body"] == "said yes"
    rows = (await nutshell.get("/activities", **{"filter[participant][]": person, "limit": "5"})).body["activities"]
    assert [r["id"] for r in rows] == [made["id"]]


async def test_put_replaces_every_field(nutshell):
    """What a PUT does not send is gone."""
    person = (await nutshell.contact())["id"]
    made = (await nutshell.post("/activities", call_body(person, description="agenda", note="n", isFlagged=True))).body
    path = f"/rest/activities/{made['activities'][0]['id']}"
    got = (await nutshell.call("PUT", path, call_body(person, name="Other", links={}))).body["activities"][0]
    assert (got["name"], got["agenda"], got["isFlagged"], got["links"]["contacts"]) == ("Other", None, False, [])
    assert got["links"]["logNote"] is None


async def test_activity_switches(open_nutshell):
    """Backdating and participant types can be refused; an e-mail type exists only by switch."""
    nut = await open_nutshell(activity_backdate=False)
    person = (await nut.contact())["id"]
    assert (await nut.post("/activities", call_body(person))).status == 400
    await nut.switch(activity_backdate=True, activity_participants=["users"])
    assert (await nut.post("/activities", call_body(person))).status == 400
    names = [t["name"] for t in (await nut.get("/activitytypes")).body["activityTypes"]]
    assert "Email" not in names
    more = await open_nutshell(email_activity_type=True)
    assert "Email" in [t["name"] for t in (await more.get("/activitytypes")).body["activityTypes"]]


async def test_notes_take_data_and_nothing_else(nutshell):
    """The wrapper is `data`, parents are three kinds, HTML is escaped, newlines stay, there is no edit."""
    person = (await nutshell.contact())["id"]
    body = {"data": {"body": "a <b>\nsecond", "links": {"parent": person}}}
    got = await nutshell.post("/notes", body)
    note = got.body["notes"][0]
    assert (got.status, note["body"], note["parentType"]) == (201, "a <b>\nsecond", "contacts")
    assert note["bodyHtml"] == "a &lt;b&gt;<br />\nsecond"
    assert "creator" not in note["links"]
    assert (await nutshell.post("/notes", {"notes": [body["data"]]})).status == 400
    assert (await nutshell.post("/notes", {"data": {"body": "x", "links": {"parent": note["id"]}}})).status == 400
    assert (await nutshell.patch(f"/notes/{note['id']}")).status == 405
    assert (await nutshell.delete(f"/notes/{note['id']}")).status == 200
    back = (await nutshell.post(f"/notes/{note['id']}/undelete")).body["notes"][0]
    assert (back["deletedTime"], back["links"]["parent"]) == (None, person)


async def test_note_length_is_limited_by_switch(open_nutshell):
    """Too long a note is refused, or cut."""
    nut = await open_nutshell(note_max_chars=10)
    body = {"data": {"body": "x" * 11, "links": {"parent": (await nut.contact())["id"]}}}
    assert (await nut.post("/notes", body)).status == 400
    await nut.switch(note_over_limit="truncated")
    assert (await nut.post("/notes", body)).body["notes"][0]["body"] == "x" * 10


@pytest.mark.parametrize("form", ["flat", "tasks", "data"])
async def test_the_task_body_form_is_a_switch(open_nutshell, form):
    """Exactly one of the three forms is understood."""
    nut = await open_nutshell(task_body_form=form)
    task = {"title": "Send quote", "dueTime": "1767225600", "links": {"relatedEntity": (await nut.contact())["id"]}}
    bodies = {"flat": task, "tasks": {"tasks": [task]}, "data": {"data": task}}
    for name, body in bodies.items():
        assert (await nut.post("/tasks", body)).status == (200 if name == form else 400)


@pytest.mark.parametrize("is_filled", [False, True])
async def test_whose_a_task_made_for_nobody_is(open_nutshell, is_filled):
    """Nobody's, or with the switch that of the user who made it."""
    nut = await open_nutshell(task_assignee_filled=is_filled)
    made = (await nut.post("/tasks", {"title": "T"})).body["tasks"][0]
    assert made["links"].get("assignee") == (nut.site.user_by_email(nut.user)["id"] if is_filled else None)


@pytest.mark.parametrize("kinds", [[], ["contacts"]])
async def test_whose_a_person_made_for_nobody_is(open_nutshell, kinds):
    """Nobody's, or with the switch that of the user who made it."""
    nut = await open_nutshell(owner_filled=kinds)
    me = nut.site.user_by_email(nut.user)["id"]
    assert (await nut.contact())["links"].get("owner") == (me if kinds else None)


async def test_a_task_changes_only_its_assignee(open_nutshell):
    """Other paths are refused, completion too unless switched on; the media type is a switch; no undelete."""
    nut = await open_nutshell()
    user = nut.site.user_by_email(nut.user)["id"]
    rid = (await nut.post("/tasks", {"title": "T", "dueTime": "1767225600"})).body["tasks"][0]["id"]
    assign = {"op": "replace", "path": "/tasks/0/links/assignee", "value": user}
    assert (await nut.patch(f"/tasks/{rid}", assign)).status == 204
    assert (await nut.get(f"/tasks/{rid}")).body["tasks"][0]["links"]["assignee"] == user
    done = {"op": "replace", "path": "/tasks/0/isCompleted", "value": True}
    assert (await nut.patch(f"/tasks/{rid}", done)).status == 400
    await nut.switch(task_complete=True, tasks_patch_media="json")
    assert (await nut.patch(f"/tasks/{rid}", done)).status == 400
    assert (await nut.patch(f"/tasks/{rid}", done, media="application/json")).status == 204
    assert (await nut.delete(f"/tasks/{rid}")).status == 200
    assert (await nut.post(f"/tasks/{rid}/undelete")).status in (404, 405)


async def test_a_tag_hangs_on_many_records_in_one_call(nutshell):
    """links.entities attaches at creation; a duplicate name of that type is refused, another type is free."""
    ids = [(await nutshell.contact())["id"] for _ in range(3)]
    tag = {"name": "Storm 2024", "tagType": "2", "colorType": "9", "links": {"entities": ids}}
    made = (await nutshell.post("/tags", {"tags": [tag]})).body["tags"][0]
    people = (await nutshell.get(f"/contacts/{','.join(ids)}")).body["contacts"]
    assert all(p["links"]["tags"] == [made["id"]] for p in people)
    assert (await nutshell.post("/tags", {"tags": [{"name": "storm 2024", "tagType": "2"}]})).status == 400
    other = (await nutshell.post("/tags", {"tags": [{"name": "Storm 2024", "tagType": "3"}]})).body["tags"][0]
    assert (await nutshell.get("/tags", **{"filter[tagType]": "accounts"})).body["tags"][0]["id"] == other["id"]
    assert (await nutshell.delete(f"/tags/{made['id']},{other['id']}")).status == 200
    assert (await nutshell.post(f"/tags/{made['id']}/undelete")).status == 200


async def test_sources_refuse_duplicates(nutshell):
    """A source has a channel from 0 to 8; its name is unique."""
    got = await nutshell.post("/sources", {"sources": [{"name": "Yard sign", "channel": 7}]})
    assert (got.status, got.body["sources"][0]["channel"]["display"]) == (201, "Traditional")
    assert (await nutshell.post("/sources", {"sources": [{"name": "yard SIGN", "channel": 7}]})).status == 400
    assert (await nutshell.post("/sources", {"sources": [{"name": "Other", "channel": 9}]})).status == 400


async def test_reference_tables(nutshell):
    """Users carry permissions and plain e-mails, stages their pipeline, outcomes a status; teams have no path."""
    users = (await nutshell.get("/users")).body["users"]
    assert users[0]["emails"] == [nutshell.user]
    assert users[0]["permissions"]["canDeleteEntities"] is True
    assert [u["isEnabled"] for u in users].count(False) == 1
    stages = (await nutshell.get("/stages")).body["stages"]
    assert stages[0]["links"] == {"stageset": "1-stagesets"}
    assert {o["status"] for o in (await nutshell.get("/outcomes")).body["outcomes"]} == {"won", "lost", "cancelled"}
    for path in ("accounttypes", "industries", "territories", "markets", "products", "audiences", "stagesets"):
        assert (await nutshell.get(f"/{path}")).status == 200
    assert (await nutshell.get("/teams")).status == 404
    await nutshell.switch(teams_rest=True)
    assert [t["name"] for t in (await nutshell.get("/teams")).body["teams"]] == ["Office", "Field crew"]
