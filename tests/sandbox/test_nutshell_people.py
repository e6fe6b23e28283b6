"""Companies and people: create, JSON Patch, delete and restore (nutshell.md 1.11, 3.1, 3.2, 7)."""

from __future__ import annotations

import pytest


def put(path, value):
    """Return a replace operation."""
    return {"op": "replace", "path": path, "value": value}


async def test_a_contact_is_created_with_name_only_and_split_at_the_last_space(nutshell):
    """firstName given on create is ignored; phones are parsed; the answer is 200."""
    made = await nutshell.contact(
        "Nia van Okafor", firstName="X", phones=[{"value": "(734) 555-0100"}], emails=[{"value": "nia@x.test"}]
    )
    assert (made["firstName"], made["lastName"], made["name"]) == ("Nia van", "Okafor", "Nia van Okafor")
    assert made["phones"][0]["value"]["E164"] == "+17345550100"
    assert made["emails"] == [{"isPrimary": True, "name": "email", "value": "nia@x.test"}]
    assert "customFields" not in made


async def test_minimum_for_a_create(nutshell):
    """A contact needs a name or an e-mail, a company any one of its parts."""
    phone = {"phones": [{"value": "7345550100"}]}
    assert (await nutshell.post("/contacts", {"contacts": [phone]})).status == 400
    assert (await nutshell.post("/accounts", {"accounts": [phone]})).status == 201
    assert (await nutshell.post("/accounts", {"accounts": [{}]})).status == 400


async def test_account_shape_and_defaults(nutshell):
    """A company starts as 1-accountTypes, shows no times, and lists the people that link to it."""
    made = await nutshell.account(addresses=[{"value": {"city": "Ann Arbor", "zip": "ignored"}}])
    person = await nutshell.contact(links={"accounts": [made["id"]]})
    seen = (await nutshell.get(f"/accounts/{made['id']}")).body["accounts"][0]
    assert seen["links"]["contacts"] == [person["id"]]
    assert seen["links"]["accountType"] == "1-accountTypes"
    assert "createdTime" not in seen
    assert seen["addresses"][0]["value"]["city"] == "Ann Arbor"


async def test_phone_form_is_a_switch(open_nutshell):
    """Strings are the default; the object form is refused until the switch says otherwise."""
    nut = await open_nutshell()
    body = {"contacts": [{"name": "A", "phones": [{"value": {"number": "7345550100"}}]}]}
    assert (await nut.post("/contacts", body)).status == 400
    await nut.switch(phone_value_form="object")
    assert (await nut.post("/contacts", body)).status == 200


async def test_patch_grammar(nutshell):
    """Fields replace; links add with /-, remove with the id, replace whole; 204 without a body."""
    one, two = await nutshell.account("One"), await nutshell.account("Two")
    rid = (await nutshell.contact())["id"]
    got = await nutshell.patch(
        f"/contacts/{rid}",
        put("/contacts/0/firstName", "Ada"),
        put("/contacts/0/lastName", "van Berg"),
        put("/contacts/0/jobTitle", "Lead"),
        {"op": "add", "path": "/contacts/0/links/accounts/-", "value": one["id"]},
        {"op": "add", "path": "/contacts/0/links/accounts/-", "value": two["id"]},
        {"op": "remove", "path": f"/contacts/0/links/accounts/{one['id']}"},
    )
    assert (got.status, got.text) == (204, "")
    seen = (await nutshell.get(f"/contacts/{rid}")).body["contacts"][0]
    assert (seen["name"], seen["links"]["accounts"]) == ("Ada van Berg", [two["id"]])
    assert seen["jobs"] == {two["id"]: {"title": "Lead"}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/contacts/1/firstName", "value": "x"},
        {"op": "replace", "path": "/accounts/0/name", "value": "x"},
        {"op": "test", "path": "/contacts/0/firstName", "value": "x"},
        {"op": "add", "path": "/contacts/0/links/accounts", "value": "1-accounts"},
        {"op": "replace", "path": "/contacts/0/emails", "value": [{"value": "a@b.test"}]},
        {"op": "replace", "path": "/contacts/0/phones", "value": [{"value": "7345550100"}]},
        {"op": "replace", "path": "/contacts/0/createdTime", "value": 1},
        {"op": "add", "path": "/contacts/0/links/tags/-", "value": "99999-tags"},
        {"op": "replace", "path": "/contacts/0/links/creator", "value": "1-users"},
    ],
)
async def test_patch_refusals(nutshell, operation):
    """Wrong index, wrong plural, test, add without /-, unlabelled e-mails, server fields, dead links: 400."""
    rid = (await nutshell.contact())["id"]
    got = await nutshell.patch(f"/contacts/{rid}", operation)
    assert (got.status, got.body["contacts"]) == (400, [])


async def test_patch_needs_its_media_type(nutshell):
    """Any other media type gets a bare JSON string that names the right one."""
    rid = (await nutshell.contact())["id"]
    got = await nutshell.patch(f"/contacts/{rid}", put("/contacts/0/firstName", "x"), media="application/json")
    assert (got.status, got.body) == (400, "application/json-patch+json is required, see http://jsonapi.org")


async def test_a_refused_patch_may_leave_its_first_half(open_nutshell):
    """Not atomic by default; atomic with the switch."""
    nut = await open_nutshell()
    for atomic, expected in ((False, "Ada"), (True, "Nia")):
        await nut.switch(patch_atomic=atomic)
        rid = (await nut.contact())["id"]
        got = await nut.patch(f"/contacts/{rid}", put("/contacts/0/firstName", "Ada"), put("/contacts/0/id", "x"))
        assert got.status == 400
        assert (await nut.get(f"/contacts/{rid}")).body["contacts"][0]["firstName"] == expected


async def test_fields_behind_switches(open_nutshell):
    """Revenue and legacyId are refused until their flags are on; names can be closed."""
    nut = await open_nutshell()
    rid, person = (await nut.account())["id"], (await nut.contact())["id"]
    for path in ("revenue", "employeeCount", "legacyId"):
        assert (await nut.patch(f"/accounts/{rid}", put(f"/accounts/0/{path}", "5"))).status == 400
    await nut.switch(account_extra_fields=True, legacy_id=True, contact_name_patch=False)
    for path in ("revenue", "employeeCount", "legacyId"):
        assert (await nut.patch(f"/accounts/{rid}", put(f"/accounts/0/{path}", "5"))).status == 204
    assert (await nut.patch(f"/contacts/{person}", put("/contacts/0/firstName", "x"))).status == 400


async def test_create_links_can_be_forgotten(open_nutshell):
    """A relation named in create_links_ignored is accepted and does not stick."""
    nut = await open_nutshell(create_links_ignored=["owner"])
    owner = nut.site.user_by_email(nut.user)["id"]
    assert (await nut.account(links={"owner": owner}))["links"]["owner"] is None


async def test_delete_is_soft_and_restoring_loses_tags_and_companies(nutshell):
    """A deleted record is read by id with deletedTime, leaves lists, and comes back without its relations."""
    account = await nutshell.account()
    tag = (await nutshell.post("/tags", {"tags": [{"name": "T", "tagType": "2"}]})).body["tags"][0]["id"]
    rid = (await nutshell.contact("Gone Soon", links={"accounts": [account["id"]], "tags": [tag]}))["id"]
    assert (await nutshell.delete(f"/contacts/{rid}")).status == 200
    assert (await nutshell.get(f"/contacts/{rid}")).body["contacts"][0]["deletedTime"]
    assert (await nutshell.get("/contacts", q="Gone")).body["contacts"] == []
    assert (await nutshell.delete(f"/contacts/{rid}")).status == 404
    back = (await nutshell.post(f"/contacts/{rid}/undelete")).body["contacts"][0]
    assert (back["links"]["tags"], back["links"]["accounts"]) == ([], [])
    await nutshell.delete(f"/contacts/{rid}")
    nutshell.clock.advance(31 * 86_400)
    assert (await nutshell.post(f"/contacts/{rid}/undelete")).status == 404
    await nutshell.switch(deleted_get="404")
    assert (await nutshell.get(f"/contacts/{rid}")).status == 404


async def test_deleting_needs_the_permission(nutshell):
    """A user without canDeleteEntities gets 403."""
    await nutshell.act("add_user", values={"email": "z@x.test", "name": "Z", "permissions": {"canDeleteEntities": False}})
    rid = (await nutshell.contact())["id"]
    nutshell.user = "z@x.test"
    assert (await nutshell.delete(f"/contacts/{rid}")).status == 403
