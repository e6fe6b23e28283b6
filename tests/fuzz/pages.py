"""Targets: reports made of whatever people typed anywhere."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

from hypothesis import strategies as st

from streamflow.reports.about import About
from streamflow.reports.page import index_page, report_page
from streamflow.reports.tables import FORMULA, Table, columns_of
from tests.fuzz.target import HARD, Target, json, objects

_TAGS = frozenset(
    "html head meta title style body header main section p h1 h2 b a span small time div table thead tbody tr th td dl dt dd ul li".split()
)
_ATTRIBUTES = frozenset(("lang", "charset", "http-equiv", "content", "name", "class", "href", "datetime", "scope", "role", "tabindex"))
_ATTACKS = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</style><script>1</script>", "javascript:alert(1)", "{{ 7*7 }}",
    "{% raw %}", "' onmouseover='1", "<!--", "]]>", "&lt;b&gt;", "</td><td>", "<a href=//evil.test>x</a>", "\u202e", "<svg/onload=1>",
    "=HYPERLINK(1)",
)  # fmt: skip
_WORDS = st.one_of(st.sampled_from(_ATTACKS), st.sampled_from(HARD), st.text(max_size=20))
_AT = "2026-03-01T12:00:00Z"
_KEYS = ("rows", "verdict", "read", "sums", "tone", "text", "key", "destination_team", "a")
_ROW = st.dictionaries(st.one_of(st.sampled_from(_KEYS), _WORDS), st.one_of(_WORDS, json), max_size=5)


class _Page(HTMLParser):
    """Sees to it that a page holds what our templates hold, and no more."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS, tag
        for name, value in attrs:
            assert name in _ATTRIBUTES, name
            assert name != "href" or not (value or "").lower().lstrip().startswith(("javascript:", "data:", "//", "http")), value
            assert name != "http-equiv" or value == "Content-Security-Policy"

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment was smuggled in")


def _page(drawn: tuple[dict[str, Any], str, list[dict[str, Any]]]) -> None:
    data, words, rows = drawn
    _Page().feed(report_page("x", About(title=words), {**data, "rows": rows}, migration=words, generated_at=_AT, tables={}))
    listed = {"name": "x", "title": words, "intro": words, "at": _AT, "html": "x.html", "json": "x.json", "csv": None}
    _Page().feed(index_page([listed], migration=words, generated_at=_AT))


def _sheet(rows: list[dict[str, Any]]) -> None:
    """No cell of a table begins a formula, in a head neither, and each row comes back as one row."""
    target = io.StringIO(newline="")
    columns = columns_of(rows)
    if not columns:
        return
    Table(target, columns).add(rows)
    read = list(csv.reader(io.StringIO(target.getvalue(), newline="")))
    assert len(read) == len(rows) + 1
    for place, line in enumerate(read):
        for column, text in zip(columns, line, strict=True):
            value = rows[place - 1].get(column) if place else column
            assert not text.startswith(FORMULA) or isinstance(value, int | float), text


TARGETS = (
    Target(name="pages of reports", feed=st.tuples(objects(_KEYS, st.one_of(_WORDS, json, st.lists(_ROW, max_size=2))), _WORDS,
                                                   st.lists(_ROW, max_size=3)), check=_page),
    Target(name="sheets of reports", feed=st.lists(_ROW.filter(bool), max_size=3), check=_sheet),
)  # fmt: skip
