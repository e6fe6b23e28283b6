"""Rows of exported files: encodings, delimiters, quotes, headers, totals and workbooks."""

from __future__ import annotations

import csv
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.files.encoding import detect_delimiter, detect_encoding
from streamflow.platforms.files.table import TableSettings, count_rows, open_table

AUTO = TableSettings()
_ENTITIES = (
    "<!DOCTYPE a [" + '<!ENTITY e0 "lollollollol">'
    + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    + "]><worksheet><sheetData><row><c><v>&e9;</v></c></row></sheetData></worksheet>"
)  # fmt: skip
"""A few hundred bytes that stand for some ten billion letters."""


def known(header: str) -> bool:
    """Know two columns."""
    return header in ("leadid", "name")


def read(path: Path, chosen: TableSettings = AUTO) -> tuple[tuple[str, ...], list[dict[str, Any]], dict[str, int]]:
    """Give header, rows and findings of a file."""
    with open_table(path, chosen, known) as table:
        rows = list(table.rows)
        return table.header, rows, dict(table.findings)


def text_file(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    """Write a CSV file."""
    path = folder / "leads.csv"
    path.write_bytes(content.encode(encoding))
    return path


def workbook(folder: Path, rows: list[list[Any]], *further: str) -> Path:
    """Write a workbook of one sheet, and empty further ones."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for name in further:
        book.create_sheet(name)
    path = folder / "leads.xlsx"
    book.save(path)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found_out(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """Each usual way to write a file gives the same rows."""
    path = text_file(tmp_path, f'leadid{delimiter}name\r\n1{delimiter}"Zoë{delimiter} “Müller”"\r\n2{delimiter}José\r\n', encoding)
    header, rows, _ = read(path)
    assert header == ("leadid", "name")
    assert rows == [{"leadid": "1", "name": f"Zoë{delimiter} “Müller”"}, {"leadid": "2", "name": "José"}]


def test_letters_far_into_a_file_decide_its_encoding(tmp_path: Path) -> None:
    """A long ASCII beginning proves nothing."""
    content = "leadid,name\n" + "1,plain\n" * 200_000
    assert detect_encoding(text_file(tmp_path, content + "2,Zoë\n", "cp1252")) == "cp1252"
    assert detect_encoding(text_file(tmp_path, content + "2,Zoë\n")) == "utf-8"


def test_known_columns_decide_the_delimiter() -> None:
    """A header with many commas in one name is still parted by semicolons when that gives known names."""
    assert detect_delimiter(["leadid;name;a,b,c,d,e"], known) == ";"
    assert detect_delimiter(["x,y"], known) == ","


def test_a_sep_line_is_obeyed(tmp_path: Path) -> None:
    """Excel's own hint in the first line is no header."""
    assert read(text_file(tmp_path, "sep=;\r\nleadid;name\r\n1;a,b\r\n"))[1] == [{"leadid": "1", "name": "a,b"}]
    assert read(text_file(tmp_path, 'sep="\r\nleadid,name\r\n'))[0] == ('sep="',), "a quote parts nothing"


def test_line_ends_and_delimiters_inside_quotes_belong_to_the_value(tmp_path: Path) -> None:
    """Messages over several lines are one value, in a header too."""
    path = text_file(tmp_path, 'leadid,name,"Long\nlabel"\n1,"Quote, please\r\ncall ""me""",x\n')
    assert read(path)[1] == [{"leadid": "1", "name": 'Quote, please\r\ncall "me"', "Long\nlabel": "x"}]


def test_long_values_are_read(tmp_path: Path) -> None:
    """A note is longer than the csv library allows by itself."""
    assert len(read(text_file(tmp_path, f"leadid,name\n1,{'x' * 300_000}\n"))[1][0]["name"]) == 300_000


def test_guards_of_formulas_are_taken_off(tmp_path: Path) -> None:
    """An apostrophe that only protects a sign goes; any other stays."""
    path = text_file(tmp_path, "leadid,name\n1,'+27825550142\n2,'t Hooft\n3,'=1+1\n4,'-\n")
    assert [row["name"] for row in read(path)[1]] == ["+27825550142", "'t Hooft", "=1+1", "-"]


def test_repeated_headers_keep_what_differs(tmp_path: Path) -> None:
    """A column written twice is one; where the second says something else, that is kept under its own name."""
    header, rows, findings = read(text_file(tmp_path, "leadid,name,name\n1,a,a\n2,a,b\n3,a,\n"))
    assert header == ("leadid", "name", "name (2)")
    assert rows == [{"leadid": "1", "name": "a"}, {"leadid": "2", "name": "a", "name (2)": "b"}, {"leadid": "3", "name": "a"}]
    assert findings == {"column 'name' comes more than once": 1}


def test_only_a_last_row_of_totals_is_left_out(tmp_path: Path) -> None:
    """Totals are said; a person called Total somewhere else, or with more than a count beside it, is a row."""
    columns = "leadid,name,email,number,company,city\n"
    _, rows, findings = read(text_file(tmp_path, columns + "Total,5,,,,\n1,a,,,,\nTotal,2,,,,\n"))
    assert [row["leadid"] for row in rows] == ["Total", "1"]
    assert findings == {"row of totals left out": 1}
    assert len(read(text_file(tmp_path, columns + "1,a,,,,\nTotal,Jan,j@example.com,082,Acme,Paarl\n"))[1]) == 2


def test_uneven_rows_are_kept_and_counted(tmp_path: Path) -> None:
    """Missing cells are absent, not empty; cells beyond the header get a name; blank lines are nothing."""
    _, rows, findings = read(text_file(tmp_path, "leadid,name\n1\n\n , \n2,b,extra\n"))
    assert rows == [{"leadid": "1"}, {"leadid": "2", "name": "b", "column 3": "extra"}]
    assert findings == {"rows with fewer cells than columns": 1}


def test_rows_are_counted_without_header_blanks_and_totals(tmp_path: Path) -> None:
    """The count is the one a manifest vows, for text and workbook."""
    path = text_file(tmp_path, 'leadid,name\n1,"a\nb"\n\n2,c\nTotal,2\n')
    assert count_rows(path, AUTO, known, expected=2) == 2
    book = workbook(tmp_path, [["leadid", "name"], [1, "a"], [2, "b"], ["Total", 2]])
    assert count_rows(book, AUTO, known, expected=2) == 2
    assert count_rows(book, AUTO, known, expected=9) == 2


def test_workbooks_give_cells_as_they_are(tmp_path: Path) -> None:
    """Numbers and dates stay what they are for whoever knows the column; escaped signs become signs again."""
    moment = datetime(2026, 5, 11, 9, 14, 2)
    path = workbook(tmp_path, [["leadid", "name", "at"], [48213, "a_x000D_\nb", moment], [None, None, None], [825550142.0, "'+27", None]])
    assert read(path)[1] == [{"leadid": 48213, "name": "a\r\nb", "at": moment}, {"leadid": 825550142, "name": "+27", "at": None}]


def test_a_sheet_can_be_named(tmp_path: Path) -> None:
    """Another sheet than the first is read when told; one that is not there is said with those that are."""
    path = workbook(tmp_path, [["leadid"], [1]], "Other")
    with pytest.raises(ProtocolMismatch) as caught:
        read(path, TableSettings(sheet="Leads"))
    assert "Other" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("leads.xlsx", b"PK\x03\x04 cut", "cannot be opened as a workbook"),
        ("leads.csv", b"", "no header row"),
        ("leads.csv", b"\n\n", "no header row"),
    ],
)
def test_files_that_are_none_are_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """The message names the file and what to do."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProtocolMismatch, match=said) as caught:
        read(tmp_path / name)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("part", "xml"),
    [
        ("xl/worksheets/sheet1.xml", "<worksheet"), ("xl/worksheets/sheet1.xml", "\ufffe"), ("xl/styles.xml", "<styleSheet><fonts>"),
        ("xl/workbook.xml", '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/></workbook>'),
        ("xl/worksheets/sheet1.xml", _ENTITIES),
    ],
    ids=["cut sheet", "no letters", "cut styles", "no sheets", "entities that grow"],
)  # fmt: skip
def test_a_workbook_that_is_none_inside_is_named(tmp_path: Path, part: str, xml: str) -> None:
    """XML that is cut, foreign or made to fill the memory is one error that names the file, whichever part of the archive it is in."""
    whole = workbook(tmp_path, [["leadid", "name"], [1, "a"]])
    broken = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            new.writestr(name, xml if name == part else old.read(name))
    with pytest.raises(ProtocolMismatch, match=r"broken\.xlsx"):
        read(broken)


def test_a_wrong_encoding_by_order_is_said(tmp_path: Path) -> None:
    """What cannot be decoded as told is an error, never replaced letters."""
    path = text_file(tmp_path, "leadid,name\n1,Zoë\n", "cp1252")
    with pytest.raises(ProtocolMismatch) as caught:
        read(path, TableSettings(encoding="utf-8"))
    assert "files.encoding" in caught.value.hint


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.integers(1, 99_999).map(str), _CELL.filter(lambda cell: not cell.startswith("'"))), max_size=6),
    delimiter=st.sampled_from([",", ";", "\t"]), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)  # fmt: skip
def test_csv_round_trip(tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, encoding: str) -> None:
    """Whatever a writer puts into cells comes out again, in every dialect."""
    path = tmp_path / "trip.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("leadid", "name"), *rows])
    assert [(row["leadid"], row["name"]) for row in read(path)[1]] == rows
