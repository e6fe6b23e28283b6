"""The shared faults, seen from the wire."""

from __future__ import annotations

import json

import aiohttp
import pytest

from streamflow.sandbox.bucket import TokenBucket
from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.faults import Faults
from streamflow.sandbox.rules import SwitchError


def test_bucket_refills_at_the_named_rate():
    """A bucket gives its burst at once and then one token every 1/rate seconds."""
    bucket = TokenBucket(2, now=0.0)
    assert [bucket.take(10, 2, 0.0) for _ in range(2)] == [0.0, 0.0]
    assert bucket.take(10, 2, 0.0) == pytest.approx(0.1)
    assert bucket.take(10, 2, 0.1) == 0.0


def test_unknown_switches_are_refused_whole():
    """A change with one unknown name changes nothing."""
    faults = Faults({"own": 1}, clock=ManualClock())
    with pytest.raises(SwitchError, match="wrong"):
        faults.merge({"own": 2, "wrong": 3})
    with pytest.raises(SwitchError, match="chance"):
        faults.merge({"reset_before": {"chance": 1}})
    assert faults.switches["own"] == 1


async def test_rate_limit_answers_429_with_retry_after(open_nutshell):
    """Past the burst a call gets 429, and Retry-After in the form the switch names."""
    nut = await open_nutshell(rate_per_s=1, burst=1)
    assert (await nut.get("/users")).status == 200
    got = await nut.get("/users")
    assert (got.status, got.headers["Retry-After"]) == (429, "1")
    await nut.switch(retry_after="date")
    assert (await nut.get("/users")).headers["Retry-After"].endswith("GMT")
    await nut.switch(retry_after="none")
    assert "Retry-After" not in (await nut.get("/users")).headers
    nut.clock.advance(1)
    assert (await nut.get("/users")).status == 200
    log = (await nut.call("GET", "/_sandbox/log")).body
    assert (log["count_429"], log["calls"]["GET /rest/users"]) == (3, 5)


async def test_a_throttle_rule_strikes_the_named_call(nutshell):
    """The call a rule names gets a 429 that asks for the time of the rule, leaves nothing, and is taken when the rule is used up."""
    await nutshell.switch(throttle={"match": "POST /rest/contacts", "times": 1, "delay_s": 3})
    assert (await nutshell.get("/users")).status == 200
    before = len(nutshell.site.state.table("contacts"))
    got = await nutshell.post("/contacts", {"contacts": [{"name": "X"}]})
    assert (got.status, got.headers["Retry-After"]) == (429, "3")
    assert len(nutshell.site.state.table("contacts")) == before
    assert (await nutshell.contact())["id"]
    assert (await nutshell.call("GET", "/_sandbox/log")).body["count_429"] == 1


async def test_reset_before_leaves_nothing_and_reset_after_leaves_the_record(nutshell):
    """A reset before processing makes no record; one after commit makes it without an answer."""
    rule = {"probability": 1, "match": "POST /rest/contacts", "times": 1}
    for name, more in (("reset_before", 0), ("reset_after", 1)):
        before = len(nutshell.site.state.table("contacts"))
        await nutshell.switch(**{name: rule})
        with pytest.raises(aiohttp.ClientError):
            await nutshell.contact()
        assert len(nutshell.site.state.table("contacts")) == before + more
    assert (await nutshell.contact())["id"]


async def test_late_commit_shows_the_record_only_later(nutshell):
    """The connection is reset first; the record exists only after the delay."""
    await nutshell.switch(late_commit={"match": "POST /rest/contacts", "times": 1, "delay_s": 30})
    with pytest.raises(aiohttp.ClientError):
        await nutshell.contact("Late Riser")
    assert (await nutshell.get("/contacts", q="Riser")).body["contacts"] == []
    nutshell.clock.advance(31)
    assert [c["name"] for c in (await nutshell.get("/contacts", q="Riser")).body["contacts"]] == ["Late Riser"]


async def test_server_errors_before_and_after_commit(nutshell):
    """A 5xx may come instead of the work or after it, as the rule says."""
    for after, more in ((False, 0), (True, 1)):
        before = len(nutshell.site.state.table("contacts"))
        await nutshell.switch(fail_5xx={"match": "/rest/contacts", "times": 1, "status": 503, "after": after})
        got = await nutshell.post("/contacts", {"contacts": [{"name": "X"}]})
        assert got.status == 503
        assert len(nutshell.site.state.table("contacts")) == before + more


async def test_garbled_answer_is_a_cut_2xx(nutshell):
    """garble_after leaves the status and cuts the body."""
    await nutshell.switch(garble_after={"match": "/rest/users", "times": 1})
    with pytest.raises(json.JSONDecodeError):
        await nutshell.get("/users")
    assert (await nutshell.get("/users")).status == 200


async def test_rules_can_look_into_the_body(nutshell):
    """A rule with `body` strikes only requests that hold the text: JSON-RPC calls share one path."""
    await nutshell.switch(reset_before={"match": "/api/v1/json", "body": "findUsers"})
    assert (await nutshell.rpc("findTags"))["error"] is None
    with pytest.raises(aiohttp.ClientError):
        await nutshell.rpc("findUsers")


async def test_admin_face_is_free_of_faults_and_credentials(open_nutshell):
    """Switches, log and dump answer without credentials while everything else fails."""
    nut = await open_nutshell(rate_per_s=0.001, burst=1, fail_5xx={"probability": 1})
    nut.user = ""
    for path in ("switches", "log", "dump"):
        assert (await nut.call("GET", f"/_sandbox/{path}")).status == 200
    assert (await nut.switch(nonsense=1)).status == 400
    assert (await nut.call("POST", "/_sandbox/log/reset", {})).body == {"reset": True}


async def test_log_counts_by_template_and_keeps_the_last_requests(nutshell):
    """Ids do not spread the counts; the rate seen is the most arrivals within a second."""
    made = await nutshell.contact()
    for _ in range(3):
        await nutshell.get(f"/contacts/{made['id']}")
    log = (await nutshell.call("GET", "/_sandbox/log")).body
    assert log["calls"] == {"POST /rest/contacts": 1, "GET /rest/contacts/{id}": 3}
    assert log["last"][-1]["path"] == f"/rest/contacts/{made['id']}"
    assert log["max_rate_seen"] == 4


async def test_the_log_tells_what_each_answer_asked_for(nutshell):
    """Of each call it says when it came, when it was answered, and what that asked for, as it stood in its head."""
    await nutshell.switch(throttle={"times": 1, "delay_s": 3})
    for _ in range(3):
        await nutshell.get("/users")
    told = (await nutshell.call("GET", "/_sandbox/log")).body["last"]
    assert [(each["status"], each["retry_after"]) for each in told] == [(429, "3"), (200, ""), (200, "")]
    assert all(each["answered"] >= each["time"] for each in told)
