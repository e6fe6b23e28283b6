"""The reader by files on a made-up platform: tables and files of records under the names that its spec gives them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from streamflow.platforms.files.inbox import Inbox
from streamflow.platforms.files.reader import FilesReader
from streamflow.platforms.rows.canon import Canon
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.spec_source import SpecSource
from streamflow.platforms.spec_toml import load
from tests.platforms.leadtrekker_rig import all_records, write_folder

SHIPPED = """
platform = "porch"
timezone = "America/New_York"
region = "US"
[streams.client]
key = "clientno"
fields = ["clientno", "name", "phone", "since"]
phones = ["phone"]
[streams.client.dates]
fields = ["since"]
formats = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y"]
[streams.client.files]
globs = ["clients.csv"]
[streams.paper]
role = "file"
refers_to = "client"
parent_field = "client"
key = "paperno"
fields = ["paperno", "client", "title", "bytes", "hash", "place"]
[streams.paper.files]
globs = ["attachments/*/*"]
is = { paperno = "id", client = "owner", title = "name", bytes = "size", hash = "sha256", place = "path" }
"""


async def test_names_come_from_the_spec_alone(tmp_path: Path) -> None:
    """Rows and files of records have the fields that the spec names, dates month first, and the bytes are found by them."""
    table = 'CLIENTNO,Name,Phone,Since\n7,Dana,4.075550142E+9,"8/7/2026 3:00:10 PM"\n'
    write_folder(tmp_path / "20260807T150010Z", {"clients.csv": table, "attachments/7/plan.pdf": b"abc"})
    spec = load(SHIPPED, {})
    canons = {kind: Canon(each, null_words=spec.null_words, region=spec.region, reader="files") for kind, each in spec.streams.items()}
    roster = Roster()
    files = FilesReader(Inbox(tmp_path), spec, canons, roster)
    source = SpecSource(spec, api=None, files=files, roster=roster)
    assert await source.check() == {"client": "ok", "paper": "ok"}
    client = (await all_records(source, "client"))["7"]
    assert {name: client.data[name] for name in ("name", "phone", "since")} == {
        "name": "Dana", "phone": "4075550142", "since": "2026-08-07 15:00:10"
    }  # fmt: skip
    [paper] = (await all_records(source, "paper")).values()
    digest = hashlib.sha256(b"abc").hexdigest()
    assert paper.parent == "7"
    assert {name: paper.data[name] for name in ("client", "title", "bytes", "hash", "place")} == {
        "client": "7", "title": "plan.pdf", "bytes": "3", "hash": digest, "place": "attachments/7/plan.pdf"
    }  # fmt: skip
    assert await files.copy(paper, str(tmp_path / "copy.pdf")) == digest
    assert (tmp_path / "copy.pdf").read_bytes() == b"abc"


REPORTS = """
platform = "porch"
timezone = "America/New_York"
[streams.job]
key = "jobno"
fields = ["jobno", "client", "state", "steps", "cost"]
amounts = ["cost"]
[streams.job.files]
globs = ["jobs*.csv"]
[streams.job.files.instead]
globs = ["*.csv"]
having = ["Job", "Condition"]
columns = { Job = "jobno", "Client Id" = "client", Condition = "state" }
only = true
[[streams.job.files.instead.tables]]
globs = ["*.csv"]
having = ["Step", "Job Ref"]
on = "jobno"
key = "Job Ref"
into = "steps"
fields = { step = "Step", day = "Day" }
take = { cost = "Cost" }
[streams.client]
key = "clientno"
fields = ["clientno", "name"]
[streams.client.files]
globs = ["*.csv"]
having = ["Job", "Condition"]
columns = { "Client Id" = "clientno", "Client" = "name" }
only = true
distinct = true
filled = ["clientno"]
"""


def _reports(inbox: Path) -> SpecSource:
    """Give the source that reads REPORTS from files alone."""
    spec = load(REPORTS, {})
    canons = {kind: Canon(each, null_words=spec.null_words, region=spec.region, reader="files") for kind, each in spec.streams.items()}
    roster = Roster()
    return SpecSource(spec, api=None, files=FilesReader(Inbox(inbox), spec, canons, roster), roster=roster)


async def test_files_are_known_by_their_columns_where_names_tell_nothing(tmp_path: Path) -> None:
    """A report is found by its header, another one's rows become lists and values in it; parameters and repeats are left out."""
    first = "JOB,Client Id,Client,condition,RunAt\n1,7,Dana,open,today\n2,7,Dana,done,today\n3,,Nobody,open,today\n"
    second = 'Job Ref,Step,Day,Cost\n1,Measure,8/1/2026,\n1,Install,8/9/2026,"1,200.00"\n9,Lost,8/9/2026,5\n'
    write_folder(tmp_path / "20260807T150010Z", {"_1_Export.csv": first, "_2_Export.csv": second})
    source = _reports(tmp_path)
    jobs = await all_records(source, "job")
    assert jobs["1"].data == {
        "jobno": "1", "client": "7", "state": "open", "cost": "1200",
        "steps": [{"step": "Measure", "day": "8/1/2026"}, {"step": "Install", "day": "8/9/2026"}],
    } | ({"_raw": jobs["1"].data["_raw"]} if "_raw" in jobs["1"].data else {})  # fmt: skip
    assert jobs["2"].data["steps"] == []
    assert {key: record.data for key, record in (await all_records(source, "client")).items()} == {"7": {"clientno": "7", "name": "Dana"}}


async def test_a_table_of_its_own_goes_before_reports(tmp_path: Path) -> None:
    """Where a snapshot has the file by name, the report is not looked at."""
    own = "jobno,client,state,steps,cost\n5,8,new,,3\n"
    report = "Job,Client Id,Client,Condition\n1,7,Dana,open\n"
    write_folder(tmp_path / "20260807T150010Z", {"jobs.csv": own, "_1_Export.csv": report})
    source = _reports(tmp_path)
    assert set(await all_records(source, "job")) == {"5"}
