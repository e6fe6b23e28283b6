"""Tokens, forms, faults and pages of the simulated Lead Perfection on the wire: every quirk of lead-perfection.md 1.2 to 1.6."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from streamflow.sandbox.leadperfection import switches
from tests.sandbox.leadperfection_rig import ALL_TIME, ANY, PLAIN, Wire, serving

LEAD = "Customers/GetLead"
EXCEPTION = {"message": "Exception Occured", "status": None}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A server with tidy replies."""
    async with serving(**PLAIN) as made:
        yield made


# --- tokens ---


async def test_a_token_is_given_for_a_users_credentials(wire: Wire) -> None:
    """`/token` answers a form of right credentials with a bearer token and its lifetime in seconds."""
    status, headers, body = await wire.send("POST", "/token", data=wire.login())
    assert status == 200
    assert headers["Content-Type"].startswith("application/json")
    assert body.keys() == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 86_399)


@pytest.mark.parametrize("field", ["username", "password", "clientid", "appkey", "grant_type"])
async def test_each_credential_counts(wire: Wire, field: str) -> None:
    """One wrong field of five is 400 invalid_grant."""
    status, _, body = await wire.send("POST", "/token", data=wire.login(**{field: "wrong"}))
    assert (status, body["error"]) == (400, "invalid_grant")


async def test_wrong_credentials_may_answer_otherwise(wire: Wire) -> None:
    """By the switch they are 401, or even 200 without a token."""
    for form, wanted in (("401", 401), ("200", 200)):
        await wire.switch(bad_credentials=form)
        status, _, body = await wire.send("POST", "/token", data=wire.login(password="wrong"))
        assert status == wanted
        assert "access_token" not in body


async def test_the_lifetime_may_be_told_as_text_or_not_at_all(wire: Wire) -> None:
    """`expires_in` is a number, a text or missing."""
    await wire.switch(expires_in="text", token_lifetime_s=60)
    assert (await wire.send("POST", "/token", data=wire.login()))[2]["expires_in"] == "60"
    await wire.switch(expires_in="absent", token_type="absent")
    assert (await wire.send("POST", "/token", data=wire.login()))[2].keys() == {"access_token"}


async def test_credentials_come_as_a_form_only(wire: Wire) -> None:
    """JSON to `/token` is refused, and so is GET."""
    status, _, body = await wire.send("POST", "/token", json=wire.login())
    assert (status, body) == (400, {"error": "unsupported_grant_type"})
    assert (await wire.send("GET", "/token"))[0] == 405


async def test_a_token_ends(wire: Wire) -> None:
    """After its lifetime a token is 401 with the vendor's words; a new one is good."""
    wire.clock.advance(86_398)
    assert (await wire.call(LEAD, cst_id=1))[0] == 200
    wire.clock.advance(2)
    assert await wire.call(LEAD, cst_id=1) == (401, {"Message": "Authorization has been denied for this request."})
    await wire.sign_in()
    assert (await wire.call(LEAD, cst_id=1))[0] == 200


async def test_a_token_is_good_at_its_host_alone(wire: Wire) -> None:
    """The same server under another name does not know it, and the other way round."""
    other = {"Host": "api2.leadperfection.test"}
    assert (await wire.call(LEAD, headers=other, cst_id=1))[0] == 401
    await wire.sign_in(**other)
    assert (await wire.call(LEAD, headers=other, cst_id=1))[0] == 200
    assert (await wire.call(LEAD, cst_id=1))[0] == 401


async def test_a_call_needs_a_token(wire: Wire) -> None:
    """Without one, with a made-up one and after revocation it is 401; by the switches 403, a page or nothing."""
    for header in ({}, {"Authorization": "Bearer made-up"}, {"Authorization": f"Basic {wire.token}"}):
        assert (await wire.send("POST", f"/api/{LEAD}", data={"cst_id": "1"}, headers=header))[0] == 401
    assert await wire.admin("tokens", {"revoke": True}) == {"revoked": 1}
    await wire.switch(denied_status=403, denied_body="empty")
    assert await wire.call(LEAD, cst_id=1) == (403, "")
    await wire.switch(denied_body="html")
    assert "<html>" in (await wire.call(LEAD, cst_id=1))[1]


async def test_a_missing_right_hides_a_method(wire: Wire) -> None:
    """A method the user may not call is 401, 403 or an empty list, by the switch; others answer."""
    for right, wanted in (("401", 401), ("403", 403), ("empty", 200)):
        await wire.switch(no_right={"GetLead": right})
        status, body = await wire.call(LEAD, **ALL_TIME, PageSize=5)
        assert status == wanted
        assert right != "empty" or body == []
        assert await wire.rows("Leads/GetLeadsSourceSubPromoter", type="P")


# --- forms and faults ---


async def test_a_json_body_is_an_exception_at_200(wire: Wire) -> None:
    """Methods read forms only; JSON gets the vendor's exception object."""
    headers = {"Authorization": f"Bearer {wire.token}"}
    status, _, body = await wire.send("POST", f"/api/{LEAD}", json={"cst_id": 0}, headers=headers)
    assert (status, body) == (200, EXCEPTION | {"error": "Cannot find column 1."})


async def test_a_word_for_nothing_is_an_exception(wire: Wire) -> None:
    """A parameter must be left out: None and null cannot be read as a number."""
    for word in ("None", "null"):
        status, body = await wire.call(LEAD, cst_id=word, **ALL_TIME)
        assert (status, body["message"]) == (200, "Exception Occured")


async def test_names_are_read_in_any_case(wire: Wire) -> None:
    """PAGESIZE and startindex do as well."""
    rows = (await wire.call(LEAD, STARTDATE="2000-01-01", endDate="2100-01-01", pagesize=3, STARTINDEX=1, Options=ANY))[1]
    assert len(rows) == 3


async def test_reads_are_post_and_the_menu_is_get(wire: Wire) -> None:
    """GET on a read is 405; GetMenu is the exception."""
    assert (await wire.call(LEAD, verb="GET"))[0] == 405
    assert (await wire.call("Menu/GetMenu", verb="GET"))[0] == 200
    assert (await wire.call("Menu/GetMenu"))[0] == 405


@pytest.mark.parametrize("method", ["Customers/GetNotes", "Customers/GetLeadNotes", "Leads/GetLead", "Nothing/AtAll"])
async def test_unknown_methods_are_404(wire: Wire, method: str) -> None:
    """There is no read of notes alone, and a method belongs to its controller."""
    assert (await wire.call(method))[0] == 404


async def test_a_dead_method_answers_with_no_rows(wire: Wire) -> None:
    """GetLeadData is deprecated: 200 and an empty list, whatever is asked."""
    assert await wire.rows("Leads/GetLeadData", **ALL_TIME) == []


async def test_a_custom_method_that_is_not_there_is_an_exception(wire: Wire) -> None:
    """CustomAPIMethod answers 200 with the exception object."""
    assert (await wire.call("CustomAPI/CustomAPIMethod", methodname="x"))[1]["message"] == "Exception Occured"


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("empty_200", []), ("html_200", "<html>"), ("error_200", "Exception Occured"), ("result_200", "Result"), ("blank_200", ""),
    ],
)  # fmt: skip
async def test_any_call_may_lie_at_200(wire: Wire, rule: str, wanted: Any) -> None:
    """An empty list, a page, an exception, a refusal or nothing at all comes once and with status 200."""
    await wire.switch(**{rule: {"times": 1, "match": "GetLead"}})
    status, body = await wire.call(LEAD, **ALL_TIME)
    assert status == 200
    assert body == wanted if not wanted else wanted in str(body)
    assert isinstance((await wire.call(LEAD, **ALL_TIME))[1], list)


async def test_server_faults_are_pages_and_connections_drop(wire: Wire) -> None:
    """A 500 is HTML, a 429 says when, and a reset is a reset."""
    await wire.switch(fail_5xx={"status": 500, "times": 1})
    status, body = await wire.call(LEAD, cst_id=1)
    assert (status, "Server Error" in body) == (500, True)
    await wire.switch(reset_after={"times": 1})
    with pytest.raises(aiohttp.ClientConnectionError):
        await wire.call(LEAD, cst_id=1)
    await wire.switch(rate_per_s=1, burst=1)
    answers = [await wire.send("POST", "/token", data=wire.login()) for _ in range(22)]
    assert answers[-1][0] == 429
    assert int(answers[-1][1]["Retry-After"]) >= 1


async def test_writes_are_counted_and_the_two_odd_replies_exist(wire: Wire) -> None:
    """AddNotes answers a bare string, a refusal is a row with Result 0; the state tells that writes were called."""
    cst_id = (await wire.lead(PageSize=1))[0]["cst_id"]
    body = (await wire.call("Customers/AddNotes", rectype="cst", recid=cst_id, notes="By hand"))[1]
    assert body == "UPDATED SUCCESSFULLY!"
    assert "By hand" in str((await wire.by_id(cst_id))["notes"])
    assert (await wire.call("Customers/UpdateCustomer", cst_id=cst_id))[1] == [{"Result": 0, "Message": "Error: not simulated"}]
    assert (await wire.call("Leads/LeadAdd", lastname="New"))[1][0]["Result"] == 1
    await wire.switch(writes="refused")
    assert (await wire.call("Leads/LeadAdd", lastname="New"))[1][0]["Result"] == 0
    assert (await wire.admin("state"))["write_calls"] == {"AddNotes": 1, "UpdateCustomer": 1, "LeadAdd": 2}


async def test_the_log_tells_methods_apart(wire: Wire) -> None:
    """Each call is counted under its own method, a missing one by itself, sign-ins too."""
    await wire.admin("log/reset", {})
    await wire.call(LEAD, cst_id=1)
    await wire.call("Customers/GetNotes")
    await wire.sign_in()
    calls = (await wire.admin("log"))["calls"]
    assert calls == {"POST /api/Customers/GetLead": 1, "POST (no such method)": 1, "POST /token": 1}


def test_every_switch_is_explained() -> None:
    """The table of switches names each of them."""
    table = str(switches.__doc__)
    assert [name for name in switches.SWITCHES if f"| {name}" not in table and f", {name}" not in table] == []


async def test_switches_are_checked(wire: Wire) -> None:
    """An unknown switch or value is refused with its name and changes nothing."""
    for wrong in ({"start_index": "offset"}, {"slow": {"where": "there"}}, {"no_right": {"GetLead": "never"}}, {"nonsense": 1}):
        answer = await wire.admin("switches", {"order": "newest", **wrong}, status=400)
        assert next(iter(wrong)) in answer["error"]
    assert (await wire.admin("switches"))["order"] == "key"


# --- pages ---


async def pages(wire: Wire, size: int, indexes: list[int], method: str = LEAD) -> list[list[str]]:
    """Give the ids on some pages of all there is."""
    key = "cst_id" if method == LEAD else "job_id"
    form = {**ALL_TIME, "options": ANY, "PageSize": size}
    return [[row[key] for row in await wire.rows(method, **form, StartIndex=index)] for index in indexes]


async def test_start_index_counts_pages(wire: Wire) -> None:
    """By default 2 is the second page, and the row after the first page is far beyond the end."""
    every = [row["cst_id"] for row in await wire.lead()]
    assert await pages(wire, 20, [1, 2, 4, 5, 21]) == [every[:20], every[20:40], every[60:80], [], []]
    assert [row for [row] in await pages(wire, 1, [1, 21])] == [every[0], every[20]]


async def test_start_index_counts_rows(wire: Wire) -> None:
    """By the switch 2 is the second row; a page of one cannot tell the readings apart."""
    every = [row["cst_id"] for row in await wire.lead()]
    await wire.switch(start_index="row")
    assert await pages(wire, 20, [1, 2, 21, 81]) == [every[:20], every[1:21], every[20:40], []]
    assert [row for [row] in await pages(wire, 1, [1, 21])] == [every[0], every[20]]


async def test_start_index_may_differ_between_methods(wire: Wire) -> None:
    """One method may count rows while another counts pages."""
    await wire.switch(start_index={"GetJobStatusChanges": "row"})
    leads, jobs = await pages(wire, 5, [1, 2]), await pages(wire, 5, [1, 2], "Customers/GetJobStatusChanges")
    assert not set(leads[0]) & set(leads[1])
    assert jobs[0][1:] == jobs[1][:4]


async def test_pages_have_defaults_or_are_demanded(wire: Wire) -> None:
    """Without PageSize and StartIndex there are ten rows from the first; by the switch it is an exception."""
    assert len((await wire.call(LEAD, **ALL_TIME, options=ANY))[1]) == 10
    await wire.switch(paging_required="exception")
    assert (await wire.call(LEAD, **ALL_TIME, options=ANY))[1]["message"] == "Exception Occured"


async def test_large_and_deep_pages_may_come_back_empty(wire: Wire) -> None:
    """Beyond a size, or with more than 50 rows at depth, a page is silently empty."""
    await wire.switch(page_size_max=60)
    assert [len(page) for page in await pages(wire, 60, [1, 2])] == [60, 20]
    assert await pages(wire, 61, [1]) == [[]]
    await wire.switch(page_size_max=None, deep_rows=55)
    assert [len(page) for page in await pages(wire, 60, [1, 2])] == [60, 0]
    assert [len(page) for page in await pages(wire, 20, [4])] == [20]


async def test_rows_move_while_they_are_paged(wire: Wire) -> None:
    """Newest first, a change between two pages shows a row twice; shuffled, the order is another after each change."""
    await wire.switch(order="newest")
    [first] = await pages(wire, 20, [1])
    lds_id = (await wire.dump("leads"))[0]["lds_id"]
    await wire.act("edit", "leads", lds_id, values={"disposition": "NI"})
    [second] = await pages(wire, 20, [2])
    assert first[-1] in second
    await wire.switch(order="shuffled")
    before = await pages(wire, 20, [1])
    assert before == await pages(wire, 20, [1])
    await wire.act("edit", "leads", lds_id, values={"disposition": "Sale"})
    assert before != await pages(wire, 20, [1])
