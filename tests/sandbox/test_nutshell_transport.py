"""Credentials, error shapes, ids, envelope, pages (nutshell.md 1)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace


async def test_bad_credentials_get_an_html_401(nutshell):
    """Unknown users, unknown keys, web-only keys and no credentials at all: 401 in HTML."""
    for user, key in (("nobody@x.test", "sandbox-key"), (nutshell.user, "wrong"), (nutshell.user, "sandbox-web-key")):
        got = await replace(nutshell, user=user, key=key).get("/users")
        assert got.status == 401
        assert got.headers["Content-Type"].startswith("text/html")
        assert "<title>An Error Occurred: Unauthorized</title>" in got.text
    nutshell.user = ""
    assert (await nutshell.get("/users")).status == 401
    nutshell.user = "finn.former@blueberry.test"
    assert (await nutshell.get("/users")).status == 401


async def test_a_revoked_key_stops_working(nutshell):
    """revoke_key by an administrator turns the next call into a 401."""
    assert (await nutshell.get("/users")).status == 200
    await nutshell.act("revoke_key", values={"key": "sandbox-key"})
    assert (await nutshell.get("/users")).status == 401


async def test_author_is_the_user_only_with_an_impersonating_key(open_nutshell):
    """A plain key writes as an origin, an impersonating one as the user, unless REST ignores impersonation."""
    nut = await open_nutshell()
    assert (await nut.contact())["links"]["creator"].endswith("-origins")
    nut.user, nut.key = "ben.sales@blueberry.test", "sandbox-impersonate-key"
    ben = nut.site.user_by_email(nut.user)["id"]
    assert (await nut.contact())["links"]["creator"] == ben
    await nut.switch(impersonation=False)
    assert (await nut.contact())["links"]["creator"].endswith("-origins")


async def test_unknown_paths_and_records_are_html_404_and_wrong_verbs_text_405(nutshell):
    """404 is a page, 405 the words Internal Error."""
    for path in ("/nothing", "/contacts/99999-contacts", "/contacts/1-leads"):
        got = await nutshell.get(path)
        assert (got.status, got.headers["Content-Type"].split(";")[0]) == (404, "text/html")
    for method, path in (("PUT", "/rest/contacts/1-contacts"), ("PATCH", "/rest/notes/1"), ("DELETE", "/rest/activities/1")):
        got = await nutshell.call(method, path, {})
        assert (got.status, got.text) == (405, '"Internal Error"')


async def test_every_answer_carries_a_request_id(nutshell):
    """x-nutshell-request-id is there on success and on errors, and differs."""
    ids = {(await nutshell.get(path)).headers["x-nutshell-request-id"] for path in ("/users", "/nothing")}
    assert len(ids) == 2


async def test_more_than_one_record_in_a_create_is_refused_in_the_documented_words(nutshell):
    """A second element gets 400, an empty plural array and one error with the title of the contract."""
    for kind in ("accounts", "contacts", "leads", "activities"):
        got = await nutshell.post(f"/{kind}", {kind: [{"name": "a"}, {"name": "b"}]})
        assert (got.status, got.body[kind]) == (400, [])
        (error,) = got.body["errors"]
        assert error["title"] == f"You may only create one {kind} resource per request."
        assert (error["type"], error["status"]) == ("errors", "400")


async def test_ids_have_gaps_and_plain_integers_are_accepted(nutshell):
    """Ids are <integer>-<type>, not contiguous; the bare integer reads the same record."""
    numbers = [int((await nutshell.contact())["id"].partition("-")[0]) for _ in range(4)]
    assert numbers == sorted(numbers)
    assert numbers[-1] - numbers[0] > 3
    assert (await nutshell.get(f"/contacts/{numbers[0]}")).body["contacts"][0]["id"] == f"{numbers[0]}-contacts"


async def test_envelope_has_meta_links_and_companions(nutshell):
    """A single record comes in an array, with instance, link templates and the arrays its links point at."""
    owner = nutshell.site.user_by_email(nutshell.user)["id"]
    made = await nutshell.account(links={"owner": owner})
    body = (await nutshell.get(f"/accounts/{made['id']}")).body
    assert body["meta"] == {"instanceId": "379104", "siteId": "6smEpVK1"}
    assert body["links"]["accounts.contacts"]["href"].endswith("/rest/contacts/{accounts.contacts}")
    assert [o["id"] for o in body["owners"]] == [owner]
    assert body["accountTypes"][0]["id"] == "1-accountTypes"


async def test_several_ids_in_one_get(open_nutshell):
    """Comma-joined ids come back together, unknown ones left out, more than the switch allows refused."""
    nut = await open_nutshell(multi_get_max=3)
    ids = [(await nut.contact())["id"] for _ in range(3)]
    got = await nut.get(f"/contacts/{ids[2]},{ids[0]}")
    assert [c["id"] for c in got.body["contacts"]] == [ids[0], ids[2]]
    assert len((await nut.get(f"/contacts/{ids[0]},99999-contacts")).body["contacts"]) == 1
    assert (await nut.get(f"/contacts/{','.join(ids)},1-contacts")).status == 400


async def test_pages_are_zero_based_and_report_the_total_past_the_end(open_nutshell):
    """The page after the last is empty with the full total; wrong sizes and numbers are refused."""
    nut = await open_nutshell({"existing": {"contacts": 5, "leads": 0}})
    pages = [(await nut.get("/contacts", **{"page[limit]": "2", "page[page]": str(n)})).body for n in range(4)]
    assert [len(p["contacts"]) for p in pages] == [2, 2, 1, 0]
    assert [p["meta"]["total"] for p in pages] == [5] * 4
    assert pages[0]["meta"]["countFormatted"] == "2"
    negative = await nut.get("/contacts", **{"page[page]": "-1"})
    error = negative.body["errors"][0]
    assert (error["title"], error["detail"]) == ("Invalid filter", "Invalid page number: -1")
    assert (await nut.get("/contacts", **{"page[limit]": "10001"})).status == 400
    assert (await nut.get("/contacts", **{"page[limit]": "10000"})).status == 200


async def test_pages_drift_while_rows_are_added(open_nutshell):
    """The default order is newest first, so a new row pushes one already seen onto the next page."""
    nut = await open_nutshell({"existing": {"contacts": 4, "leads": 0}})
    first = (await nut.get("/contacts", **{"page[limit]": "2"})).body["contacts"]
    await nut.contact("New Comer")
    second = (await nut.get("/contacts", **{"page[limit]": "2", "page[page]": "1"})).body["contacts"]
    assert second[0]["id"] == first[1]["id"]


async def test_broken_json_is_a_400_envelope(nutshell):
    """A body that is no JSON is refused like any invalid input."""
    got = await nutshell.call("POST", "/rest/contacts", b"{nope", "application/json")
    assert (got.status, got.body["errors"][0]["title"]) == (400, "Invalid JSON")


def test_the_process_says_where_it_listens_and_ends_on_sigterm():
    """One JSON line when ready, exit code 0 on SIGTERM."""
    command = [sys.executable, "-m", "streamflow.sandbox.nutshell", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        ready = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert ready["ready"] is True
    assert ready["url"].startswith("http://127.0.0.1:")
