"""Custom fields, and lists that lag behind writes (nutshell.md 1.10, 5)."""

from __future__ import annotations

import pytest


def op(path, value):
    """Return a replace operation."""
    return {"op": "replace", "path": path, "value": value}


async def value_of(nut, entity, rid, title):
    """Return one value as GET /{entity}/{id}/customfields shows it."""
    rows = (await nut.get(f"/{entity}/{rid}/customfields")).body["customFields"]
    return {r["title"]: r["value"] for r in rows}[title]


async def test_definitions_show_in_attributes(nutshell):
    """A created field is listed with id, type, title, enum; the same name again is refused."""
    assert (await nutshell.field("contacts", "Born", "Date")).status == 200
    assert (await nutshell.field("contacts", "Kind", "Enum", choices=["A", "B"])).status == 200
    rows = (await nutshell.get("/contacts/customfields/attributes")).body["customFields"]
    assert [(r["title"], r["type"], r.get("enum")) for r in rows] == [
        ("Born", "date-time", None), ("Kind", "string", ["A", "B"])
    ]  # fmt: skip
    assert (await nutshell.field("contacts", "born", "Date")).status == 400
    assert "Born" in (await nutshell.get("/contacts/list/fields")).body["properties"]


async def test_type_names_differ_by_account(open_nutshell):
    """Only names in cf_type_map are taken; a server may also say 200 and make nothing."""
    nut = await open_nutshell(cf_type_map={"accounts": ["Text", "LongText"], "contacts": [], "leads": []})
    assert (await nut.field("accounts", "A", "String")).status == 400
    assert (await nut.field("accounts", "A", "LongText")).status == 200
    await nut.switch(cf_unknown_type="silent")
    assert (await nut.field("accounts", "B", "String")).status == 200
    assert len((await nut.get("/accounts/customfields/attributes")).body["customFields"]) == 1


async def test_fields_are_capped_by_plan_and_made_by_administrators(open_nutshell):
    """The cap refuses in the form of plan_refusal; a user without rights gets 403."""
    nut = await open_nutshell({"plan": {"custom_fields": 1}}, plan_refusal="402")
    assert (await nut.field("leads", "One")).status == 200
    assert (await nut.field("leads", "Two")).status == 402
    nut.user = "ben.sales@blueberry.test"
    assert (await nut.field("accounts", "One")).status == 403


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [("Date", "2019-04-02", "02.04.2019"), ("Currency", "123.45", "$5"), ("String", "x", 5), ("Enum", "A", "C")],
)
async def test_value_forms(nutshell, kind, good, bad):
    """Dates YYYY-MM-DD, money 123.45, text as strings, listed choices; anything else is a 400."""
    await nutshell.field("contacts", "F", kind, choices=["A", "B"])
    rid = (await nutshell.contact(customFields={"F": good}))["id"]
    assert await value_of(nutshell, "contacts", rid, "F") == good
    assert (await nutshell.post("/contacts", {"contacts": [{"name": "x", "customFields": {"F": bad}}]})).status == 400
    assert (await nutshell.patch(f"/contacts/{rid}", op("/contacts/0/F", ""))).status == 204
    assert await value_of(nutshell, "contacts", rid, "F") is None


async def test_unknown_names_and_choices_follow_switches(open_nutshell):
    """Unknown names are ignored or refused; unlisted choices refused, added or ignored."""
    nut = await open_nutshell()
    await nut.field("contacts", "K", "Enum", choices=["A"])
    await nut.contact(customFields={"Nowhere": "x"})
    await nut.switch(cf_unknown_name="refused", cf_unlisted_choice="added")
    assert (await nut.post("/contacts", {"contacts": [{"name": "x", "customFields": {"Nowhere": "x"}}]})).status == 400
    await nut.contact(customFields={"K": "New"})
    assert (await nut.get("/contacts/customfields/attributes")).body["customFields"][0]["enum"] == ["A", "New"]


async def test_the_patch_path_is_a_switch(open_nutshell):
    """Either /{e}/0/{name} or /{e}/0/customFields/{name}; ~1 stands for a slash."""
    nut = await open_nutshell()
    await nut.field("contacts", "A/B")
    rid = (await nut.contact())["id"]
    plain, nested = op("/contacts/0/A~1B", "v"), op("/contacts/0/customFields/A~1B", "w")
    assert (await nut.patch(f"/contacts/{rid}", nested)).status == 400
    assert (await nut.patch(f"/contacts/{rid}", plain)).status == 204
    await nut.switch(cf_patch_path="customFields")
    assert (await nut.patch(f"/contacts/{rid}", plain)).status == 400
    assert (await nut.patch(f"/contacts/{rid}", nested)).status == 204
    assert await value_of(nut, "contacts", rid, "A/B") == "w"


async def test_renaming_a_field_breaks_writes_by_name(nutshell):
    """Values stay with the field; writes by the old name no longer reach it."""
    await nutshell.field("contacts", "Old")
    rid = (await nutshell.contact(customFields={"Old": "1"}))["id"]
    await nutshell.act("rename_custom_field", kind="contacts", values={"name": "Old", "to": "New"})
    await nutshell.patch(f"/contacts/{rid}", op("/contacts/0/Old", "2"))
    assert await value_of(nutshell, "contacts", rid, "New") == "1"


async def test_lists_lag_and_get_by_id_does_not(open_nutshell):
    """A new record, an edit and a deletion reach lists, filters and find* only after search_lag_s."""
    nut = await open_nutshell(search_lag_s=30)
    rid = (await nut.contact("Zed Laggard", emails=[{"value": "z@x.test"}]))["id"]
    assert (await nut.get(f"/contacts/{rid}")).status == 200
    assert (await nut.get("/contacts", email="z@x.test")).body["contacts"] == []
    nut.clock.advance(30)
    assert len((await nut.get("/contacts", email="Z@x.test")).body["contacts"]) == 1
    await nut.patch(f"/contacts/{rid}", op("/contacts/0/firstName", "Zoe"))
    (seen,) = (await nut.get("/contacts", **{"filter[name]": "Laggard"})).body["contacts"]
    found = await nut.rpc("findContacts", limit=100, stubResponses=False, query={"email": "z@x.test"})
    assert (seen["firstName"], found["result"][0]["name"]["givenName"]) == ("Zed", "Zed")
    await nut.delete(f"/contacts/{rid}")
    assert len((await nut.get("/contacts", email="z@x.test")).body["contacts"]) == 1
    nut.clock.advance(30)
    assert (await nut.get("/contacts", email="z@x.test")).body["contacts"] == []


async def test_a_custom_field_finds_records_fuzzily_or_exactly(open_nutshell):
    """Fuzzy also answers with near values; exact only with the value."""
    nut = await open_nutshell()
    await nut.field("contacts", "Streamflow ID")
    for number in (441, 4410, 9):
        await nut.contact(f"P {number}", customFields={"Streamflow ID": f"lt:person:{number}"})
    query = {"filter[Streamflow ID]": "lt:person:441"}
    names = {c["name"] for c in (await nut.get("/contacts", **query)).body["contacts"]}
    assert names == {"P 441", "P 4410"}
    await nut.switch(cf_filter="exact")
    assert [c["name"] for c in (await nut.get("/contacts", **query)).body["contacts"]] == ["P 441"]


async def test_filters_that_mean_nothing_are_ignored_or_refused(open_nutshell):
    """An unknown filter lets everything through by default: the caller must compare."""
    nut = await open_nutshell({"existing": {"contacts": 3, "leads": 0}})
    assert (await nut.get("/contacts", **{"filter[Nope]": "x"})).body["meta"]["total"] == 3
    await nut.switch(unknown_filter="refused")
    assert (await nut.get("/contacts", **{"filter[Nope]": "x"})).status == 400


async def test_filter_kinds_and_sort(nutshell):
    """Phone, address part, relation, time span, number range and sort."""
    account = await nutshell.account(
        "Filter Firm", phones=[{"value": "7345550188"}], addresses=[{"value": {"country": "NZ", "city": "Napier"}}]
    )
    person = await nutshell.contact("Aaron Aardvark", links={"accounts": [account["id"]]})
    lead = await nutshell.lead(person["id"])

    async def ids(kind, **query):
        return [r["id"] for r in (await nutshell.get(f"/{kind}", **query)).body[kind]]

    assert await ids("accounts", **{"filter[phone]": "+1 734-555-0188"}) == [account["id"]]
    assert await ids("accounts", **{"filter[address][country]": "NZ"}) == [account["id"]]
    assert await ids("contacts", **{"filter[accounts][]": account["id"]}) == [person["id"]]
    assert await ids("contacts", **{"filter[leads][]": lead["id"]}) == [person["id"]]
    assert await ids("leads", **{"filter[number]": f">{int(lead['number']) - 1}"}) == [lead["id"]]
    assert person["id"] in await ids("contacts", **{"filter[createdTime]": "2026-01-01T00:00:00 TO 2026-01-02T00:00:00"})
    assert (await ids("contacts", sort="name"))[0] == person["id"]
    assert (await ids("contacts", sort="createdTime"))[-1] == person["id"]


async def test_payloads_carry_custom_fields_only_with_the_switch(open_nutshell):
    """payload_custom_fields puts values into records and event payloads."""
    nut = await open_nutshell(payload_custom_fields=True)
    await nut.field("contacts", "F")
    made = await nut.contact(customFields={"F": "1"})
    assert made["customFields"] == {"F": "1"}
    assert (await nut.get("/events", limit="1")).body["payloads"][0]["customFields"] == {"F": "1"}
