"""Targets: files that people bring: exports as text and workbooks, their manifest, the file of users, decisions of the queue."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st
from openpyxl import Workbook

from streamflow.cli.queue import COLUMNS, from_csv, to_csv
from streamflow.errors import ConfigError, ProtocolMismatch, UsageError
from streamflow.migration.owners_file import read_file
from streamflow.platforms.files.manifest import is_inside, parse
from streamflow.platforms.files.table import TableSettings, count_rows, open_table
from streamflow.reports.tables import cell
from tests.fuzz.target import HARD, Target, json, mutated, objects

_TEXTS = (
    b"leadid,name\r\n1,Thandi\r\n2,\"a\r\nb\"\r\n", b"sep=;\r\nleadid;name\r\n1;a\r\n", b"leadid\tname\n1\t'=1+1\nTotal\t1\n",
    "leadid,name\n1,Zo\u00eb\n".encode("utf-16"), "leadid,name\n1,Zo\u00eb\n".encode("cp1252"), b'sep="\nleadid"name\n',
    b"\xef\xbb\xbfleadid\n1\n", b"leadid,leadid,leadid\n1,2,3\n",
)  # fmt: skip
_OWNERS = (b"id,name,email\n1,Pieter,p@x.test\n", b"crm_user_id;crm_name;crm_email\n1;P;p@x.test\n")
_MANIFEST = {"exported_at": "2026-05-11T09:00:00Z", "complete": True, "files": [{"file": "leads.csv", "rows": 1, "sha256": "a" * 64}]}


@cache
def _folder() -> Path:
    made = tempfile.TemporaryDirectory(prefix="sf-fuzz")
    _KEPT.append(made)
    return Path(made.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


@cache
def _workbook() -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in (["leadid", "name", "at"], [48213, "Thandi", datetime(2026, 5, 11, 9, 14, 2)], [None, "=1+1", True], ["Total", 2, None]):
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _known(header: str) -> bool:
    return header in ("leadid", "name")


def _table(name: str, content: bytes) -> None:
    """A file is rows of its header's columns, counted alike twice, or one error that names the file."""
    path = _folder() / name
    path.write_bytes(content)
    settings = TableSettings()
    try:
        with open_table(path, settings, _known) as table:
            rows = list(table.rows)
        assert len(set(table.header)) == len(table.header)
        assert name.endswith(".xlsx") or count_rows(path, settings, _known, expected=0) == len(rows)
    except ProtocolMismatch as error:
        assert name in str(error), error


def _manifest(drawn: Any) -> None:
    content = drawn if isinstance(drawn, bytes) else orjson.dumps(drawn)
    try:
        found = parse(content, where="s")
    except ProtocolMismatch:
        return
    assert found.exported_at.tzinfo is UTC
    assert all(is_inside(entry.name) and (Path("/inbox") / entry.name).resolve().is_relative_to("/inbox") for entry in found.files)


def _owners(content: bytes) -> None:
    path = _folder() / "reps.csv"
    path.write_bytes(content)
    try:
        found = read_file(path)
    except ConfigError:
        return
    assert all(found.by_id.values())


def _decisions(text: str) -> None:
    try:
        found = from_csv(text)
    except UsageError:
        return
    assert all(id and decision for id, decision in found)


def _export(items: list[dict[str, Any]]) -> None:
    """No cell of an export begins a formula, and ids come back as they were with the decisions somebody wrote beside them."""
    items = [{**item, "id": f"bad_phone:lead:{item.get('id')}", "decisions": []} for item in items]
    header, *rows = csv.reader(io.StringIO(to_csv(items), newline=""))
    assert not any(_is_formula(shown) for row in rows for shown in row)
    assert not any(_is_formula(cell(value)) for item in items for value in item.values())
    filled = io.StringIO(newline="")
    csv.writer(filled).writerows([header, *([*row[:-1], "waive"] for row in rows)])
    assert from_csv(to_csv(items)) == []
    assert from_csv(filled.getvalue()) == [(item["id"].strip(), "waive") for item in items]


def _is_formula(shown: Any) -> bool:
    return isinstance(shown, str) and shown[:1] in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20\0")


_PARTS = ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml")


def _xlsx() -> st.SearchStrategy[bytes]:
    edits = st.lists(st.tuples(st.sampled_from(_PARTS), st.binary(max_size=80), st.integers(0, 4_000)), max_size=2)
    return st.deferred(lambda: st.one_of(mutated((_workbook(),)), edits.map(_repacked)))


def _repacked(edits: list[tuple[str, bytes, int]]) -> bytes:
    """Give the workbook with the XML of some parts changed, whole as an archive: what a careless writer makes."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_workbook())) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            for part, put, at in edits:
                if part == name:
                    place = at % (len(data) + 1)
                    data = data[:place] + put + data[place + len(put) :]
            new.writestr(name, data)
    return target.getvalue()


TARGETS = (
    Target(name="tables as text", check=lambda content: _table("leads.csv", content), feed=mutated(_TEXTS)),
    Target(name="workbooks", check=lambda content: _table("leads.xlsx", content), feed=_xlsx()),
    Target(name="manifests", check=_manifest, feed=st.one_of(
        mutated((orjson.dumps(_MANIFEST),)), objects(tuple(_MANIFEST), json),
        st.builds(
            lambda at, name, rows: {"exported_at": at, "complete": True, "files": [{"file": name, "rows": rows, "sha256": "a" * 64}]},
            st.one_of(st.sampled_from(HARD), st.datetimes(timezones=st.timezones()).map(str)),
            st.one_of(st.text(alphabet="a./\\:C\0", max_size=8), st.sampled_from(HARD)), json,
        ),
    )),
    Target(name="files of users", check=_owners, feed=mutated(_OWNERS)),
    Target(name="decisions of the queue", check=_decisions, feed=st.one_of(
        st.text(max_size=60), st.text(alphabet='id,decsion;\t\r\n"\'=\0', max_size=60).map("id,decision\r\n".__add__),
    )),
    Target(name="exports of the queue", check=_export, feed=st.lists(
        objects(COLUMNS, st.one_of(st.sampled_from(HARD), st.text(max_size=20))), max_size=3,
    )),
)  # fmt: skip
