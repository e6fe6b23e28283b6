"""How Lead Perfection is spoken to: tokens, answers that mean anything, slow prospects, and calls that are never made."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import anyio
import orjson
import pytest

from streamflow.errors import AccessRefused, InvariantBroken, PlatformUnavailable, ProtocolMismatch
from streamflow.platforms.api.forms import form_request
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.leadperfection.dialect import LeadPerfectionDialect
from streamflow.platforms.leadperfection.doors import DOORS
from streamflow.platforms.spec import Call, PlatformSpec
from streamflow.wire.message import NORMAL, Response
from streamflow.wire.verdict import CallVerdict, Outcome

from .rig import Clock, everything, of, pages, reading, serving, truth

FEW = 60


def load_spec() -> PlatformSpec:
    return DOORS.load_spec(SourceSettings())


async def cst_ids(source: Any) -> set[str]:
    return set(of(await everything(source, "prospect"), "prospect"))


@pytest.mark.parametrize("switches", [
    {"denied_status": 403}, {"denied_body": "empty"}, {"denied_body": "html"}, {"denied_status": 403, "denied_body": "html"},
    {"token_type": "absent"},
], ids=str)  # fmt: skip
async def test_a_token_that_ran_out_is_fetched_anew_once(switches: dict[str, Any]) -> None:
    """After a refusal the token is renewed and the call repeated, whatever the server refuses it with."""
    async with serving(FEW, **switches) as wire, reading(wire) as source:
        before = wire.simulation.tokens.given
        first = await cst_ids(source)
        assert wire.simulation.tokens.given == before + 1
        await wire.admin("tokens", {"revoke": True})
        assert await cst_ids(source) == first
        assert wire.simulation.tokens.given == before + 2


@pytest.mark.parametrize("form", ["number", "text", "absent"])
async def test_a_token_is_renewed_before_it_ends(form: str) -> None:
    """The lifetime the answer tells is obeyed, an hour where it tells none, never more than 23 hours."""
    async with serving(FEW, expires_in=form, token_lifetime_s=200_000) as wire:
        clock = Clock()
        async with reading(wire, clock=clock) as source:
            await source.one("prospect", "1")
            given = wire.simulation.tokens.given
            clock.skipped_s += 3_000
            await source.one("prospect", "1")
            assert wire.simulation.tokens.given == given
            clock.skipped_s += 82_800 if form != "absent" else 3_600
            await source.one("prospect", "1")
            assert wire.simulation.tokens.given == given + 1


@pytest.mark.parametrize("answer", ["400", "401", "200"])
async def test_wrong_credentials_end_it(answer: str) -> None:
    """Whatever an answer without a token looks like, it refuses the credentials; no call is made without one."""
    async with serving(FEW, bad_credentials=answer) as wire, reading(wire, password="wrong") as source:
        with pytest.raises(AccessRefused):
            await source.check()


async def test_trouble_of_the_server_refuses_no_credentials() -> None:
    """Where a token is asked for and an exception object comes with 200, it is asked for again."""
    async with serving(FEW) as wire, reading(wire) as source:
        await wire.switch(error_200={"match": "POST /token", "times": 2})
        assert await cst_ids(source)
        assert (await wire.admin("log"))["faults"] == {"error_200": 2}


async def test_a_process_of_its_own_is_read(tmp_path: Any) -> None:
    """The simulator as its own process, with two faces: a token of one of them is asked for there, and everything is read."""
    command = [sys.executable, "-m", "streamflow.sandbox.leadperfection"]
    settings = orjson.dumps({"seed": 7, "records": FEW, "now": "2026-11-18T09:00:00"}).decode()
    (tmp_path / "settings.json").write_text(settings)
    async with await anyio.open_process([*command, "--config", str(tmp_path / "settings.json"), "--port", "0"]) as process:
        assert process.stdout is not None
        line = await process.stdout.receive()
        said = orjson.loads(line)
        for name in ("url", "other_url"):
            async with reading(said[name]) as source:
                assert await cst_ids(source) == {tree["cst_id"] for tree in truth(FEW).prospects()}
        process.terminate()


# --- answers


@pytest.mark.parametrize("fault", ["html_200", "error_200", "result_200", "blank_200"])
async def test_a_fault_behind_a_200_is_asked_again(fault: str) -> None:
    """A page, an exception object, a refusal as a row and nothing at all are no rows: the call is repeated, and everything is read."""
    async with serving(FEW, **{fault: {"probability": 0.3, "match": "/api/"}}) as wire, reading(wire) as source:
        assert await cst_ids(source) == {tree["cst_id"] for tree in truth(FEW).prospects()}


@pytest.mark.parametrize("fault", ["fail_5xx", "reset_before", "garble_after", "throttle"])
async def test_a_bad_line_and_a_busy_server_lose_nothing(fault: str) -> None:
    """Server faults, broken connections, cut bodies and a 429 are waited out."""
    rule: dict[str, Any] = {"probability": 0.2, "match": "/api/"}
    rule |= {"status": 503} if fault == "fail_5xx" else {"delay_s": 1} if fault == "throttle" else {}
    async with serving(FEW, **{fault: rule}) as wire, reading(wire) as source:
        assert await cst_ids(source) == {tree["cst_id"] for tree in truth(FEW).prospects()}


async def test_faults_that_stay_are_told() -> None:
    """A fault that every answer has is no empty account."""
    async with serving(FEW, html_200={"match": "/api/"}) as wire, reading(wire) as source:
        with pytest.raises((ProtocolMismatch, PlatformUnavailable)):
            await cst_ids(source)


async def test_an_empty_answer_is_not_believed_at_once() -> None:
    """A window that is answered with nothing though it holds rows is asked again, and one in the middle of a list too."""
    async with serving(160, empty_200={"probability": 0.1}) as wire, reading(wire) as source:
        assert await cst_ids(source) == {tree["cst_id"] for tree in truth(160).prospects()}


async def test_empty_answers_to_everything_are_found_out_by_a_canary() -> None:
    """Once everything is answered with nothing, a record that was seen before is asked for, and its absence ends the read."""
    async with serving(FEW) as wire, reading(wire) as source:
        assert await cst_ids(source)
        await wire.switch(empty_200={"probability": 1.0})
        with pytest.raises(PlatformUnavailable, match="not even what was seen before"):
            await cst_ids(source)
        with pytest.raises(PlatformUnavailable):
            await source.one("lead", "600000")


@pytest.mark.parametrize("right", ["401", "403"])
async def test_a_right_that_is_missing_is_told_before_a_run(right: str) -> None:
    """A call that can be done without is reported and left; one that cannot ends the check."""
    async with serving(FEW, no_right={"GetSalesSchedule": right, "GetSalesApptDispProd": right}) as wire, reading(wire) as source:
        state = await source.check()
        assert {kind for kind, each in state.items() if each.startswith("cannot be read")} == {"schedule", "code"}
        await wire.switch(no_right={"GetLead": right})
        with pytest.raises(AccessRefused):
            await source.check()


async def test_a_right_that_is_answered_with_nothing_is_told_too() -> None:
    """Not one prospect in the whole account: the user lacks the right, or looks at another account."""
    async with serving(FEW, no_right={"GetLead": "empty"}) as wire, reading(wire) as source:
        state = await source.check()
        assert {kind for kind, each in state.items() if "shows not one record" in each} >= {"prospect", "lead", "note", "call"}
        assert state["job"] == "ok"


async def test_a_right_to_the_jobs_feed_alone_that_is_missing_is_no_account_without_jobs() -> None:
    """Rows of prospects have jobs, and the feed knows none of them by window or by id: that is not believed, else status and dates fail."""
    async with serving(FEW, no_right={"GetJobStatusChanges": "empty"}) as wire, reading(wire) as source:
        assert of(await everything(source, "prospect"), "job")
        with pytest.raises(PlatformUnavailable, match="shows nothing"):
            await pages(source, "job")
        await wire.switch(no_right={})
        assert of(await everything(source, "job"), "job")


async def test_an_account_without_jobs_has_none() -> None:
    """Where no prospect has a job, a feed without one is believed."""
    async with serving(FEW, no_right={"GetJobStatusChanges": "empty"}) as wire, reading(wire) as source:
        assert not of(await everything(source, "job"), "job")


@pytest.mark.parametrize("switches", [{"slow": {"cst_id": "auto", "seconds": 30.0}}, {"spoilt": {"cst_id": "auto"}}], ids=str)
async def test_a_prospect_that_never_comes_is_a_gap(switches: dict[str, Any]) -> None:
    """Of the page around one that takes too long, or spoils each answer, every other row is read; the hole says where, and not who."""
    async with serving(120, **switches) as wire, reading(wire, timeout_s=1.0) as source:
        found = await pages(source, "prospect")
    every = [tree["cst_id"] for tree in truth(120).prospects()]
    read = {record.key for page in found for record in page.records if record.kind == "prospect"}
    assert set(every) - read == {every[3]}
    gaps = [gap for page in found for gap in page.gaps]
    assert gaps
    assert all("never comes" in gap and every[3] not in gap for gap in gaps)


# --- paging


async def test_large_windows_are_cut_and_read_through() -> None:
    """Windows that hold more than they may are cut, down to days; nothing is read twice as something else, nothing is left."""
    window = {"window": {"start": "2024-11-01", "split_rows": 3}, "paging": {"size": 2}}
    async with serving(300) as wire, reading(wire, streams={"prospect": window}) as source:
        found = await pages(source, "prospect")
    read = Counter(record.key for page in found for record in page.records if record.kind == "prospect")
    assert set(read) == {tree["cst_id"] for tree in truth(300).prospects()}


@pytest.mark.parametrize(("switches", "size"), [({"page_size_max": 20}, 50), ({"deep_rows": 55}, 60)], ids=str)
async def test_pages_that_are_larger_than_the_server_gives_are_no_end_of_the_list(switches: dict[str, Any], size: int) -> None:
    """Where it answers them with nothing, that is told and never taken for an account without prospects; smaller pages bring all of it."""
    window = {"start": "2024-11-01", "step_days": 40_000, "split_rows": 10_000}
    every = {tree["cst_id"] for tree in truth(400).prospects()}
    async with serving(400, **switches) as wire:
        async with reading(wire, streams={"prospect": {"window": window, "paging": {"size": size}}}) as source:
            with pytest.raises((ProtocolMismatch, PlatformUnavailable)):
                await cst_ids(source)
        async with reading(wire, streams={"prospect": {"window": window, "paging": {"size": 20}}}) as source:
            assert await cst_ids(source) == every


async def test_years_before_the_first_record_cost_few_calls() -> None:
    """Windows grow as long as they are empty, and are cut where the account begins; every prospect is read."""
    asked: Counter[str] = Counter()
    async with serving(300) as wire, reading(wire, hook=lambda attempt: asked.update([attempt.endpoint]),
                                             streams={"prospect": {"window": {"start": "2000-01-01"}}}) as source:  # fmt: skip
        asked.clear()
        found = await pages(source, "prospect")
    assert {record.key for page in found for record in page.records if record.kind == "prospect"} == {
        tree["cst_id"] for tree in truth(300).prospects()
    }
    assert asked["Customers/GetLead"] < 120, asked


async def test_rows_that_move_between_pages_are_all_read() -> None:
    """While people work and new rows come first, the pages of a window still show every prospect there was."""
    window = {"window": {"start": "2024-11-01", "step_days": 400}, "paging": {"size": 10}}
    async with serving(200, order="newest") as wire, reading(wire, streams={"prospect": window}) as source:
        read = set()
        async for page in source.pages("prospect", None):
            read |= {record.key for record in page.records if record.kind == "prospect"}
            key = await wire.act("create", "prospects", values={"firstname": "New", "lastname": "Comer"})
            await wire.act("create", "leads", values={"cst_id": key})
        assert read >= {tree["cst_id"] for tree in truth(200).prospects()}


# --- never a write


async def test_nothing_but_the_allow_list_is_ever_called() -> None:
    """A write, or any function outside the spec, raises before anything is sent; a whole read calls no write method."""
    spec = load_spec()
    writes = ("Leads/LeadAdd", "Customers/AddNotes", "Customers/UpdateCustomer", "Customers/UpdateDNCStatus", "Installer/AddJobImages")
    for function in writes:
        with pytest.raises(InvariantBroken):
            form_request(spec, function, {}, priority=NORMAL)
        with pytest.raises(InvariantBroken):
            LeadPerfectionDialect(spec).request(spec, Call(function=function), {}, priority=NORMAL)
    with pytest.raises(InvariantBroken):
        form_request(spec, "Customers/GetLeadInfo", {}, priority=NORMAL)
    async with serving(FEW) as wire, reading(wire) as source:
        await everything(source)
        assert wire.simulation.write_calls == {}


def test_calls_are_forms_with_days_as_the_server_reads_them() -> None:
    """Bodies are form-urlencoded, and the days of the appointment call go out in the form that was found out."""
    spec = load_spec()
    dialect = LeadPerfectionDialect(spec)
    call = spec.streams["appointment"].list
    assert call is not None
    request = dialect.request(spec, call, {"apptdates": "08/01/2026", "apptdatee": "2026-08-31"}, priority=NORMAL)
    assert (request.method, request.path) == ("POST", "SalesApi/GetSalesApptDetailDateRange")
    assert request.content_type == "application/x-www-form-urlencoded"
    assert request.body == b"apptdates=08%2F01%2F2026&apptdatee=08%2F31%2F2026"
    dialect.day_form = "%Y-%m-%d"
    assert dialect.request(spec, call, {"apptdates": "08/01/2026"}, priority=NORMAL).body == b"apptdates=2026-08-01"


@pytest.mark.parametrize(("status", "body", "means"), [
    (401, b"", CallVerdict.AUTH), (403, b'{"Message":"Authorization has been denied for this request."}', CallVerdict.AUTH),
    (404, b'{"Message":"No HTTP resource was found"}', CallVerdict.NOT_FOUND), (429, b"", CallVerdict.THROTTLED),
    (500, b"<html>", CallVerdict.TRANSIENT), (200, b"[]", CallVerdict.OK), (200, b"", CallVerdict.TRANSIENT),
    (200, b"<html>Sign in</html>", CallVerdict.TRANSIENT), (200, b'[{"Result":0,"Message":"Error: busy"}]', CallVerdict.TRANSIENT),
    (200, b'[{"RESULT":"0","MESSAGE":"Error: busy"}]', CallVerdict.TRANSIENT), (200, b'[{"Result":1,"Message":"418207"}]', CallVerdict.OK),
    (200, b'"UPDATED SUCCESSFULLY!"', CallVerdict.PROTOCOL),
    (200, b'{"message":"Exception Occured","error":"Cannot find column 1.","status":null}', CallVerdict.ODD),
    (200, b'{"message":"Exception Occured","error":"Timeout expired.","status":null}', CallVerdict.TRANSIENT),
])  # fmt: skip
def test_what_answers_mean(status: int, body: bytes, means: CallVerdict) -> None:
    """Every shape of the contract has its meaning, whatever the status says."""
    response = Response(status=status, body=body, content_type="application/json")
    parsed = replace(response, data=orjson.loads(body), is_json=True) if body[:1] in (b"{", b"[", b'"') else response
    assert LeadPerfectionDialect(load_spec()).judge(Outcome(response=parsed)) is means
