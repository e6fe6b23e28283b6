"""The events feed, the admin's acts, and what is in the account beforehand (nutshell.md 7)."""

from __future__ import annotations

from urllib.parse import urlsplit


async def test_events_come_newest_first_with_inline_payloads(nutshell):
    """Each write leaves one row with actor, action and the record beside it."""
    first, second = await nutshell.contact("First"), await nutshell.account("Second")
    body = (await nutshell.get("/events", limit="20")).body
    assert [(e["action"], e["links"]["payloads"]) for e in body["events"]] == [
        ("create", [second["id"]]), ("create", [first["id"]])
    ]  # fmt: skip
    assert {p["id"] for p in body["payloads"]} == {first["id"], second["id"]}
    assert body["events"][0]["actorType"] == "origins"
    assert body["actors"][0]["name"] == "Streamflow"


async def test_next_moves_forward_and_previous_back(nutshell):
    """next asks for rows after the newest; previous repeats the oldest row, since max_id is inclusive."""
    for n in range(3):
        await nutshell.contact(f"P{n}")
    meta = (await nutshell.get("/events", limit="2")).body["meta"]
    await nutshell.contact("P3")

    async def names(url):
        parts = urlsplit(url)
        return [p["name"] for p in (await nutshell.call("GET", f"{parts.path}?{parts.query}")).body["payloads"]]

    assert await names(meta["next"]) == ["P3"]
    assert await names(meta["previous"]) == ["P1", "P0"]


async def test_limit_keeps_either_end(open_nutshell):
    """With since_id and more rows than limit, events_cut decides which are kept; both come newest first."""
    nut = await open_nutshell()
    first = (await nut.contact("P0"))["id"]
    since = (await nut.get("/events", entity_id=first)).body["events"][0]["id"]
    for n in range(1, 5):
        await nut.contact(f"P{n}")
    for cut, expected in (("newest", ["P4", "P3"]), ("oldest", ["P2", "P1"])):
        await nut.switch(events_cut=cut)
        body = (await nut.get("/events", since_id=since, limit="2")).body
        assert [p["name"] for p in body["payloads"]] == expected


async def test_deletions_can_be_asked_for_in_part(nutshell):
    """limit keeps the first in the order asked for; since_id and max_id bound the deletions as they bound the events."""
    for n in range(4):
        await nutshell.call("DELETE", f"/rest/contacts/{(await nutshell.contact(f'P{n}'))['id']}")

    async def deleted(**query):
        return [int(e["id"].split("-")[0]) for e in (await nutshell.get("/events/deleted", **query)).body["events"]]

    numbers = await deleted()
    assert numbers == sorted(numbers, reverse=True)
    assert await deleted(limit="2") == numbers[:2]
    assert await deleted(limit="2", sort="change_time") == sorted(numbers)[:2]
    assert await deleted(since_id=f"{numbers[2]}-events") == numbers[:2]
    assert await deleted(max_id=f"{numbers[2]}-events") == numbers[2:]


async def test_filters_of_the_feed(nutshell):
    """By payload kind, creator, record, time; a note shows under its parent."""
    person = await nutshell.contact()
    nutshell.clock.advance(100)
    await nutshell.post("/notes", {"data": {"body": "hello", "links": {"parent": person["id"]}}})

    async def kinds(**query):
        return [e["payloadType"] for e in (await nutshell.get("/events", **query)).body["events"]]

    assert await kinds(entity_id=person["id"]) == ["notes", "contacts"]
    assert await kinds(**{"entity_id": person["id"], "filters[payload][]": "notes"}) == ["notes"]
    assert await kinds(**{"filters[creator][]": "999-users"}) == []
    assert await kinds(since_time=str(int(nutshell.clock.now()))) == ["notes"]
    assert await kinds(max_time=str(int(nutshell.clock.now()) - 1)) == ["contacts"]


async def test_deletions_are_a_feed_of_their_own(nutshell):
    """A delete shows in /events/deleted, and in /events only by switch."""
    rid = (await nutshell.contact())["id"]
    await nutshell.delete(f"/contacts/{rid}")
    gone = (await nutshell.get("/events/deleted", **{"filter[types]": "contacts", "sort": "-change_time"})).body
    assert gone["events"][0]["links"]["payloads"] == [rid]
    assert gone["payloads"][0]["deletedTime"]
    assert [e["action"] for e in (await nutshell.get("/events")).body["events"]] == ["create"]
    await nutshell.switch(events_include_deletes=True)
    assert [e["action"] for e in (await nutshell.get("/events")).body["events"]] == ["delete", "create"]


async def test_the_feed_may_lag(open_nutshell):
    """events_lag_s holds rows back."""
    nut = await open_nutshell(events_lag_s=10)
    await nut.contact()
    assert (await nut.get("/events")).body["events"] == []
    nut.clock.advance(10)
    assert len((await nut.get("/events")).body["events"]) == 1


async def test_a_person_in_the_web_app_leaves_ordinary_events(nutshell):
    """create, edit of any field, delete: the actor is the person and the old value is told."""
    ben = "ben.sales@blueberry.test"
    made = await nutshell.act("create", **{"as": ben}, kind="contacts", values={"name": "Made Byhand"})
    await nutshell.act("edit", **{"as": ben}, kind="contacts", id=made["id"], values={"lastName": "Byperson"})
    event = (await nutshell.get("/events", limit="1")).body["events"][0]
    assert event["links"]["actor"] == nutshell.site.user_by_email(ben)["id"]
    change = next(c for c in event["changes"] if c["attribute"] == "lastName")
    assert (change["oldValue"]["name"], change["newValue"]["name"]) == ("Byhand", "Byperson")
    await nutshell.act("delete", kind="contacts", id=made["id"])
    assert (await nutshell.get("/events/deleted")).body["events"][0]["links"]["payloads"] == [made["id"]]
    assert (await nutshell.call("POST", "/_sandbox/act", {"do": "fly"})).status == 400


async def test_merging_leaves_mergedwith_and_moves_links(nutshell):
    """A merged person says which record took over; the lead now links to that one."""
    lost, kept = (await nutshell.contact("Lost"))["id"], (await nutshell.contact("Kept"))["id"]
    lead = (await nutshell.lead(lost))["id"]
    await nutshell.act("merge", kind="contacts", id=lost, values={"into": kept})
    assert (await nutshell.get(f"/contacts/{lost}")).body["contacts"][0]["links"]["mergedWith"] == kept
    assert (await nutshell.get(f"/leads/{lead}")).body["leads"][0]["links"]["contacts"] == [kept]


async def test_dump_and_planted_records(open_nutshell):
    """Explicit records may refer to each other; they leave no events and are findable at once."""
    records = {
        "accounts": [{"ref": "acme", "name": "Acme"}],
        "contacts": [{"ref": "pat", "name": "Pat Match", "emails": [{"value": "pat@x.test"}], "links": {"accounts": ["acme"]},
                      "as": "ben.sales@blueberry.test"}],
        "leads": [{"ref": "job", "description": "Own job", "links": {"contacts": ["pat"]}}],
        "notes": [{"body": "by hand", "parent": "job"}],
    }  # fmt: skip
    existing = {"accounts": 0, "contacts": 0, "leads": 0, "records": records}
    nut = await open_nutshell({"existing": existing}, search_lag_s=60)
    found = (await nut.get("/contacts", email="pat@x.test")).body["contacts"]
    dump = (await nut.call("GET", "/_sandbox/dump")).body
    assert found[0]["links"]["accounts"] == [dump["accounts"][0]["id"]]
    assert dump["contacts"][0]["creator"] == nut.site.user_by_email("ben.sales@blueberry.test")["id"]
    assert dump["notes"][0]["links"]["parent"] == dump["leads"][0]["id"]
    assert dump["events_count"] == 0


async def test_the_same_seed_gives_the_same_account(open_nutshell):
    """Two accounts of one seed are equal; another seed differs."""
    first, again, other = [(await open_nutshell({"seed": s})).site.state.table("contacts") for s in (3, 3, 4)]
    assert first == again
    assert first != other
