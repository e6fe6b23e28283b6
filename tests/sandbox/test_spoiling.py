"""Every shared fault on every simulated platform, byte by byte: status, headers, body, and how the line ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import ClientConnectionResetError

from streamflow.sandbox import spoiling
from streamflow.sandbox.corpus.bodies import ODD
from streamflow.sandbox.corpus.catalogue import CATALOGUE, DRAWN, GROUPS, HEAVY
from tests.hanging import HUNG_S
from tests.sandbox.raw_rig import NUT, PLATFORMS, Raw, raw


@pytest.fixture(params=PLATFORMS)
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Raw]:
    """A caller of each platform in turn."""
    async with raw(request.param) as caller:
        yield caller


@pytest.fixture
async def nutshell() -> AsyncIterator[Raw]:
    """A caller of the platform that is written to."""
    async with raw("nutshell") as caller:
        yield caller


async def people(nutshell: Raw) -> int:
    """Count who is in the account."""
    return len((await nutshell.admin("dump"))["contacts"])


# --- refusals ---


async def test_a_429_tells_the_wait_in_every_form(wire: Raw) -> None:
    """A 429 comes with seconds, a date, nothing, or words that are no time; the call it struck is the one that was named."""
    await wire.switch(throttle=[{"times": 1, "delay_s": 7, "retry_after": form} for form in ("seconds", "date", "none", "garbled")])
    first, second, third, fourth, fifth = [await wire.rows() for _ in range(5)]
    assert [each.status for each in (first, second, third, fourth, fifth)] == [429, 429, 429, 429, 200]
    assert first.headers["retry-after"] == "7"
    assert parsedate_to_datetime(second.headers["retry-after"]).timestamp() == pytest.approx(wire.clock.now() + 7, abs=1)
    assert "retry-after" not in third.headers
    assert fourth.headers["retry-after"] == "in a while"
    assert first.headers["content-type"].startswith("text/html" if wire.platform == "lead_perfection" else "application/json")


async def test_servers_fail_with_each_status(wire: Raw) -> None:
    """500, 502, 503 and 504 come by chance from a list; a 503 may say when to come again."""
    await wire.switch(fail_5xx={"status": [500, 502, 503, 504]})
    assert {(await wire.rows(page=page)).status for page in range(1, 60)} == {500, 502, 503, 504}
    await wire.switch(fail_5xx={"status": 503, "retry_after": "seconds", "delay_s": 4})
    heard = await wire.rows()
    assert (heard.status, heard.headers["retry-after"]) == (503, "4")


DENIED = {"nutshell": b"An Error Occurred", "leadtrekker": b'{"error"', "lead_perfection": b'{"Message"'}
REFUSED = {"nutshell": b'"errors"', "leadtrekker": b'{"error"', "lead_perfection": b'"Exception Occured"'}


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_keys_and_rights_go_and_come_back(wire: Raw, status: int) -> None:
    """So many calls are refused as the platform refuses, those before and after are not."""
    await wire.switch(deny={"skip": 1, "times": 2, "status": status})
    heard = [await wire.rows() for _ in range(4)]
    assert [each.status for each in heard] == [200, status, status, 200]
    assert DENIED[wire.platform] in heard[1].body


async def test_a_poisoned_request_is_refused_each_time(wire: Raw) -> None:
    """What is poisoned stays so, whatever is asked between, and it is about as many as were to be."""
    await wire.switch(poison={"probability": 0.3, "sticky": True})
    first = [(await wire.rows(page=page)).status for page in range(1, 41)]
    again = [(await wire.rows(page=page)).status for page in range(40, 0, -1)]
    assert again == first[::-1]
    assert 4 <= first.count(400) <= 20
    heard = await wire.rows(page=first.index(400) + 1)
    assert REFUSED[wire.platform] in heard.body
    assert set(first) == {200, 400}


async def test_who_is_never_heard_of_is_in_the_log(nutshell: Raw) -> None:
    """What always comes to nothing is kept for whoever judges a run, as a refusal is; what comes to nothing once is not."""
    await nutshell.switch(
        fail_5xx=[{"path": "POST /rest/contacts", "body": "Mallory", "sticky": True}, {"path": "POST /rest/contacts", "times": 1}],
        reset_after={"path": "POST /rest/contacts", "body": "Trent", "sticky": True},
    )
    for name in ("Alice Gray", "Mallory Gray", "Mallory Gray"):
        assert (await nutshell.create(name)).status == 503
    kept = (await nutshell.admin("log"))["poisoned"]
    assert [("Mallory" in each["body"], each["line"]) for each in kept] == [(True, "POST /rest/contacts")]


async def test_a_poisoned_record_is_one_record(nutshell: Raw) -> None:
    """A create with some text in it is refused with an envelope of errors; any other is taken."""
    await nutshell.switch(poison={"path": "POST /rest/*", "body": "Mallory"})
    before = await people(nutshell)
    for _ in range(2):
        heard = await nutshell.create("Mallory Gray")
        assert heard.status == 400
        assert heard.json["contacts"] == []
        assert heard.json["errors"][0]["status"] == "400"
    assert (await nutshell.create("Alice Gray")).status == 200
    assert await people(nutshell) == before + 1


async def test_a_full_plan_refuses_creates_and_opens_again(nutshell: Raw) -> None:
    """Creates beyond a plan are refused in the form the switch names; caps can be set and lifted while the server runs."""
    await nutshell.switch(plan_limit={"path": "POST /rest/contacts", "times": 1}, plan_refusal="402")
    assert [(await nutshell.create()).status for _ in range(2)] == [402, 200]
    await nutshell.switch(plan={"open_leads": 0})
    person = (await nutshell.create()).json["contacts"][0]["id"]
    body = json.dumps({"leads": [{"description": "X", "links": {"contacts": [person]}}]}).encode()
    assert (await nutshell.send("POST", "/rest/leads", body, Authorization=NUT, Content_Type="application/json")).status == 402
    await nutshell.switch(plan={})
    assert (await nutshell.send("POST", "/rest/leads", body, Authorization=NUT, Content_Type="application/json")).status == 201


async def test_tokens_end_before_their_time() -> None:
    """A rule makes every token bad; the next sign-in gives a good one."""
    async with raw("lead_perfection", expire_tokens={"times": 1, "skip": 1}) as wire:
        assert [(await wire.rows()).status for _ in range(3)] == [200, 401, 401]


# --- lines that break ---


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "late_commit"])
async def test_a_reset_leaves_not_a_byte(wire: Raw, fault: str) -> None:
    """The line is reset; nothing is answered."""
    await wire.switch(**{fault: {"times": 1}})
    heard = await wire.rows()
    assert (heard.status, heard.body, heard.is_reset) == (None, b"", True)
    assert (await wire.rows()).status == 200


@pytest.mark.parametrize("after", [False, True])
async def test_a_call_that_hangs_is_never_answered(nutshell: Raw, after: bool) -> None:
    """Nothing comes for the time of the rule, then the line is reset; the record is there only if the rule says so."""
    await nutshell.switch(hang={"delay_s": 0.4, "after": after})
    before, began = await people(nutshell), time.monotonic()
    heard = await nutshell.create()
    assert time.monotonic() - began >= 0.4
    assert (heard.status, heard.is_reset) == (None, True)
    assert await people(nutshell) == before + after


async def test_who_leaves_a_hanging_call_is_not_waited_for(wire: Raw) -> None:
    """A caller that gives up frees the server, long before the rule's time is over."""
    await wire.switch(hang={"times": 1, "delay_s": 2 * HUNG_S})
    call = asyncio.ensure_future(wire.rows())
    async with asyncio.timeout(HUNG_S):
        while not (await wire.admin("log"))["faults"].get("hang"):  # noqa: ASYNC110 - told by the server alone
            await asyncio.sleep(0.01)
        call.cancel()
        while not (await wire.admin("log"))["statuses"].keys() & {"hang", "left"}:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


async def test_a_half_closed_line_breaks_its_promise(wire: Raw) -> None:
    """Head and half of the body come, then an orderly end: fewer bytes than were promised."""
    whole = (await wire.rows()).body
    await wire.switch(half_close={"times": 1})
    heard = await wire.rows()
    assert heard.status == 200
    assert not heard.is_reset
    assert int(heard.headers["content-length"]) == len(whole)
    assert heard.body == whole[: len(whole) // 2]


async def test_a_dripping_answer_comes_whole_at_last(wire: Raw) -> None:
    """The body comes in pieces over the time of the rule."""
    whole = (await wire.rows()).body
    await wire.switch(drip={"delay_s": 0.3})
    began = time.monotonic()
    assert (await wire.rows()).body == whole
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("fault", ["drip", "half_close", "swell"])
async def test_a_caller_who_is_gone_is_no_fault_of_the_server(wire: Raw, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the answer cannot even be begun since nobody listens any more, the line is closed and nothing breaks down."""

    async def begun(*_: Any) -> Any:
        raise ClientConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(spoiling, "_begun", begun)
    await wire.switch(**{fault: {"times": 1}})
    assert (await wire.rows()).status is None
    assert (await wire.rows()).status == 200


# --- bodies ---


async def test_a_truncated_body_is_whole_by_its_headers(wire: Raw) -> None:
    """Half of the JSON comes, and the headers say it is all."""
    await wire.switch(garble_after={"times": 1})
    heard = await wire.rows()
    assert (heard.status, int(heard.headers["content-length"])) == (200, len(heard.body))
    with pytest.raises(json.JSONDecodeError):
        _ = heard.json


async def test_a_huge_body_is_still_the_same(wire: Raw) -> None:
    """The body is blown up by blanks and means what it meant."""
    plain = await wire.rows()
    await wire.switch(swell={"bytes": 3_000_000})
    heard = await wire.rows()
    assert len(heard.body) == len(plain.body) + 3_000_000
    assert heard.json == plain.json


ANSWERS: dict[str, dict[str, Any]] = {
    "error_200": {"nutshell": "errors", "leadtrekker": "error", "lead_perfection": "error"},
    "empty_200": {"nutshell": "contacts", "leadtrekker": "leads", "lead_perfection": None},
}


async def test_pages_errors_and_nothing_come_with_200(wire: Raw) -> None:
    """An HTML page, the platform's own error object, an empty list and an empty body come as successes."""
    await wire.switch(html_200={"times": 1})
    heard = await wire.rows()
    assert (heard.status, heard.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert heard.body.startswith(b"<!DOCTYPE html>")
    await wire.switch(blank_200={"times": 1})
    heard = await wire.rows()
    assert (heard.status, heard.body) == (200, b"")
    await wire.switch(error_200={"times": 1})
    heard = await wire.rows()
    assert heard.status == 200
    assert heard.json[ANSWERS["error_200"][wire.platform]]
    await wire.switch(empty_200={"times": 1})
    heard = await wire.rows()
    kind = ANSWERS["empty_200"][wire.platform]
    assert (heard.json[kind] if kind else heard.json) == []
    assert len(wire.keys(await wire.rows())) == 5


@pytest.mark.parametrize(
    ("fault", "rule"), [("html_200", {}), ("blank_200", {}), ("odd_200", {"form": "text"}), ("fail_5xx", {"status": 502})]
)
@pytest.mark.parametrize("after", [False, True])
async def test_another_answer_may_hide_a_commit(nutshell: Raw, fault: str, rule: dict[str, Any], after: bool) -> None:
    """The record behind a wrong answer was made if the rule says so, and else was not."""
    before = await people(nutshell)
    await nutshell.switch(**{fault: {**rule, "times": 1, "after": after}})
    assert b"Nia" not in (await nutshell.create()).body
    assert await people(nutshell) == before + after


async def test_a_call_of_json_rpc_hides_its_errors_in_200(nutshell: Raw) -> None:
    """What other faces say by status, this one says within the answer."""
    call = json.dumps({"jsonrpc": "2.0", "id": "t7", "method": "findUsers", "params": {}}).encode()
    for fault, wanted in (("poison", 400), ("error_200", 500), ("empty_200", None)):
        await nutshell.switch(**{fault: {"times": 1, "status": 400} if fault == "poison" else {"times": 1}})
        heard = await nutshell.send("POST", "/api/v1/json", call, Authorization=NUT, Content_Type="application/json")
        assert heard.json["id"] == "t7"
        assert (heard.json["error"] or {}).get("code") == wanted
        assert heard.json["result"] == ([] if wanted is None else None)


async def test_odd_bodies_call_themselves_json(nutshell: Raw) -> None:
    """Each comes with 200 and a JSON content type, and says nothing of anybody."""
    for form in ODD:
        await nutshell.switch(odd_200={"form": form})
        heard = await nutshell.rows()
        assert (heard.status, heard.headers["content-type"].partition(";")[0]) == (200, "application/json"), form
        assert b"-contacts" not in heard.body, form


def test_the_catalogue_is_as_long_as_it_says() -> None:
    """Each hostile answer stands in one group, there are far more than forty kinds, and what costs the server work is not drawn."""
    assert sum(map(len, GROUPS.values())) == len(CATALOGUE) == len(DRAWN) + len(HEAVY)
    assert len(DRAWN) >= 150
    assert not DRAWN.keys() & HEAVY.keys()
    assert not GROUPS.keys() & CATALOGUE.keys()


async def test_a_hostile_answer_is_made_from_the_right_one(wire: Raw) -> None:
    """After the work is done it is the right answer that is spoiled; before, there is none, and nobody's rows are in what comes."""
    whole = await wire.rows()
    await wire.switch(odd_200={"form": "cut_last", "after": True})
    assert (await wire.rows()).body == whole.body[:-1]
    await wire.switch(odd_200={"form": ["gzip", "status_299"]})
    heard = await wire.rows()
    assert len(heard.body) < len(whole.body)
    await wire.switch(odd_200={"form": "length_more", "after": True})
    heard = await wire.rows()
    assert int(heard.headers["content-length"]) == len(heard.body) + 10
    await wire.switch(odd_200={"form": "reset_in_body", "after": True})
    heard = await wire.rows()
    assert heard.is_reset
    assert len(heard.body) == len(whole.body) // 2


async def test_odd_bodies_come_in_all_forms_by_chance(wire: Raw) -> None:
    """Without a form, different requests get different ones, the same seed always the same."""
    await wire.switch(odd_200={"form": ["bodies", "rows"], "after": True})
    once = [(await wire.rows(page=page)).body for page in range(1, 40)]
    assert len(set(once)) >= 15
    assert [(await wire.rows(page=page)).body for page in range(1, 40)] == once


# --- clocks ---


async def test_a_platform_with_another_time_says_so(wire: Raw) -> None:
    """The Date header and a date of Retry-After go by the platform's clock."""
    await wire.switch(clock_skew_s=-600, throttle={"times": 1, "delay_s": 5, "retry_after": "date"})
    told = (await wire.rows()).headers
    assert parsedate_to_datetime(told["retry-after"]).timestamp() == pytest.approx(wire.clock.now() - 595, abs=1)
    assert parsedate_to_datetime(told["date"]).timestamp() == pytest.approx(wire.clock.now() - 600, abs=1)


async def test_answers_take_their_time(wire: Raw) -> None:
    """Latency lies between its bounds, each request's always the same."""
    await wire.switch(latency_ms=[100, 200])
    began = time.monotonic()
    await wire.rows()
    assert time.monotonic() - began >= 0.1
