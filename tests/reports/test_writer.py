"""The writer: JSON is the truth, HTML is safe and whole, CSV is guarded, files are private and replaced as a whole."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import stat
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest

from streamflow.errors import InvariantBroken, StoreError
from streamflow.reports.layout import MAX_ROWS
from streamflow.reports.tables import cell
from streamflow.reports.writer import ReportWriter

from .account import FORMULA, SCRIPT, StillClock

ROWS = [
    {"kind": "lead", "read": 1200, "failed": 1, "sums": True, "verdict": "differs", "name": FORMULA},
    {"kind": "note", "read": -3, "failed": 0, "sums": False, "verdict": "equal", "name": SCRIPT, "extra": {"a": 1}},
]


class Tags(HTMLParser):
    """Collects start tags with their attributes, and text by the tag it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def read(writer: ReportWriter, file: str) -> str:
    return (writer.folder / file).read_text(encoding="utf-8")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_json_is_the_truth(writer: ReportWriter) -> None:
    """The JSON holds name, migration, time and the data as they were given."""
    writer("phase-lead", {"rows": ROWS})
    assert orjson.loads(read(writer, "phase-lead.json")) == {
        "report": "phase-lead",
        "migration": "karoo & co",
        "generated_at": "2026-03-01T12:00:00Z",
        "data": {"rows": ROWS},
    }


def test_page_is_self_contained_and_cannot_run_anything(writer: ReportWriter) -> None:
    """The page loads nothing, its policy allows its own style sheet alone, and texts of people stay texts."""
    writer("phase-lead", {"rows": ROWS, SCRIPT: SCRIPT})
    text = read(writer, "phase-lead.html")
    page = Tags(text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    [policy] = [meta["content"] for meta in page.of("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "unsafe" not in policy
    assert not page.of("script")
    assert not page.of("img")
    assert not page.of("link")
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") or name in ("style", "src") for name in attrs)]
    assert SCRIPT not in text
    assert "&lt;script&gt;" in text


def test_verdicts_are_told_in_words_and_signs(writer: ReportWriter) -> None:
    """What is good or bad is said by text and sign as well as by colour."""
    writer("sample", {"verdict": {"tone": "bad", "text": "Does not hold."}, "rows": ROWS})
    text = read(writer, "sample.html")
    assert re.search(r'class="verdict bad"[^>]*><span class="sign">✗</span> Does not hold\.', text)
    assert re.search(r'class="bad"><span class="sign">✗</span> differs<', text)
    assert re.search(r'class="good"><span class="sign">✓</span> equal<', text)
    assert re.search(r'class="n bad"><span class="sign">✗</span> 1<', text)


@pytest.mark.parametrize("text", ["=1+1", "+27825550142", "-5", "@cmd", "\tx", "\rx", "\0=1", "\uff1d1"])
def test_formulas_are_defused(text: str) -> None:
    """Text that a spreadsheet would run gets an apostrophe; a number is not text."""
    assert cell(text) == f"'{text}"
    assert cell(-5) == -5
    assert cell("a=b") == "a=b"


def test_csv_has_every_row_and_column(writer: ReportWriter) -> None:
    """Rows become CSV with all columns that any row has, formulas guarded, objects as JSON."""
    writer("phase-lead", {"rows": ROWS})
    one, two = rows_of(writer.folder / "phase-lead.csv")
    assert one["name"] == f"'{FORMULA}"
    assert (two["extra"], two["read"], two["sums"], one["extra"]) == ('{"a":1}', "-3", "no", "")


def test_further_tables_have_files_of_their_own(writer: ReportWriter) -> None:
    """Each list of rows, however deep, has a CSV, and the page links to it; an emptied one leaves no stale file."""
    writer("scope", {"fields_to_create": [{"label": "X"}], "map": {"digest": "d", "rows": [{"source": "email"}]}})
    assert rows_of(writer.folder / "scope.csv") == [{"source": "email"}]
    assert rows_of(writer.folder / "tables" / "scope.fields_to_create.csv") == [{"label": "X"}]
    assert {"href": "tables/scope.fields_to_create.csv"} in Tags(read(writer, "scope.html")).of("a")
    writer("scope", {"fields_to_create": [], "map": {"digest": "d", "rows": [{"source": "email"}]}})
    assert not (writer.folder / "tables" / "scope.fields_to_create.csv").exists()


def test_long_tables_are_cut_on_the_page_only(writer: ReportWriter) -> None:
    """The page shows the first rows and says how many there are; CSV and JSON hold all."""
    writer("quality", {"items": [{"n": number} for number in range(MAX_ROWS + 7)]})
    assert f"The first {MAX_ROWS} of {MAX_ROWS + 7} rows." in read(writer, "quality.html")
    assert read(writer, "quality.html").count("<tr>") == MAX_ROWS + 1
    assert len(rows_of(writer.folder / "quality.csv")) == MAX_ROWS + 7


def test_files_are_private(writer: ReportWriter) -> None:
    """Folders are 0700 and files 0600, also when they were open before."""
    writer.folder.mkdir(mode=0o755)
    writer("scope", {"fields_to_create": [{"label": "X"}], "map": {"rows": [{"a": 1}]}})
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (writer.folder, *writer.folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert not list(writer.folder.rglob("*.part"))


def test_a_report_that_fails_leaves_the_former_one(writer: ReportWriter) -> None:
    """Rows that end in an error replace nothing and leave nothing behind."""

    def fail() -> Any:
        with writer.rows("crosswalk", ("a",)) as table:
            table.add([{"a": 2}])
            raise ValueError("cut off")

    with writer.rows("crosswalk", ("a",)) as table:
        table.add([{"a": 1}])
    with pytest.raises(ValueError, match="cut off"):
        fail()
    assert rows_of(writer.folder / "crosswalk.csv") == [{"a": "1"}]
    assert [path.name for path in writer.folder.iterdir()] == ["crosswalk.csv"]


def test_a_disk_that_refuses_is_a_store_error(tmp_path: Path, clock: StillClock) -> None:
    """A folder that cannot be made is told with a hint and without a path's content."""
    (tmp_path / "reports").write_text("a file is in the way")
    with pytest.raises(StoreError) as caught:
        ReportWriter(tmp_path / "reports", "m", clock)("scope", {})
    assert caught.value.hint


@pytest.mark.parametrize("name", ["../etc", "index", "Up", "", "a b", "a/b"])
def test_only_plain_names_are_reports(writer: ReportWriter, name: str) -> None:
    """A name can neither leave the folder nor replace the index."""
    with pytest.raises(InvariantBroken):
        writer(name, {})


def test_listing_names_what_is_there(writer: ReportWriter, clock: StillClock) -> None:
    """The listing gives name, title, files and time of each report, the newest writing counting; the index links them."""
    writer("rollback", {"deleted": 3})
    clock.at += timedelta(hours=1)
    writer("phase-lead", {"rows": ROWS})
    one, two = writer.listing()
    assert (one["name"], one["title"], one["at"]) == ("phase-lead", "Phase report: lead", "2026-03-01T13:00:00Z")
    assert one["csv"] == str(writer.folder / "phase-lead.csv")
    assert (two["name"], two["csv"], two["at"]) == ("rollback", None, "2026-03-01T12:00:00Z")
    assert [attrs["href"] for attrs in Tags(read(writer, "index.html")).of("a")] == [
        "phase-lead.html",
        "phase-lead.json",
        "phase-lead.csv",
        "rollback.html",
        "rollback.json",
    ]


def test_nothing_written_is_an_empty_listing(writer: ReportWriter) -> None:
    """Before the first report there is nothing to list and nothing fails."""
    assert writer.listing() == []


@pytest.mark.parametrize(
    "data", [{}, {"rows": []}, {"deleted": 0, "spared": []}, {"a": {}, "b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}, {"x": [[1, 2], None]}]
)
def test_any_data_can_be_shown(writer: ReportWriter, data: dict[str, Any]) -> None:
    """Empty, deep and odd data make a page all the same, and the JSON says what was given."""
    writer("something-new", data)
    assert orjson.loads(read(writer, "something-new.json"))["data"] == data
    assert "Something new" in read(writer, "something-new.html")


def test_amounts_stand_to_the_right_and_keys_do_not(writer: ReportWriter) -> None:
    """An amount is text so that no cent is lost, and is set like a figure all the same; a key of digits is none."""
    writer("deal-values", {"rows": [{"key": "700000", "source_value": "9500.00"}, {"key": "700001", "source_value": ""}]})
    text = read(writer, "deal-values.html")
    assert '<td class="n ">9500.00</td>' in text
    assert '<th scope="col" class="n">Source value</th>' in text
    assert '<td class="">700000</td>' in text
