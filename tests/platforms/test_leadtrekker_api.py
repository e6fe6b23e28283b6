"""The reader by API against the simulated account and against servers that lie."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web

from streamflow.clock import SystemClock
from streamflow.errors import (
    AccessRefused,
    ConfigError,
    NotFound,
    NotObeyed,
    PlatformUnavailable,
    ProtocolMismatch,
    QuestionRefused,
    StreamflowError,
)
from streamflow.sandbox.leadtrekker.codec import decode_tree
from streamflow.sandbox.leadtrekker.operation import Operation
from streamflow.stages.asking import ask_for
from streamflow.store.memory import MemoryLedger
from tests.platforms.leadtrekker_rig import HastyClock, all_pages, all_records, liar, reading, sandbox, simulation_of, truth

IDS = {"lead": ("leads", "leadid"), "note": ("notes", "noteid"), "call": ("calls", "callid"), "email": ("emails", "emailid"),
       "reminder": ("reminders", "reminderid"), "user": ("users", "userid"), "group": ("groups", "groupid"),
       "source": ("sources", "sourceid"), "status": ("statuses", "statusid")}  # fmt: skip


async def test_every_kind_is_read_whole_and_only_by_reads() -> None:
    """All records of all kinds come, each once, and no write function is ever called."""
    async with sandbox(records=400) as server, reading(server) as source:
        state = await source.check()
        assert {state[stream.kind] for stream in source.streams()} == {"ok"}
        assert [stream.kind for stream in source.streams()] == list(IDS)[5:] + list(IDS)[:5]
        for kind, (plural, field) in IDS.items():
            assert set(await all_records(source, kind)) == {str(record[field]) for record in truth(server, plural)}
        assert not simulation_of(server).write_calls
        assert source.drift() == {}


@pytest.mark.parametrize(
    "switches",
    [
        {"reply_base64": True}, {"reply_ids": "number"}, {"reply_dates": "mixed"}, {"wrap": "root"}, {"null_text": True},
        {"page_size_max": 7}, {"page_base": 0}, {"report_total": True}, {"header": "legacy"}, {"order": "desc"},
        {"strict_base64": False},
    ],
    ids=lambda switches: "-".join(map(str, next(iter(switches.items())))),
)  # fmt: skip
async def test_dressing_of_replies_changes_no_record(switches: dict[str, Any]) -> None:
    """Encodings, id types, date forms, wrapping and page sizes give the same keys and digests, with the spec set for them."""
    override: dict[str, Any] = {"paging": {"first": 0}} if "page_base" in switches else {}
    if "reply_base64" in switches:
        override = {"decode": {"default": "base64"}}
    streams: dict[str, Any] = dict.fromkeys(IDS, override) if override else {}
    async with sandbox(records=200) as plain, reading(plain) as source:
        wanted = {kind: {key: record.digest for key, record in (await all_records(source, kind)).items()} for kind in ("lead", "note")}
    async with sandbox(records=200, **switches) as server:
        if switches.get("header") == "legacy":
            async with reading(server) as source:
                with pytest.raises(AccessRefused):
                    await source.check()
            return
        async with reading(server, streams=streams) as source:
            for kind, digests in wanted.items():
                assert {key: record.digest for key, record in (await all_records(source, kind)).items()} == digests


async def test_pages_can_be_resumed_from_any_cursor() -> None:
    """A pass that stopped goes on where it was, and the two halves make the whole."""
    async with sandbox(records=400) as server, reading(server, streams={"lead": {"paging": {"size": 20}}}) as source:
        pages = await all_pages(source, "lead")
        assert pages[-1].next is None
        rest = await all_pages(source, "lead", pages[1].next)
        assert [page.records for page in rest] == [page.records for page in pages[2:]]


async def test_rows_that_move_between_pages_lose_nothing() -> None:
    """Newest first, with leads coming in while pages are read: rows come twice, none is missing, and no guard cries."""
    async with sandbox(records=400, order="desc") as server, reading(server, streams={"lead": {"paging": {"size": 25}}}) as source:
        before = {str(record["leadid"]) for record in truth(server, "leads")}
        seen: Counter[str] = Counter()
        async with aclosing(source.pages("lead", None)) as pages:
            async for page in pages:
                seen.update(record.key for record in page.records)
                operation = Operation(do="create", kind="leads", values={"name": "New", "email": "new@example.com"})
                simulation_of(server).write(operation, by="test")
        assert before <= set(seen)
        assert max(seen.values()) == 2


@pytest.mark.parametrize("switches", [{"repeat_page_after": 2}, {"paging": False}])
async def test_servers_that_do_not_page_are_an_error_and_no_loop(switches: dict[str, Any]) -> None:
    """A page that repeats, or all rows at once where a page was asked for, stops the stream with a hint."""
    streams = {"lead": {"paging": {"size": 20}}}
    async with sandbox(records=400, **switches) as server, reading(server, streams=streams) as source:
        with pytest.raises(ProtocolMismatch) as caught:
            await all_pages(source, "lead")
        assert caught.value.hint
        assert caught.value.stream == "lead"


async def test_an_unpaged_dump_is_read_with_paging_none() -> None:
    """Told that there is no paging, one call brings the whole list, however slowly it is written."""
    streams = {"lead": {"paging": {"style": "none"}}}
    async with sandbox(records=400, paging=False, dump_delay_ms=30) as server, reading(server, streams=streams) as source:
        pages = await all_pages(source, "lead")
        assert len(pages) == 1
        assert len(pages[0].records) == len(truth(server, "leads"))


@pytest.mark.parametrize("form", ["404", "error"])
async def test_a_missing_function_is_said_and_never_an_empty_list(form: str) -> None:
    """Check names the stream and why; reading it raises; the others go on; what is not read at all is named, too."""
    async with sandbox(records=200, missing=["getcalls", "getreminders"], unknown_function=form) as server, reading(server) as source:
        state = await source.check()
        assert state["call"] == "not available: the platform has no function getcalls"
        assert {stream.kind for stream in source.streams() if state[stream.kind] != "ok"} == {"call", "reminder"}
        with pytest.raises(NotFound):
            await all_pages(source, "reminder")
        with pytest.raises(NotFound):
            await source.children("call", str(truth(server, "leads")[0]["leadid"]))
        assert state["lead"] == "ok"
        assert state["attachment"] == "not available: no inbox of files is configured"
        assert state["autoresponders"].startswith("not available: no call and no export")


async def test_html_in_place_of_an_unknown_function_is_said_too() -> None:
    """A page of HTML is asked for again, then the stream is reported and not taken for empty."""
    async with sandbox(records=200, missing=["getcalls"], unknown_function="html") as server, reading(server) as source:
        assert (await source.check())["call"].startswith("cannot be read")


@pytest.mark.parametrize("status", [400, 503])
async def test_one_lead_that_cannot_be_asked_about_leaves_no_stream_out(status: int) -> None:
    """What is refused, or never answered, for the first lead alone is that lead's: its stream is read, and that one lead is asked about."""

    async def refusing(request: web.Request) -> web.Response:
        name = request.path.rsplit("/", 1)[-1].removeprefix("get")
        asked = decode_tree(await request.json(), strict=True).get("leadid")
        if name == "calls" and asked == "1":
            return web.json_response({"error": "Record could not be processed"}, status=status)
        rows = [{"leadid": "1", "name": "A B"}, {"leadid": "2", "name": "C D"}] if name == "leads" else []
        return web.json_response({name: rows, "users": [], "groups": []})

    async with liar(refusing) as server, reading(server) as source:
        assert (await source.check())["call"] == "ok"


async def test_a_slip_while_streams_are_looked_at_leaves_none_of_them_out() -> None:
    """A list that is no JSON for a moment is a list all the same: it is asked for again before it counts as one that cannot be read."""
    answers = iter([{"calls": [1, 2]}])

    async def slipping(request: web.Request) -> web.Response:
        name = request.path.rsplit("/", 1)[-1].removeprefix("get")
        rows = [{"leadid": "1", "name": "A B"}] if name == "leads" else []
        return web.json_response(next(answers, {name: rows}) if name == "calls" else {name: rows, "users": [], "groups": []})

    async with liar(slipping) as server, reading(server) as source:
        assert (await source.check())["call"] == "ok"
    assert next(answers, None) is None, "it slipped"


@pytest.mark.parametrize("lie", ["html_200", "blank_200", "error_200"])
async def test_passing_trouble_is_asked_again(lie: str) -> None:
    """HTML, nothing or an error with a 200, twice, does not disturb a pass; for ever, the platform is unavailable or has changed."""
    clock = HastyClock()
    passing: dict[str, Any] = {lie: {"probability": 1.0, "match": "getleads", "times": 2}}
    lasting: dict[str, Any] = {lie: {"probability": 1.0, "match": "getleads"}}
    async with sandbox(records=200, **passing) as server:
        async with reading(server, clock=clock) as source:
            assert len(await all_records(source, "lead")) == len(truth(server, "leads"))
        assert clock.skipped_s > 0
    async with sandbox(records=200, **lasting) as server, reading(server) as source:
        with pytest.raises(ProtocolMismatch if lie == "error_200" else PlatformUnavailable):
            await all_pages(source, "lead")


@pytest.mark.parametrize("skip", [0, 1, 2])
async def test_an_empty_page_is_not_believed_at_once(skip: int) -> None:
    """An empty list in the place of a page, the first or one in the middle, does not end the list; every record is read."""
    lie: dict[str, Any] = {"match": "getleads", "skip": skip, "times": 1}
    async with sandbox(records=200, page_size_max=10, empty_200=lie) as server, reading(server) as source:
        assert set(await all_records(source, "lead")) == {str(row["leadid"]) for row in truth(server, "leads")}
        assert simulation_of(server).faults.log.faults == {"empty_200": 1}


async def test_an_application_error_with_200_stops_the_stream() -> None:
    """An error in a 200 is neither data nor a reason to ask for ever."""
    async with sandbox(records=200, error_200={"probability": 1.0, "match": "getleads"}) as server, reading(server) as source:
        with pytest.raises(ProtocolMismatch, match="Something went wrong"):
            await all_pages(source, "lead")


async def test_a_refusal_concerns_the_question_it_answers() -> None:
    """A lead whose notes are refused is told as that, and says nothing of another's."""
    poison = {"path": "POST /api/getnotes", "times": 1}
    async with sandbox(records=200, poison=poison) as server, reading(server) as source:
        first, second = list(await all_records(source, "lead"))[:2]
        with pytest.raises(QuestionRefused):
            await source.children("note", first)
        await source.children("note", second)


@pytest.mark.parametrize("form", ["401", "403", "200"])
async def test_a_bad_key_is_refused_access_in_every_shape(form: str) -> None:
    """401, 403 and 200 with an error text are the same to the operator, and the key is in no message."""
    async with sandbox(records=100, bad_key=form) as server, reading(server, key="wrong-secret-key") as source:
        with pytest.raises(AccessRefused) as caught:
            await source.check()
        assert "wrong-secret-key" not in f"{caught.value} {caught.value.hint} {source!r}"


async def test_one_record_by_id() -> None:
    """A lead comes as in the list; one that is gone is None; kinds that cannot be asked so say it."""
    async with sandbox(records=200) as server, reading(server) as source:
        leads = await all_records(source, "lead")
        key = next(iter(leads))
        assert await source.one("lead", key) == leads[key]
        assert await source.one("lead", "999999999") is None
        with pytest.raises(NotFound):
            await source.one("note", "1")


@pytest.mark.parametrize("unknown_lead", ["empty", "error"])
async def test_children_of_a_lead_that_is_gone_are_none(unknown_lead: str) -> None:
    """A deleted parent has no children, however the server says so."""
    async with sandbox(records=100, unknown_lead=unknown_lead) as server, reading(server) as source:
        page = await source.children("note", "999999999")
        assert (page.records, page.next) == ((), None)


async def test_children_over_several_pages_come_whole_and_cost_one_call_where_few() -> None:
    """More rows than a page are read on; a lead with few children costs one call."""
    calls: list[dict[str, Any]] = []

    async def notes(request: web.Request) -> web.Response:
        asked = decode_tree(await request.json(), strict=True)
        if not request.path.endswith("getnotes"):
            return web.json_response({request.path.rsplit("/get", 1)[1]: []})
        calls.append(asked)
        many = {"1": 130, "2": 3}[asked["leadid"]]
        first, limit = (int(asked["page"]) - 1) * int(asked["limit"]), int(asked["limit"])
        rows = [{"noteid": f"{asked['leadid']}-{n}", "note": "x"} for n in range(many)][first : first + limit]
        return web.json_response({"notes": rows})

    streams = {"note": {"paging": {"size": 50}}, "group": {"enabled": False}}
    async with liar(notes) as server, reading(server, streams=streams) as source:
        assert len((await source.children("note", "1")).records) == 130
        assert len(calls) == 3
        assert [record.parent for record in (await source.children("note", "2")).records] == ["2"] * 3
        assert len(calls) == 4


async def test_a_server_that_ignores_the_parent_is_found_out() -> None:
    """The same rows for two different leads are an error, not notes on both."""

    async def same(request: web.Request) -> web.Response:
        return web.json_response({"notes": [{"noteid": "1", "note": "x"}], "users": [], "groups": []})

    async with liar(same) as server, reading(server) as source:
        await source.children("note", "1")
        await source.children("note", "1")
        with pytest.raises(ProtocolMismatch, match="not obeyed"):
            await source.children("note", "2")


async def test_a_server_that_does_not_listen_is_found_out_however_often_it_is_asked() -> None:
    """No second try passes where the first did not, nothing of it is taken for the affair of single leads, and no row changes hands."""

    async def same(_: web.Request) -> web.Response:
        return web.json_response({"notes": [{"noteid": "1", "note": "x"}], "users": [], "groups": []})

    async with liar(same) as server, reading(server) as source:
        [stream] = [each for each in source.streams() if each.kind == "note"]
        ledger = MemoryLedger(clock=SystemClock())
        [(_, page)] = await ask_for(source, ledger, stream, ["1"], vanished=None)
        assert page.records[0].parent == "1"
        for parents in (["2"], ["2"], ["3", "4", "5"]):
            with pytest.raises(BaseExceptionGroup) as told:
                await ask_for(source, ledger, stream, parents, vanished=None)
            assert told.group_contains(NotObeyed)


async def test_rows_of_many_others_are_not_believed_at_once() -> None:
    """Where rows say whose they are, one answer is enough; those of some others may be of leads that were merged into this one."""

    async def everybodys(request: web.Request) -> web.Response:
        asked = decode_tree(await request.json(), strict=True).get("leadid")
        leads = [str(number) for number in range(30)] if asked == "1" else ("5", "6", "7")
        notes = [{"noteid": f"n{lead}", "leadid": lead, "note": "x"} for lead in leads]
        return web.json_response({"notes": notes, "users": [], "groups": []})

    async with liar(everybodys) as server, reading(server) as source:
        with pytest.raises(ProtocolMismatch, match="not obeyed"):
            await source.children("note", "1")
        assert [record.parent for record in (await source.children("note", "4")).records] == ["4"] * 3


async def test_a_short_answer_about_others_gives_no_row_to_the_wrong_lead() -> None:
    """One answer about a few others, as long as a page, is a lie and told; what comes again each time is of leads that were merged."""
    calls = 0

    async def once(request: web.Request) -> web.Response:
        nonlocal calls
        calls += request.path.endswith("getnotes")
        asked = decode_tree(await request.json(), strict=True).get("leadid")
        leads = ("5", "6", "7") if calls == 1 else ("9",) if asked == "4" else ()
        notes = [{"noteid": f"n{lead}", "leadid": lead, "note": "x"} for lead in leads]
        return web.json_response({"notes": notes, "users": [], "groups": []})

    async with liar(once) as server, reading(server) as source:
        with pytest.raises(ProtocolMismatch, match="did not come again"):
            await source.children("note", "1")
        for said in (2, 1, 1):
            before = calls
            assert [record.parent for record in (await source.children("note", "4")).records] == ["4"]
            assert calls - before == said, "what was said twice is not doubted again"


async def test_a_merge_is_not_taken_for_a_server_that_does_not_listen() -> None:
    """When a lead's notes reappear under another between two calls, that is believed."""
    home = ["1"]

    async def merging(request: web.Request) -> web.Response:
        asked = decode_tree(await request.json(), strict=True)
        rows = [{"noteid": "1", "leadid": "1", "note": "x"}] if asked.get("leadid") == home[0] else []
        return web.json_response({"notes": rows, "users": [], "groups": []})

    async with liar(merging) as server, reading(server) as source:
        assert (await source.children("note", "1")).records[0].parent == "1"
        home[0] = "2"
        assert (await source.children("note", "2")).records[0].parent == "2"


async def test_another_lead_than_asked_for_is_an_error() -> None:
    """A server that answers with any lead does not make it ours."""

    async def any_lead(request: web.Request) -> web.Response:
        return web.json_response({"leads": [{"leadid": "5"}], "users": [], "groups": []})

    async with liar(any_lead) as server, reading(server) as source:
        with pytest.raises(ProtocolMismatch):
            await source.one("lead", "6")


async def test_redirects_are_not_followed_and_the_key_stays_here() -> None:
    """A redirect is an answer outside the contract; nothing is sent anywhere else."""
    elsewhere: list[str] = []

    async def away(request: web.Request) -> web.Response:
        if request.path.startswith("/other"):
            elsewhere.append(request.headers.get("Apikey", ""))
            return web.json_response({"leads": []})
        raise web.HTTPFound("/other")

    async with liar(away) as server, reading(server) as source:
        with pytest.raises(StreamflowError):
            await all_pages(source, "lead")
    assert elsewhere == []


async def test_changed_since_reads_use_the_window_and_the_sources_clock() -> None:
    """Where the spec names a filter, a cursor asks only for what changed; without one there is no such cursor, and no overlap to read."""
    async with sandbox(records=400, date_filter="honoured") as server:
        since = datetime(2026, 5, 20, 2, 0)
        async with reading(server) as source:
            assert source.changes_from("lead", since) is None
            assert {stream.overlap_s for stream in source.streams()} == {None}
            everything = await all_records(source, "lead")
        window = {"from_param": "datefrom", "overlap_s": 7200}
        async with reading(server, streams={"lead": {"window": window, "paging": {"size": 10}}}) as source:
            assert {stream.kind: stream.overlap_s for stream in source.streams() if stream.overlap_s} == {"lead": 7200.0}
            cursor = source.changes_from("lead", since)
            assert cursor == "1@2026-05-20 02:00:00"
            found = {record.key for page in await all_pages(source, "lead", cursor) for record in page.records}
        assert found == {key for key, record in everything.items() if record.data["updated"] >= "2026-05-20 02:00:00"}
        assert 0 < len(found) < len(everything)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_changes_of_one_time_that_fill_several_pages_are_all_read(order: str) -> None:
    """Leads made and changed in one moment, more of them than several pages hold: each comes, in a whole list, and from each cursor on."""
    window = {"from_param": "datefrom", "overlap_s": 7200}
    streams = {"lead": {"window": window, "paging": {"size": 4}}}
    async with sandbox(records=40, date_filter="honoured", order=order, stamp_grain_s=86_400) as server:
        account = simulation_of(server)
        old = [str(record["leadid"]) for record in truth(server, "leads")][:9]
        new = [account.write(Operation(do="create", kind="leads", values={"name": f"One {n}"}), by="test") for n in range(21)]
        for key in old:
            account.write(Operation(do="edit", kind="leads", key=key, values={"name": "Other"}), by="test")
        batch = {*map(str, new), *old}
        [moment] = {str(record["updated"]) for record in truth(server, "leads") if str(record["leadid"]) in batch}
        async with reading(server, streams=streams) as source:
            assert batch <= set(await all_records(source, "lead"))
            cursor = source.changes_from("lead", datetime.fromisoformat(moment))
            found = await all_pages(source, "lead", cursor)
            assert {record.key for page in found for record in page.records} == batch
            for page in found[:-1]:
                rest = {record.key for later in await all_pages(source, "lead", page.next) for record in later.records}
                read = {record.key for before in found[: found.index(page) + 1] for record in before.records}
                assert read | rest == batch


async def test_missing_settings_are_named_all_at_once() -> None:
    """No address, no key, no inbox: one error lists what is needed and why."""
    with pytest.raises(ConfigError) as caught:
        async with reading(None, key="", streams={"note": {"reader": "files"}}):
            pass
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["source.base_url", "source.api_key", "source.inbox"]


async def test_unreachable_hosts_are_unavailable() -> None:
    """Nobody listens: the operator is told so, by the check already."""
    async with sandbox(records=100) as server:
        address = str(server.make_url("/api/"))
    async with reading(None, base_url=address) as source:
        with pytest.raises(PlatformUnavailable):
            await source.check()
