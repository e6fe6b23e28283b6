"""The simulated Leadtrekker on the wire: status, headers and bodies of every promise of its contract and switches."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from streamflow.sandbox.clocks import ManualClock
from streamflow.sandbox.leadtrekker.server import SIMULATION, Config, make_app
from streamflow.sandbox.leadtrekker.state import KINDS, local_text

START = 1_795_000_000.0
KEY = "sandbox-lt-key"


def b64(value: object) -> str:
    """Encode one leaf."""
    return base64.b64encode(str(value).encode()).decode()


class Wire:
    """A caller of one server, by the API and by its admin face."""

    def __init__(self, server: TestServer, http: aiohttp.ClientSession, clock: ManualClock) -> None:
        self.server, self.http, self.clock = server, http, clock
        self.simulation = server.app[SIMULATION]

    async def post(self, function: str, headers: dict[str, str] | None = None, **arguments: Any) -> tuple[int, Any]:
        """Call a function with base64 arguments; give status and JSON, or text when it is no JSON."""
        body = {name: b64(value) for name, value in arguments.items()}
        sent = {"Apikey": KEY} if headers is None else headers
        async with self.http.post(self.server.make_url(f"/api/{function}"), json=body, headers=sent) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" and text else text

    async def rows(self, function: str, **arguments: Any) -> list[dict[str, Any]]:
        """Give the records of one call."""
        status, body = await self.post(function, **arguments)
        assert status == 200
        found: list[dict[str, Any]] = next(iter(body.values()))
        return found

    async def pages(self, function: str, limit: int) -> list[dict[str, Any]]:
        """Give all pages one after the other, up to the first empty one."""
        found: list[dict[str, Any]] = []
        page = 1
        while rows := await self.rows(function, page=page, limit=limit):
            found += rows
            page += 1
        return found

    async def admin(self, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        """Call the admin face: POST when there is a body."""
        url = self.server.make_url(f"/_sandbox/{path}")
        async with self.http.request("POST" if body is not None else "GET", url, json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def dump(self, kind: str) -> dict[str, dict[str, Any]]:
        """Give the true state of a kind by id."""
        async with self.http.get(self.server.make_url(f"/_sandbox/dump?kind={kind}")) as answer:
            lines = [json.loads(line) for line in (await answer.text()).splitlines()]
        rows = {str(row[f"{kind.rstrip('s')}id"]): row for row in lines}
        assert len(rows) == len(lines)
        return rows


@asynccontextmanager
async def serving(records: int = 300, **switches: Any) -> AsyncIterator[Wire]:
    """Run a server whose clock stands still."""
    clock = ManualClock(START)
    config = Config(seed=7, records=records, now=datetime(2026, 11, 18, 13, 0), switches=switches)
    server = TestServer(make_app(config, clock=clock))
    async with server, aiohttp.ClientSession() as http:
        yield Wire(server, http, clock)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A server with default switches."""
    async with serving() as made:
        yield made


# --- the envelope ---


async def test_functions_answer_under_their_record_path(wire: Wire) -> None:
    """Each read function of the contract answers 200 with its records under the stream's name and with its key."""
    functions = {
        "getleads": "leads", "getusers": "users", "getgroups": "groups", "getsources": "sources",
        "getreminders": "reminders",
    }  # fmt: skip
    for function, kind in functions.items():
        status, body = await wire.post(function)
        assert status == 200
        assert list(body) == [kind]
        assert all(f"{kind[:-1]}id" in row for row in body[kind])
    assert "statusid" in (await wire.rows("getstatuses"))[0]
    lead = (await wire.rows("getleads", limit=1))[0]
    assert await wire.rows("getlead", leadid=lead["leadid"]) == [lead]


async def test_children_are_asked_by_lead(wire: Wire) -> None:
    """getnotes, getcalls and getemails give all that lives at a lead, and together all there is."""
    for function, kind in (("getnotes", "notes"), ("getcalls", "calls"), ("getemails", "emails")):
        seen: list[str] = []
        for leadid in await wire.dump("leads"):
            seen += [row[f"{kind[:-1]}id"] for row in await wire.rows(function, leadid=leadid)]
        assert sorted(seen) == sorted(await wire.dump(kind))
    assert await wire.post("getnotes") == (200, {"error": "leadid is required"})
    assert await wire.post("getnotes", leadid=1) == (200, {"notes": []})
    await wire.admin("switches", {"unknown_lead": "error"})
    assert await wire.post("getnotes", leadid=1) == (200, {"error": "Lead not found"})


async def test_only_post_is_served(wire: Wire) -> None:
    """Another method gets 405 with Allow, another path an HTML 404."""
    async with wire.http.get(wire.server.make_url("/api/getleads"), headers={"Apikey": KEY}) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    async with wire.http.post(wire.server.make_url("/elsewhere")) as answer:
        assert (answer.status, answer.content_type) == (404, "text/html")


@pytest.mark.parametrize(("form", "status"), [("401", 401), ("403", 403), ("200", 200)])
async def test_a_wrong_key_is_refused(form: str, status: int) -> None:
    """A wrong or missing key answers {"error"} with the status the switch says."""
    async with serving(bad_key=form) as wire:
        assert await wire.post("getleads", headers={"Apikey": "no"}) == (status, {"error": "Invalid API key"})
        assert (await wire.post("getleads", headers={}))[0] == status


async def test_the_key_header_has_a_history() -> None:
    """The switch decides which of Apikey and api_key counts."""
    for form, accepted in (("apikey", ["Apikey"]), ("legacy", ["api_key"]), ("either", ["Apikey", "api_key"])):
        async with serving(header=form) as wire:
            for name in ("Apikey", "api_key"):
                status, _ = await wire.post("getusers", headers={name: KEY})
                assert (status == 200) is (name in accepted)


async def test_unknown_and_missing_functions() -> None:
    """An unknown function, or one switched away, answers 404, HTML with 200, or {"error"} with 200."""
    async with serving(missing=["getcalls"]) as wire:
        assert (await wire.post("getcalls", leadid=1))[0] == 404
        await wire.admin("switches", {"unknown_function": "html"})
        status, page = await wire.post("getwhatever")
        assert (status, page[:15]) == (200, "<!DOCTYPE html>")
        await wire.admin("switches", {"unknown_function": "error"})
        assert await wire.post("getcalls") == (200, {"error": "Unknown function"})


async def test_plain_values_are_refused_when_strict(wire: Wire) -> None:
    """A plain value is refused by name and never echoed; with the switch off it is taken as it stands."""
    url = wire.server.make_url("/api/getlead")
    leadid = next(iter(await wire.dump("leads")))

    async def ask(**sent: Any) -> Any:
        async with wire.http.post(url, headers={"Apikey": KEY}, **sent) as answer:
            return await answer.json()

    assert await ask(json={"leadid": leadid}) == {"error": "value at $.leadid is not base64 encoded"}
    assert await ask(json={"leadid": 5}) == {"error": "value at $.leadid is not base64 encoded"}
    assert await ask(data=b"{}") == {"error": "Content-Type must be application/json"}
    assert await ask(json=[]) == {"error": "body must be a JSON object"}
    await wire.admin("switches", {"strict_base64": False})
    assert (await ask(json={"leadid": leadid}))["leads"][0]["leadid"] == leadid
    assert (await ask(json={"leadid": b64(leadid)}))["leads"][0]["leadid"] == leadid


# --- dress of the replies ---


async def test_values_can_come_back_encoded() -> None:
    """The named fields come as base64, others plain; with `true` every leaf does, custom fields included."""
    async with serving(reply_base64=["name", "custom_fields"]) as wire:
        truth = next(iter((await wire.dump("leads")).values()))
        lead = (await wire.rows("getleads", limit=1))[0]
        assert lead["name"] == b64(truth["name"])
        assert lead["custom_fields"] == {label: b64(value) for label, value in truth["custom_fields"].items()}
        assert lead["leadid"] == truth["leadid"]
        await wire.admin("switches", {"reply_base64": True})
        assert (await wire.rows("getleads", limit=1))[0]["leadid"] == b64(truth["leadid"])


async def test_ids_dates_and_nulls_change_their_dress() -> None:
    """Ids as numbers, three date forms that stay with their record, and the word null in empty fields."""
    async with serving(reply_ids="number", reply_dates="mixed", null_text=True) as wire:
        truth = await wire.dump("leads")
        leads = await wire.rows("getleads")
        assert all(isinstance(lead["leadid"], int) for lead in leads)
        forms = {"T" if "T" in lead["created"] else lead["created"][2] for lead in leads}
        assert forms == {"T", "/", "2"}
        assert await wire.rows("getleads") == leads
        empty = [key for key, row in truth.items() if row["company"] == ""]
        assert empty
        assert all(lead["company"] == "null" for lead in leads if str(lead["leadid"]) in empty)


async def test_records_can_be_the_root(wire: Wire) -> None:
    """With wrap=root the array itself is the answer; report_total adds the count beside the records."""
    await wire.admin("switches", {"report_total": True})
    assert (await wire.post("getleads", limit=1))[1]["total"] == len(await wire.dump("leads"))
    await wire.admin("switches", {"wrap": "root"})
    assert len((await wire.post("getleads", limit=2))[1]) == 2


# --- paging ---


@pytest.mark.parametrize("function", ["getleads", "getreminders"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_hold_everything_once(function: str, order: str) -> None:
    """Pages of any size, in either order, hold each record once, also after edits, deletes and creates."""
    async with serving(order=order) as wire:
        kind = function[3:]
        ids = list(await wire.dump(kind))
        for key in (ids[0], ids[7], ids[-1]):
            await wire.admin("act", {"do": "delete", "kind": kind, "id": key})
        parent = next(iter(await wire.dump("leads")))
        for _ in range(3):
            await wire.admin("act", {"do": "create", "kind": kind, "values": {"leadid": parent} if kind != "leads" else {}})
        truth = list(await wire.dump(kind))
        expected = truth if order == "asc" else truth[::-1]
        for limit in (1, 7, 1000) if kind == "reminders" else (7, 1000):
            assert [row[f"{kind[:-1]}id"] for row in await wire.pages(function, limit)] == expected


async def test_page_size_has_a_maximum_and_a_first_number(wire: Wire) -> None:
    """A larger limit is cut without a word, the first page has the number of the switch, nonsense is an error."""
    await wire.admin("switches", {"page_size_max": 5})
    first = await wire.rows("getleads", limit=1000)
    assert len(first) == 5
    assert await wire.post("getleads", page=0) == (200, {"error": "page or limit out of range"})
    assert await wire.post("getleads", page="x") == (200, {"error": "page and limit must be whole numbers"})
    await wire.admin("switches", {"page_base": 0})
    assert await wire.rows("getleads", page=0) == first


async def test_newest_first_rows_move_while_being_read() -> None:
    """A lead created between two pages pushes the last row of the first page into the second."""
    async with serving(order="desc") as wire:
        first = await wire.rows("getleads", page=1, limit=10)
        await wire.admin("act", {"do": "create", "kind": "leads", "values": {"name": "New"}})
        second = await wire.rows("getleads", page=2, limit=10)
        assert second[0] == first[-1]


async def test_the_server_can_lie_about_pages(wire: Wire) -> None:
    """repeat_page_after gives the same page for ever; paging=false ignores the parameters and sends all."""
    await wire.admin("switches", {"repeat_page_after": 2})
    assert await wire.rows("getleads", page=9, limit=5) == await wire.rows("getleads", page=2, limit=5)
    await wire.admin("switches", {"paging": False, "dump_delay_ms": 1})
    rows = await wire.rows("getleads", page=2, limit=5)
    assert {row["leadid"]: row for row in rows} == await wire.dump("leads")


async def test_a_dump_is_streamed() -> None:
    """An unpaged list comes in chunks without a length, so that it was never whole in memory."""
    async with serving(records=1500, paging=False, dump_delay_ms=20) as wire:
        url = wire.server.make_url("/api/getleads")
        async with wire.http.post(url, json={}, headers={"Apikey": KEY}) as answer:
            assert answer.headers["Transfer-Encoding"] == "chunked"
            first = await answer.content.readany()
            whole = first + await answer.read()
        assert len(first) < len(whole) / 2
        assert len(json.loads(whole)["leads"]) == wire.simulation.state.account.lead_count


async def test_dates_are_ignored_honoured_or_refused(wire: Wire) -> None:
    """datefrom and dateto do nothing by default; honoured they include both ends, refused they are an error."""
    leads = await wire.dump("leads")
    moment = sorted(row["updated"] for row in leads.values())[-3]
    assert len(await wire.rows("getleads", datefrom=moment)) == len(leads)
    await wire.admin("switches", {"date_filter": "honoured"})
    assert {row["leadid"] for row in await wire.rows("getleads", datefrom=moment)} == {
        key for key, row in leads.items() if row["updated"] >= moment
    }
    assert [row["updated"] for row in await wire.rows("getleads", datefrom=moment, dateto=moment)] == [
        row["updated"] for row in leads.values() if row["updated"] == moment
    ]
    assert len(await wire.rows("getleads", dateto=moment[:10])) >= len(leads) - 3
    await wire.admin("switches", {"date_filter": "refused"})
    assert "error" in (await wire.post("getleads", datefrom=moment))[1]


# --- changes ---


async def test_late_changes_show_in_lists_later(wire: Wire) -> None:
    """For late_visibility_s a list shows the old row, no new row and still the deleted one; getlead tells the truth."""
    await wire.admin("switches", {"late_visibility_s": 30})
    first, second = list(await wire.dump("leads"))[:2]
    await wire.admin("act", {"do": "edit", "kind": "leads", "id": first, "values": {"company": "Changed"}})
    await wire.admin("act", {"do": "delete", "kind": "leads", "id": second})
    made = (await wire.admin("act", {"do": "create", "kind": "leads", "values": {"name": "Late"}}))["id"]
    before = {row["leadid"]: row for row in await wire.rows("getleads")}
    assert before[first]["company"] != "Changed"
    assert second in before
    assert made not in before
    assert (await wire.rows("getlead", leadid=first))[0]["company"] == "Changed"
    wire.clock.advance(30)
    after = {row["leadid"]: row for row in await wire.rows("getleads")}
    assert after[first]["company"] == "Changed"
    assert second not in after
    assert after[made]["name"] == "Late"


async def test_an_edit_moves_the_date_unless_silent(wire: Wire) -> None:
    """A person's edit sets `updated` to the account's clock, names follow ids, and a silent edit moves nothing."""
    leadid = next(iter(await wire.dump("leads")))
    status = (await wire.rows("getstatuses"))[-1]
    values = {"statusid": status["statusid"], "custom_fields": {"Budget": "9"}}
    edit = {"do": "edit", "kind": "leads", "id": leadid, "values": values}
    lead = (await wire.admin("act", edit))["record"]
    assert (lead["status"], lead["updated"]) == (status["name"], local_text(START))
    assert lead["custom_fields"]["Budget"] == "9"
    wire.clock.advance(60)
    silent = {**edit, "values": {"company": "Quiet"}, "silent": True}
    assert (await wire.admin("act", silent))["record"]["updated"] == local_text(START)


async def test_a_merged_lead_leaves_its_children_to_the_survivor(wire: Wire) -> None:
    """After a merge the lead is gone and all its children, of each kind, live at the survivor under their old ids."""
    leads = list(await wire.dump("leads"))
    kinds = KINDS[1:]
    before = {kind: await wire.dump(kind) for kind in kinds}
    with_files = {row["leadid"] for row in before["attachments"].values()}
    loser = next(key for key in leads if key in with_files and sum(row["leadid"] == key for row in before["notes"].values()) > 1)
    survivor = leads[0] if loser != leads[0] else leads[1]
    held = {row["noteid"] for row in await wire.rows("getnotes", leadid=loser)}
    await wire.admin("act", {"do": "merge", "kind": "leads", "id": loser, "values": {"into": survivor}})
    assert loser not in await wire.dump("leads")
    assert await wire.rows("getnotes", leadid=loser) == []
    assert held <= {row["noteid"] for row in await wire.rows("getnotes", leadid=survivor)}
    for kind in kinds:
        after = await wire.dump(kind)
        assert after.keys() == before[kind].keys()
        assert all(row["leadid"] != loser for row in after.values())
    [merge] = (await wire.admin("life"))["operations"]
    now = await wire.dump("attachments")
    assert set(merge["files"]) == {key for key, row in before["attachments"].items() if row["leadid"] != now[key]["leadid"]}


async def test_a_deleted_lead_takes_its_children_along(wire: Wire) -> None:
    """Deleting a lead removes what lives at it, and the counts of the admin face agree with the dumps."""
    leads = await wire.dump("leads")
    leadid = next(row["leadid"] for row in (await wire.dump("notes")).values() if row["leadid"] in leads)
    await wire.admin("act", {"do": "delete", "kind": "leads", "id": leadid})
    assert await wire.rows("getnotes", leadid=leadid) == []
    counts = (await wire.admin("state"))["counts"]
    for kind in KINDS:
        assert counts[kind] == len(await wire.dump(kind))
    assert await wire.post("getlead", leadid=leadid) == (200, {"error": "Lead not found"})


async def test_acts_on_nothing_are_refused(wire: Wire) -> None:
    """An act that names an unknown deed, kind, record or parent answers 400 with the reason and changes nothing."""
    before = (await wire.admin("state"))["counts"]
    refused: list[tuple[dict[str, Any], str]] = [
        ({"do": "burn", "kind": "leads"}, "do must be one of"),
        ({"do": "edit", "kind": "deals", "id": 1}, "no such kind"),
        ({"do": "edit", "kind": "leads", "id": 1}, "no leadid 1"),
        ({"do": "create", "kind": "notes", "values": {"leadid": "1"}}, "no leadid 1"),
        ({"do": "merge", "kind": "notes", "id": "1"}, "only leads"),
    ]
    for act, words in refused:
        assert words in (await wire.admin("act", act, status=400))["error"]
    assert (await wire.admin("state"))["counts"] == before


async def test_write_functions_work_and_are_counted(wire: Wire) -> None:
    """createlead, updatestatus and createattachment change the account, and each call is counted by name."""
    status, made = await wire.post("createlead", name="Web", email="web@example.com", sourceid=10452)
    assert status == 200
    lead = (await wire.rows("getlead", leadid=made["leadid"]))[0]
    assert (lead["name"], lead["created"]) == ("Web", local_text(START))
    assert (await wire.post("updatestatus", leadid=made["leadid"], status=2))[1] == {"leadid": made["leadid"]}
    content = bytes(range(256)) + b"\r\n\x00end\r\n"
    form = aiohttp.FormData()
    form.add_field("leadid", b64(made["leadid"]))
    form.add_field("file", content, filename="scan.bin", content_type="application/octet-stream")
    url = wire.server.make_url("/api/createattachment")
    async with wire.http.post(url, data=form, headers={"Apikey": KEY}) as answer:
        attachmentid = (await answer.json())["attachmentid"]
    row = (await wire.dump("attachments"))[attachmentid]
    assert (row["name"], row["size"]) == ("scan.bin", len(content))
    assert wire.simulation.state.attachment_bytes(attachmentid) == content
    state = await wire.admin("state")
    assert state["write_calls"] == {"createlead": 1, "updatestatus": 1, "createattachment": 1}
    for form_name, check in (("id", dict), ("bare", int)):
        await wire.admin("switches", {"create_reply": form_name})
        assert isinstance((await wire.post("createlead", name="x"))[1], check)


async def test_a_frozen_account_refuses_or_marks_writes(wire: Wire) -> None:
    """While frozen, writes answer {"error"}; forced or by switch they happen and are marked as after the freeze."""
    await wire.admin("freeze", {"on": True})
    assert (await wire.post("createlead", name="x"))[1] == {"error": "the account is frozen"}
    await wire.admin("act", {"do": "create", "kind": "leads"}, status=400)
    assert (await wire.admin("act", {"do": "create", "kind": "leads", "force": True}))["after_freeze"] is True
    await wire.admin("switches", {"frozen_writes": "marked"})
    await wire.post("createlead", name="x")
    book = await wire.admin("life")
    assert [row["after_freeze"] for row in book["operations"]] == [True, True]
    assert (await wire.admin("state"))["frozen"] is True


# --- faults ---


async def test_answers_can_be_wrong_with_200(wire: Wire) -> None:
    """HTML, {"error"} and an empty body come with status 200 when their rule strikes, as often as it says."""
    await wire.admin("switches", {"html_200": {"match": "getleads", "times": 1}})
    assert (await wire.post("getusers"))[0] == 200
    status, page = await wire.post("getleads")
    assert status == 200
    assert page.startswith("<!DOCTYPE")
    await wire.admin("switches", {"error_200": {"match": "getleads", "times": 1}})
    assert await wire.post("getleads") == (200, {"error": "Something went wrong"})
    await wire.admin("switches", {"blank_200": {"match": "getleads", "times": 1}})
    assert await wire.post("getleads") == (200, "")
    await wire.admin("switches", {"empty_200": {"match": "getleads", "times": 1}})
    assert await wire.post("getleads") == (200, {"leads": []})
    assert "leads" in (await wire.post("getleads"))[1]


async def test_the_shared_faults_apply(wire: Wire) -> None:
    """The bucket answers 429 with Retry-After, a reset closes the connection, and the log names each function."""
    await wire.admin("switches", {"rate_per_s": 1, "burst": 2})
    assert [(await wire.post("getusers"))[0] for _ in range(3)] == [200, 200, 429]
    wire.clock.advance(10)
    await wire.admin("switches", {"rate_per_s": None, "reset_after": {"match": "createlead", "times": 1}})
    with pytest.raises(aiohttp.ClientError):
        await wire.post("createlead", name="In doubt")
    assert "In doubt" in {row["name"] for row in (await wire.dump("leads")).values()}
    log = await wire.admin("log")
    assert log["calls"]["POST /api/getusers"] == 3
    assert log["count_429"] == 1
    assert log["max_rate_seen"] >= 3


async def test_switches_are_checked(wire: Wire) -> None:
    """An unknown switch or a value it cannot take is refused whole, with the choices."""
    before = await wire.admin("switches")
    refused: list[tuple[dict[str, Any], str]] = [
        ({"nonsense": 1}, "no such switch"),
        ({"order": "up", "paging": False}, "order must be one of 'asc', 'desc'"),
        ({"page_size_max": 0}, "page_size_max must be a whole number"),
        ({"html_200": {"when": 1}}, "html_200 does not know when"),
    ]
    for wrong, words in refused:
        assert words in (await wire.admin("switches", wrong, status=400))["error"]
    assert await wire.admin("switches") == before


# --- export ---


async def test_an_export_is_the_state_of_one_moment(wire: Wire, tmp_path: Path) -> None:
    """Life waits while an export runs; the snapshot has as many rows as the state and its manifest says so."""
    await wire.admin("life", {"on": True, "rate_per_s": 50})
    wire.clock.advance(2)
    export = {"folder": str(tmp_path), "form": "csv"}
    first, second = await asyncio.gather(wire.admin("export", export), wire.admin("export", export))
    assert first["folder"] != second["folder"]
    counts = (await wire.admin("state"))["counts"]
    manifest = json.loads((Path(first["folder"]) / "manifest.json").read_text())
    rows = {entry["file"]: entry["rows"] for entry in manifest["files"]}
    for kind in ("leads", "notes", "calls", "emails", "reminders", "users", "statuses"):
        assert rows[f"{kind}.csv"] == counts[kind]
    assert sum(name.startswith("attachments/") for name in rows) == counts["attachments"]


async def test_an_export_of_attachments_alone(wire: Wire, tmp_path: Path) -> None:
    """attachments_only writes the files and a manifest, and no table that could be taken for an empty account."""
    folder = Path((await wire.admin("export", {"folder": str(tmp_path), "attachments_only": True}))["folder"])
    assert sorted(path.name for path in folder.iterdir()) == ["attachments", "manifest.json"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert len(manifest["files"]) == len(await wire.dump("attachments"))
    assert "error" in await wire.admin("export", {"folder": str(tmp_path), "fold": 1}, status=400)


async def test_a_large_account_pages_without_walking_it() -> None:
    """The last page of 100,000 records is cut out by arithmetic: it makes no more records than it shows."""
    async with serving(records=100_000) as wire:
        total = wire.simulation.state.total("reminders")
        rows = await wire.rows("getreminders", page=(total - 1) // 500 + 1, limit=500)
        assert len(rows) == (total - 1) % 500 + 1
