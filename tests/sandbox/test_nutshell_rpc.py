"""JSON-RPC on the wire (nutshell.md 8)."""

from __future__ import annotations


def number(rid):
    """Return the integer of an id."""
    return int(rid.partition("-")[0])


async def test_errors_hide_in_200_and_credentials_do_not(nutshell):
    """Application errors come with status 200; bad credentials are 401; the domain is a username too."""
    assert (await nutshell.rpc("noSuchMethod"))["error"]["code"] == -32601
    missing = await nutshell.rpc("getContact", contactId=99999)
    assert (missing["result"], missing["error"]["code"]) == (None, 404)
    body = {"jsonrpc": "2.0", "id": 1, "method": "getUser", "params": {}}
    nutshell.user = "stranger@x.test"
    assert (await nutshell.call("POST", "/api/v1/json", body)).status == 401
    nutshell.user = "blueberry.test"
    assert (await nutshell.rpc("findUsers"))["error"] is None


async def test_the_service_description_and_discovery_need_no_credentials(nutshell):
    """GET lists the methods; getApiForUsername names the host."""
    nutshell.user = ""
    services = (await nutshell.call("GET", "/api/v1/json")).body["services"]
    assert {"deleteActivity", "findLead_Outcomes", "newSource", "editNote"} <= set(services)
    body = {"jsonrpc": "2.0", "id": "1", "method": "getApiForUsername", "params": {"username": "a@b.test"}}
    assert (await nutshell.call("POST", "/v1/json", body)).body["result"]["api"].startswith("127.0.0.1")


async def test_rev_guards_edits(nutshell):
    """A stale rev is 409 inside 200, REV_IGNORE passes, a missing one is refused; rev rises with each edit."""
    rid = number((await nutshell.contact("Nia Okafor"))["id"])
    rev = (await nutshell.rpc("getContact", contactId=rid))["result"]["rev"]
    edited = await nutshell.rpc("editContact", contactId=rid, rev=rev, contact={"name": "Nia Marsh"})
    assert edited["result"]["name"]["familyName"] == "Marsh"
    assert edited["result"]["rev"] != rev
    stale = await nutshell.rpc("editContact", contactId=rid, rev=rev, contact={"name": "X"})
    assert stale["error"] == {"code": 409, "message": "rev key is out-of-date", "data": None}
    assert (await nutshell.rpc("editContact", contactId=rid, contact={"name": "X"}))["error"]["code"] == 400
    assert (await nutshell.rpc("editContact", contactId=rid, rev="REV_IGNORE", contact={"name": "X"}))["error"] is None


async def test_find_gives_stubs_or_whole_records_a_hundred_a_page(open_nutshell):
    """page is 1-based; whole records carry customFields; more than 100 is cut to 100."""
    nut = await open_nutshell({"existing": {"contacts": 0, "leads": 0}})
    await nut.field("contacts", "F")
    for n in range(105):
        await nut.contact(f"P {n}", customFields={"F": str(n)})
    whole = (await nut.rpc("findContacts", limit=500, page=1, stubResponses=False))["result"]
    rest = (await nut.rpc("findContacts", limit=500, page=2, stubResponses=False))["result"]
    assert (len(whole), len(rest), whole[0]["customFields"]) == (100, 5, {"F": "0"})
    assert set((await nut.rpc("findContacts"))["result"][0]) == {"stub", "id", "entityType", "name", "rev"}
    assert (await nut.rpc("findContacts", page=0))["error"]["code"] == 400
    await nut.switch(rpc_whole_records=False)
    assert (await nut.rpc("findContacts", stubResponses=False))["result"][0]["stub"] is True


async def test_an_activity_is_deleted_by_rpc_alone(open_nutshell):
    """deleteActivity with its rev answers true; the switch takes it away."""
    nut = await open_nutshell()
    body = {"activities": [{"name": "C", "activityType": "1-activityTypes", "startTime": 1, "endTime": 2}]}
    rid = (await nut.post("/activities", body)).body["activities"][0]["id"]
    await nut.switch(activity_delete=False)
    assert (await nut.rpc("deleteActivity", activityId=number(rid), rev="1"))["error"]["code"] == 403
    await nut.switch(activity_delete=True)
    assert (await nut.rpc("deleteActivity", activityId=number(rid), rev="9"))["error"]["code"] == 409
    assert (await nut.rpc("deleteActivity", activityId=number(rid), rev="1"))["result"] is True
    assert (await nut.get(f"/activities/{rid}")).body["activities"][0]["deletedTime"]


async def test_a_note_is_edited_for_a_day_by_its_author(nutshell):
    """Another author and the 25th hour are refused."""
    person = (await nutshell.contact())["id"]
    note = (await nutshell.post("/notes", {"data": {"body": "a", "links": {"parent": person}}})).body["notes"][0]
    edit = {"noteId": number(note["id"]), "rev": "REV_IGNORE", "note": "b"}
    assert (await nutshell.rpc("editNote", **edit))["result"]["note"] == "b"
    nutshell.key = "sandbox-impersonate-key"
    assert (await nutshell.rpc("editNote", **edit))["error"]["code"] == 403
    nutshell.key = "sandbox-key"
    nutshell.clock.advance(86_400)
    assert (await nutshell.rpc("editNote", **edit))["error"]["code"] == 403


async def test_new_source_finds_or_creates_and_new_tag_refuses(nutshell):
    """The same source name gives the same id; the same tag name an error."""
    first = (await nutshell.rpc("newSource", name="Yard sign"))["result"]["id"]
    assert (await nutshell.rpc("newSource", name="yard sign"))["result"]["id"] == first
    tag = {"name": "T", "entityType": "Leads"}
    assert (await nutshell.rpc("newTag", tag=tag))["error"] is None
    assert (await nutshell.rpc("newTag", tag=tag))["error"]["code"] == 400


async def test_creates_and_reads_share_records_with_rest(nutshell):
    """Maps become arrays, relationships stay, tags go by name, the timeline shows notes and activities."""
    account = number((await nutshell.account("Firm"))["id"])
    made = await nutshell.rpc(
        "newContact",
        contact={
            "name": {"givenName": "Mary Ann", "familyName": "de la Cruz"},
            "email": {"work": "mary@x.test"},
            "phone": {"cell": "734-555-0100"},
            "accounts": [{"id": account, "relationship": "Owner"}],
            "tags": ["Fresh"],
        },
    )
    person = made["result"]
    assert person["accounts"][0]["relationship"] == "Owner"
    seen = (await nutshell.get(f"/contacts/{person['id']}")).body["contacts"][0]
    assert (seen["lastName"], seen["phones"][0]["name"]) == ("de la Cruz", "cell")
    entity = {"entityType": "Contacts", "id": person["id"]}
    await nutshell.rpc("newNote", entity=entity, note="hello")
    when = "2024-05-01T10:00:00+0000"
    activity = {"name": "Met", "activityTypeId": 1, "startTime": when, "endTime": when, "status": 2, "participants": [entity]}
    cancelled = (await nutshell.rpc("newActivity", activity=activity))["result"]
    assert (cancelled["status"], cancelled["startTime"]) == (2, when)
    timeline = (await nutshell.rpc("findTimeline", query=entity))["result"]
    assert {t["entityType"] for t in timeline} == {"Notes", "Activities"}
    hits = (await nutshell.rpc("searchByEmail", emailAddressString="MARY@x.test"))["result"]
    assert [h["id"] for h in hits["contacts"]] == [person["id"]]
    assert (await nutshell.rpc("searchUniversal", string="Cruz"))["result"]["contacts"][0]["id"] == person["id"]


async def test_leads_and_tasks_by_rpc(nutshell):
    """newLead takes a note and products; an outcome closes; tasks come back with their entity."""
    person = number((await nutshell.contact())["id"])
    who = {"entityType": "Contacts", "id": person}
    lead = (await nutshell.rpc("newLead", lead={"description": "L", "contacts": [who], "note": ["n"]}))["result"]
    assert (lead["status"], lead["contacts"][0]["id"]) == (0, person)
    outcome = (await nutshell.rpc("findLead_Outcomes"))["result"][0]["id"]
    edit = {"outcome": {"id": outcome, "entityType": "Lead_Outcomes"}}
    closed = await nutshell.rpc("editLead", leadId=lead["id"], rev=lead["rev"], lead=edit)
    assert closed["result"]["status"] == 10
    assert len((await nutshell.rpc("findLeads", query={"status": 10, "number": lead["number"]}))["result"]) == 1
    task = (await nutshell.rpc("newTask", task={"title": "T", "dueTime": "2026-02-01T00:00:00Z", "entity": who}))["result"]
    assert task["entity"]["id"] == person
    assert (await nutshell.rpc("deleteTask", taskId=task["id"], rev=task["rev"]))["result"] is True


async def test_reads_answer_304_to_their_etag(nutshell):
    """If-None-Match with the ETag of an unchanged result has no body."""
    body = {"jsonrpc": "2.0", "id": "t", "method": "findTags", "params": {}}
    first = await nutshell.call("POST", "/api/v1/json", body)
    again = await nutshell.call("POST", "/api/v1/json", body, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


async def test_users_fields_and_teams_are_listed(nutshell):
    """findCustomFields is grouped by entity; findTeams lists teams; a seat is refused unless switched on."""
    await nutshell.field("leads", "F")
    fields = (await nutshell.rpc("findCustomFields"))["result"]
    assert [f["name"] for f in fields["Leads"]] == ["F"]
    assert fields["Contacts"] == []
    assert [t["name"] for t in (await nutshell.rpc("findTeams"))["result"]] == ["Office", "Field crew"]
    assert (await nutshell.rpc("newUser", user={"email": "n@x.test", "name": "N"}))["error"]["code"] == 403
