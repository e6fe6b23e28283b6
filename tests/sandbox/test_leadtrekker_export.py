"""What export snapshots promise: canonical files, a manifest that comes last and is true, damage only as asked."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from streamflow.sandbox.leadtrekker.account import Account
from streamflow.sandbox.leadtrekker.export import COLUMNS, AccountSource, write_snapshot
from streamflow.sandbox.leadtrekker.export_dialect import EXCEL_ZA, XLSX_CELL_CHARS, Dialect

NOW = datetime(2026, 8, 1, 12, 0, 0)
STAMP = datetime(2026, 8, 1, 10, 0, 5, tzinfo=UTC)
Row = dict[str, str]


@pytest.fixture(scope="module")
def account() -> Account:
    """An account of 600 records."""
    return Account(seed=7, records=600, now=NOW)


@pytest.fixture(scope="module")
def plain(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its snapshot in the clean dialect."""
    return write_snapshot(AccountSource(account), tmp_path_factory.mktemp("inbox"), stamp=STAMP)


class FewRecords:
    """A source held in a dict, as a live server would be: it tells no e-mails of dead leads."""

    def __init__(self, **kinds: list[dict[str, Any]]) -> None:
        self.kinds = kinds

    def iter_records(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the rows given for *kind*."""
        yield from self.kinds.get(kind, [])

    def attachment_bytes(self, attachmentid: str) -> bytes:
        """Give bytes that name their id."""
        return f"file {attachmentid}".encode()


class BreaksOff(FewRecords):
    """A source that fails when attachments are asked for: the last thing written before the manifest."""

    def attachment_bytes(self, attachmentid: str) -> bytes:
        """Fail."""
        raise OSError(f"no content for {attachmentid}")


def rows_of(path: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> list[Row]:
    """Read a CSV file by its header."""
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter, strict=True))


def cells_of(path: Path) -> list[tuple[Any, ...]]:
    """Read all cells of a workbook as Excel holds them."""
    book = openpyxl.load_workbook(path, read_only=True)
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    book.close()
    return rows


def a_lead(**values: Any) -> dict[str, Any]:
    """Make a lead with the given values."""
    return {"leadid": "5", "name": "Nandi", "email": "n@example.com", "number": "", "created": "2026-05-11 09:14:02",
            "updated": "", "custom_fields": {}} | values  # fmt: skip


def test_the_folder_is_named_by_the_moment_in_utc(account: Account, tmp_path: Path, plain: Path) -> None:
    """A stamp of any zone names the folder in UTC; the same second twice is refused, and nothing is overwritten."""
    assert plain.name == "20260801T100005Z"
    local = STAMP.astimezone(timezone(timedelta(hours=2)))
    assert write_snapshot(FewRecords(), tmp_path, stamp=local).name == plain.name
    with pytest.raises(FileExistsError):
        write_snapshot(FewRecords(), tmp_path, stamp=STAMP)


def test_the_manifest_states_files_rows_and_checksums(account: Account, plain: Path) -> None:
    """Every file of the folder is listed with its true checksum, and rows add up to the account's own counts."""
    manifest = json.loads((plain / "manifest.json").read_bytes())
    assert manifest["exported_at"] == "2026-08-01T10:00:05Z"
    assert manifest["complete"] is True
    on_disk = {path.relative_to(plain).as_posix() for path in plain.rglob("*") if path.is_file()}
    assert {entry["file"] for entry in manifest["files"]} == on_disk - {"manifest.json"}
    rows = {entry["file"]: entry["rows"] for entry in manifest["files"]}
    for entry in manifest["files"]:
        assert hashlib.sha256((plain / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    counts = account.counts()
    assert sum(count for name, count in rows.items() if name.startswith("attachments/")) == counts.pop("attachments")
    assert {kind: rows[f"{kind}.csv"] for kind in counts} == counts
    assert rows["group_members.csv"] == sum(len(group["members"]) for group in account.groups())


def test_an_incomplete_snapshot_says_so(tmp_path: Path) -> None:
    """`complete=False` reaches the manifest."""
    folder = write_snapshot(FewRecords(), tmp_path, stamp=STAMP, complete=False)
    assert json.loads((folder / "manifest.json").read_bytes())["complete"] is False


def test_there_is_no_manifest_before_all_else_is_written(tmp_path: Path) -> None:
    """A snapshot that breaks off has no manifest, so that nobody reads it."""
    source = BreaksOff(leads=[a_lead()], attachments=[{"attachmentid": "1", "leadid": "5", "name": "a.pdf"}])
    with pytest.raises(OSError, match="no content for 1"):
        write_snapshot(source, tmp_path, stamp=STAMP)
    assert (tmp_path / "20260801T100005Z" / "leads.csv").exists()
    assert list(tmp_path.rglob("*manifest*")) == []


def test_tables_can_be_left_to_another_reader(tmp_path: Path) -> None:
    """`tables=False` writes attachments and a manifest that lists only them."""
    source = FewRecords(leads=[a_lead()], attachments=[{"attachmentid": "1", "leadid": "5", "name": "a.pdf"}])
    folder = write_snapshot(source, tmp_path, stamp=STAMP, tables=False)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert [entry["file"] for entry in manifest["files"]] == ["attachments/5/a.pdf"]
    assert {path.name for path in folder.iterdir()} == {"attachments", "manifest.json"}


def test_a_custom_field_that_appears_meanwhile_is_not_dropped_in_silence(tmp_path: Path) -> None:
    """A label that the header could not know stops the snapshot before there is a manifest."""

    class Grows(FewRecords):
        def iter_records(self, kind: str) -> Iterator[dict[str, Any]]:
            yield from super().iter_records(kind)
            if kind == "leads":
                self.kinds["leads"] = [a_lead(custom_fields={"Budget": "R 5"})]

    with pytest.raises(RuntimeError, match="Budget"):
        write_snapshot(Grows(leads=[a_lead()]), tmp_path, stamp=STAMP)
    assert list(tmp_path.rglob("manifest.json")) == []


def test_leads_have_canonical_columns_and_one_for_each_label(account: Account, plain: Path) -> None:
    """Each lead comes back equal in every field, its custom fields under custom:<label>, its group by name."""
    rows = rows_of(plain / "leads.csv")
    groups = {group["groupid"]: group["name"] for group in account.groups()} | {"": ""}
    for index, row in enumerate(rows):
        lead = account.lead(index)
        custom = {f"custom:{label}": value for label, value in lead.pop("custom_fields").items()}
        assert row["group"] == groups[lead.pop("groupid")]
        lead.pop("userid")
        assert {name: row[name] for name in lead} == lead
        assert {name: value for name, value in row.items() if name.startswith("custom:") and value} == {
            name: value for name, value in custom.items() if value
        }
    assert tuple(rows[0])[: len(COLUMNS["leads"])] == COLUMNS["leads"]
    assert {"custom:Surname", "custom:gclid", "custom:how  did you hear about us "} <= rows[0].keys()


def test_children_carry_the_users_name_and_the_leads_email(account: Account, plain: Path) -> None:
    """Texts survive to the last line break; a dead lead id stands beside the e-mail it can be found by."""
    notes = {row["noteid"]: row for row in rows_of(plain / "notes.csv")}
    users = {user["userid"]: user for user in account.users()}
    for index in range(account.lead_count):
        for note in account.children("notes", index):
            row = notes.pop(note["noteid"])
            assert (row["note"], row["created"], row["leadid"]) == (note["note"], note["created"], note["leadid"])
            assert row["lead_email"] == account.lead_email(note["leadid"])
            known = users.get(note["userid"], {"name": "", "email": ""})
            if note["userid"] != "99":
                assert (row["user"], row["user_email"]) == (known["name"], known["email"])
            else:
                assert row["user"] == "Former Colleague"
    assert notes == {}
    for kind in ("calls", "emails", "reminders", "users", "groups", "sources", "statuses"):
        assert tuple(rows_of(plain / f"{kind}.csv")[0]) == COLUMNS[kind]


def test_attachments_lie_under_their_lead_and_never_on_each_other(
    account: Account, plain: Path, tmp_path: Path
) -> None:
    """Each file has its bytes; equal names are numbered, and no name leads out of the folder."""
    found = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in (plain / "attachments").rglob("*.*"))
    rows = [row for n in range(account.lead_count) for row in account.children("attachments", n)]
    assert found == sorted(row["sha256"] for row in rows)
    names = ["a.pdf", "a.pdf", "a.pdf", "../../etc/passwd", "..", "x\n.txt"]
    source = FewRecords(attachments=[
        {"attachmentid": str(n), "leadid": "5", "name": name} for n, name in enumerate(names)
    ])  # fmt: skip
    folder = write_snapshot(source, tmp_path, stamp=STAMP) / "attachments"
    assert {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()} == {
        "5/a.pdf": "file 0", "5/a (2).pdf": "file 1", "5/a (3).pdf": "file 2", "5/.._.._etc_passwd": "file 3",
        "5/_": "file 4", "5/x_.txt": "file 5",
    }  # fmt: skip


def test_a_live_source_may_say_the_email_of_a_child_or_leave_it_to_its_leads(tmp_path: Path) -> None:
    """The child's own `lead_email` counts first, then the lead of its id; a dead id has none."""
    source = FewRecords(
        leads=[a_lead()],
        notes=[
            {"noteid": "1", "leadid": "5", "note": "x"},
            {"noteid": "2", "leadid": "4", "note": "x"},
            {"noteid": "3", "leadid": "4", "note": "x", "lead_email": "old@example.com"},
        ],
    )
    folder = write_snapshot(source, tmp_path, stamp=STAMP)
    assert [row["lead_email"] for row in rows_of(folder / "notes.csv")] == ["n@example.com", "", "old@example.com"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_encodings_and_delimiters_lose_nothing(
    account: Account, plain: Path, tmp_path: Path, encoding: Any, delimiter: Any
) -> None:
    """The same rows come back from every Unicode encoding, with its byte order mark, and any delimiter."""
    dialect = Dialect(encoding=encoding, delimiter=delimiter)
    folder = write_snapshot(AccountSource(account), tmp_path, stamp=STAMP, dialect=dialect)
    assert (folder / "leads.csv").read_bytes()[:2] in (b"\xef\xbb", b"\xff\xfe")
    for kind in ("leads", "notes", "emails"):
        read = rows_of(folder / f"{kind}.csv", encoding=encoding, delimiter=delimiter)
        assert read == rows_of(plain / f"{kind}.csv")


def test_windows_1252_keeps_its_letters_and_loses_the_others(tmp_path: Path) -> None:
    """Accents survive cp1252, other scripts become question marks, as in the real thing."""
    source = FewRecords(leads=[a_lead(name="Zoë Müller"), a_lead(name="雲山 €")])
    folder = write_snapshot(source, tmp_path, stamp=STAMP, dialect=Dialect(encoding="cp1252"))
    assert [row["name"] for row in rows_of(folder / "leads.csv", encoding="cp1252")] == ["Zoë Müller", "?? €"]


@pytest.mark.parametrize(
    ("dialect", "phone", "expected"),
    [
        (Dialect(), "0825550142", "0825550142"),
        (Dialect(phones="number"), "0825550142", "825550142"),
        (Dialect(phones="number"), "+27825550142", "27825550142"),
        (Dialect(phones="number"), "082 555 0142", "082 555 0142"),
        (Dialect(phones="scientific"), "0825550142", "8.2555E+8"),
        (Dialect(phones="number"), "call after 5", "call after 5"),
        (Dialect(formula_guard=True), "+27 82 555 0142", "'+27 82 555 0142"),
    ],
)
def test_excel_damages_phones_as_excel_does(tmp_path: Path, dialect: Dialect, phone: str, expected: str) -> None:
    """Digits alone become numbers and lose zero, plus or precision; formatted phones stay."""
    folder = write_snapshot(FewRecords(leads=[a_lead(number=phone)]), tmp_path, stamp=STAMP, dialect=dialect)
    assert rows_of(folder / "leads.csv")[0]["number"] == expected


@pytest.mark.parametrize(
    ("dates", "form", "expected"),
    [
        ("iso", "csv", "2026-05-11 09:14:02"),
        ("day_first", "csv", "11/05/2026 09:14"),
        ("serial", "csv", "46153.3847453704"),
        ("cell", "csv", "2026-05-11 09:14:02"),
        ("iso", "xlsx", "2026-05-11 09:14:02"),
        ("serial", "xlsx", 46153.3847453704),
        ("cell", "xlsx", datetime(2026, 5, 11, 9, 14, 2)),
    ],
)
def test_dates_are_written_in_the_way_asked_for(tmp_path: Path, dates: Any, form: Any, expected: Any) -> None:
    """One moment in each way; what is no date, or a custom field, is left as it is."""
    source = FewRecords(leads=[a_lead(updated="soon", custom_fields={"created": "2026-05-11 09:14:02"})])
    folder = write_snapshot(source, tmp_path, stamp=STAMP, form=form, dialect=Dialect(dates=dates))
    if form == "csv":
        row: dict[str, Any] = dict(rows_of(folder / "leads.csv")[0])
    else:
        header, values = cells_of(folder / "leads.xlsx")
        row = dict(zip(header, values, strict=True))
    assert row["created"] == expected
    assert (row["updated"], row["custom:created"]) == ("soon", "2026-05-11 09:14:02")


def test_workbooks_hold_text_as_text(tmp_path: Path) -> None:
    """A formula stays a text, a phone with its zero too; a cell ends where Excel's does; forbidden signs are gone."""
    source = FewRecords(
        leads=[a_lead(name="=cmd|'/C calc'!A0", number="0825550142", company="#N/A", address="a\x07b\nc")],
        notes=[{"noteid": "1", "leadid": "5", "note": "n" * 40_000}],
    )
    folder = write_snapshot(source, tmp_path, stamp=STAMP, form="xlsx")
    lead = dict(zip(*cells_of(folder / "leads.xlsx"), strict=True))
    assert lead["name"] == "=cmd|'/C calc'!A0"
    assert (lead["number"], lead["company"], lead["address"]) == ("0825550142", "#N/A", "ab\nc")
    assert len(cells_of(folder / "notes.xlsx")[1][-1]) == XLSX_CELL_CHARS
    book = openpyxl.load_workbook(folder / "leads.xlsx")
    assert not {cell.data_type for cell in book.active[2]} & {"f", "e"}  # no formula, no error
    book.close()


def test_a_workbook_damages_phones_as_numbers(tmp_path: Path) -> None:
    """A phone is a number cell without its zero."""
    source = FewRecords(leads=[a_lead(number="0825550142")])
    for form_of_phone in ("number", "scientific"):
        folder = write_snapshot(
            source, tmp_path / form_of_phone, stamp=STAMP, form="xlsx",
            dialect=Dialect(phones=form_of_phone),
        )  # fmt: skip
        lead = dict(zip(*cells_of(folder / "leads.xlsx"), strict=True))
        assert lead["number"] == 825550142


def test_a_south_african_excel_does_it_all_at_once(account: Account, tmp_path: Path) -> None:
    """Semicolons, renamed and doubled headers, guards and a totals row that the manifest does not count."""
    folder = write_snapshot(AccountSource(account), tmp_path, stamp=STAMP, dialect=EXCEL_ZA)
    with (folder / "leads.csv").open(encoding="cp1252", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    assert header[0] == "Lead ID"
    assert header.count("email") == 2
    assert "number" not in header
    assert {len(row) for row in rows} == {len(header)}
    assert rows[-1][:2] == ["Total", str(account.lead_count)]
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["files"][0] == {
        "file": "leads.csv", "rows": account.lead_count, "sha256": manifest["files"][0]["sha256"],
    }  # fmt: skip
    assert any(cell.startswith("'=cmd|") for row in rows for cell in row)
    assert any("\n" in cell for row in rows for cell in row)


def test_rows_are_streamed(tmp_path: Path) -> None:
    """The memory of a snapshot does not grow with the account."""
    peaks = []
    for records in (200, 1_600):
        source = AccountSource(Account(seed=7, records=records, now=NOW))
        tracemalloc.start()
        try:
            write_snapshot(source, tmp_path / str(records), stamp=STAMP)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000


def test_the_command_writes_a_snapshot_and_names_it(tmp_path: Path) -> None:
    """`python -m ...export` prints the folder; the same seed and moment give the same bytes."""
    command = [
        sys.executable, "-m", "streamflow.sandbox.leadtrekker.export", "--seed", "3", "--records", "100",
        "--now", "2026-08-01T10:00:05+00:00", "--form", "csv", "--encoding", "utf-16", "--delimiter", "tab",
    ]  # fmt: skip
    manifests = []
    for name in ("one", "two"):
        done = subprocess.run([*command, "--out", tmp_path / name], capture_output=True, text=True, check=True)
        folder = Path(done.stdout.strip())
        assert folder == tmp_path / name / "20260801T100005Z"
        manifests.append((folder / "manifest.json").read_bytes())
    assert manifests[0] == manifests[1]
    assert rows_of(folder / "users.csv", encoding="utf-16", delimiter="\t")[0]["userid"] == "21"
