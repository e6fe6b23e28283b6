"""The reader by files against exported snapshots of the simulated account, and the two readers together."""

from __future__ import annotations

import hashlib
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from streamflow.errors import NotFound, ProtocolMismatch
from streamflow.model import Record
from streamflow.platforms.files import reader as export
from streamflow.sandbox.leadtrekker.account import Account
from streamflow.sandbox.leadtrekker.export import AccountSource, write_snapshot
from streamflow.sandbox.leadtrekker.export_dialect import EXCEL_ZA, Dialect
from tests.platforms.leadtrekker_rig import NOW, all_pages, all_records, connect, reading, sandbox, simulation_of, truth, write_folder

STAMP = datetime(2026, 6, 1, 8, 0, 0)
TABLES = ("lead", "note", "call", "email", "reminder", "user", "group", "source", "status")
UNLISTED = "99"      # a user whom rows name and no list knows, so nothing tells his id from his e-mail


def account(records: int = 300) -> AccountSource:
    """Give a generated account to be exported."""
    return AccountSource(Account(seed=7, records=records, now=NOW))


def files_only(inbox: Path, **given: Any) -> Any:
    """Open a source on an inbox alone."""
    return connect(inbox=inbox, reader="files", **given)


@pytest.mark.parametrize(
    ("form", "dialect"),
    [
        ("csv", Dialect()),
        ("csv", Dialect(encoding="utf-16", delimiter="\t", dates="serial", formula_guard=True, totals_row=True)),
        ("csv", Dialect(encoding="utf-8-sig", delimiter=";", phones="number", duplicated_headers=("email", "custom:Surname"))),
        ("xlsx", Dialect(dates="cell", phones="number")),
        ("xlsx", Dialect(dates="serial", phones="scientific", formula_guard=True, totals_row=True)),
    ],
    ids=["plain", "utf16-tab-serials", "bom-semicolon-phones", "workbook-cells", "workbook-serials"],
)
async def test_files_and_api_give_the_same_records(tmp_path: Path, form: Any, dialect: Dialect) -> None:
    """Same keys and digests by both readers, for every kind and dialect that loses nothing."""
    async with sandbox(records=200) as server, reading(server) as by_api:
        write_snapshot(AccountSource(simulation_of(server).state.account), tmp_path, stamp=STAMP, form=form, dialect=dialect)
        async with files_only(tmp_path) as by_files:
            state = await by_files.check()
            assert {state[stream.kind] for stream in by_files.streams()} == {"ok"}
            for kind in TABLES:
                wanted, found = await all_records(by_api, kind), await all_records(by_files, kind)
                assert wanted.keys() == found.keys()
                differ = [key for key, record in wanted.items() if record.digest != found[key].digest]
                assert all(_may_differ(wanted[key], found[key], form) for key in differ)


def _may_differ(by_api: Record, by_file: Record, form: str) -> bool:
    """Say whether the two carry different things: an unlisted user, a member without e-mail, a text longer than a cell."""
    if by_api.kind == "group":
        return "28" in by_api.data["members"] and set(by_file.data["members"]) == set(by_api.data["members"]) - {"28"}
    is_cut = form == "xlsx" and len(by_api.data.get("note", "")) > 32_767
    is_nameless = by_api.kind == "reminder" and by_api.data.get("userid") == "28"      # named by e-mail only, and he has none
    return by_api.data.get("userid") == UNLISTED or is_cut or is_nameless


async def test_a_file_that_went_through_excel_keeps_every_record(tmp_path: Path) -> None:
    """Renamed and doubled headers, semicolons, cp1252, day-first dates, phones as numbers and totals: every row is there and mended."""
    source = account()
    write_snapshot(source, tmp_path, stamp=STAMP, dialect=EXCEL_ZA)
    async with files_only(tmp_path) as reader:
        leads = await all_records(reader, "lead")
        wanted = {str(lead["leadid"]): lead for lead in source.iter_records("leads")}
        assert leads.keys() == wanted.keys()
        for key, record in leads.items():
            assert record.data["created"] == wanted[key]["created"][:16] + ":00"
            assert record.data["owner_email"] == wanted[key]["owner_email"]
            if wanted[key]["number"].isdigit() and len(wanted[key]["number"]) == 10:
                assert record.data["number"] == wanted[key]["number"]
                assert record.data["_raw"]["number"] == wanted[key]["number"][1:]
        assert reader.drift()["lead"] == {"column 'email' comes more than once": 1, "row of totals left out": 1}


async def test_rows_come_page_by_page_and_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last page knows that it is the last, and a cursor gives the rest of the same snapshot."""
    monkeypatch.setattr(export, "PAGE_ROWS", 20)
    write_snapshot(account(), tmp_path, stamp=STAMP)
    async with files_only(tmp_path) as source:
        pages = await all_pages(source, "lead")
        assert [len(page.records) for page in pages] == [20, 20, 20, 15]
        assert pages[0].next == f"{source.snapshot_id}/20"
        assert pages[-1].next is None
        write_snapshot(account(200), tmp_path, stamp=datetime(2026, 6, 2))
        assert await source.refresh() != pages[0].next
        rest = await all_pages(source, "lead", pages[1].next)
        assert [page.records for page in rest] == [page.records for page in pages[2:]]
        gone = await all_pages(source, "lead", "20200101T000000Z-000000000000/40")
        assert sum(len(page.records) for page in gone) == 50


async def test_an_empty_table_is_an_empty_page_and_a_missing_one_an_error(tmp_path: Path) -> None:
    """No rows are no rows; no file is never taken for none."""
    write_folder(tmp_path / "a", {"leads.csv": "leadid,name,email,number,company,source,status,owner_email,created\n"})
    async with files_only(tmp_path) as source:
        pages = await all_pages(source, "lead")
        assert [(page.records, page.next) for page in pages] == [((), None)]
        assert (await source.check())["note"].startswith("not available: snapshot a has no file notes*.csv")
        with pytest.raises(NotFound):
            await all_pages(source, "note")


async def test_a_cut_table_is_refused_before_its_first_page(tmp_path: Path) -> None:
    """Fewer rows than the manifest vows stop the stream, though the hash fits."""
    write_folder(tmp_path / "a", {"notes.csv": "noteid,leadid,created,note\n1,1,2026-01-01,x\n"}, rows={"notes.csv": 2})
    async with files_only(tmp_path) as source:
        with pytest.raises(ProtocolMismatch, match=r"notes.csv has 1 rows, its manifest says 2"):
            await all_pages(source, "note")


async def test_renamed_headers_are_guessed_for_the_operator_and_mapped_by_him(tmp_path: Path) -> None:
    """A key that cannot be found is an error with a suggestion; the column map mends it."""
    header = "Leed ID,name,e-mail,Cell,company,source,status,Owner e-mail,created\n"
    write_folder(tmp_path / "a", {"leads.csv": header + "7,Thandi,t@example.com,0821112222,Acme,Web,New,p@example.com,2026-01-01\n"})
    async with files_only(tmp_path) as source:
        with pytest.raises(ProtocolMismatch, match=r"no column for leadid \(is it 'Leed ID'\?\)") as caught:
            await all_pages(source, "lead")
        assert "source.streams.lead.files.columns" in caught.value.hint
    columns = {"leed id": "leadid", "Cell": "number"}
    async with files_only(tmp_path, streams={"lead": {"files": {"columns": columns}}}) as source:
        record = (await all_records(source, "lead"))["7"]
        assert (record.data["email"], record.data["number"], record.data["owner_email"]) == ("t@example.com", "0821112222", "p@example.com")


async def test_the_wrong_file_is_not_read_as_leads(tmp_path: Path) -> None:
    """A table whose columns are another kind's is refused."""
    write_folder(tmp_path / "a", {"leads.csv": "id,amount,currency,vat\n1,5,ZAR,1\n"})
    async with files_only(tmp_path) as source:
        with pytest.raises(ProtocolMismatch, match="most of its columns are not those of a lead"):
            await all_pages(source, "lead")


async def test_activities_without_ids_keep_their_keys_over_resume_and_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made keys are the same in the next snapshot and after a resume; twins stay two."""
    monkeypatch.setattr(export, "PAGE_ROWS", 2)
    rows = "leadid,user_email,created,note\n" + "1,p@example.com,2026-01-01 10:00,same\n" * 3 + "1,p@example.com,2026-01-02 10:00,other\n"
    write_folder(tmp_path / "a", {"notes.csv": rows})
    async with files_only(tmp_path) as source:
        pages = await all_pages(source, "note")
        keys = [record.key for page in pages for record in page.records]
        assert len(set(keys)) == 4
        assert [record.key for page in await all_pages(source, "note", pages[0].next) for record in page.records] == keys[2:]
        write_folder(tmp_path / "b", {"notes.csv": rows + "2,,2026-01-03 10:00,new\n"}, exported_at="2026-06-02T00:00:00Z")
        await source.refresh()
        assert [record.key for page in await all_pages(source, "note") for record in page.records][:4] == keys


async def test_members_of_groups_are_joined(tmp_path: Path) -> None:
    """The roster file becomes the members of each group; a group nobody is in has an empty list."""
    write_folder(tmp_path / "a", {
        "groups.csv": "groupid,name,permission\n4,West,edit\n5,East,view\n",
        "group_members.csv": "groupid,user_email\n4,b@example.com\n4,a@example.com\n4,b@example.com\n",
    })  # fmt: skip
    async with files_only(tmp_path) as source:
        groups = await all_records(source, "group")
        assert (groups["4"].data["members"], groups["5"].data["members"]) == (["a@example.com", "b@example.com"], [])


async def test_new_snapshots_are_noticed_and_damaged_ones_refused(tmp_path: Path) -> None:
    """Refresh answers the newest id; a damaged newer one is an error while the one taken before stays readable."""
    write_snapshot(account(), tmp_path, stamp=STAMP)
    async with files_only(tmp_path) as source:
        first = await source.refresh()
        assert first == source.snapshot_id
        assert await source.refresh() == first
        newer = write_snapshot(account(), tmp_path, stamp=datetime(2026, 6, 2))
        (newer / "leads.csv").write_bytes((newer / "leads.csv").read_bytes()[:-10])
        with pytest.raises(ProtocolMismatch, match=r"leads\.csv is not what the manifest says"):
            await source.refresh()
        assert source.snapshot_id == first
        assert await all_records(source, "lead")


async def test_no_snapshot_yet_is_said(tmp_path: Path) -> None:
    """An inbox without a finished snapshot is "not available", and a folder being written is mentioned."""
    (tmp_path / "20260601T080000Z").mkdir()
    async with files_only(tmp_path) as source:
        assert await source.refresh() is None
        assert (await source.check())["lead"].startswith("not available: there is no complete snapshot")
        assert source.notices == ("20260601T080000Z: no manifest.json yet, so it is not read",)
        with pytest.raises(NotFound):
            await all_pages(source, "lead")


async def test_attachments_are_records_with_lasting_ids_and_copied_with_their_hash(tmp_path: Path) -> None:
    """Every file is listed with its lead, size and hash; the copy is the same bytes, readable by us only; later snapshots keep the ids."""
    source_account = account(400)
    write_snapshot(source_account, tmp_path / "inbox", stamp=STAMP)
    wanted = sorted((str(row["leadid"]), str(row["size"]), row["sha256"]) for row in source_account.iter_records("attachments"))
    async with files_only(tmp_path / "inbox") as source:
        found = await all_records(source, "attachment")
        assert sorted((record.data["leadid"], record.data["size"], record.data["sha256"]) for record in found.values()) == wanted
        assert {record.parent for record in found.values()} == {leadid for leadid, _, _ in wanted}
        record = max(found.values(), key=lambda record: int(record.data["size"]))
        target = tmp_path / "archive" / "deep" / "file"
        digest = await source.attachments.copy(record, str(target))
        assert digest == record.data["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
        assert target.stat().st_mode & 0o777 == 0o600
        write_folder(tmp_path / "inbox" / "zz", {"leads.csv": "leadid\n"}, exported_at="2026-07-01T00:00:00Z")
        await source.refresh()
        again = await all_records(source, "attachment")
        assert {key: record.digest for key, record in again.items()} == {key: record.digest for key, record in found.items()}
        await source.attachments.copy(record, str(target))


async def test_changed_and_vanished_attachments_are_refused(tmp_path: Path) -> None:
    """A file that is not what its manifest vows stops the listing; bytes that are gone, or lie elsewhere, are not copied."""
    folder = write_folder(tmp_path / "a", {"leads.csv": "leadid\n", "attachments/1/x.pdf": b"abc"})
    async with files_only(tmp_path) as source:
        record = next(iter((await all_records(source, "attachment")).values()))
        (folder / "attachments" / "1" / "x.pdf").write_bytes(b"abd")
        with pytest.raises(ProtocolMismatch, match="SHA-256 differs"):
            await all_pages(source, "attachment")
        with pytest.raises(NotFound):
            await source.attachments.copy(record, str(tmp_path / "copy"))
        assert not (tmp_path / "copy").exists()
        away = Record(kind="attachment", key="1", data={"path": "attachments/../leads.csv", "sha256": ""}, digest="")
        with pytest.raises(NotFound):
            await source.attachments.copy(away, str(tmp_path / "copy"))


async def test_streams_come_from_files_while_leads_come_from_the_api(tmp_path: Path) -> None:
    """Reader by stream: notes as a whole list from the inbox, leads by calls, attachments from the inbox."""
    async with sandbox() as server:
        write_snapshot(AccountSource(simulation_of(server).state.account), tmp_path, stamp=STAMP)
        streams = {"note": {"reader": "files"}, "call": {"enabled": False}}
        async with reading(server, inbox=tmp_path, streams=streams) as source:
            shown = {stream.kind: (stream.reader, stream.parent, stream.refers_to) for stream in source.streams()}
            assert shown["note"] == ("files", None, "lead")
            assert shown["email"] == ("api", "lead", "lead")
            assert shown["attachment"] == ("files", None, "lead")
            assert "call" not in shown
            assert len(await all_records(source, "note")) == len(truth(server, "notes"))
            state = await source.check()
            assert (state["note"], state["call"]) == ("ok", "not available: switched off")
            with pytest.raises(NotFound):
                await source.children("note", "1")
            with pytest.raises(NotFound):
                await source.one("note", "1")
            with pytest.raises(ProtocolMismatch):
                await all_pages(source, "email")


async def test_a_large_table_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """Four times the rows need no more memory than a few pages."""
    line = ",".join(["Thandi", "t@example.com", "0821112222", "Acme", "Web", "New", "p@example.com", "2026-01-01 10:00:00"])
    header = "leadid,name,email,number,company,source,status,owner_email,created\n"
    peaks = []
    for folder, rows in (("a", 1_500), ("b", 6_000)):
        content = header + "".join(f"{n},{line}\n" for n in range(rows))
        write_folder(tmp_path / folder / "s", {"leads.csv": content}, rows={"leads.csv": rows})
        async with files_only(tmp_path / folder) as source:
            tracemalloc.start()
            count = 0
            async for page in source.pages("lead", None):
                count += len(page.records)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert count == rows
    assert peaks[1] < peaks[0] * 1.5
