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
