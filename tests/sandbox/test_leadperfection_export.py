"""Scheduled reports of the simulated Lead Perfection as files: header, quoting, formats, and a manifest that comes last."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from streamflow.sandbox.leadperfection.export import main
from tests.sandbox.leadperfection_rig import ALL_TIME, PLAIN, Wire, serving

HEADS = {"133": ("id", "District"), "134": ("contractid", "ContractDate"), "135": ("Category", "lastname")}


def read(path: Path) -> list[dict[str, str]]:
    """Read a report."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def manifest_of(folder: Path) -> dict[str, Any]:
    """Read the manifest."""
    document: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return document


async def exported(wire: Wire, inbox: Path, **order: Any) -> dict[str, list[dict[str, str]]]:
    """Have an export written and give the rows of each report."""
    folder = Path((await wire.admin("export", {"folder": str(inbox), **order}))["folder"])
    return {str(entry["report"] or entry["file"]): read(folder / entry["file"]) for entry in manifest_of(folder)["files"]}


async def test_three_reports_and_a_manifest(tmp_path: Path) -> None:
    """A folder named by the moment holds three files under the vendor's names, and a manifest with rows and hashes."""
    async with serving(**PLAIN) as wire:
        folder = Path((await wire.admin("export", {"folder": str(tmp_path)}))["folder"])
    assert folder == tmp_path / "20261118T140000Z"
    manifest = manifest_of(folder)
    assert (manifest["exported_at"], manifest["complete"]) == ("2026-11-18T14:00:00Z", True)
    assert [entry["file"] for entry in manifest["files"]] == [f"_26111809000{n}_Export.csv" for n in range(3)]
    for entry in manifest["files"]:
        content = (folder / entry["file"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["rows"] == len(read(folder / entry["file"]))
        assert content.decode().splitlines()[0].startswith(",".join(f'"{name}"' for name in HEADS[entry["report"]]))


async def test_every_field_is_quoted_and_may_hold_line_breaks(tmp_path: Path) -> None:
    """All fields are in quotes, with newlines inside some, and there is no footer."""
    async with serving(**PLAIN) as wire:
        rows = (await exported(wire, tmp_path))["133"]
        [text] = [path.read_text() for path in tmp_path.rglob("*0_Export.csv")]
    assert any("\n" in row["MostRecentNoteHOA"] for row in rows)
    assert text.startswith('"id","District"')
    assert text.rstrip().endswith('"True"')
    assert all(None not in row and None not in row.values() for row in rows)


async def test_reports_name_prospects_and_repeat_them(tmp_path: Path) -> None:
    """In 135 a row is a lead and `id` its prospect; in 133 a row is a job, those without a lead included."""
    async with serving(**PLAIN) as wire:
        files = await exported(wire, tmp_path)
        leads = [(lead, row) for row in await wire.lead() for lead in row["leads"]]
        jobs = await wire.rows("Customers/GetJobStatusChanges", **ALL_TIME)
        milestones = await wire.rows("Customers/GetMilestones", **ALL_TIME)
    assert [row["id"] for row in files["135"]] == [row["cst_id"] for _, row in leads]
    assert sorted(row["SourceSubDescr"] for row in files["135"]) == sorted(lead["sourcesubdescr"] for lead, _ in leads)
    assert {(row["id"], row["job_id"]) for row in files["133"]} == {(row["cst_id"], row["job_id"]) for row in jobs}
    assert len(files["134"]) == len(milestones)


async def test_reports_have_formats_of_their_own(tmp_path: Path) -> None:
    """Phones in brackets, days without zeros or with two digits a year, times with AM and PM, money with two decimals."""
    async with serving(**PLAIN) as wire:
        files = await exported(wire, tmp_path)
        api = {row["cst_id"]: row for row in await wire.lead()}
    row = next(row for row in files["135"] if api[row["id"]]["phone1"].isdigit() and len(api[row["id"]]["phone1"]) == 10)
    digits = api[row["id"]]["phone1"]
    assert row["Phone"] == f"({digits[:3]}){digits[3:6]}-{digits[6:]}"
    lead = api[row["id"]]["leads"][0]["entrydate"]
    assert row["entrydate"] == f"{int(lead[5:7])}/{int(lead[8:10])}/{lead[:4]}"
    assert row["CurrentDateTime"] == "11/18/2026 9:00:00 AM"
    assert any(each["ApptDate"].endswith("PM") for each in files["135"])
    assert all(len(each["MilestoneDate"]) == 8 for each in files["134"])
    assert any("," in each["GrossAmount"] for each in files["134"])
    assert not any("," in each["grossamount"] for each in files["133"])


async def test_parameters_stand_on_every_row(tmp_path: Path) -> None:
    """SDate, EDate, FullName and UseColor are the report's, the same on each row."""
    async with serving(**PLAIN) as wire:
        files = await exported(wire, tmp_path)
    for rows in files.values():
        assert len({(row["SDate"], row["EDate"], row["UseColor"], row.get("FullName") or row["fullname"]) for row in rows}) == 1


async def test_names_and_completeness_can_be_chosen(tmp_path: Path) -> None:
    """Files may be named by their report, the manifest may say incomplete, and two exports within a second have two folders."""
    async with serving(**PLAIN) as wire:
        folders = [
            Path((await wire.admin("export", {"folder": str(tmp_path), "names": "report", "complete": False}))["folder"])
            for _ in range(2)
        ]
        assert (await wire.admin("export", {"folder": str(tmp_path), "form": "pdf"}, status=400))["error"].endswith("know form")
        assert "names must be" in (await wire.admin("export", {"folder": str(tmp_path), "names": "mine"}, status=400))["error"]
    assert folders[0] != folders[1]
    manifest = manifest_of(folders[0])
    assert manifest["complete"] is False
    assert manifest["files"][0]["file"] == "133_Job_Status.csv"


async def test_the_encoding_can_be_chosen(tmp_path: Path) -> None:
    """A byte order mark, or an old code page that loses letters; another is refused."""
    notes = {}
    async with serving(**PLAIN) as wire:
        for encoding in ("utf-8-sig", "cp1252"):
            order = {"folder": str(tmp_path), "encoding": encoding, "extract": True}
            folder = Path((await wire.admin("export", order))["folder"])
            notes[encoding] = (folder / "notes.csv").read_bytes()
        assert "encoding must be" in (await wire.admin("export", {"folder": str(tmp_path), "encoding": "x"}, status=400))["error"]
    assert notes["utf-8-sig"].startswith(b"\xef\xbb\xbf")
    whole, damaged = notes["utf-8-sig"].decode("utf-8-sig"), notes["cp1252"].decode("cp1252")
    assert whole != damaged
    assert len(whole) == len(damaged)


async def test_an_extract_holds_every_record(tmp_path: Path) -> None:
    """With `extract` each kind has a table with as many rows as records, strays and old calls included."""
    async with serving(**PLAIN) as wire:
        files = await exported(wire, tmp_path, extract=True)
        counts = (await wire.admin("state"))["counts"]
    assert {kind: len(files[f"{kind}.csv"]) for kind in counts} == counts
    jobs = {row["job_id"] for row in files["jobs.csv"]}
    assert {row["job_id"] for name in ("milestones.csv", "userfields.csv") for row in files[name]} <= jobs
    assert any(row["cst_id"] == "" for row in files["appointments.csv"])


async def test_an_export_shows_what_people_did(tmp_path: Path) -> None:
    """A change before the export is in it."""
    async with serving(**PLAIN) as wire:
        cst_id = (await wire.lead(PageSize=1))[0]["cst_id"]
        await wire.act("edit", "prospects", cst_id, values={"city": "Elsewhere"})
        files = await exported(wire, tmp_path)
    assert {row["city"] for row in files["135"] if row["id"] == cst_id} == {"Elsewhere"}


def test_the_command_writes_a_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A generated account can be exported without a server; the folder is said on stdout."""
    arguments = ["--records", "100", "--now", "2026-07-01T12:00:00", "--out", str(tmp_path), "--incomplete", "--extract"]
    assert main(arguments) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert folder.name == "20260701T160000Z"
    assert manifest_of(folder)["complete"] is False
    assert len(read(folder / "prospects.csv")) == 20
